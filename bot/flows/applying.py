"""Carries out a plan: wave by wave, each action between its intent and its outcome in the target's journal.

Theory. One run at a time holds a target (:mod:`bot.safety.lease`). What a run began and did not live to end is an intent
without an outcome. The next run looks anew, so its plan holds only what is still to be done; an action that is planned
again is carried out under the old intent's id and time, by which an applier knows what it did already. Appliers refuse
to act on anything but what was seen. Called by ``clockwork apply``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Final

from bot.errors import BotError, Refused
from bot.flows.action_plan import TargetPlan
from bot.flows.apply_journal import NOBODY, ApplyJournal, Holder, action_key, failures
from bot.model.action import Action, AppliedAction, AppliedPlan, HealthState, Work
from bot.model.decision import Lane
from bot.model.ledger import Actor, Entry, Result
from bot.model.resource import Platform, ResourceId
from bot.model.wording import minute
from bot.ports import Applier, Clock, Ledger
from bot.safety.deletions import deletion_guard
from bot.safety.limits import Limits
from bot.safety.windows import gate
from bot.secrecy.redaction import redact

STEPS: Final = ("leased", "apply-intent", "action", "apply-outcome", "healthy", "released")
"""Every step after which a run may die."""
_WORKERS: Final = 8
_BATCH: Final = 100
"""The intents of so many actions are written at once."""
_LOOK_AGAIN: Final = 1.0


@dataclass(frozen=True, slots=True)
class ApplyContext:
    """What a plan is carried out with. ``step_timeout`` is in seconds; ``tell`` hears of each action that ended."""

    ledger: Ledger
    applier: Callable[[ResourceId], Applier | None]
    """What carries out actions on a resource; None where nothing is configured that does."""
    clock: Clock
    actor: Actor
    limits: Limits
    new_id: Callable[[], str]
    holder: Holder = NOBODY
    step_timeout: float = 300.0
    tell: Callable[[AppliedAction], None] = lambda _ended: None
    reached: Callable[[str], None] = lambda _step: None


def carry_out(plan: TargetPlan, context: ApplyContext, *, approved: bool, unattended: bool = False) -> AppliedPlan:
    """Everything that may be done. Without ``approved`` only what needs nobody's approval, and nothing that it needs. Where
    it runs ``unattended``, change windows hold, and what failed too often at this commit waits for a person at a terminal.

    Raises ``Refused`` before anything is done: too much would be deleted, another run is at it, a platform says no.
    """
    held_back = dict(_held_actions(plan, context)) if unattended else {}
    actions, waiting = _permitted(plan.actions.actions, held_back.keys(), approved=approved)
    if not actions:
        return AppliedPlan(waiting=waiting, held_back=held_back)
    _check_deletions(actions, plan, context.limits)
    journal = ApplyJournal.begin(
        plan.actions,
        context.ledger,
        clock=context.clock,
        actor=context.actor,
        new_id=context.new_id,
        seconds=2 * context.step_timeout,
        holder=context.holder,
    )
    try:
        context.reached("leased")
        works = [_work(action, plan, journal) for action in actions]
        _rehearse(works, context)
        return replace(_carried_out(works, journal, context), waiting=waiting, held_back=held_back)
    finally:
        if journal.release():
            context.reached("released")


def _held_actions(plan: TargetPlan, context: ApplyContext) -> Iterator[tuple[str, str]]:
    """The ids of the actions that nobody may carry out unattended now, with why."""
    failed = failures(context.ledger.read(), plan.actions.commit)
    most, windows, now = context.limits.consecutive_failures, context.limits.windows, context.clock.now()
    for action in plan.actions.actions:
        opening = gate(windows, task=action.task, lane=Lane.RESTORE, now=now)
        if most is not None and (times := failed.get(action_key(action), 0)) >= most:
            yield action.id, f"failed {times} times in a row at this commit, so a person at a terminal applies it"
        elif not opening.open:
            again = "" if opening.next_open is None else f" until {minute(opening.next_open)}"
            yield action.id, f"{opening.message}{again}"


def _permitted(
    actions: Sequence[Action], held_back: AbstractSet[str], *, approved: bool
) -> tuple[tuple[Action, ...], tuple[Action, ...]]:
    """What may be done, and what waits for somebody to agree, with what needs it. Terraform applies a plan as a whole, and so
    is a release applied that hooks run with: all of it waits for one of its actions.
    """
    waiting = {*held_back, *(action.id for action in actions if action.approval and not approved)}
    before = -1
    while len(waiting) > before:
        before = len(waiting)
        target_ids = {_joint_work(action) for action in actions if action.id in waiting} - {None}
        waiting |= {
            action.id for action in actions if waiting.intersection(action.needs) or _joint_work(action) in target_ids
        }
    kept_actions = tuple(action for action in actions if action.id not in waiting)
    return kept_actions, tuple(action for action in actions if action.id in waiting)


def _joint_work(action: Action) -> tuple[Platform, str] | None:
    """What an action is done with or not at all; None for one by itself."""
    if action.resource.platform is Platform.TERRAFORM:
        return Platform.TERRAFORM, ""
    return None if action.release is None else (action.resource.platform, action.release)


def _check_deletions(actions: Sequence[Action], plan: TargetPlan, limits: Limits) -> None:
    removed = sum(action.operation.removes for action in actions)
    if (guard := deletion_guard(removed, max(len(plan.live), removed), limits)) is not None:
        raise Refused(
            f"Nothing was done: {guard.message}",
            advice="If that is meant, allow it by fixes.max_removed and fixes.max_removed_percent in clockwork.yaml.",
        )


def _work(action: Action, plan: TargetPlan, journal: ApplyJournal) -> Work:
    intent, resource = journal.token(action), action.resource
    drifts = plan.drifts.get(resource, ())
    return Work(action, plan.declared.get(resource), plan.live.get(resource), intent.id, intent.at, drifts)


def _rehearse(works: Sequence[Work], context: ApplyContext) -> None:
    """Ask the platforms first, as far as they can say; who needs another action's work cannot be asked before it."""
    for resource in dict.fromkeys(work.action.resource for work in works):
        with contextlib.suppress(BotError):  # told below; an applier is made by one thread alone
            context.applier(resource)
    with ThreadPoolExecutor(_WORKERS) as pool:
        answers = list(pool.map(partial(_refusal, context=context), works))
    if refusals := [answer for answer in answers if answer is not None]:
        raise Refused("\n  ".join(["Nothing was done, because that was refused:", *refusals]))


def _refusal(work: Work, *, context: ApplyContext) -> str | None:
    """Why the platform would not do it."""
    try:
        applier = _applier(work, context)
        if not work.action.needs:
            applier.rehearse(work)
    except BotError as exc:
        resource = work.action.resource
        return f"{resource.qualified}: {redact(exc.message).removeprefix(f'{resource}: ')}"
    return None


def _applier(work: Work, context: ApplyContext) -> Applier:
    applier = context.applier(work.action.resource)
    if applier is None:
        platform = work.action.resource.platform.value
        raise Refused(
            f"no settings say where to apply it: nothing of {platform} is observed directly",
            advice=f"Name it in clockwork.yaml, as observe: {_OBSERVED.get(platform, platform)}: {{}}.",
        )
    return applier


_OBSERVED: Final = {Platform.COMPOSE.value: "docker"}
"""What settings call the observer of a platform, where it is not the platform's name."""


def _carried_out(works: Sequence[Work], journal: ApplyJournal, context: ApplyContext) -> AppliedPlan:
    """Each wave is done and healthy before the next begins; the first in which something fails is the last."""
    applied: list[AppliedAction] = []
    journal.intend([work for work in works if work.action.hook])  # what runs last is known of from the beginning
    waves = [tuple(wave) for _, wave in groupby(works, key=lambda work: work.action.wave)]
    for number, wave in enumerate(waves):
        ended = _wave(wave, journal, context)
        applied += ended
        if any(action.failure is not None for action in ended):
            return AppliedPlan(
                tuple(applied), left=tuple(work.action for later in waves[number + 1 :] for work in later)
            )
    return AppliedPlan(tuple(applied))


def _wave(wave: Sequence[Work], journal: ApplyJournal, context: ApplyContext) -> list[AppliedAction]:
    applied: list[AppliedAction] = []
    for start in range(0, len(wave), _BATCH):
        batch = wave[start : start + _BATCH]
        journal.intend(batch)
        context.reached("apply-intent")
        with ThreadPoolExecutor(_WORKERS) as pool:
            ended = list(pool.map(partial(_done, context=context), batch))
        journal.record([_outcome(work, result, journal) for work, result in zip(batch, ended, strict=True)])
        context.reached("apply-outcome")
        applied += ended
    healthy = list(_healthy(wave, applied, context))
    context.reached("healthy")
    return healthy


def _done(work: Work, *, context: ApplyContext) -> AppliedAction:
    try:
        evidence = _applier(work, context).carry_out(work)
    except BotError as exc:
        return AppliedAction(work.action, failure=redact(str(exc)))
    context.reached("action")
    return AppliedAction(work.action, evidence)


def _outcome(work: Work, ended: AppliedAction, journal: ApplyJournal) -> Entry:
    if ended.evidence is None:
        return journal.end(work, Result.FAILED, ended.failure or "", {})
    return journal.end(work, Result.SUCCEEDED, ended.evidence.message, ended.evidence.facts)


def _healthy(wave: Sequence[Work], applied: Sequence[AppliedAction], context: ApplyContext) -> Iterator[AppliedAction]:
    """What was done, once it is healthy, has failed, or its time is over; in the same order."""
    until = context.clock.now() + timedelta(seconds=context.step_timeout)
    with ThreadPoolExecutor(_WORKERS) as pool:
        for final in pool.map(partial(_settled, context=context, until=until), wave, applied):
            context.tell(final)
            yield final


def _settled(work: Work, ended: AppliedAction, *, context: ApplyContext, until: datetime) -> AppliedAction:
    while ended.failure is None:
        now = context.clock.now()
        try:
            health = _applier(work, context).health(work, now=now)
        except BotError as exc:
            return replace(ended, failure=f"nobody knows whether it is healthy: {redact(str(exc))}")
        if health.state is HealthState.FAILED:
            return replace(ended, health=health, failure=f"it is not healthy: {'; '.join(health.evidence)}")
        if health.state is not HealthState.PROGRESSING:
            return replace(ended, health=health)
        if now >= until:
            waited = f"it was not healthy after {context.step_timeout:g} s"
            return replace(ended, health=health, failure=f"{waited}: {'; '.join(health.evidence)}")
        context.clock.sleep(_LOOK_AGAIN)
    return ended
