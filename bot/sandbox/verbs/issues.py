"""Issues and everything that is said on issues and pull requests."""

from __future__ import annotations

from collections.abc import Sequence

from bot.sandbox.backend import Backend, Repo
from bot.sandbox.records import CommentRow, IssueRow, UserRow
from bot.sandbox.replies import ApiProblem, Json, JsonObject, invalid
from bot.sandbox.shapes import issues as shapes
from bot.sandbox.verbs import labels
from bot.sandbox.verbs.announce import announce, announce_pull

MAX_BODY = 65536
"""Characters; GitHub answers 422 "body is too long (maximum is 65536 characters)"."""


def open_issue(
    repo: Repo,
    author: UserRow,
    *,
    title: str,
    body: str | None,
    label_names: Sequence[str] = (),
    assignees: Sequence[str] = (),
) -> IssueRow:
    """A new open issue. Labels and assignees are ignored for authors without triage permission, as on GitHub."""
    if not repo.has_issues:  # "Create an issue": 410 Gone where issues are disabled
        raise ApiProblem(410, "Issues has been disabled in this repository.")
    require_text("Issue", title, body)
    with repo.backend.store.transaction():
        issue = insert(repo, author, title=title, body=body, is_pull=False)
        if repo.may(author, "triage"):
            labels.add(repo, issue, label_names)
            assign(repo.backend, issue, assignees, "assignee")
    _announce(repo, author, issue, "opened")
    return issue


def insert(repo: Repo, author: UserRow, *, title: str, body: str | None, is_pull: bool) -> IssueRow:
    """The row of a new issue or pull request with the repository's next number. Inside a transaction."""
    now = repo.backend.now()
    number = repo.backend.store.number("SELECT MAX(number) FROM issue WHERE repo_id = ?", repo.id) + 1
    key = repo.backend.store.insert(
        "issue",
        repo_id=repo.id,
        number=number,
        is_pull=is_pull,
        title=title,
        body=body,
        state="open",
        author_id=author.id,
        created_at=now,
        updated_at=now,
    )
    repo.backend.born("issue", key)
    return repo.issue(number)


def require_text(resource: str, title: str, body: str | None) -> None:
    """422 for a blank title or texts longer than GitHub takes (256 and 65,536 characters)."""
    if not title.strip():
        raise invalid(resource, "title", "missing_field")
    if len(title) > 256:
        raise invalid(resource, "title", "custom", "title is too long (maximum is 256 characters)")
    if body is not None and len(body) > MAX_BODY:
        raise invalid(resource, "body", "custom", f"body is too long (maximum is {MAX_BODY} characters)")


def edit(repo: Repo, actor: UserRow, issue: IssueRow, *, title: str | None, body: str | None) -> None:
    """Title and body are as given; None leaves as it is."""
    title = issue.title if title is None else title
    body = issue.body if body is None else body
    require_text("Issue", title, body)
    if (title, body) == (issue.title, issue.body):
        return
    with repo.backend.store.transaction():
        if body != issue.body:
            _keep_edit(repo.backend, issue, actor, body or "")
        repo.backend.store.update("issue", issue.id, title=title, body=body, updated_at=repo.backend.now())
    _announce(repo, actor, repo.issue(issue.number), "edited")


def _keep_edit(backend: Backend, issue: IssueRow, actor: UserRow, body: str) -> None:
    """The history of a body begins with its first edit, which keeps what its author wrote as well (docs.github.com, "Tracking
    changes in a comment"; ``includesCreatedEdit`` in the GraphQL reference).
    """
    if not backend.store.number("SELECT COUNT(*) FROM body_edit WHERE issue_id = ?", issue.id):
        _insert_edit(backend, issue, issue.author_id, issue.body or "", issue.created_at)
    _insert_edit(backend, issue, actor.id, body, backend.now())


def _insert_edit(backend: Backend, issue: IssueRow, editor: int, body: str, at: str) -> None:
    backend.store.insert("body_edit", issue_id=issue.id, editor_id=editor, body=body, edited_at=at)


def close(repo: Repo, actor: UserRow, issue: IssueRow, *, reason: str | None = None) -> None:
    """The issue or pull request is closed by ``actor``."""
    if issue.state == "closed":
        return
    now = repo.backend.now()
    with repo.backend.store.transaction():
        repo.backend.store.update(
            "issue",
            issue.id,
            state="closed",
            closed_at=now,
            updated_at=now,
            closed_by_id=actor.id,
            state_reason=None if issue.is_pull else reason or "completed",
        )
        note(repo.backend, issue, actor, "closed")
    _announce(repo, actor, repo.issue(issue.number), "closed")


def reopen(repo: Repo, actor: UserRow, issue: IssueRow) -> None:
    """The issue or unmerged pull request is open again."""
    if issue.state == "open":
        return
    with repo.backend.store.transaction():
        repo.backend.store.update(
            "issue",
            issue.id,
            state="open",
            closed_at=None,
            closed_by_id=None,
            updated_at=repo.backend.now(),
            state_reason=None if issue.is_pull else "reopened",
        )
        note(repo.backend, issue, actor, "reopened")
    _announce(repo, actor, repo.issue(issue.number), "reopened")


def comment(repo: Repo, author: UserRow, issue: IssueRow, body: str) -> CommentRow:
    """A new comment."""
    _require_comment(body)
    now = repo.backend.now()
    with repo.backend.store.transaction():
        key = repo.backend.store.insert(
            "comment",
            repo_id=repo.id,
            issue_id=issue.id,
            author_id=author.id,
            body=body,
            created_at=now,
            updated_at=now,
        )
        repo.backend.born("comment", key)
        repo.backend.store.update("issue", issue.id, updated_at=now)
    created = CommentRow(key, repo.id, issue.id, author.id, body, now, now)
    _announce_comment(repo, author, created, "created")
    return created


def edit_comment(repo: Repo, actor: UserRow, row: CommentRow, body: str) -> CommentRow:
    """The comment says ``body`` now."""
    _require_comment(body)
    now = repo.backend.now()
    repo.backend.store.update("comment", row.id, body=body, updated_at=now)
    edited = CommentRow(row.id, row.repo_id, row.issue_id, row.author_id, body, row.created_at, now)
    _announce_comment(repo, actor, edited, "edited")
    return edited


def delete_comment(repo: Repo, actor: UserRow, row: CommentRow) -> None:
    """The comment is gone."""
    repo.backend.store.run("DELETE FROM comment WHERE id = ?", row.id)
    _announce_comment(repo, actor, row, "deleted")


def announce_label(repo: Repo, sender: UserRow, issue: IssueRow, action: str, *, name: str) -> None:
    """Webhooks hear that a label was put on (``labeled``) or taken off (``unlabeled``), and the issue's list says so."""
    note(repo.backend, issue, sender, action, name)
    repo.backend.store.update("issue", issue.id, updated_at=repo.backend.now())
    label: dict[str, Json] = {"name": name}
    if issue.is_pull:
        announce_pull(repo, sender, issue.number, action, label=label)
        return

    def content() -> JsonObject:
        return {"issue": shapes.delivered_issue(repo, repo.issue(issue.number)), "label": label}

    announce(repo, sender, "issues", action=action, content=content)


def assign(backend: Backend, issue: IssueRow, logins: Sequence[str], role: str) -> None:
    """These accounts (unknown ones are ignored) are added in ``role``: assignee or reviewer."""
    for person in filter(None, (backend.login(login) for login in logins)):
        backend.store.run("INSERT OR IGNORE INTO assigned VALUES (?, ?, ?)", issue.id, person.id, role)


def note(backend: Backend, issue: IssueRow, actor: UserRow, event: str, detail: str | None = None) -> None:
    """Add to the issue's event list."""
    backend.store.insert(
        "event", issue_id=issue.id, actor_id=actor.id, event=event, detail=detail, created_at=backend.now()
    )


def _require_comment(body: str) -> None:
    if not body.strip():
        raise invalid("IssueComment", "body", "missing_field")
    if len(body) > MAX_BODY:
        raise invalid("IssueComment", "body", "custom", f"body is too long (maximum is {MAX_BODY} characters)")


def _issue_of(backend: Backend, row: CommentRow) -> IssueRow:
    return backend.row(IssueRow, "SELECT * FROM issue WHERE id = ?", row.issue_id)


def _announce(repo: Repo, sender: UserRow, issue: IssueRow, action: str) -> None:
    if issue.is_pull:
        announce_pull(repo, sender, issue.number, action)
        return
    announce(repo, sender, "issues", action=action, content=lambda: {"issue": shapes.delivered_issue(repo, issue)})


def _announce_comment(repo: Repo, sender: UserRow, row: CommentRow, action: str) -> None:
    def content() -> JsonObject:
        issue = _issue_of(repo.backend, row)
        return {"issue": shapes.delivered_issue(repo, issue), "comment": shapes.comment(repo, row, issue.number)}

    announce(repo, sender, "issue_comment", action=action, content=content)
