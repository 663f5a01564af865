"""Searches a whole history for credentials: what one commit wrote and a later one took away is in every clone.

Called by ``clockwork guard history``. Each file is judged as if it were new, by the rules about secrets alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from bot.guardrails.judge import judge
from bot.guardrails.rulebook import RuleBook
from bot.model.finding import Change, Finding, Mode
from bot.model.past import CommitAdditions

RULES: Final = frozenset({"SEC-001", "SEC-002", "SEC-003"})
_MOST: Final = 100_000
"""Findings of one rule in one commit that are told."""


@dataclass(frozen=True, slots=True)
class PastSecret:
    """A finding with the commit that wrote it first. ``remains`` says that a file of today has it."""

    finding: Finding
    commit: str
    author: str
    at: datetime
    subject: str
    remains: bool = False


@dataclass(frozen=True, slots=True)
class SecretHistory:
    """All of it, oldest first, with what was looked at; ``unread`` are files that are too large, with their commits."""

    secrets: tuple[PastSecret, ...]
    commits: int
    files: int
    size: int
    unread: tuple[tuple[str, str], ...] = ()


def search(
    commits: Iterable[CommitAdditions],
    rules: RuleBook,
    *,
    current: Collection[str],
    today: date,
    tell: Callable[[int], None] = lambda _commits: None,
) -> SecretHistory:
    """The credentials in ``commits``, oldest first; one that many commits carry is told of the first, once a path.

    ``current`` are the blob ids of today's files; ``tell`` is given how many commits are done. The baseline of ``rules``
    counts.
    """
    secret_rules = replace(
        rules, guardrails=tuple(guardrail for guardrail in rules.guardrails if guardrail.id in RULES)
    )
    first: dict[str, tuple[Finding, CommitAdditions]] = {}
    holding: dict[str, set[str]] = {}
    unread: list[tuple[str, str]] = []
    commit_count = files = size = 0
    for commit in commits:
        for blob, file in commit.files:
            files, size = files + 1, size + len(file.after or b"")
            if file.omitted:
                unread.append((file.path, commit.sha))
                continue
            change = Change("", commit.sha, (file,))
            for finding in judge(change, secret_rules, Mode.STRICT, today=today, only=RULES, most=_MOST).findings:
                first.setdefault(finding.fingerprint, (finding, commit))
                holding.setdefault(finding.fingerprint, set()).add(blob)
        commit_count += 1
        tell(commit_count)
    secrets = (
        PastSecret(finding, commit.sha, commit.author, commit.at, commit.subject, not holding[mark].isdisjoint(current))
        for mark, (finding, commit) in first.items()
    )
    return SecretHistory(tuple(secrets), commit_count, files, size, tuple(unread))
