"""The sandbox says what GitHub says, by GitHub's own description; so does the bot, and it reads what GitHub delivers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.github.webhook import parse
from bot.model.event import Ignored
from bot.model.finding import Mode
from bot.wiring.guard import open_guard, review
from bot.wiring.verifying import open_verification
from tests.flows.stage import NAME, Stage, open_stage
from tests.sandbox.octokit import NEEDED, RecordedSandbox, deliveries, description
from tests.sandbox.receiver import receiving

pytestmark = [pytest.mark.slow, NEEDED]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage on a sandbox that records."""
    with RecordedSandbox.start(tmp_path / "sandbox") as box:
        yield open_stage(tmp_path, box)


def lived(stage: Stage) -> None:
    """Everything that runs, reviews and people do in the life of a repository."""
    stage.safe_drift()
    stage.config_drift()
    stage.destructive_drift()
    stage.tick()
    (pull,), (issue,) = stage.pulls(), stage.issues()
    stage.api("POST", f"/issues/{pull['number']}/comments", body="Why?")
    stage.config_drift(8082)
    stage.clock.move(hours=2)
    stage.tick()
    stage.api("POST", f"/issues/{issue['number']}/labels", labels=["soon"])
    stage.api("PATCH", f"/pulls/{pull['number']}", title="Another title")
    stage.api("PATCH", f"/pulls/{pull['number']}", state="closed")
    stage.tick()
    stage.api("PATCH", f"/pulls/{pull['number']}", state="open")
    stage.restore()
    stage.clock.move(hours=2)
    stage.tick(fresh=True)
    head = stage.api("GET", "/git/ref/heads/main")["object"]["sha"]
    stage.api("POST", "/git/refs", ref="refs/heads/idea", sha=head)
    stage.edit("k8s/service.yaml", lambda text: text + "# why not\n", branch="idea")
    theirs = stage.api("POST", "/pulls", title="Why not", head="idea", base="main")
    reviewed(stage, theirs["number"])
    stage.api("PUT", f"/pulls/{theirs['number']}/merge")
    stage.edit("clockwork.yaml", lambda text: f"{text}apply: {{environment: production}}\n")
    open_verification(stage.options(), publish=True)(0)
    (deployment,) = stage.api("GET", "/deployments")
    stage.api("GET", f"/deployments/{deployment['id']}")


def reviewed(stage: Stage, number: int) -> None:
    """The bot judges a pull request."""
    before = dict(os.environ)
    os.environ.update({**stage.options().environment, "CLOCKWORK_CACHE": str(stage.directory / "guard")})
    try:
        guard = open_guard(None, stage.box.git_url(NAME))
        review(guard, number, mode=Mode.STANDARD, comment=True)
        guard.store.close()
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_requests_and_answers_are_as_github_describes_them(stage: Stage) -> None:
    """Every exchange of runs, a review and people: operation, status, request and answer."""
    lived(stage)
    assert isinstance(stage.box, RecordedSandbox)
    exchanges = stage.box.exchanges
    problems = {problem for exchange in exchanges for problem in description().problems(exchange)}
    assert sorted(problems) == []
    assert {exchange.method for exchange in exchanges} >= {"GET", "POST", "PATCH", "PUT"}
    assert len(exchanges) > 50


def test_the_description_finds_what_is_wrong(stage: Stage) -> None:
    """An answer without a number, a status and an operation that GitHub does not have."""
    from dataclasses import replace

    stage.config_drift()
    stage.tick()
    assert isinstance(stage.box, RecordedSandbox)
    made = next(e for e in stage.box.exchanges if (e.method, e.status) == ("POST", 201) and e.path.endswith("/pulls"))
    assert list(description().problems(made)) == []
    broken = {name: value for name, value in made.answered.items() if name != "number"}
    for wrong in (replace(made, answered=broken), replace(made, status=299), replace(made, path="/repos/a/b/pullz")):
        assert list(description().problems(wrong)) != []
    assert list(description().problems(replace(made, sent={"title": 1}))) != []


HEARD = {"push", "pull_request", "issues", "issue_comment", "check_run", "check_suite", "merge_group", "ping"}


def test_every_example_of_a_delivery_is_read() -> None:
    """Those that say when to look become events about their repository; all others are ignored, none is refused."""
    read = 0
    for event, examples in deliveries().items():
        for number, example in enumerate(examples):
            headers = {
                "X-GitHub-Event": event,
                "X-GitHub-Delivery": f"{number:08d}",
                "Content-Type": "application/json",
            }
            made = parse(headers, json.dumps(example).encode())
            assert isinstance(made, Ignored) == (event not in HEARD), (event, example.get("action"))
            assert isinstance(made, Ignored) or made.repository == example.get("repository", {}).get("full_name")
            read += 1
    assert read > 100


def test_deliveries_have_nothing_that_the_examples_lack(stage: Stage) -> None:
    """Each key at the top, and of the pull request, issue, comment, repository and sender, is one that GitHub sends."""
    with receiving() as receiver:
        stage.box.register_webhook(NAME, receiver.url, secret="x")
        lived(stage)
        stage.box.webhooks.settle()
        arrivals = list(receiver.arrivals)
    known = {
        event: LATER | {key for example in examples for key in keys(example)}
        for event, examples in deliveries().items()
    }
    invented = {
        f"{arrival.event}: {where}" for arrival in arrivals for where in keys(arrival.payload) - known[arrival.event]
    }
    assert sorted(invented) == []
    assert {arrival.event for arrival in arrivals} >= HEARD - {"check_suite", "merge_group"}


LATER = {"issue.pull_request", "issue.state_reason", "issue.timeline_url", "repository.has_discussions"}
"""Sent since after the examples were made (docs.github.com, "Webhook events and payloads", ``issues``, ``issue_comment``)."""


def keys(payload: Any) -> set[str]:
    """The keys of a delivery, with those of what it is about."""
    parts = ("pull_request", "issue", "comment", "repository", "sender", "check_run")
    below = {f"{part}.{key}" for part in parts for key in payload.get(part) or {}}
    return {*payload, *below}
