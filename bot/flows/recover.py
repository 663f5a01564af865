"""Closes intents that a crash left open, by finding their work. First thing of every run that may write.

An intent whose work is found (the commit by its trailer, the pull request or issue by its marker) succeeded, whoever
saw it last. One whose work is not found is left alone while somebody may still be at it, and counts as failed after
that: a bot that keeps dying must run into its limits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, assert_never

from bot.flows.context import RunContext
from bot.flows.identity import NUMBER, details
from bot.flows.intention import LANE_OF_KIND
from bot.flows.intents import Ending, outcome, record
from bot.flows.memory import Memory
from bot.flows.ownership import WEB_FLOW
from bot.model.codehost import Issue, Marker, PullRequest
from bot.model.decision import Lane
from bot.model.ledger import Entry, EntryKind, LedgerView, Result
from bot.model.proposal import branch_of
from bot.ports import CommitInfo
from bot.safety.history import TOGETHER
from bot.safety.state import state
from bot.safety.trailers import intents_in

_RECENT: Final = 100
"""How many commits back the branch is asked whether it knows the ledger."""
_REMEMBERED: Final = timedelta(days=1)
"""The ledger holds every intent for at least this long, however often it is compacted."""

DEPTH: Final = 500
"""How many commits back the work of an artifact patch is looked for."""


def endings(memory: Memory, head: str, run: RunContext, *, now: datetime) -> tuple[Entry, ...]:
    """The outcome of every open intent that can be closed now. Writes nothing."""
    dangling = state(memory.view, now, memory.limits).open
    commits = _commits(head, run) if any(entry.lane is Lane.ARTIFACT_PATCH for entry in dangling) else {}
    dead: set[str] = set()
    ended = ((entry, _ending(entry, commits, memory, run, dead, now=now)) for entry in dangling)
    return tuple(outcome(entry, run, ending, at=now) for entry, ending in ended if ending is not None)


def recover(memory: Memory, head: str, run: RunContext, *, now: datetime) -> bool:
    """Close every open intent that can be closed; whether there was one, so that what is remembered is out of date."""
    closings = endings(memory, head, run, now=now)
    if closings:
        record(run.ledger, memory.view, closings)
        run.reached("recovered")
        _label(closings, run)
    return bool(closings)


def _label(closings: Sequence[Entry], run: RunContext) -> None:
    """A run that died between creating an item and labelling it is caught up with."""
    for entry in closings:
        number = entry.detail.get(NUMBER, "")
        if run.host is not None and number.isdigit():
            run.host.label(int(number), run.labels)


def ledger_loss(view: LedgerView, head: str, run: RunContext, *, now: datetime) -> str | None:
    """Why the ledger cannot be the one by which this branch was written; None when it can.

    A fresh runner has no earlier ledger to compare with, but the branch's own commits name their intents: one that was
    rewound or deleted does not know them, and its budgets and its halt would be gone. Only a person's resume of
    everything says that it is meant to begin anew.
    """
    entry_ids = {entry.id for entry in view.entries}
    resumes = (entry.at for entry in view.entries if entry.kind is EntryKind.RESUME and entry.task is None)
    began = max(resumes, default=None)
    for commit in _pushed(head, run):
        folded = bool(view.entries) and now - commit.at > _REMEMBERED
        if folded or (began is not None and commit.at <= began) or commit.committer not in {run.author, WEB_FLOW}:
            continue
        if intents_in(commit.message) - entry_ids:
            return (
                f"Nothing was written: the ledger does not know what commit {commit.sha[:12]} of the branch was made "
                "for, so it was rewound or is another one. If that is meant (a fork, an import, another ledger_ref), "
                "`clockwork resume -m why` begins anew."
            )
    return None


def _pushed(head: str, run: RunContext) -> Iterator[CommitInfo]:
    """The newest commits of the branch along first parents: what was merged in was written by another branch's ledger.

    The first parent is the branch that was merged into (git-log(1), "--first-parent").
    """
    commits = {commit.sha: commit for commit in run.repository.log(head, limit=_RECENT)}
    commit = commits.get(head)
    while commit is not None:
        yield commit
        commit = commits.get(commit.parents[0]) if commit.parents else None


def as_recovered(memory: Memory, head: str, run: RunContext, *, now: datetime) -> Memory:
    """What would be remembered after :func:`recover`."""
    closings = endings(memory, head, run, now=now)
    if not closings:
        return memory
    return replace(memory, view=LedgerView(memory.view.tip, (*memory.view.entries, *closings)))


def _ending(
    entry: Entry, commits: Mapping[str, str], memory: Memory, run: RunContext, dead: set[str], *, now: datetime
) -> Ending | None:
    """How an open intent ended; None while somebody may still be at it. ``dead`` are the batches that failed before."""
    items: Sequence[PullRequest | Issue] | None
    match entry.lane:
        case Lane.ARTIFACT_PATCH:
            items, work = (), _commit(entry, commits)
        case Lane.RESTORE:  # whether it was done shows in what runs, which the next look compares
            items, work = (), None
        case Lane.CONFIG_PULL_REQUEST:
            items = memory.pulls
            work = None if items is None else _item(entry, items, memory, branch=_branch(entry, run))
        case Lane.RUNBOOK_ISSUE | Lane.NOTHING | None:
            items = memory.issues
            work = None if items is None else _item(entry, items, memory)
        case _ as never:
            assert_never(never)
    if items is None:
        return None
    if work is not None:
        link, detail = work
        return Ending(Result.SUCCEEDED, "found its work after an interruption", link, detail)
    return _interrupted(entry, dead) if abs(now - entry.at) >= memory.in_flight else None


def _interrupted(entry: Entry, dead: set[str]) -> Ending:
    """A run that died has failed once, at the first of what it began together and had not done: it goes in that order. The
    patches of one commit fail as one.
    """
    batch = entry.detail.get(TOGETHER)
    if batch is not None and entry.lane is not Lane.ARTIFACT_PATCH:
        if batch in dead:
            return Ending(Result.ABANDONED, "interrupted before it was begun")
        dead.add(batch)
    detail = {} if batch is None else {TOGETHER: batch}
    return Ending(Result.FAILED, "interrupted before its work was done", detail=detail)


def _commits(head: str, run: RunContext) -> dict[str, str]:
    """Intent id -> commit, for the newest commits of the branch."""
    commits: dict[str, str] = {}
    for commit in run.repository.log(head, limit=DEPTH):
        for intent in intents_in(commit.message):
            commits.setdefault(intent, commit.sha)
    return commits


def _commit(entry: Entry, commits: Mapping[str, str]) -> tuple[str, dict[str, str]] | None:
    sha = commits.get(entry.id)
    return None if sha is None else (sha, {"head": sha})


def _item(
    entry: Entry, items: Sequence[PullRequest | Issue], memory: Memory, *, branch: str | None = None
) -> tuple[str, dict[str, str]] | None:
    """The pull request or issue that shows this intent's proposal: an open one, or one that no other intent made.

    A valid marker tells it, the same words of our account under another secret, or ``branch``, whose tip names the intent.
    """
    accounted = {
        recorded.detail.get(NUMBER)
        for recorded in memory.view.entries
        if recorded.kind is EntryKind.OUTCOME and recorded.fingerprint == entry.fingerprint
    }
    matching_item = next((item for item in items if _shows(item, entry) or _is_from(item, branch)), None)
    if matching_item is None:
        tag = Marker(entry.lane.value if entry.lane else "", entry.task or "", "")
        closed = memory.closed(tag, entry.fingerprint or "")
        matching_item = next(
            (item for item in closed if _shows(item, entry) and str(item.number) not in accounted), None
        )
    if matching_item is None:
        return None
    kind = (
        matching_item.marker.kind
        if matching_item.marker is not None and matching_item.marker.kind != entry.lane
        else None
    )
    return matching_item.url, details(matching_item, memory.facts, kind=kind, head=None)


def _shows(item: PullRequest | Issue, entry: Entry) -> bool:
    digest, tag = (entry.fingerprint or "").rpartition("-")[2], item.marker or item.claim
    return tag is not None and tag.kind in LANE_OF_KIND and (tag.digest, tag.key) == (digest, entry.task)


def _is_from(item: PullRequest | Issue, branch: str | None) -> bool:
    """Whether it proposes the branch, and says nothing of what it is about: another account of ours made it."""
    if not isinstance(item, PullRequest) or branch is None or item.marker is not None or item.claim is not None:
        return False
    return item.head_ref == branch and not item.forked


def _branch(entry: Entry, run: RunContext) -> str | None:
    """The task's branch, if what was pushed there last was made for this intent."""
    name = branch_of(entry.task or "", run.prefix)
    tip = run.repository.head(name)
    commits = () if tip is None else run.repository.log(tip, limit=1)
    return name if any(entry.id in intents_in(commit.message) for commit in commits) else None
