"""What no sequence of events may ever exceed, and what compaction may never change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bot.model.decision import Lane
from bot.model.ledger import Entry, EntryKind, LedgerView, Result
from bot.safety import compaction
from bot.safety.compaction import Retention, retained
from bot.safety.limits import Denied, Limits, Permit, permit
from bot.safety.state import state
from tests.safety.ledgers import NOON, Book, at, request

TASKS = ("a", "b", "c")
FAILURES, IN_A_ROW = 10, 3
LIMITS = Limits(repository_fixes_per_hour=3, convergence=None, total_failures=FAILURES, consecutive_failures=IN_A_ROW)
TIGHT = Limits(fixes_per_hour=1, task_proposals_per_hour=2, consecutive_failures=2, total_failures=6, convergence=2)


class Bots(RuleBasedStateMachine):
    """Bots that share one ledger, crash, lose races, and have clocks that jump."""

    @initialize()
    def begin(self) -> None:
        self.book = Book()
        self.now = NOON
        self.unfinished: list[Entry] = []
        self.fixes: dict[str, list[datetime]] = defaultdict(list)
        self.row: dict[str, int] = defaultdict(int)
        self.failures = 0
        self.halted = False

    @property
    def minutes(self) -> float:
        return (self.now - NOON).total_seconds() / 60

    @rule(minutes=st.sampled_from([0.0, 5, 9.9, 10, 20, 30, 49.9, 59.9]))
    def time_passes(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(minutes=st.sampled_from([5.0, 30, 60, 61, 200, 1200]))
    def clock_is_set_back(self, minutes: float) -> None:
        """Not by a day: three entries that are written then, one of them a resume, would be believed."""
        latest = max((moment for fixes in self.fixes.values() for moment in fixes), default=self.now)
        self.now = max(self.now - timedelta(minutes=minutes), latest - timedelta(hours=23))

    @rule(task=st.sampled_from(TASKS), ends=st.sampled_from([*Result, None, "later"]))
    def somebody_wants_to_fix(self, task: str, ends: Result | str | None) -> None:
        """Permitted: an intent, and then an outcome at once, later, or (after a crash) never."""
        answer = permit(self.book.view, request(task), LIMITS, self.now)
        if isinstance(answer, Denied):
            return
        assert not self.halted
        assert self.failures < FAILURES
        assert self.row[task] < IN_A_ROW
        intent = self.book.intent(self.minutes, task)
        if ends is not Result.ABANDONED:
            self.fixes[task].append(self.now)
        if isinstance(ends, Result):
            self.finish(intent, ends)
        elif ends == "later":
            self.unfinished.append(intent)

    @rule(task=st.sampled_from(TASKS))
    def two_bots_race(self, task: str) -> None:
        """Both decide on the same ledger; the second loses the swap, reads again and decides again."""
        before = self.book.view
        first = permit(before, request(task), LIMITS, self.now)
        second = permit(before, request(task), LIMITS, self.now)
        assert isinstance(first, Permit) == isinstance(second, Permit)
        self.somebody_wants_to_fix(task, None)
        self.somebody_wants_to_fix(task, None)

    @rule(ends=st.sampled_from([Result.SUCCEEDED, Result.FAILED]))
    def something_ends(self, ends: Result) -> None:
        if self.unfinished:
            self.finish(self.unfinished.pop(0), ends)

    def finish(self, intent: Entry, ends: Result) -> None:
        self.book.outcome(intent, self.minutes, ends)
        task = intent.task or ""
        if ends is Result.FAILED:
            self.failures += 1
            self.row[task] += 1
        elif ends is Result.SUCCEEDED:
            self.row[task] = 0

    @rule(stays=st.integers(0, 5))
    def halt(self, stays: int) -> None:
        self.book.add(EntryKind.HALT, self.minutes)
        self.halted = True
        if stays:
            self.resume()

    @rule()
    def resume(self) -> None:
        self.book.add(EntryKind.RESUME, self.minutes)
        self.halted = False
        self.failures = 0
        self.row.clear()

    @rule(days=st.sampled_from([1.1, 2, 20_000]), task=st.sampled_from([None, *TASKS]), times=st.integers(1, 3))
    def somebody_resumes_from_a_machine_whose_clock_is_back(self, days: float, task: str | None, times: int) -> None:
        """Once or until it is believed, while all the others keep their clocks."""
        for _ in range(times):
            self.book.add(EntryKind.RESUME, self.minutes - days * 24 * 60, task=task)
        if task is not None:
            self.row.pop(task, None)
        else:
            self.halted, self.failures = False, 0
            self.row.clear()

    @rule()
    def ledger_is_compacted(self) -> None:
        stay = retained(self.book.entries, Retention.of(LIMITS))
        self.book.entries = [entry for entry in self.book.entries if entry.id in stay]

    @invariant()
    def budgets_hold(self) -> None:
        """By the clocks that were read when each fix was permitted, whatever they said."""
        every = sorted(moment for fixes in self.fixes.values() for moment in fixes)
        for fixes in self.fixes.values():
            assert all(later - earlier >= timedelta(seconds=LIMITS.cooldown) for earlier, later in pairwise(fixes))
            assert all(later - earlier >= timedelta(hours=1) for earlier, later in zip(fixes, fixes[2:], strict=False))
        assert all(later - earlier >= timedelta(hours=1) for earlier, later in zip(every, every[3:], strict=False))

    @invariant()
    def nothing_is_forgotten(self) -> None:
        standing = state(self.book.view, self.now, LIMITS)
        assert standing.halted == (self.halted or self.failures >= FAILURES)
        assert standing.failures == self.failures
        assert {entry.id for entry in self.unfinished} <= {entry.id for entry in standing.open}


TestBots = Bots.TestCase
TestBots.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)

steps = st.lists(
    st.tuples(
        st.sampled_from([
            "fix", "pull", "crash", "fail", "halt", "resume", "resume a", "suspend", "unsuspend", "reject",
            "retry", "note",
        ]),
        st.sampled_from(TASKS),
        st.sampled_from([-30, 0, 5, 60, 600, 3000]),
    ),
    min_size=10,
    max_size=80,
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def short_memory() -> Iterator[None]:
    """Compaction that keeps few entries for their recency alone, so that small ledgers are really folded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compaction, "_RECENT", 3)
        yield


@settings(max_examples=80, deadline=None)
@given(steps, st.integers(0, 4000))
def test_compaction_changes_no_answer(events: list[tuple[str, str, int]], later: int) -> None:
    """Every permit, denial and standing order is the same from the folded ledger, now and at any later time."""
    made, minutes = Book(), 0.0
    for what, task, passed in events:
        minutes += passed
        write(made, what, task, minutes)
    whole = made.view
    stay = retained(whole.entries, Retention.of(TIGHT))
    folded = LedgerView(whole.tip, tuple(entry for entry in whole.entries if entry.id in stay))
    now = at(minutes + later)
    for task in TASKS:
        for lane in (Lane.ARTIFACT_PATCH, Lane.CONFIG_PULL_REQUEST):
            asked = request(task, lane, fingerprint=f"f-{task}", fields=(f"field of {task}",))
            answer, other = permit(whole, asked, TIGHT, now), permit(folded, asked, TIGHT, now)
            assert type(answer) is type(other)
            assert [check.passed for check in answer.checks] == [check.passed for check in other.checks]
            if isinstance(answer, Denied) and isinstance(other, Denied):
                assert (answer.limit, answer.next_eligible) == (other.limit, other.next_eligible)
    before, after = state(whole, now, TIGHT), state(folded, now, TIGHT)
    assert before == after


def write(made: Book, what: str, task: str, minutes: float) -> None:
    field = (f"field of {task}",)
    match what:
        case "fix":
            made.fix(minutes, task=task, fields=field)
        case "pull":
            made.fix(minutes, task=task, lane=Lane.CONFIG_PULL_REQUEST, fingerprint=f"f-{task}")
        case "crash":
            made.intent(minutes, task, fingerprint=f"f-{task}", fields=field)
        case "fail":
            made.fix(minutes, Result.FAILED, task=task)
        case "resume a":
            made.add(EntryKind.RESUME, minutes, task="a")
        case "suspend" | "unsuspend":
            made.add(EntryKind(what), minutes, task=task)
        case "reject" | "retry":
            made.add(EntryKind(what), minutes, fingerprint=f"f-{task}")
        case _:
            made.add(EntryKind(what), minutes)
