"""How the tests of the stand-in ask it: objects, paths, patches, and a client with its token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx

from tests.appliers.apiserver import ApiServer
from tests.web import new_client

APPS: Final = "/apis/apps/v1/namespaces/default/deployments"
MAPS: Final = "/api/v1/namespaces/default/configmaps"
APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"

Object = dict[str, Any]


def deployment(name: str = "web", *, replicas: int | None = 2, image: str = "nginx:1", **more: Any) -> Object:
    labels = {"app": name}
    container = {"name": "main", "image": image, "ports": [{"containerPort": 80}], **more}
    spec: Object = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    head = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default"}}
    return head | {"spec": spec | ({} if replicas is None else {"replicas": replicas})}


def config_map(name: str = "settings", **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data}


def applied(client: httpx.Client, path: str, obj: Object, manager: str = "applier", **query: str) -> httpx.Response:
    where = f"{path}/{obj['metadata']['name']}"
    params = {"fieldManager": manager, **query}
    return client.patch(where, params=params, content=json.dumps(obj), headers={"Content-Type": APPLY})


def patched(client: httpx.Client, path: str, patch: Any, media: str, **query: str) -> httpx.Response:
    return client.patch(path, params=query, content=json.dumps(patch), headers={"Content-Type": media})


@contextmanager
def asking(server: ApiServer) -> Iterator[httpx.Client]:
    """A client that may do everything and whose manager is ``asker`` where it names none."""
    headers = {"Authorization": f"Bearer {server.token}", "User-Agent": "asker/1"}
    with new_client(base_url=server.url, headers=headers, timeout=20) as client:
        yield client
