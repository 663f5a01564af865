"""The daemon's HTTP side: health, status, metrics, webhooks. It never acts by itself; it queues a look."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bot.entrypoints.daemon import Daemon, LookAround
from bot.errors import Invalid, Refused
from bot.github.webhook import MAX_BYTES, delivery_id, parse, verify

if TYPE_CHECKING:
    from fastapi import FastAPI


def build(daemon: Daemon, *, webhook_secret: bytes | None, metrics: Callable[[], str]) -> FastAPI:
    """The API. Without a webhook secret, deliveries are refused."""
    from fastapi import FastAPI, Request, Response
    from fastapi.responses import JSONResponse, PlainTextResponse

    app = FastAPI(title="Clockwork", docs_url=None, redoc_url=None, openapi_url="/openapi.json")

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        """The process is alive."""
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz() -> Response:
        """The first look is done and the last one was not blocked."""
        ready = daemon.status.last is not None and daemon.status.last.blocked is None
        return JSONResponse({"ready": ready, "error": daemon.status.last_error}, status_code=200 if ready else 503)

    @app.get("/status")
    def status() -> dict[str, object]:
        """The account of the last look."""
        from bot.entrypoints.cli.show import tick_json

        known = daemon.status
        return {
            "started": known.started.isoformat(),
            "ticks": known.ticks,
            "failures": known.failures,
            "waiting": len(daemon.queue),
            "last_error": known.last_error,
            "last": tick_json(known.last) if known.last else None,
        }

    @app.get("/metrics")
    def measured() -> PlainTextResponse:
        """Prometheus text format."""
        return PlainTextResponse(metrics(), media_type="text/plain; version=0.0.4")

    @app.post("/webhook")
    async def webhook(request: Request) -> JSONResponse:
        """A signed delivery: 202 queued, 200 seen before, 400 unreadable, 401 not signed with our secret."""
        if int(request.headers.get("content-length") or 0) > MAX_BYTES:
            return JSONResponse({"error": "too large"}, status_code=413)
        body = await request.body()
        try:
            verify(webhook_secret or b"", body, request.headers.get("x-hub-signature-256"))
            event = parse(request.headers, body)
            new = daemon.accept(delivery_id(request.headers), event)
        except Refused as exc:
            return JSONResponse({"error": exc.message}, status_code=401)
        except Invalid as exc:
            return JSONResponse({"error": exc.message}, status_code=400)
        return JSONResponse({"queued": new}, status_code=202 if new else 200)

    @app.post("/look")
    def look(request: Request) -> JSONResponse:
        """Ask for a look now; only from this machine."""
        if request.client is None or request.client.host not in {"127.0.0.1", "::1"}:
            return JSONResponse({"error": "only from this machine"}, status_code=403)
        daemon.queue.put(LookAround())
        return JSONResponse({"queued": True}, status_code=202)

    return app


@contextmanager
def serving(app: FastAPI, *, host: str, port: int) -> Iterator[int]:
    """``app`` served in a thread while the context lasts; gives the port it really has (``port`` 0: any free one)."""
    import socket

    import uvicorn

    bound = socket.create_server((host, port))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="clockwork-http", daemon=True)
    thread.start()
    try:
        yield bound.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)
        bound.close()
