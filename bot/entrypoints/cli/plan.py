"""``clockwork plan``: what would have to be done so that what runs is what Git declares. Reads only."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bot.entrypoints.cli.options import (
    JsonOption,
    OutputOption,
    SchemaOption,
    SummaryOption,
    TaskOption,
    grouped,
    located,
)
from bot.entrypoints.cli.printing import append, print_json, write
from bot.report.console import open_console

if TYPE_CHECKING:
    from bot.model.action import ActionList
    from bot.model.drift import Report
    from bot.plans.document import KeptPlan
    from bot.wiring.repository import Options

SAME_VARIABLES: Final = ", with the same --var,"
"""What is said of a command whose variables are not repeated."""


def kept_plans(file: Path) -> Sequence[KeptPlan]:
    """The plans that were kept in a file. ``Invalid`` where it cannot be read or holds none."""
    from bot.errors import Invalid
    from bot.plans.document import read_plans

    try:
        data = file.read_bytes()
    except OSError as exc:
        raise Invalid(f"{file}: {exc.strerror}", advice="Make one with `clockwork plan --out FILE`.") from exc
    return read_plans(data, file=str(file))


def chosen_tasks(plans_before: Sequence[KeptPlan], named_tasks: Sequence[str] | None) -> tuple[str, ...]:
    """The tasks that are chosen: those of the plans that were kept, which say that themselves, or else those that are named."""
    from bot.errors import Invalid

    if plans_before and named_tasks:
        raise Invalid("a plan that was kept says itself which tasks it is about", advice="Leave out --task.")
    return (
        tuple(sorted({task for plan in plans_before for task in plan.tasks}))
        if plans_before
        else tuple(named_tasks or ())
    )


@grouped(options=located("repo live live_command settings var target"))
def plan(
    *,
    options: Options,
    task: TaskOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Keep the plan of the branch in a file."),
    ] = None,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="FILE", help="Exit 3 when the plan kept there is out of date.")
    ] = None,
    summary: SummaryOption = None,
    output: OutputOption = None,
    as_json: JsonOption = False,
    schema: SchemaOption = False,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit 1 when there is something to do.")
    ] = False,
) -> None:
    """Show what would have to be done so that what runs is what Git says. Reads only."""
    from bot.plans.document import SCHEMA, check_plans

    if schema:
        print_json(SCHEMA, indent=2)
        return
    plans_before = () if check is None else kept_plans(check)
    tasks = chosen_tasks(plans_before, task)
    pushed = out is not None or check is not None
    report, action_lists = _planned(options, tasks, pushed=pushed, quiet=as_json)
    check_plans(plans_before, action_lists)
    _show(action_lists, as_json=as_json)
    _write(action_lists, out, output=output, summary=summary)
    if (
        out is not None
        and not (as_json or options.live or options.live_command)
        and any(plan.actions for plan in action_lists)
    ):
        argv = ["clockwork", "apply", str(out), *rerun(options)]
        same = SAME_VARIABLES if options.variables else ""
        print(f"Kept in {out}. Whoever runs this{same} agrees to it:\n  {shlex.join(argv)}")
    if report.unreachable:
        raise typer.Exit(3)
    if detailed_exitcode and any(action_list.actions for action_list in action_lists):
        raise typer.Exit(1)


def _planned(
    options: Options, tasks: Sequence[str], *, pushed: bool, quiet: bool
) -> tuple[Report, Sequence[ActionList]]:
    """What one look came to, and the plan of each target. Exits with 2 where what is declared cannot be read."""
    from bot.entrypoints.cli.progress import progress
    from bot.flows.action_plan import plans
    from bot.ports import ObserverStep
    from bot.report.terminal import show_errors
    from bot.wiring.applying import open_planning

    with progress(quiet=quiet) as tell:
        tell(ObserverStep("git", "reading what is declared"))
        assess, ran = open_planning(replace(options, tell=tell), pushed=pushed)
        tell(ObserverStep("git", "read", 1, 1))
        assessment = assess()
    if assessment.report.errors:
        show_errors(assessment.report, open_console(stderr=True))
        raise typer.Exit(2)
    return assessment.report, [plan.actions for plan in plans(assessment, ran, tasks=tasks)]


def _show(action_lists: Sequence[ActionList], *, as_json: bool) -> None:

    from bot.plans.document import to_json
    from bot.report.actions import show_plan

    if as_json:
        print_json(to_json(action_lists))
        return
    console = open_console()
    for plan in action_lists:
        show_plan(plan, console)


def _write(action_lists: Sequence[ActionList], out: Path | None, *, output: Path | None, summary: Path | None) -> None:
    """What goes into the files that were named."""
    from bot.plans.document import to_json
    from bot.report.actions import plan_markdown
    from bot.report.outputs import plan_outputs
    from bot.wiring.actions import job_summary, outputs

    if out is not None:
        write(out, json.dumps(to_json(action_lists), indent=1).encode())
    if output is not None:
        append(output, outputs(plan_outputs(action_lists)))
    if summary is not None:
        append(summary, job_summary(plan_markdown(action_lists)))


def rerun(options: Options, task: Sequence[str] | None = None) -> list[str]:
    """The options with which another verb is about the same, without variables: their values may be secret."""
    arguments = [] if options.repo == "." else ["--repo", options.repo]
    arguments += [] if options.settings is None else ["--settings", str(options.settings)]
    arguments += [] if options.target is None else ["--target", options.target]
    return arguments + [argument for name in task or () for argument in ("--task", name)]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(plan)
