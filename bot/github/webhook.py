"""Webhook deliveries: are they genuine, and what do they say.

Pure, called by the status API (through its port) with the raw body and headers. The signature is checked over the bytes before
anything is parsed. What is parsed becomes a value of :mod:`bot.model.event`; whatever does not fit is an ``Invalid``
delivery (answered 400), never a crash.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, TypeVar
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.errors import Invalid, Refused
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
"""The largest delivery that GitHub sends (Webhook events and payloads: "capped at 25 MB")."""
_NONE: Final = "0" * 40


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
    found = _header(headers, "x-github-delivery")
    if not re.fullmatch(r"[A-Za-z0-9-]{8,64}", found):
        raise Invalid("a webhook delivery has no usable X-GitHub-Delivery header")
    return found


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
        first = exc.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise Invalid(f"a {name} delivery cannot be read: {place}: {first['msg']}") from exc


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")


_Text = Annotated[str, Field(max_length=1_000_000)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _User(_Part):
    login: str = "ghost"
    id: int | None = None


class _Repository(_Part):
    full_name: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]


class _Base(_Part):
    repository: _Repository
    sender: _User = _User()
    action: str = ""


class _Touched(_Part):
    added: list[str] = []
    removed: list[str] = []
    modified: list[str] = []


class _Push(_Base):
    ref: str
    before: str
    after: str
    commits: list[_Touched] = []


class _Ref(_Part):
    ref: str
    sha: str


class _Pull(_Part):
    number: int
    head: _Ref
    base: _Ref
    merged: bool | None = False


class _PullRequest(_Base):
    pull_request: _Pull


class _Numbered(_Part):
    number: int
    pull_request: dict[str, object] | None = None


class _Issue(_Base):
    issue: _Numbered


class _CommentPart(_Part):
    id: int
    body: _Text | None = ""
    author_association: str = "NONE"


class _Comment(_Base):
    issue: _Numbered
    comment: _CommentPart


class _Run(_Part):
    head_sha: str
    name: str = ""
    pull_requests: list[_Numbered] = []


class _Check(_Base):
    check_run: _Run | None = None
    check_suite: _Run | None = None


class _Ping(_Part):
    repository: _Repository | None = None


_M = TypeVar("_M", bound=BaseModel)


def _read(model: type[_M], body: bytes) -> _M:
    return model.model_validate_json(body)


def _push(delivery: str, body: bytes) -> Event:
    one = _read(_Push, body)
    paths = sorted({path for commit in one.commits for path in (*commit.added, *commit.removed, *commit.modified)})
    before, after = (None if sha == _NONE else sha for sha in (one.before, one.after))
    return PushEvent(delivery, one.repository.full_name, one.ref, before, after, one.sender.login, tuple(paths))


def _pull_request(delivery: str, body: bytes) -> Event:
    one = _read(_PullRequest, body)
    pull = one.pull_request
    return PullRequestEvent(
        delivery=delivery,
        repository=one.repository.full_name,
        action=one.action,
        number=pull.number,
        head_sha=pull.head.sha,
        head_ref=pull.head.ref,
        base_ref=pull.base.ref,
        merged=bool(pull.merged),
        sender=one.sender.login,
    )


def _issue(delivery: str, body: bytes) -> Event:
    one = _read(_Issue, body)
    return IssueEvent(delivery, one.repository.full_name, one.action, one.issue.number, one.sender.login)


def _comment(delivery: str, body: bytes) -> Event:
    one = _read(_Comment, body)
    return CommentEvent(
        delivery=delivery,
        repository=one.repository.full_name,
        action=one.action,
        number=one.issue.number,
        comment=one.comment.id,
        body=one.comment.body or "",
        sender=one.sender.login,
        sender_id=one.sender.id,
        on_pull=one.issue.pull_request is not None,
        association=one.comment.author_association,
    )


def _check(delivery: str, body: bytes) -> Event:
    one = _read(_Check, body)
    run = one.check_run or one.check_suite
    if run is None:
        raise Invalid("a check delivery has neither a check run nor a check suite")
    return CheckEvent(
        delivery=delivery,
        repository=one.repository.full_name,
        action=one.action,
        head_sha=run.head_sha,
        name=run.name,
        sender=one.sender.login,
        numbers=tuple(pull.number for pull in run.pull_requests),
    )


def _ping(delivery: str, body: bytes) -> Event:
    one = _read(_Ping, body)
    return PingEvent(delivery, one.repository.full_name if one.repository else None)


_READERS: Final[Mapping[str, Callable[[str, bytes], Event]]] = {
    "push": _push,
    "pull_request": _pull_request,
    "issues": _issue,
    "issue_comment": _comment,
    "check_run": _check,
    "check_suite": _check,
    "ping": _ping,
}
