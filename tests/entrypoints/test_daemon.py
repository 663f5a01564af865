"""The daemon on a real sandbox: webhooks say when to look, the queue does each thing once, the API tells."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.entrypoints.daemon.running import DaemonOptions, run
from bot.entrypoints.daemon.state import Runtime
from bot.github.webhook import signature
from bot.sandbox.server import Sandbox
from tests.flows.stage import NAME, Stage, open_stage
from tests.web import WEB

SECRET = "hook-secret"


class HTTP:
    """Requests that wait as long as a busy machine needs."""

    @staticmethod
    def get(url: str) -> httpx.Response:
        """One GET."""
        return WEB.get(url)

    @staticmethod
    def post(url: str, *, content: bytes, headers: dict[str, str]) -> httpx.Response:
        """One POST."""
        return WEB.post(url, content=content, headers=headers)


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


@dataclass
class Running:
    """A daemon that runs in this process, as its API shows it."""

    runtime: Runtime

    @property
    def root(self) -> str:
        """The address of the API."""
        return f"http://127.0.0.1:{self.runtime.port}"

    def status(self) -> Any:
        """What it tells of itself."""
        return self.call("GET", "/v1/status").json()

    def call(self, method: str, path: str, **body: str) -> httpx.Response:
        """One call with the control token."""
        headers = {"Authorization": f"Bearer {self.runtime.token}"}
        return WEB.request(method, f"{self.root}{path}", headers=headers, json=body or None)


@pytest.fixture
def daemon(stage: Stage) -> Iterator[Running]:
    """A running daemon with the sandbox's webhooks pointed at it."""
    stage.show()
    runtimes: queue.Queue[Runtime] = queue.Queue()
    stopping = threading.Event()
    options = stage.options()
    options = replace(options, environment={**options.environment, "CLOCKWORK_WEBHOOK_SECRET": SECRET})
    started = DaemonOptions(options, port=0, state=stage.directory / "state")
    thread = threading.Thread(
        target=run, args=(started,), kwargs={"stopping": stopping, "serving_on": runtimes.put}, daemon=True
    )
    thread.start()
    try:
        running = Running(runtimes.get(timeout=60))
        stage.box.register_webhook(NAME, f"{running.root}/webhook", secret=SECRET)
        eventually(lambda: HTTP.get(f"{running.root}/readyz").status_code == 200)
        yield running
    finally:
        stopping.set()
        thread.join(60)
    assert not thread.is_alive()


@pytest.mark.slow
def test_webhooks_make_it_look_review_and_hear(stage: Stage, daemon: Running) -> None:
    """A push makes it look, a pull request gets its check, a comment is answered; nothing waits for the interval. A halt
    leaves it ready: it does as it was told, and answers whoever lifts it.
    """
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
    eventually(lambda: "audit" in (daemon.status()["last_error"] or ""))
    assert HTTP.get(f"{daemon.root}/healthz").json() == {"status": "ok"}
    assert HTTP.get(f"{daemon.root}/readyz").json() == {"ready": True, "error": None}
    assert "clockwork_blocked 1" in HTTP.get(f"{daemon.root}/metrics").text
    stage.api("POST", f"/issues/{pull['number']}/comments", body="/clockwork resume everything")
    eventually(lambda: len(stage.api("GET", f"/issues/{pull['number']}/comments")) == 4)
    eventually(lambda: daemon.status()["halt"] is None)


def checks(stage: Stage, sha: str) -> list[dict[str, str]]:
    """The check runs on a commit."""
    found = stage.api("GET", f"/commits/{sha}/check-runs")["check_runs"]
    return list(found)


@pytest.mark.slow
def test_deliveries_that_are_not_ours(daemon: Running) -> None:
    """Unsigned is 401, signed nonsense 400, the same delivery twice is done once."""
    headers = {"X-GitHub-Event": "push", "X-GitHub-Delivery": "0b1c2d3e-0000-0000-0000-000000000001"}
    assert HTTP.post(f"{daemon.root}/webhook", content=b"{}", headers=headers).status_code == 401
    signed = {**headers, "X-Hub-Signature-256": signature(SECRET.encode(), b"{}")}
    assert HTTP.post(f"{daemon.root}/webhook", content=b"{}", headers=signed).status_code == 400
    body = b'{"zen": "Keep it logically awesome.", "hook_id": 1}'
    ping = {**headers, "X-GitHub-Event": "ping", "X-Hub-Signature-256": signature(SECRET.encode(), body)}
    assert [HTTP.post(f"{daemon.root}/webhook", content=body, headers=ping).status_code for _ in range(2)] == [202, 200]


@pytest.mark.slow
def test_settings_that_change_on_the_branch_are_followed(stage: Stage, daemon: Running) -> None:
    """A person who turns fixes off in Git is obeyed at the next look; wrong settings stop all writes and are told."""
    stage.edit("clockwork.yaml", lambda text: text + "fixes: {level: disabled}\n")
    eventually(lambda: daemon.status()["last"]["commit"] == stage.commits()[0]["sha"])
    stage.config_drift()
    stage.show()
    stage.edit("k8s/web.yaml", lambda text: text + "# touched\n")
    eventually(lambda: daemon.status()["last"]["commit"] == stage.commits()[0]["sha"])
    assert not stage.pulls()
    stage.edit("clockwork.yaml", lambda text: text.replace("level: disabled", "levle: moderate"))
    eventually(lambda: "did you mean 'level'" in (daemon.status()["last_error"] or ""))
    stage.edit("clockwork.yaml", lambda text: text.replace("fixes: {levle: moderate}\n", ""))
    eventually(lambda: stage.pulls("open"))
