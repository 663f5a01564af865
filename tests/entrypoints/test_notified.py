"""The daemon tells people beside its runs, and nobody who is told makes it wait."""

from __future__ import annotations

import queue
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from bot.entrypoints.running import run
from bot.sandbox.server import Sandbox
from tests.entrypoints.test_daemon import HTTP, eventually
from tests.flows.stage import open_stage
from tests.receivers.inbox import inbox

SETTINGS = """
daemon: {interval: 1s}
workers: {export_interval: 1h}
notifications:
  timeout: 60s
  receivers:
    team: {webhook_env: TEAM, secret_env: KEY}
    dead: {webhook_env: DEAD, secret_env: KEY}
"""


@pytest.mark.slow
def test_a_receiver_that_hangs_delays_no_run(tmp_path: Path) -> None:
    """While one receiver gives no answer, the other has its message and runs go on; stopping tells of nothing twice."""
    with Sandbox.start(tmp_path / "sandbox") as box, inbox() as team, inbox("hang") as dead:
        stage = open_stage(tmp_path, box)
        stage.edit("clockwork.yaml", lambda text: text + SETTINGS)
        stage.config_drift()
        stage.show()
        options = stage.options()
        addresses = {"TEAM": team.hook, "DEAD": dead.hook, "KEY": "key"}
        options = replace(options, environment={**options.environment, **addresses})
        ports: queue.Queue[int] = queue.Queue()
        stopping = threading.Event()
        thread = threading.Thread(
            target=run, args=(options,), kwargs={"port": 0, "stopping": stopping, "serving_on": ports.put}
        )
        thread.start()
        try:
            root = f"http://127.0.0.1:{ports.get(timeout=60)}"
            eventually(lambda: team.posts and dead.posts)
            before = HTTP.get(f"{root}/status").json()["ticks"]
            eventually(lambda: HTTP.get(f"{root}/status").json()["ticks"] >= before + 2)
            assert not dead.stopping.is_set()
            assert {each["event"] for each in team.posts[0].json["notices"]} == {"drift.new", "pull.opened"}
        finally:
            stopping.set()
            dead.stopping.set()
            thread.join(60)
        assert not thread.is_alive()
        assert len(team.posts) == 1
        assert len(dead.posts) == 1
