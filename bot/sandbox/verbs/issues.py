"""Issues and everything that is said on issues and pull requests."""

from __future__ import annotations

from collections.abc import Sequence

from bot.sandbox.backend import Backend
from bot.sandbox.records import CommentRow, IssueRow, RepositoryRow, UserRow
from bot.sandbox.replies import ApiProblem, Json, JsonObject, invalid
from bot.sandbox.shapes import issues as shapes
from bot.sandbox.verbs import labels
from bot.sandbox.verbs.announce import announce, announce_pull

MAX_BODY = 65536
"""Characters; GitHub answers 422 "body is too long (maximum is 65536 characters)"."""


def open_issue(
    backend: Backend,
    repo: RepositoryRow,
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
    with backend.store.transaction():
        issue = insert(backend, repo, author, title=title, body=body, is_pull=False)
        if backend.may(repo, author, "triage"):
            labels.put(backend, repo, issue, label_names)
            assign(backend, issue, assignees, "assignee")
    _announce(backend, repo, author, issue, "opened")
    return issue


def insert(
    backend: Backend, repo: RepositoryRow, author: UserRow, *, title: str, body: str | None, is_pull: bool
) -> IssueRow:
    """The row of a new issue or pull request with the repository's next number. Inside a transaction."""
    now = backend.now()
    number = backend.store.number("SELECT MAX(number) FROM issue WHERE repo_id = ?", repo.id) + 1
    key = backend.store.insert(
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
    backend.born("issue", key)
    return backend.issue(repo, number)


def require_text(resource: str, title: str, body: str | None) -> None:
    """422 for a blank title or texts longer than GitHub takes (256 and 65,536 characters)."""
    if not title.strip():
        raise invalid(resource, "title", "missing_field")
    if len(title) > 256:
        raise invalid(resource, "title", "custom", "title is too long (maximum is 256 characters)")
    if body is not None and len(body) > MAX_BODY:
        raise invalid(resource, "body", "custom", f"body is too long (maximum is {MAX_BODY} characters)")


def edit(
    backend: Backend, repo: RepositoryRow, actor: UserRow, issue: IssueRow, *, title: str | None, body: str | None
) -> None:
    """Title and body are as given; None leaves as it is."""
    title = issue.title if title is None else title
    body = issue.body if body is None else body
    require_text("Issue", title, body)
    if (title, body) == (issue.title, issue.body):
        return
    with backend.store.transaction():
        if body != issue.body:
            _keep_edit(backend, issue, actor, body or "")
        backend.store.update("issue", issue.id, title=title, body=body, updated_at=backend.now())
    _announce(backend, repo, actor, backend.issue(repo, issue.number), "edited")


def _keep_edit(backend: Backend, issue: IssueRow, actor: UserRow, body: str) -> None:
    """The history of a body begins with its first edit, which keeps what its author wrote as well (docs.github.com, "Tracking
    changes in a comment"; ``includesCreatedEdit`` in the GraphQL reference).
    """
    if not backend.store.number("SELECT COUNT(*) FROM body_edit WHERE issue_id = ?", issue.id):
        _insert_edit(backend, issue, issue.author_id, issue.body or "", issue.created_at)
    _insert_edit(backend, issue, actor.id, body, backend.now())


def _insert_edit(backend: Backend, issue: IssueRow, editor: int, body: str, at: str) -> None:
    backend.store.insert("body_edit", issue_id=issue.id, editor_id=editor, body=body, edited_at=at)


def close(backend: Backend, repo: RepositoryRow, actor: UserRow, issue: IssueRow, *, reason: str | None = None) -> None:
    """The issue or pull request is closed by ``actor``."""
    if issue.state == "closed":
        return
    now = backend.now()
    with backend.store.transaction():
        backend.store.update(
            "issue",
            issue.id,
            state="closed",
            closed_at=now,
            updated_at=now,
            closed_by_id=actor.id,
            state_reason=None if issue.is_pull else reason or "completed",
        )
        note(backend, issue, actor, "closed")
    _announce(backend, repo, actor, backend.issue(repo, issue.number), "closed")


def reopen(backend: Backend, repo: RepositoryRow, actor: UserRow, issue: IssueRow) -> None:
    """The issue or unmerged pull request is open again."""
    if issue.state == "open":
        return
    with backend.store.transaction():
        backend.store.update(
            "issue",
            issue.id,
            state="open",
            closed_at=None,
            closed_by_id=None,
            updated_at=backend.now(),
            state_reason=None if issue.is_pull else "reopened",
        )
        note(backend, issue, actor, "reopened")
    _announce(backend, repo, actor, backend.issue(repo, issue.number), "reopened")


def comment(backend: Backend, repo: RepositoryRow, author: UserRow, issue: IssueRow, body: str) -> CommentRow:
    """A new comment."""
    _require_comment(body)
    now = backend.now()
    with backend.store.transaction():
        key = backend.store.insert(
            "comment",
            repo_id=repo.id,
            issue_id=issue.id,
            author_id=author.id,
            body=body,
            created_at=now,
            updated_at=now,
        )
        backend.born("comment", key)
        backend.store.update("issue", issue.id, updated_at=now)
    created = CommentRow(key, repo.id, issue.id, author.id, body, now, now)
    _announce_comment(backend, repo, author, created, "created")
    return created


def edit_comment(backend: Backend, repo: RepositoryRow, actor: UserRow, row: CommentRow, body: str) -> CommentRow:
    """The comment says ``body`` now."""
    _require_comment(body)
    now = backend.now()
    backend.store.update("comment", row.id, body=body, updated_at=now)
    edited = CommentRow(row.id, row.repo_id, row.issue_id, row.author_id, body, row.created_at, now)
    _announce_comment(backend, repo, actor, edited, "edited")
    return edited


def delete_comment(backend: Backend, repo: RepositoryRow, actor: UserRow, row: CommentRow) -> None:
    """The comment is gone."""
    backend.store.run("DELETE FROM comment WHERE id = ?", row.id)
    _announce_comment(backend, repo, actor, row, "deleted")


def announce_label(
    backend: Backend, repo: RepositoryRow, sender: UserRow, issue: IssueRow, action: str, *, name: str
) -> None:
    """Webhooks hear that a label was put on (``labeled``) or taken off (``unlabeled``), and the issue's list says so."""
    note(backend, issue, sender, action, name)
    backend.store.update("issue", issue.id, updated_at=backend.now())
    label: dict[str, Json] = {"name": name}
    if issue.is_pull:
        announce_pull(backend, repo, sender, issue.number, action, label=label)
        return

    def content() -> JsonObject:
        return {"issue": shapes.delivered_issue(backend, repo, backend.issue(repo, issue.number)), "label": label}

    announce(backend, repo, sender, "issues", action=action, content=content)


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


def _announce(backend: Backend, repo: RepositoryRow, sender: UserRow, issue: IssueRow, action: str) -> None:
    if issue.is_pull:
        announce_pull(backend, repo, sender, issue.number, action)
        return
    announce(
        backend,
        repo,
        sender,
        "issues",
        action=action,
        content=lambda: {"issue": shapes.delivered_issue(backend, repo, issue)},
    )


def _announce_comment(backend: Backend, repo: RepositoryRow, sender: UserRow, row: CommentRow, action: str) -> None:
    def content() -> JsonObject:
        issue = _issue_of(backend, row)
        return {
            "issue": shapes.delivered_issue(backend, repo, issue),
            "comment": shapes.comment(backend, repo, row, issue.number),
        }

    announce(backend, repo, sender, "issue_comment", action=action, content=content)
