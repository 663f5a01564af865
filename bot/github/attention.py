"""Assignees and reviewers of what we open. A part of :class:`bot.github.host.GitHubHost`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from bot.errors import BotError, Refused
from bot.github.boards import Boards
from bot.model.decision import Attention


class AttentiveItems(Boards):
    """Satisfies :class:`bot.ports.AttentiveHost`."""

    def give(self, number: int, attention: Attention, *, pull: bool) -> None:
        """See the port. Who cannot be assigned is ignored by GitHub (docs.github.com, "REST API endpoints for issue
        assignees"); one reviewer who cannot be asked makes it refuse all of them, so each is asked by itself then.
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
