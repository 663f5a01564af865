"""Deployments and their statuses as GitHub prints them."""

from __future__ import annotations

import json

from bot.sandbox.backend import Repo
from bot.sandbox.records import DeploymentRow, DeploymentStatusRow
from bot.sandbox.replies import Json
from bot.sandbox.shapes.accounts import node_id, user_by_id


def deployment(repo: Repo, row: DeploymentRow) -> dict[str, Json]:
    """One deployment."""
    url = repo.url(f"/deployments/{row.id}")
    return {
        "url": url,
        "id": row.id,
        "node_id": node_id("Deployment", row.id),
        "sha": row.sha,
        "ref": row.ref,
        "task": row.task,
        "payload": json.loads(row.payload),
        "original_environment": row.environment,
        "environment": row.environment,
        "description": row.description,
        "creator": user_by_id(repo.backend, row.creator_id),
        "created_at": row.created_at,
        "updated_at": row.created_at,
        "statuses_url": f"{url}/statuses",
        "repository_url": repo.url(),
        "transient_environment": False,
        "production_environment": row.environment == "production",
    }


def deployment_status(repo: Repo, row: DeploymentStatusRow) -> dict[str, Json]:
    """One status of a deployment."""
    url = repo.url(f"/deployments/{row.deployment_id}")
    return {
        "url": f"{url}/statuses/{row.id}",
        "id": row.id,
        "node_id": node_id("DeploymentStatus", row.id),
        "state": row.state,
        "creator": user_by_id(repo.backend, row.creator_id),
        "description": row.description,
        "environment": row.environment,
        "target_url": row.log_url,
        "created_at": row.created_at,
        "updated_at": row.created_at,
        "deployment_url": url,
        "repository_url": repo.url(),
        "environment_url": row.environment_url,
        "log_url": row.log_url,
    }
