"""Slow, silent, endless and numerous clients cost the daemon's HTTP side nothing that lasts."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.entrypoints.api.app import bounded
from bot.entrypoints.connections import ConnectionLimits
from bot.entrypoints.http import listening, serving
from tests.entrypoints.keeping import eventually

LIMITS = ConnectionLimits(headers=0.3, body=0.6, answer=0.6, idle=0.3, connections=5, header_bytes=4096)
LARGE = b"x" * 32_000_000
"""More than two sockets hold between them."""
READ: list[bytes | None] = []
PATIENCE = 30


async def take(request: Request) -> Response:
    """Read the body, at most ten bytes of it."""
    body = await bounded(request, 10)
    READ.append(body)
    return PlainTextResponse("too large" if body is None else body, status_code=413 if body is None else 200)


async def hello(_request: Request) -> Response:
    """Answer."""
    return PlainTextResponse("hello")


async def large(_request: Request) -> Response:
    """Answer at length."""
    return Response(LARGE)


async def sink(request: Request) -> Response:
    """Read the body, however long it is."""
    READ.append(await bounded(request, 10_000_000))
    return PlainTextResponse("read")


@contextmanager
def served(limits: ConnectionLimits) -> Iterator[int]:
    """Where it is served within these limits."""
    READ.clear()
    bound = listening("127.0.0.1", 0)
    posted = [Route("/take", take, methods=["POST"]), Route("/sink", sink, methods=["POST"])]
    app = Starlette(routes=[Route("/hello", hello), Route("/large", large), *posted])
    with serving(app, bound, limits):
        yield bound.getsockname()[1]


@pytest.fixture
def port() -> Iterator[int]:
    """Where it is served."""
    with served(LIMITS) as number:
        yield number


def calling(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def rest(line: socket.socket) -> bytes:
    """Everything until the other side ends the connection."""
    parts = []
    try:
        while part := line.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


@pytest.mark.parametrize("sent", [b"", b"GET /hello HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_headers_that_never_end_are_not_waited_for(port: int, sent: bytes) -> None:
    """A silent connection, and one whose headers trickle, are ended with 408."""
    with calling(port) as line:
        line.sendall(sent)
        assert rest(line).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_never_ends_is_not_waited_for(port: int) -> None:
    """One of which a part is sent and nothing more."""
    with calling(port) as line:
        line.sendall(b"POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
        assert rest(line).startswith(b"HTTP/1.1 408 ")
    assert READ in ([], [None])


def test_a_body_that_keeps_coming_is_not_waited_for(port: int) -> None:
    """Its time is counted from its beginning: bytes come until the other side ends it, and would come for an hour."""
    with calling(port) as line:
        line.sendall(b"POST /sink HTTP/1.1\r\nHost: x\r\nContent-Length: 72000\r\n\r\n")
        sent = trickled(line, 72_000)
        assert sent < 72_000
    assert READ in ([], [None])


def trickled(line: socket.socket, most: int) -> int:
    """How many single bytes were taken, one every twentieth of a second, before the other side ended the connection."""
    line.settimeout(0.05)
    for sent in range(most):
        try:
            line.sendall(b"x")
            if not line.recv(65536).startswith(b"HTTP/1.1 408 "):
                return most
        except TimeoutError:
            continue
        except (BrokenPipeError, ConnectionResetError):
            return sent
        return sent
    return most


def test_an_answer_that_nobody_reads_is_not_waited_for(port: int) -> None:
    """Whoever asks for much and reads nothing holds no connection for good; then others are served."""
    with ExitStack() as stack:
        lines = [stack.enter_context(calling(port)) for _ in range(LIMITS.connections)]
        for line in lines:
            line.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        assert eventually(lambda: all(is_reset(line) for line in lines))
    assert asked(port).startswith(b"HTTP/1.1 200 ")


def is_reset(line: socket.socket) -> bool:
    """Whether the other side has thrown the connection away, whatever was not read."""
    poll = select.poll()
    poll.register(line, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def test_an_answer_that_is_read_is_whole() -> None:
    """However long it is."""
    with served(replace(LIMITS, answer=PATIENCE)) as port, calling(port) as line:
        line.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = rest(line)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(LARGE)


def test_an_idle_connection_is_ended_after_its_answer(port: int) -> None:
    """What was asked is answered; then nothing is waited for."""
    with calling(port) as line:
        line.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = rest(line)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_two_requests_on_one_connection_have_their_time_each(port: int) -> None:
    """A body, an answer, another request at once: both are answered."""
    with calling(port) as line:
        for _ in range(2):
            line.sendall(b"POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
            answer = b""
            while not answer.endswith(b"abc"):
                answer += line.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 ")
    assert READ == [b"abc", b"abc"]


@pytest.mark.parametrize("told", [b"Content-Length: 11", b"Content-Length: 99999999999", b"Transfer-Encoding: chunked"])
def test_a_body_that_is_too_large_is_not_read(port: int, told: bytes) -> None:
    """Neither one that says so before, nor one that turns out to be."""
    with calling(port) as line:
        line.sendall(b"POST /take HTTP/1.1\r\nHost: x\r\n" + told + b"\r\n\r\n")
        if b"chunked" in told:
            line.sendall(b"8\r\n12345678\r\n8\r\n12345678\r\n")
        assert line.recv(65536).startswith(b"HTTP/1.1 413 ")
    assert READ == [None]


def test_headers_are_bounded(port: int) -> None:
    """More of them than allowed is a bad request."""
    with calling(port) as line:
        line.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 8192)
        assert rest(line).startswith(b"HTTP/1.1 400 ")


def test_more_connections_than_allowed_are_turned_away() -> None:
    """The sixth hears 503; when others are gone there is room again."""
    with served(replace(LIMITS, headers=PATIENCE)) as port:
        with ExitStack() as stack:
            for _ in range(LIMITS.connections):
                line = stack.enter_context(calling(port))
                line.sendall(b"GET /hello HTTP/1.1\r\n")
            with calling(port) as line:
                assert rest(line).startswith(b"HTTP/1.1 503 ")
        assert eventually(lambda: asked(port).startswith(b"HTTP/1.1 200 "))


def asked(port: int) -> bytes:
    """The answer to one request."""
    with calling(port) as line:
        line.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return rest(line)
