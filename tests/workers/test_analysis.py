"""Trends and spikes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.model.finding import Enforce
from bot.model.session import Reply, ReplyStatus, Session
from bot.model.severity import Severity
from bot.workers.analysis import Dimension, Trend, analyse
from bot.workers.failures import failures_in
from tests.sessions.samples import AT, finding, session, sessions
from tests.table import table


def on_day(days_ago: int, number: int) -> list[Session]:
    """``number`` sessions with one failure each, so many days before AT."""
    at = AT - timedelta(days=days_ago, minutes=1)
    return [session(1000 * days_ago + index, at=at) for index in range(number)]


@table(
    ("before", "today", "spikes"),
    [
        ([0] * 7, 9, False),
        ([0] * 7, 10, True),
        ([3] * 7, 10, True),
        ([4] * 7, 11, False),
        ([4] * 7, 12, True),
        ([100, 0, 0, 0, 0, 0, 0], 10, True),
        ([5, 5, 5, 5, 0, 0, 0], 14, False),
        ([5, 5, 5, 5, 0, 0, 0], 15, True),
    ],
)
def test_a_spike_is_many_and_three_times_the_usual(before: list[int], today: int, *, spikes: bool) -> None:
    """At least 10 in a day and at least three times the median of the seven days before."""
    made = [failed for days_ago, number in enumerate(reversed(before), start=1) for failed in on_day(days_ago, number)]
    (trend,) = analyse([*made, *on_day(0, today)], AT).by(Dimension.CATEGORY)
    assert trend.days == (*before, today)
    assert trend.spikes is spikes


def test_failures_are_counted_by_everything() -> None:
    """One blocked finding and one late assistant count by category, tool, agent and severity."""
    block = replace(finding("K8S-001", enforce=Enforce.BLOCK), severity=Severity.CRITICAL, category="")
    late = Reply("codex", ReplyStatus.TIMEOUT)
    trends = analyse([session(1, findings=(block,), replies=(late,)), session(2, findings=())], AT + timedelta(hours=1))
    names = {dimension: {trend.name: trend.total for trend in trends.by(dimension)} for dimension in Dimension}
    assert names == {
        Dimension.CATEGORY: {"kubernetes": 1, "assistant": 1},
        Dimension.TOOL: {"claude": 1, "codex": 1},
        Dimension.AGENT: {"claude": 1, "codex": 1},
        Dimension.SEVERITY: {"CRITICAL": 1, "MEDIUM": 1},
    }
    assert (trends.sessions, trends.failed, trends.failures) == (2, 1, 2)


def test_an_answer_that_failed_is_counted_once() -> None:
    """The guardrail's word that an assistant gave no answer and the failed reply itself are one failure."""
    late = Reply("codex", ReplyStatus.TIMEOUT, message="no answer within 120 s")
    guardrail = finding("SYS-003", message="Assistant codex gave no usable answer (timeout): no answer within 120 s.")
    invented = "Assistant claude referred to what is not in the change: line 9 of 'a.py'."
    made_up = replace(finding("SYS-003", message=invented), by="assistant:claude", category="assistant")
    failures = failures_in([session(1, findings=(guardrail, made_up), replies=(late,))])
    assert [failure.rule for failure in failures] == ["SYS-003", "assistant-timeout"]
    assert "line 9" in failures[0].detail
    assert [failure.agent for failure in failures] == ["claude", "codex"]


def test_old_failures_count_in_the_total_only() -> None:
    """What is older than eight days is in no day, and in the total."""
    trends = analyse(on_day(20, 2), AT)
    assert trends.by(Dimension.CATEGORY) == [Trend(Dimension.CATEGORY, "security", (0,) * 8, 2)]


def test_no_sessions_no_trends() -> None:
    """Nothing recorded is nothing to say."""
    assert analyse([], None).trends == ()
    assert analyse([], AT).failures == 0


@settings(deadline=None, max_examples=20)
@given(st.lists(sessions(), max_size=6))
def test_every_failure_is_counted_once_per_dimension(made: list[Session]) -> None:
    """The totals of each dimension add up to the number of failures; no day count exceeds its total."""
    trends = analyse(made, None)
    assert trends.failures == len(failures_in(made))
    for dimension in Dimension:
        assert sum(trend.total for trend in trends.by(dimension)) == trends.failures
    assert all(sum(trend.days) <= trend.total for trend in trends.trends)


@settings(deadline=None, max_examples=20)
@given(st.lists(sessions(), max_size=6), st.randoms())
def test_order_of_arrival_does_not_matter(made: list[Session], random: st.DrawFn) -> None:
    """The same sessions in any order are the same trends."""
    shuffled = sorted(made, key=lambda _: random.random())  # type: ignore[attr-defined]  # a Random
    assert analyse(shuffled, None) == analyse(made, None)
