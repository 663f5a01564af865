"""Many repositories on one sandbox, an app that is installed for their owners, and live state over HTTP that differs."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

from bot.sandbox.administration import AppKey
from bot.sandbox.records import RepositoryRow, ScopeRow
from bot.sandbox.server import Sandbox

_SERVICE = """\
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: {name}}}
spec:
  ports:
    - {{name: http, port: {port}, targetPort: 8080}}
"""


@dataclass
class LiveState:
    """What runs, by ``owner/name``, as documents that a snapshot's URL gives."""

    url: str
    documents: dict[str, str] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    """Where a path leads to."""
    asked: list[str] = field(default_factory=list)
    """The path of each request."""

    def show(self, name: str, port: int) -> None:
        """The service of a repository has this port."""
        service = yaml.safe_load(_SERVICE.format(name=name.rpartition("/")[2], port=port))
        self.documents[name] = json.dumps({"kind": "List", "apiVersion": "v1", "items": [service]})


@contextmanager
def live_state() -> Iterator[LiveState]:
    """A server on loopback until the end."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.strip("/")
            state.asked.append(path)
            text, moved = state.documents.get(path), state.moved.get(path)
            self.send_response(302 if moved else 404 if text is None else 200)
            if moved:
                self.send_header("Location", moved)
            self.end_headers()
            self.wfile.write((text or "").encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
            del format

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = LiveState(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def files(live: LiveState, name: str, *, observe: str | None = None, port: int = 80) -> dict[str, bytes]:
    """A repository whose service has ``port`` and whose settings ask ``live``, or ``observe`` as YAML."""
    asked = observe or f"{{snapshot: {{url: {live.url}/{name}}}}}"
    settings = f"version: 1\ngithub: {{min_write_interval: 0}}\nobserve: {asked}\n"
    return {
        "clockwork.yaml": settings.encode(),
        "k8s/service.yaml": _SERVICE.format(name=name.rpartition("/")[2], port=port).encode(),
    }


@dataclass
class FleetStand:
    """A running sandbox with repositories of ``owners`` and the app that reaches them."""

    box: Sandbox
    live: LiveState
    directory: Path
    key: AppKey

    @property
    def environment(self) -> dict[str, str]:
        """What the fleet's process sees: its secrets, and a secret of somebody else."""
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        return kept | {
            "HOME": str(self.directory),
            "CLOCKWORK_APP_PRIVATE_KEY": self.key.private_key,
            "CLOCKWORK_SECRET": "of the fleet",
            "CLOCKWORK_CACHE": str(self.directory / "cache"),
            "DATABASE_PASSWORD": "of somebody else",
        }

    def add(self, name: str, *, live_port: int | None = 80, observe: str | None = None, private: bool = True) -> None:
        """A private repository; what runs has ``live_port``."""
        self.box.create_repository(name, files=files(self.live, name, observe=observe), private=private)
        if live_port is not None:
            self.live.show(name, live_port)

    def write(self, text: str = "") -> Path:
        """The fleet's file: all installations of the app, and ``text``."""
        file = self.directory / "fleet.yaml"
        head = f"version: 1\napp: {{id: {self.key.id}}}\napi_url: {self.box.api_url}\ninstallations: all\n"
        head += f"private_hosts: ['{self.live.url.removeprefix('http://')}']\n"
        file.write_text(head + text)
        return file

    def scopes(self) -> Mapping[str, tuple[str, ...] | None]:
        """By the digest of a token: the repositories that it was made for, None for all of an installation."""
        store = self.box.backend.store
        names = {repo.id: repo.full_name for repo in store.all(RepositoryRow, "SELECT * FROM repo")}
        rows = store.all(ScopeRow, "SELECT * FROM scope")
        return {
            row.digest: None if row.repositories is None else tuple(names[key] for key in json.loads(row.repositories))
            for row in rows
        }

    def talk(self) -> list[tuple[str, tuple[str, ...] | None, bool]]:
        """Every request about a repository: which one, what its token was made for (nothing without one), whether it writes."""
        scopes, told = self.scopes(), list[tuple[str, tuple[str, ...] | None, bool]]()
        for line in self.box.requests.lines():
            named = re.match(r"/repos/([^/]+/[^/]+)", line.path) or re.match(
                r"/([^/]+/[^/]+)/(?:info/|git-)", line.path
            )
            if named and not line.path.endswith("/installation"):
                told.append((named[1].removesuffix(".git"), scopes[line.token] if line.token else (), line.writes))
        return told

    def cross_talk(self) -> list[str]:
        """Requests with a token that was made for another repository, for several, or for none."""
        return [f"{name} with a token for {scope}" for name, scope, _ in self.talk() if scope not in {(), (name,)}]


@contextmanager
def fleet_stand(directory: Path, owners: tuple[str, ...]) -> Iterator[FleetStand]:
    """A sandbox without repositories."""
    with Sandbox.start(directory / "box") as box, live_state() as live:
        yield FleetStand(box, live, directory, box.admin.create_app("fleet", owners=owners))
