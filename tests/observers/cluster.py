"""A stand-in for a Kubernetes API server over a real socket: discovery, lists in pages, logs, and failures on request.

It answers GET and nothing else, and remembers every request line, so that tests can say what was asked.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from bot.model.json import JSON, Tree, get, mapping, text

KINDS: Mapping[str, tuple[tuple[str, str, bool], ...]] = {
    "/api/v1": (
        ("Pod", "pods", True),
        ("Service", "services", True),
        ("ConfigMap", "configmaps", True),
        ("Namespace", "namespaces", False),
        ("Event", "events", True),
    ),
    "/apis/apps/v1": (("Deployment", "deployments", True), ("ReplicaSet", "replicasets", True)),
    "/apis/autoscaling/v2": (("HorizontalPodAutoscaler", "horizontalpodautoscalers", True),),
}


@dataclass
class Cluster:
    """The state: ``objects`` by list path, ``failures`` as (status, message) by path, ``strange`` answers of 200 by path,
    ``token`` that is asked for.

    ``expire`` counts how often a second page answers 410, ``busy`` how often anything answers 429, ``hang`` names a
    path that is never answered while ``released`` is not set.
    """

    objects: dict[str, list[Tree]] = field(default_factory=dict)
    failures: dict[str, tuple[int, str]] = field(default_factory=dict)
    strange: dict[str, JSON] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    token: str = "right-token"
    page: int = 500
    expire: int = 0
    busy: int = 0
    hang: str = ""
    released: threading.Event = field(default_factory=threading.Event)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def add(self, tree: Tree) -> None:
        """Make ``tree`` live."""
        version, kind = text(tree.get("apiVersion")), text(tree.get("kind"))
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        plural = next(plural for name, plural, _ in KINDS[root] if name == kind)
        namespace = text(get(tree, "metadata", "namespace"))
        below = f"/namespaces/{namespace}" if namespace else ""
        self.objects.setdefault(f"{root}{below}/{plural}", []).append(tree)

    def kubeconfig(self, folder: Path, *, namespace: str = "shop", token: str | None = None) -> str:
        """A kubeconfig file that leads here."""
        path = folder / "kubeconfig"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "users": [{"name": "u", "user": {"token": token or self.token}}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": namespace}}],
        }
        path.write_text(yaml.safe_dump(content))
        return str(path)

    def paths(self) -> list[str]:
        return [path for _, path, _ in self.requests]

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, JSON | str]:
        if path in self.failures:
            status, message = self.failures[path]
            return status, {"kind": "Status", "status": "Failure", "message": message, "code": status}
        if path in self.strange:
            return 200, self.strange[path]
        if path.endswith("/log"):
            return 200, self.logs.get(f"{path}?previous" if query.get("previous") else path, "")
        if path in KINDS:
            verbs: JSON = ["get", "list", "watch"]
            resources: list[JSON] = [
                {"name": plural, "kind": kind, "namespaced": inside, "verbs": verbs}
                for kind, plural, inside in KINDS[path]
            ]
            resources.append({"name": f"{KINDS[path][0][1]}/status", "kind": KINDS[path][0][0], "verbs": ["get"]})
            version = path.removeprefix("/apis/").removeprefix("/api/")
            return 200, {"kind": "APIResourceList", "groupVersion": version, "resources": resources}
        if path == "/apis/autoscaling":
            return 200, {"kind": "APIGroup", "versions": [{"groupVersion": "autoscaling/v2", "version": "v2"}]}
        return self._listed(path, query)

    def _listed(self, path: str, query: dict[str, str]) -> tuple[int, JSON]:
        plural = path.rpartition("/")[2]
        served = [(root, kind) for root, kinds in KINDS.items() for kind, name, _ in kinds if name == plural]
        if not served:
            single = [
                one for one in self.objects.get(path.rpartition("/")[0], ()) if get(one, "metadata", "name") == plural
            ]
            return (200, single[0]) if single else (404, {"kind": "Status", "message": "not found"})
        root, kind = served[0]
        found = [one for at, group in self.objects.items() if at == path or _everywhere(at, path) for one in group]
        found = [one for one in found if _selected(one, query.get("fieldSelector", ""))]
        begin = int(query.get("continue", "0"))
        if begin and self.expire:
            self.expire -= 1
            return 410, {"kind": "Status", "reason": "Expired", "message": "too old"}
        size = min(self.page, int(query.get("limit", "500")))
        items: list[JSON] = [
            {key: value for key, value in one.items() if key not in {"kind", "apiVersion"}}
            for one in found[begin : begin + size]
        ]
        more = {"continue": str(begin + size)} if begin + size < len(found) else {}
        return 200, {
            "kind": f"{kind}List",
            "apiVersion": root.removeprefix("/apis/").removeprefix("/api/"),
            "metadata": {"resourceVersion": "1", **more},
            "items": items,
        }


def _everywhere(at: str, path: str) -> bool:
    """Whether ``path`` lists all namespaces of what lies at ``at``."""
    root, _, rest = at.partition("/namespaces/")
    return bool(rest) and f"{root}/{rest.partition('/')[2]}" == path


def _selected(tree: Tree, selector: str) -> bool:
    involved = mapping(tree.get("involvedObject"))
    tests = [one.partition("=")[::2] for one in selector.split(",") if one]
    return all(involved.get(key.removeprefix("involvedObject.")) == value for key, value in tests)


@contextmanager
def running() -> Iterator[Cluster]:
    """A cluster that answers until the block ends."""
    cluster = Cluster()

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            if parts.path == cluster.hang:
                cluster.released.wait(30)
            if self.headers.get("Authorization") != f"Bearer {cluster.token}":
                self._send(401, {"kind": "Status", "message": "Unauthorized"})
            elif cluster.busy:
                cluster.busy -= 1
                self._send(429, {"kind": "Status", "message": "busy"}, {"Retry-After": "0"})
            else:
                self._send(*cluster.answer(parts.path, query))

        def parse_request(self) -> bool:
            understood = super().parse_request()
            parts = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            cluster.requests.append((self.command, parts.path, query))
            return understood

        def _send(self, status: int, body: JSON | str, headers: Mapping[str, str] | None = None) -> None:
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            for key, value in (headers or {}).items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that hung up is no news."""

    with Server(("127.0.0.1", 0), Answers) as server:
        cluster.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield cluster
        finally:
            cluster.released.set()
            server.shutdown()
            thread.join()
