"""What the pages show, gathered from the sandbox's state. The templates only arrange it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

import pygit2

from bot.sandbox.backend import Backend, Repo, stamp
from bot.sandbox.bare_repositories import listing
from bot.sandbox.objects import commit_at, entry_at, history
from bot.sandbox.records import (
    AnnotationRow,
    CheckRunRow,
    CommentRow,
    EventRow,
    IssueRow,
    LabelRow,
    PullRow,
    StatusRow,
    UserRow,
)
from bot.sandbox.replies import not_found
from bot.sandbox.shapes.issues import labels_of
from bot.sandbox.verbs import checks


@dataclass(frozen=True, slots=True)
class CommitView:
    """One commit's header."""

    sha: str
    title: str
    body: str
    author: str
    at: str
    parents: tuple[str, ...]
    state: str


@dataclass(frozen=True, slots=True)
class EntryView:
    """One line of a folder listing."""

    name: str
    path: str
    folder: bool
    size: int


@dataclass(frozen=True, slots=True)
class ThreadView:
    """One line of the list of issues or pull requests. ``state`` is open, draft, merged or closed."""

    issue: IssueRow
    state: str
    author: UserRow
    labels: tuple[LabelRow, ...]
    comments: int
    checks: str


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """A comment or event in a conversation; exactly one of both is there."""

    at: str
    person: UserRow
    comment: CommentRow | None = None
    event: EventRow | None = None


@dataclass(frozen=True, slots=True)
class CheckView:
    """A check run (with annotations) or a commit status as one line of the checks box. ``state`` names its colour."""

    name: str
    state: str
    label: str
    title: str
    summary: str
    text: str
    by: str
    url: str | None
    annotations: tuple[AnnotationRow, ...] = ()


@dataclass(frozen=True, slots=True)
class RepoView:
    """What every page of one repository shows in its head."""

    repo: Repo
    clone_url: str
    open_issues: int
    open_pulls: int
    branches: tuple[str, ...]


def repo_view(repo: Repo) -> RepoView:
    """Counts and branches of ``repo``."""
    sql = "SELECT COUNT(*) FROM issue WHERE repo_id = ? AND state = 'open' AND is_pull = ?"
    heads = listing(repo.git(), "refs/heads/")
    names = sorted(
        (name.removeprefix("refs/heads/") for name in heads), key=lambda name: (name != repo.default_branch, name)
    )
    open_issues, open_pulls = (repo.backend.store.number(sql, repo.id, is_pull) for is_pull in (False, True))
    return RepoView(repo, repo.backend.links.git(repo.full_name), open_issues, open_pulls, tuple(names))


def locate(git: pygit2.Repository, ref_and_path: str) -> tuple[str, str, pygit2.Commit]:
    """Branch (or id), path and commit of an address like ``feature/x/k8s/app.yaml``; 404 when nothing fits."""
    parts = ref_and_path.strip("/").split("/")
    for size in range(1, len(parts) + 1):
        rev = "/".join(parts[:size])
        commit = commit_at(git, rev)
        if commit is not None:
            return rev, "/".join(parts[size:]), commit
    raise not_found()


def folder(tree: pygit2.Tree, path: str) -> list[EntryView]:
    """The entries of the folder at ``path``, folders first."""
    node = entry_at(tree, path)
    if not isinstance(node, pygit2.Tree):
        raise not_found()
    prefix = f"{path}/" if path else ""
    rows = [
        EntryView(
            entry.name or "",
            f"{prefix}{entry.name}",
            isinstance(entry, pygit2.Tree),
            entry.size if isinstance(entry, pygit2.Blob) else 0,
        )
        for entry in node
    ]
    return sorted(rows, key=lambda row: (not row.folder, row.name.lower()))


def commit_view(repo: Repo, commit: pygit2.Commit) -> CommitView:
    """``commit`` with the state of its checks."""
    title, _, message_rest = commit.message.partition("\n")
    at = stamp(datetime.fromtimestamp(commit.commit_time, UTC))
    parents = tuple(str(parent) for parent in commit.parent_ids)
    state = checks.worst_state(repo, str(commit.id))
    return CommitView(str(commit.id), title, message_rest.strip("\n"), commit.author.name, at, parents, state)


def recent(repo: Repo, tip: pygit2.Commit, *, limit: int) -> list[CommitView]:
    """The newest commits reachable from ``tip``."""
    newest = islice(history(repo.git(), str(tip.id)), limit)
    return [commit_view(repo, commit) for commit in newest]


def thread_state(issue: IssueRow, pull: PullRow | None) -> str:
    """open, draft, merged or closed."""
    if pull is not None and pull.merged_at is not None:
        return "merged"
    if pull is not None and pull.draft and issue.state == "open":
        return "draft"
    return issue.state


def threads(repo: Repo, *, pulls: bool, label: str) -> list[ThreadView]:
    """Issues, or pull requests, newest first."""
    sql = "SELECT * FROM issue WHERE repo_id = ? AND is_pull = ? ORDER BY number DESC"
    views = [_thread(repo, row) for row in repo.backend.store.all(IssueRow, sql, repo.id, pulls)]
    return [view for view in views if not label or label in {row.name for row in view.labels}]


def _thread(repo: Repo, issue: IssueRow) -> ThreadView:
    pull = repo.backend.pull_half(issue)
    comments = repo.backend.store.number("SELECT COUNT(*) FROM comment WHERE issue_id = ?", issue.id)
    state = "none" if pull is None else checks.worst_state(repo, pull.head_sha)
    labels = tuple(labels_of(repo.backend, issue))
    return ThreadView(issue, thread_state(issue, pull), repo.backend.user(issue.author_id), labels, comments, state)


def timeline(backend: Backend, issue: IssueRow) -> list[TimelineItem]:
    """Comments and events in the order in which they happened."""
    comments = backend.store.all(CommentRow, "SELECT * FROM comment WHERE issue_id = ? ORDER BY id", issue.id)
    events = backend.store.all(EventRow, "SELECT * FROM event WHERE issue_id = ? ORDER BY id", issue.id)
    commented = [TimelineItem(row.created_at, backend.user(row.author_id), comment=row) for row in comments]
    happened = [TimelineItem(row.created_at, backend.user(row.actor_id), event=row) for row in events]
    merged = any(row.event == "merged" for row in events)
    happened = [row for row in happened if not (merged and row.event is not None and row.event.event == "closed")]
    return sorted([*commented, *happened], key=lambda row: row.at)


def checks_of(repo: Repo, sha: str) -> list[CheckView]:
    """Check runs and statuses of a commit, what failed first."""
    runs = [run_view(repo.backend, run) for run in checks.latest_runs(repo, sha)]
    statuses = [_status_view(repo.backend, status) for status in checks.newest_statuses(repo, sha)]
    order = ("failure", "pending", "neutral", "success")
    return sorted([*runs, *statuses], key=lambda row: (order.index(row.state), row.name))


def run_view(backend: Backend, run: CheckRunRow) -> CheckView:
    """One check run with everything it says."""
    rows = backend.store.all(AnnotationRow, "SELECT * FROM annotation WHERE check_run_id = ? ORDER BY id", run.id)
    outcome = run.conclusion or run.status
    return CheckView(
        run.name,
        _colour(outcome),
        outcome.replace("_", " "),
        run.title or "",
        run.summary or "",
        run.text or "",
        backend.user(run.creator_id).login,
        f"/runs/{run.id}",
        tuple(rows),
    )


def _status_view(backend: Backend, status: StatusRow) -> CheckView:
    by = backend.user(status.creator_id).login
    title = status.description or ""
    return CheckView(status.context, _colour(status.state), status.state, title, "", "", by, status.target_url)


def _colour(outcome: str) -> str:
    if outcome in checks.FAILURES:
        return "failure"
    if outcome in ("queued", "in_progress", "pending"):
        return "pending"
    return "success" if outcome == "success" else "neutral"
