"""What one run says stands now, as notices: drift, our pull requests and issues, halts, fights, failures.

Called by :mod:`bot.flows.notify`. Texts are one line, with their secrets redacted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from bot.flows.intention import DELETIONS, LANE_OF_KIND
from bot.flows.titles import change_of
from bot.model.codehost import Issue, ItemState, PullRequest
from bot.model.decision import Lane
from bot.model.drift import Drift
from bot.model.ledger import LedgerView
from bot.model.notice import Notice, NoticeEvent
from bot.model.proposal import Effect, TakenAction, Tick, field_of
from bot.model.severity import Severity
from bot.model.wording import counted
from bot.notices.news import Standing, end
from bot.safety.convergence import fights
from bot.safety.limits import Limits
from bot.safety.state import state
from bot.safety.trailers import one_line
from bot.secrecy.redaction import redact

RUN = "run"
"""The subject of a run that fails."""
_HALT = "halt"
_LONGEST = 240


@dataclass(frozen=True, slots=True)
class Blocked:
    """A pull request that the guard blocks: its number, title, link, and the head that was judged."""

    number: int
    title: str
    link: str
    head: str


def as_sentence(text: str) -> str:
    """``text`` in one line, without secrets."""
    return redact(one_line(text, limit=_LONGEST))


def of_tick(tick: Tick, view: LedgerView, limits: Limits, *, now: datetime) -> Standing:
    """What a run says. ``view`` is the ledger now."""
    notices = (
        *_drifts(tick, now),
        *_items(tick, now),
        *_halts(view, limits, now),
        *_fights(view, limits, now),
        *([failure(tick.blocked, now)] if tick.blocked and not state(view, now, limits).halted else ()),
    )
    return Standing(tuple(notices), partial(_ended, tick=tick, now=now))


def of_failure(text: str, view: LedgerView, limits: Limits, *, now: datetime) -> Standing:
    """What a run says that came to nothing."""
    return Standing((failure(text, now), *_halts(view, limits, now)))


def of_verdict(blocked: Blocked, now: datetime) -> Standing:
    """A pull request that the guard blocks, as what merely happened."""
    return Standing(once=(verdict(blocked, now),))


def verdict(blocked: Blocked, now: datetime) -> Notice:
    """A pull request that the guard blocks."""
    text = as_sentence(f"PR #{blocked.number} is blocked by the guardrails: {blocked.title}")
    subject = f"verdict {blocked.number} {blocked.head}"
    return Notice(NoticeEvent.VERDICT_BLOCKED, subject, Severity.HIGH, text, now, link=blocked.link)


def failure(text: str, now: datetime) -> Notice:
    """A run that could not do its work."""
    return Notice(NoticeEvent.RUN_FAILED, RUN, Severity.HIGH, as_sentence(f"Run failed: {text}"), now)


def distrusts_ledger(tick: Tick, view: LedgerView, limits: Limits, now: datetime) -> bool:
    """Whether this run found reason to write nothing on the ledger: it was blocked, and nobody halted it."""
    return tick.blocked is not None and not state(view, now, limits).halted


def _drifts(tick: Tick, now: datetime) -> Iterator[Notice]:
    """One notice for each field, or whole resource, that differs; where two drifts share one, the worse counts."""
    worst: dict[str, Drift] = {}
    for drift in tick.report.drift:
        name = field_of(drift)
        if name not in worst or drift.severity.rank > worst[name].severity.rank:
            worst[name] = drift
    for name, drift in worst.items():
        text = as_sentence(f"{drift.task}: {change_of(drift)}")
        target = drift.resource.target or ""
        yield Notice(NoticeEvent.DRIFT_NEW, f"drift {name}", drift.severity, text, now, target, drift.task)


def _items(tick: Tick, now: datetime) -> Iterator[Notice]:
    """Our open pull requests and issues: those that were there, and those that this run opened."""
    severities = _severities(tick)
    subjects = set[str]()
    for action in tick.actions:
        if action.effect is Effect.OPENED and action.number is not None:
            subject = _subject_of(action)
            subjects.add(subject)
            yield _of_action(action, subject, tick, now)
    closed = {_subject_of(action) for action in tick.actions if action.effect is Effect.CLOSED}
    items: Iterable[PullRequest | Issue] = [*(tick.pulls or ()), *(tick.issues or ())]
    for item in items:
        subject = _subject(item.number, pull=isinstance(item, PullRequest))
        if item.state is ItemState.OPEN and _is_proposal(item) and subject not in subjects | closed:
            yield _of_item(item, subject, severities, tick, now)


def _subject(number: int, *, pull: bool) -> str:
    return f"{'pull' if pull else 'issue'} {number}"


def _subject_of(action: TakenAction) -> str:
    return _subject(action.number or 0, pull=action.lane is Lane.CONFIG_PULL_REQUEST)


def _severities(tick: Tick) -> Mapping[str, Severity]:
    """The worst severity of each task."""
    worst: dict[str, Severity] = {}
    for drift in tick.report.drift:
        worst[drift.task] = max(
            worst.get(drift.task, Severity.LOW), drift.severity, key=lambda known_drift: known_drift.rank
        )
    return worst


def _is_proposal(item: PullRequest | Issue) -> bool:
    return item.marker is not None and item.marker.kind in LANE_OF_KIND


def _of_action(action: TakenAction, subject: str, tick: Tick, now: datetime) -> Notice:
    event = NoticeEvent.PULL_OPENED if subject.startswith("pull") else NoticeEvent.ISSUE_OPENED
    severity = action.severity or Severity.MEDIUM
    text = as_sentence(f"Opened {action.message}")
    return Notice(event, subject, severity, text, now, _target(action.task, tick), action.task, action.url)


def _of_item(
    item: PullRequest | Issue, subject: str, severities: Mapping[str, Severity], tick: Tick, now: datetime
) -> Notice:
    pull = isinstance(item, PullRequest)
    task = "" if item.marker is None or item.marker.kind == DELETIONS else item.marker.key
    return Notice(
        NoticeEvent.PULL_OPENED if pull else NoticeEvent.ISSUE_OPENED,
        subject,
        severities.get(task, Severity.MEDIUM),
        as_sentence(f'{"PR" if pull else "Issue"} #{item.number} "{item.title}" is open'),
        now,
        _target(task, tick) if task else None,
        task,
        item.url,
    )


def _target(task: str, tick: Tick) -> str:
    """The target of a task, whose name stands before the first slash."""
    name, slash, _ = task.partition("/")
    return name if slash and name in tick.report.targets else ""


def _halts(view: LedgerView, limits: Limits, now: datetime) -> Iterator[Notice]:
    limit_state = state(view, now, limits)
    if limit_state.halt is not None:
        text = f"Halted by {limit_state.halt.actor.login}: {limit_state.halt.reason}"
        yield Notice(NoticeEvent.HALTED, _HALT, Severity.HIGH, as_sentence(text), now)
    elif limit_state.emergency:
        failures = counted(limit_state.failures, "failure")
        text = f"Emergency stop: {failures} since the last resume; `clockwork resume -m why` lifts it"
        yield Notice(NoticeEvent.HALTED, _HALT, Severity.CRITICAL, as_sentence(text), now)


def _fights(view: LedgerView, limits: Limits, now: datetime) -> Iterator[Notice]:
    for fight in fights(view, limits, now):
        text = (
            f"{fight.field} was corrected {len(fight.times)} times and comes back; written by {_names(fight.managers)}"
        )
        yield Notice(
            NoticeEvent.BREAKER, f"breaker {fight.field}", Severity.HIGH, as_sentence(text), now, None, fight.task, None
        )


def _names(managers: tuple[str, ...]) -> str:
    return ", ".join(managers) or "unknown"


def _ended(notice: Notice, *, tick: Tick, now: datetime) -> Notice | None:
    """How what ``notice`` began ended, as far as this run can tell."""
    match notice.event:
        case NoticeEvent.DRIFT_NEW:
            was_looked_at = notice.task in tick.looked_at
            text = f"{notice.subject.removeprefix('drift ')} is as Git says again"
            return end(notice, NoticeEvent.DRIFT_CLOSED, as_sentence(text), now) if was_looked_at else None
        case NoticeEvent.PULL_OPENED:
            return _pull_ended(notice, tick, now)
        case NoticeEvent.ISSUE_OPENED:
            return _issue_ended(notice, tick, now)
        case NoticeEvent.HALTED:
            return end(notice, NoticeEvent.RESUMED, "Resumed", now)
        case NoticeEvent.BREAKER:
            text = f"{notice.subject.removeprefix('breaker ')} is corrected again when it drifts"
            return end(notice, NoticeEvent.BREAKER_OVER, as_sentence(text), now)
        case NoticeEvent.RUN_FAILED:
            return end(notice, NoticeEvent.RUN_RECOVERED, "Runs succeed again", now)
        case _:
            return None


def _pull_ended(notice: Notice, tick: Tick, now: datetime) -> Notice | None:
    number = int(notice.subject.partition(" ")[2])
    if _closed_now(notice, tick):
        return end(notice, NoticeEvent.PULL_CLOSED, f"PR #{number} was closed: its drift is gone or differs", now)
    for pull in tick.pulls or ():
        if pull.number == number and pull.state is not ItemState.OPEN:
            merged, closed_by_us = pull.state is ItemState.MERGED, pull.closed_by_us
            event = (
                NoticeEvent.PULL_MERGED
                if merged
                else NoticeEvent.PULL_CLOSED
                if closed_by_us
                else NoticeEvent.PULL_REJECTED
            )
            ending = (
                "merged"
                if merged
                else "closed: its drift is gone or differs"
                if closed_by_us
                else "closed, which rejects it"
            )
            return end(notice, event, as_sentence(f'PR #{number} "{pull.title}" was {ending}'), now)
    return None


def _issue_ended(notice: Notice, tick: Tick, now: datetime) -> Notice | None:
    number = int(notice.subject.partition(" ")[2])
    states = {issue.number: issue for issue in tick.issues or ()}
    issue = states.get(number)
    if not _closed_now(notice, tick) and (issue is None or issue.state is ItemState.OPEN):
        return None
    title = f' "{issue.title}"' if issue is not None else ""
    return end(notice, NoticeEvent.ISSUE_CLOSED, as_sentence(f"Issue #{number}{title} was closed"), now)


def _closed_now(notice: Notice, tick: Tick) -> bool:
    return any(action.effect is Effect.CLOSED and _subject_of(action) == notice.subject for action in tick.actions)
