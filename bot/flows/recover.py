"""Closes intents that a crash left open, by finding their work. First thing of every look that may write.

An intent whose work is found (the commit by its trailer, the pull request or issue by its marker) succeeded, whoever
saw it last. One whose work is not found is left alone while somebody may still be at it, and counts as failed after
that: a bot that keeps dying must run into its limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bot.flows.plan import Memory, in_flight
from bot.flows.remedy import Ending, Hands, outcome, record
from bot.model.codehost import Issue, PullRequest
from bot.model.decision import Lane
from bot.model.ledger import Entry, Result
from bot.safety.state import state
from bot.safety.trailers import intents_in

DEPTH: Final = 500
"""How many commits back the work of an artifact patch is looked for."""


def recover(memory: Memory, head: str, hands: Hands, *, now: datetime) -> bool:
    """Close every open intent that can be closed; whether there was one, so that what is remembered is out of date."""
    dangling = state(memory.view, now, memory.limits).open
    if not dangling:
        return False
    commits = _commits(head, hands) if any(entry.lane is Lane.ARTIFACT_PATCH for entry in dangling) else {}
    closings = []
    for entry in dangling:
        found = _find(entry, commits, memory)
        if found is not None:
            link, detail = found
            ending = Ending(Result.SUCCEEDED, "found its work after an interruption", link, detail)
            closings.append(outcome(entry, hands, ending, at=now))
        elif abs(now - entry.at) >= in_flight(memory):
            ending = Ending(Result.FAILED, "interrupted before its work was done")
            closings.append(outcome(entry, hands, ending, at=now))
    if closings:
        record(hands.ledger, memory.view, closings)
    return bool(closings)


def _commits(head: str, hands: Hands) -> dict[str, str]:
    """Intent id -> commit, for the newest commits of the branch."""
    found: dict[str, str] = {}
    for commit in hands.repository.log(head, limit=DEPTH):
        for one in intents_in(commit.message):
            found.setdefault(one, commit.sha)
    return found


def _find(entry: Entry, commits: dict[str, str], memory: Memory) -> tuple[str, dict[str, str]] | None:
    if entry.lane is Lane.ARTIFACT_PATCH:
        sha = commits.get(entry.id)
        return None if sha is None else (sha, {"head": sha})
    items: Sequence[PullRequest | Issue] = (
        memory.pulls if entry.lane is Lane.CONFIG_PULL_REQUEST else memory.issues
    ) or ()
    digest = (entry.fingerprint or "").rpartition("-")[2]
    for item in items:
        if item.marker is not None and item.marker.digest == digest and item.marker.key == entry.task:
            return item.url, {"number": str(item.number)}
    return None
