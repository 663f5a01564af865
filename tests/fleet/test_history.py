"""What a fleet remembers of its hours, and what its runs tell of people: bounded, after a restart, from an older version."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from rich.console import Console

from bot.entrypoints.fleet.accounts import history_of, history_text, known_of, known_text, run_of, run_text
from bot.entrypoints.fleet.keeping import load_history, save_history
from bot.entrypoints.fleet.waiting import held_in, waiting_of
from bot.fleet.history import FleetDifferences, FleetHistory, FleetHour
from bot.fleet.overview import FleetStatus
from bot.fleet.run import FleetMember, FleetRun
from bot.fleet.status import FleetRepository, FleetResult
from bot.fleet.waits import AwaitedItem, HeldTasks, WaitingForPeople
from bot.flows.dashboard.board import DASHBOARD
from bot.flows.fleet import FleetLoop, FleetPacing
from bot.model.codehost import Issue, ItemState, Marker, PullRequest
from bot.model.decision import Attention, Lane
from bot.model.proposal import Effect, TakenAction
from bot.model.severity import Severity
from bot.report.fleet import fleet_json, show_fleet
from tests.entrypoints.test_pages import decided, drift, ticked
from tests.fleet.test_schedule import NOON
from tests.soak.ticks import TickingClock
from tests.table import table

HOUR = timedelta(hours=1)
WAITING = WaitingForPeople(2, 1, (AwaitedItem(3, "pull request", "t", "https://x/3", NOON, ("rosa",)),))
HELD = (HeldTasks("cooldown", 2, "w", NOON),)


def test_hours_are_bounded() -> None:
    """Two weeks of them, whatever the clock does: what is older goes, and so does what a clock that was ahead left."""
    history = FleetHistory()
    for number in range(500):
        history = history.counting(FleetResult.IN_SYNC, FleetDifferences(), NOON + number * HOUR / 2)
        history = history.counting(FleetResult.FAILED, FleetDifferences(), NOON + number * HOUR / 2)
    assert len(history.hours) == 250
    assert {sum(hour.results.values()) for hour in history.hours} == {4}
    for number in range(500, 1000):
        history = history.counting(FleetResult.IN_SYNC, FleetDifferences(), NOON + number * HOUR)
    assert (len(history.hours), history.is_sound) == (336, True)
    ahead = history.counting(FleetResult.DRIFT, FleetDifferences(), NOON + timedelta(days=9000))
    assert len(ahead.hours) == 1
    back = ahead.counting(FleetResult.DRIFT, FleetDifferences(), NOON)
    assert [hour.begins for hour in back.hours] == [NOON]


@dataclass
class ScriptedRuns:
    """Satisfies :class:`bot.flows.fleet.FleetRunner`: what each repository comes to, run after run."""

    clock: TickingClock
    ends: dict[str, list[FleetRun]]
    _ended: list[FleetRun] = field(default_factory=list)

    def start(self, member: FleetMember) -> None:
        self._ended.append(replace(self.ends[member.name].pop(0), began=self.clock.now()))

    def finished(self, seconds: float) -> Sequence[FleetRun]:
        self.clock.sleep(seconds)
        ended, self._ended = self._ended, []
        return ended


def ran(name: str, result: FleetResult, **fields: Any) -> FleetRun:
    return FleetRun(name, NOON, 1.0, result, **fields)


DIFFERS: Final = {Severity.HIGH: 2, Severity.LOW: 1}
OTHERS: Final = {"z": FleetRepository("z", NOON, result=FleetResult.DRIFT, severities={Severity.MEDIUM: 5})}


@pytest.fixture
def loops() -> tuple[FleetLoop, FleetLoop]:
    """A fleet of three of which each was run, and the same in the hour after it, with what was kept of the first."""
    ends = {
        "a": [
            ran("a", FleetResult.DRIFT, severities=DIFFERS, waiting=WAITING, held=HELD),
            ran("a", FleetResult.TIMED_OUT),
        ],
        "b": [ran("b", FleetResult.FAILED), ran("b", FleetResult.BLOCKED, severities={Severity.LOW: 4})],
        "c": [ran("c", FleetResult.DRIFT, severities={Severity.CRITICAL: 1}), ran("c", FleetResult.IN_SYNC)],
    }
    clock = TickingClock(NOON)
    members = [FleetMember(name, f"/srv/{name}") for name in ends]
    runs = ScriptedRuns(clock, ends)
    first = FleetLoop(lambda: members, runs, FleetPacing(1), clock, other_repositories=OTHERS)
    first.once()
    clock.at = NOON + HOUR
    known = known_of(known_text(first.repositories))
    others = {**OTHERS, **known}
    second = FleetLoop(
        lambda: members, runs, FleetPacing(1), clock, known, history=first.history, other_repositories=others
    )
    second.once()
    return first, second


def test_the_whole_fleet_is_added_up_run_by_run(loops: tuple[FleetLoop, FleetLoop]) -> None:
    """A failed run leaves what its repository had, one without any account yet is unknown, others of the fleet count too."""
    before, after = loops
    medium = {Severity.MEDIUM: 5}
    assert after.history.hours == (
        FleetHour(NOON, {FleetResult.FAILED: 1, FleetResult.DRIFT: 2}, {**DIFFERS, **medium, Severity.CRITICAL: 1}, 1),
        FleetHour(
            NOON + HOUR,
            {FleetResult.TIMED_OUT: 1, FleetResult.BLOCKED: 1, FleetResult.IN_SYNC: 1},
            {Severity.HIGH: 2, Severity.LOW: 5, **medium},
        ),
    )
    first = after.repositories["a"]
    assert (first.waiting, first.held, first.failures, first.seen) == (WAITING, HELD, 1, before.repositories["a"].seen)


def test_programs_are_told_what_waits_and_what_is_unknown(loops: tuple[FleetLoop, FleetLoop]) -> None:
    """Null, and not nothing, where no run told of it."""
    told = fleet_json(loops[1].status())
    assert told["repositories"][0]["waiting"] == {  # type: ignore[index]
        "pull_requests": 2,
        "issues": 1,
        "items": [
            {
                "number": 3,
                "kind": "pull request",
                "title": "t",
                "url": "https://x/3",
                "updated": NOON.isoformat(),
                "asked": ["rosa"],
            }
        ],
    }
    assert [each["held"] for each in told["repositories"]] == [  # type: ignore[attr-defined]
        [{"reason": "cooldown", "tasks": 2, "why": "w", "again": NOON.isoformat()}],
        None,
        None,
    ]
    assert told["repositories"][1]["waiting"] is None  # type: ignore[index]
    assert [hour["unknown"] for hour in told["history"]] == [1, 0]  # type: ignore[attr-defined]
    json.dumps(told)


def test_a_terminal_names_what_waits_and_what_nobody_can_write(loops: tuple[FleetLoop, FleetLoop]) -> None:
    """Below the table; what is tried again by itself is not named there."""
    first, *others = loops[1].status().repositories
    console = Console(file=io.StringIO(), width=80)
    stuck = replace(first, held=(*HELD, HeldTasks("rejected", 1, "web: Closed (PR #1).")))
    show_fleet(FleetStatus(NOON, (stuck, *others)), console)
    assert console.file.getvalue().splitlines()[4:-1] == [  # type: ignore[attr-defined]
        "a: 2 pull requests and 1 issue wait for people: #3 and 2 more",
        "a: rejected (1 task): web: Closed (PR #1).",
    ]


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    """Hours and accounts as they were; those of a version that told less are unknown, not nothing."""
    history = FleetHistory().counting(FleetResult.DRIFT, FleetDifferences(unknown=2), NOON)
    file = tmp_path / "state" / "history.json"
    assert load_history(file) == FleetHistory()
    save_history(file, history)
    assert load_history(file) == history
    account = ran("a", FleetResult.DRIFT, waiting=WAITING, held=HELD)
    assert run_of(run_text(account)) == account
    older = json.loads(run_text(account))
    for new in ("waiting", "held"):
        del older[new]
    assert run_of(json.dumps(older)) == replace(account, waiting=None, held=None)
    known = json.loads(
        known_text({"a": FleetRepository("a", NOON, result=FleetResult.DRIFT, waiting=WAITING, held=HELD)})
    )
    for new in ("waiting", "held", "seen"):
        del known["a"][new]
    (repository,) = known_of(json.dumps(known).encode()).values()
    assert (repository.waiting, repository.held, repository.seen, repository.is_known) == (None, None, None, True)


@table(
    "data",
    [
        *("", "{", "[]", "null", '{"hours": 3}', '{"hours": [{"begins": "noon"}]}'),
        '{"hours": [{"begins": "2026-03-01T12:00:00Z", "results": {"unheard of": 1}}]}',
        '{"hours": [{"begins": "2026-03-01T12:00:00Z", "results": {"drift": -1}}]}',
        '{"hours": [{"begins": "2026-03-01T12:00:00Z", "unknown": -1}]}',
        '{"hours": [{"begins": "2026-03-01T12:00:00"}]}',
        '{"hours": [{"begins": "2026-03-01T12:10:00Z"}]}',
        '{"hours": [{"begins": "2026-03-01T12:00:00Z"}, {"begins": "2026-03-01T11:00:00Z"}]}',
    ],
)
def test_what_cannot_have_been_counted_is_no_history(data: str) -> None:
    """A file that is cut off, of another kind, or says what cannot be."""
    assert history_of(data.encode()) == FleetHistory()
    assert history_of(history_text(FleetHistory())) == FleetHistory()


def pull(number: int, kind: str = Lane.CONFIG_PULL_REQUEST, **fields: Any) -> PullRequest:
    return PullRequest(
        **{
            **dict.fromkeys(
                ("url", "body", "author", "base_ref", "base_sha", "head_ref", "head_sha"), f"https://x/{number}"
            ),
            "number": number,
            "state": ItemState.OPEN,
            "title": f"title {number}",
            "author_id": 1,
            "marker": Marker(kind, "task", "digest"),
            "updated_at": NOON,
            **fields,
        }
    )


def issue(number: int, kind: str = Lane.RUNBOOK_ISSUE, state: ItemState = ItemState.OPEN) -> Issue:
    return Issue(
        number, f"https://x/{number}", state, f"title {number}", "", "me", marker=Marker(kind, "task", "digest")
    )


def took(effect: Effect, lane: Lane = Lane.CONFIG_PULL_REQUEST, **fields: Any) -> TakenAction:
    return TakenAction(effect, lane, **{"task": "prod/web", "message": "Because.", **fields})


def test_a_run_tells_what_waits() -> None:
    """What was open and what it opened, without what it closed, what is no question to anybody, and what was merged."""
    one = drift(1)
    tick = ticked(
        one,
        pulls=(pull(1), pull(2), pull(3, state=ItemState.MERGED), pull(4)),
        issues=(issue(5), issue(6, DASHBOARD), issue(7, state=ItemState.CLOSED)),
        decisions=(decided(one, attention=Attention(assignees=("zoe",), reviewers=("rosa",))),),
        actions=(
            took(Effect.CLOSED, number=2),
            took(Effect.UPDATED, number=4, drifts=(one.id,)),
            took(Effect.OPENED, Lane.RUNBOOK_ISSUE, number=2, url="https://x/i2"),
            took(Effect.DENIED, limit="cooldown", next_eligible=NOON + HOUR),
            took(Effect.DENIED, limit="cooldown", next_eligible=NOON, task="prod/db"),
            took(Effect.REJECTED),
            took(Effect.UNSUPPORTED, message="No\nedit \u202e."),
        ),
    )
    told = waiting_of(tick)
    assert told is not None
    assert (told.pulls, told.issues) == (2, 2)
    assert [(item.kind, item.number, item.url, item.asked) for item in told.items] == [
        ("issue", 5, "https://x/5", ()),
        ("pull request", 4, "https://x/4", ("rosa", "zoe")),
        ("issue", 2, "https://x/i2", ()),
    ]
    assert held_in(tick) == (
        HeldTasks("cooldown", 2, "prod/web: Because.", NOON),
        HeldTasks("cannot be written", 1, r"prod/web: No edit \u202e.", None),
        HeldTasks("rejected", 1, "prod/web: Because.", None),
    )


def test_what_a_run_could_not_tell_is_unknown() -> None:
    """Without a code host, or where nobody looked: all of it. Where it was halted, what is held, and not what is open."""
    alone = ticked(actions=(took(Effect.UNSUPPORTED),))
    assert waiting_of(alone) is None
    assert held_in(alone) == (HeldTasks("cannot be written", 1, "prod/web: Because."),)
    halted = ticked(pulls=(pull(1),), issues=(), blocked="Halted by rosa")
    assert (waiting_of(halted), held_in(halted)) == (waiting_of(replace(halted, blocked=None)), None)
    many = waiting_of(ticked(pulls=tuple(map(pull, range(1, 2000))), issues=()))
    assert many is not None
    assert (many.pulls, [item.number for item in many.items]) == (1999, [1999, 1998, 1997])
