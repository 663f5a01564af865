"""The page of a fleet: a row for each repository, those that need somebody first. Served by whoever runs the fleet."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.entrypoints.api.tokens import ApiToken
from bot.entrypoints.pages.document import page
from bot.entrypoints.pages.stream import EVENTS, ChangeStream
from bot.entrypoints.pages.visitors import asked_for_token, may_read
from bot.fleet.status import FleetRepository, FleetResult, FleetStatus
from bot.model.severity import Severity
from bot.model.wording import counted

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

PER_PAGE: Final = 200
_POLL: Final = 1.0
"""Seconds between two looks at all repositories, however many listen."""
_TONES: Final = {
    FleetResult.IN_SYNC: "good",
    FleetResult.DRIFT: "",
    FleetResult.BLOCKED: "warn",
    FleetResult.FAILED: "bad",
    FleetResult.TIMED_OUT: "bad",
    FleetResult.CRASHED: "bad",
}
_COMPARED: Final = frozenset({FleetResult.IN_SYNC, FleetResult.DRIFT, FleetResult.BLOCKED})
"""Results after which no difference means that there is none."""


@dataclass(frozen=True, slots=True)
class FleetPages:
    """``status`` is the fleet at this moment; ``tokens`` are those in force. For the thread that serves."""

    status: Callable[[], FleetStatus]
    tokens: Callable[[], tuple[ApiToken, ...]]
    stopping: Callable[[], bool]

    def routes(self) -> list[Route]:
        """Where everything is."""
        from starlette.routing import Route

        stream = ChangeStream(self.stamp, self.tokens, self.stopping, poll=_POLL)
        return [Route("/", self.first), Route(EVENTS, stream.__call__)]

    def stamp(self) -> str:
        """16 hex digits that are others whenever the page would say something else."""
        return hashlib.sha256(repr(self.status().repositories).encode("utf-8", "replace")).hexdigest()[:16]

    async def first(self, request: Request) -> Response:
        """The table."""
        if not may_read(request, self.tokens()):
            return asked_for_token()
        page_text = request.query_params.get("page", "")
        number = int(page_text) if page_text.isascii() and page_text.isdigit() and len(page_text) < 6 else 1
        stamp, status = self.stamp(), self.status()
        return page(request, "fleet", {"stamp": stamp, "events": EVENTS, **fleet_values(status, number)})


def fleet_values(status: FleetStatus, number: int = 1) -> dict[str, object]:
    """What the template shows: one page of the repositories."""
    ordered = sorted(status.repositories, key=_order)
    pages = max(-(-len(ordered) // PER_PAGE), 1)
    number = min(max(number, 1), pages)
    results = Counter(row.result for row in ordered)
    headline, tone = _headline(ordered)
    return {
        "at": status.at,
        "headline": headline,
        "tone": tone,
        "total": len(ordered),
        "results": [
            *((result.value, results[result]) for result in FleetResult if results[result]),
            *([("not run yet", results[None])] if results[None] else []),
        ],
        "rows": ordered[(number - 1) * PER_PAGE : number * PER_PAGE],
        "tones": _TONES,
        "compared": _COMPARED,
        "levels": sorted(Severity, key=lambda level: -level.rank),
        "number": number,
        "pages": pages,
    }


def _order(row: FleetRepository) -> tuple[bool, int, bool, str]:
    failed = row.result is not None and row.result.is_failure
    worst = row.worst
    return (not failed, -1 if worst is None else -2 - worst.rank, row.result is not FleetResult.BLOCKED, row.name)


def _headline(rows: list[FleetRepository]) -> tuple[str, str]:
    failed = sum(row.result is not None and row.result.is_failure for row in rows)
    differ = sum(row.worst is not None for row in rows)
    if failed:
        return f"{counted(failed, 'repository', 'repositories')} failed, {counted(differ, 'differs', 'differ')}", "bad"
    if differ:
        verb = "differs" if differ == 1 else "differ"
        return f"{counted(differ, 'repository', 'repositories')} {verb}", ""
    waiting = sum(row.result is None for row in rows)
    return ("Not every repository has run yet", "") if waiting else ("All in sync", "good")
