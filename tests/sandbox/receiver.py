"""A real HTTP receiver for webhooks on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Arrival:
    """One delivery as it came in."""

    event: str
    guid: str
    signature: str
    body: bytes

    @property
    def payload(self) -> Any:
        return json.loads(self.body)

    @property
    def name(self) -> str:
        """``issues.opened``; the bare event where there is no action."""
        action = self.payload.get("action")
        return f"{self.event}.{action}" if action else self.event


@dataclass
class Receiver:
    """Where to send to, what arrived, and what is answered."""

    url: str = ""
    status: int = 200
    arrivals: list[Arrival] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [arrival.name for arrival in self.arrivals]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            head = self.headers
            signature = head.get("X-Hub-Signature-256", "")
            receiver.arrivals.append(Arrival(head["X-GitHub-Event"], head["X-GitHub-Delivery"], signature, body))
            self.send_response(receiver.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/hook?from=sandbox"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
