"""The page of a fleet: a row for each repository, those that need somebody first; what waits for people, what is held, and
charts. Served by whoever runs the fleet.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bot.entrypoints.api.tokens import ApiToken
from bot.entrypoints.pages.document import page
from bot.entrypoints.pages.fleet_trends import fleet_charts
from bot.entrypoints.pages.stream import EVENTS, ChangeStream
from bot.entrypoints.pages.visitors import may_read, unauthorized
from bot.fleet.history import hour_of
from bot.fleet.overview import FleetStatus
from bot.fleet.status import FleetRepository, FleetResult
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


_SHOWN: Final = 20
"""Rows of any other table."""


@dataclass(slots=True)
class FleetPages:
    """``status`` is the fleet at this moment; ``tokens`` are those in force. For the thread that serves."""

    status: Callable[[], FleetStatus]
    tokens: Callable[[], tuple[ApiToken, ...]]
    stopping: Callable[[], bool]
    _digests: dict[str, tuple[FleetRepository, bytes]] = field(default_factory=dict)
    """What is known of each repository, and its digest: most are the same from one look to the next."""

    def routes(self) -> list[Route]:
        """Where everything is."""
        from starlette.routing import Route

        stream = ChangeStream(self.stamp, self.tokens, self.stopping, poll=_POLL)
        return [Route("/", self.first), Route(EVENTS, stream.__call__)]

    def stamp(self) -> str:
        """16 hex digits that are others whenever the page would say something else."""
        return self._stamp(self.status())

    def _stamp(self, status: FleetStatus) -> str:
        digests = {row.name: self._digest(row) for row in status.repositories}
        self._digests = digests
        common = repr((hour_of(status.at), status.history.hours[-1:], status.budgets)).encode("utf-8", "replace")
        return hashlib.sha256(b"".join(digest for _, digest in digests.values()) + common).hexdigest()[:16]

    def _digest(self, row: FleetRepository) -> tuple[FleetRepository, bytes]:
        cached = self._digests.get(row.name)
        if cached is not None and cached[0] is row:
            return cached
        return row, hashlib.sha256(repr(row).encode("utf-8", "replace")).digest()

    async def first(self, request: Request) -> Response:
        """The table; with what waits, what is held and charts on its first page."""
        if not may_read(request, self.tokens()):
            return unauthorized()
        page_text = request.query_params.get("page", "")
        number = int(page_text) if page_text.isascii() and page_text.isdigit() and len(page_text) < 6 else 1
        status = self.status()
        return page(request, "fleet", {"stamp": self._stamp(status), "events": EVENTS, **fleet_values(status, number)})


def fleet_values(status: FleetStatus, number: int = 1) -> dict[str, object]:
    """What the template shows: one page of the repositories, and beside the first one all else."""
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
        **(_around(status, ordered) if number == 1 else {}),
    }


def _around(status: FleetStatus, ordered: Sequence[FleetRepository]) -> dict[str, object]:
    """What waits for people, what is held, requests that are left and charts: each of bounded size."""
    waits = [(row, row.waiting) for row in ordered if row.waiting is not None]
    held_tasks = [(row, tasks) for row in ordered for tasks in row.held or ()]
    return {
        "shown": _SHOWN,
        "waits": [(row, waiting) for row, waiting in waits if waiting.total],
        "open_pulls": sum(waiting.pulls for _, waiting in waits),
        "open_issues": sum(waiting.issues for _, waiting in waits),
        "untold": len(ordered) - len(waits),
        "blocked": [row for row in ordered if row.result is FleetResult.BLOCKED],
        "holds": sorted(held_tasks, key=lambda pair: pair[1].again is not None),
        "budgets": sorted(status.budgets, key=lambda budget: budget.left / max(budget.limit, 1)),
        "charts": fleet_charts(status.history, status.at),
    }


def _order(row: FleetRepository) -> tuple[bool, int, bool, str]:
    failed = row.result is not None and row.result.is_failure
    worst = row.worst
    return (not failed, -1 if worst is None else -2 - worst.rank, row.result is not FleetResult.BLOCKED, row.name)


def _headline(rows: Sequence[FleetRepository]) -> tuple[str, str]:
    """How many need somebody, the worst first, and how bad that is."""
    failed = sum(row.result is not None and row.result.is_failure for row in rows)
    blocked = sum(row.result is FleetResult.BLOCKED for row in rows)
    differing = sum(row.worst is not None for row in rows)
    counts = [
        (failed, "failed", "failed", "bad"),
        (blocked, "is blocked", "are blocked", "warn"),
        (differing, "differs", "differ", ""),
    ]
    standing = [each for each in counts if each[0]]
    if not standing:
        return _calm(rows)
    texts = [f"{number} {singular if number == 1 else plural}" for number, singular, plural, _ in standing]
    number, text = standing[0][0], texts[0].partition(" ")[2]
    return ", ".join([f"{counted(number, 'repository', 'repositories')} {text}", *texts[1:]]), standing[0][3]


def _calm(rows: Sequence[FleetRepository]) -> tuple[str, str]:
    """What is said where nothing failed, nothing is blocked and nothing differs."""
    if any(row.result is None for row in rows):
        return "Not every repository has run yet", ""
    if all(row.result is FleetResult.NO_SETTINGS for row in rows):
        return ("No repository has settings" if rows else "No repository takes part"), "warn"
    return "All in sync", "good"
