"""Git over smart HTTP, by the git command and by libgit2."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import github.Repository
import httpx
import pygit2
import pytest

from tests.sandbox.people import Box, authed, cloned, commit_file, git, propose, tip
from tests.web import new_client

Repo = github.Repository.Repository


class _Answers(pygit2.RemoteCallbacks):
    """Notes what the server said about each ref."""

    def __init__(self, token: str) -> None:
        super().__init__(credentials=pygit2.UserPass("x", token))
        self.reasons: dict[str, str | None] = {}

    def push_update_reference(self, refname: str, message: str | None) -> None:
        self.reasons[refname] = message


def test_a_push_moves_the_pull_request(box: Box, repo: Repo, folder: Path) -> None:
    """After ``git push`` the head, its ref and its files are new at once."""
    pull = propose(repo)
    work = cloned(box, repo.full_name, folder)
    git("checkout", "-q", "fix", at=work)
    commit_file(work, "k8s/more.yaml", "a: 1\n")
    git("push", "-q", at=work)
    sha = git("rev-parse", "HEAD", at=work).stdout.strip()
    fresh = repo.get_pull(pull.number)
    assert (fresh.head.sha, fresh.changed_files) == (sha, 2)
    assert repo.get_git_ref(f"pull/{pull.number}/head").object.sha == sha


@pytest.mark.parametrize(("token", "words"), [("", "could not read"), ("wrong", "Authentication failed")])
def test_a_push_needs_a_token(box: Box, name: str, folder: Path, token: str, words: str) -> None:
    """Public repositories are cloned by anybody and pushed to by nobody without a token."""
    git("clone", "-q", box.server.git_url(name), "work", at=folder)
    work = folder / "work"
    commit_file(work, "new", "x")
    address = authed(box, name, token) if token else box.server.git_url(name)
    assert words in git("push", address, "main", at=work, check=False).stderr


def test_a_reader_is_denied(box: Box, name: str, folder: Path) -> None:
    """403 for who may read only, and "not found" for what is hidden."""
    work = cloned(box, name, folder, box.personal)
    commit_file(work, "new", "x")
    assert "403" in git("push", at=work, check=False).stderr
    box.server.create_repository("acme/hidden", files={"a": b"a"}, private=True)
    hidden = git("ls-remote", authed(box, "acme/hidden", box.personal), at=folder, check=False)
    assert "not found" in hidden.stderr


def test_hidden_refs_cannot_be_pushed(box: Box, repo: Repo, folder: Path) -> None:
    """``refs/pull/*`` belongs to the server, but can be fetched."""
    pull = propose(repo)
    work = cloned(box, repo.full_name, folder)
    git("fetch", "-q", "origin", f"refs/pull/{pull.number}/head", at=work)
    refused = git("push", "origin", f"HEAD:refs/pull/{pull.number}/head", at=work, check=False)
    assert "deny updating a hidden ref" in refused.stderr


def test_any_commit_can_be_fetched_without_its_blobs(box: Box, repo: Repo, folder: Path) -> None:
    """Partial clones and fetches by id work, as on GitHub."""
    sha = tip(repo)
    repo.create_file("later", "Later", "x")
    git("clone", "-q", "--filter=blob:none", "--bare", authed(box, repo.full_name), "partial", at=folder)
    assert "blob:none" in (folder / "partial/config").read_text(encoding="utf-8")
    git("init", "-q", "--bare", "single", at=folder)
    git("fetch", "-q", "--depth=1", authed(box, repo.full_name), sha, at=folder / "single")
    assert git("rev-parse", "FETCH_HEAD", at=folder / "single").stdout.strip() == sha


def test_a_large_push_arrives_whole(box: Box, repo: Repo, folder: Path) -> None:
    """Bodies above git's buffer come in chunks, smaller ones compressed."""
    work = cloned(box, repo.full_name, folder)
    (work / "big.bin").write_bytes(random.Random(7).randbytes(3_000_000))
    git("config", "http.postBuffer", "65536", at=work)
    git("config", "core.compression", "0", at=work)
    commit_file(work, "small", "x")
    git("push", "-q", at=work)
    assert repo.get_git_tree("main").sha == git("rev-parse", "HEAD^{tree}", at=work).stdout.strip()


def test_libgit2_hears_a_refusal(box: Box, repo: Repo, folder: Path) -> None:
    """A push that the server refuses returns normally; only the callback tells."""
    clone = pygit2.clone_repository(
        box.server.git_url(repo.full_name), str(folder / "bare"), bare=True, callbacks=_Answers(box.token)
    )
    me = pygit2.Signature("Ann", "ann@example.org")
    parent = clone.revparse_single("refs/remotes/origin/main").peel(pygit2.Commit)
    sha = clone.create_commit("refs/heads/side", me, me, "Late", parent.tree_id, [parent.id])
    box.server.faults.decline_push(repository=repo.full_name)
    for expected in ("pre-receive hook declined", None):
        callbacks = _Answers(box.token)
        clone.remotes["origin"].push(["refs/heads/side"], callbacks=callbacks)
        assert callbacks.reasons == {"refs/heads/side": expected}
    assert tip(repo, "side") == str(sha)


def _race(box: Box, full_name: str, folder: Path, racer: int) -> int:
    at = folder / str(racer)
    at.mkdir()
    work = cloned(box, full_name, at)
    git("reset", "-q", "--hard", "base", at=work)
    commit_file(work, f"racer-{racer}", "x")
    return git("push", "origin", "HEAD:refs/clockwork/ledger", at=work, check=False).returncode


def test_of_racing_pushes_exactly_one_wins(box: Box, repo: Repo, folder: Path) -> None:
    """Eight clients push different commits on the same parent at once: compare-and-swap over smart HTTP."""
    repo.create_git_ref("refs/clockwork/ledger", tip(repo))
    repo.create_git_ref("refs/tags/base", tip(repo))
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda racer: _race(box, repo.full_name, folder, racer), range(8)))
    assert codes.count(0) == 1
    commits = list(repo.get_commits(repo.get_git_ref("clockwork/ledger").object.sha))
    assert len(commits) == 2


@pytest.fixture
def api(box: Box, repo: Repo) -> Iterator[httpx.Client]:
    """Below the repository; may be shared by threads."""
    address = f"{box.server.api_url}/repos/{repo.full_name}"
    with new_client(base_url=address, headers={"Authorization": f"token {box.token}"}, timeout=60) as http:
        yield http


def test_parallel_writes_lose_nothing(repo: Repo, api: httpx.Client) -> None:
    """Each file written at once with others is on the branch, or its writer was told 409."""

    def write(number: int) -> int:
        return api.put(f"/contents/f{number}", json={"message": f"f{number}", "content": ""}).status_code

    with ThreadPoolExecutor(12) as pool:
        codes = list(pool.map(write, range(24)))
    files = {entry.path for entry in repo.get_git_tree("main").tree}
    assert {f"f{number}" for number, code in enumerate(codes) if code == 201} == files - {"README.md", "k8s"}
    assert set(codes) <= {201, 409}


def test_parallel_creations_get_their_own_numbers(repo: Repo, api: httpx.Client) -> None:
    """Many issues at once: numbers are distinct and without gaps, and one of equal pull requests wins."""
    repo.create_git_ref("refs/heads/fix", tip(repo))
    repo.create_file("x", "x", "x", branch="fix")

    def post(noun: str, body: dict[str, str]) -> int:
        return api.post(f"/{noun}", json=body).status_code

    with ThreadPoolExecutor(12) as pool:
        issues = [pool.submit(post, "issues", {"title": "x"}) for _ in range(24)]
        pulls = [pool.submit(post, "pulls", {"title": "x", "head": "fix", "base": "main"}) for _ in range(8)]
        assert {issue.result() for issue in issues} == {201}
        assert sorted(pull.result() for pull in pulls) == [201] + [422] * 7
    assert sorted(issue.number for issue in repo.get_issues()) == list(range(1, 26))


def test_git_sees_a_sound_repository(box: Box, repo: Repo) -> None:
    """What the API wrote passes ``git fsck --strict``."""
    propose(repo).merge()
    bare = box.server.backend.repositories.path(repo.full_name)
    done = subprocess.run(["git", "fsck", "--strict", "--no-dangling"], cwd=bare, check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_hook_of_somebodys_own_turns_pushes_down(box: Box, name: str, folder: Path) -> None:
    """A script beside the sandbox's own hooks may refuse a ref; the words reach whoever pushes."""
    work = cloned(box, name, folder)
    commit_file(work, "new", "x")
    hook = box.server.hub.shelf.hooks / "update"
    own = hook.read_bytes()
    hook.write_text(
        '#!/bin/sh\n[ "$1" = refs/heads/main ] || exit 0\necho "GH006: Protected branch update failed."\nexit 1\n'
    )
    hook.chmod(0o755)
    try:
        assert "GH006" in git("push", at=work, check=False).stderr
        git("push", "-q", "origin", "HEAD:refs/heads/side", at=work)
    finally:
        hook.write_bytes(own)
