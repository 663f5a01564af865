"""A fleet in numbers. ``python -m tests.benchmarks.bench_fleet virtual``: 5,000 repositories on a virtual clock, how late
they are by severity, who waited longest, what the budgets had to do. ``… real``: 200 repositories on the sandbox: runs a
minute, memory, and requests that carried the token of another repository.
"""

from __future__ import annotations

import argparse
import heapq
import os
import random
import resource
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.fleet.run import FleetMember, FleetRun
from bot.fleet.status import FleetResult
from bot.flows.fleet import FleetLoop, FleetPacing
from bot.model.requests import RequestsLeft
from bot.model.severity import Severity

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class VirtualClock:
    """A clock that moves to whatever is next."""

    at: datetime = BEGIN

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class VirtualHost:
    """Accounts whose requests are counted in windows of an hour, as GitHub counts them."""

    limit: int
    used: dict[tuple[str, datetime], int] = field(default_factory=lambda: defaultdict(int))
    refused: int = 0
    """Requests beyond the limit: what a budget is to keep from happening."""

    def ask(self, account: str, requests: int, now: datetime) -> RequestsLeft:
        """What is left after so many requests more."""
        window = now.replace(minute=0, second=0, microsecond=0)
        self.used[account, window] += requests
        over = self.used[account, window] - self.limit
        self.refused += min(max(over, 0), requests)
        return RequestsLeft(self.limit, max(-over, 0), window + timedelta(hours=1))


@dataclass
class VirtualRunner:
    """Satisfies :class:`bot.flows.fleet.FleetRunner`: runs take virtual seconds, and differ, fail and hang by chance."""

    clock: VirtualClock
    host: VirtualHost
    chance: random.Random
    worst: dict[str, Severity | str | None]
    limit: float = 600.0
    began: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    _ends: list[tuple[datetime, str, FleetRun]] = field(default_factory=list)

    def start(self, member: FleetMember) -> None:
        """Its end is known at once."""
        now, kind = self.clock.now(), self.worst[member.name]
        self.began[member.name].append(now)
        seconds = self.limit if kind == "hangs" else min(self.chance.lognormvariate(1.0, 0.6), 120.0)
        result = {"fails": FleetResult.FAILED, "hangs": FleetResult.TIMED_OUT, None: FleetResult.IN_SYNC}
        severity = kind if isinstance(kind, Severity) else None
        requests = 6 if kind is None else 14 if severity else 2
        end = now + timedelta(seconds=seconds)
        run = FleetRun(
            member.name,
            now,
            seconds,
            result.get(None if severity else kind, FleetResult.DRIFT) if not severity else FleetResult.DRIFT,
            {severity: 1} if severity else {},
            requests=requests,
            left=self.host.ask(member.account, requests, now),
        )
        heapq.heappush(self._ends, (end, member.name, run))

    def finished(self, seconds: float) -> Sequence[FleetRun]:
        """The clock moves by ``seconds``; whatever ended until then is told at once."""
        self.clock.at += timedelta(seconds=seconds)
        ended = list[FleetRun]()
        while self._ends and self._ends[0][0] <= self.clock.at:
            ended.append(heapq.heappop(self._ends)[2])
        return ended


@dataclass(frozen=True)
class VirtualFleet:
    """What came of some virtual hours."""

    began: dict[str, list[datetime]]
    worst: dict[str, Severity | str | None]
    host: VirtualHost
    runs: int
    end: datetime

    def waits(self, kind: Severity | str | None) -> list[float]:
        """Seconds between runs of all repositories of a kind, the last of which may go on."""
        return [
            (later - earlier).total_seconds()
            for name, times in self.began.items()
            if self.worst[name] == kind
            for earlier, later in zip([BEGIN, *times], [*times, self.end], strict=True)
        ]


def virtual(repositories: int, hours: float, workers: int, accounts: int, limit: int) -> VirtualFleet:
    """A fleet where one in a hundred has CRITICAL and three in a hundred HIGH differences, one in fifty fails, a few hang."""
    chance, clock, host = random.Random(1), VirtualClock(), VirtualHost(limit)
    kinds: tuple[Severity | str | None, ...] = (
        Severity.CRITICAL,
        Severity.HIGH,
        Severity.MEDIUM,
        "fails",
        "hangs",
        None,
    )
    names = [f"owner-{number % accounts}/{number:05}" for number in range(repositories)]
    worst = {name: chance.choices(kinds, (1, 3, 6, 2, 0.1, 87.9))[0] for name in names}
    members = [FleetMember(name, name, name.partition("/")[0], timedelta(minutes=5)) for name in names]
    runner = VirtualRunner(clock, host, chance, worst)
    end = BEGIN + timedelta(hours=hours)
    loop = FleetLoop(lambda: members, runner, FleetPacing(workers, discover=timedelta(days=9), expected=10), clock)
    loop.run(lambda: clock.now() >= end)
    runs = sum(map(len, runner.began.values()))
    began = {name: [at for at in runner.began[name] if at < end] for name in names}
    return VirtualFleet(began, worst, host, runs, end)


def show_virtual(made: VirtualFleet, hours: float, limit: int, seconds: float) -> None:
    """The figures, for people."""
    print(
        f"{len(made.began):,} repositories, {hours:g} virtual hours, {made.runs:,} runs, {seconds:.1f} s of this machine"
    )
    print(f"{'worst difference':<18}{'repositories':>13}{'median wait':>13}{'99 %':>9}{'longest':>9}   (seconds)")
    kinds: tuple[Severity | str | None, ...] = (*reversed(Severity), None, "fails", "hangs")
    for kind in kinds:
        waits = sorted(made.waits(kind))
        if waits:
            count = sum(worst == kind for worst in made.worst.values())
            last = waits[int(len(waits) * 0.99)]
            print(
                f"{kind or 'none'!s:<18}{count:>13,}{statistics.median(waits):>13,.0f}{last:>9,.0f}{waits[-1]:>9,.0f}"
            )
    calm = [len(times) for name, times in made.began.items() if made.worst[name] is None]
    fairness = sum(calm) ** 2 / (len(calm) * sum(count * count for count in calm))
    print(f"fairness among those without differences (Jain's index, 1 is equal): {fairness:.4f}")
    print(f"never run: {sum(not times for times in made.began.values())}")
    fullest = max(made.host.used.values())
    print(f"requests: at most {fullest:,} of {limit:,} an hour and account, {made.host.refused:,} refused")


# -- on the sandbox -----------------------------------------------------------------------------------------------------


def real(repositories: int, workers: int, rounds: int, begun: str, measured: Callable[[str], None]) -> int:
    """How many requests had the token of another repository. Processes are ``begun`` as ``schedule.processes`` says."""
    from bot.entrypoints.fleet.processes import ProcessPool, forking
    from bot.wiring.fleet import open_fleet
    from bot.wiring.repository import SystemClock
    from tests.fleet.stand import fleet_stand

    owners = tuple(f"team-{number}" for number in range(5))
    with tempfile.TemporaryDirectory() as folder, fleet_stand(Path(folder), owners) as stand:
        stand.box.requests.keep(1_000_000)
        for number in range(repositories):
            stand.add(f"{owners[number % 5]}/r{number:03}", live_port=8081 if number % 5 == 0 else 80)
        fleet = open_fleet(
            stand.write(f"schedule: {{time_limit: 600, processes: {begun}}}\n"), stand.environment, SystemClock()
        )
        pool = ProcessPool(fleet, workers, forking(fleet))
        loop = FleetLoop(fleet.members, pool, FleetPacing(workers), fleet.clock)
        results = defaultdict[str, int](int)

        def told(run: FleetRun) -> None:
            results[run.result.value] += 1
            if run.result.is_failure:
                measured(f"{run.name}: {run.result}: {run.error}")

        loop.on_run = told
        for turn in range(1, rounds + 1):
            began, cpu = time.monotonic(), _cpu_of_runs()
            with _most_memory() as most:
                loop.once()
            seconds, used = time.monotonic() - began, _cpu_of_runs() - cpu
            measured(
                f"round {turn}: {repositories} runs in {seconds:.0f} s: {repositories * 60 / seconds:.0f} runs a minute with "
                f"{workers} workers, {used / repositories:.2f} s of CPU each"
            )
        pool.close()
        talk, crossed = stand.talk(), stand.cross_talk()
        written = {name for name, _, writes in talk if writes}
        differing = {f"{owners[number % 5]}/r{number:03}" for number in range(0, repositories, 5)}
        mine = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        measured(f"results: {dict(results)}")
        measured(f"memory: {mine} MiB here with the sandbox in the same process; {most[0]} MiB in all others together")
        measured(f"requests about repositories: {len(talk):,}, with the token of another: {len(crossed)}")
        measured(f"repositories written to: {len(written)}, of them without a difference: {len(written - differing)}")
        return len(crossed) + len(written - differing)


def _cpu_of_runs() -> float:
    """Processor seconds of all that this process started: what has ended, and what runs with what it waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    ticks = sum(sum(map(int, _stat(pid)[11:15])) for pid in _children(os.getpid()))
    return used.ru_utime + used.ru_stime + ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def _most_memory() -> Iterator[list[int]]:
    """The most that all below this process had together, in MiB: what several share counts once (proc(5), Pss)."""
    most, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(0.5):
            most[0] = max(most[0], sum(map(_share, _below(os.getpid()))) // 1024)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()


def _share(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def _below(pid: int) -> list[int]:
    return [each for child in _children(pid) for each in (child, *_below(child))]


def _children(pid: int) -> list[int]:
    listed = list[int]()
    with suppress(OSError):
        for each in Path(f"/proc/{pid}/task").glob("*/children"):
            listed += map(int, each.read_text().split())
    return listed


def _stat(pid: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return ["0"] * 20


def main() -> int:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    clock = kinds.add_parser("virtual")
    clock.add_argument("--repositories", type=int, default=5000)
    clock.add_argument("--hours", type=float, default=6)
    clock.add_argument("--workers", type=int, default=64)
    clock.add_argument("--accounts", type=int, default=25)
    clock.add_argument("--limit", type=int, default=15_000)
    box = kinds.add_parser("real")
    box.add_argument("--repositories", type=int, default=200)
    box.add_argument("--workers", type=int, default=4)
    box.add_argument("--rounds", type=int, default=2)
    box.add_argument("--processes", choices=("forked", "fresh"), default="forked")
    chosen = parser.parse_args()
    if chosen.kind == "real":
        given = (chosen.repositories, chosen.workers, chosen.rounds, chosen.processes)
        return int(real(*given, lambda text: print(text, flush=True)) > 0)
    began = time.monotonic()
    made = virtual(chosen.repositories, chosen.hours, chosen.workers, chosen.accounts, chosen.limit)
    show_virtual(made, chosen.hours, chosen.limit, time.monotonic() - began)
    return int(made.host.refused > 0 or not all(made.began.values()))


if __name__ == "__main__":
    raise SystemExit(main())
