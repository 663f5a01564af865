"""What is remembered from one run to the next, read once per run: the ledger, and our pull requests and issues."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache, partial

from bot.errors import Refused
from bot.flows.context import RunContext
from bot.flows.declare import Declarer
from bot.flows.identity import closed_by_us, owned, records
from bot.flows.ownership import is_taken_over
from bot.model.codehost import HostFacts, Issue, ItemState, Marker, PullRequest
from bot.model.decision import Lane
from bot.model.ledger import LedgerView
from bot.model.proposal import PREFIX
from bot.model.wording import counted, minute
from bot.ports import CodeHost, Ledger
from bot.safety.closures import Closure, closures
from bot.safety.history import history_of
from bot.safety.limits import Limits
from bot.safety.spans import span
from bot.safety.state import State, state


def _switched_off(facts: HostFacts | None) -> Mapping[Lane, Closure]:
    if facts is not None and facts.archived:
        lanes = (Lane.ARTIFACT_PATCH, Lane.CONFIG_PULL_REQUEST, Lane.RUNBOOK_ISSUE)
        advice = "Unarchive it, or stop Clockwork for it."
        return {lane: Closure(lane, f"{facts.name} is archived", advice) for lane in lanes}
    if facts is not None and not facts.issues:
        advice = 'Switch on "Issues" (repository settings, Features).'
        return {Lane.RUNBOOK_ISSUE: Closure(Lane.RUNBOOK_ISSUE, f"issues are switched off in {facts.name}", advice)}
    return {}


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered. ``pulls`` and ``issues`` are the open ones, ours with a marker; None without a code host.

    ``taken_over`` tells whether the branch of a task's pull request ends in somebody else's commit. ``closed`` gives the
    closed items about a proposal, newest first: asked for only where nothing open is about it. ``facts`` are the host's.
    """

    view: LedgerView
    limits: Limits
    pulls: Sequence[PullRequest] | None = None
    issues: Sequence[Issue] | None = None
    taken_over: Callable[[str], bool] = lambda _task: False
    closed: Callable[[Marker, str], Sequence[PullRequest | Issue]] = lambda _tag, _fingerprint: ()
    item: Callable[[int], PullRequest | Issue | None] = lambda _number: None
    """One item of ours by its number, in whatever state."""
    facts: HostFacts | None = None
    prefix: str = PREFIX
    branch: str = ""
    in_the_way: Mapping[Lane, Closure] = field(default_factory=dict)
    """Pull requests, where a branch is called as ours begin."""
    below: Callable[[str], str | None] = lambda _branch: None
    """A branch whose name begins with that of the given one and a slash: Git keeps only one of the two."""

    def closures(self, now: datetime) -> Mapping[Lane, Closure]:
        """The lanes that are closed: as the host says of the repository now, and as the ledger remembers refusals."""
        return {**closures(self.view, now), **self.in_the_way, **_switched_off(self.facts)}

    @property
    def in_flight(self) -> timedelta:
        """How long an intent without an outcome counts as the work of a run that is still alive."""
        return span(self.limits.in_progress)


@dataclass(frozen=True, slots=True)
class Situation:
    """What stays the same for all proposals of one plan: what is remembered, what it means at ``now``, how files are
    read.
    """

    memory: Memory
    state: State
    declarer: Declarer
    now: datetime
    closed: Mapping[Lane, Closure] = field(default_factory=dict)


def remember(run: RunContext) -> Memory:
    """What is remembered now: the ledger first, so that whatever a list misses shows as news in the ledger."""
    view = run.ledger.read()
    if run.host is None:
        return Memory(view, run.limits, taken_over=partial(is_taken_over, view=view, run=run), prefix=run.prefix)
    facts, item_records = run.host.facts(), records(view)
    return Memory(
        view=view,
        limits=run.limits,
        pulls=owned(run.host.pulls(), item_records, facts),
        issues=owned(run.host.issues(), item_records, facts),
        taken_over=partial(is_taken_over, view=view, run=run),
        closed=partial(_closed, run.host, view, cache(run.host.closed)),
        item=partial(_item, run.host, view),
        facts=facts,
        prefix=run.prefix,
        branch=run.branch,
        in_the_way=_in_the_way(run),
        below=partial(_below, cache(run.repository.branches)),
    )


def _below(branches: Callable[[], Sequence[str]], branch: str) -> str | None:
    return next((name for name in branches() if name.startswith(f"{branch}/")), None)


def _in_the_way(run: RunContext) -> Mapping[Lane, Closure]:
    """Git keeps ``clockwork`` and ``clockwork/x`` in one place and takes only one of them (git-check-ref-format(1); the refs
    are files and folders).
    """
    parts = run.prefix.split("/")[:-1]
    for end in range(1, len(parts) + 1):
        name = "/".join(parts[:end])
        if run.repository.head(name) is not None:
            reason = f"the branch {name} is in the way of ours, which begin with {run.prefix}"
            advice = f"Rename or delete {name}, or choose another github.branch_prefix in clockwork.yaml."
            return {Lane.CONFIG_PULL_REQUEST: Closure(Lane.CONFIG_PULL_REQUEST, reason, advice)}
    return {}


def _item(host: CodeHost, view: LedgerView, number: int) -> PullRequest | Issue | None:
    item, record = host.item(number), records(view).get(number)
    if item is None or record is None:
        return item
    closed_by_bot = item.closed_by_us or str(number) in closed_by_us(view)
    return replace(item, marker=record.marker, closed_by_us=closed_by_bot)


def _closed(
    host: CodeHost,
    view: LedgerView,
    labelled: Callable[[], Sequence[PullRequest | Issue]],
    tag: Marker,
    fingerprint: str,
) -> Sequence[PullRequest | Issue]:
    """The closed items about a proposal. Those that the ledger knows are asked for by number; only where it knows none
    is the host asked for what carries our label, once a run.
    """
    item_records = [record for record in records(view).values() if record.marker.about == tag.about]
    if not item_records:
        return [item for item in labelled() if item.marker and item.marker.about == tag.about]
    if fingerprint in history_of(view).rejections:
        return ()
    same = [record for record in item_records if record.marker.digest == fingerprint.rpartition("-")[2]]
    latest_first = sorted(same if tag.kind in set(Lane) else item_records[-1:], key=lambda record: -record.number)
    items = (_item(host, view, record.number) for record in latest_first)
    return [item for item in items if item is not None and item.state is not ItemState.OPEN]


def check_running(ledger: Ledger, limits: Limits, now: datetime) -> None:
    """Raise ``Refused`` while nothing at all may be written."""
    if (reason := stopped(ledger.read(), limits, now)) is not None:
        raise Refused(f"nothing is written: {reason}", advice="`clockwork resume -m why` lifts it.")


def stopped(view: LedgerView, limits: Limits, now: datetime) -> str | None:
    """Why nothing at all may be written; None when it may."""
    limit_state = state(view, now, limits)
    if limit_state.halt is not None:
        halt = limit_state.halt
        return f"Halted since {minute(halt.at)} by {halt.actor.login}: {halt.reason}"
    if limit_state.emergency:
        failures = counted(limit_state.failures, "failure")
        return f"Emergency stop: {failures} since the last resume. `clockwork resume -m why` lifts it."
    return None
