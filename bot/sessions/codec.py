"""Session records as canonical JSON: one text for one session, in SQL and on the Git ref alike.

Version 1. A record of a newer version is refused, never half-read; older versions will keep being read here. Text that
JSON cannot carry everywhere becomes U+FFFD when it is written: lone surrogates, and NUL, which PostgreSQL cannot store
(documentation, "Character Types").
"""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import UTC
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from bot.errors import Invalid
from bot.model.drift import Severity
from bot.model.finding import Enforce, Finding, Mode, Verdict
from bot.model.session import Reply, ReplyFinding, ReplyStatus, Session

VERSION: Final = 1
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _FindingRecord(_Record):
    rule: str
    title: str
    severity: Severity
    enforce: Enforce
    file: str | None
    line: int | None
    end_line: int | None
    message: str
    suggestion: str | None
    evidence: str | None
    fingerprint: str
    by: str
    category: str


class _ReplyFindingRecord(_Record):
    rule: str
    file: str
    line: int | None
    severity: str
    message: str


class _ReplyRecord(_Record):
    assistant: str
    status: ReplyStatus
    findings: tuple[_ReplyFindingRecord, ...]
    message: str
    milliseconds: int
    exit_code: int | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: Annotated[float, Field(allow_inf_nan=False)] | None
    stderr_tail: str


class _SessionRecord(_Record):
    version: Literal[1] = VERSION
    id: str
    at: AwareDatetime
    repository: str
    agent: str
    mode: Mode
    verdict: Verdict
    head: str
    base: str
    number: int | None
    milliseconds: int
    findings: tuple[_FindingRecord, ...]
    replies: tuple[_ReplyRecord, ...]
    failure: str | None


def encode(session: Session) -> bytes:
    """The one JSON text of ``session``: sorted keys, no spaces, ASCII, no line break. Times are UTC."""
    plain = {**dataclasses.asdict(session), "version": VERSION, "at": session.at.astimezone(UTC).isoformat()}
    return json.dumps(_clean(plain), sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def _clean(value: object) -> object:
    match value:
        case str():
            return _UNSTORABLE.sub("\ufffd", value)
        case dict():
            return {key: _clean(item) for key, item in value.items()}
        case tuple() | list():
            return [_clean(item) for item in value]
        case _:
            return value


def decode(data: bytes) -> Session:
    """The session that ``data`` records. Raises :class:`~bot.errors.Invalid` saying where it is no such record."""
    try:
        record = _SessionRecord.model_validate_json(data)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
        location = ".".join(str(part) for part in first["loc"]) or "the record"
        advice = "A newer Clockwork wrote it: update this one." if first["loc"][:1] == ("version",) else None
        raise Invalid(f"not a session record at {location}: {first['msg']}", advice=advice) from exc
    return Session(
        id=record.id,
        at=record.at.astimezone(UTC),
        repository=record.repository,
        agent=record.agent,
        mode=record.mode,
        verdict=record.verdict,
        head=record.head,
        base=record.base,
        number=record.number,
        milliseconds=record.milliseconds,
        findings=tuple(Finding(**dict(finding)) for finding in record.findings),
        replies=tuple(_reply(reply) for reply in record.replies),
        failure=record.failure,
    )


def _reply(record: _ReplyRecord) -> Reply:
    fields = dict(record) | {"findings": tuple(ReplyFinding(**dict(finding)) for finding in record.findings)}
    return Reply(**fields)
