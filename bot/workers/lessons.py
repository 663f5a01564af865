"""When a category of failures spikes: a guardrail is learned from the recorded changes, proposed once, and followed up.

A category is tried at most once a day. Nothing is learned about what no document can catch: rules about the rules
themselves (a proposal would spike them again), assistants that do not answer, runs that broke.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bot.errors import BotError
from bot.guardrails.learning import FailedChange, Lesson, NotLearned, learn
from bot.guardrails.lesson_document import PREFIX, Occasion, rate_before
from bot.guardrails.rule import Guardrail, Subject
from bot.model.finding import Change
from bot.model.session import Session
from bot.workers.analysis import Dimension, LessonNote, Trend, Trends
from bot.workers.export import LearnedGuardrail
from bot.workers.failures import Failure, failures_in
from bot.workers.picture import FailureRate

NOT_LEARNABLE: Final = frozenset({"meta", "system", "assistant", "agents"})
AGAIN: Final = timedelta(days=1)
MOST_FAILED: Final = 120
MOST_CLEAN: Final = 240
"""So many recorded changes are read for one lesson, the newest."""


@dataclass(frozen=True, slots=True)
class MergedGuardrail:
    """A learned document on the branch, and when it came there."""

    guardrail: Guardrail
    since: datetime


@dataclass(frozen=True, slots=True)
class School:
    """What learning needs of the outside. ``change_of`` is the change that a session judged, None where it is gone;
    ``propose`` opens a pull request and returns its address, None where that was said no to before; ``merged`` are the
    learned documents of the branch.
    """

    change_of: Callable[[Session], Change | None]
    propose: Callable[[Lesson], str | None]
    merged: Callable[[], Sequence[MergedGuardrail]]


def lessons(
    sessions: Sequence[Session], trends: Trends, before: Sequence[LessonNote], school: School
) -> Sequence[LessonNote]:
    """What became of each category that spikes now and was not tried within a day."""
    spiking = [trend for trend in trends.spikes if trend.dimension is Dimension.CATEGORY]
    if trends.at is None:
        return ()
    fresh = [trend for trend in spiking if _is_due(trend, trends.at, before)]
    return [_tried(trend, sessions, trends.at, school) for trend in fresh]


def _is_due(trend: Trend, at: datetime, before: Iterable[LessonNote]) -> bool:
    last_trial = max((note.at for note in before if note.category == trend.name), default=None)
    return trend.name not in NOT_LEARNABLE and (last_trial is None or at - last_trial >= AGAIN)


def _tried(trend: Trend, sessions: Sequence[Session], at: datetime, school: School) -> LessonNote:
    note = LessonNote(trend.name, at, "")
    try:
        if any(merged_guardrail.guardrail.category == trend.name for merged_guardrail in school.merged()):
            return replace(note, outcome="a guardrail was learned already")
        learned = _learned(trend, sessions, at, school)
        if isinstance(learned, NotLearned):
            return replace(note, outcome=f"nothing was learned: {learned.reason}")
        url = school.propose(learned)
    except BotError as exc:
        return replace(note, outcome=f"not proposed: {exc.message}")
    if url is None:
        return replace(note, outcome="proposed before, not proposed again")
    return replace(note, outcome="proposed", link=url)


def _learned(trend: Trend, sessions: Sequence[Session], at: datetime, school: School) -> Lesson | NotLearned:
    failures = [
        failure for failure in failures_in(sessions) if failure.category == trend.name and not _is_learned(failure)
    ]
    advice = Counter(failure.advice for failure in failures if failure.advice)
    occasion = Occasion(
        category=trend.name,
        day=at.date(),
        today=trend.today,
        usual=trend.median,
        failures=len(failures),
        runs=len(sessions),
        advice=next(iter(advice.most_common(1)), ("", 0))[0],
    )
    failing = {failure.session.id for failure in failures_in(sessions)}
    clean = (session for session in sessions if session.id not in failing)
    return learn(
        occasion,
        list(_failed(failures, school)),
        [Subject(change) for change in _changes(clean, school, MOST_CLEAN)],
    )


def _is_learned(failure: Failure) -> bool:
    return failure.rule.startswith(PREFIX)


def _failed(failures: Sequence[Failure], school: School) -> Iterator[FailedChange]:
    failures_by_place: dict[str, list[Failure]] = {}
    for failure in failures:
        if failure.file and failure.line is not None:
            failures_by_place.setdefault(failure.session.id, []).append(failure)
    for place_failures in list(failures_by_place.values())[:MOST_FAILED]:
        session = place_failures[0].session
        change = school.change_of(session)
        if change is not None:
            lines = tuple(
                (place_failure.file, place_failure.line)
                for place_failure in place_failures
                if place_failure.line is not None
            )
            yield FailedChange(Subject(change), lines, session.number)


def _changes(sessions: Iterable[Session], school: School, most: int) -> Iterator[Change]:
    remaining = most
    for session in sorted(sessions, key=lambda failed_session: failed_session.at, reverse=True):
        if remaining == 0:
            return
        change = school.change_of(session)
        if change is not None:
            remaining -= 1
            yield change


def guardrail_outcomes(sessions: Sequence[Session], merged: Iterable[MergedGuardrail]) -> Sequence[LearnedGuardrail]:
    """What became of the failures that each merged guardrail is about. Its own findings are not counted: it finds what
    was found before, and more of it.
    """
    failures = [failure for failure in failures_in(sessions) if not _is_learned(failure)]
    return [_followed(guardrail, sessions, failures) for guardrail in merged]


def _followed(merged: MergedGuardrail, sessions: Sequence[Session], failures: Sequence[Failure]) -> LearnedGuardrail:
    category, since = merged.guardrail.category, merged.since
    of_it = [failure for failure in failures if failure.category == category]
    after = FailureRate(
        sum(1 for failure in of_it if failure.session.at >= since),
        sum(1 for session in sessions if session.at >= since),
    )
    earlier_rate = rate_before(merged.guardrail)
    earlier = FailureRate(len(of_it) - after.failures, len(sessions) - after.runs)
    return LearnedGuardrail(
        merged.guardrail.id, category, since, FailureRate(*earlier_rate) if earlier_rate else earlier, after
    )
