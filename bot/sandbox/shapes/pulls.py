"""Pull requests as GitHub prints them."""

from __future__ import annotations

from dataclasses import dataclass

from bot.sandbox.backend import Backend, Repo
from bot.sandbox.objects import FileDiff, history, merge_base, pull_diff
from bot.sandbox.records import IssueRow, PullRow
from bot.sandbox.replies import Json
from bot.sandbox.shapes.accounts import node_id, repository, user_by_id
from bot.sandbox.shapes.issues import conversation, people_of


@dataclass(frozen=True, slots=True)
class Mergeability:
    """Whether a pull request merges cleanly now. ``mergeable`` is None once it is closed."""

    mergeable: bool | None
    state: str


def short_pull(repo: Repo, issue: IssueRow, row: PullRow) -> dict[str, Json]:
    """A pull request as lists show it."""
    links, name, number = repo.backend.links, repo.full_name, issue.number
    url, page = links.repo(name, f"/pulls/{number}"), links.page(name, f"/pull/{number}")
    return conversation(repo, issue) | {
        "node_id": node_id("PullRequest", issue.id),
        "url": url,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": links.repo(name, f"/issues/{number}"),
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "comments_url": links.repo(name, f"/issues/{number}/comments"),
        "statuses_url": links.repo(name, f"/statuses/{row.head_sha}"),
        "draft": row.draft,
        "merged_at": row.merged_at,
        "merge_commit_sha": row.merge_sha,
        "requested_reviewers": people_of(repo.backend, issue, "reviewer"),
        "requested_teams": [],
        "auto_merge": _auto_merge(repo.backend, row),
        "head": _side(repo.backend.repo_by_id(row.head_repo_id), row.head_ref, row.head_sha),
        "base": _side(repo, row.base_ref, row.base_sha),
        "review_comment_url": f"{links.repo(name, '/pulls/comments')}{{/number}}",
        "_links": {
            "self": {"href": url},
            "html": {"href": page},
            "issue": {"href": links.repo(name, f"/issues/{number}")},
            "comments": {"href": links.repo(name, f"/issues/{number}/comments")},
            "review_comments": {"href": f"{url}/comments"},
            "review_comment": {"href": f"{links.repo(name, '/pulls/comments')}{{/number}}"},
            "commits": {"href": f"{url}/commits"},
            "statuses": {"href": links.repo(name, f"/statuses/{row.head_sha}")},
        },
    }


def full_pull(repo: Repo, issue: IssueRow, row: PullRow, merging: Mergeability) -> dict[str, Json]:
    """A pull request as ``GET /pulls/…`` shows it: with counts and mergeability."""
    files, commits = changes(repo, row), own_commits(repo, row)
    return short_pull(repo, issue, row) | {
        "merged": row.merged_at is not None,
        "mergeable": merging.mergeable,
        "mergeable_state": merging.state,
        "rebaseable": merging.mergeable,
        "merged_by": user_by_id(repo.backend, row.merged_by_id),
        "comments": repo.backend.store.number("SELECT COUNT(*) FROM comment WHERE issue_id = ?", issue.id),
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": len(commits),
        "additions": sum(file.additions for file in files),
        "deletions": sum(file.deletions for file in files),
        "changed_files": len(files),
    }


def changes(repo: Repo, row: PullRow) -> tuple[FileDiff, ...]:
    """The files a pull request changes."""
    return pull_diff(repo.git(), row.base_sha, row.head_sha)


def own_commits(repo: Repo, row: PullRow) -> list[str]:
    """The ids of a pull request's own commits, oldest first."""
    git = repo.git()
    base = merge_base(git, row.base_sha, row.head_sha)
    return [str(commit.id) for commit in reversed(list(history(git, row.head_sha, hide=base)))]


def _auto_merge(backend: Backend, row: PullRow) -> dict[str, Json] | None:
    if row.auto_merge_by_id is None:
        return None
    return {
        "enabled_by": user_by_id(backend, row.auto_merge_by_id),
        "merge_method": row.auto_merge_method or "merge",
        "commit_title": None,
        "commit_message": None,
    }


def _side(repo: Repo, ref: str, sha: str) -> dict[str, Json]:
    owner = repo.backend.login(repo.owner)
    return {
        "label": f"{repo.owner}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user_by_id(repo.backend, None if owner is None else owner.id),
        "repo": repository(repo),
    }
