"""The daemon on a real sandbox: webhooks say when to look, the queue does each thing once, the API tells."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from bot.entrypoints.daemon import (
    CommentWork,
    Daemon,
    DaemonStatus,
    ReconcileWork,
    ReviewWork,
    WorkQueue,
    watching,
    work_of,
)
from bot.entrypoints.running import run
from bot.errors import Unavailable
from bot.github.webhook import signature
from bot.model.drift import Report
from bot.model.event import CommentEvent, PullRequestEvent, PushEvent
from bot.model.proposal import Tick
from bot.sandbox.server import Sandbox
from tests.flows.stage import NAME, Stage, open_stage

SECRET = "hook-secret"


class HTTP:
    """Requests that wait as long as a busy machine needs."""

    @staticmethod
    def get(url: str) -> httpx.Response:
        """One GET."""
        return httpx.get(url, timeout=60)

    @staticmethod
    def post(url: str, *, content: bytes, headers: dict[str, str]) -> httpx.Response:
        """One POST."""
        return httpx.post(url, content=content, headers=headers, timeout=60)


def eventually(condition: Callable[[], object], *, seconds: float = 60.0) -> None:
    """Return as soon as ``condition`` holds; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A sandbox whose repository asks for a look once an hour only."""
    with Sandbox.start(tmp_path / "sandbox") as box:
        made = open_stage(tmp_path, box)
        made.edit("clockwork.yaml", lambda text: text + "daemon: {interval: 1h}\nworkers: {export_interval: 1h}\n")
        yield made


@pytest.fixture
def address(stage: Stage) -> Iterator[str]:
    """A running daemon with the sandbox's webhooks pointed at it."""
    stage.show()
    ports: queue.Queue[int] = queue.Queue()
    stopping = threading.Event()
    options = stage.options()
    options = replace(options, environment={**options.environment, "CLOCKWORK_WEBHOOK_SECRET": SECRET})
    thread = threading.Thread(
        target=run, args=(options,), kwargs={"port": 0, "stopping": stopping, "serving_on": ports.put}
    )
    thread.start()
    try:
        root = f"http://127.0.0.1:{ports.get(timeout=60)}"
        stage.box.register_webhook(NAME, f"{root}/webhook", secret=SECRET)
        eventually(lambda: HTTP.get(f"{root}/readyz").status_code == 200)
        yield root
    finally:
        stopping.set()
        thread.join(60)
    assert not thread.is_alive()


@pytest.mark.slow
def test_webhooks_make_it_look_review_and_hear(stage: Stage, address: str) -> None:
    """A push makes it look, a pull request gets its check, a comment is answered; nothing waits for the interval."""
    stage.config_drift()
    stage.show()
    stage.edit("k8s/web.yaml", lambda text: text + "# touched\n")
    eventually(lambda: stage.pulls("open"))
    (pull,) = stage.pulls("open")
    sha = pull["head"]["sha"]
    eventually(lambda: [run["conclusion"] for run in checks(stage, sha) if run["status"] == "completed"])
    stage.api("POST", f"/issues/{pull['number']}/comments", body="/clockwork halt for the audit")
    eventually(lambda: len(stage.api("GET", f"/issues/{pull['number']}/comments")) == 2)
    stage.edit("k8s/web.yaml", lambda text: text + "# touched again\n")
    eventually(lambda: "audit" in (HTTP.get(f"{address}/status").json()["last_error"] or ""))
    assert HTTP.get(f"{address}/healthz").json() == {"status": "ok"}
    assert HTTP.get(f"{address}/readyz").status_code == 503
    assert "clockwork_blocked 1" in HTTP.get(f"{address}/metrics").text


def checks(stage: Stage, sha: str) -> list[dict[str, str]]:
    """The check runs on a commit."""
    found = stage.api("GET", f"/commits/{sha}/check-runs")["check_runs"]
    return list(found)


@pytest.mark.slow
def test_deliveries_that_are_not_ours(address: str) -> None:
    """Unsigned is 401, signed nonsense 400, the same delivery twice is done once."""
    headers = {"X-GitHub-Event": "push", "X-GitHub-Delivery": "0b1c2d3e-0000-0000-0000-000000000001"}
    assert HTTP.post(f"{address}/webhook", content=b"{}", headers=headers).status_code == 401
    signed = {**headers, "X-Hub-Signature-256": signature(SECRET.encode(), b"{}")}
    assert HTTP.post(f"{address}/webhook", content=b"{}", headers=signed).status_code == 400
    body = b'{"zen": "Keep it logically awesome.", "hook_id": 1}'
    ping = {**headers, "X-GitHub-Event": "ping", "X-Hub-Signature-256": signature(SECRET.encode(), body)}
    assert [HTTP.post(f"{address}/webhook", content=body, headers=ping).status_code for _ in range(2)] == [202, 200]


def test_the_same_work_waits_once() -> None:
    """Ten looks that wait are one look; what was taken may be put again."""
    waiting = WorkQueue()
    for _ in range(10):
        waiting.put(ReconcileWork())
    waiting.put(ReviewWork(3))
    assert [waiting.take(0), waiting.take(0), waiting.take(0)] == [ReconcileWork(), ReviewWork(3), None]


def test_events_say_only_when_to_look() -> None:
    """Each kind of delivery leads to the work that would find out."""
    push = PushEvent("d", NAME, "refs/heads/main")
    pull = PullRequestEvent("d", NAME, "opened", 7)
    comment = CommentEvent("d", NAME, "created", 7)
    assert work_of(push) == (ReconcileWork(),)
    assert work_of(pull) == (ReviewWork(7),)
    assert work_of(replace(pull, action="closed")) == (ReconcileWork(),)
    assert work_of(comment) == (CommentWork(7),)


def test_a_failing_look_is_told_and_the_next_one_comes() -> None:
    """An error never ends the daemon, and is told as a warning."""
    told: list[str] = []
    outcomes: Iterator[Unavailable | Tick] = iter(
        [Unavailable("no network"), Tick(datetime.now(UTC), "c", "main", Report(0))]
    )

    def reconcile() -> Tick:
        outcome = next(outcomes)
        if isinstance(outcome, Unavailable):
            raise outcome
        return outcome

    now = datetime.now(UTC)
    daemon = Daemon(
        reconcile=reconcile,
        review=lambda _: None,
        answer_comments=lambda _: None,
        log=lambda event, **_: told.append(event),
        warn=lambda event, **_: told.append(f"warning: {event}"),
        now=lambda: now,
        status=DaemonStatus(now),
    )
    daemon.do(ReconcileWork())
    daemon.do(ReconcileWork())
    assert told == ["warning: failed", "ticked"]
    assert (daemon.status.failures, daemon.status.ticks, daemon.status.last_error) == (1, 1, None)


def test_a_changed_file_is_worth_a_look(tmp_path: Path) -> None:
    """Writing below the watched folder queues one look."""
    waiting = WorkQueue()
    with watching(tmp_path, waiting):
        (tmp_path / "web.yaml").write_text("a: 1\n")
        assert waiting.take(20) == ReconcileWork()


@pytest.mark.slow
def test_settings_that_change_on_the_branch_are_followed(stage: Stage, address: str) -> None:
    """A person who turns fixes off in Git is obeyed at the next look; wrong settings stop all writes and are told."""
    stage.edit("clockwork.yaml", lambda text: text + "fixes: {level: disabled}\n")
    eventually(lambda: HTTP.get(f"{address}/status").json()["last"]["commit"] == stage.commits()[0]["sha"])
    stage.config_drift()
    stage.show()
    stage.edit("k8s/web.yaml", lambda text: text + "# touched\n")
    eventually(lambda: HTTP.get(f"{address}/status").json()["last"]["commit"] == stage.commits()[0]["sha"])
    assert not stage.pulls()
    stage.edit("clockwork.yaml", lambda text: text.replace("level: disabled", "levle: moderate"))
    eventually(lambda: "did you mean 'level'" in (HTTP.get(f"{address}/status").json()["last_error"] or ""))
    stage.edit("clockwork.yaml", lambda text: text.replace("fixes: {levle: moderate}\n", ""))
    eventually(lambda: stage.pulls("open"))
