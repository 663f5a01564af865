"""Ledger entries as bytes: one canonical JSON line each, every line naming the digest of the line before it.

Format, version 1. A line is a JSON object with sorted keys and no blanks, ASCII only: ``v`` (1), ``prev`` (sha-256 of the
line before, 64 zeros for the first), and the fields of :class:`bot.model.ledger.Entry`; fields that hold nothing are
left out; times are UTC with microseconds and a Z. Lines of every version ever written keep reading: a later version adds
a branch to :func:`decoded`, and the recorded ledgers in the tests stay as they are. Used by
:mod:`bot.gitrepo.ledger.tree`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from datetime import UTC
from functools import lru_cache
from typing import Annotated, Final, Literal, NotRequired, cast

from pydantic import AwareDatetime, ConfigDict, StringConstraints, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from bot.errors import Invalid, Refused
from bot.model.decision import Lane
from bot.model.json import mapping, read_json
from bot.model.ledger import Actor, Entry, EntryKind, Result
from bot.secrecy.redaction import redact_tokens

VERSION: Final = 1
GENESIS: Final = "0" * 64
_LONGEST: Final = 8 * 1024 * 1024
"""Bytes of a line. A proposal that many objects join names each of them, some two hundred bytes an object."""
_LONGEST_REASON: Final = 65_536
"""Characters."""

_Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}\z")]
_Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}\z")]


_STRICT: Final = ConfigDict(extra="forbid")


class _Actor(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]  # how pydantic takes it

    login: str
    id: NotRequired[int | None]


class _Line(TypedDict):
    """Version 1: the fields of an entry under their own names, and two of its place in the chain.

    A dict and not a model: a fresh runner reads thousands of lines, and models take three times as long.
    """

    __pydantic_config__ = _STRICT  # type: ignore[misc]

    v: Literal[1]
    prev: _Digest
    id: _Id
    kind: EntryKind
    at: AwareDatetime
    actor: _Actor
    task: NotRequired[str | None]
    lane: NotRequired[Lane | None]
    fingerprint: NotRequired[str | None]
    drifts: NotRequired[tuple[str, ...]]
    fields: NotRequired[tuple[str, ...]]
    severity: NotRequired[str | None]
    intent: NotRequired[_Id | None]
    result: NotRequired[Result | None]
    reason: NotRequired[str]
    link: NotRequired[str | None]
    detail: NotRequired[dict[str, str]]


_LINE: Final = TypeAdapter(_Line)


def digest(line: bytes) -> str:
    """What the next line names as ``prev``."""
    return hashlib.sha256(line).hexdigest()


def encoded(entry: Entry, prev: str) -> bytes:
    """The line of ``entry`` after the line with digest ``prev``, without a line break.

    Raises ``Invalid`` for an entry that no reader would accept: an id of another shape, a time without a zone, too long.
    """
    values = {
        **{field.name: getattr(entry, field.name) for field in fields(Entry)},
        "v": VERSION,
        "prev": prev,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "actor": {"login": entry.actor.login} | _present({"id": entry.actor.id}),
        "reason": redact_tokens(entry.reason) or None,
        "detail": dict(entry.detail),
    }
    line = json.dumps(_storable(_present(values)), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
    if entry.at.tzinfo is None:
        raise Invalid(f"ledger entry {entry.id} has no time zone")
    if len(entry.reason) > _LONGEST_REASON:
        raise Invalid(f"the reason of ledger entry {entry.id} is longer than {_LONGEST_REASON:,} characters")
    if len(line) > _LONGEST:
        raise Invalid(
            f"ledger entry {entry.id} has {len(line):,} bytes, {_LONGEST:,} at most",
            advice="Have fixes.join join less.",
        )
    try:
        _LINE.validate_json(line)
    except ValidationError as exc:
        raise Invalid(f"ledger entry {entry.id} cannot be written: {_first(exc)}") from exc
    return line


def decoded(line: bytes, *, location: str) -> tuple[Entry, str]:
    """The entry a line holds and the digest it names. Raises ``Refused`` when it cannot be read, for ``location``."""
    try:
        record = _LINE.validate_json(line)
    except ValidationError as exc:
        refuse_newer(line, "v", location=location)
        raise Refused(f"the ledger's {location} does not parse: {_first(exc)}") from exc
    prev = record["prev"]
    return _entry(record), prev


def refuse_newer(data: bytes, key: str, *, location: str) -> None:
    """Raises ``Refused``, for ``location``, when a JSON object names a later version than ours under ``key``.

    A later version may have fields that this one does not know, so it is asked before anything else is made of them.
    """
    version = mapping(read_json(data)).get(key)
    if isinstance(version, int) and version > VERSION:
        raise Refused(
            f"the ledger's {location} is of schema version {version}; this Clockwork reads up to {VERSION}",
            advice="update Clockwork",
        )


def _entry(line: _Line) -> Entry:
    """The entry of a validated line, which is used up: its fields are those of an entry once its place is taken out."""
    values = cast("dict[str, object]", line)
    values["actor"], values["at"] = _actor(**line["actor"]), line["at"].astimezone(UTC)
    del values["v"], values["prev"]
    return Entry(**values)  # type: ignore[arg-type]


@lru_cache(maxsize=1024)
def _actor(login: str, id: int | None = None) -> Actor:  # noqa: A002 - the name in the format
    """Few actors write many entries."""
    return Actor(login, id)


def _present(values: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if value not in (None, [], (), {})}


def _storable(value: object) -> object:
    """The value with half characters (lone surrogates, which no UTF-8 can say) replaced by U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, (list, tuple)):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value


def _first(error: ValidationError) -> str:
    problem = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in problem['loc']) or 'line'}: {problem['msg']}"
