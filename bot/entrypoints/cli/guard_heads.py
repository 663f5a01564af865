"""``clockwork guard pr``, ``queue`` and ``publish``: judge heads on the code host and publish their checks."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli.notify import print_delivery, print_warning
from bot.entrypoints.cli.options import (
    ExitCodeOption,
    GuardModeOption,
    JsonOption,
    OutputOption,
    RepoOption,
    SarifOption,
    SettingsOption,
    SummaryOption,
)
from bot.entrypoints.cli.printing import append, print_json, write
from bot.model.dataclass import dataclass

if TYPE_CHECKING:
    from bot.flows.head_check import Reviewed
    from bot.model.finding import Mode
    from bot.wiring.guard import Guard

_CommentOption = Annotated[bool, typer.Option("--comment", help="Also keep one comment with the findings.")]
_ArtifactOption = Annotated[
    Path | None, typer.Option("--artifact", metavar="FILE", help="Also write the result there, for `guard publish`.")
]


def pull_request(
    number: int,
    settings: SettingsOption = None,
    repo: RepoOption = ".",
    mode: GuardModeOption = None,
    comment: _CommentOption = False,
    as_json: JsonOption = False,
    sarif: SarifOption = None,
    summary: SummaryOption = None,
    artifact: _ArtifactOption = None,
    output: OutputOption = None,
    exit_code: ExitCodeOption = False,
) -> None:
    """Judge pull request NUMBER and publish the check on its head commit.

    With the read-only token of a fork's pull request nothing is published: the result is printed, and --artifact keeps
    it for `clockwork guard publish`.
    """
    from bot.wiring.guard import open_guard, review

    guard = open_guard(settings, repo)
    with recording(guard):
        reviewed = review(guard, number, mode=mode, comment=comment, keeps_artifact=artifact is not None)
    printer = _Shown(guard=guard, mode=mode or guard.mode, as_json=as_json, sarif=sarif, summary=summary, output=output)
    printer.pull(reviewed)
    if artifact is not None:
        printer.keep(reviewed, artifact)
    printer.exit_for_verdict(reviewed, exit_code=exit_code)


def queue(
    head: Annotated[str | None, typer.Argument(help="One commit that waits.", show_default="all")] = None,
    settings: SettingsOption = None,
    repo: RepoOption = ".",
    mode: GuardModeOption = None,
    as_json: JsonOption = False,
    summary: SummaryOption = None,
    exit_code: ExitCodeOption = False,
) -> None:
    """Judge what the merge queue would merge.

    Each head is judged as a whole, and gets its check.
    """
    from bot.errors import Invalid
    from bot.wiring.guard import open_guard, queued_heads, review_queue

    guard = open_guard(settings, repo)
    waiting = [queued_head for queued_head in queued_heads(guard) if head in {None, queued_head.sha}]
    if head is not None and not waiting:
        raise Invalid(f"{head} waits in no merge queue", advice="It left the queue, or was never in it.")
    printer = _Shown(guard=guard, mode=mode or guard.mode, as_json=as_json, summary=summary)
    with recording(guard):
        results = [review_queue(guard, queued_head, mode=mode) for queued_head in waiting]
    printer.all(results)
    for reviewed in results:
        printer.exit_for_verdict(reviewed, exit_code=exit_code)


def publish(
    file: Annotated[Path, typer.Argument(metavar="ARTIFACT", help="What `guard pr --artifact` wrote.")],
    settings: SettingsOption = None,
    repo: RepoOption = ".",
    mode: GuardModeOption = None,
    head: Annotated[
        str | None,
        typer.Option("--head", metavar="SHA", help="The commit its run was for.", show_default="the event's"),
    ] = None,
    comment: _CommentOption = False,
    as_json: JsonOption = False,
    summary: SummaryOption = None,
) -> None:
    """Publish what a read-only run judged.

    For a workflow that runs on `workflow_run`: it makes the check of a pull request from a fork.

    The artifact is a stranger's: it is checked, the change is judged anew, and nothing of the change is ever run.
    """
    from bot.wiring.guard import open_guard
    from bot.wiring.guard_publish import publish as published

    guard = open_guard(settings, repo)
    with recording(guard):
        reviewed = published(guard, file, head=head, mode=mode, comment=comment)
    _Shown(guard=guard, mode=mode or guard.mode, as_json=as_json, summary=summary).pull(reviewed)


def register(guard: typer.Typer) -> None:
    """Add the verbs to those of ``clockwork guard``."""
    guard.command("pr")(pull_request)
    guard.command("queue")(queue)
    guard.command("publish")(publish)


@contextmanager
def recording(guard: Guard) -> Iterator[None]:
    """Wait for the session's record in the end, and tell of one that could not be stored."""
    from bot.wiring.workers import not_stored

    try:
        yield
    finally:
        guard.store.close()
        _tell(not_stored(guard.store), guard.opened.options.environment)


def _tell(text: str | None, environment: Mapping[str, str]) -> None:
    """One line for whoever reads the log, in Actions also on the page of the run."""
    if text is None:
        return
    print(text, file=sys.stderr)
    if summary := environment.get("GITHUB_STEP_SUMMARY"):
        with suppress(OSError), Path(summary).open("a", encoding="utf-8") as page:
            page.write(f"{text}\n")


def _address(reviewed: Reviewed) -> str | None:
    """Where the check of a head is shown."""
    return None if reviewed.check is None else reviewed.check.url


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """Shows what was judged in the forms that were asked for."""

    guard: Guard
    mode: Mode
    as_json: bool
    summary: Path | None
    sarif: Path | None = None
    output: Path | None = None

    def pull(self, reviewed: Reviewed) -> None:
        """One pull request's, which people are told of unless it was judged before."""
        from bot.wiring.notifications import open_announcer

        if not reviewed.again and reviewed.check is not None and reviewed.pull is not None:
            open_repo = self.guard.opened
            announcer = open_announcer(open_repo, self.guard.clock, account=print_delivery, warn=print_warning)
            if announcer is not None:
                announcer.reviewed(reviewed, reviewed.pull)
        self.show(reviewed)

    def all(self, results: Sequence[Reviewed]) -> None:
        """Those of several heads, as one JSON object where that is asked for."""
        if self.as_json:
            from bot.entrypoints.cli.guard import result_as_json

            heads = [
                result_as_json(
                    reviewed.change,
                    reviewed.rules,
                    reviewed.result,
                    self.mode,
                    rendered=reviewed.rendered,
                    url=_address(reviewed),
                )
                for reviewed in results
            ]
            print_json({"heads": heads}, indent=2)
            for reviewed in results:
                self._write(reviewed)
            return
        for reviewed in results:
            self.show(reviewed)
        if not results:
            print("Nothing waits in a merge queue.")

    def show(self, reviewed: Reviewed) -> None:
        """One head's: on standard output, in the files that were named, and on the run's page."""
        from bot.entrypoints.cli.guard import show
        from bot.guardrails.report import remarks
        from bot.wiring.actions import log_lines

        parts = (reviewed.change, reviewed.rules, reviewed.result, self.mode)
        url = _address(reviewed)
        show(*parts, rendered=reviewed.rendered, as_json=self.as_json, sarif=self.sarif, url=url)
        self._write(reviewed)
        if self.as_json:
            return
        for line in log_lines(remarks(reviewed.result.findings), self.guard.opened.options.environment):
            print(line)
        if reviewed.check is None:
            print("The token may only read: nothing was published.", file=sys.stderr)

    def _write(self, reviewed: Reviewed) -> None:
        """What goes into the files that were named."""
        from bot.guardrails.report import summary
        from bot.wiring.actions import job_summary

        if self.summary is not None:
            text = summary(reviewed.result, reviewed.change, reviewed.rules, self.mode)
            append(self.summary, job_summary(f"## Guardrails\n\n{text}"))
        if self.output is not None:
            from bot.report.outputs import review_outputs
            from bot.wiring.actions import outputs

            append(self.output, outputs(review_outputs(reviewed.result, _address(reviewed))))

    def keep(self, reviewed: Reviewed, file: Path) -> None:
        """Write the artifact."""
        from bot.guardrails.artifact import written

        write(file, written(reviewed.result, reviewed.change, self.mode, self.guard.opened.name))

    def exit_for_verdict(self, reviewed: Reviewed, *, exit_code: bool) -> None:
        """Exit 1 on a block where it was asked for, and always in strict."""
        from bot.entrypoints.cli.guard import exit_for_verdict

        exit_for_verdict(reviewed.result, self.mode, exit_code=exit_code)
