"""``clockwork guard``: judge a pull request or two commits, list the rules, try a guardrail document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli import guard_heads, guard_history, guard_run, propose
from bot.entrypoints.cli.options import (
    BaseArgument,
    ExitCodeOption,
    GuardModeOption,
    HeadArgument,
    JsonOption,
    RepoOption,
    SarifOption,
    grouped,
    located,
)
from bot.entrypoints.cli.printing import print_json, write
from bot.model.choices import Mode
from bot.model.json import facts
from bot.model.wording import counted

if TYPE_CHECKING:
    from bot.flows.rendered_diff import TargetDifference
    from bot.guardrails.rulebook import RuleBook
    from bot.model.finding import Change, Finding
    from bot.model.session import ReviewResult
    from bot.wiring.repository import Options


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    guard = typer.Typer(help="Judge a change by the guardrails.", no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(guard, name="guard")
    guard_run.register(guard)
    guard_heads.register(guard)
    guard_history.register(guard)
    propose.register_compile(guard)

    @guard.command("diff")
    @grouped(options=located("repo settings"))
    def diff(
        *,
        base: BaseArgument = None,
        head: HeadArgument = None,
        options: Options,
        mode: GuardModeOption = None,
        staged: Annotated[bool, typer.Option("--staged", help="Judge what is staged.")] = False,
        worktree: Annotated[bool, typer.Option("--worktree", help="Judge the files as they lie here.")] = False,
        as_json: JsonOption = False,
        sarif: SarifOption = None,
        agent: Annotated[str | None, typer.Option("--agent", help="Judge it as this AI agent's work.")] = None,
        exit_code: ExitCodeOption = False,
    ) -> None:
        """Judge what HEAD changed since it left BASE, by the rules and settings of BASE. Nothing is published."""
        from bot.wiring.local_guard import Compared, judge_here

        reviewed = judge_here(options, Compared(base, head, staged, worktree), mode=mode, agent=agent)
        show(
            reviewed.change,
            reviewed.rules,
            reviewed.result,
            reviewed.mode,
            rendered=reviewed.rendered,
            as_json=as_json,
            sarif=sarif,
        )
        exit_for_verdict(reviewed.result, reviewed.mode, exit_code=exit_code)

    @guard.command("rules")
    def rules(
        repo: RepoOption = ".",
        at: Annotated[str | None, typer.Option("--at", help="Read the repository's documents at this commit.")] = None,
        as_json: JsonOption = False,
    ) -> None:
        """List every guardrail with its severity and what it does."""
        _list(_rules_of(Path(repo), at), as_json=as_json)

    @guard.command("test")
    def test(file: Annotated[Path, typer.Argument(help="A guardrail document.")]) -> None:
        """Run the examples of a guardrail document."""
        _try(file)


def exit_for_verdict(result: ReviewResult, mode: Mode, *, exit_code: bool) -> None:
    """Exit 1 on a block where it was asked for, and always in strict."""
    from bot.model.finding import Verdict

    if result.verdict is Verdict.BLOCK and (exit_code or mode is Mode.STRICT):
        raise typer.Exit(1)


def show(
    change: Change,
    rules: RuleBook,
    result: ReviewResult,
    mode: Mode,
    *,
    rendered: Sequence[TargetDifference],
    as_json: bool,
    sarif: Path | None,
    url: str | None = None,
) -> None:
    """A result on standard output, and as SARIF in a file."""
    if sarif is not None:
        from bot import __version__
        from bot.guardrails.sarif import to_sarif

        write(sarif, to_sarif(result, rules, version=__version__))
    if as_json:
        print_json(result_as_json(change, rules, result, mode, rendered=rendered, url=url), indent=2)
    else:
        from bot.entrypoints.cli.verdicts import show_rendered, show_result

        show_rendered(rendered)
        show_result(change, rules, result, mode, url)


def finding_as_json(finding: Finding) -> dict[str, object]:
    """A finding as every verb prints it."""
    return {
        "rule": finding.rule,
        "title": finding.title,
        "severity": finding.severity.value.lower(),
        **facts(finding, "enforce file line end_line message suggestion evidence fingerprint by"),
    }


def result_as_json(
    change: Change,
    rules: RuleBook,
    result: ReviewResult,
    mode: Mode,
    *,
    rendered: Sequence[TargetDifference],
    url: str | None,
) -> dict[str, object]:
    """A result as ``--json`` prints it."""
    return {**_json(change, rules, result, mode, url), "rendered": [difference.as_json() for difference in rendered]}


def _json(change: Change, rules: RuleBook, result: ReviewResult, mode: Mode, url: str | None) -> dict[str, object]:
    return {
        "verdict": result.verdict.value,
        "mode": mode.value,
        "base": change.base,
        "head": change.head,
        "rules": rules.hash,
        "files": len(change.files),
        "author": {"kind": change.author_kind.value, "agent": change.agent},
        "check": url,
        "findings": [finding_as_json(finding) for finding in result.findings],
        "notes": list(result.notes),
        "errors": list(rules.errors),
    }


def _rules_of(folder: Path, at: str | None) -> RuleBook:
    """The shipped rules, with the repository's own at a commit, or of its folder as it is now."""
    from bot import shipped
    from bot.errors import Invalid
    from bot.guardrails.rulebook import load

    documents = shipped.files("policies", "guardrails/**/*.md")
    if at is not None:
        from bot.flows.review import rules_at
        from bot.wiring.repository import local_history

        repository = local_history(folder)
        commit = repository.resolve(at)
        if commit is None:
            raise Invalid(f"{folder} has no commit, branch or tag {at!r}")
        return rules_at(repository, commit, shipped=documents)
    root = folder / "policies" / "guardrails"
    paths = [path for path in sorted(root.rglob("*")) if path.suffix in {".md", ".yaml"} and path.is_file()]
    own_files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    return load(
        {path: data for path, data in own_files.items() if data != documents.get(path.removeprefix("policies/"))},
        shipped=documents,
    )


def _list(rules: RuleBook, *, as_json: bool) -> None:
    from bot.guardrails.verdict import enforcement

    rows = [
        {
            "id": guardrail.id,
            "severity": guardrail.severity.value.lower(),
            "agent_severity": None if guardrail.agent_severity is None else guardrail.agent_severity.value.lower(),
            "standard": enforcement(guardrail, guardrail.severity, Mode.STANDARD).value,
            "strict": enforcement(guardrail, guardrail.severity, Mode.STRICT).value,
            "category": guardrail.category,
            "title": guardrail.title,
            "file": guardrail.file,
        }
        for guardrail in rules.guardrails
    ]
    if as_json:
        print_json({"rules": rows, "errors": list(rules.errors), "hash": rules.hash}, indent=2)
        return
    from bot.entrypoints.cli.verdicts import show_rules

    show_rules(rows, rules.errors)


def _try(file: Path) -> None:
    """Print each example of one document and whether it holds; exit 1 when one does not."""
    from bot.errors import Invalid
    from bot.guardrails.documents import parse
    from bot.guardrails.rulebook import failing

    try:
        data = file.read_bytes()
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}") from error
    guardrail = parse(file.as_posix(), data)
    failures = list(failing(guardrail))
    for failure in failures:
        print(f"{file}: {failure}")
    count = len(guardrail.examples)
    if failures:
        raise typer.Exit(1)
    print(f"{guardrail.id}: {counted(count, 'example holds', 'examples hold')}.")
