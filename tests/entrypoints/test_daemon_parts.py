"""The daemon's parts by themselves: the queue, the consumer, the state folder, the log, the notifications, file watches."""

from __future__ import annotations

import fcntl
import gzip
import itertools
import json
import os
import select
import socket
import stat
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path, PurePath

import pytest

from bot.entrypoints.daemon.background import arguments
from bot.entrypoints.daemon.checkouts import FileWatch, checkouts_of, may_declare
from bot.entrypoints.daemon.consumer import REMEMBERED, Daemon, Intervals
from bot.entrypoints.daemon.log import LogFile, logger
from bot.entrypoints.daemon.notify import Notifier
from bot.entrypoints.daemon.running import DaemonOptions
from bot.entrypoints.daemon.state import Pause, Runtime, StateFolder, known_states
from bot.entrypoints.daemon.status import CheckoutLook, DaemonStatus, LookKind, LookTimes
from bot.entrypoints.daemon.steps import Interrupted, Steps
from bot.entrypoints.daemon.work import (
    LONGEST_DELAY,
    CheckoutWork,
    CheckWork,
    CommentWork,
    ReconcileWork,
    ReloadWork,
    ReviewWork,
    Work,
    WorkQueue,
    work_of,
)
from bot.errors import Invalid, Refused, Unavailable
from bot.model.codehost import QueuedHead
from bot.model.decision import FixLevel
from bot.model.drift import Drift, DriftKind, Report
from bot.model.event import CheckEvent, CommentEvent, MergeGroupEvent, PingEvent, PullRequestEvent, PushEvent
from bot.model.proposal import Tick
from bot.model.resource import Platform, ResourceId
from bot.model.severity import Severity
from bot.wiring.repository import Options
from bot.wiring.state import folder_name, state_root
from tests.entry import processes
from tests.entrypoints.test_daemon_steps import Lines
from tests.table import table

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAME = "acme/shop"


# the queue


def test_the_same_work_waits_once() -> None:
    """Ten runs that wait are one run; what was taken may be put again."""
    waiting = WorkQueue()
    for _ in range(10):
        waiting.put(ReconcileWork())
    waiting.put(ReviewWork(3))
    assert waiting.waiting() == (ReconcileWork(), ReviewWork(3))
    assert [waiting.take(0), waiting.take(0), waiting.take(0)] == [ReconcileWork(), ReviewWork(3), None]


def test_delayed_work_waits_for_quiet_but_not_for_ever() -> None:
    """Each time it is put it waits anew, until it has waited as long as it may."""
    seconds = 0.0
    waiting = WorkQueue(lambda: seconds)
    taken: list[float] = []
    while not taken:
        waiting.put_later(ReconcileWork(), 0.5)
        if waiting.take(0):
            taken.append(seconds)
        seconds += 0.25
    assert taken == [LONGEST_DELAY]
    waiting.put_later(ReconcileWork(), 0.5)
    assert (waiting.take(0), waiting.waiting()) == (None, (ReconcileWork(),))
    seconds += 0.5
    assert (waiting.take(0), waiting.waiting()) == (ReconcileWork(), ())


def test_whoever_waits_can_be_woken() -> None:
    """A wait of an hour ends at once, with nothing."""
    waiting = WorkQueue()
    taken: list[Work | None] = []
    thread = threading.Thread(target=lambda: taken.append(waiting.take(3600)))
    thread.start()
    waiting.wake()
    thread.join(60)
    assert taken == [None]


def test_events_say_only_when_to_look() -> None:
    """Each kind of delivery leads to the work that would find out."""
    push = PushEvent("d", NAME, "refs/heads/main")
    pull = PullRequestEvent("d", NAME, "opened", 7)
    comment = CommentEvent("d", NAME, "created", 7)
    check = CheckEvent("d", NAME, "rerequested", (7, 8))
    assert work_of(push) == (ReconcileWork(),)
    assert work_of(pull) == (ReviewWork(7),)
    assert work_of(replace(pull, action="closed")) == (ReconcileWork(),)
    assert work_of(replace(pull, action="labeled")) == work_of(replace(pull, action="assigned")) == ()
    assert work_of(comment) == (CommentWork(7),)
    assert work_of(check) == (ReviewWork(7), ReviewWork(8))
    group = MergeGroupEvent("d", NAME, "checks_requested")
    assert work_of(group) == (CheckWork(),)
    assert work_of(replace(group, action="destroyed")) == ()
    assert work_of(replace(check, action="completed")) == work_of(PingEvent("d", NAME)) == ()


# the consumer


@dataclass
class Scripted:
    """Jobs whose ends a test writes down beforehand; what was asked for is kept."""

    ends: list[Tick | Exception] = field(default_factory=list)
    due: Sequence[Work] = ()
    asked: list[str] = field(default_factory=list)
    intervals: Intervals = field(default_factory=Intervals)

    def check(self) -> Sequence[Work]:
        self.asked.append("check")
        return self.due

    def reconcile(self, *, paused: bool) -> Tick:
        self.asked.append("look" if paused else "run")
        end = self.ends.pop(0) if self.ends else Tick(NOW, "c", "main", Report(0))
        if isinstance(end, Tick):
            return end
        raise end

    def apply(self) -> None:
        self.asked.append("apply")

    def review(self, number: int) -> object:
        self.asked.append(f"review {number}")
        return None

    def review_queued(self, head: QueuedHead) -> object:
        self.asked.append(f"queue {head.ref}")
        return None

    def answer_comments(self, number: int) -> object:
        self.asked.append(f"comments {number}")
        return None

    def look_at(self, folder: Path) -> CheckoutLook:
        self.asked.append(f"look at {folder}")
        return CheckoutLook(folder, NOW, error="web.yaml:3: not YAML")

    def reload(self) -> None:
        self.asked.append("reload")
        raise Invalid("clockwork.yaml:1: unknown setting 'levle'")


@dataclass
class Clock:
    """A clock that a test sets."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


def made(jobs: Scripted, log: Lines | None = None, clock: Clock | None = None) -> Daemon:
    """A consumer of these jobs."""
    time = clock or Clock()
    return Daemon(jobs, log or Lines(), time.now, DaemonStatus(time.now()), Steps(time.now))


def test_a_failure_is_told_and_the_next_work_comes() -> None:
    """Whether it is an error of ours or a defect; neither ends the daemon, and a run that succeeds clears it."""
    log = Lines()
    jobs = Scripted([Unavailable("no network"), KeyError("uid"), Tick(NOW, "c", "main", Report(0))])
    daemon = made(jobs, log)
    for error in ("no network", "KeyError: 'uid'"):
        number = daemon.request_run()
        daemon.do(ReconcileWork())
        assert daemon.status.last_error == error
        end = daemon.status.runs.since(number)
        assert isinstance(end, Unavailable)
        assert end.message == error
    daemon.do(ReconcileWork())
    assert [facts["kind"] for facts in log.facts("failed")] == ["Unavailable", "KeyError"]
    assert "exc_info" in log.facts("failed")[1], "a defect comes with its traceback"
    assert len(log.facts("ticked")) == 1
    assert (daemon.status.failures, daemon.status.ticks, daemon.status.last_error) == (2, 1, None)


def test_each_run_is_kept_with_its_time_and_its_end() -> None:
    """Also one that failed or was left; the newest two hundred of them."""
    drift = Drift(
        ResourceId(Platform.COMPOSE, "service", "s", "a"), "t", DriftKind.MISSING, (), None, None, Severity.LOW, "r"
    )
    jobs = Scripted([Unavailable("no network"), Tick(NOW, "c", "main", Report(1, (drift,)), blocked="halted")])
    daemon = made(jobs)
    for _ in range(3):
        daemon.do(ReconcileWork())
    failed, blocked, calm = daemon.status.finished
    assert (failed.result, failed.error, failed.failed) == ("failed", "no network", True)
    assert (blocked.result, blocked.error, blocked.failed) == ("1 difference", "halted", False)
    assert blocked.severities == {Severity.LOW: 1}
    assert (calm.result, calm.error, calm.at) == ("in sync", None, NOW)
    assert all(run.seconds >= 0 for run in daemon.status.finished)
    for _ in range(250):
        daemon.do(ReconcileWork())
    assert len(daemon.status.finished) == 200
    assert failed not in daemon.status.finished


def test_whoever_asks_for_a_run_gets_one_that_began_afterwards() -> None:
    """A run that was under way saw less than whoever asks may have done meanwhile."""
    runs = made(Scripted()).status.runs
    under_way = runs.begin()
    asked = runs.next()
    runs.end(under_way, Tick(NOW, "before", "main", Report(0)))
    assert runs.since(asked) is None
    runs.end(runs.begin(), Tick(NOW, "after", "main", Report(0)))
    end = runs.since(asked)
    assert isinstance(end, Tick)
    assert end.commit == "after"


def test_two_intervals() -> None:
    """Both are due at once; then each at its own time, and a clock that was set back delays neither for long."""
    clock = Clock()
    jobs = Scripted(intervals=Intervals(check=60, drift=300))
    daemon = made(jobs, clock=clock)

    def minute(later: float) -> list[str]:
        clock.at += timedelta(seconds=later)
        jobs.asked.clear()
        daemon._put_what_is_due()
        while work := daemon.queue.take(0):
            daemon.do(work)
        return list(jobs.asked)

    assert minute(0) == ["check", "run"]
    assert [minute(later) for later in (59, 1, 60, 60, 60, 60)] == [
        [],
        ["check"],
        ["check"],
        ["check"],
        ["check"],
        ["check", "run"],
    ]
    assert minute(-86400) == ["check", "run"]
    times = daemon.status.looks[LookKind.DRIFT]
    assert times == LookTimes(clock.at, clock.at + timedelta(seconds=300))


def test_what_a_check_finds_is_done() -> None:
    """Once, and after what waits already."""
    jobs = Scripted(due=[ReconcileWork(), ReviewWork(3)])
    daemon = made(jobs)
    daemon.queue.put(ReviewWork(3))
    daemon.do(CheckWork())
    assert daemon.queue.waiting() == (ReviewWork(3), ReconcileWork())


def test_while_paused_what_would_write_is_held_back() -> None:
    """Runs only look; reviews and answers wait for the end of the pause, each once."""
    jobs = Scripted()
    daemon = made(jobs)
    daemon.pause(Pause(NOW, "rosa"))
    for work in (ReviewWork(3), CommentWork(4), ReviewWork(3), ReconcileWork()):
        daemon.do(work)
    assert jobs.asked == ["look"]
    while daemon.queue.take(0):
        pass
    daemon.resume()
    assert set(daemon.queue.waiting()) == {ReconcileWork(), ReviewWork(3), CommentWork(4)}
    assert daemon.deferred == {}


def test_a_pause_reaches_the_run_in_hand() -> None:
    """It is left at its next boundary, and whoever waits for it is told why."""
    daemon = made(Scripted())
    with daemon.steps.work("run", leavable=True):
        daemon.pause(Pause(NOW, "rosa"))
        with pytest.raises(Interrupted, match="paused"):
            daemon.steps.boundary()
    jobs = Scripted([Refused("never reached")])
    daemon = replace(daemon, jobs=jobs, status=DaemonStatus(NOW))
    number = daemon.request_run()

    def interrupted(*, paused: bool) -> Tick:
        raise Interrupted("the daemon was paused")

    jobs.reconcile = interrupted  # type: ignore[method-assign]
    daemon.do(ReconcileWork())
    end = daemon.status.runs.since(number)
    assert str(end) == "the run was left: the daemon was paused\n  Look again."


def test_a_reload_that_fails_is_told_and_still_ends() -> None:
    """The service manager waits for its end, whatever came of it."""
    told: list[str] = []
    daemon = replace(made(Scripted()), reloaded=lambda: told.append("ready"))
    daemon.do(ReloadWork())
    assert (told, daemon.status.last_error) == (["ready"], "clockwork.yaml:1: unknown setting 'levle'")


def test_a_checkout_that_cannot_be_read_is_no_failure_of_the_daemon() -> None:
    """Its mistake is in the status and in the log."""
    log = Lines()
    daemon = made(Scripted(), log)
    daemon.do(CheckoutWork(Path("/shop")))
    assert daemon.status.checkouts[Path("/shop")].error == "web.yaml:3: not YAML"
    assert log.facts("checkout not compared") == [{"folder": "/shop", "error": "web.yaml:3: not YAML"}]
    assert daemon.status.failures == 0


def test_a_checkout_that_was_not_in_sync_is_compared_again_with_what_runs_then() -> None:
    """Whenever live state is due; one in sync only when a file of it changes."""
    jobs, stopping = Scripted(due=(ReloadWork(),)), threading.Event()
    daemon = replace(made(jobs), reloaded=stopping.set, stopping=stopping)
    web = ResourceId(Platform.COMPOSE, "service", "shop", "web")
    drifted = Report(
        1, (Drift(web, "web", DriftKind.CHANGED, ("image",), "web:1", "web:2", Severity.HIGH, "image-tag"),)
    )
    looks = {"/same": Report(1), "/drifted": drifted, "/broken": None}
    for name, report in looks.items():
        daemon.status.checkouts[Path(name)] = CheckoutLook(Path(name), NOW, report)
    daemon.run()
    assert jobs.asked == ["check", "run", "look at /drifted", "look at /broken", "reload"]


def test_a_delivery_about_another_repository_is_nobodys() -> None:
    """A webhook of an organisation tells of all its repositories; only ours makes work."""
    daemon = replace(made(Scripted()), is_ours=lambda name: name == NAME)
    assert not daemon.accept(PushEvent("d-1", "acme/other", "refs/heads/main"))
    assert daemon.queue.waiting() == ()
    assert daemon.accept(PushEvent("d-1", NAME, "refs/heads/main"))


def test_a_delivery_whose_work_failed_is_new_when_it_comes_again() -> None:
    """A redelivery has the id of its first one; what was not done is done then."""
    daemon = made(Scripted([Unavailable("no network")]))
    event = PushEvent("d-1", NAME, "refs/heads/main")
    assert daemon.accept(event)
    daemon.do(ReconcileWork())
    assert daemon.accept(event)


def test_deliveries_are_remembered_but_not_for_ever() -> None:
    """The same one twice is done once; the memory does not grow."""
    daemon = made(Scripted())
    assert [daemon.accept(PingEvent("same", NAME)) for _ in range(2)] == [True, False]
    for number in range(2 * REMEMBERED):
        daemon.accept(PingEvent(str(number), NAME))
    assert len(daemon.status.recent) == REMEMBERED


def test_a_daemon_that_is_to_stop_begins_nothing() -> None:
    """Whatever waits, waits for the next one."""
    jobs = Scripted()
    daemon = made(jobs)
    daemon.stopping.set()
    daemon.queue.put(ReconcileWork())
    daemon.run()
    assert jobs.asked == []


# the state folder


def test_state_is_where_the_system_keeps_it() -> None:
    """XDG_STATE_HOME, unless it is relative; one folder for each repository and branch, with a name people recognise."""
    assert state_root({"XDG_STATE_HOME": "/var/state", "HOME": "/home/rosa"}) == Path("/var/state/clockwork")
    assert state_root({"XDG_STATE_HOME": "state", "HOME": "/home/rosa"}) == Path("/home/rosa/.local/state/clockwork")
    names = {
        folder_name(remote, branch) for remote in ("https://h/a/shop.git", "https://h/b/shop") for branch in ("x", "y")
    }
    assert len(names) == 4
    assert sorted(name.rpartition("-")[0] for name in names) == ["shop-x", "shop-x", "shop-y", "shop-y"]


def held(folder: Path, ready: Event, done: Event) -> None:
    """What another process does: be the daemon until it is told to end."""
    with StateFolder(folder).hold("acme/shop"):
        ready.set()
        done.wait()


def test_only_a_living_process_holds_the_folder(tmp_path: Path) -> None:
    """Its pid is told and a second one refused; killed, it is nobody, though its pid is still written there."""
    state = StateFolder(tmp_path / "deep" / "state")
    assert state.holder() is None
    context = processes()
    ready, done = context.Event(), context.Event()
    child = context.Process(target=held, args=(state.path, ready, done))
    child.start()
    try:
        assert ready.wait(60)
        assert state.holder() == child.pid
        with pytest.raises(Refused, match=f"already: pid {child.pid}"), state.hold("acme/shop"):
            pass
    finally:
        child.kill()
        child.join()
    assert (state.path / "clockwork.pid").read_text() == f"{child.pid}\n"
    assert state.holder() is None
    with state.hold("acme/shop"):
        assert state.holder() == os.getpid()
    assert state.holder() is None


def test_asking_who_runs_keeps_nobody_from_starting(tmp_path: Path) -> None:
    """Whoever asks has the lock for an instant; a daemon that starts in that instant waits it out."""
    state = StateFolder(tmp_path)
    (tmp_path / "clockwork.pid").write_text("4194304\n")
    descriptor = os.open(tmp_path / "clockwork.pid", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    threading.Timer(0.1, os.close, [descriptor]).start()
    with state.hold("acme/shop"):
        assert (tmp_path / "clockwork.pid").read_text() == f"{os.getpid()}\n"


def test_what_is_kept_is_private_and_whole(tmp_path: Path) -> None:
    """Runtime, pause and judgements come back as they were; a file that is torn counts as none."""
    state = StateFolder(tmp_path / "state")
    state.make()
    runtime = Runtime(1, "127.0.0.1", 8737, "t0k3n", "0.1.0", NOW, "acme/shop", "https://h/acme/shop", "main")
    assert "t0k3n" not in repr(runtime)
    state.announce(runtime)
    state.set_pause(Pause(NOW, "rosa", "audit"))
    state.set_judged({3: "head base"})
    assert {stat.S_IMODE(file.stat().st_mode) for file in state.path.iterdir()} == {0o600}
    assert (state.runtime(), state.pause(), state.judged()) == (runtime, Pause(NOW, "rosa", "audit"), {3: "head base"})
    assert list(known_states(tmp_path, runtime.remote, None)) == [state]
    assert list(known_states(tmp_path, runtime.remote, "other")) == list(known_states(tmp_path, "x", None)) == []
    state.set_pause(None)
    (state.path / "judged.json").write_text('{"3": ')
    (state.path / "runtime.json").write_text("[]")
    assert (state.runtime(), state.pause(), state.judged()) == (None, None, {})


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """With what to do instead."""
    (tmp_path / "file").write_text("")
    with pytest.raises(Invalid, match=r"file/state cannot be made: Not a directory") as refused:
        StateFolder(tmp_path / "file" / "state").make()
    assert "--state" in str(refused.value.advice)


# the log


def test_the_log_is_packed_before_it_grows_beyond_its_size(tmp_path: Path) -> None:
    """Each line is in exactly one of the kept files, and at most so many are kept."""
    file = LogFile(tmp_path / "daemon.log", largest=100, file_count=3)
    lines = [f"{number:039}\n" for number in range(9)]
    for line in lines:
        file.write(line)
    file.close()
    packed = [gzip.decompress((tmp_path / f"daemon.log.{n}.gz").read_bytes()).decode() for n in (3, 2, 1)]
    assert "".join(packed) + (tmp_path / "daemon.log").read_text() == "".join(lines[2:])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "daemon.log",
        "daemon.log.1.gz",
        "daemon.log.2.gz",
        "daemon.log.3.gz",
    ]


def test_a_line_that_is_larger_than_the_log_is_written_whole(tmp_path: Path) -> None:
    """It gets a file of its own."""
    file = LogFile(tmp_path / "daemon.log", largest=10, file_count=1)
    file.write("short\n")
    file.write("x" * 50 + "\n")
    file.close()
    assert (tmp_path / "daemon.log").read_text() == "x" * 50 + "\n"


def test_many_threads_write_whole_lines(tmp_path: Path) -> None:
    """Rotation loses and tears nothing."""
    file = LogFile(tmp_path / "daemon.log", largest=2000, file_count=100)
    log = logger(file)
    threads = [
        threading.Thread(target=lambda name=name: [log.info("wrote", by=name, number=n) for n in range(50)])
        for name in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    file.close()
    texts = [gzip.decompress(path.read_bytes()).decode() for path in tmp_path.glob("*.gz")]
    events = [json.loads(line) for text in [*texts, file.path.read_text()] for line in text.splitlines()]
    assert sorted((event["by"], event["number"]) for event in events) == [(n, m) for n in range(4) for m in range(50)]


def test_tokens_never_reach_the_log(tmp_path: Path) -> None:
    """Whatever a message quotes."""
    file = LogFile(tmp_path / "daemon.log")
    logger(file).warning("failed", error="remote: invalid token ghp_" + "a1B2" * 9)
    file.close()
    assert "a1B2a1B2" not in file.path.read_text()


def test_a_log_that_nobody_reads_any_more_ends_nothing() -> None:
    """Whoever read standard error through a pipe may be gone."""
    reading, writing = os.pipe()
    os.close(reading)
    target = os.fdopen(writing, "w")
    log = logger(target)
    log.info("started")
    log.warning("failed")
    with pytest.raises(BrokenPipeError):
        target.close()


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """At the start; later a full disk costs lines and not the daemon."""
    with pytest.raises(Invalid, match="Is a directory"):
        LogFile(tmp_path)
    if Path("/dev/full").exists():
        LogFile(Path("/dev/full")).write("lost\n")


# the service manager


def test_without_a_service_manager_nothing_is_sent(tmp_path: Path) -> None:
    """No socket, one of another kind, or one that nobody listens on: no error and no wait."""
    for address in ("", "vsock:2:1234", str(tmp_path / "nobody"), "@nobody-listens-here"):
        Notifier.of({"NOTIFY_SOCKET": address}).ready("fine")


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "often"}, 0.0),
        ({}, 0.0),
    ],
)
def test_the_watchdog_is_for_the_process_that_it_names(environment: dict[str, str], seconds: float) -> None:
    """sd_watchdog_enabled(3): microseconds, and not for children that inherited the variables."""
    assert Notifier.of({"NOTIFY_SOCKET": "/run/notify", **environment}).watchdog == seconds


def test_a_status_is_one_line(tmp_path: Path) -> None:
    """What comes from outside cannot add a line that means something else."""
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        Notifier(address).status("in sync\nSTOPPING=1")
        assert manager.recv(4096) == b"STATUS=in sync STOPPING=1"


def test_a_status_that_a_busy_manager_did_not_hear_is_known(tmp_path: Path) -> None:
    """Its queue has an end (unix(7), max_dgram_qlen); what did not fit can be said again."""
    notifier = Notifier(str(tmp_path / "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(notifier.address)
        manager.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        heard = list(itertools.takewhile(bool, (notifier.status("busy") for _ in range(100_000))))
        assert 0 < len(heard) < 100_000
        while select.select([manager], [], [], 0)[0]:
            manager.recv(4096)
        assert notifier.status("free")


# file watches


@table(
    ("path", "counts"),
    [
        ("k8s/web.yaml", True),
        ("infra/shop.cw", True),
        ("prod.cwvars", True),
        ("charts/web/templates/_helpers.tpl", True),
        ("tf/main.tf", True),
        (".git/index", False),
        (".git/refs/heads/main.yaml", False),
        ("node_modules/a/package.json", False),
        ("web.yaml~", False),
        (".web.yaml.swp", False),
        ("src/main.py", False),
    ],
)
def test_only_what_may_declare_something_is_worth_a_look(path: str, counts: bool) -> None:
    """Sources of a program, Git's own files and an editor's are none."""
    assert may_declare(PurePath(path)) is counts


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[FileWatch]:
    """A watched folder of live state, and a watched checkout beside it."""
    for name in ("live", "shop"):
        (tmp_path / name).mkdir()
    made = FileWatch(WorkQueue(), (tmp_path / "live",), (tmp_path / "shop",))
    made.start()
    yield made
    made.end()


def test_changed_files_are_worth_a_look(watch: FileWatch) -> None:
    """A checkout is looked at when it is first watched, then after a change; a folder of live state makes a run due."""
    (live,), (shop,) = watch.folders, watch.checkouts
    assert watch.queue.take(0) == CheckoutWork(shop)
    (live / "live.json").write_text("{}")
    assert watch.queue.take(30) == ReconcileWork()
    for number in range(20):
        (shop / f"web{number}.yaml").write_text("a: 1\n")
    (shop / "notes.txt").write_text("nothing")
    assert watch.queue.take(30) == CheckoutWork(shop)
    assert watch.queue.waiting() == ()


def test_other_checkouts_are_watched_from_the_next_settings_on(watch: FileWatch, tmp_path: Path) -> None:
    """The old one is left alone, and one that is not there is looked at all the same, so that it is told."""
    (shop,) = watch.checkouts
    watch.queue.take(0)
    watch.log = log = Lines()
    watch.set_checkouts([tmp_path / "new"])
    assert log.facts("checkout not watched") == [
        {"folder": str(tmp_path / "new"), "error": "No such file or directory"}
    ]
    assert watch.queue.take(0) == CheckoutWork(tmp_path / "new")
    (shop / "web.yaml").write_text("a: 1\n")
    (watch.folders[0] / "live.json").write_text("{}")
    assert watch.queue.take(30) == ReconcileWork()
    assert watch.queue.waiting() == ()


def test_a_folder_that_cannot_be_watched_keeps_the_daemon_from_starting(tmp_path: Path) -> None:
    """It was named on the command line, so somebody is there to correct it."""
    with pytest.raises(Invalid, match=r"cannot watch .*nowhere"):
        FileWatch(WorkQueue(), (tmp_path / "nowhere",)).start()


def test_checkouts_are_absolute() -> None:
    """``~`` is the home of the daemon's user, and the same folder named twice is one."""
    named = checkouts_of(["~/shop", "/srv/shop", "/srv/shop", "shop"], {"HOME": "/home/rosa"})
    assert named == (Path("/home/rosa/shop"), Path("/srv/shop"), Path.cwd() / "shop")


# in the background


def test_the_background_process_is_called_as_the_foreground_one_was() -> None:
    """Every option that was given, and no other."""
    options = Options("shop.git", "live.json", None, Path("s.yaml"), "main", level=FixLevel.MODERATE)
    started = DaemonOptions(options, 0, (Path("/a"), Path("/b")), Path("/state"), Path("/log"), "192.0.2.1")
    assert arguments(started) == (
        *("--repo", "shop.git", "--live", "live.json", "--settings", "s.yaml", "--branch", "main"),
        *("--policy", "moderate", "--host", "192.0.2.1", "--port", "0", "--state", "/state", "--log", "/log"),
        *("--watch", "/a", "--watch", "/b"),
    )
    assert arguments(DaemonOptions(Options())) == ("--repo", ".")
