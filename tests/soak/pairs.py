"""Random pairs of what Git declares and what runs: objects of many kinds as people write them, and what others make of them.

Everything is drawn from one generator of random numbers, so that a seed gives the same pairs again.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

SPACE: Final = "soak"
Object = dict[str, Any]


class Past(StrEnum):
    """What happened to an object before Git says something new of it."""

    NOTHING = "nothing"
    """It never was."""
    APPLIED = "applied"
    """It was applied and nobody touched it."""
    EDITED = "edited"
    """It was applied, and others changed it."""
    GONE = "gone"
    """It was applied, and somebody deleted it."""
    FOREIGN = "foreign"
    """Somebody else created it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """``base`` is what Git declared before, ``desired`` what it declares now (None: no longer), ``made`` what somebody else
    created, ``live`` what others made of what runs; None where nobody did.
    """

    past: Past
    base: Object | None
    desired: Object | None
    live: Object | None
    made: Object | None = None


def pair(rng: random.Random, number: int) -> Pair:
    """One pair under the name ``oNUMBER``."""
    make = rng.choice(_MAKERS)
    name = f"o{number}"
    base, other = make(rng, name), make(rng, name)
    past = rng.choice(list(Past))
    desired = mixed(rng, base, other) if rng.random() < 0.8 else copy.deepcopy(base)
    match past:
        case Past.NOTHING:
            return Pair(past, None, desired, None)
        case Past.FOREIGN:
            made = mixed(rng, base, make(rng, name))
            live = _touched(rng, copy.deepcopy(made)) if rng.random() < 0.5 else None
            return Pair(past, None, desired, live, made)
        case Past.EDITED:
            live = _touched(rng, mixed(rng, base, make(rng, name)))
            return Pair(past, base, desired, live)
        case Past.APPLIED if rng.random() < 0.2:
            return Pair(past, base, None, None)
        case _:
            return Pair(past, base, desired, None)


def mixed(rng: random.Random, one: Any, other: Any) -> Any:
    """An object between two: each field is of the one or of the other, or is in one of them alone."""
    if not (isinstance(one, Mapping) and isinstance(other, Mapping)):
        return copy.deepcopy(one if rng.random() < 0.5 else other)
    whole = {"selector", "roleRef", "target", "rollingUpdate", "strategy"}
    result = {}
    for name in [*one, *(each for each in other if each not in one)]:
        if name in one and name in other:
            result[name] = copy.deepcopy(one[name]) if name in whole else mixed(rng, one[name], other[name])
        elif rng.random() < 0.5:
            result[name] = copy.deepcopy(one.get(name, other.get(name)))
    return result


def _touched(rng: random.Random, live: Object) -> Object:
    """The object after others added what Git does not name."""
    meta = live["metadata"]
    if rng.random() < 0.5:
        meta["annotations"] = {**meta.get("annotations", {}), "example.org/seen": "yes"}
    if rng.random() < 0.3:
        meta["labels"] = {**meta.get("labels", {}), "example.org/team": "red"}
    containers = live.get("spec", {}).get("template", {}).get("spec", {}).get("containers", [])
    if containers and live["kind"] != "Job" and rng.random() < 0.4:
        containers[0]["env"] = [*containers[0].get("env", []), {"name": "ADDED", "value": "by hand"}]
    if live["kind"] == "ConfigMap" and rng.random() < 0.5:
        live["data"] = {**live.get("data", {}), "added": "by hand"}
    return live


def _head(api_version: str, kind: str, name: str, rng: random.Random) -> Object:
    meta: Object = {"name": name, "namespace": SPACE}
    if rng.random() < 0.5:
        meta["labels"] = {"tier": rng.choice(["front", "back"])}
    if rng.random() < 0.4:
        meta["annotations"] = {"example.org/note": rng.choice(["a", "b: c", "1"])}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta}


def _config_map(rng: random.Random, name: str) -> Object:
    keys = rng.sample(["a", "b", "c.properties", "d"], rng.randint(1, 4))
    values = ["1", "two", "three: 3\nfour: 4\n", "true", " spaced "]
    return _head("v1", "ConfigMap", name, rng) | {"data": {key: rng.choice(values) for key in keys}}


def _secret(rng: random.Random, name: str) -> Object:
    data = {key: rng.choice(["YQ==", "Yg=="]) for key in rng.sample(["user", "host", "port"], rng.randint(1, 3))}
    return _head("v1", "Secret", name, rng) | {"type": "Opaque", "data": data}


def _service(rng: random.Random, name: str) -> Object:
    numbers = rng.sample([80, 81, 443, 9090], rng.randint(1, 3))
    ports = [{"name": f"p{number}", "port": number, "targetPort": rng.choice([number, "http"])} for number in numbers]
    spec: Object = {"selector": {"app": name}, "ports": ports}
    if rng.random() < 0.3:
        spec["sessionAffinity"] = rng.choice(["None", "ClientIP"])
    return _head("v1", "Service", name, rng) | {"spec": spec}


def _container(rng: random.Random, name: str) -> Object:
    container: Object = {"name": name, "image": rng.choice(["nginx:1.27", "nginx:1.28", "busybox:1.37"])}
    if rng.random() < 0.6:
        names = rng.sample(["A", "B", "C", "D"], rng.randint(1, 3))
        container["env"] = [{"name": each, "value": rng.choice(["1", "x y", "true"])} for each in names]
    if rng.random() < 0.5:
        container["ports"] = [{"containerPort": each} for each in rng.sample([80, 8080, 9090], rng.randint(1, 2))]
    if rng.random() < 0.5:
        cpu, memory = rng.choice(["100m", "0.5", "1"]), rng.choice(["64Mi", "1Gi", "1024Mi"])
        container["resources"] = {"requests": {"cpu": cpu}, "limits": {"memory": memory}}
    if rng.random() < 0.3:
        container["args"] = rng.sample(["--a", "--b", "--c"], rng.randint(1, 3))
    if rng.random() < 0.3:
        probe = {"httpGet": {"path": rng.choice(["/", "/ready"]), "port": 80}}
        container["readinessProbe"] = probe | ({"periodSeconds": 5} if rng.random() < 0.5 else {})
    return container


def _pods(rng: random.Random, name: str) -> Object:
    spec: Object = {"containers": [_container(rng, "main")]}
    if rng.random() < 0.3:
        spec["containers"].append(_container(rng, "side"))
    if rng.random() < 0.3:
        spec["volumes"] = [{"name": "data", "emptyDir": {}}]
        spec["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": rng.choice(["/data", "/cache"])}]
    if rng.random() < 0.2:
        spec["serviceAccountName"] = "robot"
    return {"metadata": {"labels": {"app": name}}, "spec": spec}


def _deployment(rng: random.Random, name: str) -> Object:
    spec: Object = {"selector": {"matchLabels": {"app": name}}, "template": _pods(rng, name)}
    if rng.random() < 0.8:
        spec["replicas"] = rng.randint(1, 6)
    if rng.random() < 0.2:
        spec["strategy"] = {"type": "Recreate"}
    return _head("apps/v1", "Deployment", name, rng) | {"spec": spec}


def _stateful_set(rng: random.Random, name: str) -> Object:
    spec = {"selector": {"matchLabels": {"app": name}}, "serviceName": name, "template": _pods(rng, name)}
    return _head("apps/v1", "StatefulSet", name, rng) | {"spec": spec | {"replicas": rng.randint(1, 4)}}


def _daemon_set(rng: random.Random, name: str) -> Object:
    spec = {"selector": {"matchLabels": {"app": name}}, "template": _pods(rng, name)}
    return _head("apps/v1", "DaemonSet", name, rng) | {"spec": spec}


def _cron_job(rng: random.Random, name: str) -> Object:
    pods = _pods(rng, name)
    pods["spec"]["restartPolicy"] = "OnFailure"
    spec = {"schedule": rng.choice(["0 3 * * *", "*/5 * * * *"]), "jobTemplate": {"spec": {"template": pods}}}
    return _head("batch/v1", "CronJob", name, rng) | {"spec": spec}


def _ingress(rng: random.Random, name: str) -> Object:
    paths = [
        {
            "path": path,
            "pathType": "Prefix",
            "backend": {"service": {"name": name, "port": {"number": rng.choice([80, 443])}}},
        }
        for path in rng.sample(["/", "/a", "/b"], rng.randint(1, 3))
    ]
    rules = [{"host": rng.choice(["a.example.org", "b.example.org"]), "http": {"paths": paths}}]
    return _head("networking.k8s.io/v1", "Ingress", name, rng) | {"spec": {"rules": rules}}


def _policy(rng: random.Random, name: str) -> Object:
    port = {"port": rng.choice([80, 443])} | ({"protocol": "TCP"} if rng.random() < 0.5 else {})
    spec = {"podSelector": {"matchLabels": {"app": name}}, "ingress": [{"ports": [port]}]}
    return _head("networking.k8s.io/v1", "NetworkPolicy", name, rng) | {"spec": spec | {"policyTypes": ["Ingress"]}}


def _autoscaler(rng: random.Random, name: str) -> Object:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    use = {"type": "Utilization", "averageUtilization": rng.choice([50, 80])}
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": use}}]
    spec = {"scaleTargetRef": target, "minReplicas": rng.randint(1, 2), "maxReplicas": rng.randint(3, 9)}
    return _head("autoscaling/v2", "HorizontalPodAutoscaler", name, rng) | {"spec": spec | {"metrics": metrics}}


def _budget(rng: random.Random, name: str) -> Object:
    allowed = rng.choice([1, "25%", "50%"])
    spec = {"selector": {"matchLabels": {"app": name}}, "maxUnavailable": allowed}
    return _head("policy/v1", "PodDisruptionBudget", name, rng) | {"spec": spec}


def _role(rng: random.Random, name: str) -> Object:
    verbs = rng.sample(["get", "list", "watch", "update"], rng.randint(1, 4))
    rules = [{"apiGroups": [""], "resources": [rng.choice(["pods", "configmaps"])], "verbs": verbs}]
    return _head("rbac.authorization.k8s.io/v1", "Role", name, rng) | {"rules": rules}


def _binding(rng: random.Random, name: str) -> Object:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    subjects = [{"kind": "ServiceAccount", "name": rng.choice(["robot", "other"]), "namespace": SPACE}]
    head = _head("rbac.authorization.k8s.io/v1", "RoleBinding", name, rng)
    return head | {"roleRef": reference, "subjects": subjects}


def _account(rng: random.Random, name: str) -> Object:
    mount = {"automountServiceAccountToken": rng.random() < 0.5} if rng.random() < 0.5 else {}
    return _head("v1", "ServiceAccount", name, rng) | mount


_MAKERS: Final[tuple[Callable[[random.Random, str], Object], ...]] = (
    *(_deployment, _deployment, _deployment, _config_map, _config_map, _service, _service),
    *(_secret, _stateful_set, _daemon_set, _cron_job, _ingress, _policy, _autoscaler, _budget, _role, _binding),
    _account,
)
