"""What a plan would write, as people would read it: the patch and the text of the commit, pull request or issue.

Called for runs that write nothing (``--dry-run``, ``simulate``).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from bot.flows.context import RunContext
from bot.flows.intention import Intention
from bot.flows.messages import issue_text, pull_request_text
from bot.flows.titles import title_of
from bot.model.decision import Lane
from bot.model.ledger import LedgerView
from bot.model.proposal import Effect, Preview
from bot.secrecy.redaction import redact


def preview(intention: Intention, commit: str, run: RunContext, view: LedgerView) -> Preview | None:
    """What ``intention`` would write on ``commit``, or would where there is a code host; None for one that writes nothing."""
    if not intention.effect.wrote and not _only_shown(intention):
        return None
    files = {} if intention.changes is None else intention.changes.files
    patch = "".join(_patches(files, commit, run))
    match intention.proposal.lane:
        case Lane.ARTIFACT_PATCH:
            notes = () if intention.changes is None else intention.changes.notes
            body = run.texts.render("commit.txt", decisions=intention.proposal.decisions, notes=notes)
            return Preview(title_of(intention.proposal), body, redact(patch))
        case Lane.RESTORE:
            return Preview(title_of(intention.proposal), intention.message)
        case Lane.CONFIG_PULL_REQUEST:
            text = pull_request_text(intention, run.texts)
        case Lane.RUNBOOK_ISSUE | Lane.NOTHING:
            text = issue_text(intention, run, view, commit)
    return Preview(text.title, text.body, redact(patch))


def _only_shown(intention: Intention) -> bool:
    """Whether nothing but a code host is missing."""
    has_text = intention.changes is not None or intention.proposal.lane is Lane.RUNBOOK_ISSUE
    return intention.effect is Effect.UNSUPPORTED and has_text


def _patches(files: Mapping[str, bytes | None], commit: str, run: RunContext) -> Iterator[str]:
    for path, after in sorted(files.items()):
        before = run.repository.read(commit, path)
        if before != after:
            yield from _unified(path, before, after)


def _unified(path: str, before: bytes | None, after: bytes | None) -> Iterator[str]:
    """One file's patch as ``git apply`` takes it (git-apply(1))."""
    old, new = (
        [] if data is None else data.decode("utf-8", "replace").splitlines(keepends=True) for data in (before, after)
    )
    names = ("/dev/null" if before is None else f"a/{path}", "/dev/null" if after is None else f"b/{path}")
    for line in difflib.unified_diff(old, new, *names):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
