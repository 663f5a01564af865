"""Many objects share one pull request or one issue: sixty Deployments that got the same image ask people one question.

Only whole proposals join. By default those of tasks that differ in the same fields, from the same values to the same values,
by the same rule; settings may join by target, folder or owner instead. Issues join by what differs, whatever the values: their
steps are the same. What holds back a task by itself (a rejection, a suspension, a window, failures, its own open pull request
or issue) goes on doing so. A joined proposal has a task of its own, named after what joins, so that it stays the same while
objects come and go.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, partial
from typing import Final, TypeAlias, assert_never

from bot.flows.identity import open_item, records
from bot.flows.intention import TASKS, Intention, marker, request
from bot.flows.memory import Situation
from bot.flows.people import owner_names, owners_text
from bot.flows.rejection import rejected_intention
from bot.model.codehost import Issue, PullRequest
from bot.model.decision import Decision, Direction, Lane
from bot.model.ledger import EntryKind, LedgerView
from bot.model.paths import Item
from bot.model.proposal import Effect, Join, Proposal
from bot.safety.limits import examine

_OWN_LIMITS: Final = frozenset({"rejected", "suspended", "change-window", "consecutive-failures", "in-progress"})
"""The limits that hold back a task by itself."""
_Likeness: TypeAlias = tuple[str, ...]
"""What those that join have in common; its beginning is a name for people."""
_OwnersOf: TypeAlias = Callable[[str], Sequence[str]]
"""Who owns a file."""


def joined(proposals: Sequence[Proposal], commit: str, situation: Situation) -> list[Proposal]:
    """The proposals, those that join as one that stands where the first of them stood. ``commit`` holds CODEOWNERS."""
    least = situation.memory.limits.joined_from
    if least is None or situation.memory.pulls is None:
        return list(proposals)
    proposed = {record.marker.about for record in records(situation.memory.view).values()}
    owners = _owners(commit, situation)
    groups: dict[_Likeness, list[Proposal]] = {}
    for proposal in proposals:
        likeness = _likeness(proposal, situation.memory.limits.join, owners)
        if likeness is not None and _is_free(proposal, proposed, situation):
            groups.setdefault(likeness, []).append(proposal)
    instead: dict[str, Proposal | None] = {}
    for likeness, members in groups.items():
        joined_proposal = _joined_proposal(likeness, members)
        if len(members) >= least or _is_open(joined_proposal, situation):
            instead |= dict.fromkeys(member.fingerprint for member in members) | {
                members[0].fingerprint: joined_proposal
            }
    final_proposals = (instead.get(proposal.fingerprint, proposal) for proposal in proposals)
    return [proposal for proposal in final_proposals if proposal is not None]


def tasks_by_key(view: LedgerView) -> Mapping[str, tuple[str, ...]]:
    """The tasks that each joined proposal was last about, by the task that stands for them."""
    intents = (entry for entry in view.entries if entry.kind is EntryKind.INTENT and TASKS in entry.detail)
    return {entry.task: tuple(entry.detail[TASKS].split("\n")) for entry in intents if entry.task}


def _owners(commit: str, situation: Situation) -> _OwnersOf:
    """Who owns a file at ``commit``; CODEOWNERS is read when the first one is asked for."""
    text = cache(partial(owners_text, situation.declarer.repository, commit))
    return lambda file: owner_names(text(), file)


def _is_free(proposal: Proposal, proposed: Collection[tuple[str, str]], situation: Situation) -> bool:
    """Whether nothing is known of the task that a joined proposal would pass over. ``proposed`` are the kinds and keys of
    the items that the ledger knows.
    """
    if proposal.fingerprint in situation.state.ignored or _is_open(proposal, situation):
        return False
    if any(entry.lane is proposal.lane and entry.task == proposal.task for entry in situation.state.open):
        return False
    if marker(proposal).about in proposed and rejected_intention(proposal, situation) is not None:
        return False
    limit_request = request(Intention(proposal, Effect.OPENED, ""))
    checks = examine(situation.memory.view, limit_request, situation.memory.limits, situation.now)
    return all(check.passed for check in checks if check.limit in _OWN_LIMITS)


def _is_open(proposal: Proposal, situation: Situation) -> bool:
    items: list[PullRequest | Issue] = [*(situation.memory.pulls or ()), *(situation.memory.issues or ())]
    return open_item(marker(proposal).about, items) is not None


def _likeness(proposal: Proposal, join: Join, owners: _OwnersOf) -> _Likeness | None:
    """What it has in common with those that it joins; None for what stays by itself."""
    match proposal.lane:
        case Lane.RUNBOOK_ISSUE:
            return (
                _of(proposal.decisions[0]),
                "issue",
                *sorted({_difference(decision) for decision in proposal.decisions}),
            )
        case Lane.CONFIG_PULL_REQUEST if any(
            decision.direction is Direction.RESTORE for decision in proposal.decisions
        ):
            return None
        case Lane.CONFIG_PULL_REQUEST if join is Join.CHANGE:
            return _same_change(proposal)
        case Lane.CONFIG_PULL_REQUEST:
            name = _company(proposal, join, owners)
            return None if name is None else (name, join.value, *_merge_likeness(proposal))
        case Lane.ARTIFACT_PATCH | Lane.RESTORE | Lane.NOTHING:
            return None
        case _ as never:
            assert_never(never)


def _same_change(proposal: Proposal) -> _Likeness | None:
    """None for what changes no field, and for values that may not be compared: what is secret looks alike when it is not."""
    if not all(decision.drift.path and not decision.drift.sensitive for decision in proposal.decisions):
        return None
    return (_of(proposal.decisions[0]), *sorted({_change(decision) for decision in proposal.decisions}))


def _company(proposal: Proposal, join: Join, owners: _OwnersOf) -> str | None:
    """The name of the target, the folder or the owners that all of it has; None where there is none, or several."""
    names = {_company_of(decision, join, owners) for decision in proposal.decisions}
    return names.pop() if len(names) == 1 else None


def _company_of(decision: Decision, join: Join, owners: _OwnersOf) -> str | None:
    file = decision.drift.file
    match join:
        case Join.TARGET:
            return decision.drift.resource.target or None
        case Join.FOLDER:
            return None if file is None else posixpath.dirname(file) or "."
        case Join.OWNER:
            return None if file is None else " ".join(sorted(owners(file))) or None
        case Join.CHANGE:
            return None
        case _ as never:
            assert_never(never)


def _merge_likeness(proposal: Proposal) -> _Likeness:
    """How it is opened and merged: what merges by itself does not wait for what people must look at."""
    return (f"safe {proposal.safe}", f"merges {proposal.merges}", f"draft {proposal.draft}")


def _difference(decision: Decision) -> str:
    """What an issue is about, without the names of the object and of list elements, and without values."""
    return json.dumps([*_field(decision), decision.rule, decision.direction.value], sort_keys=True)


def _change(decision: Decision) -> str:
    """One change without the names of the object and of list elements, such as a container's."""
    drift = decision.drift
    facts = [*_field(decision), drift.desired, drift.observed]
    return json.dumps([*facts, decision.rule, decision.safe, decision.merges], sort_keys=True)


def _field(decision: Decision) -> tuple[object, ...]:
    drift = decision.drift
    path = ["*" if isinstance(segment, Item) else segment for segment in drift.path]
    return (drift.resource.group, drift.resource.kind, drift.kind.value, path)


def _of(decision: Decision) -> str:
    """Target and kind: ``prod/Deployment``."""
    resource = decision.drift.resource
    return f"{resource.target}/{resource.kind}" if resource.target else resource.kind


def _joined_proposal(likeness: _Likeness, members: Sequence[Proposal]) -> Proposal:
    """One proposal for all: ``prod/Deployment/*#3fa9c1``, whose digits stand for what they have in common."""
    common = hashlib.sha256("\0".join(likeness).encode()).hexdigest()[:6]
    decisions = tuple(decision for member in members for decision in member.decisions)
    tasks = tuple(sorted(member.task for member in members))
    changes = {_same_change(member) for member in members}
    is_alike = len(changes) == 1 and None not in changes
    return Proposal(members[0].lane, f"{likeness[0]}/*#{common}", decisions, tasks, alike=is_alike)
