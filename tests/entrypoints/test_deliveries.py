"""Deliveries say when to look and nothing else: whatever becomes of them, one interval later everything is the same."""

from __future__ import annotations

import itertools
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot.entrypoints.daemon.consumer import Daemon
from bot.entrypoints.daemon.state import StateFolder
from bot.entrypoints.daemon.status import DaemonStatus
from bot.entrypoints.daemon.steps import Steps
from bot.entrypoints.daemon.wired import Wired
from bot.entrypoints.daemon.work import CheckWork, ReconcileWork
from bot.github.webhook import signature
from bot.sandbox.server import Sandbox
from tests.entrypoints.test_daemon_polling import proposed
from tests.entrypoints.test_daemon_steps import Lines
from tests.flows.stage import NAME, Stage, open_stage
from tests.sandbox.receiver import Arrival, Receiver, receiving

pytestmark = pytest.mark.slow
SECRET = "hook"
DEEDS = ("judge", "explain", "suspend", "reject", "push", "drift", "label")
"""What people do while nobody looks. None of it changes what becomes of another."""


@dataclass
class Desk:
    """A daemon whose clock and queue are moved by hand, and the deliveries that the host sends it."""

    stage: Stage
    daemon: Daemon
    jobs: Wired
    receiver: Receiver
    log: Lines

    def work(self) -> None:
        """Do what waits."""
        while (work := self.daemon.queue.take(0)) is not None:
            self.daemon.do(work)

    def interval(self) -> None:
        """One interval goes by, and both looks are done."""
        self.stage.clock.move(seconds=301)
        self.daemon.queue.put(CheckWork())
        self.daemon.queue.put(ReconcileWork())
        self.work()

    def take(self, arrival: Arrival) -> None:
        """One delivery comes in."""
        headers = {"X-GitHub-Event": arrival.event, "X-GitHub-Delivery": arrival.guid}
        headers["X-Hub-Signature-256"] = arrival.signature
        self.daemon.accept(self.jobs.webhooks.read(headers, arrival.body))


@contextmanager
def keeping() -> Iterator[Desk]:
    """A daemon that proposed a pull request (#1) and an issue (#2), with nothing left to do."""
    with tempfile.TemporaryDirectory() as folder, receiving() as receiver:
        directory = Path(folder)
        with Sandbox.start(directory / "sandbox") as box:
            stage = open_stage(directory, box)
            stage.config_drift()
            stage.destructive_drift()
            stage.show()
            options = stage.options()
            options = replace(options, environment={**options.environment, "CLOCKWORK_WEBHOOK_SECRET": SECRET})
            steps = Steps(stage.clock.now)
            jobs = Wired(options, stage.clock, steps)
            status = DaemonStatus(stage.clock.now())
            (directory / "state").mkdir()
            jobs.keep(StateFolder(directory / "state"), status)
            log = Lines()
            daemon = Daemon(jobs, log, stage.clock.now, status, steps, is_ours=jobs.is_ours)
            desk = Desk(stage, daemon, jobs, receiver, log)
            for _ in range(2):
                desk.interval()
            box.register_webhook(NAME, receiver.url, secret=SECRET)
            try:
                yield desk
            finally:
                jobs.close()


def act(stage: Stage, deeds: Sequence[str]) -> None:
    """People do these things."""
    numbers = {"pull": stage.pulls()[0]["number"], "issue": stage.issues()[0]["number"]}
    for deed in deeds:
        match deed:
            case "judge":
                proposed(stage, "idea")
            case "explain" | "suspend":
                stage.api("POST", f"/issues/{numbers['pull']}/comments", body=f"/clockwork {deed}")
            case "reject":
                stage.api("PATCH", f"/issues/{numbers['issue']}", state="closed")
            case "push":
                stage.edit("k8s/orders.yaml", lambda text: text + "# touched\n")
            case "drift":
                stage.safe_drift(7)
                stage.show()
            case "label":
                stage.api("POST", f"/issues/{numbers['pull']}/labels", labels=["soon"])


def state(stage: Stage) -> dict[str, Any]:
    """Everything that stands on the host and in the ledger, but for times and wording."""
    items = stage.api("GET", "/issues?state=all&per_page=100")
    entries = stage.loop(fresh=True).run.ledger.read().entries
    open_pulls = [pull for pull in stage.pulls() if pull["state"] == "open"]
    return {
        "items": sorted(
            (item["title"], item["state"], tuple(sorted(label["name"] for label in item["labels"]))) for item in items
        ),
        "comments": sorted(
            (item["title"], Counter(c["user"]["login"] for c in stage.api("GET", f"/issues/{item['number']}/comments")))
            for item in items
        ),
        "checks": sorted(
            (
                pull["title"],
                [
                    run["conclusion"]
                    for run in stage.api("GET", f"/commits/{pull['head']['sha']}/check-runs?filter=all")["check_runs"]
                ],
            )
            for pull in open_pulls
        ),
        "files": {path: stage.file(path) for path in ("k8s/web.yaml", "k8s/service.yaml", "k8s/orders.yaml")},
        "ledger": Counter((entry.kind.value, entry.task, entry.result and entry.result.value) for entry in entries),
    }


def foreign(arrival: Arrival, number: int) -> Arrival:
    """The same about a repository that is another one, as genuine as the first."""
    payload = json.loads(arrival.body)
    payload["repository"] = {**payload["repository"], "full_name": "acme/other"}
    body = json.dumps(payload).encode()
    return Arrival(arrival.event, f"{number:08d}-other", signature(SECRET.encode(), body), body)


@st.composite
def fates(draw: st.DrawFn) -> tuple[tuple[str, ...], tuple[tuple[int, str], ...]]:
    """What people do, and what becomes of the deliveries: which come in, in which order, how often, and as what."""
    deeds = tuple(draw(st.lists(st.sampled_from(DEEDS), unique=True, min_size=1)))
    fate = st.tuples(st.integers(0, 20), st.sampled_from(["comes", "comes", "again", "foreign", "later"]))
    return deeds, tuple(draw(st.lists(fate, max_size=12)))


def played(deeds: Sequence[str], fates: Sequence[tuple[int, str]] | None) -> dict[str, Any]:
    """The state one interval after the deeds; ``fates`` None: every delivery came in, in order."""
    with keeping() as desk:
        act(desk.stage, deeds)
        desk.stage.box.webhooks.settle()
        arrivals = [arrival for arrival in desk.receiver.arrivals if arrival.event != "ping"]
        if fates is None:
            fates = [(index, "comes") for index in range(len(arrivals))]
        numbers, late = itertools.count(1), list[Arrival]()
        for index, fate in fates:
            if index >= len(arrivals):
                continue
            match fate:
                case "foreign":
                    desk.take(foreign(arrivals[index], next(numbers)))
                case "again":
                    desk.take(arrivals[index])
                    desk.work()
                    desk.take(arrivals[index])
                case "later":
                    late.append(arrivals[index])
                case _:
                    desk.take(arrivals[index])
            if index % 2:
                desk.work()
        desk.interval()
        for arrival in late:
            desk.take(arrival)
            desk.work()
        assert desk.log.facts("failed") == []
        return state(desk.stage)


@cache
def undisturbed(deeds: tuple[str, ...]) -> dict[str, Any]:
    """The state after deeds of which every delivery came in once, in order."""
    return played(deeds, None)


@pytest.mark.timeout(900)
@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(fates())
def test_the_state_after_an_interval_does_not_depend_on_deliveries(
    fate: tuple[tuple[str, ...], tuple[tuple[int, str], ...]],
) -> None:
    """Dropped, doubled, shuffled, replayed, late and foreign deliveries: as if each had come in once, in order."""
    deeds, fates = fate
    assert played(deeds, fates) == undisturbed(deeds)


def test_without_any_delivery_everything_is_done_one_interval_later() -> None:
    """All that people did is seen by looking."""
    silent = played(DEEDS, ())
    assert silent == undisturbed(DEEDS)
    assert "failureThreshold: 7" in silent["files"]["k8s/web.yaml"]
    assert ("suspend", "Service/shop/web", None) in silent["ledger"]
    assert any(kind == "reject" for kind, _, _ in silent["ledger"])
    assert ("Why not", ["success"]) in silent["checks"]


def test_a_quiet_interval_asks_six_conditional_questions() -> None:
    """Both looks together, whatever number of threads is open: what is new shows in the lists."""
    with keeping() as desk:
        for number in range(3):
            proposed(desk.stage, f"idea{number}")
        for _ in range(3):
            desk.interval()
        desk.stage.box.requests.clear()
        desk.interval()
        asked = [line for line in desk.stage.box.requests.lines() if ".git/" not in line.path]
        assert [line.status for line in asked] == [304] * 6


def test_a_thread_that_could_not_be_read_is_read_an_interval_later() -> None:
    """A halt that was written while the host failed is obeyed when it answers again, and so is the resume after it."""
    with keeping() as desk:
        (pull,) = desk.stage.pulls()
        comments = f"/issues/{pull['number']}/comments"
        desk.stage.api("POST", comments, body="/clockwork halt now")
        desk.stage.box.faults.fail(502, rf"{comments}$", method="GET", times=3)
        halted = []
        for _ in range(2):
            desk.interval()
            halted.append(desk.daemon.status.halted)
        assert desk.daemon.status.unready is None
        time.sleep(1.1)  # the host's clock is real, and tells whole seconds
        desk.stage.api("POST", comments, body="/clockwork resume everything")
        desk.interval()
        assert [*halted, desk.daemon.status.halted] == [False, True, False]
