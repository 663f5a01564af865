"""A web server that does what a test says, also wrongly: redirects, lies about lengths and digests, drips, never ends."""

from __future__ import annotations

import base64
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Asked:
    """One request."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]

    @property
    def basic(self) -> tuple[str, str] | None:
        """User and password; None without them."""
        given = self.headers.get("authorization", "")
        if not given.startswith("Basic "):
            return None
        user, _, password = base64.b64decode(given.removeprefix("Basic ")).decode().partition(":")
        return user, password


@dataclass(frozen=True)
class Reply:
    """One answer. ``length`` is what it claims to hold (None: what it holds); ``pause`` goes by before each byte."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    pause: float = 0.0
    endless: bool = False


Answer = Callable[[Asked], Reply]


@dataclass
class Site:
    """Pages by path; a path that ends in ``/`` answers for all below it. ``asked`` remembers every request."""

    port: int = 0
    pages: dict[str, Answer] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.authority}"

    def put(self, path: str, reply: Reply | bytes | Answer) -> None:
        """Answer ``path`` from now on."""
        if isinstance(reply, bytes):
            reply = Reply(reply)
        if isinstance(reply, Reply):
            fixed = reply
            self.pages[path] = lambda _asked: fixed
        else:
            self.pages[path] = reply

    def paths(self) -> list[str]:
        """The paths that were asked for."""
        return [each.path for each in self.asked]

    def answer(self, asked: Asked) -> Reply:
        """What is there."""
        self.asked.append(asked)
        page = self.pages.get(asked.path)
        if page is None:
            above = [path for path in self.pages if path.endswith("/") and asked.path.startswith(path)]
            page = self.pages[max(above, key=len)] if above else None
        return Reply(b"nothing here", 404) if page is None else page(asked)


class _Quiet(ThreadingHTTPServer):
    """Clients that hang up are part of the tests."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@contextmanager
def open_site(tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """A running site on a free loopback port, with ``tls`` over TLS; gone at the end of the block."""
    site = Site()
    http = _Quiet(("127.0.0.1", 0), _request_class(site))
    if tls is not None:
        http.socket = tls.wrap_socket(http.socket, server_side=True)
    site.port = http.server_address[1]
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.stopping.set()
        http.shutdown()
        http.server_close()
        thread.join()


def _request_class(site: Site) -> type[BaseHTTPRequestHandler]:
    class Request(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._reply(site.answer(Asked(path, dict(parse_qsl(query)), headers)))

        def log_message(self, *_: object) -> None:
            pass

        def _reply(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if not reply.endless:
                self.send_header("Content-Length", str(len(reply.body) if reply.length is None else reply.length))
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            while reply.endless and not site.stopping.is_set():
                self.wfile.write(reply.body or b"\0" * 65536)
            if not reply.pause:
                self.wfile.write(reply.body)
                return
            for byte in reply.body:
                if site.stopping.is_set():
                    return
                time.sleep(reply.pause)
                self.wfile.write(bytes([byte]))
                self.wfile.flush()

    return Request
