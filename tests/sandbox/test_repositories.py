"""Accounts, repositories, permissions and files."""

from __future__ import annotations

import github
import github.Repository
import pytest
from github import GithubException
from github.ContentFile import ContentFile

from tests.sandbox.people import BOT, Box, client, tip


def test_the_token_names_its_account(gh: github.Github) -> None:
    """``GET /user`` says who the token belongs to."""
    assert gh.get_user().login == BOT


def test_an_installation_token_has_no_account(box: Box) -> None:
    """Tokens of apps and of Actions get 403 from ``GET /user``."""
    token = box.server.create_user("github-actions[bot]", bot=True, installation=True)
    with client(box.server, token) as api, pytest.raises(GithubException) as caught:
        _ = api.get_user().login
    assert (caught.value.status, caught.value.data["message"]) == (403, "Resource not accessible by integration")


def test_a_wrong_token_is_refused(box: Box, name: str) -> None:
    """401 "Bad credentials" in GitHub's shape."""
    with client(box.server, "ghp_wrong") as api, pytest.raises(github.BadCredentialsException) as caught:
        api.get_repo(name)
    assert caught.value.data == {
        "message": "Bad credentials",
        "documentation_url": "https://docs.github.com/rest",
        "status": "401",
    }


def test_a_private_repository_is_invisible(box: Box) -> None:
    """Who may not see a repository gets the same 404 as for one that does not exist."""
    box.server.create_repository("acme/secret", files={"a": b"a"}, private=True)
    with client(box.server, box.personal) as api:
        for hidden in ("acme/secret", "acme/nothing"):
            with pytest.raises(github.UnknownObjectException) as caught:
                api.get_repo(hidden)
            assert caught.value.data["message"] == "Not Found"


def test_permissions_are_told(box: Box, repo: github.Repository.Repository) -> None:
    """The permission endpoint distinguishes readers, writers and administrators."""
    box.server.create_user("walter")
    box.server.add_collaborator(repo.full_name, "walter", "write")
    permissions = {login: repo.get_collaborator_permission(login) for login in ("mallory", "walter", BOT, "you")}
    assert permissions == {"mallory": "read", "walter": "write", BOT: "write", "you": "admin"}


def test_a_reader_may_not_write(box: Box, repo: github.Repository.Repository) -> None:
    """Pushing a branch through the API needs write permission."""
    with client(box.server, box.personal) as api, pytest.raises(GithubException) as caught:
        api.get_repo(repo.full_name).create_git_ref("refs/heads/x", tip(repo))
    assert caught.value.status == 403


def test_a_repository_is_created_through_the_api(box: Box) -> None:
    """``auto_init`` gives a README on ``main``; a second one with the same name is refused."""
    with client(box.server, box.personal) as api:
        made = api.get_user().create_repo("mine", auto_init=True)
        assert made.get_contents("README.md").path == "README.md"  # type: ignore[union-attr]
        with pytest.raises(GithubException) as caught:
            api.get_user().create_repo("mine")
    assert caught.value.data["errors"][0]["message"] == "name already exists on this account"


def test_files_are_read_and_listed(repo: github.Repository.Repository) -> None:
    """A file comes with its bytes, a folder with its entries."""
    file = repo.get_contents("k8s/web.yaml")
    assert not isinstance(file, list)
    assert file.decoded_content == b"replicas: 3\nimage: web:1\n"
    listed = repo.get_contents("k8s")
    assert isinstance(listed, list)
    assert [(entry.name, entry.type) for entry in listed] == [("api.yaml", "file"), ("web.yaml", "file")]


def test_a_write_needs_the_blob_it_replaces(repo: github.Repository.Repository) -> None:
    """409 for another blob, 422 without one, and each write is a commit on the branch."""
    file = repo.get_contents("k8s/web.yaml")
    assert not isinstance(file, list)
    written = repo.update_file(file.path, "Scale", "replicas: 5\n", file.sha)
    assert written["commit"].sha == tip(repo)
    with pytest.raises(GithubException) as conflict:
        repo.update_file(file.path, "Scale", "replicas: 6\n", file.sha)
    with pytest.raises(GithubException) as unnamed:
        repo.create_file(file.path, "Scale", "replicas: 6\n")
    assert (conflict.value.status, unnamed.value.status) == (409, 422)
    content = written["content"]
    assert isinstance(content, ContentFile)
    repo.delete_file(content.path, "Remove", content.sha)
    assert [file.status for file in repo.get_commit("main").files] == ["removed"]


@pytest.mark.parametrize("path", [".git/config", "a/.git/hooks/x"])
def test_no_write_reaches_gits_own_folder(repo: github.Repository.Repository, path: str) -> None:
    """Paths through ``.git`` are refused."""
    with pytest.raises(GithubException) as caught:
        repo.create_file(path, "No", "no")
    assert caught.value.status == 422


def test_branches_are_listed_with_slashes_in_their_names(repo: github.Repository.Repository) -> None:
    """A branch name may hold slashes."""
    repo.create_git_ref("refs/heads/feature/one", tip(repo))
    assert [branch.name for branch in repo.get_branches()] == ["feature/one", "main"]
    assert repo.get_branch("feature/one").commit.sha == tip(repo)
    with pytest.raises(GithubException) as caught:
        repo.get_branch("nothing")
    assert caught.value.data["message"] == "Branch not found"
