"""Protected branches and rulesets: what they refuse, of whom, and in which words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import github.Repository
import httpx
import pytest
from github import GithubException

from tests.sandbox.people import Box, cloned, commit_file, git, propose, tip
from tests.web import new_client

Repo = github.Repository.Repository


@pytest.fixture
def admin(box: Box) -> Iterator[httpx.Client]:
    token = box.server.admin.token(box.server.person)
    with new_client(base_url=box.server.api_url, headers={"Authorization": f"token {token}"}) as http:
        yield http


@pytest.mark.parametrize(
    ("ruleset", "words"),
    [
        (False, ("error: GH006: Protected branch update failed for refs/heads/main.", "error: Changes must be made")),
        (True, ("error: GH013: Repository rule violations found for refs/heads/main.", "- Changes must be made")),
    ],
)
def test_a_branch_that_wants_pull_requests_takes_no_push(
    box: Box, repo: Repo, folder: Path, ruleset: bool, words: tuple[str, ...]
) -> None:
    """The push is refused with GitHub's sentences, its other branches are taken, and the branch stays where it was."""
    ask = box.server.admin.add_ruleset if ruleset else box.server.admin.protect
    ask(repo.full_name, "main", pull_request=True)
    work, before = cloned(box, repo.full_name, folder), tip(repo)
    commit_file(work, "new", "x")
    refused = git("push", "origin", "HEAD:main", "HEAD:side", at=work, check=False)
    assert all(sentence in refused.stderr for sentence in words)
    assert (tip(repo), tip(repo, "side")) == (before, git("rev-parse", "HEAD", at=work).stdout.strip())


def test_the_api_refuses_what_a_push_is_refused(box: Box, repo: Repo) -> None:
    """Writing a file, moving and deleting the ref, and a commit by GraphQL are all refused; nothing moves."""
    box.server.admin.protect(repo.full_name, pull_request=True)
    before, side = tip(repo), propose(repo)
    for status, attempt in (
        (409, lambda: repo.create_file("x", "x", "x", branch="main")),
        (422, lambda: repo.get_git_ref("heads/main").edit(side.head.sha)),
    ):
        with pytest.raises(GithubException) as caught:
            attempt()
        assert (caught.value.status, caught.value.data["message"]) == (
            status,
            "Changes must be made through a pull request.",
        )
    assert tip(repo) == before
    assert side.merge().merged


def test_administrators_do_without_a_protection_and_not_without_a_ruleset(box: Box, repo: Repo, folder: Path) -> None:
    """A protection lets administrators push unless it is said to hold for them too; a ruleset lets nobody."""
    you = box.server.admin.token(box.server.person)
    work = cloned(box, repo.full_name, folder, you)
    box.server.admin.protect(repo.full_name, pull_request=True)
    commit_file(work, "one", "x")
    git("push", "-q", at=work)
    box.server.admin.protect(repo.full_name, pull_request=True, bypass=("~admins",))
    commit_file(work, "two", "x")
    assert git("push", at=work, check=False).returncode != 0
    box.server.admin.lift_rules(repo.full_name)
    box.server.admin.add_ruleset(repo.full_name, "~DEFAULT_BRANCH", pull_request=True, bypass=("clockwork",))
    assert git("push", at=work, check=False).returncode != 0
    repo.create_file("bypassed", "x", "x", branch="main")


def test_rewriting_deleting_and_creating_can_be_forbidden(box: Box, repo: Repo, folder: Path) -> None:
    """A protected branch cannot be forced or deleted, and a ruleset can keep branches of a name from being made."""
    work = cloned(box, repo.full_name, folder)
    git("push", "-q", "origin", "HEAD:release", at=work)
    for branch in ("main", "release"):
        box.server.admin.protect(repo.full_name, branch)
    box.server.admin.add_ruleset(repo.full_name, "clockwork/**", creation=True)
    git("commit", "-q", "--amend", "-m", "Otherwise", at=work)
    for target, words in (
        ("+HEAD:main", "Cannot force-push to this branch"),
        (":release", "Cannot delete this protected branch"),
        ("HEAD:clockwork/x", "creations being restricted"),
    ):
        assert words in git("push", "origin", target, at=work, check=False).stderr
    git("push", "-q", "origin", "HEAD:other/x", at=work)


def test_required_checks_block_the_merge(box: Box, repo: Repo) -> None:
    """Without the check the pull request is blocked, behind its base it is behind, and green it merges."""
    box.server.admin.protect(repo.full_name, checks=("ci",), strict=True)
    pull = propose(repo)
    assert pull.mergeable_state in ("blocked", "unknown")
    assert repo.get_pull(pull.number).mergeable_state == "blocked"
    with pytest.raises(GithubException) as caught:
        pull.merge()
    assert (caught.value.status, caught.value.data["message"]) == (405, 'Required status check "ci" is expected.')
    repo.get_commit(pull.head.sha).create_status("success", context="ci")
    assert repo.get_pull(pull.number).mergeable_state == "clean"
    assert pull.merge().merged


def test_a_base_that_moved_leaves_a_strict_branch_behind(box: Box, repo: Repo) -> None:
    """With "require branches to be up to date" a pull request from before the last push is behind."""
    pull = propose(repo)
    repo.create_file("later", "x", "x", branch="main")
    box.server.admin.protect(repo.full_name, checks=("ci",), strict=True)
    assert repo.get_pull(pull.number).mergeable_state == "behind"


def test_administrators_read_and_write_rules_through_the_api(admin: httpx.Client, name: str) -> None:
    """PUT makes a protection that GET shows, DELETE ends it; a ruleset is listed with the rules of its branch."""
    address = f"/repos/{name}/branches/main/protection"
    assert admin.get(address).json()["message"] == "Branch not protected"
    wanted = {
        "required_status_checks": {"strict": True, "contexts": ["ci"]},
        "enforce_admins": True,
        "required_pull_request_reviews": {},
        "restrictions": None,
    }
    made = admin.put(address, json=wanted).json()
    assert made == admin.get(address).json()
    assert made["required_status_checks"]["contexts"] == ["ci"]
    assert made["enforce_admins"]["enabled"] is True
    branch = admin.get(f"/repos/{name}/branches/main").json()
    assert (branch["protected"], branch["protection"]["required_status_checks"]["contexts"]) == (True, ["ci"])
    assert admin.delete(address).status_code == 204
    rules = [{"type": "merge_queue"}, {"type": "non_fast_forward"}]
    wanted_set = {"name": "queue", "target": "branch", "enforcement": "active", "rules": rules}
    ruleset = admin.post(f"/repos/{name}/rulesets", json=wanted_set).json()
    assert [row["id"] for row in admin.get(f"/repos/{name}/rulesets").json()] == [ruleset["id"]]
    listed = admin.get(f"/repos/{name}/rules/branches/main").json()
    assert {rule["type"] for rule in listed} == {"merge_queue", "non_fast_forward"}
    assert admin.delete(f"/repos/{name}/rulesets/{ruleset['id']}").status_code == 204
    assert admin.get(f"/repos/{name}/rules/branches/main").json() == []
