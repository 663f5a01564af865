"""Deployments, and the pull request that a commit was merged by. A part of :class:`bot.github.host.GitHubHost`.

Sources: docs.github.com, "REST API endpoints for deployments", "… deployment statuses", "List pull requests associated with a
commit".
"""

from __future__ import annotations

from typing import Final

from bot.errors import Unavailable
from bot.github import payloads
from bot.github.attention import AttentiveItems
from bot.github.payloads import DeploymentPart, DeploymentStatusPart, PullPart
from bot.github.rest import ApiResponse
from bot.model.codehost import CheckState, DeploymentNote, PullRequest

_TASK: Final = "deploy:clockwork"
"""By which a deployment of ours is told from one that a workflow's ``environment:`` made."""
_MAX_DESCRIPTION: Final = 140
"""Characters (docs.github.com, REST API, "Create a deployment status", ``description``)."""
_STATES: Final = {
    CheckState.IN_PROGRESS: "in_progress",
    CheckState.SUCCESS: "success",
    CheckState.FAILURE: "failure",
    CheckState.NEUTRAL: "error",
}
"""The same page, ``state``."""


class DeployedItems(AttentiveItems):
    """Satisfies :class:`bot.ports.DeployingHost`."""

    def merged_as(self, commit: str) -> PullRequest | None:
        """See the port."""
        path = f"{self._client.root}/commits/{commit}/pulls"
        parts = payloads.read_all(PullPart, self._client.pages(path))
        merged = [part for part in parts if part.merged_at is not None]
        return payloads.pull(merged[0], self._codec()) if merged else None

    def note_deployment(self, note: DeploymentNote) -> str:
        """See the port. No status of the commit is asked for: what is noted was done already."""
        deployment = self._deployment(note) or self._deploy(note)
        path = f"{self._client.root}/deployments/{deployment.id}/statuses"
        newest = payloads.read_all(DeploymentStatusPart, self._client.pages(path))
        state, description = _STATES[note.state], note.description[:_MAX_DESCRIPTION]
        if not newest or (newest[0].state, newest[0].description) != (state, description):
            self._client.send_again(
                "POST", path, {"state": state, "description": description, "log_url": note.link or ""}
            )
        return f"{self._client.root}/deployments/{deployment.id}"

    def _deployment(self, note: DeploymentNote) -> DeploymentPart | None:
        query = {"sha": note.commit, "environment": note.environment, "task": _TASK}
        deployments = payloads.read_all(DeploymentPart, self._client.pages(f"{self._client.root}/deployments", query))
        return deployments[0] if deployments else None

    def _deploy(self, note: DeploymentNote) -> DeploymentPart:
        body = {
            "ref": note.commit,
            "task": _TASK,
            "auto_merge": False,
            "required_contexts": [],
            "environment": note.environment,
            "description": "What runs, compared with Git",
        }
        answer = self._client.send("POST", f"{self._client.root}/deployments", body)
        if isinstance(answer, ApiResponse):
            return payloads.read(DeploymentPart, answer.data)
        deployment = self._deployment(note)  # it may have been made although the answer was lost
        if deployment is None:
            raise Unavailable(answer.cause)
        return deployment
