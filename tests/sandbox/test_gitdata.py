"""Refs, commits, trees, blobs, tags, comparisons, and commits through GraphQL."""

from __future__ import annotations

import base64
from collections.abc import Callable

import github.Repository
import pytest
from github import GithubException, InputGitTreeElement

from tests.sandbox.people import tip

Repo = github.Repository.Repository


def _again(repo: Repo) -> None:
    repo.create_git_ref("refs/heads/main", tip(repo))


def _missing(repo: Repo) -> None:
    repo.create_git_ref("refs/heads/x", "0123456789" * 4)


def _rewind(repo: Repo) -> None:
    first = tip(repo)
    repo.create_file("a", "Add", "a")
    ref = repo.get_git_ref("heads/main")
    ref.edit(first)


def _gone(repo: Repo) -> None:
    ref = repo.create_git_ref("refs/heads/x", tip(repo))
    ref.delete()
    ref.edit(tip(repo))


def _twice_deleted(repo: Repo) -> None:
    ref = repo.create_git_ref("refs/heads/x", tip(repo))
    ref.delete()
    ref.delete()


@pytest.mark.parametrize(
    ("deed", "message"),
    [
        (_again, "Reference already exists"),
        (_missing, "Object does not exist"),
        (_rewind, "Update is not a fast forward"),
        (_gone, "Reference does not exist"),
        (_twice_deleted, "Reference does not exist"),
    ],
)
def test_refs_refuse_in_githubs_words(repo: Repo, deed: Callable[[Repo], None], message: str) -> None:
    """422 with the sentence that bots match on."""
    with pytest.raises(GithubException) as caught:
        deed(repo)
    assert (caught.value.status, caught.value.data["message"]) == (422, message)


def test_a_forced_update_rewinds(repo: Repo) -> None:
    """``force`` moves a ref backwards."""
    first = tip(repo)
    repo.create_file("a", "Add", "a")
    repo.get_git_ref("heads/main").edit(first, force=True)
    assert tip(repo) == first


def test_refs_are_found_by_prefix(repo: Repo) -> None:
    """``matching-refs`` finds what starts with the given name, whatever namespace."""
    for name in ("refs/clockwork/ledger", "refs/heads/feature-a", "refs/heads/feature-b"):
        repo.create_git_ref(name, tip(repo))
    assert [ref.ref for ref in repo.get_git_matching_refs("heads/feature")] == [
        "refs/heads/feature-a",
        "refs/heads/feature-b",
    ]
    assert repo.get_git_ref("clockwork/ledger").object.sha == tip(repo)
    with pytest.raises(GithubException) as caught:
        repo.get_git_ref("heads/feature")
    assert caught.value.status == 404


def test_a_commit_is_built_from_parts(repo: Repo) -> None:
    """Blob, tree on a base tree, commit, ref: the low road to a commit."""
    base = repo.get_git_commit(tip(repo))
    blob = repo.create_git_blob(base64.b64encode(b"replicas: 9\n").decode(), "base64")
    elements = [
        InputGitTreeElement("k8s/web.yaml", "100644", "blob", sha=blob.sha),
        InputGitTreeElement("k8s/api.yaml", "100644", "blob", sha=None),
        InputGitTreeElement("notes.txt", "100644", "blob", content="hello\n"),
    ]
    tree = repo.create_git_tree(elements, base.tree)
    commit = repo.create_git_commit("Three changes", tree, [base])
    repo.get_git_ref("heads/main").edit(commit.sha)
    listed = repo.get_git_tree(commit.sha, recursive=True).tree
    assert [entry.path for entry in listed if entry.type == "blob"] == ["README.md", "k8s/web.yaml", "notes.txt"]
    assert base64.b64decode(repo.get_git_blob(blob.sha).content) == b"replicas: 9\n"


def test_annotated_tags_are_objects(repo: Repo) -> None:
    """A tag object points to its commit and a ref makes it visible."""
    made = repo.create_git_tag("v1", "First", tip(repo), "commit")
    repo.create_git_ref("refs/tags/v1", made.sha)
    assert repo.get_git_tag(made.sha).object.sha == tip(repo)
    assert repo.get_commit("v1").sha == tip(repo)


def test_commits_are_listed_by_path_and_compared(repo: Repo) -> None:
    """History of one path, the files of one commit, and how two branches differ."""
    first = tip(repo)
    repo.create_git_ref("refs/heads/side", first)
    file = repo.get_contents("k8s/web.yaml")
    assert not isinstance(file, list)
    repo.update_file(file.path, "Scale", "replicas: 5\nimage: web:1\n", file.sha, branch="side")
    repo.create_file("other", "Other", "x")
    assert [commit.commit.message for commit in repo.get_commits("side", path="k8s/web.yaml")] == [
        "Scale",
        "Initial commit",
    ]
    changed = repo.get_commit("side").files
    assert [
        (changed_file.filename, changed_file.status, changed_file.additions, changed_file.deletions)
        for changed_file in changed
    ] == [("k8s/web.yaml", "modified", 1, 1)]
    comparison = repo.compare("main", "side")
    assert (comparison.status, comparison.ahead_by, comparison.behind_by) == ("diverged", 1, 1)
    assert comparison.merge_base_commit.sha == first
    assert [changed_file.patch for changed_file in comparison.files] == [
        "@@ -1,2 +1,2 @@\n-replicas: 3\n+replicas: 5\n image: web:1"
    ]


def test_graphql_commits_only_on_the_expected_head(repo: Repo) -> None:
    """``createCommitOnBranch`` adds and deletes files, and refuses a head that has moved."""
    order = {
        "branch": {"repositoryNameWithOwner": repo.full_name, "branchName": "main"},
        "message": {"headline": "Signed by the host", "body": "Why"},
        "expectedHeadOid": tip(repo),
        "fileChanges": {
            "additions": [{"path": "a/b.txt", "contents": base64.b64encode(b"hi").decode()}],
            "deletions": [{"path": "README.md"}],
        },
    }
    _, made = repo.requester.graphql_named_mutation("createCommitOnBranch", order, "commit { oid url }")
    assert made["commit"]["oid"] == tip(repo)
    assert {file.filename: file.status for file in repo.get_commit("main").files} == {
        "README.md": "removed",
        "a/b.txt": "added",
    }
    with pytest.raises(GithubException) as caught:
        repo.requester.graphql_named_mutation("createCommitOnBranch", order, "commit { oid }")
    assert caught.value.data["errors"][0]["type"] == "STALE_DATA"
