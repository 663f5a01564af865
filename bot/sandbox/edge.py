"""Where HTTP ends: a request becomes a :class:`ApiCall`, an endpoint's :class:`ApiReply` becomes bytes.

Authentication, rate limits, conditional requests and pagination are here, once, for every endpoint (docs.github.com,
"Authenticating to the REST API", "Rate limits for the REST API", "Using pagination in the REST API"). Endpoints are plain
functions that run in a thread of their own and may block.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.sandbox import permissions
from bot.sandbox.backend import Backend, Caller, Repo, TokenScope, not_accessible
from bot.sandbox.records import IssueRow, ItemT, PullRow, RowT, UserRow
from bot.sandbox.replies import DOCS, ApiProblem, ApiReply, Json, Moved, bad_credentials, not_supplied, unprocessable

Model = TypeVar("Model", bound=BaseModel)
READS = ("GET", "HEAD")
_ITSELF = re.compile(r"/repos/[^/]+/[^/]+|/repositories/\d+")


class RequestBody(BaseModel):
    """A request body. Unknown keys are ignored, as GitHub does; its validator is built when it is first needed."""

    model_config = ConfigDict(defer_build=True)


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One request as a value. ``path`` is without ``/api/v3``; ``address`` is what the client asked for, whole."""

    backend: Backend
    method: str
    path: str
    address: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    data: bytes = b""
    actor: UserRow | None = None
    scope: TokenScope | None = None

    def with_data(self, data: bytes) -> ApiCall:
        """The same call with another body."""
        return replace(self, data=data)

    def person(self) -> UserRow:
        """Whoever calls; 401 for nobody."""
        if self.actor is None:
            raise ApiProblem(401, "Requires authentication")
        return self.actor

    def repo(self, permission: str = "read") -> Repo:
        """The repository that the path names. 404 or 403 without ``permission``, and for writing to an archived one."""
        repo = self._named()
        if permission != "read":
            repo.require(self.actor, permission)
        if self.method not in READS and not _ITSELF.fullmatch(self.path):
            repo.require_writable()
        return repo

    def _named(self) -> Repo:
        """By owner and name, or by its id, which is where redirects lead."""
        key = self.params.get("repository")
        if key is None:
            return self.backend.repo(self.params["owner"], self.params["repo"], self.actor)
        return self.backend.repo_by_id(int(key)).visible(self.actor)

    def issue(self, permission: str = "read") -> tuple[Repo, IssueRow]:
        """The repository and issue (or pull request) that the path names. 404 or 403 without ``permission``."""
        repo = self.repo(permission)
        return repo, repo.issue(self.number())

    def pull(self, permission: str = "read") -> tuple[Repo, IssueRow, PullRow]:
        """As :meth:`issue`, for both halves of a pull request."""
        repo = self.repo(permission)
        return repo, *repo.pull(self.number())

    def number(self, name: str = "number") -> int:
        """A number in the path, 404 when it is none."""
        text = self.params[name]
        if not text.isdigit():
            raise ApiProblem(404, "Not Found")
        return int(text)

    def body(self, model: type[Model]) -> Model:
        """The JSON body as ``model``; 400 for no JSON, 422 naming the field that is missing or wrong."""
        try:
            content = json.loads(self.data or b"{}")
        except ValueError as error:
            raise ApiProblem(400, "Problems parsing JSON") from error
        try:
            return model.model_validate(content)
        except ValidationError as error:
            raise _wrong(error) from error

    def page(
        self, rows: Sequence[RowT], shape: Callable[[RowT], Json], *, kind: str = "", key: str | None = None
    ) -> ApiReply:
        """One page of ``rows`` that are visible by now, with ``Link``. ``key`` wraps them as check runs are wrapped."""
        return self.slice(self.backend.faults.visible(self.path, kind, rows), shape, key=key)

    def slice(self, rows: Sequence[ItemT], shape: Callable[[ItemT], Json], *, key: str | None = None) -> ApiReply:
        """One page of ``rows``, up to 100 of them, with GitHub's ``Link`` header."""
        shown_rows = self.backend.faults.capped(self.path, rows)
        size, number = self._paging()
        items = [shape(row) for row in shown_rows[(number - 1) * size : number * size]]
        content: Json = items if key is None else {"total_count": len(shown_rows), key: items}
        return ApiReply(content, headers=self._links(number, -(-len(shown_rows) // size)))

    def _paging(self) -> tuple[int, int]:
        size, number = self.query.get("per_page", "30"), self.query.get("page", "1")
        return (
            min(max(int(size), 1), 100) if size.isdigit() else 30,
            max(int(number), 1) if number.isdigit() else 1,
        )

    def _links(self, number: int, last: int) -> dict[str, str]:
        targets: dict[str, int] = {}
        if number > 1:
            targets |= {"prev": number - 1, "first": 1}
        if number < last:
            targets |= {"next": number + 1, "last": last}
        links = [f'<{self._at(page)}>; rel="{rel}"' for rel, page in targets.items()]
        return {"Link": ", ".join(links)} if links else {}

    def _at(self, page: int) -> str:
        base = self.address.partition("?")[0]
        return f"{base}?{urlencode({**self.query, 'page': str(page)})}"


Endpoint: TypeAlias = Callable[[ApiCall], ApiReply]


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint and where it is reached. ``path`` is in Starlette's notation."""

    method: str
    path: str
    endpoint: Endpoint


def authenticate(backend: Backend, authorization: str) -> Caller | None:
    """Who calls: ``token X``, ``Bearer X`` or Basic with the token as password (or user). 401 for a wrong token.

    A JSON Web Token, which only the endpoints of apps take, is nobody's.
    """
    if not authorization:
        return None
    for token in credentials(authorization):
        caller = backend.bearer(token)
        if caller is not None:
            return caller
        if token.count(".") == 2:
            return None
    raise bad_credentials()


def credentials(authorization: str) -> tuple[str, ...]:
    """What an ``Authorization`` header could mean as token, the likelier first."""
    scheme, _, value = authorization.strip().partition(" ")
    return _basic(value) if scheme.lower() == "basic" else (value.strip(),)


def _basic(value: str) -> tuple[str, ...]:
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ()
    return (password, user)


def answer(call: ApiCall, endpoint: Endpoint, *, authorization: str) -> ApiReply:
    """The whole life of one API request, from token to headers. Blocking."""
    actor: UserRow | None = None
    try:
        caller = authenticate(call.backend, authorization)
        actor = None if caller is None else caller.user
        if call.backend.limits.spent(actor):
            raise _exhausted(actor)
        _require_granted(call, caller)
        _require_reached(call, caller)
        reply = endpoint(replace(call, actor=actor, scope=None if caller is None else caller.scope))
    except Moved as moved:
        reply = _redirect(call, moved)
    except ApiProblem as problem:
        reply = problem.reply()
    # A conditional request that is answered 304 costs nothing ("Best practices for using the REST API").
    reply = conditional(call, reply)
    cost = 0 if reply.status == 304 or call.path == "/rate_limit" else 1
    headers = {"X-GitHub-Request-Id": f"SBOX:{call.backend.faults.requests}", "X-GitHub-Media-Type": "github.v3"}
    headers |= call.backend.limits.headers(actor, cost=cost) | dict(reply.headers)
    return ApiReply(reply.content, reply.status, headers, encoded(reply))


def _require_granted(call: ApiCall, caller: Caller | None) -> None:
    """403 for a write that the token was not given the permission for. Without a list of permissions it has all."""
    if caller is None or caller.grants is None or call.method in READS:
        return
    mutates = call.path == "/graphql" and b"mutation" in call.data
    needed_permissions = ("contents",) if mutates else permissions.for_write(call.path)
    if needed_permissions and not any(caller.grants.get(name) in ("write", "admin") for name in needed_permissions):
        permission_text = "; ".join(f"{name}=write" for name in needed_permissions)
        raise not_accessible(caller.user, {"X-Accepted-GitHub-Permissions": permission_text})


def _require_reached(call: ApiCall, caller: Caller | None) -> None:
    """Nothing beyond the repositories that the token was given for, but reading what everybody may read."""
    if caller is None or caller.scope is None:
        return
    params = call.params
    if "repository" in params:
        repo = call.backend.store.first(
            call.backend.hosted, "SELECT * FROM repo WHERE id = ?", int(params["repository"])
        )
    else:
        repo = call.backend.named(params.get("owner", ""), params.get("repo", ""))
    if repo is not None:
        call.backend.require_reached(repo, caller, writes=call.method not in READS)


def _redirect(call: ApiCall, moved: Moved) -> ApiReply:
    """Where a renamed or transferred repository answers by now: 301 for reads, 307 keeps the method of others ("Best
    practices for using the REST API", "Follow redirects").
    """
    path = permissions.below_repository(call.path)
    query = f"?{urlencode(call.query)}" if call.query else ""
    new_location = f"{call.backend.links.api}/repositories/{moved.repo_id}{path}{query}"
    status, message = (301, "Moved Permanently") if call.method in READS else (307, "Temporary Redirect")
    return ApiReply(
        {"message": message, "url": new_location, "documentation_url": DOCS}, status, {"Location": new_location}
    )


def encoded(reply: ApiReply) -> bytes:
    """The bytes of a reply's body."""
    if reply.raw is not None or reply.status in (204, 304):
        return reply.raw or b""
    return json.dumps(reply.content, ensure_ascii=False).encode()


def conditional(call: ApiCall, reply: ApiReply) -> ApiReply:
    """``reply`` with its ETag, or 304 when the caller has it already."""
    if call.method != "GET" or reply.status != 200:
        return reply
    body = encoded(reply)
    tag = f'W/"{hashlib.sha256(body).hexdigest()}"'
    headers = {**reply.headers, "ETag": tag, "Cache-Control": "private, max-age=60, s-maxage=60"}
    known_tags = {part.strip().removeprefix("W/") for part in call.headers.get("if-none-match", "").split(",")}
    if tag.removeprefix("W/") in known_tags:
        return ApiReply(None, 304, headers, b"")
    return ApiReply(reply.content, 200, headers, body)


def query_of(raw: bytes) -> dict[str, str]:
    """The query string's pairs, the last of each name."""
    return dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True))


def _exhausted(actor: UserRow | None) -> ApiProblem:
    subject = "your IP" if actor is None else f"user ID {actor.id}"
    return ApiProblem(403, f"API rate limit exceeded for {subject}.")


def _wrong(error: ValidationError) -> ApiProblem:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"]) or "body"
    if first["type"] == "missing":
        return not_supplied(name)
    return unprocessable(f"Invalid request.\n\nFor '{name}', {first['msg']}.")
