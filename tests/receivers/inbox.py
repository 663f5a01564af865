"""A receiver on loopback as chat services have them, over a real socket: it takes, refuses, closes, redirects or hangs."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Post:
    """One message that arrived. Header names are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's values."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The text of a chat message."""
        return str(self.json.get("text", ""))


@dataclass
class Inbox:
    """``mood`` is what it does: ``take``, ``refuse`` (500), ``close``, ``redirect``, ``hang`` or ``trickle``."""

    port: int = 0
    mood: str = "take"
    posts: list[Post] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    """Paths that were asked for by another method than POST."""
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def chat(self) -> str:
        """Its address for apprise, as a Mattermost, whose incoming webhooks are Slack's (docs.mattermost.com, "Slack
        compatibility").
        """
        return f"mmost://127.0.0.1:{self.port}/3ccdd113474722377935511fc85d3dd4"

    @property
    def hook(self) -> str:
        """Its address for a plain webhook."""
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def inbox(mood: str = "take") -> Iterator[Inbox]:
    """A running receiver."""
    made = Inbox(mood=mood)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.posts.append(Post(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            match made.mood:
                case "hang":
                    made.stopping.wait(120)
                case "close":
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                case "trickle":
                    self._trickle()
                case "redirect":
                    self._answer(302, Location=f"http://127.0.0.1:{made.port}/elsewhere")
                case "refuse":
                    self._answer(500)
                case _:
                    self._answer(200)

        def do_GET(self) -> None:
            made.others.append(self.path)
            self._answer(200)

        def _answer(self, status: int, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def _trickle(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                while not made.stopping.wait(0.05):
                    self.wfile.write(b".")
                    self.wfile.flush()
            except OSError:
                self.close_connection = True

        def log_message(self, *_args: object) -> None:
            """Nothing on standard error."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_args: object) -> None:
            """What a closed connection makes of the handler is meant."""

    server = Quiet(("127.0.0.1", 0), Handler)
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        made.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()
