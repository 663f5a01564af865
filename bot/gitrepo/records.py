"""Ledger entries as bytes: one canonical JSON line each, every line naming the digest of the line before it.

Format, version 1. A line is a JSON object with sorted keys and no blanks, ASCII only: ``v`` (1), ``prev`` (sha-256 of the
line before, 64 zeros for the first), and the fields of :class:`bot.model.ledger.Entry`; fields that hold nothing are
left out; times are UTC with microseconds and a Z. Lines of every version ever written keep reading: a later version adds
a branch to :func:`decoded`, and the recorded ledgers in the tests stay as they are. Used by
:mod:`bot.gitrepo.chapter`.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from bot.errors import Invalid, Refused
from bot.model.decision import Lane
from bot.model.ledger import Actor, Entry, EntryKind, Result

__all__ = ["GENESIS", "VERSION", "decoded", "digest", "encoded"]

VERSION: Final = 1
GENESIS: Final = "0" * 64
_LONGEST: Final = 65_536

_Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}\z")]
_Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}\z")]


class _Actor(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    login: str
    id: int | None = None


class _Line(BaseModel):
    """Version 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    v: Literal[1]
    prev: _Digest
    id: _Id
    kind: EntryKind
    at: AwareDatetime
    actor: _Actor
    task: str | None = None
    lane: Lane | None = None
    fingerprint: str | None = None
    drifts: tuple[str, ...] = ()
    fields_: tuple[str, ...] = Field(default=(), alias="fields")
    severity: str | None = None
    intent: _Id | None = None
    result: Result | None = None
    reason: str = ""
    link: str | None = None
    detail: dict[str, str] = Field(default_factory=dict)


def digest(line: bytes) -> str:
    """What the next line names as ``prev``."""
    return hashlib.sha256(line).hexdigest()


def encoded(entry: Entry, prev: str) -> bytes:
    """The line of ``entry`` after the line with digest ``prev``, without a line break.

    Raises ``Invalid`` for an entry that no reader would accept: an id of another shape, a time without a zone, too long.
    """
    values = {
        "v": VERSION,
        "prev": prev,
        "id": entry.id,
        "kind": entry.kind.value,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "actor": {"login": entry.actor.login} | _present({"id": entry.actor.id}),
        "task": entry.task,
        "lane": entry.lane,
        "fingerprint": entry.fingerprint,
        "drifts": list(entry.drifts),
        "fields": list(entry.fields),
        "severity": entry.severity,
        "intent": entry.intent,
        "result": entry.result,
        "reason": entry.reason or None,
        "link": entry.link,
        "detail": dict(entry.detail),
    }
    line = json.dumps(_storable(_present(values)), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
    if entry.at.tzinfo is None or len(line) > _LONGEST:
        raise Invalid(f"ledger entry {entry.id} has no time zone or is longer than {_LONGEST:,} bytes")
    try:
        _Line.model_validate_json(line)
    except ValidationError as exc:
        raise Invalid(f"ledger entry {entry.id} cannot be written: {_first(exc)}") from exc
    return line


def decoded(line: bytes, *, where: str) -> tuple[Entry, str]:
    """The entry a line holds and the digest it names. Raises ``Refused`` when it cannot be read, for ``where``."""
    try:
        record = _Line.model_validate_json(line)
    except ValidationError as exc:
        newer = _newer_version(line)
        if newer is not None:
            raise Refused(
                f"the ledger's {where} is of schema version {newer}; this Clockwork reads up to {VERSION}",
                advice="update Clockwork",
            ) from exc
        raise Refused(f"the ledger's {where} does not parse: {_first(exc)}") from exc
    return _entry(record), record.prev


def _entry(record: _Line) -> Entry:
    return Entry(
        id=record.id,
        kind=record.kind,
        at=_utc(record.at),
        actor=Actor(record.actor.login, record.actor.id),
        task=record.task,
        lane=record.lane,
        fingerprint=record.fingerprint,
        drifts=record.drifts,
        fields=record.fields_,
        severity=record.severity,
        intent=record.intent,
        result=record.result,
        reason=record.reason,
        link=record.link,
        detail=record.detail,
    )


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _present(values: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if value not in (None, [], {})}


def _storable(value: object) -> object:
    """The value with half characters (lone surrogates, which no UTF-8 can say) replaced by U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value


def _newer_version(line: bytes) -> int | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    version = found.get("v") if isinstance(found, dict) else None
    return version if isinstance(version, int) and version > VERSION else None


def _first(error: ValidationError) -> str:
    problem = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in problem['loc']) or 'line'}: {problem['msg']}"
