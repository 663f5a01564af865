"""Switches, names and tokens: what an administrator changes under a bot that keeps asking."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import github.Repository
import jwt
import pytest
from github import GithubException

from tests.sandbox.people import BOT, Box, client, cloned, commit_file, git, propose, tip
from tests.sandbox.receiver import receiving
from tests.web import WEB, new_client

Repo = github.Repository.Repository
ACTIONS = "github-actions[bot]"


def test_issues_can_be_switched_off(box: Box, repo: Repo) -> None:
    """Creating and reading one is 410 then, lists hold pull requests alone, and comments on those go on."""
    issue, pull = repo.create_issue("One"), propose(repo)
    box.server.admin.switch(repo.full_name, has_issues=False)
    gone = (410, "Issues has been disabled in this repository.")
    with pytest.raises(GithubException) as creating:
        repo.create_issue("Two")
    with pytest.raises(GithubException) as reading:
        repo.get_issue(issue.number)
    assert (creating.value.status, creating.value.data["message"]) == gone
    assert (reading.value.status, reading.value.data["message"]) == gone
    assert [item.number for item in repo.get_issues()] == [pull.number]
    pull.create_issue_comment("Still here")


def test_an_archived_repository_is_read_only(box: Box, repo: Repo, folder: Path) -> None:
    """Every write is 403 with GitHub's sentence, pushes too; only unarchiving it works."""
    work = cloned(box, repo.full_name, folder)
    commit_file(work, "new", "x")
    box.server.admin.switch(repo.full_name, archived=True)
    with pytest.raises(GithubException) as caught:
        repo.create_issue("One")
    assert (caught.value.status, caught.value.data["message"]) == (403, "Repository was archived so is read-only.")
    assert "403" in git("push", at=work, check=False).stderr
    repo.update()
    assert repo.archived
    you = box.server.admin.token(box.server.person)
    with client(box.server, you) as api:
        api.get_repo(repo.full_name).edit(archived=False)
    git("push", "-q", at=work)


def test_actions_may_be_kept_from_proposing(box: Box, name: str) -> None:
    """With the switch off the token of Actions opens no pull request, and any other account's does."""
    actions = box.server.create_user(ACTIONS, bot=True, installation=True)
    box.server.admin.switch(name, actions_propose=False)
    with client(box.server, actions) as api, pytest.raises(GithubException) as caught:
        propose(api.get_repo(name))
    assert (caught.value.status, caught.value.data["message"]) == (
        403,
        "GitHub Actions is not permitted to create or approve pull requests.",
    )
    with client(box.server, box.token) as api:
        assert api.get_repo(name).create_pull(title="t", body="", head="fix", base="main").number == 1


def test_a_renamed_repository_redirects(box: Box, repo: Repo, folder: Path) -> None:
    """Reads get 301 and writes 307 to the address by id, git follows, ids and numbers stay."""
    issue = repo.create_issue("One")
    work = cloned(box, repo.full_name, folder)
    old, new = repo.full_name, f"umbrella/{repo.name}-moved"
    box.server.admin.rename(old, new)
    with new_client(base_url=box.server.api_url, headers={"Authorization": f"token {box.token}"}) as web:
        read = web.get(f"/repos/{old}/issues", params={"state": "all"})
        assert (read.status_code, read.headers["Location"]) == (
            301,
            f"{box.server.api_url}/repositories/{repo.id}/issues?state=all",
        )
        assert [row["number"] for row in web.get(read.headers["Location"]).json()] == [issue.number]
        write = web.post(f"/repos/{old}/issues", json={"title": "Two"})
        assert (write.status_code, write.headers["Location"].endswith(f"/repositories/{repo.id}/issues")) == (307, True)
        assert web.post(write.headers["Location"], json={"title": "Two"}).json()["number"] == issue.number + 1
        assert web.get(f"/repositories/{repo.id}").json()["full_name"] == new
    commit_file(work, "new", "x")
    git("push", "-q", at=work)
    git("fetch", "-q", at=work)
    with client(box.server, box.token) as api:
        assert api.get_repo(new).id == repo.id
        assert tip(api.get_repo(new)) == git("rev-parse", "HEAD", at=work).stdout.strip()
    box.server.create_repository(old)
    with client(box.server, box.token) as api:
        assert api.get_repo(old).id != repo.id


def test_a_label_that_is_renamed_keeps_its_issues(box: Box, repo: Repo) -> None:
    """What carried the old name carries the new one, and lists by the old name hold nothing."""
    repo.create_label("clockwork", "ededed")
    issue = repo.create_issue("One", labels=["clockwork"])
    repo.get_label("clockwork").edit("gitops", "ededed")
    assert [label.name for label in repo.get_issue(issue.number).labels] == ["gitops"]
    assert list(repo.get_issues(labels=["clockwork"])) == []


def test_labels_are_told_to_webhooks(box: Box, repo: Repo) -> None:
    """A label put on or taken off is a delivery of its own, for issues and for pull requests."""
    issue, pull = repo.create_issue("One"), propose(repo)
    with receiving() as receiver:
        box.server.register_webhook(repo.full_name, receiver.url)
        issue.add_to_labels("a")
        issue.remove_from_labels("a")
        pull.add_to_labels("b")
        box.server.webhooks.settle()
        assert receiver.names == ["ping", "issues.labeled", "issues.unlabeled", "pull_request.labeled"]
        box.server.backend.store.run("DELETE FROM hook")


def test_a_token_may_be_read_only(box: Box, name: str, folder: Path) -> None:
    """A job for a fork's pull request may read everything and write nothing; the reply names what is missing."""
    box.server.create_user(ACTIONS, bot=True, installation=True)
    token = box.server.admin.token(ACTIONS, permissions={"contents": "read", "pull_requests": "read"})
    headers = {"Authorization": f"Bearer {token}"}
    with new_client(base_url=box.server.api_url, headers=headers) as web:
        assert web.get(f"/repos/{name}/pulls").status_code == 200
        for path, needed in (
            ("/issues", "issues=write"),
            ("/labels", "issues=write; pull_requests=write"),
            ("/check-runs", "checks=write"),
            ("/statuses/main", "statuses=write"),
            ("/pulls", "pull_requests=write"),
        ):
            reply = web.post(f"/repos/{name}{path}", json={})
            assert (reply.status_code, reply.json()["message"]) == (403, "Resource not accessible by integration")
            assert reply.headers["X-Accepted-GitHub-Permissions"] == needed
    work = cloned(box, name, folder, token)
    commit_file(work, "new", "x")
    assert "denied to github-actions[bot]" in git("push", at=work, check=False).stderr


def test_a_token_expires(box: Box, name: str) -> None:
    """After its time it is a bad credential."""
    token = box.server.admin.token(BOT, lasts=timedelta(seconds=-1))
    reply = WEB.get(f"{box.server.api_url}/repos/{name}", headers={"Authorization": f"token {token}"})
    assert (reply.status_code, reply.json()["message"]) == (401, "Bad credentials")


def test_an_app_gets_tokens_for_its_installation(box: Box, name: str) -> None:
    """A signed web token gives the app and its installation; a token of that works, and may not ask who it is."""
    key = box.server.admin.create_app("shop-gitops")
    web_token = _signed(key.id, key.private_key)
    with new_client(base_url=box.server.api_url) as web:
        as_app = {"Authorization": f"Bearer {web_token}"}
        assert web.get("/app", headers=as_app).json()["slug"] == "shop-gitops"
        assert web.get(f"/repos/{name}/installation", headers=as_app).json()["id"] == key.installation
        made = web.post(f"/app/installations/{key.installation}/access_tokens", headers=as_app, json={}).json()
        mine = {"Authorization": f"Bearer {made['token']}"}
        assert web.post(f"/repos/{name}/issues", headers=mine, json={"title": "x"}).status_code == 201
        assert web.get("/user", headers=mine).json()["message"] == "Resource not accessible by integration"
        viewer = web.post("/graphql", headers=mine, json={"query": "{ viewer { login } }"}).json()
        assert viewer["data"]["viewer"]["login"] == "shop-gitops[bot]"
        assert web.get("/app", headers=mine).status_code == 401
        for wrong in (_signed(key.id, key.private_key, lasts=3600), _signed(key.id + 1, key.private_key)):
            assert web.get("/app", headers={"Authorization": f"Bearer {wrong}"}).status_code == 401


def _signed(app: int, private_key: str, *, lasts: int = 300) -> str:
    now = int(time.time())
    return jwt.encode({"iat": now - 60, "exp": now + lasts, "iss": str(app)}, private_key, algorithm="RS256")


def test_a_fork_proposes(box: Box, repo: Repo, folder: Path) -> None:
    """A pull request from a fork has its head there, follows its pushes, and is kept under refs/pull."""
    mallory = box.personal
    fork = box.server.admin.fork(repo.full_name, "mallory")
    with client(box.server, mallory) as api:
        theirs = api.get_repo(fork)
        theirs.create_file("new", "New", "x", branch="main")
        pull = api.get_repo(repo.full_name).create_pull(title="From outside", body="", head="mallory:main", base="main")
        assert pull.head.repo.full_name == fork
        assert pull.head.repo.fork
        theirs.create_file("more", "More", "x", branch="main")
    follows = repo.get_pull(pull.number)
    assert follows.head.sha != pull.head.sha
    assert [file.filename for file in follows.get_files()] == ["more", "new"]
    work = cloned(box, repo.full_name, folder)
    git("fetch", "-q", "origin", f"refs/pull/{pull.number}/head", at=work)
    assert git("rev-parse", "FETCH_HEAD", at=work).stdout.strip() == follows.head.sha
