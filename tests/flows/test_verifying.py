"""``clockwork verify``: waits for a rollout, and what it writes where."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.flows.observation import Assessment
from bot.flows.verifying import publish, verify
from bot.model.codehost import CheckState
from bot.wiring.host import open_host
from bot.wiring.reconcile import assessment_of, open_pushed
from bot.wiring.verifying import open_verification
from tests.flows.stage import MovableClock, Stage


def checks(stage: Stage, name: str = "clockwork/verify") -> list[Any]:
    """The checks of that name on the head of the branch."""
    head = stage.api("GET", "/git/ref/heads/main")["object"]["sha"]
    runs = stage.api("GET", f"/commits/{head}/check-runs")["check_runs"]
    return [run for run in runs if run["name"] == name]


def test_success_is_written_on_the_commit_and_remembered(stage: Stage) -> None:
    """A check run once, however often it is verified, and the ref of what was applied."""
    stage.show()
    for _ in range(2):
        done = open_verification(stage.options(), publish=True)(0)
        assert done.last_look.state is CheckState.SUCCESS
    (run,) = checks(stage)
    assert run["conclusion"] == "success"
    head = stage.api("GET", "/git/ref/heads/main")["object"]["sha"]
    assert stage.api("GET", "/git/ref/clockwork/applied")["object"]["sha"] == head


def test_one_target_speaks_for_itself_alone(stage: Stage) -> None:
    """Its success is a check of its own and leaves what is told of everything as it was."""
    stage.show()
    opened = open_pushed(stage.options())
    host = open_host(opened, stage.clock)
    assert host is not None
    publish(verify(assessment_of(opened), stage.clock, wait=0), host, target="prod")
    assert checks(stage) == []
    assert [run["conclusion"] for run in checks(stage, "clockwork/verify/prod")] == ["success"]


def test_a_difference_fails_the_check_and_is_not_remembered(stage: Stage) -> None:
    """Whoever merged it sees on the commit what still differs."""
    stage.config_drift()
    stage.show()
    done = open_verification(stage.options(), publish=True)(0)
    assert done.last_look.state is CheckState.FAILURE
    (run,) = checks(stage)
    assert (run["conclusion"], run["output"]["title"]) == ("failure", "2 differences between Git and what runs")
    refs = stage.api("GET", "/git/matching-refs/clockwork/applied")
    assert refs == []


def test_what_could_not_be_read_is_not_verified(stage: Stage) -> None:
    """Without live state it is neither success nor failure."""
    nowhere = replace(stage.options(), live="http://127.0.0.1:1/live.json")
    done = open_verification(nowhere, publish=True)(0)
    assert done.last_look.state is CheckState.NEUTRAL
    (run,) = checks(stage)
    assert run["conclusion"] == "neutral"


def test_it_looks_until_the_rollout_is_over(stage: Stage) -> None:
    """A difference that goes away in time is none, and one that stays is looked at until the time is over."""
    stage.config_drift()
    stage.show()
    look = assessment_of(open_pushed(stage.options()))
    late = MovableClock()

    def rolling_out() -> Assessment:
        seen = look()
        stage.restore()
        stage.show()
        return seen

    done = verify(rolling_out, late, wait=60)
    assert (done.state, done.looks, late.at) == (CheckState.SUCCESS, 2, MovableClock().at + timedelta(seconds=5))
    stage.config_drift()
    stage.show()
    assert verify(look, MovableClock(), wait=12).looks == 4


def with_environment(stage: Stage) -> None:
    stage.edit("clockwork.yaml", lambda text: f"{text}apply: {{environment: production}}\n")


def statuses(stage: Stage) -> list[tuple[str, str]]:
    """State and description of every status of every deployment, the newest first."""
    return [
        (status["state"], status["description"])
        for deployment in stage.api("GET", "/deployments?environment=production")
        for status in stage.api("GET", f"/deployments/{deployment['id']}/statuses")
    ]


def test_an_environment_shows_how_it_is(stage: Stage) -> None:
    """One deployment of a commit, a status for each way in which it ended, and none that says the same again."""
    with_environment(stage)
    stage.config_drift()
    stage.show()
    for _ in range(2):
        open_verification(stage.options(), publish=True)(0)
    stage.restore()
    stage.show()
    open_verification(stage.options(), publish=True)(0)
    assert statuses(stage) == [
        ("success", "What runs is what Git says"),
        ("failure", "2 differences between Git and what runs"),
    ]
    assert len(stage.api("GET", "/deployments")) == 1


def test_a_lost_answer_makes_one_deployment(stage: Stage) -> None:
    """GitHub made it and the answer is lost: it is found again."""
    with_environment(stage)
    stage.show()
    stage.box.faults.lose_reply(r"/deployments$", method="POST")
    open_verification(stage.options(), publish=True)(0)
    assert len(stage.api("GET", "/deployments")) == 1
    assert [state for state, _ in statuses(stage)] == ["success"]


def test_the_pull_request_that_was_merged_is_told(stage: Stage) -> None:
    """One comment, which says what is newest, on the pull request that the commit came by and on no other."""
    head = stage.api("GET", "/git/ref/heads/main")["object"]["sha"]
    stage.api("POST", "/git/refs", ref="refs/heads/idea", sha=head)
    stage.edit("k8s/service.yaml", lambda text: text + "# why not\n", branch="idea")
    merged = stage.api("POST", "/pulls", title="Why not", head="idea", base="main")["number"]
    stage.api("PUT", f"/pulls/{merged}/merge")
    stage.config_drift()
    for ready in (False, True):
        if ready:
            stage.restore()
        stage.show()
        done = open_verification(stage.options(), publish=True)(0)
        (comment,) = stage.api("GET", f"/issues/{merged}/comments")
        assert done.last_look.title in comment["body"]
        assert any(line.startswith("Comment: ") for line in done.written)
    assert "Service/shop/web" not in comment["body"]
