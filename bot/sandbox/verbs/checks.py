"""Commit statuses and check runs, and what they add up to."""

from __future__ import annotations

from bot.sandbox.backend import Repo
from bot.sandbox.records import CheckRunRow, StatusRow, UserRow
from bot.sandbox.replies import JsonObject
from bot.sandbox.shapes import checks as shapes
from bot.sandbox.verbs.announce import announce

FAILURES = frozenset({"failure", "timed_out", "cancelled", "action_required", "startup_failure", "error"})


def set_status(
    repo: Repo, creator: UserRow, sha: str, *, state: str, context: str, text: str | None, url: str | None
) -> StatusRow:
    """A new commit status; the newest per context counts."""
    now = repo.backend.now()
    key = repo.backend.store.insert(
        "status",
        repo_id=repo.id,
        sha=sha,
        state=state,
        context=context,
        description=text,
        target_url=url,
        creator_id=creator.id,
        created_at=now,
    )
    status = StatusRow(key, repo.id, sha, state, context, text, url, creator.id, now)
    announce(
        repo, creator, "status", action=None, content=lambda: shapes.status(repo, status) | {"sha": sha, "name": ""}
    )
    return status


def newest_statuses(repo: Repo, sha: str) -> list[StatusRow]:
    """The newest status of each context, newest first."""
    return repo.backend.store.all(
        StatusRow,
        "SELECT * FROM status WHERE id IN "
        "(SELECT MAX(id) FROM status WHERE repo_id = ? AND sha = ? GROUP BY context) ORDER BY id DESC",
        repo.id,
        sha,
    )


def runs_at(repo: Repo, sha: str) -> list[CheckRunRow]:
    """All check runs of a commit, newest first."""
    return repo.backend.store.all(
        CheckRunRow, "SELECT * FROM check_run WHERE repo_id = ? AND head_sha = ? ORDER BY id DESC", repo.id, sha
    )


def latest_runs(repo: Repo, sha: str) -> list[CheckRunRow]:
    """The newest check run per name and creator, newest first."""
    newest: dict[tuple[str, int], CheckRunRow] = {}
    for run in runs_at(repo, sha):
        newest.setdefault((run.name, run.creator_id), run)
    return list(newest.values())


def worst_state(repo: Repo, sha: str) -> str:
    """``failure``, ``pending``, ``success`` or ``none``, over statuses and check runs of a commit."""
    runs, statuses = latest_runs(repo, sha), newest_statuses(repo, sha)
    outcomes = {run.conclusion or "pending" for run in runs} | {status.state for status in statuses}
    if not outcomes:
        return "none"
    if outcomes & FAILURES:
        return "failure"
    return "pending" if "pending" in outcomes else "success"


def green_contexts(repo: Repo, sha: str) -> frozenset[str]:
    """The names of checks and statuses of a commit that satisfy a required check ("About status checks")."""
    runs = {run.name for run in latest_runs(repo, sha) if run.conclusion in ("success", "skipped", "neutral")}
    return frozenset(runs | {row.context for row in newest_statuses(repo, sha) if row.state == "success"})


def suite_for(repo: Repo, creator: UserRow, sha: str) -> int:
    """The id of ``creator``'s check suite on a commit, made when there was none. Inside a transaction."""
    repo.backend.store.run(
        "INSERT OR IGNORE INTO suite (repo_id, sha, creator_id) VALUES (?, ?, ?)", repo.id, sha, creator.id
    )
    return repo.backend.store.number(
        "SELECT id FROM suite WHERE repo_id = ? AND sha = ? AND creator_id = ?", repo.id, sha, creator.id
    )


def announce_run(repo: Repo, sender: UserRow, run: CheckRunRow, action: str) -> None:
    """Webhooks hear about the run, and about its suite once all of it is completed."""

    def content() -> JsonObject:
        return {"check_run": shapes.check_run(repo, run)}

    announce(repo, sender, "check_run", action=action, content=content)
    runs = [sibling for sibling in runs_at(repo, run.head_sha) if sibling.suite_id == run.suite_id]
    if action == "completed" and all(sibling.status == "completed" for sibling in runs):
        announce(
            repo,
            sender,
            "check_suite",
            action="completed",
            content=lambda: {"check_suite": shapes.suite(repo, run.suite_id, run.head_sha, runs)},
        )
