"""What each operation does: reads what the daemon knows, or has its consumer answer, which alone touches the repository."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from bot.entrypoints.api.app import Handler
from bot.entrypoints.api.operations import (
    Answer,
    CheckedCall,
    CheckQuery,
    DriftQuery,
    ExplainQuery,
    Failed,
    LedgerQuery,
    Order,
    PauseOrder,
    ResumeOrder,
    RetryOrder,
    SessionQuery,
    SuspendOrder,
    TaskQuery,
)
from bot.entrypoints.daemon.surface import Surface
from bot.errors import BotError, Invalid
from bot.flows import commands
from bot.model.finding import Finding
from bot.model.json import JSON, facts
from bot.model.ledger import Actor, Entry
from bot.model.proposal import Tick
from bot.model.session import Session
from bot.report.json import adopted_ids, drift_json, tick_json

_POLL: Final = 0.05
_WIDEST: Final = 1000
_MOST: Final = 1000
"""Guarded runs that are looked through."""
_Q = TypeVar("_Q")


def handlers(surface: Surface) -> Mapping[str, Handler]:
    """The handler of each operation, by its name."""
    desk = _Answers(surface)
    return {
        "healthz": desk.healthz,
        "readyz": desk.readyz,
        "status": desk.status,
        "targets": desk.targets,
        "drift": desk.drift,
        "decisions": desk.decisions,
        "explain": desk.explain,
        "ledger": desk.ledger,
        "findings": desk.findings,
        "sessions": desk.sessions,
        "check": desk.check,
        "halt": desk.halt,
        "resume": desk.resume,
        "suspend": desk.suspend,
        "retry": desk.retry,
        "pause": desk.pause,
        "unpause": desk.unpause,
    }


@dataclass(frozen=True, slots=True)
class _Answers:
    surface: Surface

    async def healthz(self, call: CheckedCall) -> Answer:
        del call
        return Answer({"status": "ok"})

    async def readyz(self, call: CheckedCall) -> Answer:
        """The first run is done, the last one was not blocked but by a person's halt, and no step takes too long."""
        del call
        unready = self.surface.unready()
        return Answer({"ready": unready is None, "error": unready}, 200 if unready is None else 503)

    async def status(self, call: CheckedCall) -> Answer:
        del call
        return Answer(self.surface.status())

    async def targets(self, call: CheckedCall) -> Answer:
        del call
        last = self._last()
        return Answer({"at": last.at.isoformat(), "targets": tick_json(last)["targets"]})

    async def drift(self, call: CheckedCall) -> Answer:
        query, last = _as(DriftQuery, call.query), self._last()
        offered = adopted_ids(last.decisions)
        rows = [
            drift_json(drift, adopted=offered)
            for drift in last.report.drift
            if (query.target is None or drift.resource.target == query.target)
            and (query.severity is None or drift.severity.rank >= query.severity.rank)
        ]
        return Answer({"at": last.at.isoformat(), "commit": last.commit, "drift": rows})

    async def decisions(self, call: CheckedCall) -> Answer:
        task, last = _as(TaskQuery, call.query).task, self._last()
        of_task = {drift.id for drift in last.report.drift if task in {None, drift.task}}
        tick_fields = tick_json(last)
        return Answer(
            {
                "at": last.at.isoformat(),
                "blocked": last.blocked,
                "decisions": [row for row in _rows(tick_fields["decisions"]) if row["drift"] in of_task],
                "actions": [row for row in _rows(tick_fields["actions"]) if task in {None, row["task"]}],
            }
        )

    async def explain(self, call: CheckedCall) -> Answer:
        task = _as(ExplainQuery, call.query).task

        def question() -> str:
            explained = self._orders(call).explained
            return "" if explained is None else explained(task)

        return Answer({"task": task, "text": await self._answer(f"explain {task}", question)})

    async def ledger(self, call: CheckedCall) -> Answer:
        query, view = _as(LedgerQuery, call.query), self.surface.daemon.status.ledger()
        if view is None:
            raise Failed(503, {"error": "the ledger was not read yet"})
        entries = [entry for entry in reversed(view.entries) if query.task in {None, entry.task}]
        return Answer({"tip": view.tip, "entries": [_entry(entry) for entry in entries[: int(query.limit)]]})

    async def findings(self, call: CheckedCall) -> Answer:
        sessions = await self._sessions(call, _MOST)
        rows = [_finding(session, finding) for session in sessions for finding in session.findings]
        return Answer({"findings": rows[: int(_as(SessionQuery, call.query).limit)]})

    async def sessions(self, call: CheckedCall) -> Answer:
        sessions = await self._sessions(call, _MOST)
        return Answer(
            {"sessions": [_session(session) for session in sessions[: int(_as(SessionQuery, call.query).limit)]]}
        )

    async def check(self, call: CheckedCall) -> Answer:
        """A run that begins now, once it is done."""
        query, surface = _as(CheckQuery, call.query), self.surface
        columns = min(int(query.width), _WIDEST)
        number = surface.request_run()
        while not surface.daemon.stopping.is_set():
            try:
                answer = surface.run_result(number, width=columns, colour=query.colour == "true")
            except BotError as exc:
                raise Failed(502, _error(exc)) from exc
            if answer is not None:
                return Answer(answer)
            await asyncio.sleep(_POLL)
        raise Failed(503, {"error": "the daemon is stopping"})

    async def halt(self, call: CheckedCall) -> Answer:
        order = _as(Order, call.body)
        return await self._ordered(
            "halt everything", lambda: commands.halt(self._orders(call), reason=order.reason), urgent=True
        )

    async def resume(self, call: CheckedCall) -> Answer:
        order = _as(ResumeOrder, call.body)
        return await self._ordered(
            "resume", lambda: commands.resume(self._orders(call), reason=order.reason, task=order.task)
        )

    async def suspend(self, call: CheckedCall) -> Answer:
        order = _as(SuspendOrder, call.body)
        return await self._ordered(
            f"suspend {order.task}",
            lambda: commands.suspend(self._orders(call), reason=order.reason, task=order.task, until=order.until),
        )

    async def retry(self, call: CheckedCall) -> Answer:
        order = _as(RetryOrder, call.body)
        return await self._ordered(
            "retry",
            lambda: commands.retry(self._orders(call), reason=order.reason, fingerprint=order.fingerprint),
        )

    async def pause(self, call: CheckedCall) -> Answer:
        order = _as(PauseOrder, call.body)
        return Answer(self.surface.pause(by=order.by or call.by, reason=order.reason))

    async def unpause(self, call: CheckedCall) -> Answer:
        del call
        return Answer(self.surface.resume())

    def _last(self) -> Tick:
        """The last run. Before it nobody knows what differs, which is not the same as nothing."""
        last = self.surface.daemon.status.last
        if last is None:
            raise Failed(503, {"error": self.surface.unready() or "the first run is not done yet"})
        return last

    def _orders(self, call: CheckedCall) -> commands.Orders:
        """For the consumer alone."""
        return self.surface.desk.orders(Actor(f"{call.by} (API)"))

    async def _ordered(self, name: str, order: Callable[[], str], *, urgent: bool = False) -> Answer:
        return Answer({"message": await self._answer(name, order, urgent=urgent)})

    async def _sessions(self, call: CheckedCall, most: int) -> list[Session]:
        agent = _as(SessionQuery, call.query).agent
        sessions = await self._answer("read guarded runs", partial(self.surface.desk.sessions, most))
        return [session for session in sessions if agent in {None, session.agent}]

    async def _answer(self, name: str, question: Callable[[], _Q], *, urgent: bool = False) -> _Q:
        """What the consumer answers, once it is free for that."""
        queries: list[_Q] = []
        answer = self.surface.daemon.ask(name, lambda: queries.append(question()), urgent=urgent)
        while not answer.done():
            if self.surface.daemon.stopping.is_set():
                raise Failed(503, {"error": "the daemon is stopping"})
            await asyncio.sleep(_POLL)
        try:
            answer.result()
        except Invalid as exc:
            raise Failed(404, _error(exc)) from exc
        except BotError as exc:
            raise Failed(502, _error(exc)) from exc
        return queries[0]


def _as(kind: type[_Q], values: object) -> _Q:
    """What was checked to be of that kind."""
    if not isinstance(values, kind):
        raise TypeError(f"{type(values).__name__} is not {kind.__name__}")
    return values


def _rows(values: object) -> list[dict[str, object]]:
    return [dict(row) for row in values] if isinstance(values, list) else []


def _error(exc: BotError) -> dict[str, object]:
    return {"error": exc.message, "advice": exc.advice, "kind": type(exc).__name__, "exit_code": exc.exit_code}


def _entry(entry: Entry) -> dict[str, JSON]:
    return facts(
        entry, "id kind at actor=actor.login task remedy=lane fingerprint severity intent result reason link detail"
    )


def _session(session: Session) -> dict[str, object]:
    return {
        **facts(session, "id at agent mode verdict number head base milliseconds"),
        "findings": len(session.findings),
        "failure": session.failure,
    }


def _finding(session: Session, finding: Finding) -> dict[str, object]:
    return {
        **facts(session, "session=id at agent number"),
        **facts(finding, "rule severity title message file line"),
    }
