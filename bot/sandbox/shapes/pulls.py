"""Pull requests as GitHub prints them."""

from __future__ import annotations

from dataclasses import dataclass

from bot.sandbox.backend import Hub
from bot.sandbox.objects import FileDiff, history, merge_base, pull_diff
from bot.sandbox.records import Issue, Pull, Repo
from bot.sandbox.replies import Json
from bot.sandbox.shapes.people import node_id, repository, user_by_id
from bot.sandbox.shapes.talk import conversation, people_of


@dataclass(frozen=True, slots=True)
class Mergeability:
    """Whether a pull request merges cleanly now. ``mergeable`` is None once it is closed."""

    mergeable: bool | None
    state: str


def pull(hub: Hub, repo: Repo, issue: Issue, found: Pull) -> dict[str, Json]:
    """A pull request as lists show it."""
    links, name, number = hub.links, repo.full_name, issue.number
    url, page = links.repo(name, f"/pulls/{number}"), links.page(name, f"/pull/{number}")
    return conversation(hub, repo, issue) | {
        "node_id": node_id("PullRequest", issue.id),
        "url": url,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": links.repo(name, f"/issues/{number}"),
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "comments_url": links.repo(name, f"/issues/{number}/comments"),
        "statuses_url": links.repo(name, f"/statuses/{found.head_sha}"),
        "draft": found.draft,
        "merged_at": found.merged_at,
        "merge_commit_sha": found.merge_sha,
        "requested_reviewers": people_of(hub, issue, "reviewer"),
        "requested_teams": [],
        "auto_merge": None,
        "head": _side(hub, hub.repo_by_id(found.head_repo_id), found.head_ref, found.head_sha),
        "base": _side(hub, repo, found.base_ref, found.base_sha),
        "_links": {"self": {"href": url}, "html": {"href": page}},
    }


def full_pull(hub: Hub, repo: Repo, issue: Issue, found: Pull, merging: Mergeability) -> dict[str, Json]:
    """A pull request as ``GET /pulls/…`` shows it: with counts and mergeability."""
    files, commits = changes(hub, repo, found), own_commits(hub, repo, found)
    return pull(hub, repo, issue, found) | {
        "merged": found.merged_at is not None,
        "mergeable": merging.mergeable,
        "mergeable_state": merging.state,
        "rebaseable": merging.mergeable,
        "merged_by": user_by_id(hub, found.merged_by_id),
        "comments": hub.store.number("SELECT COUNT(*) FROM comment WHERE issue_id = ?", issue.id),
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": len(commits),
        "additions": sum(file.additions for file in files),
        "deletions": sum(file.deletions for file in files),
        "changed_files": len(files),
    }


def changes(hub: Hub, repo: Repo, found: Pull) -> tuple[FileDiff, ...]:
    """The files a pull request changes."""
    return pull_diff(hub.git(repo), found.base_sha, found.head_sha)


def own_commits(hub: Hub, repo: Repo, found: Pull) -> list[str]:
    """The ids of a pull request's own commits, oldest first."""
    git = hub.git(repo)
    base = merge_base(git, found.base_sha, found.head_sha)
    return [str(commit.id) for commit in reversed(list(history(git, found.head_sha, hide=base)))]


def _side(hub: Hub, repo: Repo, ref: str, sha: str) -> dict[str, Json]:
    owner = hub.login(repo.owner)
    return {
        "label": f"{repo.owner}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user_by_id(hub, None if owner is None else owner.id),
        "repo": repository(hub, repo),
    }
