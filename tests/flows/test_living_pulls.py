"""What people do to an open pull request of ours: pointed elsewhere, drafted, closed and opened again, without its branch."""

from __future__ import annotations

import pytest

from bot.flows.reconcile import tick
from bot.model.proposal import Effect, Tick
from tests.flows.stage import Stage
from tests.web import WEB


def opened(stage: Stage) -> int:
    """The number of the pull request about a port."""
    stage.config_drift(8081)
    (action,) = stage.tick().actions
    assert action.number is not None
    return action.number


def effects(done: Tick) -> list[Effect]:
    """What became of everything."""
    return [action.effect for action in done.actions]


def drafted(stage: Stage, number: int, *, draft: bool) -> None:
    """Somebody makes it a draft, or ready for review (docs.github.com, "Changing the stage of a pull request")."""
    name = "convertPullRequestToDraft" if draft else "markPullRequestReadyForReview"
    query = f"mutation($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) {{ clientMutationId }} }}"
    variables = {"input": {"pullRequestId": stage.api("GET", f"/pulls/{number}")["node_id"]}}
    address = stage.box.api_url.removesuffix("/v3") + "/graphql"
    answer = WEB.post(
        address,
        json={"query": query, "variables": variables},
        headers={"Authorization": f"Bearer {stage.human}"},
        timeout=60,
    )
    assert "errors" not in answer.json(), answer.text


def test_one_that_points_elsewhere_is_still_the_one(stage: Stage) -> None:
    """A second is not opened; it follows another value, keeps its base, and is closed when its drift is gone."""
    number = opened(stage)
    head = stage.api("GET", "/git/ref/heads/main")["object"]["sha"]
    stage.api("POST", "/git/refs", ref="refs/heads/release", sha=head)
    stage.api("PATCH", f"/pulls/{number}", base="release")
    assert effects(stage.tick(fresh=True)) == [Effect.UNCHANGED]
    stage.config_drift(8082)
    stage.clock.move(hours=2)
    assert effects(stage.tick(fresh=True)) == [Effect.UPDATED]
    (pull,) = stage.pulls()
    assert (pull["base"]["ref"], pull["state"]) == ("release", "open")
    stage.restore()
    stage.clock.move(hours=2)
    assert effects(stage.tick()) == [Effect.CLOSED]


def test_it_goes_on_when_the_default_branch_gets_another_name(stage: Stage) -> None:
    """Renaming it points its pull requests at the new name (docs.github.com, "Renaming a branch"): the same one is updated, and
    commits go to the new branch.
    """
    number = opened(stage)
    head = stage.api("GET", "/git/ref/heads/main")["object"]["sha"]
    stage.api("POST", "/git/refs", ref="refs/heads/trunk", sha=head)
    stage.api("PATCH", "", default_branch="trunk")
    stage.api("PATCH", f"/pulls/{number}", base="trunk")
    stage.api("DELETE", "/git/refs/heads/main")
    assert effects(stage.tick(fresh=True)) == [Effect.UNCHANGED]
    stage.config_drift(8082)
    stage.safe_drift()
    stage.clock.move(hours=2)
    assert effects(stage.tick(fresh=True)) == [Effect.UPDATED, Effect.COMMITTED]
    assert [pull["base"]["ref"] for pull in stage.pulls()] == ["trunk"]
    assert "failureThreshold: 6" in stage.file("k8s/web.yaml")


def test_a_draft_is_left_a_draft(stage: Stage) -> None:
    """It counts as open, follows another value, and nobody makes it ready but people."""
    number = opened(stage)
    drafted(stage, number, draft=True)
    assert effects(stage.tick(fresh=True)) == [Effect.UNCHANGED]
    stage.config_drift(8082)
    stage.clock.move(hours=2)
    assert effects(stage.tick()) == [Effect.UPDATED]
    assert stage.api("GET", f"/pulls/{number}")["draft"] is True
    drafted(stage, number, draft=False)
    assert effects(stage.tick()) == [Effect.UNCHANGED]
    assert len(stage.pulls()) == 1


def test_one_that_is_opened_again_is_taken_up(stage: Stage) -> None:
    """Closing rejects; opening it again takes that back, and it follows another value."""
    number = opened(stage)
    stage.api("PATCH", f"/pulls/{number}", state="closed")
    assert effects(stage.tick()) == [Effect.REJECTED]
    stage.api("PATCH", f"/pulls/{number}", state="open")
    assert effects(stage.tick(fresh=True)) == [Effect.UNCHANGED]
    stage.config_drift(8082)
    stage.clock.move(hours=2)
    assert effects(stage.tick()) == [Effect.UPDATED]
    assert [pull["number"] for pull in stage.pulls()] == [number]


def test_one_whose_branch_somebody_reset_is_made_again(stage: Stage) -> None:
    """Without a commit of its own, merging it would accept nothing."""
    number = opened(stage)
    base, branch = stage.commits()[0]["sha"], stage.pulls()[0]["head"]["ref"]
    stage.api("PATCH", f"/git/refs/heads/{branch}", sha=base, force=True)
    stage.clock.move(minutes=20)
    assert effects(stage.tick(fresh=True)) == [Effect.UPDATED]
    assert effects(stage.tick()) == [Effect.UNCHANGED]
    assert stage.api("GET", f"/pulls/{number}")["commits"] == 1
    stage.api("PUT", f"/pulls/{number}/merge", merge_method="squash")
    assert "port: 8081" in stage.file("k8s/service.yaml")


def test_deleting_its_branch_rejects_it(stage: Stage) -> None:
    """The host closes it then: that is a person's no, until something else runs."""
    number = opened(stage)
    branch = stage.pulls()[0]["head"]["ref"]
    stage.api("DELETE", f"/git/refs/heads/{branch}")
    for _ in range(2):
        assert effects(stage.tick(fresh=True)) == [Effect.REJECTED]
    stage.config_drift(8082)
    stage.clock.move(hours=2)
    assert effects(stage.tick()) == [Effect.OPENED]
    assert [pull["state"] for pull in stage.pulls()] == ["closed", "open"]
    assert stage.pulls()[0]["number"] == number


def test_a_branch_that_vanishes_in_the_middle_is_pushed_again(stage: Stage) -> None:
    """Somebody tidies branches between the push and the pull request: the next run makes both."""
    stage.config_drift()
    loop = stage.loop()
    stage.box.faults.fail(502, r"/pulls$", method="POST", times=20)
    tick(loop)
    stage.box.faults.clear()
    names = [branch["name"] for branch in stage.api("GET", "/branches")]
    for name in names:
        if name != "main":
            stage.api("DELETE", f"/git/refs/heads/{name}")
    stage.clock.move(hours=1)
    assert effects(stage.tick(fresh=True)) == [Effect.OPENED]


@pytest.mark.parametrize("above", [True, False])
def test_a_branch_in_the_way_costs_no_entry_twice(stage: Stage, *, above: bool) -> None:
    """One called as ours begin, or that begins as ours is called: it is named, and later runs write nothing."""
    stage.config_drift()
    stage.tick()
    branch = stage.pulls()[0]["head"]["ref"]
    stage.api("DELETE", f"/git/refs/heads/{branch}")
    blocking = "clockwork" if above else f"{branch}/x"
    head = stage.api("GET", "/git/ref/heads/main")["object"]["sha"]
    stage.api("POST", "/git/refs", ref=f"refs/heads/{blocking}", sha=head)
    stage.config_drift(8082)
    stage.clock.move(hours=2)
    first = stage.tick(fresh=True)
    assert any(blocking in text for text in (*first.notes, *(action.message for action in first.actions)))
    stage.tick()
    before = len(stage.loop().run.ledger.read().entries)
    for _ in range(4):
        stage.clock.move(minutes=5)
        stage.tick()
    assert len(stage.loop().run.ledger.read().entries) == before
