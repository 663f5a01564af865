"""What a soak comes to, read from the repository and the code host and not from what bots say of themselves."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.gitrepo.ledger.chain import GitLedger
from bot.gitrepo.repository import GitRepository
from bot.model.ledger import EntryKind
from bot.ports import CommitInfo
from bot.safety.limits import HOUR, Limits
from bot.safety.trailers import parse


@dataclass(frozen=True)
class Verdict:
    """Figures that must be 0, but for ``fixes``, ``entries``, ``pulls`` and ``issues``."""

    fixes: int
    pulls: int
    issues: int
    entries: int
    violations: int
    duplicates: int
    lost: int
    dangling: int
    details: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing went wrong."""
        return not (self.violations or self.duplicates or self.lost or self.dangling or self.details)


def judge(repository: GitRepository, ledger: GitLedger, items: Sequence[Any], notes: Path, limits: Limits) -> Verdict:
    """The verdict on a remote. ``items`` are its issues and pull requests as the API lists them."""
    repository.fetch()
    head = repository.head("main")
    assert head is not None
    fixes = [
        (c.sha, frozenset(f.path for f in repository.changed(c.parents[0], c.sha)), c.at, parse(c.message))
        for c in _own(repository, head)
        if parse(c.message).get("Clockwork-Intent") and c.author.name == "Clockwork"
    ]
    by_path: dict[str, list[datetime]] = defaultdict(list)
    for _, paths, at, _ in fixes:
        for path in paths:
            by_path[path].append(at)
    broken = [f"{path}: {p}" for path, times in by_path.items() for p in violations(sorted(times), limits)]
    drifts = Counter(drift for *_, trailers in fixes for drift in trailers["Drift"])
    intents = Counter(intent for *_, trailers in fixes for intent in trailers["Clockwork-Intent"])
    twice = [f"{what} committed {n} times" for what, n in (*drifts.items(), *intents.items()) if n > 1]
    twice += list(_open_twice(items))
    entries = ledger.everything()
    known = {entry.id for entry in entries}
    taken = set(notes.read_text().split()) if notes.exists() else set()
    ended = Counter(entry.intent for entry in entries if entry.kind is EntryKind.OUTCOME)
    begun = {entry.id for entry in entries if entry.kind is EntryKind.INTENT}
    twice += [f"intent {intent} ended {n} times" for intent, n in ended.items() if n > 1]
    proof = ledger.verify()
    return Verdict(
        fixes=len(fixes),
        pulls=sum("pull_request" in item for item in items),
        issues=sum("pull_request" not in item for item in items),
        entries=len(entries),
        violations=len(broken),
        duplicates=len(twice),
        lost=len(taken - known),
        dangling=len(begun - set(ended)),
        details=(*broken, *twice, *proof.problems),
    )


def _own(repository: GitRepository, head: str) -> Iterable[CommitInfo]:
    """The commits made on the branch itself: what a merged pull request brings along a person agreed to."""
    known = {commit.sha: commit for commit in repository.log(head, limit=1_000_000)}
    commit = known[head]
    while commit.parents:
        if len(commit.parents) == 1:
            yield commit
        commit = known[commit.parents[0]]


def violations(times: Sequence[datetime], limits: Limits) -> Iterable[str]:
    """Each way in which the commits about one file (sorted) exceed what a task may have."""
    allowed, window, cooldown = (
        limits.fixes_per_hour,
        timedelta(seconds=HOUR),
        timedelta(seconds=limits.cooldown),
    )
    for earlier, other in itertools.pairwise(times):
        if other - earlier < cooldown:
            yield f"two fixes {other - earlier} apart at {other}"
    for earlier, other in zip(times, times[allowed:], strict=False):
        if other - earlier < window:
            yield f"{allowed + 1} fixes within {other - earlier} at {other}"


def _open_twice(items: Sequence[Any]) -> Iterable[str]:
    """Tasks that have more than one open pull request or issue of one kind: the labels say which, the title whose."""
    ties = Counter(
        (*sorted(label["name"] for label in item["labels"]), item["title"].partition(": ")[0])
        for item in items
        if item["state"] == "open"
    )
    return (f"{count} open: {tie}" for tie, count in ties.items() if count > 1)
