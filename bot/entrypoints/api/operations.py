"""The operations: path, scope, what goes in, what comes out, what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from bot.entrypoints.api.tokens import Scope
from bot.model.json import JSON
from bot.model.severity import Severity

_Line = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f]$")]
_Text = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"\S")]
_Number = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,2}$")]


class OperationInput(BaseModel):
    """What comes in; anything else beside it is wrong."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoQuery(OperationInput):
    """Nothing is asked."""


class DriftQuery(OperationInput):
    """Which differences."""

    target: _Line | None = Field(None, description="Only this target.")
    severity: Severity | None = Field(None, description="This severity and worse.")


class TaskQuery(OperationInput):
    """Which task."""

    task: _Line | None = Field(None, description="Only this task.")


class ExplainQuery(OperationInput):
    """Which task is to be explained."""

    task: _Line = Field(description="A task, as reports name it.")


class LedgerQuery(OperationInput):
    """Which entries."""

    limit: _Number = Field("100", description="So many, the newest first.")
    task: _Line | None = Field(None, description="Only about this task.")


class SessionQuery(OperationInput):
    """Which guarded runs."""

    limit: _Number = Field("100", description="So many, the newest first.")
    agent: _Line | None = Field(None, description="Only of this agent.")


class CheckQuery(OperationInput):
    """How the account of a run is to be shown as text, if at all."""

    width: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}$")] = Field(
        "0", description="Columns; 0 for no text."
    )
    colour: Literal["true", "false"] = "false"


class Nothing(OperationInput):
    """No more is needed."""


class Order(OperationInput):
    """An order, which the ledger keeps with its reason."""

    reason: _Text = Field(description="Why; it is kept in the ledger.")


class ResumeOrder(Order):
    """Lift a halt, or let one task go on."""

    task: _Line | None = Field(None, description="Only this task; everything without it.")


class SuspendOrder(Order):
    """Stop writes for one task."""

    task: _Line
    until: Annotated[str, StringConstraints(max_length=40, pattern=r"^[0-9]+[smhd]$")] | None = Field(
        None, description="For so long, such as 3h or 2d; without it until somebody ends it."
    )


class RetryOrder(Order):
    """Have a rejected proposal made again."""

    fingerprint: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}-[0-9a-f]{16}$")]


class PauseOrder(OperationInput):
    """Have this daemon write nothing."""

    by: Annotated[str, StringConstraints(max_length=200)] = ""
    reason: Annotated[str, StringConstraints(max_length=2000)] = ""


@dataclass(frozen=True, slots=True)
class ApiOperation:
    """One thing that can be asked or ordered. ``answers`` is the JSON Schema of its answer, ``fails`` the statuses with
    which it may be refused beside those that every operation has.
    """

    name: str
    method: Literal["GET", "POST"]
    path: str
    scope: Scope | None
    summary: str
    answers: Mapping[str, JSON]
    query: type[OperationInput] = NoQuery
    body: type[OperationInput] | None = None
    fails: tuple[int, ...] = ()


def _object(**properties: JSON) -> dict[str, JSON]:
    """An object that has these keys; more may come."""
    return {"type": "object", "properties": properties, "required": list(properties)}


_TEXT: Final[JSON] = {"type": "string"}
_MAYBE: Final[JSON] = {"type": ["string", "null"]}
_COUNT: Final[JSON] = {"type": "integer", "minimum": 0}
_TRUTH: Final[JSON] = {"type": "boolean"}


def _list(of: JSON) -> dict[str, JSON]:
    return {"type": "array", "items": of}


_DRIFT: Final = _object(
    id=_TEXT,
    resource=_TEXT,
    target=_TEXT,
    task=_TEXT,
    kind=_TEXT,
    path=_TEXT,
    severity={"enum": [severity.value for severity in Severity]},
)
_DECISION: Final = _object(drift=_TEXT, resource=_TEXT, remedy=_TEXT, rule=_TEXT, reasons=_list(_TEXT))
_ACTION: Final = _object(effect=_TEXT, remedy=_TEXT, task=_TEXT, message=_TEXT)
_ENTRY: Final = _object(id=_TEXT, kind=_TEXT, at=_TEXT, actor=_TEXT, reason=_TEXT)
_FINDING: Final = _object(session=_TEXT, at=_TEXT, agent=_TEXT, rule=_TEXT, severity=_TEXT, message=_TEXT, file=_MAYBE)
_SESSION: Final = _object(id=_TEXT, at=_TEXT, agent=_TEXT, verdict=_TEXT, number={"type": ["integer", "null"]})
_DONE: Final = _object(message=_TEXT)


def _asking(
    name: str,
    summary: str,
    answers: Mapping[str, JSON],
    query: type[OperationInput] = NoQuery,
    *,
    fails: tuple[int, ...] = (),
) -> ApiOperation:
    return ApiOperation(name, "GET", f"/v1/{name}", Scope.READ, summary, answers, query, fails=fails)


def _ordering(
    name: str,
    summary: str,
    answers: Mapping[str, JSON],
    body: type[OperationInput],
    query: type[OperationInput] = NoQuery,
    *,
    fails: tuple[int, ...] = (),
) -> ApiOperation:
    return ApiOperation(name, "POST", f"/v1/{name}", Scope.WRITE, summary, answers, query, body, fails)


_READY: Final = _object(ready=_TRUTH, error=_MAYBE)
_STATUS: Final = _object(running=_TRUTH, repository=_TEXT, branch=_TEXT, ticks=_COUNT)
_TARGETS: Final = _object(at=_TEXT, targets=_list(_object(name=_TEXT, resources=_COUNT, drift=_COUNT)))
_DECISIONS: Final = _object(at=_TEXT, blocked=_MAYBE, decisions=_list(_DECISION), actions=_list(_ACTION))
_PAUSED: Final = _object(paused=_TRUTH, at=_TEXT, by=_TEXT, reason=_TEXT)
_RUN: Final = _object(tick={"type": "object"}, exit_code=_COUNT)
_NOT_YET, _BUSY = (503,), (502, 503)
_ABOUT: Final = (404, 502, 503)
"""What is about something that may not be there."""

OPERATIONS: Final = (
    ApiOperation("healthz", "GET", "/healthz", None, "Whether the process is alive", _object(status=_TEXT)),
    ApiOperation("readyz", "GET", "/readyz", None, "Whether it can be relied on", _READY, fails=_NOT_YET),
    _asking("status", "What the daemon knows of itself", _STATUS),
    _asking("targets", "The targets, and how much each differs", _TARGETS, fails=_NOT_YET),
    _asking(
        "drift",
        "What differs, as the last run saw it",
        _object(at=_TEXT, commit=_TEXT, drift=_list(_DRIFT)),
        DriftQuery,
        fails=_NOT_YET,
    ),
    _asking("decisions", "What was decided about it, and what was done", _DECISIONS, TaskQuery, fails=_NOT_YET),
    _asking(
        "explain",
        "The whole chain of decision about a task; looks at what runs",
        _object(task=_TEXT, text=_TEXT),
        ExplainQuery,
        fails=_ABOUT,
    ),
    _asking(
        "ledger", "What the ledger remembers", _object(tip=_MAYBE, entries=_list(_ENTRY)), LedgerQuery, fails=_NOT_YET
    ),
    _asking("findings", "Findings of guarded runs", _object(findings=_list(_FINDING)), SessionQuery, fails=(502,)),
    _asking("sessions", "Guarded runs", _object(sessions=_list(_SESSION)), SessionQuery, fails=(502,)),
    _ordering("check", "Run now, and tell what came of it", _RUN, Nothing, CheckQuery, fails=_BUSY),
    _ordering("halt", "Stop every write of every run until somebody resumes", _DONE, Order, fails=_BUSY),
    _ordering("resume", "Lift a halt, or let one task go on", _DONE, ResumeOrder, fails=_ABOUT),
    _ordering("suspend", "Stop writes for one task", _DONE, SuspendOrder, fails=_ABOUT),
    _ordering("retry", "Have a rejected proposal made again", _DONE, RetryOrder, fails=_ABOUT),
    _ordering("pause", "Have this daemon write nothing, also after a restart", _PAUSED, PauseOrder),
    _ordering("unpause", "Have this daemon write again", _object(paused=_TRUTH, was_paused=_TRUTH), Nothing),
)
"""Everything that the API can do, in the order of its description."""


@dataclass(frozen=True, slots=True)
class CheckedCall:
    """A call of an operation, checked: what was asked and ordered, and by the holder of which token."""

    query: OperationInput
    body: OperationInput
    by: str = ""


class Failed(Exception):
    """The operation cannot be carried out: an HTTP status and what a person reads."""

    def __init__(self, status: int, facts: Mapping[str, object]) -> None:
        super().__init__(str(facts.get("error")))
        self.status = status
        self.facts: dict[str, object] = dict(facts)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation comes to: a status and JSON values."""

    values: Mapping[str, object]
    status: int = 200
