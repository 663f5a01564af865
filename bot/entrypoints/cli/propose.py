"""``clockwork propose``: an AI tool's patch of a task that drifted or is unhealthy, as a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli.guard_run import AgentOption, RunModeOption, Shown, TimeoutOption, closing, exit_for_verdict
from bot.entrypoints.cli.options import JsonOption, grouped, located

if TYPE_CHECKING:
    from bot.wiring.repository import Options

_Task = Annotated[str, typer.Argument(metavar="TASK", help="As `clockwork drift` names it.")]
AnyToolOption = Annotated[
    str | None, typer.Option("--tool", help="The assistant that does it; the first of the settings otherwise.")
]


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    @grouped(options=located("repo live live_command settings branch var target"))
    def propose(
        *,
        task: _Task,
        tool: AnyToolOption = None,
        agent: AgentOption = None,
        mode: RunModeOption = None,
        timeout: TimeoutOption = None,
        options: Options,
        as_json: JsonOption = False,
    ) -> None:
        """Have an AI tool propose the patch of a task that drifted or is unhealthy: always a pull request.

        It is told the differences, their evidence, and the files that set them. Exits with 1 when its patch is blocked.
        """
        from bot.wiring.ai_task import AIWork, propose_patch
        from bot.wiring.guarded_run import open_runs

        runs = open_runs(options, remote=True, timeout=timeout)
        printer = Shown(as_json)
        with closing(runs), printer:
            outcome = propose_patch(task, AIWork(tool, agent, mode, printer.answered), runs)
            printer.action = outcome.action
        exit_for_verdict(outcome.result, outcome.action)


def register_compile(guard: typer.Typer) -> None:
    """Add ``compile`` to the verbs of ``clockwork guard``."""

    @guard.command("compile")
    @grouped(options=located("repo settings branch var"))
    def compile_(
        *,
        task: _Task,
        prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="Which files: alert rules, a network policy.")],
        into: Annotated[str, typer.Option("--into", metavar="FOLDER", help="The folder of the repository they go to.")],
        tool: AnyToolOption = None,
        agent: AgentOption = None,
        mode: RunModeOption = None,
        timeout: TimeoutOption = None,
        options: Options,
        as_json: JsonOption = False,
    ) -> None:
        """Have an AI tool write manifests for TASK that no renderer makes, and propose them as a pull request.

        Each must declare something that is not declared yet, and nothing else may change.
        """
        from bot.wiring.ai_task import AIWork, compile_files
        from bot.wiring.guarded_run import open_runs

        runs = open_runs(options, remote=True, timeout=timeout)
        printer = Shown(as_json)
        with closing(runs), printer:
            outcome = compile_files(task, prompt, into, AIWork(tool, agent, mode, printer.answered), runs)
            printer.action = outcome.action
            printer.declares = (
                [] if outcome.bundle is None else [resource.id.qualified for resource in outcome.bundle.desired]
            )
        exit_for_verdict(outcome.result, outcome.action)
