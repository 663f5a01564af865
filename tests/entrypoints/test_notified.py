"""The daemon tells people beside its runs, and nobody who is told makes it wait."""

from __future__ import annotations

import queue
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from bot.entrypoints.daemon.running import DaemonOptions, run
from bot.entrypoints.daemon.state import Runtime
from bot.sandbox.server import Sandbox
from tests.entrypoints.test_daemon import HTTP, eventually
from tests.flows.stage import open_stage
from tests.receivers.inbox import inbox

SETTINGS = """
daemon: {check_interval: 1s, drift_interval: 1s}
workers: {export_interval: 1h}
notifications:
  timeout: 60s
  receivers:
    team: {webhook_env: TEAM, secret_env: KEY}
    dead: {webhook_env: DEAD, secret_env: KEY}
"""


def ticks(address: str) -> float:
    """How many runs the daemon has done."""
    (line,) = [line for line in HTTP.get(address).text.splitlines() if line.startswith("clockwork_ticks_total ")]
    return float(line.split()[1])


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
        runtimes: queue.Queue[Runtime] = queue.Queue()
        stopping = threading.Event()
        thread = threading.Thread(
            target=run,
            args=(DaemonOptions(options, port=0, state=tmp_path / "state"),),
            kwargs={"stopping": stopping, "serving_on": runtimes.put},
        )
        thread.start()
        try:
            figures = f"http://127.0.0.1:{runtimes.get(timeout=60).port}/metrics"
            eventually(lambda: team.posts and dead.posts)
            before = ticks(figures)
            eventually(lambda: ticks(figures) >= before + 2)
            assert not dead.stopping.is_set()
            assert {each["event"] for each in team.posts[0].json["notices"]} == {"drift.new", "pull.opened"}
        finally:
            stopping.set()
            dead.stopping.set()
            thread.join(60)
        assert not thread.is_alive()
        assert len(team.posts) == 1
        assert len(dead.posts) == 1
