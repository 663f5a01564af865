"""Issues and everything that is said on issues and pull requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.sandbox.backend import Hub
from bot.sandbox.records import Comment, Issue, Repo, User
from bot.sandbox.replies import JsonObject, invalid
from bot.sandbox.shapes import pulls as pull_shapes
from bot.sandbox.shapes import talk
from bot.sandbox.verbs import labels
from bot.sandbox.verbs.announce import announce

MAX_BODY = 65536


@dataclass(frozen=True, slots=True)
class Edit:
    """Changes to title and body; None leaves as it is."""

    title: str | None = None
    body: str | None = None


def open_issue(
    hub: Hub,
    repo: Repo,
    author: User,
    *,
    title: str,
    body: str | None,
    label_names: Sequence[str] = (),
    assignees: Sequence[str] = (),
) -> Issue:
    """A new open issue. Labels and assignees are ignored for authors without triage permission, as on GitHub."""
    require_text("Issue", title, body)
    with hub.store.transaction():
        issue = insert(hub, repo, author, title=title, body=body, is_pull=False)
        if hub.may(repo, author, "triage"):
            labels.put(hub, repo, issue, label_names)
            assign(hub, issue, assignees, "assignee")
    _announce(hub, repo, author, issue, "opened")
    return issue


def insert(hub: Hub, repo: Repo, author: User, *, title: str, body: str | None, is_pull: bool) -> Issue:
    """The row of a new issue or pull request with the repository's next number. Inside a transaction."""
    now = hub.now()
    number = hub.store.number("SELECT MAX(number) FROM issue WHERE repo_id = ?", repo.id) + 1
    key = hub.store.insert(
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
    hub.born("issue", key)
    return hub.issue(repo, number)


def require_text(resource: str, title: str, body: str | None) -> None:
    """422 for a blank title or texts longer than GitHub takes (256 and 65,536 characters)."""
    if not title.strip():
        raise invalid(resource, "title", "missing_field")
    if len(title) > 256:
        raise invalid(resource, "title", "custom", "title is too long (maximum is 256 characters)")
    if body is not None and len(body) > MAX_BODY:
        raise invalid(resource, "body", "custom", f"body is too long (maximum is {MAX_BODY} characters)")


def edit(hub: Hub, repo: Repo, actor: User, issue: Issue, change: Edit) -> None:
    """Title and body are as ``change`` says."""
    title = issue.title if change.title is None else change.title
    body = issue.body if change.body is None else change.body
    require_text("Issue", title, body)
    if (title, body) == (issue.title, issue.body):
        return
    hub.store.update("issue", issue.id, title=title, body=body, updated_at=hub.now())
    _announce(hub, repo, actor, hub.issue(repo, issue.number), "edited")


def close(hub: Hub, repo: Repo, actor: User, issue: Issue, *, reason: str | None = None) -> None:
    """The issue or pull request is closed by ``actor``."""
    if issue.state == "closed":
        return
    now = hub.now()
    with hub.store.transaction():
        hub.store.update(
            "issue",
            issue.id,
            state="closed",
            closed_at=now,
            updated_at=now,
            closed_by_id=actor.id,
            state_reason=None if issue.is_pull else reason or "completed",
        )
        note(hub, issue, actor, "closed")
    _announce(hub, repo, actor, hub.issue(repo, issue.number), "closed")


def reopen(hub: Hub, repo: Repo, actor: User, issue: Issue) -> None:
    """The issue or unmerged pull request is open again."""
    if issue.state == "open":
        return
    with hub.store.transaction():
        hub.store.update(
            "issue",
            issue.id,
            state="open",
            closed_at=None,
            closed_by_id=None,
            updated_at=hub.now(),
            state_reason=None if issue.is_pull else "reopened",
        )
        note(hub, issue, actor, "reopened")
    _announce(hub, repo, actor, hub.issue(repo, issue.number), "reopened")


def comment(hub: Hub, repo: Repo, author: User, issue: Issue, body: str) -> Comment:
    """A new comment."""
    _require_comment(body)
    now = hub.now()
    with hub.store.transaction():
        key = hub.store.insert(
            "comment",
            repo_id=repo.id,
            issue_id=issue.id,
            author_id=author.id,
            body=body,
            created_at=now,
            updated_at=now,
        )
        hub.born("comment", key)
        hub.store.update("issue", issue.id, updated_at=now)
    created = Comment(key, repo.id, issue.id, author.id, body, now, now)
    _announce_comment(hub, repo, author, created, "created")
    return created


def edit_comment(hub: Hub, repo: Repo, actor: User, found: Comment, body: str) -> Comment:
    """The comment says ``body`` now."""
    _require_comment(body)
    now = hub.now()
    hub.store.update("comment", found.id, body=body, updated_at=now)
    edited = Comment(found.id, found.repo_id, found.issue_id, found.author_id, body, found.created_at, now)
    _announce_comment(hub, repo, actor, edited, "edited")
    return edited


def delete_comment(hub: Hub, repo: Repo, actor: User, found: Comment) -> None:
    """The comment is gone."""
    hub.store.run("DELETE FROM comment WHERE id = ?", found.id)
    _announce_comment(hub, repo, actor, found, "deleted")


def assign(hub: Hub, issue: Issue, logins: Sequence[str], role: str) -> None:
    """These accounts (unknown ones are ignored) are added in ``role``: assignee or reviewer."""
    for person in filter(None, (hub.login(login) for login in logins)):
        hub.store.run("INSERT OR IGNORE INTO assigned VALUES (?, ?, ?)", issue.id, person.id, role)


def note(hub: Hub, issue: Issue, actor: User, event: str, detail: str | None = None) -> None:
    """Add to the issue's event list."""
    hub.store.insert("event", issue_id=issue.id, actor_id=actor.id, event=event, detail=detail, created_at=hub.now())


def _require_comment(body: str) -> None:
    if not body.strip():
        raise invalid("IssueComment", "body", "missing_field")
    if len(body) > MAX_BODY:
        raise invalid("IssueComment", "body", "custom", f"body is too long (maximum is {MAX_BODY} characters)")


def _issue_of(hub: Hub, found: Comment) -> Issue:
    issue = hub.store.one(Issue, "SELECT * FROM issue WHERE id = ?", found.issue_id)
    if issue is None:  # a foreign row: the comment's issue is never deleted
        raise LookupError(found.issue_id)
    return issue


def _announce(hub: Hub, repo: Repo, sender: User, issue: Issue, action: str) -> None:
    def content() -> JsonObject:
        if not issue.is_pull:
            return {"issue": talk.issue(hub, repo, issue)}
        found = hub.pull(repo, issue.number)[1]
        return {"number": issue.number, "pull_request": pull_shapes.pull(hub, repo, issue, found)}

    announce(hub, repo, sender, "pull_request" if issue.is_pull else "issues", action=action, content=content)


def _announce_comment(hub: Hub, repo: Repo, sender: User, said: Comment, action: str) -> None:
    def content() -> JsonObject:
        issue = _issue_of(hub, said)
        return {"issue": talk.issue(hub, repo, issue), "comment": talk.comment(hub, repo, said, issue.number)}

    announce(hub, repo, sender, "issue_comment", action=action, content=content)
