"""What a status says is wrong, with its words, its evidence and since when; and whose problem that of a pod is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bot.drift.kubernetes.health import problems
from bot.drift.kubernetes.workloads import top_owner, with_pod_problems
from bot.model.json import JSON, Tree
from bot.model.resource import Observed, Platform, Problem, ResourceId
from tests.table import table

NOW: Final = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def ago(**time: float) -> str:
    return (NOW - timedelta(**time)).strftime("%Y-%m-%dT%H:%M:%SZ")


def at(**time: float) -> datetime:
    return NOW - timedelta(**time)


def thing(kind: str, status: JSON, *, version: str = "v1", spec: Tree | None = None, **metadata: JSON) -> Tree:
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec or {}, "status": status}


def condition(type_: str, status: str, **more: JSON) -> Tree:
    return {"type": type_, "status": status, **more}


def pod(*containers: Tree, key: str = "containerStatuses", **status: JSON) -> Tree:
    return thing("Pod", {"phase": "Running", key: [*containers], **status})


WAITING: Tree = {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}
ENDED: Tree = {"reason": "Error", "exitCode": 2, "finishedAt": ago(minutes=1)}
KILLED: Tree = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": ago(minutes=1)}

TOLD: list[tuple[Tree, tuple[Problem, ...]]] = [
    (
        pod({"name": "a", "restartCount": 4, "state": {"waiting": WAITING}, "lastState": {"terminated": ENDED}}),
        (
            Problem(
                "CrashLoopBackOff",
                "container a: back-off 5m0s",
                ("restarts: 4", "last exit code: 2 (Error)"),
                at(minutes=1),
            ),
        ),
    ),
    (
        pod({"name": "a", "state": {"waiting": {"reason": "ErrImagePull"}}}),
        (Problem("ErrImagePull", "container a: ErrImagePull"),),
    ),
    (
        pod({"name": "a", "state": {"waiting": {"reason": "StartError"}}}, key="initContainerStatuses"),
        (Problem("StartError", "container a: StartError"),),
    ),
    (
        pod({"name": "a", "state": {"waiting": {"reason": "StartError"}}}, key="ephemeralContainerStatuses"),
        (Problem("StartError", "container a: StartError"),),
    ),
    (
        pod({"name": "a", "state": {"terminated": KILLED}}),
        (Problem("OOMKilled", "container a ran out of memory", ("last exit code: 137 (OOMKilled)",), at(minutes=1)),),
    ),
    (
        pod({"name": "a", "restartCount": 9, "lastState": {"terminated": {**ENDED, "reason": ""}}}),
        (
            Problem(
                "Restarting",
                "container a was restarted 9 times",
                ("restarts: 9", "last exit code: 2 (no reason given)"),
                at(minutes=1),
            ),
        ),
    ),
    (
        pod({"name": "a", "state": {"waiting": WAITING}}, {"name": "b", "state": {"waiting": WAITING}}),
        (
            Problem("CrashLoopBackOff", "container a: back-off 5m0s"),
            Problem("CrashLoopBackOff", "container b: back-off 5m0s"),
        ),
    ),
    (
        pod(
            {"name": "a", "state": {"waiting": WAITING}},
            conditions=[condition("Ready", "False", lastTransitionTime=ago(hours=1))],
        ),
        (Problem("CrashLoopBackOff", "container a: back-off 5m0s"),),
    ),
    (thing("Pod", {"phase": "Failed", "reason": "Evicted", "message": "disk"}), (Problem("Evicted", "disk"),)),
    (thing("Pod", {"phase": "Unknown"}), (Problem("Unknown", "the pod's phase is Unknown"),)),
    (
        pod(conditions=[condition("PodScheduled", "False", message="no nodes", lastTransitionTime=ago(hours=1))]),
        (Problem("Unschedulable", "PodScheduled is False (no nodes)", since=at(hours=1)),),
    ),
    (
        pod(conditions=[condition("PodScheduled", "False", reason="SchedulingGated", lastTransitionTime=ago(hours=1))]),
        (),
    ),
    (
        pod(conditions=[condition("Ready", "False", message="readiness", lastTransitionTime=ago(hours=1))]),
        (Problem("NotReady", "Ready is False (readiness)", since=at(hours=1)),),
    ),
    (
        thing(
            "StatefulSet", {"readyReplicas": 1}, version="apps/v1", spec={"replicas": 3}, creationTimestamp=ago(hours=1)
        ),
        (Problem("NotReady", "1 of 3 replicas are ready", since=at(hours=1)),),
    ),
    (
        thing("ReplicaSet", {"replicas": 1}, version="apps/v1", creationTimestamp=ago(hours=1)),
        (Problem("NotReady", "0 of 1 replicas are ready", since=at(hours=1)),),
    ),
    (thing("ReplicaSet", {"replicas": 1}, version="apps/v1", spec={"replicas": 0}, creationTimestamp=ago(hours=1)), ()),
    (thing("ReplicaSet", {}, version="apps/v1", creationTimestamp=ago(hours=1)), ()),
    (
        thing("ReplicaSet", {"replicas": 1}, version="apps/v1", generation=2, creationTimestamp=ago(hours=1)),
        (Problem("NotReady", "0 of 1 replicas are ready", since=at(hours=1)),),
    ),
    (
        thing(
            "ReplicaSet",
            {"replicas": 1, "observedGeneration": 1},
            version="apps/v1",
            generation=2,
            creationTimestamp=ago(hours=1),
        ),
        (),
    ),
    (
        thing(
            "ReplicaSet",
            {"replicas": 1},
            version="apps/v1",
            creationTimestamp=ago(hours=9),
            managedFields=[{"time": ago(hours=2)}, {"time": ago(seconds=5), "subresource": "status"}, {}],
        ),
        (Problem("NotReady", "0 of 1 replicas are ready", since=at(hours=2)),),
    ),
    (
        thing(
            "ReplicaSet",
            {"replicas": 1},
            version="apps/v1",
            creationTimestamp=ago(hours=9),
            managedFields=[{"time": ago(seconds=5)}],
        ),
        (),
    ),
    (
        thing(
            "DaemonSet",
            {"desiredNumberScheduled": 3, "numberReady": 2},
            version="apps/v1",
            creationTimestamp=ago(hours=1),
        ),
        (Problem("NotReady", "2 of 3 replicas are ready", since=at(hours=1)),),
    ),
    (thing("PersistentVolumeClaim", {"phase": "Lost"}), (Problem("ClaimLost", "the volume behind the claim is gone"),)),
    (
        thing("PersistentVolumeClaim", {"phase": "Pending"}, creationTimestamp=ago(hours=1)),
        (Problem("ClaimPending", "the claim has no volume yet", since=at(hours=1)),),
    ),
    (thing("PersistentVolumeClaim", {"phase": "Bound"}, creationTimestamp=ago(hours=1)), ()),
    (thing("PersistentVolume", {"phase": "Failed", "message": "busy"}), (Problem("VolumeFailed", "busy"),)),
    (thing("PersistentVolume", {"phase": "Failed"}), (Problem("VolumeFailed", "reclaiming the volume failed"),)),
    (thing("PersistentVolume", {"phase": "Released"}), ()),
    (
        thing(
            "Node", {"conditions": [condition("Ready", "False", message="kubelet", lastTransitionTime=ago(hours=1))]}
        ),
        (Problem("NodeNotReady", "Ready is False (kubelet)", since=at(hours=1)),),
    ),
    (thing("Node", {"conditions": []}), ()),
    (
        thing(
            "Node",
            {
                "conditions": [
                    condition("Ready", "True"),
                    *(
                        condition(name, "True", message="m")
                        for name in ("NetworkUnavailable", "PIDPressure", "MemoryPressure", "Other")
                    ),
                ]
            },
        ),
        (
            Problem("MemoryPressure", "MemoryPressure is True (m)"),
            Problem("PIDPressure", "PIDPressure is True (m)"),
            Problem("NetworkUnavailable", "NetworkUnavailable is True (m)"),
        ),
    ),
    (thing("Namespace", {}), ()),
    (thing("Namespace", {}, deletionTimestamp=ago(seconds=5)), ()),
    (
        thing("Namespace", {}, deletionTimestamp=ago(hours=1)),
        (Problem("Terminating", "the namespace cannot be deleted", since=at(hours=1)),),
    ),
    (
        thing("Service", {}, spec={"type": "LoadBalancer"}, creationTimestamp=ago(hours=1)),
        (Problem("NoAddress", "the load balancer has no address", since=at(hours=1)),),
    ),
    (thing("Service", {}, spec={"type": "LoadBalancer"}, creationTimestamp=ago(seconds=5)), ()),
    (thing("Service", {}, spec={"type": "LoadBalancer"}), ()),
    (thing("Service", {}, spec={"type": "ClusterIP"}, creationTimestamp=ago(hours=1)), ()),
    (
        thing("Job", {"conditions": [condition("Failed", "True", message="m")]}, version="batch/v1"),
        (Problem("JobFailed", "Failed is True (m)"),),
    ),
    (thing("Job", {"conditions": [condition("Failed", "False")]}, version="batch/v1"), ()),
    (
        thing("Job", {"conditions": [condition("Failed", "True", reason="Deadline", message="m")]}, version="batch/v1"),
        (Problem("Deadline", "Failed is True (Deadline: m)"),),
    ),
    (
        thing("Job", {"conditions": [condition("Failed", "True")]}, version="batch/v1"),
        (Problem("JobFailed", "Failed is True"),),
    ),
    (
        thing(
            "Deployment",
            {
                "conditions": [
                    condition("Progressing", "False", message="p"),
                    condition("Available", "False", message="a"),
                    condition("ReplicaFailure", "True", message="r"),
                ]
            },
            version="apps/v1",
        ),
        (
            Problem("NotProgressing", "Progressing is False (p)"),
            Problem("Unavailable", "Available is False (a)"),
            Problem("ReplicaFailure", "ReplicaFailure is True (r)"),
        ),
    ),
    (
        thing(
            "HorizontalPodAutoscaler",
            {"conditions": [condition("AbleToScale", "False", message="m")]},
            version="autoscaling/v2",
        ),
        (Problem("UnableToScale", "AbleToScale is False (m)"),),
    ),
]


@table(("tree", "told"), TOLD)
def test_a_problem_says_what_is_wrong_and_since_when(tree: Tree, told: tuple[Problem, ...]) -> None:
    """In the words of the status, with what is known of the last end of a container."""
    assert problems(tree, NOW) == told


# -- whose problem it is -----------------------------------------------------------------------------------------------


def id_of(kind: str, name: str, group: str = "apps", scope: str = "shop") -> ResourceId:
    return ResourceId(Platform.KUBERNETES, kind, scope, name, group)


def owned(id_: ResourceId, kind: str = "", name: str = "", version: str = "apps/v1", **more: Any) -> Observed:
    reference: Tree = {"kind": kind, "name": name, "apiVersion": version, "controller": True}
    references: list[JSON] = [{"kind": "Other", "name": "o", "apiVersion": "v1"}, *([reference] if kind else [])]
    return Observed(id_, {"metadata": {"ownerReferences": references}}, **more)


POD, SET, WEB = id_of("Pod", "web-1-x", ""), id_of("ReplicaSet", "web-1"), id_of("Deployment", "web")
CRASH = Problem("CrashLoopBackOff", "m")


def all_of(*observed: Observed) -> dict[ResourceId, Observed]:
    return {each.id: each for each in observed}


@table(
    ("resources", "owner"),
    [
        (all_of(owned(POD, "ReplicaSet", "web-1"), owned(SET, "Deployment", "web")), WEB),
        (all_of(owned(POD, "ReplicaSet", "web-1")), WEB),
        (all_of(owned(POD, "ReplicaSet", "web-1"), owned(SET)), SET),
        (all_of(owned(POD, "ReplicaSet", "web")), id_of("ReplicaSet", "web")),
        (all_of(owned(POD, "StatefulSet", "db-1")), id_of("StatefulSet", "db-1")),
        (all_of(owned(POD, "Job", "j", "batch/v1")), id_of("Job", "j", "batch")),
        (all_of(owned(POD)), POD),
        ({}, POD),
        (all_of(owned(POD, "Pod", "web-1-x", "v1")), POD),
    ],
)
def test_a_pod_belongs_to_the_workload_at_the_end_of_its_references(
    resources: dict[ResourceId, Observed], owner: ResourceId
) -> None:
    """Through a ReplicaSet that was not listed by its name; only a controller owns."""
    assert top_owner(POD, resources) == owner


def test_the_problems_of_a_pod_are_told_on_its_workload() -> None:
    """Beside its own, and with the pod's name; a pod of nobody keeps them."""
    sick = owned(POD, "ReplicaSet", "web-1", problems=(CRASH,))
    own = Problem("Unavailable", "u")
    web = Observed(WEB, {}, problems=(own,))
    told = with_pod_problems(all_of(sick, web))
    assert told[POD] == sick
    assert told[WEB].problems == (own, Problem("CrashLoopBackOff", "pod web-1-x: m"))
    assert with_pod_problems(all_of(owned(POD, "ReplicaSet", "web-1"), web))[WEB] == web
    assert with_pod_problems(all_of(sick)) == all_of(sick)
    alone = owned(POD, problems=(CRASH,))
    assert with_pod_problems(all_of(alone)) == all_of(alone)
    job = owned(id_of("Job", "j", "batch"), "Deployment", "web", problems=(CRASH,))
    assert with_pod_problems(all_of(job, web))[WEB] == web
    elsewhere = owned(POD._replace(platform=Platform.COMPOSE), "Deployment", "web", problems=(CRASH,))
    assert with_pod_problems(all_of(elsewhere, web))[WEB] == web
