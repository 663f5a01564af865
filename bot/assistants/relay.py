"""The one way out of an assistant's wall: HTTP that goes on to its model's host, with the key that the tool never had.

The tool is told that its model lives on loopback, and is given a token of this run in place of the key. What it sends is
passed on below the base URL of the settings and nowhere else, for tools that are known to what they ask alone; where a
credential stands, the token goes on as the key. Anywhere else it stays what it is: hosts quote headers that they do not like.
Where there is a key, a request without the token is refused, so that nobody else on the machine can spend it, and no other
credential goes on: with an account of somebody else's at the same host, that would be the way out for whatever the tool
knows. Replies stream through; a key in one is written over.

Which headers end at a proxy: RFC 9110, section 7.6.1.
"""

from __future__ import annotations

import re
import secrets
import socketserver
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import quote, unquote, urlsplit

import httpx

from bot.trust import web_authorities

REQUEST_CAP: Final = 32 * 1024 * 1024
"""Bytes of one request; prompts are far below (the largest models read about 4 MB)."""
_INSIDE_PORT: Final = 8737
"""The port inside of a network namespace, where nothing else listens."""
_UPWARDS: Final = re.compile(r"(?:/|\\|%2f|%5c)(?:\.|%2e){1,2}(?:/|\\|%2f|%5c|$)", re.IGNORECASE)
"""A segment of a path that leads up, however it is spelled (RFC 3986, section 5.2.4)."""
_CREDENTIAL: Final = re.compile(
    r"(?:authorization|cookie|(?:[a-z]+-){0,3}(?:api-?key|(?:auth|access|subscription|session)-(?:key|token))|x-[a-z]+-token)\Z",
    re.IGNORECASE,
)
"""Headers that say who asks: RFC 9110, section 11.6.2, RFC 6265, and what models' hosts document (``x-api-key``,
``x-goog-api-key``, ``api-key``, ``Ocp-Apim-Subscription-Key``).
"""
_PARAMETERS: Final = frozenset({"key", "api_key", "apikey", "api-key", "access_token", "subscription-key", "token"})
"""The same in a query (Google's "Using API keys"; Azure's "API Management subscriptions")."""
_HOP: Final = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"}
    | {"te", "trailer", "transfer-encoding", "upgrade", "host", "content-length"}
)
"""Headers of one connection (RFC 2616, section 13.5.1; RFC 9110, section 7.6.1), and two that are made anew."""


@dataclass(frozen=True, slots=True)
class Relay:
    """Where a running relay is reached: ``url`` for the tool, ``token`` instead of the key, ``port`` on loopback, and
    ``door``, the UNIX socket to it, where it has no port of its own.
    """

    url: str
    token: str = field(repr=False)
    port: int
    door: Path | None


class _Passing(socketserver.ThreadingMixIn, socketserver.BaseServer):
    """What the handler knows of its run."""

    daemon_threads = True
    upstream: str
    """Scheme and host."""
    below: str
    """The path of the base URL, which every request begins with; it ends in a slash."""
    asks: re.Pattern[str] | None
    """What a path is below it; None for any."""
    key: str | None
    token: str
    seconds: float

    def handle_error(self, request: object, client_address: object) -> None:
        """A tool that hangs up is no news."""


class _LocalServer(_Passing, socketserver.UnixStreamServer):
    """On a UNIX socket."""


class _PortServer(_Passing, socketserver.TCPServer):
    """On a port of loopback."""


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Passing
    _has_begun = False

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: what is asked is nobody else's."""

    def _pass_on(self) -> None:
        server = self.server
        try:
            body = self._body()
        except ValueError:
            return self._refuse(400, "a length that is none")
        if body is None:
            return self._refuse(413, "the request is too large")
        path, _, query = self.path.partition("?")
        if not path.startswith("/"):
            return self._refuse(400, "this is no proxy")
        if not path.startswith(server.below) or _UPWARDS.search(path) or not self._is_asked(path):
            return self._refuse(403, "only requests below the model's base URL are passed on")
        headers = [(name, value) for name, value in self.headers.items() if name.lower() not in _HOP]
        if server.key is not None:
            authorised = _authorised(headers, query, server.token, server.key)
            if authorised is None:
                return self._refuse(401, "not this run's token")
            headers, query = authorised
        target = f"{server.upstream}{path}{'?' if query else ''}{query}"
        try:
            with (
                httpx.Client(
                    verify=web_authorities(), timeout=server.seconds, trust_env=False, follow_redirects=False
                ) as client,
                client.stream(self.command, target, headers=headers, content=body) as reply,
            ):
                self._answer(reply)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            self.close_connection = True
            if not self._has_begun:  # a reply that has begun is cut, and its length tells so
                self._refuse(502, f"the model's host did not answer: {type(exc).__name__}")
        return None

    do_GET = do_POST = do_HEAD = _pass_on  # noqa: N815 - http.server's names

    def _is_asked(self, path: str) -> bool:
        asks = self.server.asks
        return asks is None or asks.fullmatch(path, len(self.server.below)) is not None

    def _body(self) -> bytes | None:
        """What is sent; None where it is too large. ``ValueError`` for a length that is no number of bytes."""
        if "chunked" in (self.headers.get("transfer-encoding") or "").lower():
            return self._chunks()
        length = _length(self.headers.get("content-length") or "0", 10)
        return self.rfile.read(length) if length <= REQUEST_CAP else None

    def _chunks(self) -> bytes | None:
        parts, size = [], 0
        while length := _length(self.rfile.readline(32).partition(b";")[0].decode("latin-1"), 16):
            size += length
            if size > REQUEST_CAP:
                return None
            parts.append(self.rfile.read(length))
            self.rfile.readline(8)
        while self.rfile.readline(8192).strip():
            continue
        return b"".join(parts)

    def _answer(self, reply: httpx.Response) -> None:
        self._has_begun = True
        key = (self.server.key or "").encode()
        packed = bool(key) and "content-encoding" in reply.headers  # in spite of what was asked for
        left_out = (
            _HOP - {"content-length"} | {"set-cookie"} | ({"content-length", "content-encoding"} if packed else set())
        )
        self.send_response_only(reply.status_code, reply.reason_phrase)
        for name, value in reply.headers.multi_items():
            # The bytes come as many as they are, so that their length holds and a cut reply is seen to be cut.
            if name.lower() not in left_out:
                self.send_header(name, value.replace(self.server.key, "*" * len(key)) if self.server.key else value)
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        if self.command != "HEAD":
            for data in _written_over(reply.iter_bytes() if packed else reply.iter_raw(), key):
                self.wfile.write(data)
                self.wfile.flush()

    def _refuse(self, status: int, reason: str) -> None:
        self.close_connection = True
        data = reason.encode()
        self.send_response_only(status)
        fields = {"content-type": "text/plain", "content-length": str(len(data)), "connection": "close"}
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


_Headers: TypeAlias = list[tuple[str, str]]


def _authorised(headers: _Headers, query: str, token: str, key: str) -> tuple[_Headers, str] | None:
    """Headers and query with the key where the token is a credential, and no other credential, neither beside it nor in the
    same header; None without the token.
    """
    kept_headers = [(name, value) for name, value in headers if not _CREDENTIAL.match(name) or _is_token(value, token)]
    parts = [part for part in query.split("&") if not _is_parameter(part) or part.partition("=")[2] == token]
    has_token = any(_CREDENTIAL.match(name) for name, _ in kept_headers) or any(map(_is_parameter, parts))
    if not has_token:
        return None
    with_key = [
        (name, value.replace(token, key) if _CREDENTIAL.match(name) else value)
        for name, value in kept_headers
        if name.lower() != "accept-encoding"
    ]
    query = "&".join(part.replace(token, quote(key, safe="")) if _is_parameter(part) else part for part in parts)
    return [*with_key, ("accept-encoding", "identity")], query


def _is_token(value: str, token: str) -> bool:
    """Whether a header's value is the token, behind a scheme or bare (RFC 9110, section 11.4)."""
    scheme, _, credential = value.strip().rpartition(" ")
    return credential == token and scheme.lower() in {"", "bearer", "token"}


def _is_parameter(part: str) -> bool:
    return unquote(part.partition("=")[0]).lower() in _PARAMETERS


def _written_over(parts: Iterable[bytes], key: bytes) -> Iterator[bytes]:
    """The bytes with as many asterisks in place of the key, also where it comes in several parts. What may be its beginning
    waits for the next.
    """
    waiting = b""
    for part in parts:
        data = (waiting + part).replace(key, b"*" * len(key)) if key else part
        prefix_size = next(
            (size for size in range(min(len(key) - 1, len(data)), 0, -1) if data.endswith(key[:size])), 0
        )
        waiting = data[len(data) - prefix_size :]
        if sent := data[: len(data) - prefix_size]:
            yield sent
    if waiting:
        yield waiting


def _length(text: str, base: int) -> int:
    if not text.strip().isalnum():  # int() takes signs and underscores
        raise ValueError(text)
    return int(text, base)


@contextmanager
def relaying(
    base_url: str,
    key: str | None,
    *,
    folder: Path,
    own_network: bool,
    seconds: float,
    asks: re.Pattern[str] | None = None,
) -> Iterator[Relay]:
    """A relay to ``base_url`` that lives while the context does, for paths below it that are as ``asks`` says.

    With ``own_network`` it listens on a UNIX socket in ``folder``, for a wall whose inside has a network of its own; else on
    a port of loopback. ``seconds`` bound each exchange with the host. ``OSError`` where it cannot listen.
    """
    parts = urlsplit(base_url)
    door = folder / "relay" if own_network else None
    server: _LocalServer | _PortServer
    server = _PortServer(("127.0.0.1", 0), _Requests) if door is None else _LocalServer(str(door), _Requests)
    with server:
        token = f"relay-{secrets.token_hex(24)}"
        server.upstream, server.below = f"{parts.scheme}://{parts.netloc}", f"{parts.path.rstrip('/')}/"
        server.key, server.token, server.seconds, server.asks = key, token, seconds, asks
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="clockwork-relay", daemon=True)
        thread.start()
        port = server.server_address[1] if isinstance(server, _PortServer) else _INSIDE_PORT
        try:
            yield Relay(f"http://127.0.0.1:{port}{parts.path}", token, port, door)
        finally:
            server.shutdown()
            thread.join()
