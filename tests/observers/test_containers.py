"""The container observer asks an engine with GET only, and says when it could not look."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.engineapi import host_of
from bot.model.json import JSON, Tree, get
from bot.model.observation import Observation
from bot.model.resource import Desired, Platform, ResourceId, SourceKind
from bot.observers.containers import ContainerObserver
from bot.observers.engine_api import unframed
from tests.installed import needs_docker

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
CONTAINER, IMAGE = json.loads((Path(__file__).parent / "inspect" / "docker.json").read_text())
pytestmark = needs_docker


@dataclass
class Engine:
    """A stand-in for dockerd: answers by path below the API version, (status, body)."""

    answers: dict[str, tuple[int, JSON]] = field(default_factory=dict)
    rows: list[Tree] = field(default_factory=list)
    hang: str = ""
    released: threading.Event = field(default_factory=threading.Event)
    requests: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    def add(self, container: Tree) -> None:
        id_, labels = str(container["Id"]), get(container, "Config", "Labels")
        self.rows.append({"Id": id_, "Labels": labels})
        self.answers[f"/containers/{id_}/json"] = (200, container)

    def answer(self, path: str, filters: Mapping[str, list[str]]) -> tuple[int, JSON]:
        if path == "/containers/json":
            wanted = [one.partition("=")[::2] for one in filters.get("label", ())]
            return 200, [row for row in self.rows if all(get(row, "Labels", key) == value for key, value in wanted)]
        if path in {"/volumes", "/networks"} and path not in self.answers:
            return 200, {"Volumes": []} if path == "/volumes" else []
        return self.answers.get(path, (404, {"message": "no such thing"}))


@contextmanager
def running(engine: Engine, socket: Path | None = None) -> Iterator[Engine]:
    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def parse_request(self) -> bool:
            understood = super().parse_request()
            engine.requests.append((self.command, self.path))
            return understood

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            path = parts.path.removeprefix("/v1.43")
            filters = json.loads(parse_qs(parts.query).get("filters", ["{}"])[0])
            if path == engine.hang:
                engine.released.wait(30)
            if path == "/version":
                self._send(200, {"ApiVersion": "1.43", "Version": "24.0.7", "Components": [{"Name": "Engine"}]})
            else:
                self._send(*engine.answer(path, filters))

        def _send(self, status: int, body: JSON) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that hung up is no news."""

    class SocketServer(ThreadingUnixStreamServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Answers) if socket is None else SocketServer(str(socket), Answers) as server:
        if isinstance(server, Server):
            engine.url = f"tcp://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield engine
        finally:
            engine.released.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def engine() -> Iterator[Engine]:
    with running(Engine()) as one:
        one.add(CONTAINER)
        one.answers[f"/images/{IMAGE['Id']}/json"] = (200, IMAGE)
        yield one


def declared(kind: str = "service", name: str = "web", project: str = "shop", **tree: JSON) -> Desired:
    id_ = ResourceId(Platform.COMPOSE, kind, project, name)
    return Desired(id_, str(id_), SourceKind.COMPOSE, tree, "compose.yaml", 1)


def look(engine: Engine, *wanted: Desired, **settings: Any) -> Observation:
    settings = {"host": engine.url, "environment": {}, **settings}
    return ContainerObserver(**settings).observe(wanted, now=NOW)


def test_a_project_is_observed_with_get(engine: Engine) -> None:
    """All containers of the declared project are inspected, also undeclared ones; others are not; only GET is sent."""
    orphan = {**CONTAINER, "Id": "b" * 64, "Name": "/shop-old-1"}
    orphan["Config"] = {
        **CONTAINER["Config"],
        "Labels": {**CONTAINER["Config"]["Labels"], "com.docker.compose.service": "old"},
    }
    stranger = {**CONTAINER, "Id": "c" * 64}
    stranger["Config"] = {"Labels": {"com.docker.compose.project": "else", "com.docker.compose.service": "x"}}
    engine.add(orphan)
    engine.add(stranger)
    seen = look(engine, declared(), declared(name="absent"))
    assert {str(id_) for id_ in seen.resources} == {"service/shop/web", "service/shop/old"}
    assert seen.covered == {Platform.COMPOSE}
    assert seen.resources[declared().id].tree["environment"] == {"TZ": "Europe/Vienna", "EMPTY": "", "EQUALS": "a=b"}
    assert {method for method, _ in engine.requests} == {"GET"}
    assert not [path for _, path in engine.requests if "c" * 64 in path]


def test_a_vanished_container_is_gone(engine: Engine) -> None:
    """A container that ends between list and inspect is not a failure."""
    engine.rows.append({"Id": "d" * 64, "Labels": {"com.docker.compose.project": "shop"}})
    seen = look(engine, declared())
    assert seen.unreachable == ()
    assert seen.covered == {Platform.COMPOSE}


def test_a_container_that_cannot_be_inspected_uncovers(engine: Engine) -> None:
    """When one container could not be looked at, nothing may count as missing."""
    engine.add({**CONTAINER, "Id": "e" * 64})
    engine.answers[f"/containers/{'e' * 64}/json"] = (500, {"message": "disk on fire, token=abcdefgh"})
    seen = look(engine, declared())
    assert declared().id in seen.resources
    assert seen.covered == frozenset()
    assert seen.unreachable[0].cause == "the engine answered 500: disk on fire, token=[redacted:secret]"


def test_a_slow_engine_is_unreachable(engine: Engine) -> None:
    """A request that is not answered in time is Unreachable."""
    engine.hang = "/containers/json"
    seen = look(engine, declared(), timeout=0.3)
    assert seen.unreachable[0].cause == "no answer in time"
    assert seen.covered == frozenset()


def test_a_container_without_project(engine: Engine) -> None:
    """A declaration without a project is the container of that name."""
    lone = {**CONTAINER, "Id": "f" * 64, "Name": "/lone", "Config": {"Image": "x", "Labels": {}}}
    engine.add(lone)
    seen = look(engine, declared(name="lone", project=""))
    assert {str(id_) for id_ in seen.resources} == {"service/lone"}


def test_volumes_and_networks(engine: Engine) -> None:
    """Labelled volumes and networks are found by project, external ones by their name, absent ones are not there."""
    engine.answers["/volumes"] = (
        200,
        {
            "Volumes": [
                {
                    "Name": "shop_data",
                    "Driver": "local",
                    "Mountpoint": "/x",
                    "Labels": {
                        "com.docker.compose.project": "shop",
                        "com.docker.compose.volume": "data",
                        "team": "core",
                    },
                }
            ]
        },
    )
    engine.answers["/networks/edge"] = (200, {"Name": "edge", "Driver": "bridge", "Internal": True, "IPAM": {}})
    wanted = [declared("volume", "data"), declared("network", "edge", external=True), declared("volume", "gone")]
    seen = look(engine, declared(), *wanted)
    assert seen.resources[wanted[0].id].tree == {"name": "shop_data", "driver": "local", "labels": {"team": "core"}}
    assert seen.resources[wanted[1].id].tree == {"name": "edge", "driver": "bridge", "internal": True}
    assert wanted[2].id not in seen.resources
    assert seen.covered == {Platform.COMPOSE}


@pytest.mark.parametrize(
    ("host", "cause"),
    [
        ("unix:///nowhere/docker.sock", "the socket does not exist"),
        ("tcp://127.0.0.1:9", "connection refused"),
    ],
)
def test_no_engine(host: str, cause: str) -> None:
    """An engine that is not there is Unreachable with the cause."""
    seen = ContainerObserver(host=host, environment={}).observe([declared()], now=NOW)
    assert cause in seen.unreachable[0].cause
    assert seen.covered == frozenset()


def test_nothing_wanted_asks_nothing(engine: Engine) -> None:
    """Without a declared service no engine is needed."""
    assert look(engine) == Observation(NOW)
    assert engine.requests == []


def test_where_the_engine_listens(tmp_path: Path) -> None:
    """DOCKER_HOST wins, then CONTAINER_HOST, then a socket of the user's podman."""
    assert host_of({"DOCKER_HOST": "tcp://d", "CONTAINER_HOST": "tcp://c"}) == "tcp://d"
    assert host_of({"CONTAINER_HOST": "tcp://c"}) == "tcp://c"
    (tmp_path / "podman").mkdir()
    (tmp_path / "podman" / "podman.sock").touch()
    assert host_of({"XDG_RUNTIME_DIR": str(tmp_path)}) in {
        f"unix://{tmp_path}/podman/podman.sock",
        "unix:///var/run/docker.sock",
    }


def test_a_runner_of_one_job_is_not_what_is_deployed_to(tmp_path: Path) -> None:
    """Its empty engine is no sign that everything was deleted, unless somebody named it."""
    hosted = {"RUNNER_ENVIRONMENT": "github-hosted", "XDG_RUNTIME_DIR": str(tmp_path)}
    (tmp_path / "podman").mkdir()
    with running(Engine(), tmp_path / "podman" / "podman.sock"):
        seen = ContainerObserver(environment=hosted).observe([declared()], now=NOW)
    assert "host: in clockwork.yaml" in seen.unreachable[0].cause
    assert seen.covered == frozenset()
    with running(Engine()) as empty:
        for settings in ({"host": empty.url}, {"host": None, "environment": {**hosted, "DOCKER_HOST": empty.url}}):
            named = look(empty, declared(), **{"environment": hosted, **settings})
            assert (named.unreachable, named.covered) == ((), frozenset({Platform.COMPOSE}))


def test_logs_lose_their_frames() -> None:
    """Frames of standard output and error are taken apart; the log of a terminal has none; a cut frame is kept."""
    framed = b"\1\0\0\0\0\0\0\3one\2\0\0\0\0\0\0\3two"
    assert unframed(framed) == b"onetwo"
    assert unframed(b"plain words\n") == b"plain words\n"
    assert unframed(framed[:-1]) == b"onetw"
    assert unframed(b"") == b""
