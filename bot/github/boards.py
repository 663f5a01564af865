"""Issues on which people tick check boxes: who edited one, and a text that is only written over what was read.

A part of :class:`bot.github.host.GitHubHost`. Only GraphQL tells who edited a body (docs.github.com, "GraphQL reference",
``UserContentEdit``: ``diff`` and ``editor``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.errors import Stale, Unavailable
from bot.github import marker as markers
from bot.github import payloads
from bot.github.items import Items
from bot.github.payloads import EditPart, EditsPart
from bot.github.rest import Lost
from bot.model.codehost import BodyEdit, Issue, ItemState, Marker

_EDITS: Final = (
    "query($id: ID!) { node(id: $id) { ... on Issue { userContentEdits(first: 100) { nodes { editedAt diff "
    "editor { __typename login ... on User { databaseId } ... on Bot { databaseId } } } } } } }"
)


class Boards(Items):
    """Satisfies :class:`bot.ports.BoardHost`."""

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
