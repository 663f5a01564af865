"""Commit statuses and check runs."""

from __future__ import annotations

from typing import Any

import github.Repository
import pytest
from github import GithubException

from tests.sandbox.people import Box, client, propose, tip

Repo = github.Repository.Repository


def _annotations(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [
        {
            "path": "k8s/web.yaml",
            "start_line": number + 1,
            "end_line": number + 1,
            "annotation_level": "failure",
            "message": f"Finding {number}",
        }
        for number in range(start, start + count)
    ]


def _output(count: int, start: int = 0) -> dict[str, Any]:
    return {"title": "Findings", "summary": "Look", "annotations": _annotations(count, start)}


def test_a_check_run_collects_its_annotations(repo: Repo) -> None:
    """Fifty per request are appended; the conclusion comes last and makes the pull request unstable."""
    pull = propose(repo)
    run = repo.create_check_run("guard", pull.head.sha, status="in_progress")
    run.edit(output=_output(50))
    run.edit(status="completed", conclusion="failure", output=_output(30, 50))
    fresh = repo.get_check_run(run.id)
    assert (fresh.status, fresh.conclusion, fresh.output.annotations_count) == ("completed", "failure", 80)
    assert [item.message for item in fresh.get_annotations()] == [f"Finding {number}" for number in range(80)]
    assert repo.get_pull(pull.number).mergeable_state == "unstable"
    assert [item.number for item in fresh.pull_requests] == [pull.number]


def test_more_than_fifty_annotations_are_refused(repo: Repo) -> None:
    """422 above the cap of one request."""
    with pytest.raises(GithubException) as caught:
        repo.create_check_run("guard", tip(repo), output=_output(51))
    assert caught.value.status == 422
    assert "No more than 50 items are allowed" in caught.value.data["message"]


def test_the_latest_run_of_a_name_counts(repo: Repo) -> None:
    """``filter=latest`` shows one run per name, ``all`` every one; names filter."""
    for conclusion in ("failure", "success"):
        repo.create_check_run("guard", tip(repo), conclusion=conclusion)
    repo.create_check_run("other", tip(repo), conclusion="neutral")
    commit = repo.get_commit(tip(repo))
    assert [(run.name, run.conclusion) for run in commit.get_check_runs()] == [
        ("other", "neutral"),
        ("guard", "success"),
    ]
    assert commit.get_check_runs(check_name="guard", filter="all").totalCount == 2
    assert [suite.conclusion for suite in commit.get_check_suites()] == ["success"]


@pytest.mark.parametrize(
    ("bot", "checks", "message"),
    [
        (False, None, "Resource not accessible by personal access token"),
        (True, False, "Resource not accessible by integration"),
    ],
)
def test_some_tokens_may_not_write_check_runs(
    box: Box, repo: Repo, bot: bool, checks: bool | None, message: str
) -> None:
    """403 for personal tokens and for apps without the permission; a commit status still works."""
    login = f"writer-{bot}"
    token = box.server.create_user(login, bot=bot, checks=checks)
    box.server.add_collaborator(repo.full_name, login, "write")
    with client(box.server, token) as gh:
        theirs = gh.get_repo(repo.full_name)
        with pytest.raises(GithubException) as caught:
            theirs.create_check_run("guard", tip(repo))
        theirs.get_commit(tip(repo)).create_status("failure", context="guard", description="Blocked")
    assert (caught.value.status, caught.value.data["message"]) == (403, message)
    assert repo.get_commit(tip(repo)).get_combined_status().state == "failure"


def test_the_newest_status_per_context_counts(repo: Repo) -> None:
    """Combined: failure beats pending beats success; older ones of a context are history."""
    commit = repo.get_commit(tip(repo))
    assert commit.get_combined_status().state == "pending"
    commit.create_status("failure", context="ci")
    commit.create_status("success", context="ci")
    assert commit.get_combined_status().state == "success"
    commit.create_status("pending", context="lint")
    assert commit.get_combined_status().state == "pending"
    assert [status.state for status in commit.get_statuses()] == ["pending", "success", "failure"]


def test_a_status_description_is_short(repo: Repo) -> None:
    """GitHub refuses more than 140 characters."""
    with pytest.raises(GithubException) as caught:
        repo.get_commit(tip(repo)).create_status("success", description="x" * 141)
    assert caught.value.status == 422
