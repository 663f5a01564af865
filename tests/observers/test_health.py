"""A live object's status tells what is wrong, and a rollout or a start in progress is not wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.drift.compose.inspected.health import container_problems
from bot.drift.kubernetes.health import problems
from bot.drift.kubernetes.workloads import with_pod_problems
from bot.model.json import JSON, Tree
from bot.model.resource import Observed, Platform, Problem, ResourceId
from tests.table import table

NOW: Final = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
LONG_AGO: Final = "2026-05-04T10:00:00Z"
JUST_NOW: Final = "2026-05-04T11:59:30Z"


def deployment(*conditions: Tree, generation: int = 1, seen: int = 1, **spec: JSON) -> Tree:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "generation": generation},
        "spec": spec,
        "status": {"observedGeneration": seen, "conditions": [*conditions]},
    }


def condition(type_: str, status: str, reason: str = "", since: str = LONG_AGO) -> Tree:
    return {"type": type_, "status": status, "reason": reason, "message": "", "lastTransitionTime": since}


def pod(status: Tree, **metadata: JSON) -> Tree:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web-7d9-x", "namespace": "shop", **metadata},
        "status": status,
    }


def waiting(reason: str) -> Tree:
    return {"phase": "Running", "containerStatuses": [{"name": "app", "state": {"waiting": {"reason": reason}}}]}


def ended(reason: str, at: str, restarts: int = 1) -> Tree:
    last: Tree = {"terminated": {"reason": reason, "exitCode": 137, "finishedAt": at}}
    return {
        "phase": "Running",
        "conditions": [condition("Ready", "True")],
        "containerStatuses": [{"name": "app", "restartCount": restarts, "state": {"running": {}}, "lastState": last}],
    }


def kind(version: str, name: str, status: Tree, created: str = LONG_AGO, **spec: JSON) -> Tree:
    return {
        "apiVersion": version,
        "kind": name,
        "metadata": {"name": "x", "creationTimestamp": created},
        "spec": spec,
        "status": status,
    }


ROLLED_OUT = condition("Progressing", "True", "NewReplicaSetAvailable")
ROLLING = condition("Progressing", "True", "ReplicaSetUpdated", JUST_NOW)

CASES: list[tuple[str, Tree, list[str]]] = [
    ("healthy deployment", deployment(ROLLED_OUT, condition("Available", "True")), []),
    ("no status at all", {"apiVersion": "apps/v1", "kind": "Deployment"}, []),
    (
        "unavailable after its rollout",
        deployment(ROLLED_OUT, condition("Available", "False", "", JUST_NOW)),
        ["Unavailable"],
    ),
    ("still rolling out", deployment(ROLLING, condition("Available", "False", "", JUST_NOW)), []),
    ("rolling out for too long", deployment(ROLLING, condition("Available", "False")), ["Unavailable"]),
    (
        "a longer deadline of its own",
        deployment(ROLLING, condition("Available", "False"), progressDeadlineSeconds=86400),
        [],
    ),
    (
        "deadline exceeded",
        deployment(condition("Progressing", "False", "ProgressDeadlineExceeded"), condition("Available", "True")),
        ["ProgressDeadlineExceeded"],
    ),
    (
        "status of an older generation",
        deployment(condition("Progressing", "False", "ProgressDeadlineExceeded"), generation=3, seen=2),
        [],
    ),
    ("quota", deployment(ROLLED_OUT, condition("ReplicaFailure", "True", "FailedCreate")), ["FailedCreate"]),
    ("crash loop", pod(waiting("CrashLoopBackOff")), ["CrashLoopBackOff"]),
    ("no image", pod(waiting("ImagePullBackOff")), ["ImagePullBackOff"]),
    ("creating", pod(waiting("ContainerCreating")), []),
    ("a pod on its way out", pod(waiting("CrashLoopBackOff"), deletionTimestamp=JUST_NOW), []),
    ("out of memory lately", pod(ended("OOMKilled", JUST_NOW)), ["OOMKilled"]),
    ("out of memory long ago", pod(ended("OOMKilled", LONG_AGO)), []),
    ("restarted once", pod(ended("Error", JUST_NOW)), []),
    ("restarted often", pod(ended("Error", JUST_NOW, 9)), ["Restarting"]),
    ("evicted", pod({"phase": "Failed", "reason": "Evicted", "message": "disk"}), ["Evicted"]),
    (
        "unschedulable",
        pod({"phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable")]}),
        ["Unschedulable"],
    ),
    (
        "scheduling takes a moment",
        pod({"phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable", JUST_NOW)]}),
        [],
    ),
    ("not ready for long", pod({"phase": "Running", "conditions": [condition("Ready", "False")]}), ["NotReady"]),
    ("starting", pod({"phase": "Running", "conditions": [condition("Ready", "False", "", JUST_NOW)]}), []),
    ("finished", pod({"phase": "Succeeded", "conditions": [condition("Ready", "False")]}), []),
    (
        "half a stateful set",
        kind("apps/v1", "StatefulSet", {"readyReplicas": 1, "replicas": 3}, replicas=3),
        ["NotReady"],
    ),
    ("a new stateful set", kind("apps/v1", "StatefulSet", {"replicas": 1}, JUST_NOW, replicas=3), []),
    ("a daemon set", kind("apps/v1", "DaemonSet", {"desiredNumberScheduled": 3, "numberReady": 2}), ["NotReady"]),
    (
        "failed job",
        kind("batch/v1", "Job", {"conditions": [condition("Failed", "True", "BackoffLimitExceeded")]}),
        ["BackoffLimitExceeded"],
    ),
    ("lost claim", kind("v1", "PersistentVolumeClaim", {"phase": "Lost"}), ["ClaimLost"]),
    ("waiting claim", kind("v1", "PersistentVolumeClaim", {"phase": "Pending"}), ["ClaimPending"]),
    ("new claim", kind("v1", "PersistentVolumeClaim", {"phase": "Pending"}, JUST_NOW), []),
    ("failed volume", kind("v1", "PersistentVolume", {"phase": "Failed"}), ["VolumeFailed"]),
    ("node gone", kind("v1", "Node", {"conditions": [condition("Ready", "Unknown")]}), ["NodeNotReady"]),
    (
        "full node",
        kind("v1", "Node", {"conditions": [condition("Ready", "True"), condition("DiskPressure", "True")]}),
        ["DiskPressure"],
    ),
    ("no address", kind("v1", "Service", {"loadBalancer": {}}, type="LoadBalancer"), ["NoAddress"]),
    ("an address", kind("v1", "Service", {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}, type="LoadBalancer"), []),
    ("another group's Service", kind("serving.knative.dev/v1", "Service", {}, type="LoadBalancer"), []),
    (
        "blind autoscaler",
        kind(
            "autoscaling/v2", "HorizontalPodAutoscaler", {"conditions": [condition("AbleToScale", "False", "NoTarget")]}
        ),
        ["NoTarget"],
    ),
]


@table(("name", "tree", "reasons"), CASES, ids=[case[0] for case in CASES])
def test_problems(name: str, tree: Tree, reasons: list[str]) -> None:
    """Each status gives exactly the problems that it means."""
    assert [problem.reason for problem in problems(tree, NOW)] == reasons


@table(
    ("state", "reasons"),
    [
        ({"Status": "running"}, []),
        ({"Status": "exited", "ExitCode": 0}, []),
        ({"Status": "exited", "ExitCode": 1}, ["Exited"]),
        ({"Status": "exited", "ExitCode": 137, "OOMKilled": True}, ["OOMKilled", "Exited"]),
        ({"Status": "restarting", "Restarting": True, "ExitCode": 1}, ["Restarting"]),
        ({"Status": "dead", "Dead": True}, ["Dead"]),
        ({"Status": "created", "Error": "port is already allocated"}, ["NotStarted"]),
        ({"Status": "created"}, []),
        ({"Status": "paused", "Paused": True}, ["Paused"]),
        ({"Status": "running", "Health": {"Status": "starting"}}, []),
        ({"Status": "running", "Health": {"Status": "unhealthy", "FailingStreak": 3}}, ["Unhealthy"]),
        ({"Status": "running", "Healthcheck": {"Status": "unhealthy"}}, ["Unhealthy"]),
    ],
)
def test_container_problems(state: Tree, reasons: list[str]) -> None:
    """A container's state gives exactly the problems that it means."""
    assert [problem.reason for problem in container_problems({"State": state})] == reasons


@pytest.mark.parametrize("policy", ["always", "unless-stopped"])
@pytest.mark.parametrize(
    ("state", "reasons"),
    [
        ({"Status": "running"}, []),
        ({"Status": "exited", "ExitCode": 0}, ["Exited"]),
        ({"Status": "stopped", "ExitCode": 0}, ["Exited"]),
        ({"Status": "exited", "ExitCode": 137}, ["Exited"]),
        ({"Status": "created"}, ["NotStarted"]),
        ({"Status": "configured"}, ["NotStarted"]),
    ],
)
def test_a_container_that_was_stopped_by_hand(policy: str, state: Tree, reasons: list[str]) -> None:
    """What the engine is to keep running has ended by no will of its own, however it ended."""
    container: Tree = {"State": state, "HostConfig": {"RestartPolicy": {"Name": policy}}}
    assert [problem.reason for problem in container_problems(container)] == reasons


@pytest.mark.parametrize("policy", ["", "no", "on-failure"])
def test_a_container_that_is_done(policy: str) -> None:
    """A job that ended well is no problem."""
    container: Tree = {"State": {"Status": "exited", "ExitCode": 0}, "HostConfig": {"RestartPolicy": {"Name": policy}}}
    assert container_problems(container) == ()


def kubernetes(name: str, what: str, group: str = "") -> ResourceId:
    return ResourceId(Platform.KUBERNETES, what, "shop", name, group)


def test_a_pod_s_problem_reaches_its_deployment() -> None:
    """A crash loop shows on the Deployment although Git and the list know neither pod nor ReplicaSet."""
    web = kubernetes("web", "Deployment", "apps")
    sick = kubernetes("web-7d9-x", "Pod")
    owner: Tree = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7d9", "controller": True}
    tree = pod(waiting("CrashLoopBackOff"), ownerReferences=[owner])
    resources = {web: Observed(web, deployment()), sick: Observed(sick, tree, problems(tree, NOW))}
    found = with_pod_problems(resources)[web].problems
    assert [problem.message for problem in found] == ["pod web-7d9-x: container app: CrashLoopBackOff"]


def test_a_pod_without_owner_keeps_its_problem() -> None:
    """A bare pod is its own workload."""
    lone = kubernetes("lone", "Pod")
    observed = Observed(lone, pod(waiting("ErrImagePull")), (Problem("ErrImagePull", "no"),))
    assert with_pod_problems({lone: observed}) == {lone: observed}


anything: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below, max_size=3),
    max_leaves=8,
)


@given(
    what=st.sampled_from(sorted({(str(c[1]["apiVersion"]), str(c[1]["kind"])) for c in CASES})),
    status=anything,
    spec=anything,
)
def test_no_status_stops_it(what: tuple[str, str], status: JSON, spec: JSON) -> None:
    """Whatever a status holds, the look ends with an answer."""
    tree: Tree = {"apiVersion": what[0], "kind": what[1], "metadata": spec, "spec": spec, "status": status}
    assert isinstance(problems(tree, NOW), tuple)
