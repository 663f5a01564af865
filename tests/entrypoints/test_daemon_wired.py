"""What a check finds worth doing on a real repository, and settings that change while the daemon runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.entrypoints.daemon.consumer import Intervals
from bot.entrypoints.daemon.steps import Steps
from bot.entrypoints.daemon.wired import Wired
from bot.entrypoints.daemon.work import ReconcileWork
from bot.errors import Invalid
from bot.model.proposal import Effect
from bot.settings import Settings
from bot.wiring.repository import Options
from tests.entrypoints.keeping import SETTINGS, Keeping
from tests.soak.ticks import TickingClock

RUN = [ReconcileWork()]


@pytest.fixture
def keeping(tmp_path: Path) -> Keeping:
    """A repository of which nothing has drifted yet."""
    return Keeping.made(tmp_path)


def wired(keeping: Keeping, clock: TickingClock, settings: Path | None = None) -> Wired:
    """The daemon's jobs, by the settings of the branch or those of a file."""
    options = Options(str(keeping.remote), str(keeping.live), settings=settings, environment={})
    return Wired(replace(options, cache=keeping.directory / "cache"), clock, Steps(clock.now))


@pytest.fixture
def clock() -> TickingClock:
    """A clock that a test sets."""
    return TickingClock(datetime.fromisoformat("2026-03-01T12:00:00+00:00"))


def test_a_check_asks_for_a_run_only_where_something_changed(keeping: Keeping, clock: TickingClock) -> None:
    """The first one, a push, and the fix that the run itself made; else nothing, whatever runs."""
    jobs = wired(keeping, clock)
    assert list(jobs.check()) == RUN
    jobs.reconcile(paused=False)
    keeping.drift(7)
    assert list(jobs.check()) == []
    keeping.push("k8s/service.yaml", lambda text: text + "# touched\n")
    assert list(jobs.check()) == RUN
    (action,) = jobs.reconcile(paused=False).actions
    assert action.effect is Effect.COMMITTED
    assert list(jobs.check()) == RUN
    jobs.reconcile(paused=False)
    assert list(jobs.check()) == []


def test_a_run_that_failed_stays_due(keeping: Keeping, clock: TickingClock) -> None:
    """Until one succeeds: what changed before it must not wait for the next reading of live state."""
    jobs = wired(keeping, clock)
    jobs.check()
    live = keeping.live.read_bytes()
    keeping.live.unlink()
    with pytest.raises(Invalid):
        jobs.reconcile(paused=False)
    assert list(jobs.check()) == RUN
    keeping.live.write_bytes(live)
    jobs.reconcile(paused=False)
    assert list(jobs.check()) == []


def test_what_a_limit_denies_is_due_when_it_may_be_done(keeping: Keeping, clock: TickingClock) -> None:
    """A cooldown that ends between two readings of live state is not waited out twice."""
    jobs = wired(keeping, clock)
    keeping.drift(7)
    jobs.reconcile(paused=False)
    keeping.drift(8)
    jobs.check()
    (denied,) = jobs.reconcile(paused=False).actions
    assert denied.limit == "cooldown"
    assert list(jobs.check()) == []
    clock.at += timedelta(minutes=10)
    assert list(jobs.check()) == RUN
    assert [action.effect for action in jobs.reconcile(paused=False).actions] == [Effect.COMMITTED]


def test_a_paused_run_plans_and_writes_nothing(keeping: Keeping, clock: TickingClock) -> None:
    """Neither the branch nor the ledger moves."""
    jobs = wired(keeping, clock)
    keeping.drift(7)
    head = jobs.opened.repository.head("main")
    (planned,) = jobs.reconcile(paused=True).actions
    jobs.check()
    view = jobs.view()
    assert planned.effect is Effect.PLANNED
    assert view is not None
    assert (jobs.opened.repository.head("main"), view.entries) == (head, ())


def test_settings_are_followed_while_it_runs(keeping: Keeping, clock: TickingClock) -> None:
    """Those on the branch, and those of a file; whoever goes by them is told both, once."""
    told: list[tuple[Settings, Settings]] = []
    file = keeping.settings(check_interval=10)
    for settings, interval in ((None, 60.0), (file, 10.0)):
        jobs = wired(keeping, clock, settings)
        jobs.rewired = lambda before, after: told.append((before, after))
        assert jobs.intervals == Intervals(interval, 300)
        if settings is None:
            keeping.push("clockwork.yaml", lambda text: text + "daemon: {check_interval: 5, drift_interval: 7}\n")
        else:
            keeping.settings(check_interval=5, drift_interval=7)
        for _ in range(2):
            jobs.check()
        assert jobs.intervals == Intervals(5, 7)
        ((before, after),) = told
        assert (before.daemon.check_interval, after.daemon.check_interval) == (interval, 5)
        told.clear()


def test_settings_that_are_wrong_stop_every_run_until_they_are_right(keeping: Keeping, clock: TickingClock) -> None:
    """The mistake is told with its line each time; nothing is written by the settings of before."""
    jobs = wired(keeping, clock)
    keeping.drift(7)
    good = keeping.push("clockwork.yaml", lambda text: text + "fixes: {levle: moderate}\n")
    for job in (jobs.check, lambda: jobs.reconcile(paused=False)):
        with pytest.raises(Invalid, match=r"clockwork.yaml:3: unknown setting 'fixes.levle'"):
            job()
    assert jobs.opened.repository.head("main") == good
    keeping.push("clockwork.yaml", lambda _: SETTINGS)
    assert jobs.reconcile(paused=False).wrote


def test_a_checkout_is_compared_by_the_settings_of_the_branch(keeping: Keeping, clock: TickingClock) -> None:
    """Its own settings could name a program to run: they are only checked, and a mistake in them is told."""
    jobs = wired(keeping, clock)
    ran = keeping.directory / "ran"
    (keeping.checkout / "clockwork.yaml").write_text(f"observe: {{snapshot: {{command: 'touch {ran}'}}}}\n")
    look = jobs.look_at(keeping.checkout)
    assert look.report is not None
    assert (look.report.drift, look.report.errors, ran.exists()) == ((), (), False)
    (keeping.checkout / "clockwork.yaml").write_text("levle: x\n")
    assert "clockwork.yaml:1: unknown setting 'levle'" in (jobs.look_at(keeping.checkout).error or "")
    assert "no such folder" in (jobs.look_at(keeping.directory / "nowhere").error or "")
