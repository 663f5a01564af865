"""The pages of one daemon: ``/`` for everything, ``/differences`` for all that differs, ``/differences/ID`` for one of them.

Values are those of ``GET /v1/status`` and of the last run, in which secrets are hidden already; here they are escaped as well.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from bot.entrypoints.daemon.status import FinishedRun
from bot.entrypoints.daemon.surface import Surface
from bot.entrypoints.pages.document import page
from bot.entrypoints.pages.guarded import GuardedRunQuestions
from bot.entrypoints.pages.orders import AwaitedOrder, awaited
from bot.entrypoints.pages.stream import EVENTS, ChangeStream
from bot.entrypoints.pages.trends import charts
from bot.entrypoints.pages.visitors import may_read, unauthorized
from bot.errors import BotError
from bot.model.drift import Drift
from bot.model.ledger import LedgerView
from bot.model.proposal import Tick
from bot.model.session import Session
from bot.model.severity import Severity
from bot.model.wording import counted
from bot.report.charts import BarChart
from bot.report.contrast import patched_files, value_diff
from bot.report.differences import DifferenceRow, by_target, difference_rows
from bot.report.wording import suggested_action
from bot.safety.budgets import is_notable
from bot.safety.state import state

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

_SESSIONS: Final = 1000
_SHOWN: Final = 50
"""Differences on the first page, the worst ones."""
_MOST: Final = 30
"""Rows of any other table."""
PER_PAGE: Final = 100
"""Differences on a page of all of them."""
_PATIENCE: Final = 1.0
"""Seconds that a page waits for the consumer to read a line."""
_POLL: Final = 0.05
_ID: Final = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class DaemonView:
    """What the first page shows beside the status: the last run, guarded runs (None: not read yet) and why they cannot be
    read, charts, and what waits for orders.
    """

    tick: Tick | None = None
    guarded: tuple[Session, ...] | None = None
    trouble: str | None = None
    charts: tuple[BarChart, ...] = ()
    orders: tuple[AwaitedOrder, ...] = ()


@dataclass(slots=True)
class DaemonPages:
    """The pages, for the API's thread."""

    surface: Surface
    guarded: GuardedRunQuestions
    stream: ChangeStream = field(init=False)

    def __post_init__(self) -> None:
        self.stream = ChangeStream(self.stamp, self.surface.tokens, self.surface.daemon.stopping.is_set)

    def routes(self) -> list[Route]:
        """Where everything is."""
        from starlette.routing import Route

        return [
            Route("/", self.first),
            Route("/differences", self.differences),
            Route("/differences/{id}", self.difference),
            Route(EVENTS, self.stream.__call__),
        ]

    def stamp(self) -> str:
        """16 hex digits that are others whenever a page would say something else."""
        self.guarded.refresh()
        status, view = self.surface.daemon.status, self.surface.daemon.status.ledger()
        facts = (
            status.started, status.ticks, status.failures, status.last_error, status.unready, status.overdue, status.pause,
            None if view is None else view.tip, status.circumstances and [
                (item.number, item.updated_at, item.title) for item in status.circumstances.waiting
            ],
            sorted((name, run.at) for name, run in status.workers.copy().items()), self.guarded.mark,
            self.surface.settings().fixes.level,
        )  # fmt: skip
        return hashlib.sha256(repr(facts).encode("utf-8", "replace")).hexdigest()[:16]

    async def first(self, request: Request) -> Response:
        """Everything, with the worst differences."""
        if not may_read(request, self.surface.tokens()):
            return unauthorized()
        await self.guarded.first(self.surface.daemon.stopping.is_set)
        stamp, status = self.stamp(), self.surface.daemon.status
        view = self._view(status.last, status.ledger(), list(status.finished.copy()))
        return page(request, "status", {"stamp": stamp, "events": EVENTS, **first_values(self.surface.status(), view)})

    def _view(self, last: Tick | None, ledger: LedgerView | None, finished: Sequence[FinishedRun]) -> DaemonView:
        now, guarded = self.surface.daemon.now(), self.guarded.sessions
        limit_state = None if ledger is None else state(ledger, now, self.surface.limits())
        shapes = charts(finished, ledger, guarded or (), now)
        return DaemonView(last, guarded, self.guarded.trouble, shapes, awaited(last, limit_state))

    async def differences(self, request: Request) -> Response:
        """All differences, or those that were chosen, a hundred at a time."""
        if not may_read(request, self.surface.tokens()):
            return unauthorized()
        stamp, last = self.stamp(), self.surface.daemon.status.last
        selection = DifferenceFilter.of(request.query_params)
        values = differences_values(last, selection)
        return page(request, "differences", {**self._names(last, stamp), **values})

    async def difference(self, request: Request) -> Response:
        """One difference with both sides; 404 where the last run did not see it."""
        if not may_read(request, self.surface.tokens()):
            return unauthorized()
        stamp, last = self.stamp(), self.surface.daemon.status.last
        row = row_of(last, request.path_params["id"])
        values = (
            {"row": None} if row is None or last is None else difference_values(row, await self._line(row.drift, last))
        )
        code = 404 if row is None else 200
        return page(request, "difference", {**self._names(last, stamp), **values}, status=code)

    async def _line(self, drift: Drift, last: Tick) -> str | None:
        """The line that sets it, where the consumer is free to read it; never one with a secret."""
        file, number, desk, until = drift.file, drift.line, self.surface.desk, time.monotonic() + _PATIENCE
        if drift.sensitive or file is None or number is None:
            return None
        answer = self.surface.daemon.ask(f"read {file}", lambda: desk.line(last.commit, file, number))
        while not answer.done():
            if time.monotonic() > until or self.surface.daemon.stopping.is_set():
                return None
            await asyncio.sleep(_POLL)
        try:
            return str(answer.result() or "")
        except BotError:
            return None

    def _names(self, last: Tick | None, stamp: str) -> dict[str, object]:
        runtime = self.surface.runtime
        at, commit = (last.at.isoformat(), last.commit) if last else ("", "")
        return {
            "stamp": stamp,
            "events": EVENTS,
            "repository": runtime.repository,
            "branch": runtime.branch,
            "seen": at,
            "commit": commit,
        }


def pages_of(surface: Surface) -> DaemonPages:
    """The pages of one daemon."""
    guarded = GuardedRunQuestions(
        lambda question: surface.daemon.ask("read guarded runs", question), lambda: surface.desk.sessions(_SESSIONS)
    )
    return DaemonPages(surface, guarded)


def first_values(status: Mapping[str, Any], view: DaemonView) -> dict[str, object]:
    """What the template of the first page shows of such a status (that of ``GET /v1/status``), which stays as it is."""
    rows = () if view.tick is None else difference_rows(view.tick)
    headline, tone = _headline(status)
    return {
        "status": status,
        "headline": headline,
        "tone": tone,
        "groups": by_target(rows, _SHOWN),
        "sizes": {} if view.tick is None else view.tick.report.targets,
        "total": len(rows),
        "shown": min(len(rows), _SHOWN),
        "most": _MOST,
        "budgets": sorted(filter(is_notable, status["budgets"]), key=_first_what_is_held),
        "free_tasks": sum(not is_notable(budget) for budget in status["budgets"]),
        "orders": view.orders,
        "guarded": view.guarded,
        "trouble": view.trouble,
        "charts": view.charts,
    }


def _first_what_is_held(budget: Mapping[str, Any]) -> tuple[bool, bool, bool]:
    is_held = bool(budget["stopped"] or budget["suspended"])
    return (
        not is_held,
        not (budget["cooldown_until"] or budget["free_at"]),
        not (budget["used"] or budget["failures"]),
    )


def _headline(status: Mapping[str, Any]) -> tuple[str, str]:
    """What matters most in one line, and how bad that is."""
    halt, paused, drift = status["halt"], status["paused"], status["drift"]
    if halt:
        reason = str(halt["reason"])
        return f"Halted by {halt['by']}: {reason}" if halt["by"] else reason[:1].upper() + reason[1:], "bad"
    if paused:
        return f"Paused by {paused['by']}: {paused['reason'] or 'no reason given'}", "warn"
    if status["unready"]:
        is_first = status["last"] is None and not status["last_error"]
        return f"Not ready: {status['unready']}", "" if is_first else "bad"
    if drift is None:
        return "Nothing has been compared yet", ""
    number = sum(drift["severity"].values())
    if drift["errors"] or drift["unreachable"]:
        prefix = f"{counted(number, 'difference')}, and " if number else ""
        return f"{prefix}not everything could be looked at".capitalize(), "warn"
    return (counted(number, "difference"), "") if number else ("In sync", "good")


@dataclass(frozen=True, slots=True)
class DifferenceFilter:
    """Which differences are to be shown: of a target, of a severity and worse, and which page of them."""

    target: str = ""
    severity: Severity | None = None
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> DifferenceFilter:
        """As the address has it; what is no severity and no page chooses nothing."""
        severity, number = query.get("severity", ""), query.get("page", "")
        severity_chosen = Severity(severity) if severity in set(Severity) else None
        return cls(
            query.get("target", "").strip(),
            severity_chosen,
            int(number) if re.fullmatch("[1-9][0-9]{0,5}", number) else 1,
        )

    def takes(self, row: DifferenceRow) -> bool:
        """Whether it is one of them."""
        worse = self.severity is None or row.drift.severity.rank >= self.severity.rank
        return worse and (not self.target or row.target == self.target)


def differences_values(tick: Tick | None, selection: DifferenceFilter) -> dict[str, object]:
    """What the template of all differences shows: one page of those that were chosen."""
    rows = [] if tick is None else [row for row in difference_rows(tick) if selection.takes(row)]
    pages = max(-(-len(rows) // PER_PAGE), 1)
    number = min(selection.page, pages)
    page_rows = rows[(number - 1) * PER_PAGE : number * PER_PAGE]
    level = selection.severity.value if selection.severity else ""
    query = {name: text for name, text in (("target", selection.target), ("severity", level)) if text}
    return {
        "groups": by_target(page_rows, PER_PAGE),
        "sizes": {} if tick is None else tick.report.targets,
        "total": len(rows),
        "filtered": bool(query),
        "target": selection.target,
        "severity": level,
        "number": number,
        "pages": pages,
        "address": f"?{urlencode(query)}&" if query else "?",
    }


def row_of(tick: Tick | None, identity: str) -> DifferenceRow | None:
    """The difference of that id in the run."""
    if tick is None or not _ID.fullmatch(identity):
        return None
    return next((row for row in difference_rows(tick) if row.drift.id == identity), None)


def difference_values(row: DifferenceRow, line: str | None = None) -> dict[str, object]:
    """What the template of one difference shows. ``line`` is the text of the line that sets it, where it is known."""
    git, runs = row.sides
    location = row.drift.declared_at or "nothing declared"
    preview = row.action.preview if row.action else None
    return {
        "row": row,
        "line": (line or "").strip(),
        "heads": (f"--- Git: {location}", "+++ what runs"),
        "lines": value_diff(git, runs),
        "advice": suggested_action(row.decision) if row.decision else "",
        "explain": shlex.join(["clockwork", "explain", row.drift.task]),
        "patch": patched_files(preview.patch) if preview else (),
    }
