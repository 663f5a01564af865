"""As much GraphQL as bots need where REST has nothing (docs.github.com, "GraphQL reference"): ``createCommitOnBranch``, what
is done to a pull request beside editing it, ``viewer``, which tells an installation's token who it is, and
``userContentEdits``, which tells who edited an issue.

The query is not parsed; which of them it asks for is enough, and answers carry a fixed set of fields.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping

import pygit2
from pydantic import Field

from bot.sandbox.api.gitdata import from_base64
from bot.sandbox.backend import Repo, stamp
from bot.sandbox.edge import ApiCall, Model, RequestBody, Route
from bot.sandbox.objects import commit_at
from bot.sandbox.records import BodyEditRow, IssueRow
from bot.sandbox.replies import ApiProblem, ApiReply, Json
from bot.sandbox.verbs import pushes, queue
from bot.sandbox.verbs.announce import announce_pull


class Question(RequestBody):
    """Body of ``POST /graphql``."""

    query: str
    variables: Mapping[str, object] = Field(default_factory=dict)


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


def graphql(call: ApiCall) -> ApiReply:
    """Answer a question; errors come with status 200 as GraphQL has it."""
    call.person()
    question = call.body(Question)
    if "createCommitOnBranch" in question.query:
        return _create_commit(call, question)
    for name, act in _ON_PULLS.items():
        if name in question.query:
            return _on_pull(call, question, name, act)
    if "userContentEdits" in question.query:
        return _edits(call, question)
    if "viewer" in question.query:
        person = call.person()
        return ApiReply({"data": {"viewer": {"login": person.login, "databaseId": person.id}}})
    known_fields = ", ".join(("createCommitOnBranch", *_ON_PULLS, "userContentEdits", "viewer"))
    return _error(None, "UNSUPPORTED", f"The sandbox answers {known_fields} only")


class PullOrder(RequestBody):
    """The input of a mutation about one pull request."""

    pullRequestId: str  # noqa: N815 -- GitHub's name
    mergeMethod: str = "MERGE"  # noqa: N815 -- GitHub's name


_Act = Callable[[ApiCall, Repo, IssueRow, PullOrder], object]


def _draft(call: ApiCall, repo: Repo, issue: IssueRow, *, draft: bool) -> None:
    call.backend.store.update("pull", issue.id, draft=draft)
    action = "converted_to_draft" if draft else "ready_for_review"
    announce_pull(repo, call.person(), issue.number, action)


_ON_PULLS: Mapping[str, _Act] = {
    "enablePullRequestAutoMerge": lambda call, repo, issue, order: queue.enable_auto_merge(
        repo, call.person(), issue.number, order.mergeMethod
    ),
    "enqueuePullRequest": lambda call, repo, issue, _order: queue.enqueue(repo, call.person(), issue.number),
    "convertPullRequestToDraft": lambda call, repo, issue, _order: _draft(call, repo, issue, draft=True),
    "markPullRequestReadyForReview": lambda call, repo, issue, _order: _draft(call, repo, issue, draft=False),
}


def _on_pull(call: ApiCall, question: Question, name: str, act: _Act) -> ApiReply:
    order = _input(call, question, PullOrder)

    def answer() -> Json:
        issue = _issue_of(call, order.pullRequestId)
        repo = call.backend.repo_by_id(issue.repo_id).visible(call.actor)
        repo.require(call.actor, "write")
        repo.require_writable()
        act(call, repo, issue, order)
        return {"pullRequest": {"id": order.pullRequestId, "number": issue.number}}

    return _carried_out(name, answer)


def _input(call: ApiCall, question: Question, kind: type[Model]) -> Model:
    """The ``input`` of a mutation."""
    return call.with_data(json.dumps(question.variables.get("input")).encode()).body(kind)


def _carried_out(name: str, answer: Callable[[], Json]) -> ApiReply:
    """What a mutation answers; errors come with status 200 and a word for the status that REST would have."""
    try:
        return ApiReply({"data": {name: answer()}})
    except ApiProblem as problem:
        kind = {404: "NOT_FOUND", 403: "FORBIDDEN", 409: "STALE_DATA"}.get(problem.status, "UNPROCESSABLE")
        return _error(name, kind, problem.message)


def _issue_of(call: ApiCall, node: str) -> IssueRow:
    return call.backend.row(IssueRow, "SELECT * FROM issue WHERE id = ? AND is_pull", _key_of(node, "PullRequest"))


def _key_of(node: str, kind: str) -> int:
    try:
        key = base64.b64decode(node, validate=True).decode().removeprefix(f"{kind}:")
    except (binascii.Error, UnicodeDecodeError):
        key = ""
    if not key.isdigit():
        raise ApiProblem(404, f"Could not resolve to a node with the global id of '{node}'")
    return int(key)


def _edits(call: ApiCall, question: Question) -> ApiReply:
    """The edits of an issue's body, the last one first, at most a hundred. ``diff`` is the whole text after the edit, and an
    app's editor is named without the ``[bot]`` that REST puts behind it.
    """
    try:
        issue = call.backend.row(
            IssueRow, "SELECT * FROM issue WHERE id = ?", _key_of(str(question.variables.get("id")), "Issue")
        )
        call.backend.repo_by_id(issue.repo_id).visible(call.actor)
    except ApiProblem as problem:
        return _error("node", "NOT_FOUND", problem.message)
    sql = "SELECT * FROM body_edit WHERE issue_id = ? ORDER BY id DESC LIMIT 100"
    nodes: list[Json] = []
    for row in call.backend.store.all(BodyEditRow, sql, issue.id):
        editor = call.backend.user(row.editor_id)
        editor_fields: dict[str, Json] = {
            "__typename": editor.kind,
            "login": editor.login.removesuffix("[bot]"),
            "databaseId": editor.id,
        }
        nodes.append({"editedAt": row.edited_at, "diff": row.body, "editor": editor_fields})
    return ApiReply({"data": {"node": {"userContentEdits": {"nodes": nodes}}}})


def _create_commit(call: ApiCall, question: Question) -> ApiReply:
    order = _input(call, question, CommitOrder)
    owner, _, name = order.branch.repositoryNameWithOwner.partition("/")

    def answer() -> Json:
        repo = call.backend.repo(owner, name, call.actor)
        repo.require(call.actor, "write")
        repo.require_writable()
        sha = _commit(call, repo, order)
        commit_fields: dict[str, Json] = {
            "oid": sha,
            "url": repo.page(f"/commit/{sha}"),
            "committedDate": stamp(call.backend.clock()),
            "message": repo.git()[sha].peel(pygit2.Commit).message,
            "signature": {"isValid": True, "wasSignedByGitHub": True},
        }
        return {"commit": commit_fields, "clientMutationId": order.clientMutationId}

    return _carried_out("createCommitOnBranch", answer)


def _commit(call: ApiCall, repo: Repo, order: CommitOrder) -> str:
    ref, git = f"refs/heads/{order.branch.branchName}", repo.git()
    with repo.lock():
        base = commit_at(git, ref)
        if base is None:
            raise ApiProblem(404, f"Could not resolve to a Ref with the name '{order.branch.branchName}'.")
        if str(base.id) != order.expectedHeadOid:
            moved = f'Expected branch to point to "{order.expectedHeadOid}" but it did not.  Pull and try again.'
            raise ApiProblem(409, moved)
        changes = _changes(base, order.fileChanges or FileChanges())
        message = "\n\n".join(filter(None, (order.message.headline, order.message.body)))
        return pushes.commit(repo, call.person(), ref, base=base, changes=changes, message=message, refused=422)


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
