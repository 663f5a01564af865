"""What people order: halt, resume, suspend, retry, ignore. Recorded in the ledger, so every run obeys it.

Called by the command line and, for ``/clockwork …`` comments, by :mod:`bot.flows.comments`. Who may say it is asked
before. Each order says in a sentence exactly what it did. A name that neither Git nor the ledger knows is refused: an
order about a typo would hold nothing back and still look obeyed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from bot.errors import Invalid, Refused
from bot.flows.context import RunContext
from bot.flows.declare import Declarer
from bot.flows.identity import owned, records
from bot.flows.intention import EVERYTHING, LANE_OF_KIND, TASKS
from bot.flows.intents import record
from bot.model.codehost import Issue, Marker, PullRequest
from bot.model.ledger import Actor, Entry, EntryKind, LedgerView
from bot.model.moment import moment
from bot.model.proposal import key_of
from bot.model.wording import minute, second
from bot.safety.history import APPLY, ORDER, PLAN, RESTORE
from bot.safety.state import State, state
from bot.safety.suspension import UNTIL, suspended_until

_PLAN: Final = re.compile("[0-9a-f]{12}")
ALL: Final = "everything"
"""The argument of ``resume`` that means no single task."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What orders are taken with: the run that writes them down, what knows which tasks there are, and who gives them.

    ``call`` is how these people address the bot, for what an answer tells them to say next. ``explained`` is the whole
    chain of decision about a task, for people; it looks at what runs.
    """

    run: RunContext
    declarer: Declarer
    by: Actor
    call: str = "clockwork"
    explained: Callable[[str], str] | None = None
    why: str = ""
    """What these people put a reason behind, where they must give one."""
    source: Mapping[str, str] = field(default_factory=dict)
    """Where the order was given, kept with it: the id of a comment, so that it is never carried out twice."""

    def hint(self, verb: str, order: str) -> str:
        """An order as these people give it."""
        return f"{self.call} {verb} {order}{self.why}"


COMMENT: Final = "comment"
"""The key in an order's detail that names the comment it was given in: number of the thread, slash, id of the comment."""


def record_order(
    run: RunContext,
    kind: EntryKind,
    *,
    reason: str,
    actor: Actor | None = None,
    task: str | None = None,
    fingerprint: str | None = None,
    drifts: tuple[str, ...] = (),
    detail: Mapping[str, str] | None = None,
) -> LedgerView:
    """The ledger with that entry added. Raises ``Refused`` when ``reason`` is empty."""
    if not reason.strip():
        raise Refused(f"{kind.value} needs a reason", advice="Give one: it is kept in the ledger.")
    entry = Entry(
        id=run.new_id(),
        kind=kind,
        at=run.clock.now(),
        actor=actor or run.actor,
        task=task,
        fingerprint=fingerprint,
        drifts=drifts,
        reason=reason.strip(),
        link=run.run_link,
        detail=dict(detail or {}),
    )
    return record(run.ledger, run.ledger.read(), [entry])


def _order(
    orders: Orders,
    kind: EntryKind,
    *,
    reason: str,
    task: str | None = None,
    fingerprint: str | None = None,
    detail: Mapping[str, str] | None = None,
) -> None:
    """The order in the ledger, with whoever gave it and where."""
    order_detail = {**orders.source, **(detail or {})}
    record_order(
        orders.run, kind, reason=reason, actor=orders.by, task=task, fingerprint=fingerprint, detail=order_detail
    )


def halt(orders: Orders, *, reason: str) -> str:
    """Nothing is written any more by anybody."""
    _order(orders, EntryKind.HALT, reason=reason)
    return f"Halted everything: no run writes anything until `{orders.hint('resume', ALL)}`."


def resume(orders: Orders, *, reason: str, task: str | None = None) -> str:
    """``task`` may go on, or everything without one; the failures so far no longer count. ``Invalid`` if unknown."""
    view = orders.run.ledger.read()
    before = _state(orders, view)
    if task is None or (task == ALL and task not in known_tasks(orders, view)):
        _order(orders, EntryKind.RESUME, reason=reason)
        return _resumed(before)
    check_task(orders, task, view)
    _order(orders, EntryKind.RESUME, reason=reason, task=task)
    suspended = " It is no longer suspended." if task in before.suspended else ""
    return f"Resumed {task}: its failures so far no longer count.{suspended}{_still(before, orders)}"


def suspend(orders: Orders, *, reason: str, task: str, until: str | None = None) -> str:
    """Nothing is written for ``task`` until that time, or until unsuspend. ``Invalid`` if unknown, or in the past."""
    check_task(orders, task)
    end = None if until is None else _future(until, orders.run.clock.now())
    detail = {} if end is None else {UNTIL: end.isoformat()}
    _order(orders, EntryKind.SUSPEND, reason=reason, task=task, detail=detail)
    by_hand = f"`{orders.hint('unsuspend', task)}`"
    if end is None:
        return f"Suspended {task}: no run writes anything for it until {by_hand}."
    return f"Suspended {task} until {_clock(end)}: no run writes anything for it before that, or {by_hand}."


def unsuspend(orders: Orders, *, reason: str, task: str) -> str:
    """``task`` is not suspended, whether it was or not. ``Invalid`` if unknown."""
    view = orders.run.ledger.read()
    check_task(orders, task, view)
    before = _state(orders, view)
    if task not in before.suspended:
        return f"{task} is not suspended; nothing was changed.{_still(before, orders)}"
    _order(orders, EntryKind.UNSUSPEND, reason=reason, task=task)
    return f"{task} is no longer suspended.{_still(before, orders)}"


def retry(orders: Orders, *, reason: str, fingerprint: str) -> str:
    """That proposal may be made again. ``Invalid`` if nobody ever made it."""
    check_fingerprint(orders, fingerprint)
    _order(orders, EntryKind.RETRY, reason=reason, fingerprint=fingerprint)
    return f"The next run may propose {fingerprint} again."


def restore(orders: Orders, *, reason: str, fingerprint: str) -> str:
    """What that proposal is about is restored instead of adopted, while it runs as it does. ``Invalid`` if nobody ever
    made it.
    """
    check_fingerprint(orders, fingerprint)
    matching_entries = [
        entry for entry in orders.run.ledger.read().entries if entry.fingerprint == fingerprint and entry.drifts
    ]
    if not matching_entries:
        raise Refused("the ledger does not remember what it is about", advice="Tick it on the dashboard instead.")
    joined = (
        entry.detail[TASKS] for entry in matching_entries if TASKS in entry.detail
    )  # its intent says it, its outcome does not
    tasks = next(joined, matching_entries[-1].task or EVERYTHING).splitlines()
    for task in tasks:
        record_order(
            orders.run,
            EntryKind.NOTE,
            reason=reason,
            actor=orders.by,
            task=task,
            fingerprint=fingerprint,
            drifts=matching_entries[-1].drifts,
            detail={**orders.source, ORDER: RESTORE},
        )
    return (
        f"The next run restores {', '.join(tasks)}: Clockwork does where `apply.restore` is on, "
        "else an issue has the steps. This proposal is closed then."
    )


def apply(orders: Orders, *, plan: str, reason: str) -> str:
    """The plan of which that is the beginning of the digest may be carried out. ``Invalid`` for what is no such thing."""
    if not _PLAN.fullmatch(plan):
        raise Invalid(
            f"{plan!r} names no plan" if plan else "no plan is named",
            advice="Name the one that waits: 12 hex digits, as the comment about it says.",
        )
    _order(orders, EntryKind.NOTE, reason=reason, detail={ORDER: APPLY, PLAN: plan})
    return f"The next apply carries out plan {plan}, unless the branch or what runs is another by then."


def ignore(orders: Orders, *, reason: str, fingerprint: str) -> str:
    """That proposal is not made again. ``Invalid`` if nobody ever made it."""
    check_fingerprint(orders, fingerprint)
    _order(orders, EntryKind.IGNORE, reason=reason, fingerprint=fingerprint)
    return (
        f"Rejected: exactly this proposal, {fingerprint}, is not made again. "
        "To hide the drift from reports too, add an ignore rule."
    )


def known_tasks(orders: Orders, view: LedgerView | None = None) -> frozenset[str]:
    """The tasks that Git declares now, and those that the ledger remembers."""
    run = orders.run
    view = run.ledger.read() if view is None else view
    run.repository.fetch()
    head = run.repository.head(run.branch)
    declared: set[str] = set()
    if head is not None:
        declaration = orders.declarer.at(head)
        declared = {desired.task for desired in declaration.resources}
        if declaration.deployment is not None:
            declared |= declaration.deployment.tasks
    return frozenset({*declared, *(entry.task for entry in view.entries if entry.task)}) - {EVERYTHING}


def check_task(orders: Orders, task: str, view: LedgerView | None = None) -> None:
    """Raise ``Invalid`` for a name that is no task's, with the nearest that is."""
    task_names = known_tasks(orders, view)
    if task not in task_names and task not in {task_of(item.marker) for item in _items(orders.run)}:
        raise Invalid(f"unknown task {task!r}", advice=_did_you_mean(near(task, task_names)) or _LISTED)


def near(name: str, task_names: Collection[str]) -> Sequence[str]:
    """The tasks that somebody who wrote ``name`` may have meant, best first."""
    same = sorted(task for task in task_names if task.rpartition("/")[2].lower() == name.lower() and task != name)
    return list(dict.fromkeys([*difflib.get_close_matches(name, task_names, n=3, cutoff=0.8), *same]))[:3]


def check_fingerprint(orders: Orders, fingerprint: str) -> None:
    """Raise ``Invalid`` for a fingerprint of which neither the ledger nor the code host knows."""
    view = orders.run.ledger.read()
    fingerprints = {entry.fingerprint for entry in view.entries if entry.fingerprint}
    if fingerprint in fingerprints:
        return
    fingerprints |= {
        fingerprint_of(item.marker) for item in _items(orders.run) if item.marker and item.marker.kind in LANE_OF_KIND
    }
    if fingerprint in fingerprints:
        return
    rejected = _state(orders, view).rejected
    suggestions = [candidate for candidate, entry in rejected.items() if entry.task == fingerprint]
    suggestions = suggestions or difflib.get_close_matches(fingerprint, fingerprints, n=3, cutoff=0.8)
    advice = "Reports, `clockwork explain TASK` and `clockwork ledger show --json` name fingerprints."
    raise Invalid(f"unknown proposal {fingerprint!r}", advice=_did_you_mean(suggestions) or advice)


def subject(number: int, run: RunContext) -> Marker | None:
    """What an issue or pull request is about; None when it is not one of ours."""
    host = run.host
    item = None if host is None else host.item(number)
    if host is None or item is None:
        return None
    return owned((item,), records(run.ledger.read()), host.facts())[0].marker


def task_of(thread: Marker | None) -> str | None:
    """The task that a thread is about; None for one about all of them or about none."""
    if thread is None or thread.kind not in LANE_OF_KIND or thread.key == EVERYTHING:
        return None
    return thread.key


def fingerprint_of(thread: Marker | None) -> str:
    """The fingerprint of the proposal that a thread is about. ``Refused`` when it is about none."""
    if thread is None or thread.kind not in LANE_OF_KIND:
        raise Refused("this thread is not about a proposal")
    return f"{key_of(LANE_OF_KIND[thread.kind], thread.key)}-{thread.digest}"


_LISTED: Final = "Name a task that Git declares or the ledger knows, such as Deployment/shop/web."


def _did_you_mean(names: Sequence[str]) -> str:
    return f"Did you mean {' or '.join(names)}?" if names else ""


def _items(run: RunContext) -> Sequence[PullRequest | Issue]:
    """Open items, ours with a marker."""
    host = run.host
    if host is None:
        return ()
    item_records, facts = records(run.ledger.read()), host.facts()
    return (*owned(host.pulls(), item_records, facts), *owned(host.issues(), item_records, facts))


def _state(orders: Orders, view: LedgerView) -> State:
    return state(view, orders.run.clock.now(), orders.run.limits)


def _resumed(before: State) -> str:
    if before.halt is not None:
        lifted = f"the halt by {before.halt.actor.login} is lifted"
    else:
        lifted = "the emergency stop is lifted" if before.emergency else "nothing was halted"
    still_suspended = ", ".join(f"{task} {_end(entry)}" for task, entry in sorted(before.suspended.items()))
    asleep = f" Still suspended: {still_suspended}." if still_suspended else ""
    return f"Resumed everything: {lifted}; failures so far ({before.failures}) no longer count.{asleep}"


def _end(entry: Entry) -> str:
    until = suspended_until(entry)
    return "until unsuspend" if until is None else f"until {_clock(until)}"


def _still(now: State, orders: Orders) -> str:
    """What keeps holding everything back, whatever becomes of one task."""
    if now.halt is not None:
        reason = f"halted by {now.halt.actor.login}: {now.halt.reason}"
    elif now.emergency:
        reason = f"emergency stop after {now.failures} failures"
    else:
        return ""
    return f" Everything is still stopped ({reason}); `{orders.hint('resume', ALL)}` lifts that."


def _future(text: str, now: datetime) -> datetime:
    end = moment(text, now=now)
    if end <= now:
        raise Invalid(f"{text} is in the past: it is {_clock(now)} now", advice="Name a time in the future.")
    return end


def _clock(at: datetime) -> str:
    return minute(at) if not at.second else second(at)
