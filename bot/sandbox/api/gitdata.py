"""Refs, commits, trees, blobs and tags (docs.github.com, "REST API endpoints for Git database")."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import TypeVar

import pygit2
from pygit2.enums import FileMode, ObjectType

from bot.sandbox.backend import Repo
from bot.sandbox.bare_repositories import ZERO, create, delete, listing, move, require_object, target
from bot.sandbox.edge import ApiCall, RequestBody, Route
from bot.sandbox.objects import Ident, commit_at, require_kind, require_path, write_commit
from bot.sandbox.replies import ApiReply, Json, not_found, unprocessable
from bot.sandbox.shapes import code
from bot.sandbox.verbs import pushes, rules

Kind = TypeVar("Kind", pygit2.Commit, pygit2.Blob, pygit2.Tag)
_MODES = frozenset({0o100644, 0o100755, 0o040000, 0o160000, 0o120000})
_TYPES = {"commit": ObjectType.COMMIT, "tree": ObjectType.TREE, "blob": ObjectType.BLOB, "tag": ObjectType.TAG}


class NewRef(RequestBody):
    """Body of ``POST …/git/refs``."""

    ref: str
    sha: str


class RefEdit(RequestBody):
    """Body of ``PATCH …/git/refs/…``."""

    sha: str
    force: bool = False


class Person(RequestBody):
    """An author or committer line in a request."""

    name: str
    email: str
    date: datetime | None = None

    def ident(self, now: datetime) -> Ident:
        """With ``now`` where the request named no time."""
        return Ident(self.name, self.email, (self.date or now).astimezone(UTC))


class NewCommit(RequestBody):
    """Body of ``POST …/git/commits``."""

    message: str
    tree: str
    parents: tuple[str, ...] = ()
    author: Person | None = None
    committer: Person | None = None


class NewEntry(RequestBody):
    """One entry of ``POST …/git/trees``; ``sha`` null deletes the path from ``base_tree``."""

    path: str
    mode: str = "100644"
    type: str = "blob"
    sha: str | None = None
    content: str | None = None


class NewTree(RequestBody):
    """Body of ``POST …/git/trees``."""

    tree: list[NewEntry]
    base_tree: str | None = None


class NewBlob(RequestBody):
    """Body of ``POST …/git/blobs``."""

    content: str
    encoding: str = "utf-8"


class NewTag(RequestBody):
    """Body of ``POST …/git/tags``."""

    tag: str
    message: str
    object: str
    type: str
    tagger: Person | None = None


def get_ref(call: ApiCall) -> ApiReply:
    """One ref by its exact name."""
    repo, name = call.repo(), f"refs/{call.params['ref']}"
    git = repo.git()
    sha = target(git, name)
    if sha is None:
        raise not_found()
    return ApiReply(code.ref(repo, name, git[sha]))


def list_refs(call: ApiCall) -> ApiReply:
    """Every ref whose name starts with the given prefix (``matching-refs``), or all of them."""
    repo = call.repo()
    git = repo.git()
    rows = list(listing(git, f"refs/{call.params.get('ref', '')}").items())
    return call.slice(rows, lambda row: code.ref(repo, row[0], git[row[1]]))


def create_ref(call: ApiCall) -> ApiReply:
    """A new ref; 422 "Reference already exists"."""
    repo, request = call.repo("write"), call.body(NewRef)
    if not request.ref.startswith("refs/"):
        raise unprocessable("Reference name must start with 'refs/' and contain at least two slashes.")
    git = repo.git()
    rules.require(repo, call.person(), request.ref, old=ZERO, new=request.sha)
    create(git, request.ref, request.sha)
    _follow(call, repo, ZERO, request.sha, request.ref)
    return ApiReply(code.ref(repo, request.ref, git[request.sha]), 201)


def update_ref(call: ApiCall) -> ApiReply:
    """The ref points elsewhere; 422 "Update is not a fast forward" unless forced."""
    repo, request, name = call.repo("write"), call.body(RefEdit), f"refs/{call.params['ref']}"
    git = repo.git()
    if (tip := target(git, name)) is not None:
        rules.require(repo, call.person(), name, old=tip, new=request.sha)
    before = move(git, name, request.sha, force=request.force)
    _follow(call, repo, before, request.sha, name)
    return ApiReply(code.ref(repo, name, git[request.sha]))


def delete_ref(call: ApiCall) -> ApiReply:
    """The ref is gone; 422 "Reference does not exist"."""
    repo, name = call.repo("write"), f"refs/{call.params['ref']}"
    if name == f"refs/heads/{repo.default_branch}":
        raise unprocessable("Cannot delete the default branch")
    git = repo.git()
    rules.require(repo, call.person(), name, old=target(git, name) or ZERO, new=ZERO)
    before = delete(git, name)
    _follow(call, repo, before, ZERO, name)
    return ApiReply(status=204)


def get_commit(call: ApiCall) -> ApiReply:
    """A commit object."""
    repo = call.repo()
    commit = _object(call, repo, pygit2.Commit)
    return ApiReply(code.git_commit(repo, commit))


def create_commit(call: ApiCall) -> ApiReply:
    """A new commit object that no ref points to yet."""
    repo, request = call.repo("write"), call.body(NewCommit)
    git, now = repo.git(), call.backend.clock()
    require_kind(git, request.tree, ObjectType.TREE, "Tree SHA")
    for parent in request.parents:
        require_kind(git, parent, ObjectType.COMMIT, "Parent SHA")
    author = request.author.ident(now) if request.author else call.backend.ident(call.person())
    committer = request.committer.ident(now) if request.committer else author
    sha = write_commit(
        git, tree=request.tree, parents=request.parents, message=request.message, author=author, committer=committer
    )
    return ApiReply(code.git_commit(repo, git[sha].peel(pygit2.Commit)), 201)


def get_tree(call: ApiCall) -> ApiReply:
    """A tree by its id, or the tree of a commit, branch or tag."""
    repo, name = call.repo(), call.params["sha"]
    git = repo.git()
    commit = commit_at(git, name)
    source = git.get(name) if commit is None and len(name) == 40 else commit
    if source is None or source.type not in (ObjectType.TREE, ObjectType.COMMIT):
        raise not_found()
    return ApiReply(code.tree(repo, source.peel(pygit2.Tree), recursive="recursive" in call.query))


def create_tree(call: ApiCall) -> ApiReply:
    """A new tree object: ``base_tree`` with entries set or removed."""
    repo, request = call.repo("write"), call.body(NewTree)
    git, index = repo.git(), pygit2.Index()
    if request.base_tree is not None:
        base = git.get(request.base_tree) if len(request.base_tree) == 40 else None
        if base is None or base.type not in (ObjectType.TREE, ObjectType.COMMIT):
            raise unprocessable("base_tree is not a valid tree oid")
        index.read_tree(base.peel(pygit2.Tree))
    for entry in request.tree:
        _set_entry(git, index, entry)
    sha = str(index.write_tree(git))
    return ApiReply(code.tree(repo, git[sha].peel(pygit2.Tree), recursive=False), 201)


def get_blob(call: ApiCall) -> ApiReply:
    """A blob's bytes, base64."""
    repo = call.repo()
    return ApiReply(code.blob(repo, _object(call, repo, pygit2.Blob)))


def create_blob(call: ApiCall) -> ApiReply:
    """A new blob object."""
    repo, request = call.repo("write"), call.body(NewBlob)
    data = from_base64(request.content) if request.encoding == "base64" else request.content.encode()
    sha = str(repo.git().create_blob(data))
    shape: dict[str, Json] = {"sha": sha, "url": repo.url(f"/git/blobs/{sha}")}
    return ApiReply(shape, 201)


def get_tag(call: ApiCall) -> ApiReply:
    """An annotated tag object."""
    repo = call.repo()
    return ApiReply(code.tag(repo, _object(call, repo, pygit2.Tag)))


def create_tag(call: ApiCall) -> ApiReply:
    """A new annotated tag object that no ref points to yet."""
    repo, request = call.repo("write"), call.body(NewTag)
    git = repo.git()
    kind = _TYPES.get(request.type)
    if kind is None:
        raise unprocessable("type must be commit, tree or blob")
    require_kind(git, request.object, kind, "Object")
    ident = request.tagger.ident(call.backend.clock()) if request.tagger else call.backend.ident(call.person())
    sha = _write_tag(git, request, ident)
    return ApiReply(code.tag(repo, git[sha].peel(pygit2.Tag)), 201)


def from_base64(content: str) -> bytes:
    """The bytes of a request's ``content``; 422 for what is no Base64."""
    try:
        return base64.b64decode(content)
    except binascii.Error as error:
        raise unprocessable("content is not valid Base64") from error


def _write_tag(git: pygit2.Repository, request: NewTag, ident: Ident) -> str:
    text = f"object {request.object}\ntype {request.type}\ntag {request.tag}\ntagger {ident}\n\n{request.message}\n"
    return str(git.odb.write(ObjectType.TAG, text.encode()))


def _set_entry(git: pygit2.Repository, index: pygit2.Index, entry: NewEntry) -> None:
    if entry.content is None and entry.sha is None:
        if entry.path in index:
            index.remove(entry.path)
        return
    mode = int(entry.mode, 8) if entry.mode.isdigit() else 0
    if mode not in _MODES:
        raise unprocessable("Must supply a valid tree.mode")
    require_path(entry.path)
    sha = str(git.create_blob(entry.content.encode())) if entry.content is not None else entry.sha or ""
    if mode == FileMode.TREE:
        _graft(git, index, entry.path, sha)
        return
    require_object(git, sha)
    index.add(pygit2.IndexEntry(entry.path, pygit2.Oid(hex=sha), FileMode(mode)))


def _graft(git: pygit2.Repository, index: pygit2.Index, path: str, sha: str) -> None:
    """Put every file of the tree ``sha`` below ``path``."""
    below = pygit2.Index()
    below.read_tree(require_kind(git, sha, ObjectType.TREE, "Tree SHA").peel(pygit2.Tree))
    index.remove_all([f"{path}/*"])
    for entry in below:
        index.add(pygit2.IndexEntry(f"{path}/{entry.path}", entry.id, entry.mode))


def _object(call: ApiCall, repo: Repo, kind: type[Kind]) -> Kind:
    sha = call.params["sha"]
    git_object = repo.git().get(sha) if len(sha) == 40 else None
    if not isinstance(git_object, kind):
        raise not_found()
    return git_object


def _follow(call: ApiCall, repo: Repo, old: str, new: str, ref: str) -> None:
    pushes.follow(repo, call.person(), [pushes.Update(old, new, ref)])


_GIT = "/repos/{owner}/{repo}/git"
ROUTES = (
    Route("GET", _GIT + "/ref/{ref:path}", get_ref),
    Route("GET", _GIT + "/matching-refs/{ref:path}", list_refs),
    Route("GET", _GIT + "/refs", list_refs),
    Route("POST", _GIT + "/refs", create_ref),
    Route("GET", _GIT + "/refs/{ref:path}", get_ref),
    Route("PATCH", _GIT + "/refs/{ref:path}", update_ref),
    Route("DELETE", _GIT + "/refs/{ref:path}", delete_ref),
    Route("POST", _GIT + "/commits", create_commit),
    Route("GET", _GIT + "/commits/{sha}", get_commit),
    Route("POST", _GIT + "/trees", create_tree),
    Route("GET", _GIT + "/trees/{sha:path}", get_tree),
    Route("POST", _GIT + "/blobs", create_blob),
    Route("GET", _GIT + "/blobs/{sha}", get_blob),
    Route("POST", _GIT + "/tags", create_tag),
    Route("GET", _GIT + "/tags/{sha}", get_tag),
)
