"""Issues, comments, labels, reactions and issue events as GitHub prints them."""

from __future__ import annotations

from urllib.parse import quote

from bot.sandbox.backend import Backend
from bot.sandbox.records import CommentRow, EventRow, IssueRow, LabelRow, PullRow, ReactionRow, RepositoryRow, UserRow
from bot.sandbox.replies import Json
from bot.sandbox.shapes.people import node_id, user, user_by_id

REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")


def label(backend: Backend, repo: RepositoryRow, found: LabelRow) -> dict[str, Json]:
    """One label."""
    return {
        "id": found.id,
        "node_id": node_id("Label", found.id),
        "url": backend.links.repo(repo.full_name, f"/labels/{quote(found.name)}"),
        "name": found.name,
        "description": found.description,
        "color": found.color,
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


def association(backend: Backend, repo: RepositoryRow, author: int) -> str:
    """GitHub's ``author_association``."""
    person = backend.user(author)
    if person.login.lower() == repo.owner.lower():
        return "OWNER"
    return "COLLABORATOR" if backend.may(repo, person, "write") else "NONE"


def conversation(backend: Backend, repo: RepositoryRow, issue: IssueRow) -> dict[str, Json]:
    """What issues and pull requests have in common."""
    assignees = people_of(backend, issue, "assignee")
    return {
        "id": issue.id,
        "number": issue.number,
        "state": issue.state,
        "locked": False,
        "active_lock_reason": None,
        "title": issue.title,
        "body": issue.body,
        "user": user_by_id(backend, issue.author_id),
        "author_association": association(backend, repo, issue.author_id),
        "labels": [label(backend, repo, found) for found in labels_of(backend, issue)],
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "milestone": None,
        "created_at": issue.created_at,
        "updated_at": issue.updated_at,
        "closed_at": issue.closed_at,
    }


def issue(backend: Backend, repo: RepositoryRow, found: IssueRow) -> dict[str, Json]:
    """An issue, or a pull request seen through the issues API (with the ``pull_request`` key)."""
    url = backend.links.repo(repo.full_name, f"/issues/{found.number}")
    noun = "pull" if found.is_pull else "issues"
    shape = conversation(backend, repo, found) | {
        "node_id": node_id("Issue", found.id),
        "url": url,
        "repository_url": backend.links.repo(repo.full_name),
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "timeline_url": f"{url}/timeline",
        "html_url": backend.links.page(repo.full_name, f"/{noun}/{found.number}"),
        "comments": backend.store.number("SELECT COUNT(*) FROM comment WHERE issue_id = ?", found.id),
        "state_reason": found.state_reason,
        "closed_by": user_by_id(backend, found.closed_by_id),
        "reactions": reactions(backend, f"{url}/reactions", "issue", found.id),
    }
    pull = backend.store.one(PullRow, "SELECT * FROM pull WHERE issue_id = ?", found.id) if found.is_pull else None
    if pull is not None:
        page = backend.links.page(repo.full_name, f"/pull/{found.number}")
        shape["draft"] = pull.draft
        shape["pull_request"] = {
            "url": backend.links.repo(repo.full_name, f"/pulls/{found.number}"),
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": pull.merged_at,
        }
    return shape


def comment(backend: Backend, repo: RepositoryRow, found: CommentRow, number: int) -> dict[str, Json]:
    """A comment on the issue or pull request ``number``."""
    url = backend.links.repo(repo.full_name, f"/issues/comments/{found.id}")
    return {
        "id": found.id,
        "node_id": node_id("IssueComment", found.id),
        "url": url,
        "html_url": backend.links.page(repo.full_name, f"/issues/{number}#issuecomment-{found.id}"),
        "issue_url": backend.links.repo(repo.full_name, f"/issues/{number}"),
        "body": found.body,
        "user": user_by_id(backend, found.author_id),
        "author_association": association(backend, repo, found.author_id),
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "performed_via_github_app": None,
        "reactions": reactions(backend, f"{url}/reactions", "comment", found.id),
    }


def reaction(backend: Backend, found: ReactionRow) -> dict[str, Json]:
    """One reaction."""
    return {
        "id": found.id,
        "node_id": node_id("Reaction", found.id),
        "user": user_by_id(backend, found.user_id),
        "content": found.content,
        "created_at": found.created_at,
    }


def reactions(backend: Backend, url: str, subject: str, key: int) -> dict[str, Json]:
    """How often each reaction was given."""
    rows = backend.store.all(ReactionRow, "SELECT * FROM reaction WHERE subject = ? AND subject_id = ?", subject, key)
    given = [row.content for row in rows]
    counts: dict[str, Json] = {name: given.count(name) for name in REACTIONS}
    return {"url": url, "total_count": len(given), **counts}


def event(backend: Backend, repo: RepositoryRow, found: EventRow) -> dict[str, Json]:
    """One entry of an issue's event list."""
    shape: dict[str, Json] = {
        "id": found.id,
        "node_id": node_id("Event", found.id),
        "url": backend.links.repo(repo.full_name, f"/issues/events/{found.id}"),
        "actor": user_by_id(backend, found.actor_id),
        "event": found.event,
        "commit_id": found.detail if found.event == "merged" else None,
        "commit_url": None,
        "created_at": found.created_at,
    }
    if found.event in ("labeled", "unlabeled"):
        shape["label"] = {"name": found.detail, "color": "ededed"}
    return shape
