"""Carries out what people ticked, each box once, in the name of whoever ticked it. Called before a run decides anything, also
while everything is halted: what lifts a halt may be one of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from bot.errors import Invalid, Refused
from bot.flows import commands
from bot.flows.commands import Orders, record_order
from bot.flows.context import RunContext
from bot.flows.dashboard.boxes import Box, BoxVerb, ticked, ticker
from bot.flows.declare import Declarer
from bot.flows.intention import EVERYTHING
from bot.flows.lanes import ADOPTING
from bot.flows.messages import answer
from bot.model.codehost import BodyEdit, Issue, Marker
from bot.model.decision import Decision
from bot.model.ledger import Actor, Entry, EntryKind, LedgerView
from bot.ports import BoardHost, CodeHost
from bot.safety.history import ADOPT, APPROVE, ORDER, RESTORE
from bot.safety.suspension import UNTIL

TICK: Final = "tick"
"""The key in an order's detail that names the tick it was given by: number of the issue, time of the edit, the box."""
IGNORED_FOR: Final = timedelta(days=7)
_ANSWER: Final = "tick"
"""The kind of the marker of a comment that says why a tick was not carried out."""


@dataclass(frozen=True, slots=True)
class TickedBox:
    """A ticked box with the edit that ticked it (None: nobody can tell), and both as one text."""

    box: Box
    edit: BodyEdit | None
    source: str


def carry_out_ticks(
    issue: Issue, decisions: Sequence[Decision], view: LedgerView, run: RunContext, declarer: Declarer
) -> bool:
    """Carry out what is ticked on ``issue`` and was not carried out yet; whether the ledger has orders that it had not.

    What is not carried out, because nobody can tell who ticked it or they may not order it, is said in one comment each.
    """
    boxes = ticked(issue.body)
    host = run.host
    if not boxes or host is None or not isinstance(host, BoardHost):
        return False
    edits = host.edits(issue)
    obeyed = {entry.detail[TICK] for entry in view.entries if TICK in entry.detail}
    changed = False
    for box in boxes:
        edit = ticker(box, edits)
        at = issue.updated_at if edit is None else edit.at
        tick = TickedBox(box, edit, f"{issue.number}/{at}/{box.verb.value} {box.fingerprint or box.task}")
        if tick.source in obeyed:
            continue
        if (refusal := _refusal(tick, decisions, host, run, declarer)) is None:
            changed = True
        else:
            host.comment(issue.number, marker=Marker(_ANSWER, tick.source, ""), body=answer(refusal, run.texts))
    return changed


def _refusal(
    tick: TickedBox, decisions: Sequence[Decision], host: CodeHost, run: RunContext, declarer: Declarer
) -> str | None:
    """Why a tick was not carried out; None where it was."""
    if tick.edit is None:
        return f"{_about(tick.box)} was not carried out: nobody can tell who ticked it. Tick it again."
    if not host.may_write(tick.edit.editor):
        reason = "only people with write access to this repository may give orders"
    else:
        try:
            _carry_out(tick, tick.edit, decisions, run, declarer)
        except (Refused, Invalid) as exc:
            reason = exc.message.rstrip(".")
        else:
            return None
    return f"{_about(tick.box)}, ticked by {tick.edit.editor}, was not carried out: {reason}."


def _about(box: Box) -> str:
    return f'"{named(box)}"{f" for {box.task}" if box.task else ""}'


def _carry_out(
    tick: TickedBox, edit: BodyEdit, decisions: Sequence[Decision], run: RunContext, declarer: Declarer
) -> None:
    box, by = tick.box, Actor(edit.editor, edit.editor_id)
    orders = Orders(run, declarer, by, call="/clockwork", source={TICK: tick.source})
    reason = "ticked on the dashboard"
    match box.verb:
        case BoxVerb.RESUME:
            commands.resume(orders, reason=reason, task=box.task or None)
        case BoxVerb.SUSPEND:
            commands.suspend(orders, reason=reason, task=box.task)
        case BoxVerb.RETRY:
            commands.retry(orders, reason=reason, fingerprint=box.fingerprint)
        case BoxVerb.IGNORE:
            until = run.clock.now() + IGNORED_FOR
            _record(tick, by, EntryKind.IGNORE, {UNTIL: until.isoformat()}, run)
        case BoxVerb.APPROVE:
            _record(tick, by, EntryKind.NOTE, {ORDER: APPROVE}, run)
        case BoxVerb.RESTORE:
            _record(tick, by, EntryKind.NOTE, {ORDER: RESTORE}, run, drifts=_adoptable(box.task, decisions))
        case BoxVerb.ADOPT:
            _record(tick, by, EntryKind.NOTE, {ORDER: ADOPT}, run)
        case _:
            assert_never(box.verb)


def _adoptable(task: str, decisions: Sequence[Decision]) -> tuple[str, ...]:
    drifts = [
        decision.drift.id
        for decision in decisions
        if decision.drift.task == task and (decision.lane in ADOPTING or decision.by_hand is None)
    ]
    if not drifts:
        raise Refused("nothing of it can be restored any more")
    return tuple(sorted(drifts))


def _record(
    tick: TickedBox,
    by: Actor,
    kind: EntryKind,
    detail: Mapping[str, str],
    run: RunContext,
    *,
    drifts: tuple[str, ...] = (),
) -> None:
    box = tick.box
    record_order(
        run,
        kind,
        reason="ticked on the dashboard",
        actor=by,
        task=box.task or EVERYTHING,
        fingerprint=box.fingerprint or None,
        drifts=drifts,
        detail={TICK: tick.source, **detail},
    )


_NAMES: Final[Mapping[BoxVerb, str]] = {
    BoxVerb.APPROVE: "Open it now",
    BoxVerb.RETRY: "Propose it again",
    BoxVerb.IGNORE: "Ignore it for 7 days",
    BoxVerb.RESTORE: "Restore it instead",
    BoxVerb.ADOPT: "Adopt it instead",
    BoxVerb.SUSPEND: "Suspend it",
    BoxVerb.RESUME: "Resume",
}


def named(box: Box) -> str:
    """What a box orders, as people read it."""
    return _NAMES[box.verb]


@dataclass(frozen=True, slots=True)
class GivenOrder:
    """One order that was given by a tick, as the dashboard shows it."""

    at: datetime
    by: str
    text: str
    task: str


def given_orders(view: LedgerView, *, most: int) -> tuple[GivenOrder, ...]:
    """The last orders that were given by ticks, newest first."""
    entries = [entry for entry in view.entries if TICK in entry.detail][-most:]
    tasks = {entry.fingerprint: entry.task for entry in view.entries if entry.fingerprint and entry.task}
    return tuple(_given_order(entry, entry.task or tasks.get(entry.fingerprint or "")) for entry in reversed(entries))


def _given_order(entry: Entry, about: str | None) -> GivenOrder:
    verb = entry.detail[TICK].split("/", 2)[2].partition(" ")[0]
    task = "" if about in {None, EVERYTHING} else str(about)
    text = _NAMES[BoxVerb(verb)] if verb in set(BoxVerb) else verb
    return GivenOrder(entry.at, entry.actor.login, text, task)
