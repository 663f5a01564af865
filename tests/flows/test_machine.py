"""Whatever happens in whatever order: budgets hold, a stop stops, nothing is lost, nobody's work is overwritten.

What was really written is read from the repository, not from the ledger that the limits count from.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from pathlib import Path

import pygit2
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.flows.commands import record_order
from bot.flows.context import STEPS
from bot.model.codehost import ItemState
from bot.model.ledger import Entry, EntryKind
from bot.model.proposal import Effect, Tick
from tests.flows.world import Killed, World

NAMES = ("web", "api")
HOUR, COOLDOWN, DAY = timedelta(minutes=60), timedelta(minutes=10), timedelta(hours=24)


class Life(RuleBasedStateMachine):
    """One repository, its bots and its people."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="world-"))
        self.world = World(self.folder, NAMES)
        self.seen: tuple[Entry, ...] = ()
        self.by_hand: set[str] = set()
        self.halted = False
        self.failures = 0
        self.values = itertools.count(4)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    # what happens to what runs

    @rule(name=st.sampled_from(NAMES))
    def a_probe_drifts(self, name: str) -> None:
        self.world.safe_drift(name, next(self.values))

    @rule(name=st.sampled_from(NAMES))
    def a_port_drifts(self, name: str) -> None:
        self.world.config_drift(name, 1000 + next(self.values))

    @rule(name=st.sampled_from(NAMES))
    def a_claim_vanishes(self, name: str) -> None:
        self.world.delete_claim(name)

    @rule()
    def everything_is_restored(self) -> None:
        self.world.restore()

    # what happens to time

    @rule(minutes=st.sampled_from([1.0, 9.9, 10, 11, 25, 59.9, 60, 61, 300]))
    def time_passes(self, minutes: float) -> None:
        self.world.clock.move(minutes=minutes)

    @rule(minutes=st.sampled_from([1.0, 15, 61, 600]))
    def the_clock_is_set_back(self, minutes: float) -> None:
        self.world.clock.move(minutes=-minutes)

    # what bots do

    @rule(fresh=st.booleans())
    def a_bot_runs(self, fresh: bool) -> None:
        """What a dry run says just before is what the run does."""
        predicted = self.world.tick(self.world.loop(fresh=fresh, dry_run=True))
        before = self.written()
        done = self.world.tick(self.world.loop())
        assert foretold(predicted) == written(done)
        assert predicted.blocked == done.blocked
        self.check_stop(before)

    @rule()
    def a_push_is_declined(self) -> None:
        before = self.written()
        done = self.world.tick(self.world.loop(declined=True))
        assert all(action.effect is not Effect.COMMITTED for action in done.actions)
        self.check_stop(before)
        self.count_failures(done)

    @rule()
    def the_host_is_down(self) -> None:
        self.world.desk.down = True
        before = self.written()
        try:
            done = self.world.tick(self.world.loop())
        finally:
            self.world.desk.down = False
        self.check_stop(before)
        self.count_failures(done)

    @rule(at=st.sampled_from(STEPS))
    def a_bot_dies(self, at: str) -> None:
        def reached(step: str) -> None:
            if step == at:
                raise Killed

        before = self.written()
        try:
            self.world.tick(self.world.loop(fresh=True, reached=reached))
        except Killed:
            self.world.kept = None
        self.check_stop(before)

    @rule(at=st.sampled_from(STEPS))
    def another_bot_runs_in_between(self, at: str) -> None:
        """The other one begins and ends while the first stands at a step."""
        others: list[str] = []

        def reached(step: str) -> None:
            if step == at and not others:
                mine = self.world.kept
                others.append(step)
                self.world.tick(self.world.loop(fresh=True))
                self.world.kept = mine

        before = self.written()
        self.world.tick(self.world.loop(reached=reached))
        self.check_stop(before)

    # what people do

    @rule()
    def somebody_halts(self) -> None:
        record_order(self.world.loop().run, EntryKind.HALT, reason="audit")
        self.halted = True

    @rule()
    def somebody_resumes(self) -> None:
        record_order(self.world.loop().run, EntryKind.RESUME, reason="done")
        self.halted = False
        self.failures = 0

    @rule(
        days=st.sampled_from([1.1, 2, 30]), times=st.integers(1, 3), task=st.sampled_from([None, "Deployment/shop/web"])
    )
    def somebody_resumes_on_a_machine_whose_clock_is_behind(self, days: float, times: int, task: str | None) -> None:
        """Which lifts what a resume lifts, and gives nobody a budget a second time."""
        self.world.clock.move(days=-days)
        for _ in range(times):
            record_order(self.world.loop().run, EntryKind.RESUME, reason="done", task=task)
        self.world.clock.move(days=days)
        if task is None:
            self.halted, self.failures = False, 0

    @precondition(lambda self: bool(self.world.pull_branches()))
    @rule()
    def somebody_commits_to_our_branch(self) -> None:
        self.by_hand.add(self.world.commit_by_hand(self.world.pull_branches()[0]))

    @rule()
    def somebody_commits_to_main(self) -> None:
        self.by_hand.add(self.world.commit_by_hand("main"))

    @precondition(lambda self: any(item.state is ItemState.OPEN for item in self.world.desk.items.values()))
    @rule(retry=st.booleans())
    def somebody_closes_a_proposal(self, retry: bool) -> None:
        number = max(n for n, item in self.world.desk.items.items() if item.state is ItemState.OPEN)
        self.world.close_by_hand(number)

    # what must hold

    def written(self) -> tuple[int, int]:
        """Commits of the bot on the branch, and items that were ever opened."""
        bots = sum(author == "Clockwork" for author, _, _ in self.world.commits())
        return bots, len(self.world.desk.created)

    def count_failures(self, done: Tick) -> None:
        """What was begun and failed; closing and commenting are no attempts."""
        self.failures += sum(a.effect is Effect.FAILED and bool(a.fingerprint) and not a.number for a in done.actions)

    def check_stop(self, before: tuple[int, int]) -> None:
        """Halted, or after ten failures, nothing is written."""
        if self.halted or self.failures >= (self.world.limits.total_failures or 0):
            assert self.written() == before

    @invariant()
    def budgets_hold(self) -> None:
        """At most two commits about one workload in any 60 minutes, ten minutes apart, and three a day for one field."""
        if not hasattr(self, "world"):
            return
        fixes: dict[str, list[datetime]] = defaultdict(list)
        for author, paths, at in self.world.commits():
            for path in paths if author == "Clockwork" else ():
                fixes[path].append(at)
        for times in map(sorted, fixes.values()):
            assert all(later - earlier >= COOLDOWN for earlier, later in itertools.pairwise(times)), times
            assert all(third - first >= HOUR for first, third in zip(times, times[2:], strict=False)), times
            assert all(fourth - first >= DAY for first, fourth in zip(times, times[3:], strict=False)), times

    @invariant()
    def nothing_is_lost(self) -> None:
        """The ledger only grows, and a commit made by hand stays reachable from a branch."""
        if not hasattr(self, "world"):
            return
        entries = self.world.entries()
        assert entries[: len(self.seen)] == self.seen
        self.seen = entries
        remote = pygit2.Repository(str(self.world.bare))
        tips = [str(remote.references[f"refs/heads/{name}"].target) for name in self.world.branches()]
        for sha in self.by_hand:
            assert any(tip == sha or remote.descendant_of(tip, sha) for tip in tips), "somebody's commit is gone"

    @invariant()
    def nothing_is_there_twice(self) -> None:
        """One open item for each thing, one outcome for each intent, one commit for each drift."""
        if not hasattr(self, "world"):
            return
        items = self.world.desk.items.values()
        ties = Counter((o.marker.kind, o.marker.key) for o in items if o.state is ItemState.OPEN and o.marker)
        assert all(count == 1 for count in ties.values()), ties
        ended = Counter(entry.intent for entry in self.seen if entry.kind is EntryKind.OUTCOME)
        assert all(count == 1 for count in ended.values()), ended


def foretold(predicted: Tick) -> list[tuple[str, ...]]:
    """What a dry run says will be written."""
    return sorted((a.lane, a.task, a.fingerprint) for a in predicted.actions if a.effect is Effect.PLANNED)


def written(done: Tick) -> list[tuple[str, ...]]:
    """What a run wrote."""
    return sorted((a.lane, a.task, a.fingerprint) for a in done.actions if a.effect.wrote)


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=8,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
