"""Deployments and their statuses (docs.github.com, "REST API endpoints for deployments", "… deployment statuses")."""

from __future__ import annotations

import json
from typing import Any

from bot.sandbox.api.checks import require_status
from bot.sandbox.backend import Repo
from bot.sandbox.edge import ApiCall, RequestBody, Route
from bot.sandbox.objects import commit_at
from bot.sandbox.records import DeploymentRow, DeploymentStatusRow
from bot.sandbox.replies import ApiProblem, ApiReply, unprocessable
from bot.sandbox.shapes import deployments as shapes
from bot.sandbox.verbs import checks

_STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")


class NewDeployment(RequestBody):
    """Body of ``POST …/deployments``. Without ``required_contexts`` every status of the commit has to be a success."""

    ref: str
    task: str = "deploy"
    auto_merge: bool = True
    required_contexts: tuple[str, ...] | None = None
    payload: dict[str, Any] | str = ""
    environment: str = "production"
    description: str | None = ""


class NewDeploymentStatus(RequestBody):
    """Body of ``POST …/deployments/N/statuses``."""

    state: str
    log_url: str = ""
    description: str = ""
    environment: str | None = None
    environment_url: str = ""


def list_deployments(call: ApiCall) -> ApiReply:
    """Deployments, newest first, by ``sha``, ``ref``, ``task`` and ``environment``."""
    repo, query = call.repo(), call.query
    rows = call.backend.store.all(DeploymentRow, "SELECT * FROM deployment WHERE repo_id = ? ORDER BY id DESC", repo.id)
    filter_names = ("sha", "ref", "task", "environment")
    rows = [row for row in rows if all(query.get(name) in (None, getattr(row, name)) for name in filter_names)]
    return call.slice(rows, lambda row: shapes.deployment(repo, row))


def new_deployment(call: ApiCall) -> ApiReply:
    """A deployment of a branch, tag or commit; 409 while a required status is no success."""
    repo, request = call.repo("write"), call.body(NewDeployment)
    commit = commit_at(repo.git(), request.ref)
    if commit is None:
        raise unprocessable(f"No ref found for: {request.ref}")
    _check_contexts(call, repo, str(commit.id), request.required_contexts)
    key = call.backend.store.insert(
        "deployment",
        repo_id=repo.id,
        sha=str(commit.id),
        ref=request.ref,
        task=request.task,
        environment=request.environment,
        description=request.description or "",
        payload=json.dumps(request.payload),
        creator_id=call.person().id,
        created_at=call.backend.now(),
    )
    return ApiReply(shapes.deployment(repo, _deployment(call, repo, key)), 201)


def _check_contexts(call: ApiCall, repo: Repo, sha: str, required: tuple[str, ...] | None) -> None:
    """An empty list skips it ("required_contexts", same page)."""
    newest = checks.newest_statuses(repo, sha)
    required_contexts = {status.context for status in newest} if required is None else {*required}
    successful = {status.context for status in newest if status.state == "success"}
    if required_contexts - successful:
        raise ApiProblem(409, f"Conflict: Commit status checks failed for {call.params.get('ref', sha)}.")


def get_deployment(call: ApiCall) -> ApiReply:
    """One deployment."""
    repo = call.repo()
    return ApiReply(shapes.deployment(repo, _deployment(call, repo, call.number("deployment"))))


def list_deployment_statuses(call: ApiCall) -> ApiReply:
    """The statuses of a deployment, newest first."""
    repo = call.repo()
    row = _deployment(call, repo, call.number("deployment"))
    sql = "SELECT * FROM deployment_status WHERE deployment_id = ? ORDER BY id DESC"
    rows = call.backend.store.all(DeploymentStatusRow, sql, row.id)
    return call.slice(rows, lambda status: shapes.deployment_status(repo, status))


def new_deployment_status(call: ApiCall) -> ApiReply:
    """A status of a deployment."""
    repo, request = call.repo("write"), call.body(NewDeploymentStatus)
    row = _deployment(call, repo, call.number("deployment"))
    require_status("DeploymentStatus", request.state, _STATES, request.description)
    now = call.backend.now()
    key = call.backend.store.insert(
        "deployment_status",
        deployment_id=row.id,
        state=request.state,
        description=request.description,
        environment=request.environment or row.environment,
        log_url=request.log_url,
        environment_url=request.environment_url,
        creator_id=call.person().id,
        created_at=now,
    )
    status = call.backend.row(DeploymentStatusRow, "SELECT * FROM deployment_status WHERE id = ?", key)
    return ApiReply(shapes.deployment_status(repo, status), 201)


def _deployment(call: ApiCall, repo: Repo, key: int) -> DeploymentRow:
    return call.backend.row(DeploymentRow, "SELECT * FROM deployment WHERE repo_id = ? AND id = ?", repo.id, key)


_DEPLOYMENTS = "/repos/{owner}/{repo}/deployments"
ROUTES = (
    Route("GET", _DEPLOYMENTS, list_deployments),
    Route("POST", _DEPLOYMENTS, new_deployment),
    Route("GET", _DEPLOYMENTS + "/{deployment}", get_deployment),
    Route("GET", _DEPLOYMENTS + "/{deployment}/statuses", list_deployment_statuses),
    Route("POST", _DEPLOYMENTS + "/{deployment}/statuses", new_deployment_status),
)
