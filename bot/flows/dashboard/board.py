"""Keeps the one issue current: found by the ledger or its marker, written only when it would say something else.

Nothing that people do to it is lost: ticks are carried out before anything is written, notes below the line stay, and what
somebody wrote in the moment of our write is taken from the history of the issue and put back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.errors import BotError, Stale
from bot.flows.context import RunContext
from bot.flows.dashboard.boxes import tick, ticked
from bot.flows.dashboard.content import content
from bot.flows.dashboard.ticks import carry_out_ticks
from bot.flows.declare import Declarer
from bot.flows.identity import BRANCH, KIND, NODE, NUMBER, REPOSITORY, open_item, records
from bot.flows.intention import EVERYTHING
from bot.flows.intents import record
from bot.flows.kept import notes_of, with_notes
from bot.flows.memory import Memory
from bot.flows.observation import Assessment
from bot.model.codehost import BodyEdit, Issue, Marker
from bot.model.decision import Lane
from bot.model.ledger import Entry, EntryKind
from bot.model.proposal import Tick
from bot.ports import BoardHost
from bot.safety.history import ORDER

DASHBOARD: Final = "dashboard"
"""The kind of the dashboard's marker, and of the note by which the ledger knows it."""
TITLE: Final = "Clockwork dashboard"
_TRIES: Final = 3
_OFF: Final = "The dashboard is switched off (`github.dashboard` in clockwork.yaml)."


@dataclass(frozen=True, slots=True)
class BoardOrders:
    """What is remembered once everything that is ticked was carried out; ``failure`` says why it could not be: then the ticks
    stay, and nothing is written over them.
    """

    memory: Memory
    failure: str | None = None


def ordered(memory: Memory, assessment: Assessment, run: RunContext, declarer: Declarer) -> BoardOrders:
    """Carry out what is ticked."""
    issue = _open(memory, run)
    if not run.dashboard or issue is None:
        return BoardOrders(memory)
    try:
        if carry_out_ticks(issue, assessment.decisions, memory.view, run, declarer):
            return BoardOrders(replace(memory, view=run.ledger.read()))
    except BotError as exc:
        return BoardOrders(memory, f"What is ticked on the dashboard waits: {exc.message}")
    return BoardOrders(memory)


def shown(finished: Tick, orders: BoardOrders, run: RunContext) -> Tick:
    """The run with the dashboard current. What keeps it from being written is told in the account, and ends nothing."""
    if orders.failure is not None:
        return replace(finished, notes=(*finished.notes, orders.failure))
    try:
        _keep(finished, orders.memory, run)
    except Stale:  # somebody edits it at this moment: the next run begins with that
        return finished
    except BotError as exc:
        return replace(finished, notes=(*finished.notes, f"The dashboard is not current: {exc.message}"))
    return finished


def _keep(finished: Tick, memory: Memory, run: RunContext) -> None:
    host, issue = run.host, _open(memory, run)
    if host is None or not isinstance(host, BoardHost) or Lane.RUNBOOK_ISSUE in memory.closures(finished.at):
        return
    if run.dashboard is False and issue is not None:
        host.close_issue(issue.number, comment=_OFF, marker=Marker(DASHBOARD, run.branch, "off"))
    if not run.dashboard:
        return
    view = run.ledger.read() if finished.wrote else memory.view
    body = content(finished, view, run.limits, run.texts)
    issue = issue or _closed(memory, run)
    if issue is None:
        _open_one(body, memory, run)
    else:
        _rewrite(issue, body, host, run)


def _open(memory: Memory, run: RunContext) -> Issue | None:
    """The open one of the branch: each that is compared has one."""
    return open_item((DASHBOARD, run.branch), memory.issues or ())


def _closed(memory: Memory, run: RunContext) -> Issue | None:
    """The one that somebody closed, as the ledger knows it: it is opened again once it would say something else."""
    about = (DASHBOARD, run.branch)
    numbers = [record.number for record in records(memory.view).values() if record.marker.about == about]
    item = memory.item(numbers[-1]) if numbers else None
    return item if isinstance(item, Issue) else None


def _open_one(body: str, memory: Memory, run: RunContext) -> None:
    host = run.host
    if host is None:
        raise AssertionError("a dashboard without a code host")
    labels = (*run.labels, f"clockwork/{DASHBOARD}")
    full_body = with_notes(body, "")
    issue = host.open_issue(
        marker=_marker(full_body, run), title=TITLE, body=full_body, labels=labels, listed=memory.issues
    )
    host.flush()
    record(run.ledger, run.ledger.read(), [_note(issue, memory, run)])


def _note(issue: Issue, memory: Memory, run: RunContext) -> Entry:
    repository = "" if memory.facts is None or not memory.facts.id else str(memory.facts.id)
    detail = {ORDER: DASHBOARD, KIND: DASHBOARD, NUMBER: str(issue.number), REPOSITORY: repository, NODE: issue.node}
    detail[BRANCH] = run.branch
    return Entry(
        id=run.new_id(),
        kind=EntryKind.NOTE,
        at=run.clock.now(),
        actor=run.actor,
        task=EVERYTHING,
        reason=f"keeps #{issue.number}",
        link=issue.url,
        detail={name: text for name, text in detail.items() if text},
    )


def _marker(body: str, run: RunContext) -> Marker:
    return Marker(DASHBOARD, run.branch, hashlib.sha256(body.encode()).hexdigest()[:16])


def _rewrite(issue: Issue, body: str, host: BoardHost, run: RunContext) -> None:
    """The issue says ``body``, written only where it says something else; what others wrote meanwhile is put back."""
    full_body = with_notes(body, notes_of(issue.body))
    for _ in range(_TRIES):
        if issue.body.strip() == full_body.strip():
            return
        rewritten = host.rewrite_issue(issue, marker=_marker(full_body, run), title=TITLE, body=full_body)
        lost_body = _lost(host.edits(rewritten), issue.body, full_body)
        if lost_body is None:
            return
        issue, full_body = rewritten, tick(with_notes(body, notes_of(lost_body)), ticked(lost_body))


def _lost(edits: Sequence[BodyEdit], seen_body: str, full_body: str) -> str | None:
    """What somebody wrote after we read ``seen_body`` and before we wrote ``full_body``; None where nobody did."""
    own_edits = [
        index for index, edit in enumerate(edits) if edit.by_us and (edit.body or "").strip() == full_body.strip()
    ]
    before = edits[own_edits[-1] - 1] if own_edits and own_edits[-1] > 0 else None
    if before is None or before.by_us or before.body is None or before.body.strip() == seen_body.strip():
        return None
    return before.body
