"""Notifications from the command line: a try of every receiver, a run that tells, and receivers that cost no run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.sandbox.server import Sandbox
from tests.entry import clockwork
from tests.flows.stage import NAME, Stage, open_stage
from tests.receivers.inbox import inbox

SETTINGS = """
notifications:
  timeout: 60s
  receivers:
    team: {apprise_env: TEAM_CHAT, template: notice.txt.j2}
    audit: {webhook_env: AUDIT_HOOK, secret_env: AUDIT_SECRET}
  routes:
    - {to: [team, audit]}
"""


def write(root: Path, settings: str) -> Path:
    """A folder with settings and a template of its own."""
    root.mkdir(exist_ok=True)
    (root / "clockwork.yaml").write_text(f"version: 1\n{settings}")
    (root / "notice.txt.j2").write_text("Ours: {{ notices[0].text | line }}\n")
    return root


def test_a_try_says_what_each_receiver_answered(tmp_path: Path) -> None:
    """One that takes it, one whose secret is not set; the exit code says that somebody was not told."""
    write(tmp_path / "shop", SETTINGS)
    with inbox() as box:
        done = clockwork("notify", "test", "--repo", "shop", folder=tmp_path, TEAM_CHAT=box.chat, AUDIT_HOOK=box.hook)
    assert done.returncode == 3, done
    assert done.stdout.splitlines() == [
        "team: delivered: taken",
        "audit: failed: the environment variable AUDIT_SECRET is not set",
    ]
    assert "Ours: This is a test of Clockwork's notifications" in box.posts[0].text


def test_a_try_of_one(tmp_path: Path) -> None:
    """Only the receiver that is named; the account as JSON; exit code 0."""
    write(tmp_path / "shop", SETTINGS)
    with inbox() as box:
        words = ("notify", "test", "--repo", "shop", "--receiver", "audit", "--json")
        done = clockwork(*words, folder=tmp_path, AUDIT_HOOK=box.hook, AUDIT_SECRET="key")
    assert done.returncode == 0, done
    assert json.loads(done.stdout) == [{"receiver": "audit", "result": "delivered", "answer": "HTTP 200"}]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--receiver", "nobody"), "there is no receiver 'nobody'\n  Known: team, audit"),
        (("--repo", "."), "no receivers are configured"),
    ],
)
def test_a_try_without_a_receiver(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """Bad input, which says what there is."""
    write(tmp_path / "shop", SETTINGS)
    done = clockwork("notify", "test", "--repo", "shop", *words, folder=tmp_path)
    assert (done.returncode, said in done.stderr) == (2, True), done


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A sandbox whose repository tells people."""
    with Sandbox.start(tmp_path / "sandbox") as box:
        made = open_stage(tmp_path, box)
        made.edit("clockwork.yaml", lambda text: text + SETTINGS)
        yield made


def reconcile(stage: Stage, cache: str, **environment: str) -> str:
    """One run on a runner whose cache has that name; what it printed on standard error."""
    stage.show()
    options = stage.options()
    words = ("reconcile", "--repo", stage.box.git_url(NAME), "--live", str(stage.live))
    known = {**options.environment, "CLOCKWORK_CACHE": str(stage.directory / cache), **environment}
    done = clockwork(*words, folder=stage.directory, **known)
    assert done.returncode == 0, done
    return done.stderr


@pytest.mark.slow
def test_runs_tell_once_whichever_runner_they_are_on(stage: Stage) -> None:
    """A run tells of drift and of what it opened; a fresh runner tells nothing again; the merge is told by another."""
    stage.config_drift()
    with inbox() as box:
        told = {"TEAM_CHAT": box.chat, "AUDIT_HOOK": box.hook, "AUDIT_SECRET": "key"}
        assert not reconcile(stage, "first", **told)
        hooks = [post for post in box.posts if post.path == "/hook"]
        assert len(hooks) == 1
        assert {each["event"] for each in hooks[0].json["notices"]} == {"drift.new", "pull.opened"}
        assert hooks[0].json["repository"] == NAME
        assert not reconcile(stage, "second", **told)
        assert len(box.posts) == 2
        (pull,) = stage.pulls("open")
        stage.api("PUT", f"/pulls/{pull['number']}/merge")
        assert not reconcile(stage, "third", **told)
        last = [post for post in box.posts if post.path == "/hook"][-1]
        assert {each["event"] for each in last.json["notices"]} == {"drift.closed", "pull.merged"}


@pytest.mark.slow
def test_receivers_cost_no_run(stage: Stage) -> None:
    """One hangs and one is not there: the run does its work, ends, and says on standard error who was not told."""
    stage.config_drift()
    stage.edit("clockwork.yaml", lambda text: text.replace("timeout: 60s", "timeout: 2s"))
    with inbox("hang") as box:
        said = reconcile(stage, "first", AUDIT_HOOK=box.hook, AUDIT_SECRET="key")
    assert "notifications: team: failed: the environment variable TEAM_CHAT is not set" in said
    assert "notifications: audit: unanswered: no answer within 2 s" in said
    assert stage.pulls("open")


@pytest.mark.slow
def test_a_verdict_that_blocks_is_told(stage: Stage) -> None:
    """`clockwork guard pr` tells of a pull request that it blocks, once for its head."""
    stage.edit("clockwork.yaml", lambda text: f"{text}guard: {{mode: strict}}\n")
    head = stage.api("GET", "/git/ref/heads/main")["object"]["sha"]
    stage.api("POST", "/git/refs", ref="refs/heads/idea", sha=head)
    token = "ghp_" + "x7Kq2mZ9vR4tB8nW1cY6sD3fG5hJ0kLpQaEu"
    stage.edit("k8s/service.yaml", lambda text: f"{text}---\ntoken: {token}\n", branch="idea")
    number = stage.api("POST", "/pulls", title=f"Use {token}", head="idea", base="main")["number"]
    with inbox() as box:
        told = {"TEAM_CHAT": box.chat, "AUDIT_HOOK": box.hook, "AUDIT_SECRET": "key"}
        known = {**stage.options().environment, "CLOCKWORK_CACHE": str(stage.directory / "cache"), **told}
        for _ in range(2):
            done = clockwork(
                "guard", "pr", str(number), "--repo", stage.box.git_url(NAME), folder=stage.directory, **known
            )
            assert (done.returncode, done.stderr, "SEC-001" in done.stdout) == (1, "", True), done
        (hook,) = [post for post in box.posts if post.path == "/hook"]
    (notice,) = hook.json["notices"]
    assert notice["event"] == "verdict.blocked"
    assert notice["text"].startswith(f"PR #{number} is blocked by the guardrails: Use [redacted:")
    assert token not in hook.body.decode()


@pytest.mark.slow
def test_a_run_pushes_its_figures(stage: Stage) -> None:
    """Once, when it is done, with the requests that it made; a database that refuses costs no run."""
    stage.edit(
        "clockwork.yaml", lambda text: f"{text.partition('notifications')[0]}metrics: {{influx: {{url_env: DB}}}}\n"
    )
    stage.config_drift()
    with inbox() as box:
        assert not reconcile(stage, "first", DB=box.hook)
        (post,) = box.posts
        lines = post.body.decode().splitlines()
        assert [line for line in lines if line.startswith("clockwork_outcomes_total,effect=opened")]
        assert [line for line in lines if line.startswith("clockwork_api_requests_total,method=GET,status=200 ")]
        assert [line for line in lines if line.startswith("clockwork_budget_left,budget=proposal ")]
        box.mood = "refuse"
        assert reconcile(stage, "first", DB=box.hook) == "metrics: metrics could not be pushed: HTTP 500\n"
