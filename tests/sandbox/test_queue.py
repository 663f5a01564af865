"""Pull requests that merge by themselves: auto-merge and the merge queue."""

from __future__ import annotations

import github.Repository
import pytest
from github import GithubException

from tests.sandbox.people import Box, propose, tip
from tests.sandbox.receiver import receiving
from tests.web import WEB

Repo = github.Repository.Repository
AUTO = "mutation($input: EnablePullRequestAutoMergeInput!) { enablePullRequestAutoMerge(input: $input) { clientMutationId } }"


def _enable(box: Box, node: str) -> list[str]:
    asked = {"query": AUTO, "variables": {"input": {"pullRequestId": node, "mergeMethod": "SQUASH"}}}
    headers = {"Authorization": f"token {box.token}"}
    reply = WEB.post(f"{box.server.api_url}/graphql", headers=headers, json=asked).json()
    return [error["message"] for error in reply.get("errors", ())]


def test_auto_merge_waits_for_the_required_checks(box: Box, repo: Repo) -> None:
    """It is refused where it is off and where nothing is missing; enabled, the last green check merges."""
    pull = propose(repo)
    assert _enable(box, pull.raw_data["node_id"]) == ["Pull request Auto merge is not allowed for this repository"]
    box.server.admin.switch(repo.full_name, auto_merge=True)
    assert _enable(box, pull.raw_data["node_id"]) == ["Pull request Pull request is in clean status"]
    box.server.admin.protect(repo.full_name, checks=("ci",))
    assert _enable(box, pull.raw_data["node_id"]) == []
    assert repo.get_pull(pull.number).raw_data["auto_merge"]["merge_method"] == "squash"
    repo.create_check_run("ci", pull.head.sha, conclusion="success", status="completed")
    assert repo.get_pull(pull.number).merged


@pytest.mark.parametrize(("conclusion", "merged"), [("success", True), ("failure", False)])
def test_the_merge_queue_asks_for_checks_of_its_own_head(box: Box, repo: Repo, conclusion: str, merged: bool) -> None:
    """The merge button is closed; the queue makes a branch, tells merge_group, and goes by that commit's checks."""
    box.server.admin.add_ruleset(repo.full_name, "main", queue=True, checks=("ci",))
    pull = propose(repo)
    with pytest.raises(GithubException) as caught:
        pull.merge()
    assert caught.value.data["message"] == "Changes must be made through the merge queue"
    with receiving() as receiver:
        box.server.register_webhook(repo.full_name, receiver.url)
        entry = box.server.admin.enqueue(repo.full_name, pull.number)
        box.server.webhooks.settle()
        asked = next(arrival.payload for arrival in receiver.arrivals if arrival.name == "merge_group.checks_requested")
        box.server.backend.store.run("DELETE FROM hook")
    group = asked["merge_group"]
    assert (group["head_sha"], group["base_ref"]) == (entry.head_sha, "refs/heads/main")
    assert group["head_ref"].startswith(f"refs/heads/gh-readonly-queue/main/pr-{pull.number}-")
    assert repo.get_git_ref(group["head_ref"].removeprefix("refs/")).object.sha == entry.head_sha
    before = tip(repo)
    repo.create_check_run("ci", entry.head_sha, conclusion=conclusion, status="completed")
    assert (repo.get_pull(pull.number).merged, tip(repo)) == (merged, entry.head_sha if merged else before)
    with pytest.raises(GithubException):
        repo.get_git_ref(group["head_ref"].removeprefix("refs/"))
