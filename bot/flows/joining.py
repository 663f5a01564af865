"""Like changes of many objects share one pull request: sixty Deployments that got the same image ask people one question.

Only whole proposals join, of tasks that differ in the same fields, from the same values to the same values, by the same rule.
What holds back a task by itself (a rejection, a suspension, a window, failures, its own open pull request) goes on doing so.
A joined proposal has a task of its own, named after what joins, so that it stays the same while objects come and go.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Final, TypeAlias

from bot.flows.identity import records
from bot.flows.intention import TASKS, Intention, marker, request
from bot.flows.memory import Situation
from bot.flows.rejection import turned_down
from bot.model.codehost import ItemState
from bot.model.decision import Decision, Direction, Lane
from bot.model.ledger import EntryKind, LedgerView
from bot.model.paths import Item
from bot.model.proposal import Effect, Proposal
from bot.safety.limits import examine

_OWN: Final = frozenset({"rejected", "suspended", "change-window", "consecutive-failures", "in-progress"})
"""The limits that hold back a task by itself."""
_Likeness: TypeAlias = tuple[str, ...]


def joined(proposals: Sequence[Proposal], situation: Situation) -> list[Proposal]:
    """The proposals, those of like changes as one that stands where the first of them stood."""
    least = situation.memory.limits.joined_from
    if least is None or situation.memory.pulls is None:
        return list(proposals)
    proposed = {(record.marker.kind, record.marker.key) for record in records(situation.memory.view).values()}
    alike: dict[_Likeness, list[Proposal]] = {}
    for proposal in proposals:
        if _can_join(proposal) and _is_free(proposal, proposed, situation):
            alike.setdefault(_likeness(proposal), []).append(proposal)
    instead: dict[str, Proposal | None] = {}
    for likeness, members in alike.items():
        whole = _whole(likeness, members)
        if len(members) >= least or _is_open(whole, situation):
            instead |= dict.fromkeys(member.fingerprint for member in members) | {members[0].fingerprint: whole}
    chosen = (instead.get(proposal.fingerprint, proposal) for proposal in proposals)
    return [proposal for proposal in chosen if proposal is not None]


def tasks_by_key(view: LedgerView) -> Mapping[str, tuple[str, ...]]:
    """The tasks that each joined proposal was last about, by the task that stands for them."""
    intents = (entry for entry in view.entries if entry.kind is EntryKind.INTENT and TASKS in entry.detail)
    return {entry.task: tuple(entry.detail[TASKS].split("\n")) for entry in intents if entry.task}


def _can_join(proposal: Proposal) -> bool:
    """Whether it changes fields to values that may be compared: what is secret looks alike when it is not."""
    return proposal.lane is Lane.CONFIG_PULL_REQUEST and all(
        decision.drift.path and not decision.drift.sensitive and decision.direction is not Direction.RESTORE
        for decision in proposal.decisions
    )


def _is_free(proposal: Proposal, proposed: Collection[tuple[str, str]], situation: Situation) -> bool:
    """Whether nothing is known of the task that a joined proposal would pass over. ``proposed`` are the kinds and keys of
    the items that the ledger knows.
    """
    if proposal.fingerprint in situation.known.ignored or _is_open(proposal, situation):
        return False
    if any(entry.lane is proposal.lane and entry.task == proposal.task for entry in situation.known.open):
        return False
    tag = marker(proposal)
    if (tag.kind, tag.key) in proposed and turned_down(proposal, situation) is not None:
        return False
    asked = request(Intention(proposal, Effect.OPENED, ""))
    checks = examine(situation.memory.view, asked, situation.memory.limits, situation.now)
    return all(check.passed for check in checks if check.limit in _OWN)


def _is_open(proposal: Proposal, situation: Situation) -> bool:
    tag = marker(proposal)
    return any(
        pull.state is ItemState.OPEN and pull.marker and (pull.marker.kind, pull.marker.key) == (tag.kind, tag.key)
        for pull in situation.memory.pulls or ()
    )


def _likeness(proposal: Proposal) -> _Likeness:
    return (_of(proposal.decisions[0]), *sorted({_change(decision) for decision in proposal.decisions}))


def _change(decision: Decision) -> str:
    """One change without the names of the object and of list elements, such as a container's."""
    drift = decision.drift
    path = ["*" if isinstance(segment, Item) else segment for segment in drift.path]
    facts = [drift.resource.group, drift.resource.kind, drift.kind.value, path, drift.desired, drift.observed]
    return json.dumps([*facts, decision.rule, decision.safe, decision.merges], sort_keys=True)


def _of(decision: Decision) -> str:
    """Target and kind: ``prod/Deployment``."""
    resource = decision.drift.resource
    return f"{resource.target}/{resource.kind}" if resource.target else resource.kind


def _whole(likeness: _Likeness, members: Sequence[Proposal]) -> Proposal:
    """One proposal for all: ``prod/Deployment/*#3fa9c1``, whose digits stand for the change."""
    change = hashlib.sha256("\0".join(likeness).encode()).hexdigest()[:6]
    decisions = tuple(decision for member in members for decision in member.decisions)
    tasks = tuple(sorted(member.task for member in members))
    return Proposal(Lane.CONFIG_PULL_REQUEST, f"{likeness[0]}/*#{change}", decisions, tasks)
