"""As much GraphQL as committing needs: ``createCommitOnBranch`` (docs.github.com, "GraphQL reference") and ``viewer``.

The query is not parsed; which of the two it asks for is enough, and answers carry a fixed set of fields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType

import pygit2

from bot.sandbox.api.gitdata import from_base64
from bot.sandbox.backend import stamp
from bot.sandbox.edge import ApiCall, RequestBody, Route
from bot.sandbox.objects import commit_at
from bot.sandbox.records import RepositoryRow
from bot.sandbox.replies import ApiProblem, ApiReply, Json
from bot.sandbox.verbs import pushes


class Question(RequestBody):
    """Body of ``POST /graphql``."""

    query: str
    variables: Mapping[str, object] = MappingProxyType({})


class Branch(RequestBody):
    """``CommittableBranch``."""

    repositoryNameWithOwner: str  # noqa: N815 -- GitHub's name
    branchName: str  # noqa: N815 -- GitHub's name


class Message(RequestBody):
    """``CommitMessage``."""

    headline: str
    body: str | None = None


class Addition(RequestBody):
    """``FileAddition``: ``contents`` is base64."""

    path: str
    contents: str


class Removal(RequestBody):
    """``FileDeletion``."""

    path: str


class FileChanges(RequestBody):
    """``FileChanges``."""

    additions: tuple[Addition, ...] = ()
    deletions: tuple[Removal, ...] = ()


class CommitOrder(RequestBody):
    """``CreateCommitOnBranchInput``."""

    branch: Branch
    message: Message
    expectedHeadOid: str  # noqa: N815 -- GitHub's name
    fileChanges: FileChanges | None = None  # noqa: N815 -- GitHub's name
    clientMutationId: str | None = None  # noqa: N815 -- GitHub's name


class _Wrapped(RequestBody):
    input: CommitOrder


def graphql(call: ApiCall) -> ApiReply:
    """Answer a question; errors come with status 200 as GraphQL has it."""
    call.person()
    asked = call.body(Question)
    if "createCommitOnBranch" in asked.query:
        return _create_commit(call, asked)
    if "viewer" in asked.query:
        return ApiReply({"data": {"viewer": {"login": call.person().login}}})
    return _error(None, "UNSUPPORTED", "The sandbox answers createCommitOnBranch and viewer only")


def _create_commit(call: ApiCall, asked: Question) -> ApiReply:
    order = call.with_data(json.dumps(dict(asked.variables)).encode()).body(_Wrapped).input
    owner, _, name = order.branch.repositoryNameWithOwner.partition("/")
    try:
        repo = call.backend.repo(owner, name, call.actor)
        call.backend.require(repo, call.actor, "write")
        sha = _commit(call, repo, order)
    except ApiProblem as problem:
        kind = {404: "NOT_FOUND", 403: "FORBIDDEN", 409: "STALE_DATA"}.get(problem.status, "UNPROCESSABLE")
        return _error("createCommitOnBranch", kind, problem.message)
    commit = call.backend.git(repo)[sha].peel(pygit2.Commit)
    shown: dict[str, Json] = {
        "oid": sha,
        "url": call.backend.links.page(repo.full_name, f"/commit/{sha}"),
        "committedDate": stamp(call.backend.clock()),
        "message": commit.message,
        "signature": {"isValid": True, "wasSignedByGitHub": True},
    }
    answer: Json = {"commit": shown, "clientMutationId": order.clientMutationId}
    return ApiReply({"data": {"createCommitOnBranch": answer}})


def _commit(call: ApiCall, repo: RepositoryRow, order: CommitOrder) -> str:
    ref, git = f"refs/heads/{order.branch.branchName}", call.backend.git(repo)
    with call.backend.repositories.lock(repo.full_name):
        base = commit_at(git, ref)
        if base is None:
            raise ApiProblem(404, f"Could not resolve to a Ref with the name '{order.branch.branchName}'.")
        if str(base.id) != order.expectedHeadOid:
            moved = f'Expected branch to point to "{order.expectedHeadOid}" but it did not.  Pull and try again.'
            raise ApiProblem(409, moved)
        changes = _changes(base, order.fileChanges or FileChanges())
        message = "\n\n".join(filter(None, (order.message.headline, order.message.body)))
        return pushes.commit(call.backend, repo, call.person(), ref, base=base, changes=changes, message=message)


def _changes(base: pygit2.Commit, requested: FileChanges) -> dict[str, bytes | None]:
    changes: dict[str, bytes | None] = {}
    for addition in requested.additions:
        changes[addition.path] = from_base64(addition.contents)
    for removal in requested.deletions:
        if removal.path not in base.tree:
            raise ApiProblem(422, f"A path was requested for deletion which does not exist: {removal.path}")
        changes[removal.path] = None
    return changes


def _error(path: str | None, kind: str, message: str) -> ApiReply:
    error: dict[str, Json] = {"type": kind, "message": message, "locations": [{"line": 1, "column": 1}]}
    if path is not None:
        error["path"] = [path]
    return ApiReply({"data": None if path is None else {path: None}, "errors": [error]})


ROUTES = (Route("POST", "/graphql", graphql),)
