"""``clockwork apply``: do what a plan says, so that what runs is what the branch says, and verify it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli.options import JsonOption, OutputOption, SummaryOption, TaskOption, grouped, located
from bot.entrypoints.cli.plan import SAME_VARIABLES, chosen_tasks, kept_plans, rerun
from bot.entrypoints.cli.printing import append, print_json
from bot.report.console import open_console

if TYPE_CHECKING:
    from rich.console import Console

    from bot.flows.action_plan import TargetPlan
    from bot.model.action import AppliedPlan
    from bot.model.codehost import CheckState
    from bot.plans.document import KeptPlan
    from bot.wiring.applying import Application
    from bot.wiring.repository import Options

PlanOption = Annotated[
    Path | None,
    typer.Argument(
        metavar="[PLAN]", help="A plan that `clockwork plan --out` kept: whoever hands it over agreed to it."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    @grouped(options=located("repo settings var target"))
    def apply(
        *,
        plan: PlanOption = None,
        options: Options,
        task: TaskOption = None,
        auto_approve: Annotated[
            bool,
            typer.Option("--auto-approve", help="Ask nobody: do what needs no approval or has it, leave the rest."),
        ] = False,
        force_conflicts: Annotated[
            bool, typer.Option("--force-conflicts", help="Take fields over that others own (Kubernetes).")
        ] = False,
        verify: Annotated[bool, typer.Option(help="Look again afterwards, and write how that ended.")] = True,
        summary: SummaryOption = None,
        output: OutputOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Do what a plan says, so that what runs is what the branch says. Exit 4 when something waits for approval."""
        from bot.errors import Invalid

        asks = plan is None and not auto_approve
        if asks and (as_json or not sys.stdin.isatty()):
            raise Invalid(
                "nobody is here to be asked",
                advice="Hand over a plan (`clockwork plan --out FILE`), or --auto-approve.",
            )
        kept_plans_read = None if plan is None else kept_plans(plan)
        console = open_console(stderr=as_json)
        tasks = chosen_tasks(kept_plans_read or (), task)
        application = _opened(options, tasks, force_conflicts=force_conflicts, quiet=as_json)
        target_plans = _selected(application, kept_plans_read)
        if any(target_plan.actions.actions for target_plan in target_plans):
            _checked(application, console, tells_on_commit=auto_approve and verify)
        agreed = _agreed(target_plans, console) if asks else kept_plans_read is not None
        ended = _carried_out(application, target_plans, console, approved=agreed, unattended=auto_approve)
        _show_who_asks(ended, rerun(options, task), console, variables=bool(options.variables))
        if as_json:
            _print(ended)
        code = _concluded(application, ended, console, verify=verify, output=output, summary=summary)
        if code:
            raise typer.Exit(code)


def _opened(options: Options, tasks: tuple[str, ...], *, force_conflicts: bool, quiet: bool) -> Application:
    """One look at what has to be applied. Exits with 2 where what is declared cannot be read."""
    from bot.entrypoints.cli.progress import progress
    from bot.report.terminal import show_errors
    from bot.wiring.applying import open_application

    with progress(quiet=quiet) as tell:
        application = open_application(replace(options, tell=tell), force_conflicts=force_conflicts, tasks=tasks)
    if application.assessment.report.errors:
        show_errors(application.assessment.report, open_console(stderr=True))
        raise typer.Exit(2)
    return application


def _selected(application: Application, plans_before: Sequence[KeptPlan] | None) -> Sequence[TargetPlan]:
    """The plans of the targets that those which were kept are about, after those were compared; else every one."""
    from bot.plans.document import check_plans

    check_plans(plans_before or (), [plan.actions for plan in application.plans])
    if plans_before is None:
        return application.plans
    names = {plan.target for plan in plans_before}
    return [plan for plan in application.plans if plan.actions.target in names]


def _print(ended: Sequence[tuple[TargetPlan, AppliedPlan]]) -> None:
    from bot.plans.document import applied_json

    print_json({"version": 1, "targets": [applied_json(plan.actions, applied_plan) for plan, applied_plan in ended]})


def _concluded(
    application: Application,
    ended: Sequence[tuple[TargetPlan, AppliedPlan]],
    console: Console,
    *,
    verify: bool,
    output: Path | None,
    summary: Path | None,
) -> int:
    """The exit code, after the last look and after what was done is in the files that were named."""
    from bot.model.codehost import CheckState
    from bot.report.actions import applied_markdown
    from bot.report.outputs import applied_outputs
    from bot.wiring.actions import job_summary, outputs
    from bot.wiring.applying import sentences_of

    name = application.opened.name
    sentences = [line for plan, applied_plan in ended for line in sentences_of(plan, applied_plan, name)]
    plans = [applied_plan for _, applied_plan in ended]
    is_complete = all(applied_plan.is_complete for applied_plan in plans)
    state = _verify(application, sentences, console, is_complete=is_complete) if verify else None
    if output is not None:
        in_sync = None if state is None else state is CheckState.SUCCESS
        append(output, outputs(applied_outputs(plans, in_sync=in_sync)))
    if summary is not None:
        append(summary, job_summary(applied_markdown(sentences)))
    code = _exit_code(plans, differs=state is CheckState.FAILURE)
    return 3 if code == 0 and application.assessment.report.unreachable else code


def _agreed(target_plans: Sequence[TargetPlan], console: Console) -> bool:
    """Whether the person at this terminal agrees to the plans."""
    from bot.report.actions import show_plan

    for plan in target_plans:
        show_plan(plan.actions, console)
    if not any(plan.actions.actions for plan in target_plans):
        return False
    answer = typer.prompt("Do these actions? Only 'yes' is taken for a yes", default="no", show_default=False)
    if answer != "yes":
        console.print("Nothing was done.")
        raise typer.Exit(4)
    return True


def _checked(application: Application, console: Console, *, tells_on_commit: bool) -> None:
    """Nothing forbids to apply. Where nobody is at the terminal (``tells_on_commit``), a refusal is told on the commit, too."""
    from bot.errors import Refused
    from bot.wiring.applying import refusal

    try:
        application.check()
    except Refused as exc:
        if tells_on_commit:
            _verify(application, refusal(str(exc)), console, is_complete=False)
        raise


def _carried_out(
    application: Application, target_plans: Sequence[TargetPlan], console: Console, *, approved: bool, unattended: bool
) -> list[tuple[TargetPlan, AppliedPlan]]:
    """Every target by itself, whatever became of those before it."""
    from rich.markup import escape

    from bot.report.actions import applied_summary, show_applied, show_waiting
    from bot.report.console import printable
    from bot.wiring.applying import refusal

    ended: list[tuple[TargetPlan, AppliedPlan]] = []
    for plan in target_plans:
        if plan.actions.target and plan.actions.actions:
            console.print(f"[bold]{plan.actions.target}[/]", highlight=False)
        applied_plan = application.attempt(
            plan, approved=approved, unattended=unattended, tell=lambda action: show_applied(action, console)
        )
        show_waiting(applied_plan, console)
        if applied_plan.refused:
            for line in refusal(applied_plan.refused):
                console.print(f"  [red]refused[/] {escape(printable(line))}", highlight=False, soft_wrap=True)
        elif plan.actions.actions:
            console.print(applied_summary(applied_plan), highlight=False)
        ended.append((plan, applied_plan))
    if not any(plan.actions.actions for plan in target_plans):
        console.print("Nothing to do.")
    return ended


def _show_who_asks(
    ended: Sequence[tuple[TargetPlan, AppliedPlan]], arguments: Sequence[str], console: Console, *, variables: bool
) -> None:
    """Where something waits for a yes: the command that asks for it."""
    if any(applied_plan.waiting and not applied_plan.held_back for _, applied_plan in ended):
        command = shlex.join(["clockwork", "apply", *arguments])
        line = f"At a terminal, this{SAME_VARIABLES if variables else ''} asks for a yes:\n  {command}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _verify(application: Application, sentences: Sequence[str], console: Console, *, is_complete: bool) -> CheckState:
    """What the last look came to, after that was written on the commit."""
    verification = application.verify(sentences, is_complete=is_complete)
    console.print("\n".join([f"{verification.last_look.title}.", *verification.written]), highlight=False, markup=False)
    return verification.last_look.state


def _exit_code(ended: Sequence[AppliedPlan], *, differs: bool) -> int:
    """3 something failed, 4 something waits or was refused, 1 something still differs, 0 none of it."""
    if any(plan.failed for plan in ended):
        return 3
    if any(plan.waiting or plan.refused for plan in ended):
        return 4
    return int(differs)
