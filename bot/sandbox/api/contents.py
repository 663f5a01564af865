"""Files read, written and deleted one at a time (docs.github.com, "REST API endpoints for repository contents")."""

from __future__ import annotations

import pygit2

from bot.sandbox.api.gitdata import Person, from_base64
from bot.sandbox.backend import Repo
from bot.sandbox.edge import ApiCall, RequestBody, Route
from bot.sandbox.objects import commit_at, entry_at, require_path
from bot.sandbox.replies import ApiProblem, ApiReply, Json, not_found, not_supplied
from bot.sandbox.shapes import code
from bot.sandbox.verbs import pushes


class Deletion(RequestBody):
    """Body of ``DELETE …/contents/…``."""

    message: str
    sha: str | None = None
    branch: str | None = None
    author: Person | None = None
    committer: Person | None = None


class Write(Deletion):
    """Body of ``PUT …/contents/…``; ``sha`` is the blob that is replaced."""

    content: str


def get_contents(call: ApiCall) -> ApiReply:
    """A file with its bytes, or a folder's entries."""
    repo, path = call.repo(), call.params.get("path", "").strip("/")
    rev = call.query.get("ref") or repo.default_branch
    commit = commit_at(repo.git(), rev)
    if commit is None:
        raise ApiProblem(
            404, f"No commit found for the ref {rev}" if "ref" in call.query else "This repository is empty."
        )
    node = entry_at(commit.tree, path)
    if isinstance(node, pygit2.Blob):
        if "raw" in call.headers.get("accept", ""):
            return ApiReply(raw=node.data, headers={"Content-Type": "application/vnd.github.raw+json"})
        return ApiReply(code.file_content(repo, rev, path, node))
    if not isinstance(node, pygit2.Tree):
        raise not_found()
    prefix = f"{path}/" if path else ""
    entries = [(f"{prefix}{entry.name}", entry) for entry in node]
    return ApiReply([code.content(repo, rev, name, entry) for name, entry in entries])


def get_readme(call: ApiCall) -> ApiReply:
    """The README of the default branch."""
    repo = call.repo()
    commit = commit_at(repo.git(), call.query.get("ref") or repo.default_branch)
    for name in () if commit is None else ("README.md", "README", "readme.md"):
        entry = entry_at(commit.tree, name) if commit else None
        if isinstance(entry, pygit2.Blob):
            return ApiReply(code.file_content(repo, repo.default_branch, name, entry))
    raise not_found()


def put_file(call: ApiCall) -> ApiReply:
    """The file holds ``content``; 409 when ``sha`` is not its blob, 422 when it exists and no ``sha`` came."""
    repo, request = call.repo("write"), call.body(Write)
    return _write(call, repo, request, from_base64(request.content))


def delete_file(call: ApiCall) -> ApiReply:
    """The file is gone; 409 when ``sha`` is not its blob."""
    repo, request = call.repo("write"), call.body(Deletion)
    return _write(call, repo, request, None)


def _write(call: ApiCall, repo: Repo, request: Deletion, data: bytes | None) -> ApiReply:
    branch, path = request.branch or repo.default_branch, call.params["path"]
    ref, git, now = f"refs/heads/{branch}", repo.git(), call.backend.clock()
    with repo.lock():
        base = commit_at(git, ref)
        if base is None and branch != repo.default_branch:
            raise ApiProblem(404, f"Branch {branch} not found")
        before = None if base is None else entry_at(base.tree, path)
        _require_known(path, before, request.sha, deleting=data is None)
        sha = pushes.commit(
            repo,
            call.person(),
            ref,
            base=base,
            changes={path: data},
            message=request.message,
            author=request.author.ident(now) if request.author else None,
            committer=request.committer.ident(now) if request.committer else None,
        )
    return ApiReply(_shape(call, repo, sha, branch), 201 if before is None else 200)


def _require_known(path: str, before: pygit2.Object | None, known_sha: str | None, *, deleting: bool) -> None:
    require_path(path)
    if before is None:
        if deleting:
            raise not_found()
        return
    if known_sha is None:
        raise not_supplied("sha")
    if str(before.id) != known_sha:
        raise ApiProblem(409, f"{path} does not match {known_sha}")


def _shape(call: ApiCall, repo: Repo, sha: str, branch: str) -> dict[str, Json]:
    commit, path = repo.git()[sha].peel(pygit2.Commit), call.params["path"]
    entry = entry_at(commit.tree, path)
    content = None if entry is None else code.content(repo, branch, path, entry)
    return {"content": content, "commit": code.git_commit(repo, commit)}


_CONTENTS = "/repos/{owner}/{repo}/contents"
ROUTES = (
    Route("GET", "/repos/{owner}/{repo}/readme", get_readme),
    Route("GET", _CONTENTS, get_contents),
    Route("GET", _CONTENTS + "/{path:path}", get_contents),
    Route("PUT", _CONTENTS + "/{path:path}", put_file),
    Route("DELETE", _CONTENTS + "/{path:path}", delete_file),
)
