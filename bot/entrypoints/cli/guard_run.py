"""``clockwork guard run``: a prompt for an AI tool, whose output is judged before anything is done with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli.options import JsonOption, grouped, located
from bot.entrypoints.cli.printing import Lines, print_json
from bot.model.choices import AI_PROGRAMS, Mode
from bot.model.dataclass import dataclass
from bot.model.json import facts

if TYPE_CHECKING:
    from bot.model.guarded import AIRequest, AIResult
    from bot.model.proposal import TakenAction
    from bot.wiring.guarded_run import GuardedRuns
    from bot.wiring.repository import Options

ToolOption = Annotated[str, typer.Option("--tool", help=f"An assistant of the settings, or {', '.join(AI_PROGRAMS)}.")]
AgentOption = Annotated[
    str | None, typer.Option("--agent", help="The document in policies/guardrails/agents that counts for it.")
]
TimeoutOption = Annotated[
    float | None, typer.Option("--timeout", metavar="SECONDS", min=1, help="How long the tool may take.")
]
RunModeOption = Annotated[
    Mode | None, typer.Option("--mode", help="standard reports; strict blocks on critical; else the settings' mode.")
]


def register(guard: typer.Typer) -> None:
    """Add the verb to those of ``clockwork guard``."""

    @guard.command("run")
    @grouped(options=located("repo settings branch"))
    def run(
        *,
        prompt: Annotated[
            str | None, typer.Argument(metavar="PROMPT|-", help="What to do; - reads it from stdin.")
        ] = None,
        tool: ToolOption = "claude",
        agent: AgentOption = None,
        mode: RunModeOption = None,
        file: Annotated[Path | None, typer.Option("--file", metavar="FILE", help="Read the prompt from there.")] = None,
        apply: Annotated[bool, typer.Option("--apply", help="Write an approved change into the folder.")] = False,
        pull_request: Annotated[
            bool, typer.Option("--pull-request", help="Open a pull request with an approved change.")
        ] = False,
        session: Annotated[
            str | None, typer.Option("--session", metavar="ID", help="The id of the run's record.")
        ] = None,
        timeout: TimeoutOption = None,
        options: Options,
        as_json: JsonOption = False,
    ) -> None:
        """Have an AI tool do what PROMPT says in a copy of the repository, and judge its output by every guardrail.

        Nothing is written unless --apply or --pull-request says so. Exits with 1 when the output is blocked.
        """
        from bot.errors import Invalid
        from bot.model.guarded import AIRequest
        from bot.wiring.guarded_run import open_runs
        from bot.wiring.repository import is_files

        if apply and not is_files(options):
            raise Invalid(
                f"--apply writes into a folder, and {options.repo} is none", advice="Clone it, or use --pull-request."
            )
        if apply and pull_request:
            raise Invalid("--apply and --pull-request exclude each other", advice="Name one of them.")
        text = _prompt(prompt, file)
        runs = open_runs(options, remote=pull_request, timeout=timeout)
        request = AIRequest(tool, text, agent, mode or runs.opened.settings.guard.mode, session)
        _finish(runs, request, apply=apply, pull_request=pull_request, as_json=as_json)


def _prompt(argument: str | None, file: Path | None) -> str:
    """The prompt from the one place that was named. ``Invalid`` for none, two, and what is no text."""
    from bot.errors import Invalid

    if (argument is None) == (file is None):
        raise Invalid("name the prompt once", advice='As an argument, "-" for stdin, or --file FILE.')
    try:
        if file is not None:
            return file.read_text("utf-8")
        return sys.stdin.buffer.read().decode("utf-8") if argument == "-" else str(argument)
    except OSError as exc:
        raise Invalid(f"{file}: {exc.strerror}", advice="Name an existing file.") from exc
    except UnicodeDecodeError as exc:
        raise Invalid(f"the prompt is not UTF-8 at byte {exc.start}") from exc


def _finish(runs: GuardedRuns, request: AIRequest, *, apply: bool, pull_request: bool, as_json: bool) -> None:
    """Run it, do with an approved output what was asked for, and show it."""
    printer = Shown(as_json)
    with closing(runs), printer:
        if pull_request:
            runs.check(request)
        result = runs.process(request)
        printer.answered(request, result)
        printer.written = runs.apply(result) if apply and result.approved else ()
        printer.action = runs.propose(result, request) if pull_request and result.approved else None
    exit_for_verdict(result, printer.action)


@dataclass
class Shown:
    """Shows an answer in the end, with what was done with it, also where that was refused: it may have cost money."""

    as_json: bool
    written: Sequence[str] = ()
    action: TakenAction | None = None
    declares: Sequence[str] = ()
    """The resources of a bundle."""
    _answer: tuple[AIRequest, AIResult] | None = None

    def answered(self, request: AIRequest, result: AIResult) -> None:
        """Take the answer to be shown."""
        self._answer = (request, result)

    def __enter__(self) -> None: ...

    def __exit__(self, *_error: object) -> None:
        if self._answer is not None:
            request, result = self._answer
            _show(result, request, self)


@contextmanager
def closing(runs: GuardedRuns) -> Iterator[None]:
    """Wait for the record in the end, and say when there is none."""
    try:
        yield
    finally:
        runs.close()
        if (text := runs.not_stored) is not None:
            print(text, file=sys.stderr)


def exit_for_verdict(result: AIResult, action: TakenAction | None) -> None:
    """Exit 1 for a blocked output, 4 for an approved one that a person must act on before it can be proposed."""
    from bot.model.proposal import Effect

    if not result.approved:
        raise typer.Exit(1)
    if action is not None and not action.effect.wrote and action.effect is not Effect.UNCHANGED:
        raise typer.Exit(4)


def _show(result: AIResult, request: AIRequest, printer: Shown) -> None:
    """Summary, patch, findings, verdict, and what was done with it; or one JSON object."""
    if printer.as_json:
        print_json(_json(result, request, printer), indent=2)
        return
    from bot.entrypoints.cli.verdicts import show_findings, show_patch
    from bot.guardrails.output import patch_of
    from bot.report.console import printable

    out = Lines()
    for line in result.parsed.summary.splitlines():
        out.add(printable(line), wrap=False)
    if result.parsed.files:
        show_patch(patch_of(result.change), out)
    show_findings(result.findings, out)
    for note in result.notes:
        out.add((printable(note), "dim"))
    out.add((_verdict(result), "bold"), (f" (session {result.session_id})", "dim"))
    for resource in printer.declares:
        out.add(f"declares: {printable(resource)}")
    for path in printer.written:
        out.add(f"written: {printable(path)}")
    if (action := printer.action) is not None:
        out.add(printable(f"{action.effect}: {action.message} {action.url or ''}".rstrip()))


def _verdict(result: AIResult) -> str:
    from bot.model.wording import counted

    counts = f"{counted(len(result.violations), 'violation')}, {counted(len(result.failures), 'failure')}"
    return f"{'Approved' if result.approved else 'Blocked'}: {counts}, {result.execution_time:.1f} s"


def _json(result: AIResult, request: AIRequest, printer: Shown) -> dict[str, object]:
    from bot.entrypoints.cli.guard import finding_as_json
    from bot.guardrails.output import patch_of

    parsed, action = result.parsed, printer.action
    return {
        "approved": result.approved,
        "verdict": result.verdict.value,
        "mode": request.mode.value,
        **facts(result, "tool=reply.assistant agent=change.agent session=session_id base=change.base"),
        **facts(result, "execution_time raw_output"),
        "parsed": {
            "summary": parsed.summary,
            "blocks": [{"language": block.language, "text": block.text, "line": block.line} for block in parsed.blocks],
            "files": [{"path": file.path, "status": file.status.value} for file in result.change.files]
            if parsed.files
            else [],
            "patch": patch_of(result.change) if parsed.files else "",
        },
        "violations": [finding_as_json(finding) for finding in result.violations],
        "failures": [finding_as_json(finding) for finding in result.failures],
        "notes": list(result.notes),
        "usage": facts(result.reply, "input_tokens output_tokens cost_usd"),
        "declares": list(printer.declares),
        "written": list(printer.written),
        "action": None
        if action is None
        else {"effect": action.effect.value, "message": action.message, "url": action.url},
    }
