"""Comments, reactions and labels (docs.github.com, "REST API endpoints for issue comments", "… reactions", "… labels")."""

from __future__ import annotations

from datetime import datetime

from bot.sandbox.api.issues import writer
from bot.sandbox.backend import Repo, stamp
from bot.sandbox.edge import ApiCall, RequestBody, Route
from bot.sandbox.records import CommentRow, LabelRow, ReactionRow
from bot.sandbox.replies import ApiReply, forbidden, invalid
from bot.sandbox.shapes import issues as shapes
from bot.sandbox.verbs import issues, labels


class CommentBody(RequestBody):
    """Body of a comment."""

    body: str


class Emoji(RequestBody):
    """Body of a reaction."""

    content: str


class NewLabel(RequestBody):
    """Body of ``POST …/labels``."""

    name: str
    color: str | None = None
    description: str | None = None


class LabelEdit(RequestBody):
    """Body of ``PATCH …/labels/…``."""

    new_name: str | None = None
    name: str | None = None
    color: str | None = None
    description: str | None = None


def list_comments(call: ApiCall) -> ApiReply:
    """The comments of one issue or pull request, oldest first."""
    repo, issue = call.issue()
    rows = call.backend.store.all(CommentRow, "SELECT * FROM comment WHERE issue_id = ? ORDER BY id", issue.id)
    rows = _since(call, rows)
    return call.page(rows, lambda row: shapes.comment(repo, row, issue.number), kind="comment")


def all_comments(call: ApiCall) -> ApiReply:
    """The comments of the whole repository, by id unless ``sort`` and ``direction`` say otherwise."""
    repo = call.repo()
    rows = call.backend.store.all(CommentRow, "SELECT * FROM comment WHERE repo_id = ? ORDER BY id", repo.id)
    rows = _since(call, rows)
    if call.query.get("direction") == "desc":
        rows.reverse()
    return call.page(rows, lambda row: shapes.comment(repo, row, _number(call, row)), kind="comment")


def _since(call: ApiCall, rows: list[CommentRow]) -> list[CommentRow]:
    if not call.query.get("since"):
        return rows
    since = stamp(datetime.fromisoformat(call.query["since"]))
    return [row for row in rows if row.updated_at >= since]


def new_comment(call: ApiCall) -> ApiReply:
    """A new comment."""
    repo, issue = call.issue()
    comment = issues.comment(repo, call.person(), issue, call.body(CommentBody).body)
    return ApiReply(shapes.comment(repo, comment, issue.number), 201)


def get_comment(call: ApiCall) -> ApiReply:
    """One comment."""
    repo, comment = _comment(call)
    return ApiReply(shapes.comment(repo, comment, _number(call, comment)))


def edit_comment(call: ApiCall) -> ApiReply:
    """The comment says something else."""
    repo, comment = _comment(call)
    actor, request = writer(call, repo, comment.author_id), call.body(CommentBody)
    edited = issues.edit_comment(repo, actor, comment, request.body)
    return ApiReply(shapes.comment(repo, edited, _number(call, comment)))


def delete_comment(call: ApiCall) -> ApiReply:
    """The comment is gone."""
    repo, comment = _comment(call)
    issues.delete_comment(repo, writer(call, repo, comment.author_id), comment)
    return ApiReply(status=204)


def list_reactions(call: ApiCall) -> ApiReply:
    """The reactions to an issue or comment."""
    subject, key = _subject(call)
    rows = call.backend.store.all(
        ReactionRow, "SELECT * FROM reaction WHERE subject = ? AND subject_id = ? ORDER BY id", subject, key
    )
    return call.slice(rows, lambda row: shapes.reaction(call.backend, row))


def react(call: ApiCall) -> ApiReply:
    """One reaction per account and kind: 201 for a new one, 200 for one that is there."""
    subject, key = _subject(call)
    content, person = call.body(Emoji).content, call.person()
    if content not in shapes.REACTIONS:
        raise invalid("Reaction", "content", "invalid")
    reaction_values = (subject, key, person.id, content)
    insertion = (
        "INSERT OR IGNORE INTO reaction (subject, subject_id, user_id, content, created_at) VALUES (?, ?, ?, ?, ?)"
    )
    fresh = call.backend.store.run(insertion, *reaction_values, call.backend.now())
    selection = "SELECT * FROM reaction WHERE (subject, subject_id, user_id, content) = (?, ?, ?, ?)"
    reaction = call.backend.row(ReactionRow, selection, *reaction_values)
    return ApiReply(shapes.reaction(call.backend, reaction), 201 if fresh else 200)


def unreact(call: ApiCall) -> ApiReply:
    """The reaction is gone; only its author may take it back."""
    subject, key = _subject(call)
    sql, number = "SELECT * FROM reaction WHERE subject = ? AND subject_id = ? AND id = ?", call.number("reaction")
    reaction = call.backend.row(ReactionRow, sql, subject, key, number)
    if reaction.user_id != call.person().id:
        raise forbidden("Must be the author of the reaction.")
    call.backend.store.run("DELETE FROM reaction WHERE id = ?", reaction.id)
    return ApiReply(status=204)


def repo_labels(call: ApiCall) -> ApiReply:
    """The repository's labels by name."""
    repo = call.repo()
    rows = call.backend.store.all(LabelRow, "SELECT * FROM label WHERE repo_id = ? ORDER BY name", repo.id)
    return call.page(rows, lambda row: shapes.label(repo, row), kind="label")


def new_label(call: ApiCall) -> ApiReply:
    """A new label; 422 already_exists."""
    repo, request = call.repo("write"), call.body(NewLabel)
    label = labels.create(repo, name=request.name, color=request.color, description=request.description)
    return ApiReply(shapes.label(repo, label), 201)


def get_label(call: ApiCall) -> ApiReply:
    """One label."""
    repo = call.repo()
    return ApiReply(shapes.label(repo, labels.get(repo, call.params["name"])))


def edit_label(call: ApiCall) -> ApiReply:
    """Name, colour, description."""
    repo, request = call.repo("write"), call.body(LabelEdit)
    label = labels.get(repo, call.params["name"])
    name = request.new_name or request.name
    labels.update(repo, label, name=name, color=request.color, description=request.description)
    return ApiReply(shapes.label(repo, labels.get(repo, name or label.name)))


def delete_label(call: ApiCall) -> ApiReply:
    """The label is gone, from issues too."""
    repo = call.repo("write")
    label = labels.get(repo, call.params["name"])
    call.backend.store.run("DELETE FROM label WHERE id = ?", label.id)
    return ApiReply(status=204)


def _comment(call: ApiCall) -> tuple[Repo, CommentRow]:
    repo = call.repo()
    comment = call.backend.row(
        CommentRow, "SELECT * FROM comment WHERE id = ? AND repo_id = ?", call.number("comment"), repo.id
    )
    return repo, comment


def _number(call: ApiCall, comment: CommentRow) -> int:
    return call.backend.store.number("SELECT number FROM issue WHERE id = ?", comment.issue_id)


def _subject(call: ApiCall) -> tuple[str, int]:
    if "comment" in call.params:
        return "comment", _comment(call)[1].id
    return "issue", call.issue()[1].id


_REPO = "/repos/{owner}/{repo}"
_COMMENT = _REPO + "/issues/comments/{comment}"
ROUTES = (
    Route("GET", _REPO + "/issues/comments", all_comments),
    Route("GET", _COMMENT, get_comment),
    Route("PATCH", _COMMENT, edit_comment),
    Route("DELETE", _COMMENT, delete_comment),
    Route("GET", _COMMENT + "/reactions", list_reactions),
    Route("POST", _COMMENT + "/reactions", react),
    Route("DELETE", _COMMENT + "/reactions/{reaction}", unreact),
    Route("GET", _REPO + "/issues/{number:int}/comments", list_comments),
    Route("POST", _REPO + "/issues/{number:int}/comments", new_comment),
    Route("GET", _REPO + "/issues/{number:int}/reactions", list_reactions),
    Route("POST", _REPO + "/issues/{number:int}/reactions", react),
    Route("DELETE", _REPO + "/issues/{number:int}/reactions/{reaction}", unreact),
    Route("GET", _REPO + "/labels", repo_labels),
    Route("POST", _REPO + "/labels", new_label),
    Route("GET", _REPO + "/labels/{name:path}", get_label),
    Route("PATCH", _REPO + "/labels/{name:path}", edit_label),
    Route("DELETE", _REPO + "/labels/{name:path}", delete_label),
)
