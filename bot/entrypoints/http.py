"""The daemon's HTTP side: health, status, metrics, webhooks. It never acts by itself; it queues work."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bot.entrypoints.daemon import Daemon
from bot.errors import Invalid, Refused, Unavailable
from bot.ports import Webhooks
from bot.report.json import tick_json

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response


def build(daemon: Daemon, *, webhooks: Webhooks, metrics: Callable[[], bytes]) -> Starlette:
    """The API. ``webhooks`` reads what is delivered."""
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    async def healthz(request: Request) -> Response:
        """The process is alive."""
        del request
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> Response:
        """The first run is done and the last one was not blocked."""
        del request
        ready = daemon.status.last is not None and daemon.status.last.blocked is None
        return JSONResponse({"ready": ready, "error": daemon.status.last_error}, status_code=200 if ready else 503)

    async def status(request: Request) -> Response:
        """The account of the last run."""
        del request
        return JSONResponse(status_of(daemon))

    async def measured(request: Request) -> Response:
        """Prometheus text format, whose version stands in the media type (Prometheus, Exposition formats)."""
        del request
        return Response(metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def webhook(request: Request) -> Response:
        """A signed delivery: 202 queued, 200 seen before, 400 unreadable, 401 not signed with our secret."""
        body = await bounded(request, webhooks.max_bytes)
        if body is None:
            return JSONResponse({"error": "too large"}, status_code=413)
        try:
            new = daemon.accept(webhooks.read(request.headers, body))
        except Refused as exc:
            return JSONResponse({"error": exc.message}, status_code=401)
        except Invalid as exc:
            return JSONResponse({"error": exc.message}, status_code=400)
        return JSONResponse({"queued": new}, status_code=202 if new else 200)

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/status", status),
            Route("/metrics", measured),
            Route("/webhook", webhook, methods=["POST"]),
        ]
    )


def status_of(daemon: Daemon) -> dict[str, object]:
    """What the status endpoint tells, as JSON."""
    known = daemon.status
    return {
        "started": known.started.isoformat(),
        "ticks": known.ticks,
        "failures": known.failures,
        "waiting": len(daemon.queue),
        "last_error": known.last_error,
        "last": tick_json(known.last) if known.last else None,
    }


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
def serving(app: Starlette, *, host: str, port: int) -> Iterator[int]:
    """``app`` served in a thread while the context lasts; gives the port it really has (``port`` 0: any free one).

    Raises ``Unavailable`` while another process has the port, ``Invalid`` for an address that this machine cannot have.
    """
    import uvicorn

    bound = listening(host, port)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="clockwork-http", daemon=True)
    thread.start()
    try:
        yield bound.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)
        bound.close()
