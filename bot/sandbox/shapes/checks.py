"""Commit statuses, check runs and check suites as GitHub prints them, and webhooks' own records."""

from __future__ import annotations

from collections.abc import Sequence

from bot.sandbox.backend import Repo
from bot.sandbox.records import AnnotationRow, CheckRunRow, DeliveryRow, HookRow, PullRow, StatusRow
from bot.sandbox.replies import Json
from bot.sandbox.shapes.accounts import node_id, owner, repository, user_by_id

_HIDDEN = "*" * 8


def status(repo: Repo, row: StatusRow) -> dict[str, Json]:
    """One commit status."""
    return {
        "id": row.id,
        "node_id": node_id("Status", row.id),
        "url": repo.url(f"/statuses/{row.sha}"),
        "avatar_url": None,
        "state": row.state,
        "context": row.context,
        "description": row.description,
        "target_url": row.target_url,
        "created_at": row.created_at,
        "updated_at": row.created_at,
        "creator": user_by_id(repo.backend, row.creator_id),
    }


def combined(repo: Repo, sha: str, newest: Sequence[StatusRow]) -> dict[str, Json]:
    """The combined status of the newest status per context."""
    states = {row.state for row in newest}
    failed, passed = states & {"failure", "error"}, states == {"success"}
    state = "failure" if failed else "success" if passed else "pending"
    return {
        "state": state,
        "statuses": [status(repo, row) for row in newest],
        "sha": sha,
        "total_count": len(newest),
        "repository": repository(repo),
        "commit_url": repo.url(f"/commits/{sha}"),
        "url": repo.url(f"/commits/{sha}/status"),
    }


def check_run(repo: Repo, row: CheckRunRow) -> dict[str, Json]:
    """One check run."""
    url = repo.url(f"/check-runs/{row.id}")
    page = repo.page(f"/runs/{row.id}")
    count = repo.backend.store.number("SELECT COUNT(*) FROM annotation WHERE check_run_id = ?", row.id)
    return {
        "id": row.id,
        "node_id": node_id("CheckRun", row.id),
        "head_sha": row.head_sha,
        "external_id": row.external_id,
        "name": row.name,
        "url": url,
        "html_url": page,
        "details_url": row.details_url or page,
        "status": row.status,
        "conclusion": row.conclusion,
        "started_at": row.started_at,
        "completed_at": row.completed_at,
        "output": {
            "title": row.title,
            "summary": row.summary,
            "text": row.text,
            "annotations_count": count,
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": row.suite_id},
        "app": app(repo, row.creator_id),
        "pull_requests": pulls_at(repo, row.head_sha),
    }


def app(repo: Repo, creator: int) -> dict[str, Json]:
    """The app whose token wrote a check run."""
    account = repo.backend.user(creator)
    slug = account.login.removesuffix("[bot]")
    return {
        "id": creator,
        "slug": slug,
        "node_id": node_id("App", creator),
        "name": slug,
        "owner": owner(repo),
        "description": None,
        "external_url": f"{repo.backend.links.root}/{slug}",
        "html_url": f"{repo.backend.links.root}/apps/{slug}",
        "created_at": account.created_at,
        "updated_at": account.created_at,
        "permissions": {"checks": "write", "contents": "write", "issues": "write", "pull_requests": "write"},
        "events": [],
    }


def pulls_at(repo: Repo, sha: str) -> list[Json]:
    """The open pull requests whose head is ``sha``, in the short form of check runs."""
    rows = repo.backend.store.all(
        PullRow,
        "SELECT pull.* FROM pull JOIN issue ON issue.id = issue_id WHERE repo_id = ? AND head_sha = ? AND state = 'open'",
        repo.id,
        sha,
    )
    return [_pull_reference(repo, row) for row in rows]


def _pull_reference(repo: Repo, row: PullRow) -> dict[str, Json]:
    number = repo.backend.store.number("SELECT number FROM issue WHERE id = ?", row.issue_id)
    short: dict[str, Json] = {"id": repo.id, "name": repo.name, "url": repo.url()}
    return {
        "id": row.issue_id,
        "number": number,
        "url": repo.url(f"/pulls/{number}"),
        "head": {"ref": row.head_ref, "sha": row.head_sha, "repo": short},
        "base": {"ref": row.base_ref, "sha": row.base_sha, "repo": short},
    }


def annotation(repo: Repo, row: AnnotationRow, sha: str) -> dict[str, Json]:
    """One annotation of a check run on ``sha``."""
    return {
        "path": row.path,
        "blob_href": repo.page(f"/blob/{sha}/{row.path}"),
        "start_line": row.start_line,
        "end_line": row.end_line,
        "start_column": row.start_column,
        "end_column": row.end_column,
        "annotation_level": row.annotation_level,
        "title": row.title,
        "message": row.message,
        "raw_details": row.raw_details,
    }


def suite(repo: Repo, key: int, sha: str, runs: Sequence[CheckRunRow]) -> dict[str, Json]:
    """A check suite with the worst conclusion of its runs."""
    is_done = all(run.status == "completed" for run in runs)
    conclusions = {run.conclusion for run in runs}
    worst = next(
        (
            conclusion
            for conclusion in ("failure", "timed_out", "cancelled", "action_required")
            if conclusion in conclusions
        ),
        "success",
    )
    return {
        "id": key,
        "node_id": node_id("CheckSuite", key),
        "head_sha": sha,
        "head_branch": None,
        "status": "completed" if is_done and runs else "queued",
        "conclusion": worst if is_done and runs else None,
        "url": repo.url(f"/check-suites/{key}"),
        "check_runs_url": repo.url(f"/check-suites/{key}/check-runs"),
        "latest_check_runs_count": len(runs),
        "pull_requests": pulls_at(repo, sha),
    }


def hook(repo: Repo, row: HookRow) -> dict[str, Json]:
    """A webhook; its secret is never shown."""
    url = repo.url(f"/hooks/{row.id}")
    config: dict[str, Json] = {"url": row.url, "content_type": "json", "insecure_ssl": "0"}
    if row.secret:
        config["secret"] = _HIDDEN
    return {
        "type": "Repository",
        "id": row.id,
        "name": "web",
        "active": row.active,
        "events": row.events.split(","),
        "config": config,
        "created_at": row.created_at,
        "updated_at": row.created_at,
        "url": url,
        "test_url": f"{url}/test",
        "ping_url": f"{url}/pings",
        "deliveries_url": f"{url}/deliveries",
        "last_response": {"code": None, "status": "unused", "message": None},
    }


def delivery(row: DeliveryRow) -> dict[str, Json]:
    """A delivery as the list of a hook shows it."""
    return {
        "id": row.id,
        "guid": row.guid,
        "delivered_at": row.delivered_at,
        "redelivery": row.redelivery,
        "duration": 0.0,
        "status": "OK" if 200 <= row.status_code < 300 else "failed to connect to host",
        "status_code": max(row.status_code, 0),
        "event": row.event,
        "action": row.action,
        "installation_id": None,
        "repository_id": None,
    }
