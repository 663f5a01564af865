"""Commit statuses and check runs through the API."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bot.sandbox.api.commits import commit_of
from bot.sandbox.edge import Body, Call, Route
from bot.sandbox.objects import commit_at
from bot.sandbox.records import Annotation, CheckRun, Repo, Status, User
from bot.sandbox.replies import Reply, forbidden, invalid, not_found, unprocessable
from bot.sandbox.shapes import checks as shapes
from bot.sandbox.verbs import checks

MOST_ANNOTATIONS = 50
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


class NewStatus(Body):
    """Body of ``POST …/statuses/SHA``."""

    state: str
    target_url: str | None = None
    description: str | None = None
    context: str = "default"


class Remark(Body):
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

    def remark(self) -> checks.Remark:
        """As the sandbox keeps it."""
        return checks.Remark(**self.model_dump())


class Output(Body):
    """``output`` of a check run."""

    title: str | None = None
    summary: str | None = Field(default=None, max_length=65535)
    text: str | None = Field(default=None, max_length=65535)
    annotations: tuple[Remark, ...] = ()


class CheckEdit(Body):
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


def new_status(call: Call) -> Reply:
    """A commit status."""
    repo, wanted = call.repo("write"), call.body(NewStatus)
    if wanted.state not in _STATES:
        raise invalid("Status", "state", "custom", "state is not included in the list")
    if wanted.description is not None and len(wanted.description) > 140:
        raise invalid("Status", "description", "custom", "description is too long (maximum is 140 characters)")
    sha = str(commit_of(call, repo).id)
    status = checks.set_status(
        call.hub,
        repo,
        call.person(),
        sha,
        state=wanted.state,
        context=wanted.context,
        text=wanted.description,
        url=wanted.target_url,
    )
    return Reply(shapes.status(call.hub, repo, status), 201)


def list_statuses(call: Call) -> Reply:
    """All statuses of a commit, newest first."""
    repo = call.repo()
    sha = str(commit_of(call, repo).id)
    rows = call.hub.store.all(
        Status, "SELECT * FROM status WHERE repo_id = ? AND sha = ? ORDER BY id DESC", repo.id, sha
    )
    return call.slice(rows, lambda row: shapes.status(call.hub, repo, row))


def combined_status(call: Call) -> Reply:
    """What the statuses of a commit add up to."""
    repo = call.repo()
    sha = str(commit_of(call, repo).id)
    return Reply(shapes.combined(call.hub, repo, sha, checks.newest_statuses(call.hub, repo, sha)))


def new_check(call: Call) -> Reply:
    """A new check run. Only tokens that may write checks."""
    repo, wanted = call.repo("read"), call.body(NewCheck)
    actor = _checker(call, repo)
    if not wanted.name:
        raise unprocessable('Invalid request.\n\n"name" wasn\'t supplied.')
    if commit_at(call.hub.git(repo), wanted.head_sha) is None:
        raise unprocessable(f"No commit found for SHA: {wanted.head_sha}")
    _require(wanted)
    key = _insert(call, repo, actor, wanted)
    call.hub.born("check_run", key)
    run = _run(call, repo, key)
    checks.announce_run(call.hub, repo, actor, run, "completed" if run.status == "completed" else "created")
    return Reply(shapes.check_run(call.hub, repo, run), 201)


def edit_check(call: Call) -> Reply:
    """The check run moves on; annotations are added to those it has."""
    repo, wanted = call.repo("read"), call.body(CheckEdit)
    actor, run = _checker(call, repo), _run(call, repo, call.number("run"))
    if run.creator_id != actor.id:
        raise forbidden("Invalid app_id `" + str(actor.id) + "` - check run can only be modified by the GitHub App")
    _require(wanted)
    with call.hub.store.transaction():
        call.hub.store.update("check_run", run.id, **_columns(call, wanted, run))
        checks.append(call.hub, run.id, _remarks(wanted))
    fresh = _run(call, repo, run.id)
    if fresh.status == "completed":
        checks.announce_run(call.hub, repo, actor, fresh, "completed")
    return Reply(shapes.check_run(call.hub, repo, fresh))


def get_check(call: Call) -> Reply:
    """One check run."""
    repo = call.repo()
    return Reply(shapes.check_run(call.hub, repo, _run(call, repo, call.number("run"))))


def list_annotations(call: Call) -> Reply:
    """The annotations of a check run in the order in which they came."""
    repo = call.repo()
    run = _run(call, repo, call.number("run"))
    rows = call.hub.store.all(Annotation, "SELECT * FROM annotation WHERE check_run_id = ? ORDER BY id", run.id)
    return call.slice(rows, lambda row: shapes.annotation(call.hub, repo, row, run.head_sha))


def checks_of_commit(call: Call) -> Reply:
    """The check runs of a commit: the latest per name unless ``filter=all``, by ``check_name`` and ``status``."""
    repo = call.repo()
    sha, query = str(commit_of(call, repo).id), call.query
    source = checks.runs_at if query.get("filter") == "all" else checks.latest_runs
    rows = [run for run in source(call.hub, repo, sha) if query.get("check_name") in (None, run.name)]
    rows = [run for run in rows if query.get("status") in (None, run.status)]
    return call.page(rows, lambda row: shapes.check_run(call.hub, repo, row), kind="check_run", key="check_runs")


def suites_of_commit(call: Call) -> Reply:
    """The check suites of a commit."""
    repo = call.repo()
    sha = str(commit_of(call, repo).id)
    suites: dict[int, list[CheckRun]] = {}
    for run in checks.latest_runs(call.hub, repo, sha):
        suites.setdefault(run.suite_id, []).append(run)
    rows = sorted(suites.items())
    return call.slice(rows, lambda row: shapes.suite(call.hub, repo, row[0], sha, row[1]), key="check_suites")


def _checker(call: Call, repo: Repo) -> User:
    person = call.person()
    if not person.checks:
        word = "integration" if person.kind == "Bot" else "personal access token"
        raise forbidden(f"Resource not accessible by {word}")
    return call.hub.require(repo, person, "write")


def _require(wanted: CheckEdit) -> None:
    if wanted.conclusion is not None and wanted.conclusion not in _CONCLUSIONS:
        raise unprocessable(f"Invalid request.\n\n{wanted.conclusion} is not a member of {list(_CONCLUSIONS)}.")
    if wanted.status == "completed" and wanted.conclusion is None:
        raise unprocessable('Invalid request.\n\n"conclusion" wasn\'t supplied.')
    if wanted.output is None:
        return
    if wanted.output.title is None or wanted.output.summary is None:
        raise unprocessable('Invalid request.\n\n"title", "summary" weren\'t supplied.')
    if len(wanted.output.annotations) > MOST_ANNOTATIONS:
        raise unprocessable(
            f"Invalid request.\n\nNo more than 50 items are allowed; {len(wanted.output.annotations)} were supplied."
        )


def _insert(call: Call, repo: Repo, actor: User, wanted: NewCheck) -> int:
    done = wanted.conclusion is not None
    with call.hub.store.transaction():
        key = call.hub.store.insert(
            "check_run",
            repo_id=repo.id,
            suite_id=checks.suite_for(call.hub, repo, actor, wanted.head_sha),
            head_sha=wanted.head_sha,
            name=wanted.name,
            status="completed" if done else wanted.status or "queued",
            conclusion=wanted.conclusion,
            external_id=wanted.external_id or "",
            details_url=wanted.details_url,
            started_at=wanted.started_at or call.hub.now(),
            completed_at=(wanted.completed_at or call.hub.now()) if done else None,
            title=wanted.output.title if wanted.output else None,
            summary=wanted.output.summary if wanted.output else None,
            text=wanted.output.text if wanted.output else None,
            creator_id=actor.id,
        )
        checks.append(call.hub, key, _remarks(wanted))
    return key


def _columns(call: Call, wanted: CheckEdit, run: CheckRun) -> dict[str, str | int | bool | None]:
    """What changes; a run that is started anew loses its conclusion."""
    given = {name: getattr(wanted, name) for name in ("name", "external_id", "details_url", "started_at")}
    columns: dict[str, str | int | bool | None] = {key: value for key, value in given.items() if value is not None}
    if wanted.output is not None:
        columns |= {"title": wanted.output.title, "summary": wanted.output.summary, "text": wanted.output.text}
    if wanted.conclusion is not None:
        columns |= {"status": "completed", "conclusion": wanted.conclusion}
        columns["completed_at"] = wanted.completed_at or call.hub.now()
    elif wanted.status is not None:
        columns |= {"status": wanted.status, "conclusion": None, "completed_at": None}
    return columns or {"name": run.name}


def _remarks(wanted: CheckEdit) -> list[checks.Remark]:
    return [] if wanted.output is None else [remark.remark() for remark in wanted.output.annotations]


def _run(call: Call, repo: Repo, key: int) -> CheckRun:
    found = call.hub.store.one(CheckRun, "SELECT * FROM check_run WHERE id = ? AND repo_id = ?", key, repo.id)
    if found is None:
        raise not_found()
    return found


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
