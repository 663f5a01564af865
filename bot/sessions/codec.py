"""Session records as canonical JSON: one text for one session, in SQL and on the Git ref alike.

Version 1. A record of a newer version is refused, never half-read; older versions will keep being read here. Text that
JSON cannot carry everywhere becomes U+FFFD when it is written: lone surrogates, and NUL, which PostgreSQL cannot store
(documentation, "Character Types").
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from datetime import UTC
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from bot.errors import Invalid
from bot.model.session import Session

VERSION: Final = 1
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


class _Record(BaseModel):
    """A session and, beside its fields, the version. What it holds is checked by the same rules, however deep it stands."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    version: Literal[1]
    session: Session

    @model_validator(mode="before")
    @classmethod
    def _apart(cls, record: object) -> object:
        if not isinstance(record, dict):
            return record
        return {"version": record.pop("version", None), "session": record}

    @field_validator("session")
    @classmethod
    def _in_utc(cls, session: Session) -> Session:
        if session.at.tzinfo is None:
            raise ValueError("at names no time zone")
        return replace(session, at=session.at.astimezone(UTC))


def encode(session: Session) -> bytes:
    """The one JSON text of ``session``: sorted keys, no spaces, ASCII, no line break. Times are UTC."""
    plain = {**asdict(session), "version": VERSION, "at": session.at.astimezone(UTC).isoformat()}
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
        return _Record.model_validate_json(data).session
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
        location = ".".join(str(part) for part in first["loc"]).removeprefix("session.") or "the record"
        advice = "A newer Clockwork wrote it: update this one." if first["loc"][:1] == ("version",) else None
        raise Invalid(f"not a session record at {location}: {first['msg']}", advice=advice) from exc
