"""What some hosts can do besides: whom something is given to, boards on which people tick check boxes, deployments.

A part of :class:`bot.github.host.GitHubHost`. Only GraphQL tells who edited a body (docs.github.com, "GraphQL reference",
``UserContentEdit``: ``diff`` and ``editor``). Other sources: docs.github.com, "REST API endpoints for issue assignees", "…
deployments", "… deployment statuses", "List pull requests associated with a commit".
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from bot.errors import BotError, Refused, Stale, Unavailable
from bot.github import marker as markers
from bot.github import payloads
from bot.github.items import Items
from bot.github.payloads import DeploymentPart, DeploymentStatusPart, EditPart, EditsPart, PullPart
from bot.github.rest import ApiResponse, Lost
from bot.model.codehost import BodyEdit, CheckState, DeploymentNote, Issue, ItemState, Marker, PullRequest
from bot.model.decision import Attention

_EDITS: Final = (
    "query($id: ID!) { node(id: $id) { ... on Issue { userContentEdits(first: 100) { nodes { editedAt diff "
    "editor { __typename login ... on User { databaseId } ... on Bot { databaseId } } } } } } }"
)
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


class OptionalItems(Items):
    """Satisfies :class:`bot.ports.AttentiveHost`, :class:`~bot.ports.BoardHost` and :class:`~bot.ports.DeployingHost`."""

    def give(self, number: int, attention: Attention, *, pull: bool) -> None:
        """See the port. Who cannot be assigned is ignored by GitHub; one reviewer who cannot be asked makes it refuse all of
        them, so each is asked by itself then.
        """
        with suppress(BotError):
            if attention.assignees:
                path = f"{self._client.root}/issues/{number}/assignees"
                self._client.send_again("POST", path, {"assignees": list(attention.assignees)})
        if pull and attention.reviewers:
            self._ask(number, attention.reviewers)

    def _ask(self, number: int, reviewers: Sequence[str]) -> None:
        teams = [name.partition("/")[2] for name in reviewers if "/" in name]
        people = [name for name in reviewers if "/" not in name]
        path = f"{self._client.root}/pulls/{number}/requested_reviewers"
        try:
            self._client.send_again("POST", path, {"reviewers": people, "team_reviewers": teams})
        except Refused:
            for name in reviewers if len(reviewers) > 1 else ():
                self._ask(number, (name,))
        except BotError:
            return

    def edits(self, issue: Issue) -> Sequence[BodyEdit]:
        """See the port."""
        answer = self._client.mutate(_EDITS, {"id": issue.node})
        if isinstance(answer, Lost):
            raise Unavailable(answer.cause)
        edits = payloads.read(EditsPart, answer.data).edits
        if edits is None:
            raise Unavailable(f"GitHub does not tell who edited #{issue.number}: {answer.message}")
        return sorted((self._edit(part) for part in reversed(edits)), key=lambda edit: edit.at)

    def _edit(self, part: EditPart) -> BodyEdit:
        user = part.editor.user
        body = None if part.diff is None else markers.without(part.diff)
        return BodyEdit(user.login, user.id, part.at, body, by_us=self._codec().is_me(user))

    def rewrite_issue(self, issue: Issue, *, marker: Marker, title: str, body: str) -> Issue:
        """See the port. GitHub has no conditional writes: what is written between the look and the write shows in the edits
        alone.
        """
        part = self._issue_part(issue.number)
        if markers.without(part.body).strip() != issue.body.strip():
            raise Stale(f"somebody edited #{issue.number} meanwhile")
        return self._rewritten(part, {**self._content(marker, title, body), "state": ItemState.OPEN.value})

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
