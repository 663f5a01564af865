"""Commit statuses and check runs through the API (docs.github.com, "REST API endpoints for check runs", "… commit statuses").

Check runs are for GitHub Apps; other tokens get 403. An app changes its own runs alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from bot.sandbox.api.commits import commit_of
from bot.sandbox.backend import Repo, not_accessible
from bot.sandbox.edge import ApiCall, RequestBody, Route
from bot.sandbox.objects import commit_at
from bot.sandbox.records import AnnotationRow, CheckRunRow, StatusRow, UserRow
from bot.sandbox.replies import ApiReply, forbidden, invalid, not_supplied, unprocessable
from bot.sandbox.shapes import checks as shapes
from bot.sandbox.verbs import checks, queue

MOST_ANNOTATIONS = 50
"""In one request; further requests add to those that are there."""
_STATES = ("error", "failure", "pending", "success")
_CONCLUSIONS = (
    "action_required",
    "cancelled",
    "failure",
    "neutral",
    "success",
    "skipped",
    "stale",
    "timed_out",
)


class NewStatus(RequestBody):
    """Body of ``POST …/statuses/SHA``."""

    state: str
    target_url: str | None = None
    description: str | None = None
    context: str = "default"


class AnnotationInput(RequestBody):
    """One annotation of a request."""

    path: str
    start_line: int
    end_line: int
    annotation_level: Literal["notice", "warning", "failure"]
    message: str
    start_column: int | None = None
    end_column: int | None = None
    title: str | None = Field(default=None, max_length=255)
    raw_details: str | None = None


class Output(RequestBody):
    """``output`` of a check run."""

    title: str | None = None
    summary: str | None = Field(default=None, max_length=65535)
    text: str | None = Field(default=None, max_length=65535)
    annotations: tuple[AnnotationInput, ...] = ()


class CheckEdit(RequestBody):
    """Body of ``PATCH …/check-runs/N``."""

    name: str | None = None
    status: Literal["queued", "in_progress", "completed"] | None = None
    conclusion: str | None = None
    external_id: str | None = None
    details_url: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    output: Output | None = None


class NewCheck(CheckEdit):
    """Body of ``POST …/check-runs``."""

    head_sha: str


def new_status(call: ApiCall) -> ApiReply:
    """A commit status."""
    repo, request = call.repo("write"), call.body(NewStatus)
    require_status("Status", request.state, _STATES, request.description or "")
    sha = str(commit_of(call, repo).id)
    status = checks.set_status(
        repo,
        call.person(),
        sha,
        state=request.state,
        context=request.context,
        text=request.description,
        url=request.target_url,
    )
    queue.settle(repo, sha)
    return ApiReply(shapes.status(repo, status), 201)


def require_status(resource: str, state: str, states: Sequence[str], description: str) -> None:
    """422 as GitHub words it for a state that is none, and for too long a description."""
    if state not in states:
        raise invalid(resource, "state", "custom", "state is not included in the list")
    if len(description) > 140:
        raise invalid(resource, "description", "custom", "description is too long (maximum is 140 characters)")


def list_statuses(call: ApiCall) -> ApiReply:
    """All statuses of a commit, newest first."""
    repo, sha = _commit(call)
    sql = "SELECT * FROM status WHERE repo_id = ? AND sha = ? ORDER BY id DESC"
    rows = call.backend.store.all(StatusRow, sql, repo.id, sha)
    return call.slice(rows, lambda row: shapes.status(repo, row))


def combined_status(call: ApiCall) -> ApiReply:
    """What the statuses of a commit add up to."""
    repo, sha = _commit(call)
    return ApiReply(shapes.combined(repo, sha, checks.newest_statuses(repo, sha)))


def new_check(call: ApiCall) -> ApiReply:
    """A new check run. Only tokens that may write checks."""
    repo, request = call.repo("read"), call.body(NewCheck)
    actor = _checker(call, repo)
    if not request.name:
        raise not_supplied("name")
    if commit_at(repo.git(), request.head_sha) is None:
        raise unprocessable(f"No commit found for SHA: {request.head_sha}")
    _require(request)
    key = _insert(call, repo, actor, request)
    call.backend.born("check_run", key)
    run = _run(call, repo, key)
    checks.announce_run(repo, actor, run, "completed" if run.status == "completed" else "created")
    queue.settle(repo, run.head_sha)
    return ApiReply(shapes.check_run(repo, run), 201)


def edit_check(call: ApiCall) -> ApiReply:
    """The check run moves on; annotations are added to those it has."""
    repo, request = call.repo("read"), call.body(CheckEdit)
    actor, run = _checker(call, repo), _run(call, repo, call.number("run"))
    if run.creator_id != actor.id:
        raise forbidden("Invalid app_id `" + str(actor.id) + "` - check run can only be modified by the GitHub App")
    _require(request)
    with call.backend.store.transaction():
        call.backend.store.update("check_run", run.id, **_columns(call, request, run))
        _add_annotations(call, run.id, request)
    fresh = _run(call, repo, run.id)
    if fresh.status == "completed":
        checks.announce_run(repo, actor, fresh, "completed")
        queue.settle(repo, fresh.head_sha)
    return ApiReply(shapes.check_run(repo, fresh))


def get_check(call: ApiCall) -> ApiReply:
    """One check run."""
    repo = call.repo()
    return ApiReply(shapes.check_run(repo, _run(call, repo, call.number("run"))))


def list_annotations(call: ApiCall) -> ApiReply:
    """The annotations of a check run in the order in which they came."""
    repo = call.repo()
    run = _run(call, repo, call.number("run"))
    rows = call.backend.store.all(AnnotationRow, "SELECT * FROM annotation WHERE check_run_id = ? ORDER BY id", run.id)
    return call.slice(rows, lambda row: shapes.annotation(repo, row, run.head_sha))


def checks_of_commit(call: ApiCall) -> ApiReply:
    """The check runs of a commit: the latest per name unless ``filter=all``, by ``check_name`` and ``status``."""
    (repo, sha), query = _commit(call), call.query
    source = checks.runs_at if query.get("filter") == "all" else checks.latest_runs
    rows = [run for run in source(repo, sha) if query.get("check_name") in (None, run.name)]
    rows = [run for run in rows if query.get("status") in (None, run.status)]
    return call.page(rows, lambda row: shapes.check_run(repo, row), kind="check_run", key="check_runs")


def suites_of_commit(call: ApiCall) -> ApiReply:
    """The check suites of a commit."""
    repo, sha = _commit(call)
    suites: dict[int, list[CheckRunRow]] = {}
    for run in checks.latest_runs(repo, sha):
        suites.setdefault(run.suite_id, []).append(run)
    rows = sorted(suites.items())
    return call.slice(rows, lambda row: shapes.suite(repo, row[0], sha, row[1]), key="check_suites")


def _commit(call: ApiCall) -> tuple[Repo, str]:
    repo = call.repo()
    return repo, str(commit_of(call, repo).id)


def _checker(call: ApiCall, repo: Repo) -> UserRow:
    person = call.person()
    if not person.checks:
        raise not_accessible(person)
    return repo.require(person, "write")


def _require(request: CheckEdit) -> None:
    if request.conclusion is not None and request.conclusion not in _CONCLUSIONS:
        raise unprocessable(f"Invalid request.\n\n{request.conclusion} is not a member of {list(_CONCLUSIONS)}.")
    if request.status == "completed" and request.conclusion is None:
        raise not_supplied("conclusion")
    if request.output is None:
        return
    if request.output.title is None or request.output.summary is None:
        raise not_supplied("title", "summary")
    if len(request.output.annotations) > MOST_ANNOTATIONS:
        raise unprocessable(
            f"Invalid request.\n\nNo more than 50 items are allowed; {len(request.output.annotations)} were supplied."
        )


def _insert(call: ApiCall, repo: Repo, actor: UserRow, request: NewCheck) -> int:
    is_done, output = request.conclusion is not None, request.output or Output()
    with call.backend.store.transaction():
        key = call.backend.store.insert(
            "check_run",
            repo_id=repo.id,
            suite_id=checks.suite_for(repo, actor, request.head_sha),
            head_sha=request.head_sha,
            name=request.name,
            status="completed" if is_done else request.status or "queued",
            conclusion=request.conclusion,
            external_id=request.external_id or "",
            details_url=request.details_url,
            started_at=request.started_at or call.backend.now(),
            completed_at=(request.completed_at or call.backend.now()) if is_done else None,
            title=output.title,
            summary=output.summary,
            text=output.text,
            creator_id=actor.id,
        )
        _add_annotations(call, key, request)
    return key


def _columns(call: ApiCall, request: CheckEdit, run: CheckRunRow) -> dict[str, str | int | bool | None]:
    """What changes; a run that is started anew loses its conclusion."""
    column_values = {name: getattr(request, name) for name in ("name", "external_id", "details_url", "started_at")}
    columns: dict[str, str | int | bool | None] = {
        key: value for key, value in column_values.items() if value is not None
    }
    if request.output is not None:
        columns |= {"title": request.output.title, "summary": request.output.summary, "text": request.output.text}
    if request.conclusion is not None:
        columns |= {"status": "completed", "conclusion": request.conclusion}
        columns["completed_at"] = request.completed_at or call.backend.now()
    elif request.status is not None:
        columns |= {"status": request.status, "conclusion": None, "completed_at": None}
    return columns or {"name": run.name}


def _add_annotations(call: ApiCall, run: int, request: CheckEdit) -> None:
    for annotation in request.output.annotations if request.output else ():
        call.backend.store.insert("annotation", check_run_id=run, **annotation.model_dump())


def _run(call: ApiCall, repo: Repo, key: int) -> CheckRunRow:
    return call.backend.row(CheckRunRow, "SELECT * FROM check_run WHERE id = ? AND repo_id = ?", key, repo.id)


_REPO = "/repos/{owner}/{repo}"
ROUTES = (
    Route("POST", _REPO + "/statuses/{sha}", new_status),
    Route("GET", _REPO + "/commits/{sha:path}/statuses", list_statuses),
    Route("GET", _REPO + "/statuses/{sha:path}", list_statuses),
    Route("GET", _REPO + "/commits/{sha:path}/status", combined_status),
    Route("GET", _REPO + "/commits/{sha:path}/check-runs", checks_of_commit),
    Route("GET", _REPO + "/commits/{sha:path}/check-suites", suites_of_commit),
    Route("POST", _REPO + "/check-runs", new_check),
    Route("GET", _REPO + "/check-runs/{run}", get_check),
    Route("PATCH", _REPO + "/check-runs/{run}", edit_check),
    Route("GET", _REPO + "/check-runs/{run}/annotations", list_annotations),
)
