"""The health of live objects by their status: kstatus' rules, one row for each answer of each kind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.appliers.kubernetes_health import health_of, pod_evidence
from bot.model.action import HealthState
from tests.table import table

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
HEALTHY, PROGRESSING, FAILED = HealthState.HEALTHY, HealthState.PROGRESSING, HealthState.FAILED


def made(version: str, kind: str, spec: Any = None, status: Any = None, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": "web", "generation": 2, **metadata},
        "spec": spec or {},
        "status": {"observedGeneration": 2, **(status or {})},
    }


def condition(type_: str, status: str, reason: str = "", message: str = "") -> dict[str, str]:
    return {"type": type_, "status": status, "reason": reason, "message": message}


ROLLED = condition("Progressing", "True", "NewReplicaSetAvailable")
AVAILABLE = condition("Available", "True")
FULL = {"replicas": 3, "updatedReplicas": 3, "availableReplicas": 3, "readyReplicas": 3}
STATEFUL = {"replicas": 3, "readyReplicas": 3, "currentReplicas": 3, "updatedReplicas": 3}
NODES = {
    "desiredNumberScheduled": 2,
    "currentNumberScheduled": 2,
    "updatedNumberScheduled": 2,
    "numberAvailable": 2,
    "numberReady": 2,
}
SETS = {"replicas": 3, "fullyLabeledReplicas": 3, "availableReplicas": 3, "readyReplicas": 3}


def deployment(*conditions: Any, deadline: int | None = 600, stated: Any = 3, **status: Any) -> dict[str, Any]:
    spec = {"replicas": stated, **({} if deadline is None else {"progressDeadlineSeconds": deadline})}
    return made("apps/v1", "Deployment", spec, {**FULL, "conditions": list(conditions), **status})


def stateful(spec: Any = None, **status: Any) -> dict[str, Any]:
    return made("apps/v1", "StatefulSet", {"replicas": 3, **(spec or {})}, {**STATEFUL, **status})


def daemon(spec: Any = None, **status: Any) -> dict[str, Any]:
    return made("apps/v1", "DaemonSet", spec, {**NODES, **status})


def replica_set(**status: Any) -> dict[str, Any]:
    return made("apps/v1", "ReplicaSet", {"replicas": 3}, {**SETS, **status})


def job(*conditions: Any, **status: Any) -> dict[str, Any]:
    return made("batch/v1", "Job", {}, {"conditions": list(conditions), **status})


def pod(phase: str, *conditions: Any, containers: Any = (), **metadata: Any) -> dict[str, Any]:
    status = {"phase": phase, "conditions": list(conditions), "containerStatuses": list(containers)}
    return made("v1", "Pod", {}, status, **metadata)


def definition(*conditions: Any) -> dict[str, Any]:
    return made("apiextensions.k8s.io/v1", "CustomResourceDefinition", {}, {"conditions": list(conditions)})


def custom(*conditions: Any, **metadata: Any) -> dict[str, Any]:
    return made("example.com/v1", "Widget", {}, {"conditions": list(conditions)}, **metadata)


def service(spec: Any, status: Any = None) -> dict[str, Any]:
    return made("v1", "Service", spec, status)


CRASHING = {"name": "main", "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "again"}}}
PARTITION = {"updateStrategy": {"rollingUpdate": {"partition": 2}}}
OLD = "2026-05-04T11:00:00Z"
ROWS = (
    (deployment(ROLLED, AVAILABLE), HEALTHY, "3 of 3 replicas are ready"),
    (deployment(AVAILABLE, deadline=None), HEALTHY, "3 of 3 replicas are ready"),
    (deployment(AVAILABLE, deadline=2**31 - 1), HEALTHY, "3 of 3 replicas are ready"),
    (deployment(ROLLED, AVAILABLE, stated=None, **dict.fromkeys(FULL, 1)), HEALTHY, "1 of 1 replicas are ready"),
    (deployment(ROLLED, AVAILABLE, observedGeneration=1), PROGRESSING, "its controller has seen generation 1 of 2"),
    (deployment(ROLLED, AVAILABLE, stated=5), PROGRESSING, "3 of 5 replicas are there"),
    (deployment(ROLLED, AVAILABLE, updatedReplicas=1), PROGRESSING, "1 of 3 replicas are of the newest revision"),
    (deployment(ROLLED, AVAILABLE, availableReplicas=2), PROGRESSING, "2 of 3 replicas are available"),
    (deployment(ROLLED, AVAILABLE, readyReplicas=2), PROGRESSING, "2 of 3 replicas are ready"),
    (deployment(ROLLED), PROGRESSING, "it is not available yet"),
    (deployment(AVAILABLE), PROGRESSING, "it has not said yet that its newest revision is there"),
    (
        deployment(condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out")),
        FAILED,
        "Progressing is False (ProgressDeadlineExceeded: timed out)",
    ),
    (
        deployment(condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota")),
        PROGRESSING,
        "ReplicaFailure is True (FailedCreate: exceeded quota)",
    ),
    (stateful(currentRevision="a", updateRevision="a"), HEALTHY, "3 of 3 replicas are ready"),
    (stateful(currentRevision="a", updateRevision="b"), PROGRESSING, "not every pod is of the newest revision"),
    (stateful(readyReplicas=1), PROGRESSING, "1 of 3 replicas are ready"),
    (stateful(replicas=4), PROGRESSING, "1 pods more than declared are still there"),
    (stateful(currentReplicas=2), PROGRESSING, "2 of 3 replicas are of the current revision"),
    (stateful(PARTITION, updatedReplicas=1), HEALTHY, "3 of 3 replicas are ready, 1 of the newest revision"),
    (stateful(PARTITION, updatedReplicas=0), PROGRESSING, "0 of 1 replicas are of the newest revision"),
    (
        stateful({"updateStrategy": {"type": "OnDelete"}}, readyReplicas=0),
        HEALTHY,
        "its pods are replaced when somebody deletes them (OnDelete)",
    ),
    (daemon(), HEALTHY, "2 of 2 replicas are ready"),
    (daemon(desiredNumberScheduled=None), PROGRESSING, "its controller has not seen it yet"),
    (daemon(updatedNumberScheduled=1), PROGRESSING, "1 of 2 replicas are of the newest revision"),
    (daemon({"updateStrategy": {"type": "OnDelete"}}, updatedNumberScheduled=1), HEALTHY, "2 of 2 replicas are ready"),
    (daemon(numberAvailable=0), PROGRESSING, "0 of 2 replicas are available"),
    (replica_set(), HEALTHY, "3 of 3 replicas are ready"),
    (replica_set(fullyLabeledReplicas=1), PROGRESSING, "1 of 3 replicas are labelled"),
    (replica_set(replicas=5), PROGRESSING, "2 pods more than declared are still there"),
    (job(condition("Complete", "True"), succeeded=1), HEALTHY, "it has ended: 1 pods succeeded"),
    (
        job(condition("Failed", "True", "BackoffLimitExceeded", "too often")),
        FAILED,
        "Failed is True (BackoffLimitExceeded: too often)",
    ),
    (job(condition("Suspended", "True")), HEALTHY, "it is suspended"),
    (job(), PROGRESSING, "it has not started yet"),
    (job(startTime=OLD, active=1), PROGRESSING, "it is running: 1 active, 0 succeeded, 0 failed"),
    (made("batch/v1", "CronJob"), HEALTHY, "it exists"),
    (made("v1", "ConfigMap"), HEALTHY, "it exists"),
    (made("v1", "PersistentVolumeClaim", {}, {"phase": "Bound"}), HEALTHY, "it has its volume"),
    (made("v1", "PersistentVolumeClaim", {}, {"phase": "Lost"}), FAILED, "the volume behind it is gone"),
    (
        made("v1", "PersistentVolumeClaim", {}, {"phase": "Pending"}),
        PROGRESSING,
        "it has no volume yet: its phase is Pending",
    ),
    (pod("Succeeded"), HEALTHY, "it has ended well"),
    (pod("Failed"), FAILED, "pod web: the pod's phase is Failed"),
    (pod("Running", condition("Ready", "True")), HEALTHY, "it is ready"),
    (pod("Running"), PROGRESSING, "it runs and is not ready yet"),
    (pod("Running", containers=[CRASHING]), FAILED, "pod web: container main: again (restarts: 4)"),
    (pod("Pending"), PROGRESSING, "its phase is Pending"),
    (
        pod("Pending", condition("PodScheduled", "False", "Unschedulable", "no node"), creationTimestamp=OLD),
        FAILED,
        "PodScheduled is False (Unschedulable: no node)",
    ),
    (pod(""), PROGRESSING, "its phase is not known yet"),
    (definition(condition("Established", "True")), HEALTHY, "it is established"),
    (definition(), PROGRESSING, "it is being installed"),
    (definition(condition("Established", "False", "Installing")), PROGRESSING, "it is being installed"),
    (definition(condition("Established", "False", "NotAccepted")), FAILED, "Established is False (NotAccepted)"),
    (definition(condition("NamesAccepted", "False", "Taken")), FAILED, "NamesAccepted is False (Taken)"),
    (service({}), HEALTHY, "it exists"),
    (service({"type": "LoadBalancer"}), PROGRESSING, "it has no cluster address yet"),
    (
        service({"type": "LoadBalancer", "clusterIP": "10.0.0.1"}),
        HEALTHY,
        "it has no address of its balancer yet",
    ),
    (
        service({"type": "LoadBalancer", "clusterIP": "10.0.0.1"}, {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}),
        HEALTHY,
        "its address is 1.2.3.4",
    ),
    (custom(), HEALTHY, "it exists"),
    (custom(condition("Ready", "True")), HEALTHY, "Ready is True"),
    (custom(condition("Ready", "Unknown")), PROGRESSING, "Ready is Unknown"),
    (custom(condition("Ready", "False", "Waiting", "for you")), PROGRESSING, "Ready is False (Waiting: for you)"),
    (
        custom(condition("Reconciling", "True", "Busy"), condition("Ready", "True")),
        PROGRESSING,
        "Reconciling is True (Busy)",
    ),
    (custom(condition("Stalled", "True", "Broken"), condition("Ready", "True")), FAILED, "Stalled is True (Broken)"),
    (custom(deletionTimestamp=OLD), PROGRESSING, "it is being deleted"),
    (
        custom(deletionTimestamp=OLD, finalizers=["a.b/c"]),
        PROGRESSING,
        "it is being deleted and waits for a.b/c",
    ),
)


@table(("tree", "state", "sentence"), ROWS, ids=[f"{row[0]['kind']}: {row[2]}" for row in ROWS])
def test_an_object_says_how_it_is(tree: dict[str, Any], state: HealthState, sentence: str) -> None:
    """Each status has one answer, with the sentence that tells why."""
    health = health_of(tree, NOW)
    assert (health.state, health.evidence) == (state, (sentence,))


def test_a_claim_that_waits_for_its_first_pod_holds_nobody_up() -> None:
    """Where the storage class binds with the first consumer, the claim is as well as it can be before there is one."""
    claim = made("v1", "PersistentVolumeClaim", {}, {"phase": "Pending"})
    assert health_of(claim, NOW, binding="WaitForFirstConsumer").state is HEALTHY
    assert health_of(claim, NOW, binding="Immediate").state is PROGRESSING


def test_what_a_status_says_is_redacted() -> None:
    """Messages of controllers may repeat what a program printed."""
    message = "login failed: password=hunter2-and-more"
    health = health_of(custom(condition("Ready", "False", "Failed", message)), NOW)
    assert "hunter2" not in str(health)
    broken = {**CRASHING, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": message}}}
    assert "hunter2" not in str(pod_evidence(pod("Running", containers=[broken]), NOW))


@pytest.mark.parametrize("strange", [None, "text", 7, [], {"conditions": "no"}, {"conditions": [None, 3]}])
def test_a_strange_status_is_no_error(strange: Any) -> None:
    """Objects come from machines of every version: whatever a status is, there is an answer."""
    for version, kind in (("apps/v1", "Deployment"), ("v1", "Pod"), ("batch/v1", "Job"), ("example.com/v1", "Widget")):
        tree = {"apiVersion": version, "kind": kind, "metadata": {"name": "web"}, "spec": strange, "status": strange}
        assert health_of(tree, NOW).evidence
