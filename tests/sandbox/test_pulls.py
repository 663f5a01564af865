"""Pull requests: opened, listed, followed, merged, refused."""

from __future__ import annotations

import github.Repository
import pytest
from github import GithubException

from tests.sandbox.people import propose, tip

Repo = github.Repository.Repository


def test_a_pull_request_knows_its_changes(repo: Repo) -> None:
    """Files with patches, commits, counts, mergeability, refs/pull/N/head and /merge."""
    pull = propose(repo, files={"a.txt": "one\ntwo\n", "b.txt": "b"})
    fresh = repo.get_pull(pull.number)
    assert (fresh.changed_files, fresh.commits, fresh.additions, fresh.mergeable) == (2, 2, 3, True)
    assert [file.patch for file in fresh.get_files()] == [
        "@@ -0,0 +1,2 @@\n+one\n+two",
        "@@ -0,0 +1 @@\n+b\n\\ No newline at end of file",
    ]
    assert [commit.commit.message for commit in fresh.get_commits()] == ["Add a.txt", "Add b.txt"]
    refs = {ref.ref: ref.object.sha for ref in repo.get_git_matching_refs(f"pull/{pull.number}")}
    assert refs[f"refs/pull/{pull.number}/head"] == fresh.head.sha
    merged = repo.get_git_commit(refs[f"refs/pull/{pull.number}/merge"])
    assert [parent.sha for parent in merged.parents] == [tip(repo), fresh.head.sha]


@pytest.mark.parametrize(
    ("head", "base", "error"),
    [
        ("fix", "main", {"code": "custom", "message": "A pull request already exists for acme:fix."}),
        ("same", "main", {"code": "custom", "message": "No commits between main and same"}),
        ("nowhere", "main", {"code": "invalid", "field": "head"}),
        ("fix", "nowhere", {"code": "invalid", "field": "base"}),
    ],
)
def test_impossible_pull_requests_are_refused(repo: Repo, head: str, base: str, error: dict[str, str]) -> None:
    """422 "Validation Failed" with the error that bots match on."""
    propose(repo)
    repo.create_git_ref("refs/heads/same", tip(repo))
    with pytest.raises(GithubException) as caught:
        repo.create_pull(title="T", body="", head=head, base=base)
    assert caught.value.status == 422
    assert caught.value.data["errors"] == [{"resource": "PullRequest", **error}]


def test_lists_filter_and_sort(repo: Repo) -> None:
    """State, head with its owner, base, and direction. A head without owner filters nothing, as on GitHub."""
    first, second = propose(repo, "one"), propose(repo, "two", files={"two": "2"})
    first.edit(state="closed")
    numbers = {
        "open": [pull.number for pull in repo.get_pulls()],
        "all": [pull.number for pull in repo.get_pulls(state="all")],
        "up": [pull.number for pull in repo.get_pulls(state="all", sort="created", direction="asc")],
        "head": [pull.number for pull in repo.get_pulls(state="all", head="acme:one")],
        "bare": [pull.number for pull in repo.get_pulls(state="all", head="one")],
        "base": [pull.number for pull in repo.get_pulls(state="all", base="other")],
    }
    both = [second.number, first.number]
    assert numbers == {
        "open": [second.number],
        "all": both,
        "up": both[::-1],
        "head": [first.number],
        "bare": both,
        "base": [],
    }


@pytest.mark.parametrize(
    ("method", "parents", "message"), [("merge", 2, "Merge pull"), ("squash", 1, "Fix (#"), ("rebase", 1, "Add new")]
)
def test_each_way_of_merging(repo: Repo, method: str, parents: int, message: str) -> None:
    """The base branch holds the change, the pull request is merged, and merging again is refused."""
    pull = propose(repo)
    repo.create_file("meanwhile", "Meanwhile", "x")
    done = pull.merge(merge_method=method, sha=pull.head.sha)
    commit = repo.get_commit(tip(repo))
    assert (done.merged, done.sha, len(commit.parents)) == (True, commit.sha, parents)
    assert commit.commit.message.startswith(message)
    assert {"new.txt", "meanwhile"} <= {entry.path for entry in repo.get_git_tree("main").tree}
    fresh = repo.get_pull(pull.number)
    assert (fresh.state, fresh.merged, fresh.merge_commit_sha) == ("closed", True, done.sha)
    with pytest.raises(GithubException) as caught:
        pull.merge()
    assert caught.value.status == 405


def test_a_merge_names_the_head_it_saw(repo: Repo) -> None:
    """409 when the branch moved on since."""
    pull = propose(repo)
    repo.create_file("later", "Later", "x", branch="fix")
    with pytest.raises(GithubException) as caught:
        pull.merge(sha=pull.head.sha)
    assert (caught.value.status, caught.value.data["message"]) == (
        409,
        "Head branch was modified. Review and try the merge again.",
    )


def test_conflicts_are_seen_and_refused(repo: Repo) -> None:
    """``mergeable`` false, state dirty, merge 405."""
    pull = propose(repo, files={"clash": "mine\n"})
    repo.create_file("clash", "Theirs", "theirs\n")
    fresh = repo.get_pull(pull.number)
    assert (fresh.mergeable, fresh.mergeable_state) == (False, "dirty")
    with pytest.raises(GithubException) as caught:
        pull.merge()
    assert (caught.value.status, caught.value.data["message"]) == (405, "Pull Request is not mergeable")


def test_the_head_follows_its_branch(repo: Repo) -> None:
    """A push to the branch moves the head; deleting the branch closes, and then it cannot be reopened."""
    pull = propose(repo)
    repo.create_file("more", "More", "x", branch="fix")
    assert repo.get_pull(pull.number).head.sha == tip(repo, "fix")
    repo.get_git_ref("heads/fix").delete()
    closed = repo.get_pull(pull.number)
    assert closed.state == "closed"
    with pytest.raises(GithubException) as caught:
        closed.edit(state="open")
    assert caught.value.status == 422


def test_a_head_pushed_to_the_base_counts_as_merged(repo: Repo) -> None:
    """Fast-forwarding the base branch by hand merges the pull request."""
    pull = propose(repo)
    repo.get_git_ref("heads/main").edit(pull.head.sha)
    assert repo.get_pull(pull.number).merged


def test_edits_and_reopening(repo: Repo) -> None:
    """Title, body and state change; who closed it is known through the issues API."""
    pull = propose(repo)
    pull.edit(title="Better", body="Because", state="closed")
    issue = repo.get_issue(pull.number)
    assert (issue.title, issue.body, issue.state) == ("Better", "Because", "closed")
    assert issue.raw_data["closed_by"]["login"] == "clockwork"
    assert issue.pull_request is not None
    pull.edit(state="open")
    assert repo.get_pull(pull.number).state == "open"


def test_reviewers_are_asked(repo: Repo) -> None:
    """A requested reviewer is listed; reviews and review comments are empty lists."""
    pull = propose(repo)
    pull.create_review_request(reviewers=["you"])
    users, teams = pull.get_review_requests()
    assert ([user.login for user in users], list(teams)) == (["you"], [])
    assert (list(pull.get_reviews()), list(pull.get_review_comments())) == ([], [])
