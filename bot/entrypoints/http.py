"""The daemon's HTTP side: the pages for people, the API, metrics, webhooks. It never acts by itself; it asks the surface.

Health needs no token, and a webhook is signed by itself. Metrics need one where others than this machine can ask for them.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from bot.entrypoints.api.answers import handlers
from bot.entrypoints.api.app import bounded, routes
from bot.entrypoints.api.tokens import bearer
from bot.entrypoints.connections import ConnectionLimits, config
from bot.entrypoints.daemon.surface import Surface
from bot.entrypoints.pages.daemon import pages_of
from bot.errors import Invalid, Refused, Unavailable

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response


def build(surface: Surface, *, metrics: Callable[[], bytes]) -> Starlette:
    """Everything that is served."""
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    async def measured(request: Request) -> Response:
        """Prometheus text format, whose version stands in the media type (Prometheus, Exposition formats)."""
        token = bearer(request.headers.get("authorization", ""), surface.tokens())
        if token is None and not is_local(surface.runtime.host):
            refusal = {"error": "send a token of this daemon: Authorization: Bearer TOKEN"}
            return JSONResponse(refusal, status_code=401, headers={"WWW-Authenticate": "Bearer"})
        return Response(metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

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

    return Starlette(
        routes=[
            *routes(handlers(surface), surface.tokens),
            *pages_of(surface).routes(),
            Route("/metrics", measured),
            Route("/webhook", webhook, methods=["POST"]),
        ]
    )


def is_local(host: str) -> bool:
    """Whether nobody but this machine can ask what is served there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_ADVICE: Final = "Name another port with --port (0 takes a free one), or another address in the settings (daemon.host)."


def listening(host: str, port: int, *, advice: str = _ADVICE) -> socket.socket:
    """A socket that takes connections. ``Unavailable`` where somebody has the port, ``Invalid`` where it is no place here."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as exc:
        kind = Unavailable if exc.errno == errno.EADDRINUSE else Invalid
        reason = str(exc.strerror).partition(" (while")[0]
        raise kind(f"cannot listen on {host}:{port}: {reason}", advice=advice) from exc


@contextmanager
def serving(app: Starlette, bound: socket.socket, limits: ConnectionLimits = ConnectionLimits()) -> Iterator[None]:  # noqa: B008 - a frozen value
    """``app`` served on a socket in a thread while the context lasts."""
    import uvicorn

    server = uvicorn.Server(config(app, limits))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="clockwork-http", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)
        bound.close()
