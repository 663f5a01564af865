"""How a rule wants its pull requests: as drafts, merging by themselves, or waiting for a person."""

from __future__ import annotations

import base64

from bot.model.proposal import Effect
from tests.flows.stage import NAME, Stage
from tests.web import WEB

RULE = """\
version: 1
rules:
  - id: mine
    remedy: {remedy}
    reason: Ours.
    {manner}
"""


def ruled(stage: Stage, manner: str, remedy: str = "config-pull-request") -> None:
    """The repository's one rule, for everything."""
    text = RULE.format(manner=manner, remedy=remedy)
    content = base64.b64encode(text.encode()).decode()
    stage.api("PUT", "/contents/policies/own.yaml", message="Rules", content=content)


def guarded(stage: Stage, *, auto_merge: bool = True) -> None:
    """Pull requests may merge by themselves, once ``ci`` is green."""
    stage.box.admin.switch(NAME, auto_merge=auto_merge)
    stage.box.admin.protect(NAME, pull_request=True, checks=("ci",))


def test_a_draft_is_opened_as_one_and_stays_what_people_made_it(stage: Stage) -> None:
    """Its text says why; an update does not make a draft again of what somebody marked as ready."""
    ruled(stage, "draft: true")
    stage.config_drift()
    stage.tick()
    (pull,) = stage.pulls()
    assert pull["draft"] is True
    assert "It is a draft because its rule says so" in pull["body"]
    _ready(stage, pull["node_id"])
    stage.config_drift(9090)
    stage.tick()
    (pull,) = stage.pulls()
    assert "9090" in pull["body"]
    assert pull["draft"] is False


def _ready(stage: Stage, node: str) -> None:
    """A person marks the draft as ready for review."""
    query = "mutation($input: In!) { markPullRequestReadyForReview(input: $input) { clientMutationId } }"
    answer = WEB.post(
        f"{stage.box.api_url.removesuffix('/v3')}/graphql",
        headers={"Authorization": f"Bearer {stage.human}"},
        json={"query": query, "variables": {"input": {"pullRequestId": node}}},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text


def test_where_there_are_no_drafts_it_is_a_usual_one(stage: Stage) -> None:
    """A private repository of a plan without drafts gets the pull request all the same."""
    ruled(stage, "draft: true")
    refusal = "Draft pull requests are not supported in this repository."
    stage.box.faults.fail(422, r"/pulls$", method="POST", message=refusal)
    stage.config_drift()
    (action,) = stage.tick().actions
    assert action.effect is Effect.OPENED
    (pull,) = stage.pulls()
    assert pull["draft"] is False


def test_what_is_safe_merges_by_itself_where_its_rule_wants_it(stage: Stage) -> None:
    """A probe's number, within its bounds."""
    guarded(stage)
    ruled_by_owner(stage, "automerge: true")
    stage.safe_drift()
    (action,) = stage.tick().actions
    (pull,) = stage.pulls()
    assert pull["auto_merge"] is not None
    assert "It merges by itself once its checks are green" in pull["body"]
    stage.api("POST", f"/statuses/{pull['head']['sha']}", state="success", context="ci")
    assert stage.api("GET", f"/pulls/{action.number}")["merged"] is True


def ruled_by_owner(stage: Stage, manner: str, remedy: str = "config-pull-request") -> None:
    """The rule comes to a protected branch."""
    stage.box.admin.lift_rules(NAME)
    ruled(stage, manner, remedy)
    stage.box.admin.protect(NAME, pull_request=True, checks=("ci",))


def test_no_rule_merges_what_is_never_committed_without_asking(stage: Stage) -> None:
    """A port is a choice of people: the text says that one of them merges it."""
    guarded(stage)
    ruled_by_owner(stage, "automerge: true")
    stage.config_drift()
    stage.tick()
    (pull,) = stage.pulls()
    assert pull["auto_merge"] is None
    assert "it does not merge by itself; a person merges it" in pull["body"]


def test_a_switch_that_is_off_is_named(stage: Stage) -> None:
    """The rule wants it, the repository does not let pull requests merge by themselves."""
    guarded(stage, auto_merge=False)
    ruled_by_owner(stage, "automerge: true")
    stage.safe_drift()
    stage.tick()
    (pull,) = stage.pulls()
    assert pull["auto_merge"] is None
    assert "Allow auto-merge" in pull["body"]
    assert "It merges by itself once" not in pull["body"]


def test_a_promise_that_the_host_does_not_keep_is_taken_back(stage: Stage) -> None:
    """Without a required check there is nothing to wait for, which GitHub refuses; one comment says so."""
    stage.box.admin.switch(NAME, auto_merge=True)
    ruled(stage, "automerge: true")
    stage.safe_drift()
    (action,) = stage.tick().actions
    comments = [comment["body"] for comment in stage.api("GET", f"/issues/{action.number}/comments")]
    assert sum("A person merges this pull request" in body for body in comments) == 1


def test_a_rule_can_keep_a_person_in_between(stage: Stage) -> None:
    """A commit that its branch does not take becomes a pull request that waits."""
    guarded(stage)
    ruled_by_owner(stage, "automerge: false", "artifact-patch")
    stage.safe_drift()
    stage.tick()
    (pull,) = stage.pulls()
    assert pull["auto_merge"] is None
