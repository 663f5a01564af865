"""What a live object's own status says is wrong with it, although its fields may be as declared.

Pure; the snapshot and Kubernetes observers call it. Precision first: a rollout that is still within its
deadline and a pod or claim that is only just there are not problems.

Sources: Kubernetes API conventions (typical status properties); the conditions ``Progressing``, ``Available`` and
``ReplicaFailure`` of Deployments (``staging/src/k8s.io/api/apps/v1/types.go``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from bot.drift.kubernetes.conditions import CLAIM, ROLLOUT, condition_of, longer_than, problem_of, problems_of
from bot.drift.kubernetes.pod_health import pod_problems
from bot.model.json import Tree, elements, get, integer, mapping, mappings, moment, text
from bot.model.resource import Problem, api_group

_NODE_PRESSURE: Final = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")
"""Conditions that are bad where they are true (Kubernetes: Node Status, conditions)."""


def problems(tree: Tree, now: datetime) -> tuple[Problem, ...]:
    """What is wrong with one live Kubernetes object at ``now``; nothing for kinds that report no health."""
    examine = _LOOKS.get((api_group(tree.get("apiVersion")), text(tree.get("kind"))))
    return () if examine is None else tuple(examine(tree, now))


def _seen_by_controller(tree: Tree) -> bool:
    """Whether ``status`` is about the present ``spec`` (observedGeneration, where the kind has one)."""
    observed_generation = get(tree, "status", "observedGeneration")
    return observed_generation is None or integer(observed_generation) >= integer(get(tree, "metadata", "generation"))


def _deadline(tree: Tree) -> timedelta:
    seconds = integer(get(tree, "spec", "progressDeadlineSeconds"))
    return timedelta(seconds=seconds) if seconds else ROLLOUT


def _deployment(tree: Tree, now: datetime) -> Iterable[Problem]:
    if not _seen_by_controller(tree):
        return
    progressing, available = condition_of(tree, "Progressing"), condition_of(tree, "Available")
    yield from problems_of(tree, "Progressing", "False", "NotProgressing")
    if available.get("status") == "False" and (
        progressing.get("status") == "False"
        or progressing.get("reason") == "NewReplicaSetAvailable"
        or longer_than(moment(available.get("lastTransitionTime")), now, _deadline(tree))
    ):
        yield problem_of(available, "Unavailable")
    yield from problems_of(tree, "ReplicaFailure", "True", "ReplicaFailure")


def _counted(tree: Tree, now: datetime) -> Iterable[Problem]:
    """StatefulSet, DaemonSet and ReplicaSet have no conditions: only their counts tell, and not since when."""
    status = mapping(tree.get("status"))
    if not _seen_by_controller(tree) or not status:
        return
    if text(tree.get("kind")) == "DaemonSet":
        expected, ready = integer(status.get("desiredNumberScheduled")), integer(status.get("numberReady"))
    else:
        stated_replicas = get(tree, "spec", "replicas")
        expected, ready = (
            1 if stated_replicas is None else integer(stated_replicas),
            integer(status.get("readyReplicas")),
        )
    changed = max(_change_times(tree), default=None)
    if ready < expected and longer_than(changed, now, ROLLOUT):
        yield Problem("NotReady", f"{ready} of {expected} replicas are ready", since=changed)


def _change_times(tree: Tree) -> list[datetime]:
    """When the object was made and when anything but its status was last written."""
    times = [
        moment(entry.get("time"))
        for entry in mappings(get(tree, "metadata", "managedFields"))
        if entry.get("subresource") != "status"
    ]
    return [at for at in (moment(get(tree, "metadata", "creationTimestamp")), *times) if at is not None]


def _job(tree: Tree, _: datetime) -> Iterable[Problem]:
    return problems_of(tree, "Failed", "True", "JobFailed")


def _claim(tree: Tree, now: datetime) -> Iterable[Problem]:
    phase = text(get(tree, "status", "phase"))
    since = moment(get(tree, "metadata", "creationTimestamp"))
    if phase == "Lost":
        yield Problem("ClaimLost", "the volume behind the claim is gone")
    elif phase == "Pending" and longer_than(since, now, CLAIM):
        yield Problem("ClaimPending", "the claim has no volume yet", since=since)


def _volume(tree: Tree, _: datetime) -> Iterable[Problem]:
    if text(get(tree, "status", "phase")) == "Failed":
        yield Problem("VolumeFailed", text(get(tree, "status", "message")) or "reclaiming the volume failed")


def _node(tree: Tree, _: datetime) -> Iterable[Problem]:
    ready = condition_of(tree, "Ready")
    if ready and ready.get("status") != "True":
        yield problem_of(ready, "NodeNotReady")
    for type_ in _NODE_PRESSURE:
        condition = condition_of(tree, type_)
        if condition.get("status") == "True":
            yield problem_of(condition, type_)


def _autoscaler(tree: Tree, _: datetime) -> Iterable[Problem]:
    return problems_of(tree, "AbleToScale", "False", "UnableToScale")


def _namespace(tree: Tree, now: datetime) -> Iterable[Problem]:
    deleted = moment(get(tree, "metadata", "deletionTimestamp"))
    if deleted is not None and longer_than(deleted, now, ROLLOUT):
        yield Problem("Terminating", "the namespace cannot be deleted", since=deleted)


def _balancer(tree: Tree, now: datetime) -> Iterable[Problem]:
    """A load balancer that never got an address."""
    if get(tree, "spec", "type") != "LoadBalancer" or elements(get(tree, "status", "loadBalancer", "ingress")):
        return
    since = max(_change_times(tree), default=None)
    if since is not None and longer_than(since, now, ROLLOUT):
        yield Problem("NoAddress", "the load balancer has no address", since=since)


_Examination = Callable[[Tree, datetime], Iterable[Problem]]
_LOOKS: Final[Mapping[tuple[str, str], _Examination]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _counted,
    ("apps", "DaemonSet"): _counted,
    ("apps", "ReplicaSet"): _counted,
    ("batch", "Job"): _job,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("", "Pod"): pod_problems,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "PersistentVolume"): _volume,
    ("", "Node"): _node,
    ("", "Namespace"): _namespace,
    ("", "Service"): _balancer,
}
"""By API group and kind: another group's ``Service`` or ``Job`` is another thing."""
