"""Issues, comments, labels, reactions and issue events as GitHub prints them."""

from __future__ import annotations

from urllib.parse import quote

from bot.sandbox.backend import Backend, Repo
from bot.sandbox.records import CommentRow, EventRow, IssueRow, LabelRow, ReactionRow, UserRow
from bot.sandbox.replies import Json
from bot.sandbox.shapes.accounts import node_id, user, user_by_id

REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")


def label(repo: Repo, row: LabelRow) -> dict[str, Json]:
    """One label."""
    return {
        "id": row.id,
        "node_id": node_id("Label", row.id),
        "url": repo.url(f"/labels/{quote(row.name)}"),
        "name": row.name,
        "description": row.description,
        "color": row.color,
        "default": False,
    }


def labels_of(backend: Backend, issue: IssueRow) -> list[LabelRow]:
    """The labels on an issue or pull request, by name."""
    return backend.store.all(
        LabelRow,
        "SELECT label.* FROM label JOIN issue_label ON label_id = label.id WHERE issue_id = ? ORDER BY name",
        issue.id,
    )


def people_of(backend: Backend, issue: IssueRow, role: str) -> list[Json]:
    """The accounts in ``role`` (assignee, reviewer) of an issue."""
    rows = backend.store.all(
        UserRow,
        "SELECT user.* FROM user JOIN assigned ON user_id = user.id WHERE issue_id = ? AND role = ? ORDER BY login",
        issue.id,
        role,
    )
    return [user(backend, row) for row in rows]


def association(repo: Repo, author: int) -> str:
    """GitHub's ``author_association``."""
    person = repo.backend.user(author)
    if person.login.lower() == repo.owner.lower():
        return "OWNER"
    return "COLLABORATOR" if repo.may(person, "write") else "NONE"


def conversation(repo: Repo, issue: IssueRow) -> dict[str, Json]:
    """What issues and pull requests have in common."""
    assignees = people_of(repo.backend, issue, "assignee")
    return {
        "id": issue.id,
        "number": issue.number,
        "state": issue.state,
        "locked": False,
        "active_lock_reason": None,
        "title": issue.title,
        "body": issue.body,
        "user": user_by_id(repo.backend, issue.author_id),
        "author_association": association(repo, issue.author_id),
        "labels": [label(repo, row) for row in labels_of(repo.backend, issue)],
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "milestone": None,
        "created_at": issue.created_at,
        "updated_at": issue.updated_at,
        "closed_at": issue.closed_at,
    }


def delivered_issue(repo: Repo, row: IssueRow) -> dict[str, Json]:
    """The same as deliveries show it: who closed it is their sender."""
    return {name: value for name, value in issue(repo, row).items() if name != "closed_by"}


def issue(repo: Repo, row: IssueRow) -> dict[str, Json]:
    """An issue, or a pull request seen through the issues API (with the ``pull_request`` key)."""
    url = repo.url(f"/issues/{row.number}")
    noun = "pull" if row.is_pull else "issues"
    shape = conversation(repo, row) | {
        "node_id": node_id("Issue", row.id),
        "url": url,
        "repository_url": repo.url(),
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "timeline_url": f"{url}/timeline",
        "html_url": repo.page(f"/{noun}/{row.number}"),
        "comments": repo.backend.store.number("SELECT COUNT(*) FROM comment WHERE issue_id = ?", row.id),
        "state_reason": row.state_reason,
        "closed_by": user_by_id(repo.backend, row.closed_by_id),
        "reactions": reactions(repo.backend, f"{url}/reactions", "issue", row.id),
    }
    pull = repo.backend.pull_half(row)
    if pull is not None:
        page = repo.page(f"/pull/{row.number}")
        shape["draft"] = pull.draft
        shape["pull_request"] = {
            "url": repo.url(f"/pulls/{row.number}"),
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": pull.merged_at,
        }
    return shape


def comment(repo: Repo, row: CommentRow, number: int) -> dict[str, Json]:
    """A comment on the issue or pull request ``number``."""
    url = repo.url(f"/issues/comments/{row.id}")
    return {
        "id": row.id,
        "node_id": node_id("IssueComment", row.id),
        "url": url,
        "html_url": repo.page(f"/issues/{number}#issuecomment-{row.id}"),
        "issue_url": repo.url(f"/issues/{number}"),
        "body": row.body,
        "user": user_by_id(repo.backend, row.author_id),
        "author_association": association(repo, row.author_id),
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "performed_via_github_app": None,
        "reactions": reactions(repo.backend, f"{url}/reactions", "comment", row.id),
    }


def reaction(backend: Backend, row: ReactionRow) -> dict[str, Json]:
    """One reaction."""
    return {
        "id": row.id,
        "node_id": node_id("Reaction", row.id),
        "user": user_by_id(backend, row.user_id),
        "content": row.content,
        "created_at": row.created_at,
    }


def reactions(backend: Backend, url: str, subject: str, key: int) -> dict[str, Json]:
    """How often each reaction was given."""
    rows = backend.store.all(ReactionRow, "SELECT * FROM reaction WHERE subject = ? AND subject_id = ?", subject, key)
    contents = [row.content for row in rows]
    counts: dict[str, Json] = {name: contents.count(name) for name in REACTIONS}
    return {"url": url, "total_count": len(contents), **counts}


def event(repo: Repo, row: EventRow) -> dict[str, Json]:
    """One entry of an issue's event list."""
    shape: dict[str, Json] = {
        "id": row.id,
        "node_id": node_id("Event", row.id),
        "url": repo.url(f"/issues/events/{row.id}"),
        "actor": user_by_id(repo.backend, row.actor_id),
        "event": row.event,
        "commit_id": row.detail if row.event == "merged" else None,
        "commit_url": None,
        "created_at": row.created_at,
    }
    if row.event in ("labeled", "unlabeled"):
        shape["label"] = {"name": row.detail, "color": "ededed"}
    return shape
