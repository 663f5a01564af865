"""Guardrail checks on the sandbox: published once per head, for forks' heads too, and never by a lesser token's mistake."""

from __future__ import annotations

from dataclasses import replace

from bot.model.codehost import CheckState
from bot.wiring.guard import Guard, review
from bot.wiring.host import open_host
from bot.wiring.repository import open_repository
from tests.flows.stage import Stage


def guard(stage: Stage, *, token: str | None = None) -> Guard:
    """The guard as the command line wires it."""
    options = stage.options()
    if token is not None:
        options = replace(options, environment={**options.environment, "CLOCKWORK_TOKEN": token})
    site = open_repository(options)
    host = open_host(site, stage.clock)
    assert host is not None
    return Guard(site, host, stage.clock)


def bad_pull(stage: Stage) -> int:
    """A pull request that makes a container privileged."""
    head = stage.api("GET", "/git/ref/heads/main")["object"]["sha"]
    stage.api("POST", "/git/refs", ref="refs/heads/bad", sha=head)
    stage.edit(
        "k8s/web.yaml",
        lambda text: text.replace(
            "        - name: web\n", "        - name: web\n          securityContext: {privileged: true}\n"
        ),
        branch="bad",
    )
    return int(stage.api("POST", "/pulls", title="Profile it", head="bad", base="main", body="")["number"])


def test_strict_fails_the_check_with_an_annotation(stage: Stage) -> None:
    """The check is a check run on the head with an annotation on the line; so it is again after a second look."""
    stage.edit("clockwork.yaml", lambda text: text + "guard: {mode: strict}\n")
    number = bad_pull(stage)
    for _ in range(2):
        reviewed = review(guard(stage), number)
        assert reviewed.check is not None
        assert (reviewed.state, reviewed.check.kind) == (CheckState.FAILURE, "check-run")
    sha = stage.api("GET", f"/pulls/{number}")["head"]["sha"]
    run = stage.api("GET", f"/commits/{sha}/check-runs")["check_runs"][0]
    assert (run["name"], run["conclusion"]) == ("clockwork/guardrails", "failure")
    (remark,) = stage.api("GET", f"/check-runs/{run['id']}/annotations")
    assert (remark["path"], remark["annotation_level"]) == ("k8s/web.yaml", "failure")


def test_standard_reports_and_lets_it_pass(stage: Stage) -> None:
    """In standard mode the same change is reported, not failed."""
    reviewed = review(guard(stage), bad_pull(stage))
    assert reviewed.state is not CheckState.FAILURE
    assert [finding.rule for finding in reviewed.result.findings] == ["K8S-001"]


def test_a_personal_token_falls_back_to_a_commit_status(stage: Stage) -> None:
    """Where check runs are denied, a commit status tells, under another name."""
    number = bad_pull(stage)
    reviewed = review(guard(stage, token=stage.human), number)
    assert reviewed.check is not None
    assert reviewed.check.kind == "commit-status"
    sha = stage.api("GET", f"/pulls/{number}")["head"]["sha"]
    statuses = stage.api("GET", f"/commits/{sha}/statuses")
    assert statuses
    assert all(status["context"] != "clockwork/guardrails" for status in statuses)


def test_a_head_on_no_branch_is_fetched_by_its_own_ref(stage: Stage) -> None:
    """A pull request whose branch is gone (or lives in a fork) is still judged."""
    number = bad_pull(stage)
    stage.api("DELETE", "/git/refs/heads/bad")
    assert stage.api("GET", f"/pulls/{number}")["number"] == number
    reviewed = review(guard(stage), number)
    assert [finding.rule for finding in reviewed.result.findings] == ["K8S-001"]
