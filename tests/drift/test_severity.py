"""Severity: what raises it, and that more privilege never scores lower."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.drift.severity.gains import meaning
from bot.drift.severity.grade import severity
from bot.drift.severity.rules import BASELINES, PRIVILEGES, RESTRICTIONS
from bot.model.drift import Drift, DriftKind
from bot.model.json import JSON
from bot.model.paths import parse_path
from bot.model.resource import Platform, ResourceId
from bot.model.severity import Severity
from tests.drift.makers import OPTIONS, Pair, declared, deployment, diff, live, running, service
from tests.table import table

WORKLOAD = ResourceId(Platform.KUBERNETES, "Deployment", "shop", "web", "apps")


def graded(raw: dict[str, Any], live: dict[str, Any]) -> list[tuple[Severity, str]]:
    return [(drift.severity, drift.rule) for drift in diff(Pair(service(raw), running(live)), OPTIONS)]


def grade(path: str, desired: JSON, observed: JSON, kind: str = "Deployment") -> tuple[Severity, str]:
    id_ = ResourceId(Platform.KUBERNETES, kind, "shop", "web")
    return severity(id_, DriftKind.CHANGED, parse_path(path), desired, observed)


TABLE: list[tuple[str, JSON, JSON, str, Severity, str]] = [
    ("metadata.labels.team", "a", "b", "Deployment", Severity.LOW, "label"),
    ("spec.replicas", 1, 5, "Deployment", Severity.MEDIUM, "field"),
    ("spec.template.spec.containers[web].livenessProbe.periodSeconds", 5, 9, "Deployment", Severity.LOW, "probe"),
    ("spec.template.spec.containers[web].image", "a:1", "a:2", "Deployment", Severity.HIGH, "image-tag"),
    (
        "spec.template.spec.containers[web].image",
        "a:1",
        "evil.io/a:1",
        "Deployment",
        Severity.CRITICAL,
        "image-registry",
    ),
    (
        "spec.template.spec.containers[web].securityContext.privileged",
        False,
        True,
        "Deployment",
        Severity.CRITICAL,
        "privileged",
    ),
    ("spec.template.spec.hostNetwork", None, True, "Deployment", Severity.CRITICAL, "host-namespace"),
    (
        "spec.template.spec.volumes[x]",
        None,
        {"hostPath": {"path": "/var/run/docker.sock"}},
        "Deployment",
        Severity.CRITICAL,
        "engine-socket",
    ),
    (
        "spec.template.spec.containers[web].securityContext.capabilities.add",
        ["CHOWN"],
        ["CHOWN", "SYS_ADMIN"],
        "Deployment",
        Severity.CRITICAL,
        "capability",
    ),
    (
        "spec.template.spec.containers[web].securityContext.runAsNonRoot",
        True,
        None,
        "Deployment",
        Severity.HIGH,
        "restriction-lost",
    ),
    ("spec.type", "ClusterIP", "LoadBalancer", "Service", Severity.CRITICAL, "public-exposure"),
    ("rules", [], [{"verbs": ["*"], "resources": ["pods"]}], "ClusterRole", Severity.CRITICAL, "rbac-wildcard"),
    (
        "subjects",
        [],
        [{"kind": "Group", "name": "system:anonymous"}],
        "ClusterRoleBinding",
        Severity.CRITICAL,
        "rbac-everybody",
    ),
    ("spec.storageClassName", "a", "b", "PersistentVolumeClaim", Severity.CRITICAL, "storage"),
    ("data.key", "a", "b", "Secret", Severity.HIGH, "secret-data"),
]


@table(("path", "desired", "observed", "kind", "level", "rule"), TABLE, ids=[row[0] for row in TABLE])
def test_places_and_gains_have_their_severity(
    path: str, desired: JSON, observed: JSON, *, kind: str, level: Severity, rule: str
) -> None:
    """The worst rule that applies counts, and is named."""
    assert grade(path, desired, observed, kind) == (level, rule)


@table(
    ("raw", "live", "expected"),
    [
        ({}, {"privileged": True}, (Severity.CRITICAL, "privileged")),
        ({}, {"network_mode": "host"}, (Severity.CRITICAL, "host-namespace")),
        (
            {},
            {"volumes": [{"type": "bind", "source": "/var/run/docker.sock", "target": "/s"}]},
            (Severity.CRITICAL, "engine-socket"),
        ),
        ({}, {"cap_add": ["SYS_ADMIN"]}, (Severity.CRITICAL, "capability")),
        ({"restart": "always"}, {"restart": "unless-stopped"}, (Severity.LOW, "restart-policy")),
        (
            {"ports": ["127.0.0.1:80:80"]},
            {"ports": [{"target": 80, "published": "80"}]},
            (Severity.CRITICAL, "public-exposure"),
        ),
        ({"read_only": True}, {}, (Severity.HIGH, "restriction-lost")),
        ({"healthcheck": {"retries": 3}}, {"healthcheck": {"retries": 5}}, (Severity.LOW, "probe")),
        ({"user": "1000"}, {"user": "root"}, (Severity.HIGH, "runs-as-root")),
        ({"user": "1000"}, {"user": "1001"}, (Severity.HIGH, "identity")),
        ({"user": "1000"}, {}, (Severity.HIGH, "restriction-lost")),
        ({"cap_drop": ["CHOWN"]}, {"cap_drop": ["ALL"]}, (Severity.HIGH, "security-context")),
        ({"cap_drop": ["ALL"]}, {"cap_drop": ["CHOWN"]}, (Severity.HIGH, "restriction-lost")),
        ({}, {"volumes": [{"type": "bind", "source": "/srv", "target": "/s"}]}, (Severity.HIGH, "host-path")),
        ({}, {"volumes": [{"type": "volume", "source": "data", "target": "/s"}]}, (Severity.HIGH, "mount")),
        ({}, {"security_opt": ["label=type:spc_t"]}, (Severity.CRITICAL, "selinux")),
        ({}, {"security_opt": ["label=type:container_t"]}, (Severity.HIGH, "security-context")),
        ({}, {"group_add": ["docker"]}, (Severity.CRITICAL, "host-group")),
        ({}, {"group_add": ["staff"]}, (Severity.HIGH, "identity")),
        ({}, {"group_add": ["0"]}, (Severity.HIGH, "runs-as-root")),
        ({}, {"sysctls": {"kernel.msgmax": "1"}}, (Severity.HIGH, "sysctl")),
        ({}, {"dns": ["203.0.113.9"]}, (Severity.HIGH, "host-alias")),
        ({}, {"gpus": "all"}, (Severity.HIGH, "device")),
    ],
)
def test_services_too(raw: dict[str, Any], live: dict[str, Any], expected: tuple[Severity, str]) -> None:
    """The same table judges Compose."""
    assert graded(raw, live) == [expected]


GAINS: list[Any] = [
    lambda pod, web: pod.update(hostNetwork=True),
    lambda pod, web: pod.update(hostPID=True),
    lambda pod, web: web.setdefault("securityContext", {}).update(privileged=True),
    lambda pod, web: web.setdefault("securityContext", {}).update(allowPrivilegeEscalation=True),
    lambda pod, web: web.setdefault("securityContext", {}).update(runAsUser=0),
    lambda pod, web: (
        web.setdefault("securityContext", {}).setdefault("capabilities", {}).setdefault("add", []).append("SYS_ADMIN")
    ),
    lambda pod, web: (
        web.setdefault("securityContext", {}).setdefault("capabilities", {}).setdefault("add", []).append("CHOWN")
    ),
    lambda pod, web: pod.setdefault("volumes", []).append(
        {"name": "sock", "hostPath": {"path": "/var/run/docker.sock"}}
    ),
    lambda pod, web: pod.setdefault("volumes", []).append({"name": "logs", "hostPath": {"path": "/srv/logs"}}),
    lambda pod, web: pod.update(automountServiceAccountToken=True),
    lambda pod, web: web.update(image="evil.example/web:1"),
]
CHANGES: list[Any] = [
    lambda pod, web: web.update(image="shop/web:2.0"),
    lambda pod, web: web.update(args=["--verbose"]),
    lambda pod, web: pod.update(terminationGracePeriodSeconds=5),
    lambda pod, web: web.setdefault("env", []).append({"name": "A", "value": "1"}),
]


def worst(drifts: tuple[Drift, ...]) -> int:
    return max((drift.severity.rank for drift in drifts), default=-1)


@given(
    before=st.lists(st.sampled_from([*GAINS, *CHANGES]), max_size=4),
    gain=st.sampled_from(GAINS),
    declared_gains=st.lists(st.sampled_from(GAINS[:-1]), max_size=2),
)
@settings(max_examples=80, deadline=None)
def test_more_privilege_never_scores_lower(before: list[Any], gain: Any, declared_gains: list[Any]) -> None:
    """Whatever has changed already, a live side with one privilege more is judged at least as bad."""
    tree = deployment()
    pod = tree["spec"]["template"]["spec"]
    for mutate in declared_gains:
        mutate(pod, pod["containers"][0])
    changed = copy.deepcopy(tree)
    pod = changed["spec"]["template"]["spec"]
    for mutate in before:
        mutate(pod, pod["containers"][0])
    more = copy.deepcopy(changed)
    pod = more["spec"]["template"]["spec"]
    gain(pod, pod["containers"][0])
    if any(mutate in declared_gains for mutate in [gain]):
        return
    less_bad = worst(diff(Pair(declared(tree), live(changed)), OPTIONS))
    assert worst(diff(Pair(declared(tree), live(more)), OPTIONS)) >= less_bad


VALUES = st.dictionaries(
    st.sampled_from(["privileged", "hostPID", "runAsUser", "path", "source", "verbs", "name"]),
    st.one_of(st.booleans(), st.integers(0, 2), st.sampled_from(["*", "/", "root", "x", "host"])),
    max_size=4,
)


@given(desired=VALUES, observed=VALUES, key=st.sampled_from(["privileged", "hostNetwork", "hostIPC"]))
@settings(max_examples=100, deadline=None)
def test_adding_a_privilege_to_a_value_never_lowers_it(
    desired: dict[str, Any], observed: dict[str, Any], key: str
) -> None:
    """The same at the level of one value."""
    path = parse_path("spec.template.spec.thing")
    less, _ = severity(WORKLOAD, DriftKind.CHANGED, path, desired, observed)
    more, _ = severity(WORKLOAD, DriftKind.CHANGED, path, desired, {**observed, key: True})
    assert more.rank >= less.rank


def test_every_rule_has_words() -> None:
    """Privilege rules can be explained, and no id is both a privilege and a baseline."""
    ids = {rule.id for rule in (*PRIVILEGES, *RESTRICTIONS)}
    assert all(meaning(rule) for rule in ids)
    assert not ids & {base.id for base in BASELINES}
