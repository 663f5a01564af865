"""A small smart-HTTP Git server for tests: real ``git http-backend`` behind the standard library's HTTP server."""

from __future__ import annotations

import base64
import gzip
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_PLAIN_ENV = {
    "PATH": os.environ["PATH"],
    "GIT_HTTP_EXPORT_ALL": "1",
    "GIT_CONFIG_NOSYSTEM": "1",
    "HOME": "/nonexistent",
}


@dataclass
class GitServer:
    """Serves the bare repositories below ``root``. ``password`` demands basic authentication when set.

    ``before`` sees (method, path) of every request first and may return a status to answer instead; ``drop_reply``
    makes the next push succeed on the server and lose its answer on the way back.
    """

    root: Path
    port: int = 0
    password: str | None = None
    before: Callable[[str, str], int | None] = lambda _method, _path: None
    drop_reply: threading.Event = field(default_factory=threading.Event)
    requests: list[str] = field(default_factory=list)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    def bare(self, name: str) -> Path:
        """A new empty bare repository that accepts pushes."""
        path = self.root / name
        git("init", "-q", "--bare", "-b", "main", str(path))
        git("config", "http.receivepack", "true", at=path)
        git("config", "uploadpack.allowAnySHA1InWant", "true", at=path)
        return path


def git(*arguments: str, at: Path | None = None, stdin: bytes | None = None) -> str:
    """What real git prints, run without anybody's configuration."""
    env = _PLAIN_ENV | {
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.org",
        "GIT_AUTHOR_DATE": "2025-01-01T00:00:00Z",
        "GIT_COMMITTER_DATE": "2025-01-01T00:00:00Z",
    }
    done = subprocess.run(["git", *arguments], cwd=at, env=env, input=stdin, capture_output=True, check=True)
    return done.stdout.decode().strip()


@contextmanager
def serve(root: Path, *, password: str | None = None) -> Iterator[GitServer]:
    """A running server on a free loopback port; stopped at the end of the block."""
    box = GitServer(root, password=password)
    http = _Quiet(("127.0.0.1", 0), _request_class(box))
    box.port = http.server_address[1]
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield box
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


class _Quiet(ThreadingHTTPServer):
    """Clients that hang up are part of the tests."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass


def _request_class(box: GitServer) -> type[BaseHTTPRequestHandler]:
    class Request(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self) -> None:
            path, _, query = self.path.partition("?")
            box.requests.append(f"{self.command} {self.path}")
            body = self._body()
            refusal = box.before(self.command, path) or self._unauthorized()
            if refusal is not None:
                return self._reply(refusal, [("WWW-Authenticate", "Basic")] if refusal == 401 else [], b"no\n")
            output = self._backend(path, query, body)
            if box.drop_reply.is_set() and self.command == "POST" and path.endswith("git-receive-pack"):
                box.drop_reply.clear()
                self.close_connection = True
                return None
            return self._reply(*_cgi(output))

        def _unauthorized(self) -> int | None:
            if box.password is None:
                return None
            given = self.headers.get("Authorization", "").removeprefix("Basic ")
            return None if base64.b64decode(given).decode().partition(":")[2] == box.password else 401

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                data = b"".join(iter(self._chunk, b""))
            else:
                data = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            return gzip.decompress(data) if self.headers.get("Content-Encoding") == "gzip" else data

        def _chunk(self) -> bytes:
            size = int(self.rfile.readline().split(b";")[0], 16)
            data = self.rfile.read(size)
            self.rfile.readline()
            return data

        def _backend(self, path: str, query: str, body: bytes) -> bytes:
            env = _PLAIN_ENV | {
                "GIT_PROJECT_ROOT": str(box.root),
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "REMOTE_USER": "someone",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            return subprocess.run(["git", "http-backend"], env=env, input=body, capture_output=True, check=False).stdout

        def _reply(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Request


def _cgi(output: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
    head, _, body = output.partition(b"\r\n\r\n")
    headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n") if ": " in line]
    status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
    return status, [(name, value) for name, value in headers if name != "Status"], body
