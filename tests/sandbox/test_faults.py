"""Everything that has bitten bots, on request."""

from __future__ import annotations

from pathlib import Path

import github.Repository
import pytest
import requests
from github import GithubException, RateLimitExceededException

from tests.sandbox.people import Box, cloned, commit_file, git, propose, tip

Repo = github.Repository.Repository


def test_a_lost_reply_leaves_the_write_done(box: Box, repo: Repo) -> None:
    """The connection closes without an answer, and the issue is there all the same."""
    box.server.faults.lose_reply(r"/issues$")
    with pytest.raises(requests.ConnectionError):
        repo.create_issue("Once")
    assert [issue.title for issue in repo.get_issues()] == ["Once"]
    assert box.server.faults.pending == 0


@pytest.mark.parametrize(("after", "left"), [(False, 0), (True, 1)])
def test_a_bad_gateway_may_hide_a_write(box: Box, repo: Repo, after: bool, left: int) -> None:
    """502 either before or after the work."""
    box.server.faults.fail(502, r"/issues$", method="POST", after=after)
    with pytest.raises(GithubException) as caught:
        repo.create_issue("Maybe")
    assert caught.value.status == 502
    assert repo.get_issues().totalCount == left


@pytest.mark.parametrize("status", [500, 503, 409, 422])
def test_any_status_can_be_asked_for(box: Box, repo: Repo, status: int) -> None:
    """It comes as often as it was asked for, and only where the path matches."""
    box.server.faults.fail(status, rf"/repos/{repo.full_name}/labels", times=2)
    for _ in range(2):
        with pytest.raises(GithubException) as caught:
            list(repo.get_labels())
        assert caught.value.status == status
    assert list(repo.get_labels()) == []
    assert list(repo.get_issues()) == []


def test_secondary_limits_say_when_to_come_back(box: Box, repo: Repo) -> None:
    """403 with GitHub's sentence, 429, both with Retry-After."""
    box.server.faults.secondary_limit(r"/issues$", retry_after=7)
    box.server.faults.too_many(r"/labels$", retry_after=9)
    with pytest.raises(RateLimitExceededException) as secondary:
        repo.create_issue("x")
    with pytest.raises(GithubException) as many:
        repo.create_label("x", "ffffff")
    assert (secondary.value.status, (secondary.value.headers or {})["retry-after"]) == (403, "7")
    assert (many.value.status, (many.value.headers or {})["retry-after"]) == (429, "9")


def test_a_delay_outlasts_impatient_clients(box: Box, name: str) -> None:
    """The client gives up, the server does not mind."""
    box.server.faults.delay(1.0, r"/rate_limit$")
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{box.server.api_url}/rate_limit", timeout=0.2)


def test_lists_lag_behind_writes(box: Box, repo: Repo) -> None:
    """What was just created is not listed for some requests, though it can be read by number."""
    box.server.faults.lag(r"/issues$", requests=3)
    issue = repo.create_issue("New")
    assert list(repo.get_issues()) == []
    assert repo.get_issue(issue.number).title == "New"
    assert list(repo.get_issues()) == []
    assert [visible.number for visible in repo.get_issues()] == [issue.number]


def test_lists_lag_for_seconds(box: Box, repo: Repo) -> None:
    """As long as the lag lasts, comments, pull requests and check runs are missing from their lists."""
    box.server.faults.lag(seconds=60)
    pull = propose(repo)
    pull.create_issue_comment("x")
    repo.create_check_run("guard", pull.head.sha)
    lists = (repo.get_pulls(), pull.get_issue_comments(), repo.get_commit(pull.head.sha).get_check_runs())
    assert [list(page) for page in lists] == [[], [], []]
    box.server.faults.clear()
    assert [page.totalCount for page in (repo.get_pulls(), pull.get_issue_comments())] == [1, 1]


def test_lists_can_be_capped(box: Box, repo: Repo) -> None:
    """A capped list ends early without a word, as GitHub's lists of files do."""
    pull = propose(repo, files={f"{number}.txt": "x" for number in range(5)})
    box.server.faults.cap(3, r"/pulls/\d+/files$")
    assert pull.get_files().totalCount == 3
    assert repo.get_pull(pull.number).changed_files == 5


def test_a_refused_push_stores_nothing(box: Box, repo: Repo, folder: Path) -> None:
    """503 for receive-pack, then the hook that says no; both leave the branch alone."""
    work = cloned(box, repo.full_name, folder)
    commit_file(work, "new", "x")
    before = tip(repo)
    box.server.faults.refuse_push(repo.full_name)
    assert "503" in git("push", at=work, check=False).stderr
    box.server.faults.decline_push("frozen until Monday", repository=repo.full_name)
    declined = git("push", at=work, check=False)
    assert "frozen until Monday" in declined.stderr
    assert "pre-receive hook declined" in declined.stderr
    assert tip(repo) == before
    git("push", "-q", at=work)
    assert tip(repo) != before


def test_a_push_may_lose_its_reply(box: Box, repo: Repo, folder: Path) -> None:
    """The client sees a failure though the branch has moved."""
    work = cloned(box, repo.full_name, folder)
    commit_file(work, "new", "x")
    box.server.faults.lose_push_reply(repo.full_name)
    assert git("push", at=work, check=False).returncode != 0
    assert tip(repo) == git("rev-parse", "HEAD", at=work).stdout.strip()


def test_limits_on_creating_leave_reads_alone(box: Box, repo: Repo) -> None:
    """A secondary limit on POST comes as often as it was asked for; GET goes on, and a message can be chosen."""
    box.server.faults.secondary_limit(r"/issues$", method="POST", times=2, retry_after=60)
    for _ in range(2):
        assert list(repo.get_issues()) == []
        with pytest.raises(RateLimitExceededException):
            repo.create_issue("x")
    repo.create_issue("y")
    box.server.faults.fail(403, r"/labels$", method="POST", message="No.")
    with pytest.raises(GithubException) as caught:
        repo.create_label("x", "ffffff")
    assert caught.value.data["message"] == "No."
