"""Webhook deliveries: are they genuine, and what do they say.

Pure, called by the status API (through its port) with the raw body and headers. The signature is checked over the bytes
before anything is parsed (docs.github.com, "Validating webhook deliveries"). What is parsed becomes a value of
:mod:`bot.model.event`; whatever does not fit is an ``Invalid`` delivery (answered 400), never a crash.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final
from urllib.parse import parse_qs

from pydantic import AliasPath, Field, ValidationError

from bot.errors import Invalid, Refused
from bot.github.payloads import PayloadPart, first_error
from bot.model.event import (
    CheckEvent,
    CommentEvent,
    Event,
    Ignored,
    IssueEvent,
    MergeGroupEvent,
    PingEvent,
    PullRequestEvent,
    PushEvent,
)

MAX_BYTES: Final = 25 * 1024 * 1024
"""The largest delivery that GitHub sends (docs.github.com, "Webhook events and payloads": "capped at 25 MB")."""


@dataclass(frozen=True, slots=True)
class GitHubWebhooks:
    """Satisfies :class:`bot.ports.Webhooks`. Without a ``secret`` every delivery is refused."""

    secret: bytes | None = field(repr=False)
    max_bytes: int = MAX_BYTES

    def read(self, headers: Mapping[str, str], body: bytes) -> Event:
        verify(self.secret or b"", body, _header(headers, "x-hub-signature-256"))
        return parse(headers, body)


def signature(secret: bytes, body: bytes) -> str:
    """The value of ``X-Hub-Signature-256`` for ``body``."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def verify(secret: bytes, body: bytes, signature_header: str | None) -> None:
    """Return if ``signature_header`` is the one of ``body``; raise ``Refused`` otherwise. Takes the same time for any guess."""
    if not secret:
        raise Refused("webhooks need a secret", advice="Set CLOCKWORK_WEBHOOK_SECRET and the same secret on the host.")
    if signature_header is None or not hmac.compare_digest(
        signature(secret, body).encode(), signature_header.encode(errors="replace")
    ):
        raise Refused("a webhook delivery is not signed with our secret")


def delivery_id(headers: Mapping[str, str]) -> str:
    """The id by which a repeated delivery is recognised; ``Invalid`` when there is none that looks like one."""
    value = _header(headers, "x-github-delivery")
    if not re.fullmatch(r"[A-Za-z0-9-]{8,64}", value):
        raise Invalid("a webhook delivery has no usable X-GitHub-Delivery header")
    return value


def parse(headers: Mapping[str, str], body: bytes) -> Event:
    """The event of a verified delivery. ``Invalid`` when it is too large, not JSON or lacks what its kind has."""
    if len(body) > MAX_BYTES:
        raise Invalid(f"a webhook delivery has {len(body)} bytes, more than {MAX_BYTES}")
    delivery, name = delivery_id(headers), _header(headers, "x-github-event")
    if name not in _KINDS:
        return Ignored(delivery, f"event {name[:40]!r}")
    if _header(headers, "content-type").startswith("application/x-www-form-urlencoded"):
        body = parse_qs(body.decode("latin-1")).get("payload", [""])[0].encode()
    part, build_event = _KINDS[name]
    try:
        return build_event(delivery, **dict(part.model_validate_json(body)))
    except ValidationError as exc:
        raise Invalid(f"a {name} delivery cannot be read: {first_error(exc)}") from exc


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")


_NAME: Final = r"^[\w.-]+/[\w.-]+$"
_Repository = Annotated[str, Field(pattern=_NAME, validation_alias=AliasPath("repository", "full_name"))]


class _Push(PayloadPart):
    repository: _Repository
    ref: str


class _Pull(PayloadPart):
    repository: _Repository
    action: str = ""
    number: int = Field(validation_alias=AliasPath("pull_request", "number"))


class _Issue(PayloadPart):
    repository: _Repository
    action: str = ""
    number: int = Field(validation_alias=AliasPath("issue", "number"))


class _Numbered(PayloadPart):
    number: int


class _Run(PayloadPart):
    pull_requests: tuple[_Numbered, ...] = ()


class _CheckRun(PayloadPart):
    repository: _Repository
    action: str = ""
    run: _Run = Field(validation_alias="check_run")


class _CheckSuite(PayloadPart):
    repository: _Repository
    action: str = ""
    run: _Run = Field(validation_alias="check_suite")


class _MergeGroup(PayloadPart):
    repository: _Repository
    action: str = ""


class _Ping(PayloadPart):
    repository: str | None = Field(None, pattern=_NAME, validation_alias=AliasPath("repository", "full_name"))


def _check(delivery: str, repository: str, action: str, run: _Run) -> CheckEvent:
    return CheckEvent(delivery, repository, action, tuple(pull.number for pull in run.pull_requests))


_KINDS: Final[Mapping[str, tuple[type[PayloadPart], Callable[..., Event]]]] = {
    "push": (_Push, PushEvent),
    "pull_request": (_Pull, PullRequestEvent),
    "issues": (_Issue, IssueEvent),
    "issue_comment": (_Issue, CommentEvent),
    "check_run": (_CheckRun, _check),
    "check_suite": (_CheckSuite, _check),
    "merge_group": (_MergeGroup, MergeGroupEvent),
    "ping": (_Ping, PingEvent),
}
"""What is read of each kind of delivery, and the event that it becomes, field by field."""
