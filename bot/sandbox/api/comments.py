"""Comments, reactions and a repository's labels through the API."""

from __future__ import annotations

from datetime import datetime

from bot.sandbox.api.issues import writer
from bot.sandbox.backend import stamp
from bot.sandbox.edge import Body, Call, Route
from bot.sandbox.records import Comment, Label, Reaction, Repo
from bot.sandbox.replies import Reply, forbidden, invalid, not_found
from bot.sandbox.shapes import talk
from bot.sandbox.verbs import issues, labels


class Said(Body):
    """Body of a comment."""

    body: str


class Emoji(Body):
    """Body of a reaction."""

    content: str


class NewLabel(Body):
    """Body of ``POST …/labels``."""

    name: str
    color: str | None = None
    description: str | None = None


class LabelEdit(Body):
    """Body of ``PATCH …/labels/…``."""

    new_name: str | None = None
    name: str | None = None
    color: str | None = None
    description: str | None = None


def list_comments(call: Call) -> Reply:
    """The comments of one issue or pull request, oldest first."""
    repo = call.repo()
    issue = call.hub.issue(repo, call.number())
    rows = call.hub.store.all(Comment, "SELECT * FROM comment WHERE issue_id = ? ORDER BY id", issue.id)
    if call.query.get("since"):
        since = stamp(datetime.fromisoformat(call.query["since"]))
        rows = [row for row in rows if row.updated_at >= since]
    return call.page(rows, lambda row: talk.comment(call.hub, repo, row, issue.number), kind="comment")


def all_comments(call: Call) -> Reply:
    """The comments of the whole repository, by id unless ``sort`` and ``direction`` say otherwise."""
    repo = call.repo()
    rows = call.hub.store.all(Comment, "SELECT * FROM comment WHERE repo_id = ? ORDER BY id", repo.id)
    if call.query.get("since"):
        since = stamp(datetime.fromisoformat(call.query["since"]))
        rows = [row for row in rows if row.updated_at >= since]
    if call.query.get("direction") == "desc":
        rows.reverse()
    return call.page(rows, lambda row: talk.comment(call.hub, repo, row, _number(call, row)), kind="comment")


def new_comment(call: Call) -> Reply:
    """A new comment."""
    repo, wanted = call.repo(), call.body(Said)
    issue = call.hub.issue(repo, call.number())
    said = issues.comment(call.hub, repo, call.person(), issue, wanted.body)
    return Reply(talk.comment(call.hub, repo, said, issue.number), 201)


def get_comment(call: Call) -> Reply:
    """One comment."""
    repo, found = _comment(call)
    return Reply(talk.comment(call.hub, repo, found, _number(call, found)))


def edit_comment(call: Call) -> Reply:
    """The comment says something else."""
    repo, found = _comment(call)
    actor, wanted = writer(call, repo, found.author_id), call.body(Said)
    edited = issues.edit_comment(call.hub, repo, actor, found, wanted.body)
    return Reply(talk.comment(call.hub, repo, edited, _number(call, found)))


def delete_comment(call: Call) -> Reply:
    """The comment is gone."""
    repo, found = _comment(call)
    issues.delete_comment(call.hub, repo, writer(call, repo, found.author_id), found)
    return Reply(status=204)


def list_reactions(call: Call) -> Reply:
    """The reactions to an issue or comment."""
    _, subject, key = _subject(call)
    rows = call.hub.store.all(
        Reaction, "SELECT * FROM reaction WHERE subject = ? AND subject_id = ? ORDER BY id", subject, key
    )
    return call.slice(rows, lambda row: talk.reaction(call.hub, row))


def react(call: Call) -> Reply:
    """One reaction per account and kind: 201 for a new one, 200 for one that is there."""
    _, subject, key = _subject(call)
    wanted, person = call.body(Emoji).content, call.person()
    if wanted not in talk.REACTIONS:
        raise invalid("Reaction", "content", "invalid")
    fresh = call.hub.store.run(
        "INSERT OR IGNORE INTO reaction (subject, subject_id, user_id, content, created_at) VALUES (?, ?, ?, ?, ?)",
        subject,
        key,
        person.id,
        wanted,
        call.hub.now(),
    )
    found = call.hub.store.one(
        Reaction,
        "SELECT * FROM reaction WHERE subject = ? AND subject_id = ? AND user_id = ? AND content = ?",
        subject,
        key,
        person.id,
        wanted,
    )
    if found is None:
        raise not_found()
    return Reply(talk.reaction(call.hub, found), 201 if fresh else 200)


def unreact(call: Call) -> Reply:
    """The reaction is gone; only its author may take it back."""
    _, subject, key = _subject(call)
    found = call.hub.store.one(
        Reaction,
        "SELECT * FROM reaction WHERE id = ? AND subject = ? AND subject_id = ?",
        call.number("reaction"),
        subject,
        key,
    )
    if found is None:
        raise not_found()
    if found.user_id != call.person().id:
        raise forbidden("Must be the author of the reaction.")
    call.hub.store.run("DELETE FROM reaction WHERE id = ?", found.id)
    return Reply(status=204)


def repo_labels(call: Call) -> Reply:
    """The repository's labels by name."""
    repo = call.repo()
    rows = call.hub.store.all(Label, "SELECT * FROM label WHERE repo_id = ? ORDER BY name", repo.id)
    return call.page(rows, lambda row: talk.label(call.hub, repo, row), kind="label")


def new_label(call: Call) -> Reply:
    """A new label; 422 already_exists."""
    repo, wanted = call.repo("write"), call.body(NewLabel)
    made = labels.create(call.hub, repo, name=wanted.name, color=wanted.color, description=wanted.description)
    return Reply(talk.label(call.hub, repo, made), 201)


def get_label(call: Call) -> Reply:
    """One label."""
    repo = call.repo()
    return Reply(talk.label(call.hub, repo, labels.get(call.hub, repo, call.params["name"])))


def edit_label(call: Call) -> Reply:
    """Name, colour, description."""
    repo, wanted = call.repo("write"), call.body(LabelEdit)
    found = labels.get(call.hub, repo, call.params["name"])
    name = wanted.new_name or wanted.name
    labels.update(call.hub, repo, found, name=name, color=wanted.color, description=wanted.description)
    return Reply(talk.label(call.hub, repo, labels.get(call.hub, repo, name or found.name)))


def delete_label(call: Call) -> Reply:
    """The label is gone, from issues too."""
    repo = call.repo("write")
    found = labels.get(call.hub, repo, call.params["name"])
    call.hub.store.run("DELETE FROM label WHERE id = ?", found.id)
    return Reply(status=204)


def _comment(call: Call) -> tuple[Repo, Comment]:
    repo = call.repo()
    found = call.hub.store.one(
        Comment, "SELECT * FROM comment WHERE id = ? AND repo_id = ?", call.number("comment"), repo.id
    )
    if found is None:
        raise not_found()
    return repo, found


def _number(call: Call, found: Comment) -> int:
    return call.hub.store.number("SELECT number FROM issue WHERE id = ?", found.issue_id)


def _subject(call: Call) -> tuple[Repo, str, int]:
    if "comment" in call.params:
        repo, found = _comment(call)
        return repo, "comment", found.id
    repo = call.repo()
    return repo, "issue", call.hub.issue(repo, call.number()).id


_REPO = "/repos/{owner}/{repo}"
_ONE = _REPO + "/issues/comments/{comment}"
ROUTES = (
    Route("GET", _REPO + "/issues/comments", all_comments),
    Route("GET", _ONE, get_comment),
    Route("PATCH", _ONE, edit_comment),
    Route("DELETE", _ONE, delete_comment),
    Route("GET", _ONE + "/reactions", list_reactions),
    Route("POST", _ONE + "/reactions", react),
    Route("DELETE", _ONE + "/reactions/{reaction}", unreact),
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
