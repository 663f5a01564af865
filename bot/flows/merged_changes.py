"""What guardrails block of commits that are merged and not yet applied. Called before an apply in strict mode.

All of it is judged by the rules of the head, so that what people accepted since (``clockwork guard baseline``, a rule that they
changed) counts: by the rules of what was applied last it could never be accepted. But nothing exempts itself: each
commit of the branch that changes what judges is judged by the rules of the commit before it, too, as its pull request was. The
mode is for whoever calls: strict where what was applied last or the head says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from bot.errors import Refused
from bot.flows.review import change_between
from bot.model.finding import Change, Finding
from bot.model.patterns import regex
from bot.ports import Repository

_GUARD_FILES: Final = regex(r"policies/guardrails/.+|clockwork\.ya?ml|\.clockwork/.+|(.*/)?\.gitattributes")
_MOST: Final = 10_000


class Blocks(Protocol):
    """Tells what the rules of a commit block in a change."""

    def __call__(self, change: Change, *, by: str) -> tuple[Finding, ...]: ...


def blocking_findings(repository: Repository, base: str, head: str, blocks: Blocks) -> tuple[Finding, ...]:
    """What is blocked between ``base`` and ``head``, each finding once."""
    merged_change = change_between(repository, base, head)
    blocking = {finding.fingerprint: finding for finding in blocks(merged_change, by=head)}
    for before, commit in _steps(repository, base, head):
        if not _changes_judging(repository, before, commit):
            continue
        step = blocks(change_between(repository, before, commit), by=before)
        own_findings = {finding.fingerprint for finding in step} - blocking.keys()
        if own_findings:
            lasting = {finding.fingerprint: finding for finding in blocks(merged_change, by=before)}
            blocking |= {mark: lasting[mark] for mark in sorted(own_findings & lasting.keys())}
    return tuple(blocking.values())


def _steps(repository: Repository, base: str, head: str) -> Iterator[tuple[str, str]]:
    """Each commit of the branch since ``base`` with the one that it was made on: a merge is all that it brings.

    ``Refused`` where there are so many that not all of them would be looked at.
    """
    parents = {info.sha: info.parents for info in repository.log(head, limit=_MOST, until=base)}
    if len(parents) >= _MOST:
        raise Refused(
            f"there are {_MOST} commits or more since {base[:12]}, which was applied last",
            advice="Have somebody look at them, and note one in between as applied (`clockwork applied COMMIT`).",
        )
    commit = head
    while before := parents.get(commit, ())[:1]:
        yield before[0], commit
        commit = before[0]


def _changes_judging(repository: Repository, before: str, commit: str) -> bool:
    """Whether a commit touches what decides how changes are judged, or what is exempt."""
    paths = (path for file in repository.changed(before, commit) for path in (file.path, file.old_path))
    return any(path is not None and _GUARD_FILES.fullmatch(path) for path in paths)
