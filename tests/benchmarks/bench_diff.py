"""How fast the comparison is, beside DeepDiff on the same objects in the same run.

``python -m tests.benchmarks.bench_diff [--objects 10000] [--growth 50000] [--peer 100]`` prints seconds, resident
memory and the ratio. Objects are generated: Deployments, Services and ConfigMaps as an API server returns them, with
``managedFields``, one in a hundred edited by a person. Cold: parse Git (YAML) and the live list (JSON), compare. Warm:
the same again with both sides known by blob and version.
"""

from __future__ import annotations

import argparse
import copy
import gc
import hashlib
import json
import resource
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import yaml

from bot.drift.cache import Memo
from bot.drift.compare import compare
from bot.drift.options import ComparisonOptions
from bot.model.drift import Report
from bot.model.observation import Observation
from bot.model.resource import Desired, Observed, Platform, ResourceId, SourceKind

T = TypeVar("T")

NOW = datetime(2026, 5, 1, tzinfo=UTC)
OPTIONS = ComparisonOptions(mask_key=b"benchmark")


def deployment(number: int) -> dict[str, Any]:
    name = f"app-{number}"
    labels = {"app.kubernetes.io/name": name, "team": f"team-{number % 40}"}
    container = {
        "name": "app",
        "image": f"registry.example.com/shop/{name}:1.{number % 90}.0",
        "env": [{"name": f"SETTING_{at}", "value": f"value-{at}"} for at in range(8)],
        "ports": [{"containerPort": 8080, "name": "http"}],
        "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"cpu": "1000m", "memory": "1Gi"}},
        "livenessProbe": {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 20},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/app", "readOnly": True}],
        "securityContext": {"runAsNonRoot": True, "readOnlyRootFilesystem": True},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": f"ns-{number % 50}", "labels": labels},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app.kubernetes.io/name": name}},
            "template": {
                "metadata": {"labels": dict(labels)},
                "spec": {"containers": [container], "volumes": [{"name": "config", "configMap": {"name": name}}]},
            },
        },
    }


def service(number: int) -> dict[str, Any]:
    name = f"app-{number}"
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": f"ns-{number % 50}", "labels": {"app.kubernetes.io/name": name}},
        "spec": {
            "selector": {"app.kubernetes.io/name": name},
            "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
        },
    }


def config_map(number: int) -> dict[str, Any]:
    name = f"app-{number}"
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": f"ns-{number % 50}"},
        "data": {f"key-{at}.conf": f"setting = {at}\nmode = production\n" for at in range(6)},
    }


MAKERS = (deployment, service, config_map)


def as_live(tree: dict[str, Any], number: int) -> dict[str, Any]:
    """``tree`` as an API server returns it: defaults, identities, managedFields; one in a hundred edited."""
    live = copy.deepcopy(tree)
    live["metadata"] |= {
        "uid": f"00000000-0000-0000-0000-{number:012d}",
        "resourceVersion": str(100_000 + number),
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "generation": 3,
        "annotations": {"deployment.kubernetes.io/revision": "3"} if tree["kind"] == "Deployment" else {},
    }
    if tree["kind"] == "Deployment":
        _default_deployment(live["spec"])
    if tree["kind"] == "Service":
        live["spec"] |= {
            "clusterIP": "10.0.0.1",
            "clusterIPs": ["10.0.0.1"],
            "type": "ClusterIP",
            "sessionAffinity": "None",
        }
        live["spec"]["ports"][0]["protocol"] = "TCP"
    live["metadata"]["managedFields"] = managed(tree)
    if number % 100 == 0:
        _edit(live)
    return live


def _default_deployment(spec: dict[str, Any]) -> None:
    spec |= {"progressDeadlineSeconds": 600, "revisionHistoryLimit": 10}
    spec["strategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
    pod = spec["template"]["spec"]
    pod |= {"dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler"}
    pod |= {"securityContext": {}, "terminationGracePeriodSeconds": 30}
    container = pod["containers"][0]
    container |= {"imagePullPolicy": "IfNotPresent", "terminationMessagePath": "/dev/termination-log"}
    container |= {"terminationMessagePolicy": "File"}
    container["resources"]["limits"]["cpu"] = "1"
    container["ports"][0]["protocol"] = "TCP"
    for probe in ("livenessProbe", "readinessProbe"):
        usual = {"failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1}
        container[probe] = {**usual, **container[probe]}
        container[probe]["httpGet"]["scheme"] = "HTTP"
    pod["volumes"][0]["configMap"]["defaultMode"] = 420


def _edit(live: dict[str, Any]) -> None:
    live["metadata"].setdefault("labels", {})["edited"] = "yes"
    edit: dict[str, Any] = {"f:metadata": {"f:labels": {"f:edited": {}}}}
    live["metadata"]["managedFields"].append(
        {"manager": "kubectl-edit", "operation": "Update", "time": "2026-04-30T10:00:00Z", "fieldsV1": edit}
    )


def managed(tree: dict[str, Any]) -> list[dict[str, Any]]:
    def fields(value: Any) -> dict[str, Any]:
        return {f"f:{key}": fields(entry) for key, entry in value.items()} if isinstance(value, dict) else {}

    owned = {f"f:{key}": fields(tree[key]) for key in tree if key not in {"apiVersion", "kind"}}
    return [{"manager": "argocd-controller", "operation": "Apply", "time": "2026-01-01T00:00:00Z", "fieldsV1": owned}]


def identity(tree: dict[str, Any]) -> ResourceId:
    group, slash, _ = tree["apiVersion"].partition("/")
    metadata = tree["metadata"]
    return ResourceId(
        Platform.KUBERNETES, tree["kind"], metadata["namespace"], metadata["name"], group if slash else ""
    )


def parse_git(files: list[bytes]) -> tuple[Desired, ...]:
    resources = []
    for number, data in enumerate(files):
        blob = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        for document, tree in enumerate(yaml.load_all(data, Loader=yaml.CSafeLoader)):
            id_ = identity(tree)
            file = f"k8s/{number}.yaml"
            resources.append(Desired(id_, str(id_), SourceKind.KUBERNETES, tree, file, 1, document=document, blob=blob))
    return tuple(resources)


def parse_live(data: bytes) -> Observation:
    found = {}
    for tree in json.loads(data)["items"]:
        id_ = identity(tree)
        found[id_] = Observed(id_, tree, version=f"{tree['metadata']['uid']}:{tree['metadata']['resourceVersion']}")
    return Observation(NOW, resources=found, covered=frozenset({Platform.KUBERNETES}))


def timed(label: str, work: Callable[[], T]) -> tuple[T, float]:
    gc.collect()  # what the step before left is not this one's
    started, busy = time.perf_counter(), time.process_time()
    result = work()
    spent, busy = time.perf_counter() - started, time.process_time() - busy
    print(f"  {label:<46} {spent:8.3f} s  (processor {busy:.3f} s)")
    return result, busy


def yardstick() -> float:
    """Nanoseconds of the processor for one step of an empty sum: tells a busy machine from an idle one."""
    started, total = time.process_time(), 0
    for number in range(1_000_000):
        total += number
    return (time.process_time() - started) * 1e3


def resident() -> float:
    """Peak resident memory in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def world(count: int) -> tuple[list[bytes], bytes]:
    trees = [MAKERS[number % 3](number) for number in range(count)]
    files = [
        yaml.dump_all(trees[at : at + 3], Dumper=yaml.CSafeDumper, explicit_start=True).encode()
        for at in range(0, count, 3)
    ]
    live = json.dumps({"kind": "List", "items": [as_live(tree, at) for at, tree in enumerate(trees)]}).encode()
    return files, live


def run(count: int) -> tuple[float, float, float]:
    """(cold, warm, comparing cold) in seconds of the processor for ``count`` objects."""
    print(f"{count} objects (a step of a Python loop takes {yardstick():.0f} ns here; about 40 on an idle machine)")
    files, data = world(count)
    gc.collect()
    before = resident()
    memo = Memo()
    git, parsing = timed("parse Git (YAML)", lambda: parse_git(files))
    seen, loading = timed("parse live (JSON)", lambda: parse_live(data))
    report, first = timed("compare, cold", lambda: check(git, seen, memo, count))
    _, second = timed("compare, warm", lambda: check(git, seen, memo, count))
    fresh_seen = parse_live(data)
    _, third = timed("compare, warm, live objects made anew", lambda: check(git, fresh_seen, memo, count))
    per_object = second / count * 1e6
    print(f"  cold in all {parsing + loading + first:.2f} s of the processor, drift found {len(report.drift)}")
    print(f"  an unchanged object {per_object:.2f} µs (made anew {third / count * 1e6:.2f} µs)")
    print(f"  peak resident memory {resident():.0f} MB ({before:.0f} MB of it the generated input)")
    return parsing + loading + first, second, first


def check(git: Sequence[Desired], seen: Observation, memo: Memo, count: int) -> Report:
    report = compare(git, seen, options=OPTIONS, memo=memo)
    expected = (count + 99) // 100
    if len(report.drift) != expected:
        raise SystemExit(f"expected {expected} drifts, found {len(report.drift)}: {report.drift[:3]}")
    return report


def peer(count: int) -> float:
    """How many times faster than DeepDiff(ignore_order=True) on ``count`` of the same objects."""
    from deepdiff import DeepDiff

    files, data = world(count)
    git, seen = parse_git(files), parse_live(data)
    pairs = [(one.tree, seen.resources[one.id].tree) for one in git]
    print(f"{count} of the same objects, keyed comparison against DeepDiff(ignore_order=True)")
    compare(git[:3], seen, options=OPTIONS)
    for one, other in pairs[:3]:
        DeepDiff(one, other, ignore_order=True)
    theirs = timed("DeepDiff", lambda: [DeepDiff(one, other, ignore_order=True) for one, other in pairs])[1]
    ours = timed("clockwork", lambda: compare(git, seen, options=OPTIONS))[1]
    print(f"  ratio {theirs / ours:.0f} ×")
    return theirs / ours


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--objects", type=int, default=10_000)
    arguments.add_argument("--growth", type=int, default=50_000, help="also this many objects; 0 leaves it out")
    arguments.add_argument("--peer", type=int, default=150, help="objects for the comparison with DeepDiff")
    chosen = arguments.parse_args()
    _, warm, first = run(chosen.objects)
    peer(chosen.peer)
    if chosen.growth:
        _, more_warm, more = run(chosen.growth)
        times = chosen.growth / chosen.objects
        print(f"growth ×{times:.0f}: comparing cold ×{more / first:.1f}, warm ×{more_warm / warm:.1f}")


if __name__ == "__main__":
    main()
