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

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import from_json

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
        version = {"version": record["version"]} if "version" in record else {}
        return {**version, "session": {key: value for key, value in record.items() if key != "version"}}


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
        session = _Record.model_validate_json(data).session
    except ValidationError as exc:
        raise _unlike(exc) from exc
    if session.at.tzinfo is None:
        raise Invalid("not a session record at at: the time names no zone")
    if absent := _absent(from_json(data), asdict(session)):
        raise Invalid(f"not a session record at {'.'.join(absent)}: it is missing")
    return replace(session, at=session.at.astimezone(UTC))


def _unlike(error: ValidationError) -> Invalid:
    first = error.errors(include_url=False, include_context=False)[0]
    version = first["input"] if first["loc"] == ("version",) else None
    location = ".".join(str(part) for part in first["loc"]).removeprefix("session.") or "the record"
    newer = isinstance(version, int) and version > VERSION
    return Invalid(
        f"not a session record at {location}: {first['msg']}",
        advice="A newer Clockwork wrote it: update this one." if newer else None,
    )


def _absent(record: object, session: object) -> tuple[str, ...]:
    """The place of the first thing that a session has and its ``record`` does not say: what was lost must not be read as a
    default, or a run with findings would be a clean one.
    """
    match record, session:
        case dict(), dict():
            missing_key = next(((key,) for key in session if key not in record), ())
            parts = ((key, _absent(record[key], session[key])) for key in session if key in record)
        case list(), tuple():
            missing_key = ()
            parts = ((str(index), _absent(*pair)) for index, pair in enumerate(zip(record, session, strict=True)))
        case _:
            return ()
    return missing_key or next(((key, *below) for key, below in parts if below), ())
