"""The server's sockets: HTTP/1.1 with connections that stay open, each on a thread of its own."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from tests.appliers.kube import status
from tests.appliers.kube.answers import Answer, Watch
from tests.appliers.kube.api import Api
from tests.appliers.kube.faults import Fault, Faults, Request
from tests.appliers.kube.store import key_of

_LOOK: Final = 0.2
"""Seconds after which a watch looks whether the server still stands."""


class Web:
    """Serves an API on a loopback port until it is closed. ``seen`` is told of every request before it is answered."""

    def __init__(self, api: Api, faults: Faults, seen: Callable[[Request], None], tls: ssl.SSLContext | None) -> None:
        self.api = api
        self.faults = faults
        self.seen = seen
        self.closing = threading.Event()
        web = self

        class Handler(_Handler):
            served = web

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.tls = tls
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        scheme = "http" if self._server.tls is None else "https"
        return f"{scheme}://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Nothing listens any more."""
        self.closing.set()
        with self.api.store.changed:
            self.api.store.changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        """The handshake is on the connection's own thread, so that a client that is slow at it keeps nobody waiting."""
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        with self.tls.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    served: Web

    def _answer(self) -> None:
        request = self._request()
        web = self.served
        web.seen(request)
        try:
            fault = web.faults.next(request, after=False)
            if fault is not None:
                self._failed(fault)
                return
            user = web.api.access.user(self.headers.get("Authorization", ""))
            answer = web.api.answer(request, user, self.headers.get("Accept", ""))
            fault = web.faults.next(request, after=True)
            if fault is not None:
                self._failed(fault)
            elif answer.watch is not None:
                self._stream(answer.watch)
            else:
                self._send(self._narrowed(answer))
        except status.Failed as why:
            self._send(Answer(why.code, why.body, why.headers))

    def __getattr__(self, name: str) -> Callable[[], None]:
        """``do_GET`` and its siblings answer alike."""
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _request(self) -> Request:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        query = dict(reversed(parse_qsl(parts.query, keep_blank_values=True)))
        media = self.headers.get("Content-Type", "").partition(";")[0].strip()
        agent = self.headers.get("User-Agent", "")
        return Request(self.command, parts.path, query, media, self.rfile.read(length), agent)

    def _failed(self, fault: Fault) -> None:
        if not fault.drop:
            raise fault.failure()
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.wfile = BytesIO()
        self.connection.close()

    def _narrowed(self, answer: Answer) -> Answer:
        """The metadata alone where only that is accepted."""
        accept = self.headers.get("Accept", "").partition(",")[0].replace(" ", "")
        if "as=PartialObjectMetadata" not in accept or not isinstance(answer.body, Mapping) or answer.code >= 300:
            return answer
        head = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
        if "items" not in answer.body:
            return Answer(answer.code, head | {"metadata": answer.body["metadata"]}, answer.headers)
        items = [head | {"metadata": each["metadata"]} for each in answer.body["items"]]
        listed = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
        return Answer(answer.code, listed | {"metadata": answer.body["metadata"], "items": items}, answer.headers)

    def _send(self, answer: Answer) -> None:
        data = answer.body.encode() if isinstance(answer.body, str) else json.dumps(answer.body).encode()
        self.send_response(answer.code)
        self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
        for name, value in answer.headers.items():
            if name != "Content-Type":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def _stream(self, watch: Watch) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        seen = {
            key_of(watch.kind, each["metadata"].get("namespace", ""), each["metadata"]["name"])
            for each in watch.present
        }
        for each in watch.present:
            self._line({"type": "ADDED", "object": each})
        bookmark = watch.bookmark()
        if bookmark is not None:
            self._line(bookmark)
        self.wfile.flush()
        self._follow(watch, seen)
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _follow(self, watch: Watch, seen: set[Any]) -> None:
        store, closing = self.served.api.store, self.served.closing
        end = time.monotonic() + float(watch.query.get("timeoutSeconds") or 1800)
        version = watch.version
        while not closing.is_set() and time.monotonic() < end:
            with store.changed:
                fresh = [event for event in store.events if event.version > version]
                if not fresh:
                    store.changed.wait(min(_LOOK, max(0.0, end - time.monotonic())))
                    continue
            for event in fresh:
                line = watch.line(event, seen)
                version = event.version
                if line is not None:
                    self._line(line)
            self.wfile.flush()

    def _line(self, event: Mapping[str, Any]) -> None:
        data = json.dumps(event).encode() + b"\n"
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """A test that fails shows ``requests``."""
