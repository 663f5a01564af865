"""Controllers that make objects ready: at once, after some reads, never, or not within their deadline.

They do to ``status`` what those of Kubernetes do, in one step: no pods are made for a workload.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.appliers.kube.schema import Kind
from tests.appliers.kube.store import Key, Object, timestamp

Condition = tuple[str, str, str, str]
"""(type, status, reason, message)."""


@dataclass
class Controllers:
    """``reads`` is how often an object is read before it is ready. ``never`` and ``failing`` hold ``KIND/NAME``."""

    on: bool = True
    reads: int = 0
    never: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    waiting: dict[Key, int] = field(default_factory=dict)

    def written(self, key: Key, kind: Kind) -> bool:
        """An object was written: whether it is to be made ready now."""
        if not self.on or kind.kind not in _READY or kind.custom:
            return False
        if self.reads:
            self.waiting[key] = self.reads
        return not self.reads

    def read(self, key: Key) -> bool:
        """An object is read: whether it is to be made ready first."""
        left = self.waiting.get(key)
        if left is None:
            return False
        self.waiting[key] = left - 1
        if left:
            return False
        del self.waiting[key]
        return self.on

    def status(self, obj: Object) -> Object | None:
        """The status that the object comes to have, None where it stays as it is."""
        name = f"{obj['kind']}/{obj['metadata']['name']}"
        if name in self.never:
            return None
        make = _FAILED.get(obj["kind"]) if name in self.failing else _READY[obj["kind"]]
        status = make(obj) if make is not None else None
        return _timed(status, obj.get("status", {})) if status is not None else None


def _timed(status: Object, before: Mapping[str, Any]) -> Object:
    """The status; a condition that holds already keeps its times."""
    old = {each["type"]: each for each in before.get("conditions", ())}
    for condition in status.get("conditions", ()):
        known = old.get(condition["type"], {})
        same = known.get("status") == condition["status"]
        for name in ("lastTransitionTime", "lastUpdateTime", "lastProbeTime"):
            if name in condition:
                condition[name] = known.get(name, condition[name]) if same else condition[name]
    return status


def _condition(kind: str, status: str, reason: str, message: str, *, update: bool = False) -> Object:
    now = timestamp()
    condition = {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": now}
    return condition | ({"lastUpdateTime": now} if update else {})


def _generation(obj: Object) -> int:
    return int(obj["metadata"].get("generation", 1))


def _deployment(obj: Object) -> Object:
    replicas, name = obj["spec"].get("replicas", 1), obj["metadata"]["name"]
    counts = {
        "replicas": replicas,
        "updatedReplicas": replicas,
        "readyReplicas": replicas,
        "availableReplicas": replicas,
    }
    progressed = f'ReplicaSet "{name}-5d4f8c7b9" has successfully progressed.'
    return {
        "observedGeneration": _generation(obj),
        **{key: value for key, value in counts.items() if value},
        "conditions": [
            _condition(
                "Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", update=True
            ),
            _condition("Progressing", "True", "NewReplicaSetAvailable", progressed, update=True),
        ],
    }


def _deployment_failed(obj: Object) -> Object:
    name = obj["metadata"]["name"]
    unavailable = "Deployment does not have minimum availability."
    late = f'ReplicaSet "{name}-5d4f8c7b9" has timed out progressing.'
    return {
        "observedGeneration": _generation(obj),
        "replicas": obj["spec"].get("replicas", 1),
        "updatedReplicas": 1,
        "unavailableReplicas": obj["spec"].get("replicas", 1),
        "conditions": [
            _condition("Available", "False", "MinimumReplicasUnavailable", unavailable, update=True),
            _condition("Progressing", "False", "ProgressDeadlineExceeded", late, update=True),
        ],
    }


def _stateful_set(obj: Object) -> Object:
    replicas, revision = obj["spec"].get("replicas", 1), f"{obj['metadata']['name']}-{_generation(obj)}"
    counts = ("replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    whole = {"observedGeneration": _generation(obj), "currentRevision": revision, "updateRevision": revision}
    return whole | dict.fromkeys(counts, replicas) | {"collisionCount": 0}


def _stateful_set_failed(obj: Object) -> Object:
    name = obj["metadata"]["name"]
    counts = {
        "replicas": obj["spec"].get("replicas", 1),
        "readyReplicas": 0,
        "updatedReplicas": 0,
        "availableReplicas": 0,
    }
    revisions = {"currentRevision": f"{name}-0", "updateRevision": f"{name}-{_generation(obj)}"}
    return {"observedGeneration": _generation(obj)} | counts | revisions


def _daemon_set(obj: Object) -> Object:
    counts = (
        "currentNumberScheduled",
        "desiredNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    return {"observedGeneration": _generation(obj), "numberMisscheduled": 0, **dict.fromkeys(counts, 3)}


def _daemon_set_failed(obj: Object) -> Object:
    counts = {"currentNumberScheduled": 3, "desiredNumberScheduled": 3, "numberReady": 0, "updatedNumberScheduled": 1}
    return {"observedGeneration": _generation(obj), "numberMisscheduled": 0, "numberUnavailable": 3} | counts


def _replica_set(obj: Object) -> Object:
    replicas = obj["spec"].get("replicas", 1)
    return {
        "observedGeneration": _generation(obj),
        **dict.fromkeys(("replicas", "readyReplicas", "availableReplicas"), replicas),
    }


def _job(obj: Object) -> Object:
    if obj["spec"].get("suspend"):
        return {"conditions": [_condition("Suspended", "True", "JobSuspended", "Job suspended")]}
    done, now = obj["spec"].get("completions", 1), timestamp()
    reached = "Reached expected number of succeeded pods"
    return {
        "startTime": obj.get("status", {}).get("startTime", now),
        "completionTime": obj.get("status", {}).get("completionTime", now),
        "succeeded": done,
        "ready": 0,
        "conditions": [
            _condition("SuccessCriteriaMet", "True", "CompletionsReached", reached),
            _condition("Complete", "True", "CompletionsReached", reached),
        ],
    }


def _job_failed(obj: Object) -> Object:
    limit = "Job has reached the specified backoff limit"
    return {
        "startTime": timestamp(),
        "failed": obj["spec"].get("backoffLimit", 6) + 1,
        "conditions": [_condition("Failed", "True", "BackoffLimitExceeded", limit)],
    }


def _claim(obj: Object) -> Object:
    asked = obj["spec"].get("resources", {}).get("requests", {})
    return {"phase": "Bound", "accessModes": obj["spec"].get("accessModes", []), "capacity": dict(asked)}


def _pod(obj: Object) -> Object:
    kinds = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    containers = [
        {
            "name": each["name"],
            "image": each.get("image", ""),
            "imageID": "",
            "ready": True,
            "restartCount": 0,
            "state": {"running": {"startedAt": timestamp()}},
            "started": True,
        }
        for each in obj["spec"].get("containers", ())
    ]
    conditions = [{"type": each, "status": "True", "lastTransitionTime": timestamp()} for each in kinds]
    return {"phase": "Running", "qosClass": "BestEffort", "conditions": conditions, "containerStatuses": containers}


def _service(obj: Object) -> Object:
    balanced = obj["spec"].get("type") == "LoadBalancer"
    return {"loadBalancer": {"ingress": [{"ip": "192.0.2.10", "ipMode": "VIP"}]} if balanced else {}}


def _definition(obj: Object) -> Object:
    names = obj["spec"]["names"]
    storage = [each["name"] for each in obj["spec"]["versions"] if each.get("storage")]
    return {
        "conditions": [
            _condition("NamesAccepted", "True", "NoConflicts", "no conflicts found"),
            _condition("Established", "True", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "acceptedNames": copy.deepcopy(names),
        "storedVersions": storage,
    }


def _definition_failed(obj: Object) -> Object:
    taken = f"{obj['spec']['names']['plural']} is already in use"
    return {
        "conditions": [
            _condition("NamesAccepted", "False", "PluralConflict", taken),
            _condition("Established", "False", "NotAccepted", "not all names are accepted"),
        ],
        "acceptedNames": {"kind": "", "plural": ""},
        "storedVersions": [each["name"] for each in obj["spec"]["versions"] if each.get("storage")],
    }


_READY: Final[Mapping[str, Callable[[Object], Object]]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "ReplicaSet": _replica_set,
    "Job": _job,
    "PersistentVolumeClaim": _claim,
    "Pod": _pod,
    "Service": _service,
    "CustomResourceDefinition": _definition,
}
_FAILED: Final[Mapping[str, Callable[[Object], Object]]] = {
    "Deployment": _deployment_failed,
    "StatefulSet": _stateful_set_failed,
    "DaemonSet": _daemon_set_failed,
    "Job": _job_failed,
    "CustomResourceDefinition": _definition_failed,
}
