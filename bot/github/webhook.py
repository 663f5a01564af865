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

from pydantic import Field, ValidationError

from bot.errors import Invalid, Refused
from bot.github.payloads import PayloadPart, UserPart, first_error
from bot.model.event import (
    CheckEvent,
    CommentEvent,
    Event,
    Ignored,
    IssueEvent,
    PingEvent,
    PullRequestEvent,
    PushEvent,
)

MAX_BYTES: Final = 25 * 1024 * 1024
"""The largest delivery that GitHub sends (docs.github.com, "Webhook events and payloads": "capped at 25 MB")."""
_NONE: Final = "0" * 40
"""What a push names as ``before`` of a new branch and as ``after`` of a deleted one."""


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


def verify(secret: bytes, body: bytes, given: str | None) -> None:
    """Return if ``given`` is the signature of ``body``; raise ``Refused`` otherwise. Takes the same time for any guess."""
    if not secret:
        raise Refused("webhooks need a secret", advice="Set CLOCKWORK_WEBHOOK_SECRET and the same secret on the host.")
    if given is None or not hmac.compare_digest(signature(secret, body).encode(), given.encode(errors="replace")):
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
    reader = _READERS.get(name)
    if reader is None:
        return Ignored(delivery, f"event {name[:40]!r}")
    if _header(headers, "content-type").startswith("application/x-www-form-urlencoded"):
        body = parse_qs(body.decode("latin-1")).get("payload", [""])[0].encode()
    try:
        return reader(delivery, body)
    except ValidationError as exc:
        raise Invalid(f"a {name} delivery cannot be read: {first_error(exc)}") from exc


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")


_Text = Annotated[str, Field(max_length=1_000_000)]


class _Repository(PayloadPart):
    full_name: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]


class _Base(PayloadPart):
    repository: _Repository
    sender: UserPart = UserPart()
    action: str = ""


class _Touched(PayloadPart):
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()


class _Push(_Base):
    ref: str
    before: str
    after: str
    commits: tuple[_Touched, ...] = ()


class _Ref(PayloadPart):
    ref: str
    sha: str


class _Pull(PayloadPart):
    number: int
    head: _Ref
    base: _Ref
    merged: bool | None = False


class _PullRequest(_Base):
    pull_request: _Pull


class _Numbered(PayloadPart):
    number: int
    pull_request: dict[str, object] | None = None


class _Issue(_Base):
    issue: _Numbered


class _CommentPart(PayloadPart):
    id: int
    body: _Text | None = ""
    author_association: str = "NONE"


class _Comment(_Base):
    issue: _Numbered
    comment: _CommentPart


class _Run(PayloadPart):
    head_sha: str
    name: str = ""
    pull_requests: tuple[_Numbered, ...] = ()


class _Check(_Base):
    check_run: _Run | None = None
    check_suite: _Run | None = None


class _Ping(PayloadPart):
    repository: _Repository | None = None


def _push(delivery: str, body: bytes) -> Event:
    payload = _Push.model_validate_json(body)
    paths = sorted({path for commit in payload.commits for path in (*commit.added, *commit.removed, *commit.modified)})
    before, after = (None if sha == _NONE else sha for sha in (payload.before, payload.after))
    return PushEvent(
        delivery, payload.repository.full_name, payload.ref, before, after, payload.sender.login, tuple(paths)
    )


def _pull_request(delivery: str, body: bytes) -> Event:
    payload = _PullRequest.model_validate_json(body)
    pull = payload.pull_request
    return PullRequestEvent(
        delivery=delivery,
        repository=payload.repository.full_name,
        action=payload.action,
        number=pull.number,
        head_sha=pull.head.sha,
        head_ref=pull.head.ref,
        base_ref=pull.base.ref,
        merged=bool(pull.merged),
        sender=payload.sender.login,
    )


def _issue(delivery: str, body: bytes) -> Event:
    payload = _Issue.model_validate_json(body)
    return IssueEvent(
        delivery, payload.repository.full_name, payload.action, payload.issue.number, payload.sender.login
    )


def _comment(delivery: str, body: bytes) -> Event:
    payload = _Comment.model_validate_json(body)
    return CommentEvent(
        delivery=delivery,
        repository=payload.repository.full_name,
        action=payload.action,
        number=payload.issue.number,
        comment=payload.comment.id,
        body=payload.comment.body or "",
        sender=payload.sender.login,
        sender_id=payload.sender.id,
        on_pull=payload.issue.pull_request is not None,
        association=payload.comment.author_association,
    )


def _check(delivery: str, body: bytes) -> Event:
    payload = _Check.model_validate_json(body)
    run = payload.check_run or payload.check_suite
    if run is None:
        raise Invalid("a check delivery has neither a check run nor a check suite")
    return CheckEvent(
        delivery=delivery,
        repository=payload.repository.full_name,
        action=payload.action,
        head_sha=run.head_sha,
        name=run.name,
        sender=payload.sender.login,
        numbers=tuple(pull.number for pull in run.pull_requests),
    )


def _ping(delivery: str, body: bytes) -> Event:
    payload = _Ping.model_validate_json(body)
    return PingEvent(delivery, payload.repository.full_name if payload.repository else None)


_READERS: Final[Mapping[str, Callable[[str, bytes], Event]]] = {
    "push": _push,
    "pull_request": _pull_request,
    "issues": _issue,
    "issue_comment": _comment,
    "check_run": _check,
    "check_suite": _check,
    "ping": _ping,
}
