"""How a live object is, told from its own status. Pure; used by :mod:`bot.appliers.kubernetes`.

The rules are those of kstatus (kubernetes-sigs/cli-utils ``pkg/kstatus/status``: generic.go, core.go, status.go), except
that a Job is healthy when it has ended well, and not when it has begun; that a pod which failed has failed; and that a
claim whose storage class waits for its first consumer (Kubernetes docs, "Storage Classes", "Volume binding mode") is as
well as it can be before there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from bot.drift.kubernetes.conditions import condition_of
from bot.drift.kubernetes.pod_health import pod_problems
from bot.model.action import HealthReport, HealthState
from bot.model.json import JSON, Tree, get, integer, mapping, mappings, moment, text, texts
from bot.model.resource import api_group
from bot.secrecy.sanitize import sanitized

_UNSCHEDULED: Final = timedelta(seconds=15)
"""How long a pod may be without a node (kstatus, ``ScheduleWindow``)."""
_NO_DEADLINE: Final = 2**31 - 1
"""Of a Deployment, ``progressDeadlineSeconds`` that never ends: then it has no condition Progressing (kubernetes
``pkg/controller/deployment/util/deployment_util.go``, ``HasProgressDeadline``).
"""
_SHOWN: Final = 300
_RBAC: Final = "rbac.authorization.k8s.io"
_PASSIVE_KINDS: Final = frozenset(
    {
        *(("", kind) for kind in ("ConfigMap", "Secret", "ServiceAccount", "LimitRange")),
        *((_RBAC, kind) for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")),
        ("networking.k8s.io", "NetworkPolicy"),
        ("scheduling.k8s.io", "PriorityClass"),
        ("storage.k8s.io", "StorageClass"),
    }
)
"""Kinds without a status (Kubernetes API reference)."""


def health_of(tree: Tree, now: datetime, *, binding: str = "") -> HealthReport:
    """How the object is at ``now``. ``binding`` is the volume binding mode of a claim's storage class."""
    return _generic(tree) or _RULES.get(_kind(tree), _by_ready)(tree, now, binding)


def is_settled(tree: Tree) -> bool:
    """Whether the object is as well as it will ever be as soon as it is stored: no controller does anything to it."""
    return _kind(tree) in _PASSIVE_KINDS and not text(get(tree, "metadata", "deletionTimestamp"))


def pod_evidence(pod: Tree, now: datetime) -> tuple[str, ...]:
    """What is wrong with one pod, as sentences: the reasons for which its containers wait, how they ended."""
    name = text(get(pod, "metadata", "name"))
    return tuple(
        _shown(f"pod {name}: {problem.message}" + (f" ({', '.join(problem.evidence)})" if problem.evidence else ""))
        for problem in pod_problems(pod, now)
    )


def _kind(tree: Tree) -> tuple[str, str]:
    return api_group(tree.get("apiVersion")), text(tree.get("kind"))


def _shown(message: str) -> str:
    return sanitized(message)[:_SHOWN]


def _healthy(*evidence: str) -> HealthReport:
    return HealthReport(HealthState.HEALTHY, evidence)


def _progressing(*evidence: str) -> HealthReport:
    return HealthReport(HealthState.PROGRESSING, evidence)


def _failed(*evidence: str) -> HealthReport:
    return HealthReport(HealthState.FAILED, evidence)


def _reason_of(condition: Tree) -> str:
    """A condition in its own words."""
    reason = ": ".join(filter(None, (text(condition.get("reason")), text(condition.get("message")))))
    return _shown(
        f"{text(condition.get('type'))} is {text(condition.get('status'))}" + (f" ({reason})" if reason else "")
    )


def _is(tree: Tree, type_: str, status: str) -> Tree:
    """The condition of that type where it has that status, else nothing."""
    condition = condition_of(tree, type_)
    return condition if condition.get("status") == status else {}


def _generic(tree: Tree) -> HealthReport | None:
    """What every kind may say; None where that tells nothing."""
    if text(get(tree, "metadata", "deletionTimestamp")):
        finalizers = texts(get(tree, "metadata", "finalizers"))
        return _progressing("it is being deleted" + (f" and waits for {', '.join(finalizers)}" if finalizers else ""))
    generation, observed_generation = get(tree, "metadata", "generation"), get(tree, "status", "observedGeneration")
    if generation is not None and observed_generation is not None and generation != observed_generation:
        return _progressing(
            f"its controller has seen generation {integer(observed_generation)} of {integer(generation)}"
        )
    if condition := _is(tree, "Reconciling", "True"):
        return _progressing(_reason_of(condition))
    if condition := _is(tree, "Stalled", "True"):
        return _failed(_reason_of(condition))
    return None


def _by_ready(tree: Tree, _now: datetime, _binding: str) -> HealthReport:
    """A kind of which nothing is known says by its condition Ready; one without it is well as soon as it is there."""
    condition = condition_of(tree, "Ready")
    if not condition:
        return _healthy("it exists")
    return _healthy(_reason_of(condition)) if condition.get("status") == "True" else _progressing(_reason_of(condition))


def _count(tree: Tree, name: str) -> int:
    return integer(get(tree, "status", name))


def _replicas(tree: Tree) -> int:
    stated_replicas = get(tree, "spec", "replicas")
    return 1 if stated_replicas is None else integer(stated_replicas)


def _fewer(counts: tuple[tuple[str, int, int], ...]) -> HealthReport | None:
    """The first of (what, is, should be) that is less than it should be."""
    for noun, is_, should in counts:
        if is_ < should:
            return _progressing(f"{is_} of {should} replicas are {noun}")
    return None


def _deployment(tree: Tree, _now: datetime, _binding: str) -> HealthReport:
    progressing, available = condition_of(tree, "Progressing"), _is(tree, "Available", "True")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return _failed(_reason_of(progressing))
    if condition := _is(tree, "ReplicaFailure", "True"):
        return _progressing(_reason_of(condition))
    replicas, updated = _replicas(tree), _count(tree, "updatedReplicas")
    short = _fewer((("there", _count(tree, "replicas"), replicas), ("of the newest revision", updated, replicas)))
    if short is not None:
        return short
    if (extra := _count(tree, "replicas") - replicas) > 0:
        return _progressing(f"{extra} replicas of an earlier revision are still there")
    ready = _count(tree, "readyReplicas")
    short = _fewer((("available", _count(tree, "availableReplicas"), updated), ("ready", ready, replicas)))
    if short is not None:
        return short
    deadline = get(tree, "spec", "progressDeadlineSeconds")
    rolled = deadline in (None, _NO_DEADLINE) or progressing.get("reason") == "NewReplicaSetAvailable"
    if not rolled:
        return _progressing(
            _reason_of(progressing) if progressing else "it has not said yet that its newest revision is there"
        )
    return (
        _healthy(f"{ready} of {replicas} replicas are ready") if available else _progressing("it is not available yet")
    )


def _stateful_set(tree: Tree, _now: datetime, _binding: str) -> HealthReport:
    if get(tree, "spec", "updateStrategy", "type") == "OnDelete":
        return _healthy("its pods are replaced when somebody deletes them (OnDelete)")
    replicas, existing, ready = _replicas(tree), _count(tree, "replicas"), _count(tree, "readyReplicas")
    short = _fewer((("there", existing, replicas), ("ready", ready, replicas)))
    if short is not None:
        return short
    if existing > replicas:
        return _progressing(f"{existing - replicas} pods more than declared are still there")
    partition = get(tree, "spec", "updateStrategy", "rollingUpdate", "partition")
    updated = _count(tree, "updatedReplicas")
    if partition is not None:
        short = _fewer((("of the newest revision", updated, replicas - integer(partition)),))
        return short or _healthy(f"{ready} of {replicas} replicas are ready, {updated} of the newest revision")
    short = _fewer((("of the current revision", _count(tree, "currentReplicas"), replicas),))
    if short is not None:
        return short
    if get(tree, "status", "currentRevision") != get(tree, "status", "updateRevision"):
        return _progressing("not every pod is of the newest revision")
    return _healthy(f"{ready} of {replicas} replicas are ready")


def _daemon_set(tree: Tree, _now: datetime, _binding: str) -> HealthReport:
    if get(tree, "status", "observedGeneration") is None or get(tree, "status", "desiredNumberScheduled") is None:
        return _progressing("its controller has not seen it yet")
    nodes, ready = _count(tree, "desiredNumberScheduled"), _count(tree, "numberReady")
    on_delete = get(tree, "spec", "updateStrategy", "type") == "OnDelete"
    short = _fewer(
        (
            ("there", _count(tree, "currentNumberScheduled"), nodes),
            ("of the newest revision", nodes if on_delete else _count(tree, "updatedNumberScheduled"), nodes),
            ("available", _count(tree, "numberAvailable"), nodes),
            ("ready", ready, nodes),
        )
    )
    return short or _healthy(f"{ready} of {nodes} replicas are ready")


def _replica_set(tree: Tree, _now: datetime, _binding: str) -> HealthReport:
    if condition := _is(tree, "ReplicaFailure", "True"):
        return _progressing(_reason_of(condition))
    replicas, existing, ready = _replicas(tree), _count(tree, "replicas"), _count(tree, "readyReplicas")
    short = _fewer(
        (
            ("labelled", _count(tree, "fullyLabeledReplicas"), replicas),
            ("available", _count(tree, "availableReplicas"), replicas),
            ("ready", ready, replicas),
        )
    )
    if short is not None:
        return short
    if existing > replicas:
        return _progressing(f"{existing - replicas} pods more than declared are still there")
    return _healthy(f"{ready} of {replicas} replicas are ready")


def _job(tree: Tree, _now: datetime, _binding: str) -> HealthReport:
    if _is(tree, "Complete", "True"):
        return _healthy(f"it has ended: {_count(tree, 'succeeded')} pods succeeded")
    if condition := _is(tree, "Failed", "True"):
        return _failed(_reason_of(condition))
    if _is(tree, "Suspended", "True"):
        return _healthy("it is suspended")
    if not text(get(tree, "status", "startTime")):
        return _progressing("it has not started yet")
    counts = ", ".join(f"{_count(tree, name)} {name}" for name in ("active", "succeeded", "failed"))
    return _progressing(f"it is running: {counts}")


def _claim(tree: Tree, _now: datetime, binding: str) -> HealthReport:
    phase = text(get(tree, "status", "phase")) or "unknown"
    if phase == "Bound":
        return _healthy("it has its volume")
    if phase == "Lost":
        return _failed("the volume behind it is gone")
    if binding == "WaitForFirstConsumer":
        return _healthy("it gets its volume with the first pod that uses it")
    return _progressing(f"it has no volume yet: its phase is {phase}")


def _pod(tree: Tree, now: datetime, _binding: str) -> HealthReport:
    phase, evidence = text(get(tree, "status", "phase")), pod_evidence(tree, now)
    if phase == "Succeeded":
        return _healthy("it has ended well")
    if phase == "Failed":
        return _failed(*(evidence or ("it has failed",)))
    if phase == "Running":
        if _is(tree, "Ready", "True"):
            return _healthy("it is ready")
        crashing = [
            container for container in mappings(get(tree, "status", "containerStatuses")) if _crashes(container)
        ]
        return (_failed if crashing else _progressing)(*(evidence or ("it runs and is not ready yet",)))
    scheduled, created_at = _is(tree, "PodScheduled", "False"), moment(get(tree, "metadata", "creationTimestamp"))
    if scheduled.get("reason") == "Unschedulable" and created_at is not None and now - created_at > _UNSCHEDULED:
        return _failed(_reason_of(scheduled))
    return _progressing(*(evidence or (f"its phase is {phase or 'not known yet'}",)))


def _crashes(container: Tree) -> bool:
    return get(container, "state", "waiting", "reason") == "CrashLoopBackOff"


def _definition(tree: Tree, _now: datetime, _binding: str) -> HealthReport:
    established = condition_of(tree, "Established")
    if refused := _is(tree, "NamesAccepted", "False"):
        return _failed(_reason_of(refused))
    if established.get("status") == "True":
        return _healthy("it is established")
    if established.get("status") == "False" and established.get("reason") != "Installing":
        return _failed(_reason_of(established))
    return _progressing("it is being installed")


def _service(tree: Tree, _now: datetime, _binding: str) -> HealthReport:
    if get(tree, "spec", "type") != "LoadBalancer":
        return _healthy("it exists")
    if not text(get(tree, "spec", "clusterIP")):
        return _progressing("it has no cluster address yet")
    ingress: JSON = get(tree, "status", "loadBalancer", "ingress")
    addresses = [text(entry.get("ip")) or text(entry.get("hostname")) for entry in mappings(ingress)]
    return _healthy(f"its address is {', '.join(addresses)}" if addresses else "it has no address of its balancer yet")


def _always(_tree: Tree, _now: datetime, _binding: str) -> HealthReport:
    return _healthy("it exists")


def selector_of(tree: Tree) -> Mapping[str, str]:
    """The labels by which a workload knows its pods; none for other kinds."""
    if _kind(tree) not in _WORKLOADS:
        return {}
    return {key: text(value) for key, value in mapping(get(tree, "spec", "selector", "matchLabels")).items()}


_Rule = Callable[[Tree, datetime, str], HealthReport]
_RULES: Final[Mapping[tuple[str, str], _Rule]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "ReplicaSet"): _replica_set,
    ("batch", "Job"): _job,
    ("batch", "CronJob"): _always,
    ("", "Pod"): _pod,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Service"): _service,
    ("", "Secret"): _always,
    ("", "ConfigMap"): _always,
    ("policy", "PodDisruptionBudget"): _always,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
}
_WORKLOADS: Final = frozenset(
    {*(("apps", kind) for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")), ("batch", "Job")}
)
