"""The daemon's HTTP side: health, status, control, metrics, webhooks. It never acts by itself; it asks the surface.

Everything but health, metrics (figures) and webhooks (signed by themselves) needs the control token as a bearer token.
"""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from bot.entrypoints.daemon.surface import Surface
from bot.errors import BotError, Invalid, Refused, Unavailable

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    _Handler = Callable[[Request], Awaitable[Response]]

_POLL: Final = 0.05
_LARGEST_ORDER: Final = 10_000
_WIDEST: Final = 1000


def build(surface: Surface, *, metrics: Callable[[], str]) -> Starlette:
    """The API."""
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse, PlainTextResponse
    from starlette.routing import Route

    async def healthz(request: Request) -> Response:
        """The process is alive."""
        del request
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> Response:
        """The first run is done, the last one was not blocked, and no step takes too long."""
        del request
        unready = surface.unready()
        return JSONResponse({"ready": unready is None, "error": unready}, status_code=200 if unready is None else 503)

    async def measured(request: Request) -> Response:
        """Prometheus text format, whose version stands in the media type (Prometheus, Exposition formats)."""
        del request
        return PlainTextResponse(metrics(), media_type="text/plain; version=0.0.4")

    async def webhook(request: Request) -> Response:
        """A signed delivery: 202 queued, 200 seen before, 400 unreadable, 401 not signed with our secret."""
        body = await bounded(request, surface.webhooks().max_bytes)
        if body is None:
            return JSONResponse({"error": "too large"}, status_code=413)
        try:
            new = surface.accept(request.headers, body)
        except Refused as exc:
            return JSONResponse({"error": exc.message}, status_code=401)
        except Invalid as exc:
            return JSONResponse({"error": exc.message}, status_code=400)
        return JSONResponse({"queued": new}, status_code=202 if new else 200)

    async def status(request: Request) -> Response:
        """Everything that the daemon knows of itself."""
        del request
        return JSONResponse(dict(surface.status()))

    async def check(request: Request) -> Response:
        """A run that begins now, once it is done. With ``width`` also as text for a terminal of so many columns."""
        width = request.query_params.get("width", "0")
        columns = min(int(width), _WIDEST) if width.isdecimal() else 0
        colour = request.query_params.get("colour") == "true"
        number = surface.look()
        while not surface.daemon.stopping.is_set():
            try:
                answer = surface.looked(number, width=columns, colour=colour)
            except BotError as exc:
                return JSONResponse(_error(exc), status_code=502)
            if answer is not None:
                return JSONResponse(dict(answer))
            await asyncio.sleep(_POLL)
        return JSONResponse({"error": "the daemon is stopping"}, status_code=503)

    async def pause(request: Request) -> Response:
        """Write nothing from now on."""
        body = await bounded(request, _LARGEST_ORDER)
        order = _order(body)
        if order is None:
            return JSONResponse({"error": "send a JSON object with by and reason"}, status_code=400)
        return JSONResponse(dict(surface.pause(by=order.get("by", ""), reason=order.get("reason", ""))))

    async def resume(request: Request) -> Response:
        """Write again."""
        del request
        return JSONResponse(dict(surface.resume()))

    def guarded(handler: _Handler) -> _Handler:
        """``handler`` for whoever has the token: 401 without one (RFC 6750, section 3)."""

        async def answer(request: Request) -> Response:
            if surface.may(request.headers.get("authorization", "")):
                return await handler(request)
            return JSONResponse(
                {"error": "send the control token"}, status_code=401, headers={"WWW-Authenticate": "Bearer"}
            )

        return answer

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", measured),
            Route("/webhook", webhook, methods=["POST"]),
            Route("/status", guarded(status)),
            Route("/v1/status", guarded(status)),
            Route("/v1/check", guarded(check), methods=["POST"]),
            Route("/v1/pause", guarded(pause), methods=["POST"]),
            Route("/v1/resume", guarded(resume), methods=["POST"]),
        ]
    )


def _error(exc: BotError) -> dict[str, object]:
    return {"error": exc.message, "advice": exc.advice, "kind": type(exc).__name__, "exit_code": exc.exit_code}


def _order(body: bytes | None) -> dict[str, str] | None:
    """The texts of a JSON object; None for a body that is none."""
    try:
        order = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return None
    return (
        {k: v for k, v in order.items() if isinstance(v, str)} if body is not None and isinstance(order, dict) else None
    )


async def bounded(request: Request, max_bytes: int) -> bytes | None:
    """The body, None as soon as it is larger than ``max_bytes``."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > max_bytes:
            return None
        parts.append(part)
    return b"".join(parts)


def listening(host: str, port: int) -> socket.socket:
    """A socket that takes connections. Raises as :func:`serving` does."""
    try:
        return socket.create_server((host, port))
    except OSError as exc:
        kind = Unavailable if exc.errno == errno.EADDRINUSE else Invalid
        advice = "Name another port with --port (0 takes a free one), or another address in the settings (daemon.host)."
        why = str(exc.strerror).partition(" (while")[0]
        raise kind(f"cannot listen on {host}:{port}: {why}", advice=advice) from exc


@contextmanager
def serving(app: Starlette, bound: socket.socket) -> Iterator[None]:
    """``app`` served on a socket in a thread while the context lasts."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="clockwork-http", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)
        bound.close()
