"""A stand-in for the API server of Kubernetes, over real sockets: ``with ApiServer() as server``.

What it does is what the documentation of Kubernetes says, and what structured-merge-diff's own cases hold of server-side
apply; it knows nothing of who calls it. ``server.put`` writes as another client would, ``server.fail`` makes requests fail,
``server.controllers`` says when objects become ready.
"""

from __future__ import annotations

import base64
import copy
import json
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.appliers.kube import managed
from tests.appliers.kube.access import Access, Denial
from tests.appliers.kube.api import Api
from tests.appliers.kube.certificate import loopback
from tests.appliers.kube.controllers import Controllers
from tests.appliers.kube.faults import Fault, Faults, Match, Request
from tests.appliers.kube.schema import Kind
from tests.appliers.kube.store import Key, Object, Store, key_of
from tests.appliers.kube.web import Web
from tests.appliers.kube.writes import Call

_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


class ApiServer:
    """A running server. Its namespaces are the four that every cluster has; ``token`` may do everything.

    Without ``tls`` it speaks plain HTTP, over which kubectl sends no token.
    """

    def __init__(self, *, user: str = "tester", tls: bool = False) -> None:
        self.token = secrets.token_urlsafe(24)
        self.controllers = Controllers()
        self.requests: list[Request] = []
        self._store = Store()
        self._access = Access({self.token: user})
        self._api = Api(self._store, self._access, self.controllers)
        self._faults = Faults()
        self._lock = threading.Lock()
        self._web: Web | None = None
        self._tls = loopback() if tls else None
        for name in _NAMESPACES:
            self.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, manager="kube-apiserver")

    def __enter__(self) -> Self:
        self._web = Web(self._api, self._faults, self._seen, self._tls and self._tls[0])
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        if self._web is not None:
            self._web.close()

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``."""
        assert self._web is not None, "the server does not run"
        return self._web.url

    def kubeconfig(self, folder: Path, *, token: str | None = None) -> Path:
        """A kubeconfig in a folder whose current context is this server."""
        path = folder / "kubeconfig"
        pem = self._tls[1] if self._tls is not None else b""
        authority = {"certificate-authority-data": base64.b64encode(pem).decode()} if pem else {}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "stand-in",
            "clusters": [{"name": "stand-in", "cluster": {"server": self.url} | authority}],
            "users": [{"name": "tester", "user": {"token": token or self.token}}],
            "contexts": [{"name": "stand-in", "context": {"cluster": "stand-in", "user": "tester"}}],
        }
        path.write_text(json.dumps(config, indent=2), encoding="utf-8")
        path.chmod(0o600)
        return path

    def put(self, obj: Mapping[str, Any], manager: str | None = "kubectl-edit") -> Object:
        """The object as stored after another client created or replaced it; ``manager`` None leaves nobody owning it."""
        meta = obj["metadata"]
        kind = self._api.kind_named(obj["apiVersion"], obj["kind"])
        space = meta.get("namespace", "default") if kind.namespaced else ""
        call = Call(kind, space, meta["name"], manager=manager or "unknown")
        body = copy.deepcopy(dict(obj))
        with self._store.changed:
            if call.key in self._store.objects:
                body["metadata"].pop("resourceVersion", None)
                self._api.writer.replace(call, body, precise=False)
            else:
                self._api.writer.create(call, body)
            if "status" in obj and "status" in kind.subresources:
                status_call = Call(kind, space, meta["name"], "status", manager=manager or "unknown")
                current = self._store.objects[call.key] | {"status": copy.deepcopy(obj["status"])}
                self._api.writer.replace(status_call, current, precise=False)
            elif self.controllers.written(call.key, kind):
                self._api.ready(call.key)
            if manager is None:
                self._disown(call)
            return self._store.objects[call.key]

    def _disown(self, call: Call) -> None:
        stored = copy.deepcopy(self._store.objects[call.key])
        stored["metadata"].pop("managedFields", None)
        self._store.save(call.key, stored, "MODIFIED")

    def edit(self, api_version: str, kind: str, namespace: str, name: str, **changes: Any) -> Object:
        """The object after another client changed the fields at dotted paths written with ``__``: ``spec__replicas=3``."""
        obj = copy.deepcopy(self.get(api_version, kind, namespace, name))
        assert obj is not None, f"there is no {kind} {name}"
        manager = changes.pop("manager", "kubectl-edit")
        for path, value in changes.items():
            holder: Any = obj
            *parents, last = path.split("__")
            for each in parents:
                holder = holder.setdefault(each, {})
            holder[last] = value
        return self.put(obj, manager=manager)

    def remove(self, api_version: str, kind: str, namespace: str, name: str) -> None:
        """The object is gone, whatever its finalizers."""
        call = self._named(api_version, kind, namespace, name)
        with self._store.changed:
            self._store.save(call.key, self._store.objects[call.key], "DELETED")

    @property
    def objects(self) -> list[Object]:
        """Everything that is stored, in the order of kinds, namespaces and names."""
        with self._store.changed:
            return [self._store.objects[key] for key in sorted(self._store.objects)]

    @property
    def changes(self) -> list[tuple[str, str]]:
        """What really happened to objects, in its order, as ("ADDED", "ConfigMap/shop/settings"): a write that changed
        nothing and what controllers wrote of the status are not among it.
        """
        known: dict[Key, Object] = {}
        happened = []
        with self._store.changed:
            events = list(self._store.events)
        for event in events:
            told = _told(event.obj)
            if event.happened != "MODIFIED" or known.get(event.key) != told:
                happened.append((event.happened, "/".join([event.obj["kind"], *filter(None, event.key[2:])])))
            known[event.key] = told
        return happened

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> Object | None:
        """A stored object, or None."""
        try:
            call = self._named(api_version, kind, namespace, name)
        except KeyError:
            return None
        with self._store.changed:
            return self._store.objects.get(call.key)

    def owners(self, api_version: str, kind: str, namespace: str, name: str) -> dict[str, set[str]]:
        """What each manager of an object owns, as ``.spec.replicas``; managers are named as conflicts name them."""
        from tests.appliers.kube.paths import display

        obj = self.get(api_version, kind, namespace, name)
        entries = managed.read(obj["metadata"]) if obj is not None else {}
        return {managed.told(key): {display(path) for path in owned.paths} for key, owned in entries.items()}

    def _named(self, api_version: str, kind: str, namespace: str, name: str) -> Call:
        served: Kind = self._api.kind_named(api_version, kind)
        return Call(served, key_of(served, namespace, name)[2], name)

    def fail(
        self,
        match: Match,
        status: int = 503,
        *,
        after: bool = False,
        times: int = 1,
        drop: bool = False,
        retry_after: int | None = None,
    ) -> Fault:
        """The next ``times`` requests that match get ``status``, or a reset connection where ``drop``.

        ``match`` is searched for in ``METHOD /path?query``. ``after`` does what is asked first, so that only the reply is
        lost. The fault counts in ``happened``.
        """
        return self._faults.add(Fault(match, status, after, times, drop, retry_after))

    def deny(self, verb: str = "", resource: str = "", namespace: str = "", user: str = "") -> None:
        """Nobody, or ``user``, may do that from now on; what is left out is everything."""
        self._access.denials.append(Denial(verb, resource, namespace, user))

    def admit(self, token: str, user: str) -> None:
        """Another token that is known."""
        self._access.tokens[token] = user

    def forget(self) -> None:
        """Watches and lists that go on from before now have expired (410)."""
        self._api.oldest = self._store.version + 1

    def _seen(self, request: Request) -> None:
        with self._lock:
            self.requests.append(request)


def _told(obj: Mapping[str, Any]) -> Object:
    """An object without its status and what every write of it changes."""
    volatile = {"resourceVersion", "managedFields", "generation"}
    meta = {name: value for name, value in obj["metadata"].items() if name not in volatile}
    return {name: value for name, value in obj.items() if name != "status"} | {"metadata": meta}
