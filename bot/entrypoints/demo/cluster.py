"""The live side of the demo: what ``kubectl get -o json`` and ``docker inspect`` would print in each place of the shop.

Starts out exactly as the repository declares it, with what an API server and an engine add by themselves; then people
change things behind Git's back. The bot only ever sees the resulting files, through snapshot observers.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from bot.model.json import Tree
from bot.model.resource import Desired, Platform

Object: TypeAlias = dict[str, Any]
"""What an API server or an engine prints: JSON of their making, passed through to a file."""

_APPLIED: Final = "2026-01-12T09:00:00Z"
_NAMESPACE: Final = "shop"


@dataclass(slots=True)
class DemoCluster:
    """One place: live objects by ``Kind/namespace/name`` and containers by service name. Changes stay until they are undone."""

    objects: dict[str, Object] = field(default_factory=dict)
    containers: dict[str, Object] = field(default_factory=dict)

    @classmethod
    def running(cls, declared: Iterable[Desired]) -> DemoCluster:
        """Everything that ``declared`` says, running."""
        cluster = cls()
        for desired in declared:
            if desired.id.platform is Platform.KUBERNETES:
                cluster.objects[str(desired.id)] = _live(desired.tree)
            elif desired.id.kind == "service":
                cluster.containers[desired.id.name] = _container(desired)
        return cluster

    def kubectl(self, resource: str, path: tuple[str | int, ...], value: object, *, manager: str, at: datetime) -> None:
        """Somebody sets one value of a live object by hand; managedFields remember who."""
        target: Any = self.objects[resource]
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = value
        metadata = self.objects[resource]["metadata"]
        fields = {"manager": manager, "operation": "Update", "time": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
        metadata["managedFields"].append(
            {
                **fields,
                "apiVersion": "apps/v1",
                "fieldsType": "FieldsV1",
                "fieldsV1": _fields(self.objects[resource], path),
            }
        )
        metadata["resourceVersion"] = str(int(metadata["resourceVersion"]) + 1)

    def delete(self, resource: str) -> None:
        """Somebody deletes a live object."""
        del self.objects[resource]

    def as_snapshot(self) -> Object:
        """The file that the snapshot observer reads."""
        return {"kubernetes": list(self.objects.values()), "docker": list(self.containers.values())}


def _fields(live: Any, path: tuple[str | int, ...]) -> Object:
    """The fieldsV1 tree that owns the value at ``path``, with ``k:`` keys for named list elements."""
    if not path:
        return {}
    step = path[0]
    inner = live[step]
    if isinstance(step, str):
        return {f"f:{step}": _fields(inner, path[1:])}
    name = inner["name"] if isinstance(inner, dict) and "name" in inner else None
    key = f'k:{{"name":"{name}"}}' if name else f"i:{step}"
    return {key: _fields(inner, path[1:])}


def _uid(text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"


def _live(tree: Tree) -> Object:
    """A declared object as an API server returns it."""
    live: Object = copy.deepcopy(dict(tree))
    metadata = dict(live["metadata"])
    metadata.setdefault("namespace", _NAMESPACE)
    name = f"{live['kind']}/{metadata['name']}"
    managed_fields: Object = {"f:metadata": {"f:labels": {}}, "f:spec": {}}
    metadata |= {
        "uid": _uid(name),
        "resourceVersion": str(1000 + len(name)),
        "generation": 1,
        "creationTimestamp": _APPLIED,
        "managedFields": [
            {
                "manager": "kubectl-client-side-apply",
                "operation": "Update",
                "apiVersion": live["apiVersion"],
                "time": _APPLIED,
                "fieldsType": "FieldsV1",
                "fieldsV1": managed_fields,
            }
        ],
    }
    live["metadata"] = metadata
    match live["kind"]:
        case "Deployment" | "StatefulSet":
            replicas = live["spec"].get("replicas", 1)
            live["status"] = {
                "observedGeneration": 1,
                "replicas": replicas,
                "readyReplicas": replicas,
                "updatedReplicas": replicas,
            }
            live["spec"] = {"revisionHistoryLimit": 10, **live["spec"]}
        case "Service":
            spec = dict(live["spec"])
            spec["ports"] = [{"protocol": "TCP", **port} for port in spec["ports"]]
            live["spec"] = {
                "clusterIP": "10.96.14.7",
                "clusterIPs": ["10.96.14.7"],
                "type": "ClusterIP",
                "sessionAffinity": "None",
                **spec,
            }
            live["status"] = {"loadBalancer": {}}
        case "PersistentVolumeClaim":
            live["spec"] = {"volumeName": "pvc-" + _uid(name), "volumeMode": "Filesystem", **live["spec"]}
            live["status"] = {"phase": "Bound"}
    return live


def _container(desired: Desired) -> Object:
    """A declared Compose service as ``docker inspect`` prints its container."""
    tree, name = desired.tree, desired.id.name
    identity = hashlib.sha256(name.encode()).hexdigest()
    health = tree.get("healthcheck")
    logging = tree.get("logging")
    environment = tree.get("environment")
    bindings = _bindings(tree.get("ports"))
    config: Object = {
        "Hostname": identity[:12],
        "Image": tree["image"],
        "Env": [f"{key}={value}" for key, value in environment.items()] if isinstance(environment, dict) else [],
        "ExposedPorts": {port: {} for port in bindings},
        "Labels": {
            "com.docker.compose.project": desired.id.scope,
            "com.docker.compose.service": name,
            "com.docker.compose.container-number": "1",
            "com.docker.compose.oneoff": "False",
        },
    }
    if isinstance(health, dict):
        # nanoseconds (Docker Engine API, ContainerInspect, HealthConfig)
        config["Healthcheck"] = {"Test": health["test"], "Interval": 30_000_000_000, "Retries": health["retries"]}
    log = {"Type": "json-file", "Config": {}}
    if isinstance(logging, dict):
        log = {"Type": logging["driver"], "Config": dict(logging["options"])}
    return {
        "Id": identity,
        "Name": f"/{desired.id.scope}-{name}-1",
        "Created": _APPLIED,
        "State": {"Status": "running", "Running": True, "StartedAt": _APPLIED, "Health": {"Status": "healthy"}},
        "Image": "sha256:" + hashlib.sha256(str(tree["image"]).encode()).hexdigest(),
        "Config": config,
        "HostConfig": {
            "NetworkMode": f"{desired.id.scope}_default",
            "PortBindings": bindings,
            "RestartPolicy": {"Name": tree.get("restart", "no"), "MaximumRetryCount": 0},
            "LogConfig": log,
            "Privileged": False,
        },
        "Mounts": [],
        "NetworkSettings": {"Networks": {f"{desired.id.scope}_default": {"Aliases": [name]}}},
    }


def _bindings(ports: object) -> dict[str, list[dict[str, str]]]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in ports if isinstance(ports, list | tuple) else ():
        host, _, target = str(port).rpartition(":")
        address, _, published = host.rpartition(":")
        bindings.setdefault(f"{target}/tcp", []).append({"HostIp": address, "HostPort": published})
    return bindings


def now() -> datetime:
    """The time at which the demo's people change things: now, as UTC."""
    return datetime.now(UTC)
