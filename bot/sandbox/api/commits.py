"""Commits: listed, shown with their files, compared (docs.github.com, "REST API endpoints for commits")."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

import pygit2

from bot.sandbox.backend import Repo
from bot.sandbox.edge import ApiCall, Route
from bot.sandbox.objects import commit_at, diff_trees, history, merge_base, touches
from bot.sandbox.records import IssueRow
from bot.sandbox.replies import ApiProblem, ApiReply, Json, not_found
from bot.sandbox.shapes import code
from bot.sandbox.shapes.pulls import short_pull

_MOST_LISTED = 10_000
# "Compare two commits" and "Get a commit": longer lists end there.
_MOST_COMPARED = 250
_MOST_FILES = 300


def list_commits(call: ApiCall) -> ApiReply:
    """Commits from ``sha`` (branch or id) back, also of one path, author or span of time."""
    repo = call.repo()
    git = repo.git()
    tip = commit_at(git, call.query.get("sha") or repo.default_branch)
    if tip is None:
        raise not_found() if call.query.get("sha") else ApiProblem(409, "Git Repository is empty.")
    matches = (commit for commit in history(git, str(tip.id)) if _matches(call, commit))
    return call.slice(list(islice(matches, _MOST_LISTED)), lambda commit: code.commit(repo, commit))


def get_commit(call: ApiCall) -> ApiReply:
    """One commit with its files and their patches."""
    repo = call.repo()
    commit = commit_of(call, repo)
    old = commit.parents[0].tree if commit.parents else None
    files = diff_trees(old, commit.tree)
    shape = code.commit(repo, commit) | {
        "stats": code.stats(files),
        "files": [code.file_diff(repo, str(commit.id), file) for file in files[:_MOST_FILES]],
    }
    return ApiReply(shape)


def compare(call: ApiCall) -> ApiReply:
    """``base...head``: how far apart two commits are, and what head added since they parted."""
    repo = call.repo()
    git = repo.git()
    base_name, dots, head_name = call.params["basehead"].partition("...")
    base, head = commit_at(git, base_name.rpartition(":")[2]), commit_at(git, head_name.rpartition(":")[2])
    if not dots or base is None or head is None:
        raise not_found()
    start = merge_base(git, str(base.id), str(head.id))
    if start is None:
        raise ApiProblem(404, f"No common ancestor between {base_name} and {head_name}.")
    return ApiReply(_comparison(repo, base, head, git[start].peel(pygit2.Commit)))


def pulls_of_commit(call: ApiCall) -> ApiReply:
    """The pull requests whose head or merge is this commit."""
    repo = call.repo()
    sha = str(commit_of(call, repo).id)
    rows = call.backend.store.all(
        IssueRow,
        "SELECT issue.* FROM issue JOIN pull ON issue_id = issue.id WHERE repo_id = ? AND ? IN (head_sha, merge_sha)",
        repo.id,
        sha,
    )

    def shape(issue: IssueRow) -> Json:
        row = call.backend.pull_half(issue)
        return None if row is None else short_pull(repo, issue, row)

    return call.page(rows, shape, kind="issue")


def commit_of(call: ApiCall, repo: Repo) -> pygit2.Commit:
    """The commit that the path's ``sha`` names, 422 as GitHub words it."""
    name = call.params["sha"]
    commit = commit_at(repo.git(), name)
    if commit is None:
        raise ApiProblem(422, f"No commit found for SHA: {name}")
    return commit


def _comparison(repo: Repo, base: pygit2.Commit, head: pygit2.Commit, start: pygit2.Commit) -> dict[str, Json]:
    git = repo.git()
    ahead, behind = git.ahead_behind(head.id, base.id)
    commits = list(reversed(list(history(git, str(head.id), hide=str(base.id)))))
    files = diff_trees(start.tree, head.tree)
    status_names = {
        (True, True): "diverged",
        (True, False): "ahead",
        (False, True): "behind",
        (False, False): "identical",
    }
    url = repo.url(f"/compare/{base.id}...{head.id}")
    return {
        "url": url,
        "html_url": repo.page(f"/compare/{base.id}...{head.id}"),
        "permalink_url": repo.page(f"/compare/{base.id}...{head.id}"),
        "diff_url": f"{url}.diff",
        "patch_url": f"{url}.patch",
        "base_commit": code.commit(repo, base),
        "merge_base_commit": code.commit(repo, start),
        "status": status_names[ahead > 0, behind > 0],
        "ahead_by": ahead,
        "behind_by": behind,
        "total_commits": len(commits),
        "commits": [code.commit(repo, commit) for commit in commits[:_MOST_COMPARED]],
        "files": [code.file_diff(repo, str(head.id), file) for file in files[:_MOST_FILES]],
    }


def _matches(call: ApiCall, commit: pygit2.Commit) -> bool:
    query = call.query
    if "since" in query and commit.commit_time < datetime.fromisoformat(query["since"]).timestamp():
        return False
    if "until" in query and commit.commit_time > datetime.fromisoformat(query["until"]).timestamp():
        return False
    author = query.get("author")
    if author and author not in (commit.author.email, commit.author.name):
        return False
    return not query.get("path") or touches(commit, query["path"])


_REPO = "/repos/{owner}/{repo}"
ROUTES = (
    Route("GET", _REPO + "/commits", list_commits),
    Route("GET", _REPO + "/commits/{sha:path}/pulls", pulls_of_commit),
    Route("GET", _REPO + "/compare/{basehead:path}", compare),
)
# Below every other route of /commits: ``sha`` takes slashes, for branch names have some.
LAST_ROUTES = (Route("GET", _REPO + "/commits/{sha:path}", get_commit),)
