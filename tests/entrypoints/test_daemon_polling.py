"""Without a single webhook the daemon notices what people do on the code host, and judges each change once."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.entrypoints.daemon.running import DaemonOptions, run
from bot.entrypoints.daemon.state import Runtime, StateFolder
from bot.sandbox.server import Sandbox
from tests.entrypoints.keeping import eventually
from tests.entrypoints.test_daemon import Running, checks
from tests.flows.stage import NAME, Stage, open_stage
from tests.web import WEB

pytestmark = pytest.mark.slow


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A sandbox whose repository is checked all the time, and whose live state is read once an hour."""
    with Sandbox.start(tmp_path / "sandbox") as box:
        made = open_stage(tmp_path, box)
        daemon = "daemon: {check_interval: 0.3, drift_interval: 1h}\nworkers: {export: false}\n"
        made.edit("clockwork.yaml", lambda text: text + daemon)
        made.show()
        yield made


@contextmanager
def keeping(stage: Stage, **environment: str) -> Iterator[Running]:
    """A daemon that runs while the context lasts, with these variables beside the usual ones."""
    runtimes: queue.Queue[Runtime] = queue.Queue()
    stopping = threading.Event()
    options = stage.options()
    options = replace(options, environment={**options.environment, **environment})
    started = DaemonOptions(options, port=0, state=stage.directory / "state")
    thread = threading.Thread(
        target=run, args=(started,), kwargs={"stopping": stopping, "serving_on": runtimes.put}, daemon=True
    )
    thread.start()
    try:
        daemon = Running(runtimes.get(timeout=60))
        eventually(lambda: daemon.status()["last"])
        yield daemon
    finally:
        stopping.set()
        thread.join(60)
    assert not thread.is_alive()


def proposed(stage: Stage, branch: str) -> Any:
    """A person's pull request that changes a file."""
    head = stage.api("GET", "/git/ref/heads/main")["object"]["sha"]
    stage.api("POST", "/git/refs", ref=f"refs/heads/{branch}", sha=head)
    stage.edit("k8s/service.yaml", lambda text: text + "# why not\n", branch=branch)
    return stage.api("POST", "/pulls", title="Why not", head=branch, base="main")


def judged(stage: Stage, sha: str) -> list[str]:
    """How often a commit was judged: one check run each."""
    return [check["conclusion"] for check in checks(stage, sha) if check["status"] == "completed"]


def test_a_pull_request_is_judged_once_over_restarts(stage: Stage) -> None:
    """The next check finds it; another daemon on the same state folder does not judge it again, another head is judged."""
    with keeping(stage) as daemon:
        pull = proposed(stage, "idea")
        sha = pull["head"]["sha"]
        eventually(lambda: judged(stage, sha) == ["success"])
        eventually(lambda: pull["number"] in StateFolder(stage.directory / "state").judged())
    before = len(checks(stage, sha))
    with keeping(stage) as daemon:
        eventually(lambda: daemon.status()["looks"]["check"]["last"])
        assert not [work for work in daemon.status()["queue"] if "judge" in work]
        assert len(checks(stage, sha)) == before
        stage.edit("k8s/service.yaml", lambda text: text + "# again\n", branch="idea")
        newer = stage.api("GET", f"/pulls/{pull['number']}")["head"]["sha"]
        eventually(lambda: judged(stage, newer) == ["success"])
        stage.api("PATCH", f"/pulls/{pull['number']}", state="closed")
        eventually(lambda: StateFolder(stage.directory / "state").judged() == {})


def test_a_pull_request_that_says_something_else_is_judged_again(stage: Stage) -> None:
    """Its description is judged, too, and the list of open pull requests shows that it changed; then it is left alone."""
    with keeping(stage) as daemon:
        pull = proposed(stage, "idea")
        sha, path = pull["head"]["sha"], f"/commits/{pull['head']['sha']}/check-runs?filter=all"
        assert_judged(stage, sha)
        stage.api("PATCH", f"/pulls/{pull['number']}", body="Because it is said so.")
        eventually(lambda: [run["conclusion"] for run in stage.api("GET", path)["check_runs"]] == ["success"] * 2)
        eventually(lambda: not daemon.status()["queue"])
        seen = daemon.status()["looks"]["check"]["last"]
        eventually(lambda: daemon.status()["looks"]["check"]["last"] != seen)
        assert not [work for work in daemon.status()["queue"] if "judge" in work]
        assert len(stage.api("GET", path)["check_runs"]) == 2


def test_a_merge_queue_moves_without_a_webhook(stage: Stage) -> None:
    """Its heads are found on their branches, judged once, and merged."""
    stage.box.admin.add_ruleset(NAME, "main", queue=True, checks=("clockwork/guardrails",))
    with keeping(stage):
        for branch in ("one", "two"):
            pull = proposed(stage, branch)
            assert_judged(stage, pull["head"]["sha"])
            entry = stage.box.admin.enqueue(NAME, pull["number"])
            assert_merged(stage, pull["number"])
            assert judged(stage, entry.head_sha) == ["success"]


def assert_judged(stage: Stage, sha: str) -> None:
    """A commit is judged after a while, once."""
    eventually(lambda: judged(stage, sha) == ["success"])


def assert_merged(stage: Stage, number: int) -> None:
    """A pull request is merged after a while."""
    eventually(lambda: stage.api("GET", f"/pulls/{number}")["merged"])


def test_comments_are_answered_and_closed_pull_requests_followed(stage: Stage) -> None:
    """A command is obeyed; whoever closes our pull request has rejected it, and the next run says so."""
    with keeping(stage) as daemon:
        stage.config_drift()
        stage.show()
        daemon.call("POST", "/v1/check")
        (pull,) = stage.pulls("open")
        number = pull["number"]
        eventually(lambda: [item["number"] for item in daemon.status()["waiting"]] == [number])
        stage.api("POST", f"/issues/{number}/comments", body="/clockwork explain")
        eventually(lambda: len(stage.api("GET", f"/issues/{number}/comments")) == 2)
        stage.api("PATCH", f"/pulls/{number}", state="closed")
        eventually(lambda: [a["effect"] for a in daemon.status()["last"]["actions"]] == ["rejected"])
        eventually(lambda: daemon.status()["waiting"] == [])


def test_orders_need_the_token(stage: Stage) -> None:
    """Everything but health, webhooks and, on this machine, figures; a wrong token is as good as none."""
    with keeping(stage) as daemon:
        for method, path in (
            ("GET", "/v1/status"),
            ("POST", "/v1/check"),
            ("POST", "/v1/pause"),
            ("POST", "/v1/unpause"),
            ("POST", "/v1/halt"),
        ):
            for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": daemon.runtime.token}):
                answer = WEB.request(method, f"{daemon.root}{path}", headers=headers)
                assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert daemon.status()["paused"] is None
        assert daemon.call("POST", "/v1/pause", by="rosa", reason="audit").json()["by"] == "rosa"
        assert WEB.get(f"{daemon.root}/healthz").json() == {"status": "ok"}


def test_while_paused_no_check_is_published_and_no_comment_answered(stage: Stage) -> None:
    """What would write is held back and done after the pause."""
    with keeping(stage) as daemon:
        daemon.call("POST", "/v1/pause", by="rosa", reason="audit")
        pull = proposed(stage, "idea")
        stage.api("POST", f"/issues/{pull['number']}/comments", body="/clockwork halt")
        held = [f"judge pull request #{pull['number']}", f"read the comments of #{pull['number']}"]
        eventually(lambda: set(held) <= set(daemon.status()["queue"]))
        assert checks(stage, pull["head"]["sha"]) == []
        assert len(stage.api("GET", f"/issues/{pull['number']}/comments")) == 1
        daemon.call("POST", "/v1/unpause")
        eventually(lambda: judged(stage, pull["head"]["sha"]))
        eventually(lambda: len(stage.api("GET", f"/issues/{pull['number']}/comments")) == 2)
