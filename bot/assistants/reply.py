"""Turns what an assistant wrote into findings, or into the status that says why it could not be.

The text is untrusted: it is parsed as data, checked against the reply schema, capped in number and length, redacted, and
nothing in it is ever run or followed. Whether a finding's place exists in the diff is the guardrails' question.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Annotated, Final, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from bot.errors import Invalid
from bot.model.session import ReplyFinding
from bot.secrecy.redaction import redact

MAX_FINDINGS: Final = 200
MAX_MESSAGE: Final = 4000
_FENCED: Final = re.compile(r"(?ism)^[ \t]*```[ \t]*(?:json)?[ \t]*\r?\n(.*?)^[ \t]*```[ \t]*$")


def _folded(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


class _Finding(BaseModel):
    """One finding as the schema has it; unknown extra keys of a chatty tool are not kept."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    rule: Annotated[str, Field(min_length=1, max_length=200)]
    file: Annotated[str, Field(min_length=1, max_length=4096, validation_alias=AliasChoices("file", "path"))]
    line: Annotated[int, Field(ge=1, le=10_000_000, strict=True)] | None = None
    severity: Annotated[Literal["critical", "high", "medium", "low"], BeforeValidator(_folded)]
    message: Annotated[str, Field(min_length=1)]


class _Findings(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    findings: Annotated[list[_Finding], Field(max_length=MAX_FINDINGS)]


_ADAPTER: Final = TypeAdapter(_Findings)


def parse_findings(text: str, *, secrets: Collection[str] = ()) -> tuple[ReplyFinding, ...]:
    """The findings in ``text``: ``{"findings": [...]}``, bare or as the only fenced block of a wordy answer.

    Raises :class:`~bot.errors.Invalid` saying what does not fit, never quoting more than a place in the text.
    """
    try:
        reply = _ADAPTER.validate_python(_json_of(text))
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
        location = ".".join(str(part) for part in first["loc"]) or "the whole reply"
        raise Invalid(f"the reply does not fit the schema at {location}: {first['msg']}") from exc
    return tuple(
        ReplyFinding(
            rule=redacted(finding.rule, secrets),
            file=finding.file,
            line=finding.line,
            severity=finding.severity,
            message=redacted(finding.message, secrets)[:MAX_MESSAGE],
        )
        for finding in reply.findings
    )


def redacted(text: str, secrets: Collection[str]) -> str:
    """``text`` without the values of ``secrets`` and without whatever else looks like a credential."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "[redacted]") if secret else text
    return redact(text)


def _json_of(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        blocks = _FENCED.findall(text)
        if len(blocks) != 1:
            raise Invalid(_not_json(text, exc)) from exc
    try:
        return json.loads(blocks[0])
    except (ValueError, RecursionError) as exc:
        raise Invalid(_not_json(text, exc)) from exc


def _not_json(text: str, exc: Exception) -> str:
    if not text.strip():
        return "the reply is empty"
    if isinstance(exc, json.JSONDecodeError):
        return f"the reply is not JSON at line {exc.lineno} column {exc.colno}"
    return "the reply is not JSON that can be read"
