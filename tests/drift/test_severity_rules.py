"""Each rule of severity: what it finds, what it does not, and what a difference is worth by its place."""

from __future__ import annotations

import pytest

from bot.drift.severity.grade import severity
from bot.drift.severity.rbac import gained
from bot.drift.severity.rules import PRIVILEGES, RESTRICTIONS
from bot.model.drift import DriftKind
from bot.model.json import JSON, Tree
from bot.model.paths import parse_path
from bot.model.resource import Platform, ResourceId
from bot.model.severity import Severity
from tests.table import table

LOW, MEDIUM, HIGH, CRITICAL = Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL
SPEC = "spec.template.spec"
WEB = f"{SPEC}.containers[web]"


def grade(
    path: str, desired: JSON, observed: JSON, kind: str = "Deployment", what: DriftKind = DriftKind.CHANGED
) -> tuple[Severity, str]:
    return severity(ResourceId(Platform.KUBERNETES, kind, "shop", "x"), what, parse_path(path), desired, observed)


GAINS: list[tuple[str, JSON, str, Severity, str]] = [
    ("privileged", True, "service", CRITICAL, "privileged"),
    ("privileged", "True", "service", CRITICAL, "privileged"),
    ("privileged", False, "service", HIGH, "security-context"),
    ("privileged", "yes", "service", HIGH, "security-context"),
    (f"{WEB}.windowsOptions.hostProcess", True, "Deployment", CRITICAL, "host-process"),
    (f"{SPEC}.hostPID", True, "Deployment", CRITICAL, "host-namespace"),
    (f"{SPEC}.hostIPC", True, "Deployment", CRITICAL, "host-namespace"),
    (f"{SPEC}.hostNetwork", True, "Deployment", CRITICAL, "host-namespace"),
    *((key, "host", "service", CRITICAL, "host-namespace") for key in ("network_mode", "pid", "ipc", "userns_mode")),
    *((key, "HOST", "service", CRITICAL, "host-namespace") for key in ("uts", "cgroup")),
    ("pid", "private", "service", MEDIUM, "field"),
    ("x.source", "/run/docker.sock", "service", CRITICAL, "engine-socket"),
    ("x.path", "/run/containerd/containerd.sock", "service", CRITICAL, "engine-socket"),
    ("x.hostPath.path", "/srv/podman/podman.sock", "Deployment", CRITICAL, "engine-socket"),
    ("x.source", "/run/other.sock", "service", MEDIUM, "field"),
    ("x.hostPath.path", "/", "Deployment", CRITICAL, "host-path"),
    ("x.hostPath.path", "/etc/", "Deployment", CRITICAL, "host-path"),
    ("x.hostPath.path", "/var/lib/kubelet/x", "Deployment", CRITICAL, "host-path"),
    ("x.hostPath.path", "/srv/x", "Deployment", HIGH, "host-path"),
    ("x.hostPath.path", "/etcetera", "Deployment", HIGH, "host-path"),
    ("x.hostPath.path", "", "Deployment", MEDIUM, "field"),
    ("volumes[/a].source", "/proc", "service", CRITICAL, "host-path"),
    ("volumes[/a].source", "/srv", "service", HIGH, "host-path"),
    ("volumes[/a].source", "data", "service", HIGH, "mount"),
    ("x.seLinuxOptions.type", "spc_t", "Gate", CRITICAL, "selinux"),
    ("x.seLinuxOptions.type", "container_t", "Gate", MEDIUM, "field"),
    ("x.seLinuxOptions.role", "sysadm_r", "Gate", HIGH, "selinux"),
    *(("cap_add", [name], "service", CRITICAL, "capability") for name in ("ALL", "SYS_ADMIN", "cap_sys_ptrace")),
    *(
        ("cap_add", [name], "service", CRITICAL, "capability")
        for name in ("SYS_MODULE", "SYS_RAWIO", "BPF", "SYS_BOOT")
    ),
    *(("cap_add", [name], "service", CRITICAL, "capability") for name in ("DAC_READ_SEARCH", "NET_ADMIN", "PERFMON")),
    ("cap_add", ["SYS_TIME"], "service", CRITICAL, "capability"),
    (f"{WEB}.x.capabilities.add", ["SYS_ADMIN"], "Deployment", CRITICAL, "capability"),
    ("x.capabilities.add", ["CHOWN"], "Gate", HIGH, "capability"),
    ("devices[/a].source", "/dev/a", "service", CRITICAL, "device"),
    ("devices", ["/dev/a"], "service", CRITICAL, "device"),
    ("devices", [5], "service", HIGH, "mount"),
    ("device_cgroup_rules", ["c 1:1 rwm"], "service", CRITICAL, "device"),
    ("x.allowPrivilegeEscalation", True, "Gate", HIGH, "escalation"),
    ("x.allowPrivilegeEscalation", None, "Gate", MEDIUM, "field"),
    *(("x.runAsUser", value, "Gate", HIGH, "runs-as-root") for value in (0, "0", "root", "0:0", " root ")),
    *(("x.runAsUser", value, "Gate", MEDIUM, "field") for value in (1, "1", "rooty", False, None)),
    ("x.runAsGroup", 0, "Gate", HIGH, "runs-as-root"),
    ("x.seccompProfile.type", "Unconfined", "Gate", CRITICAL, "unconfined"),
    ("x.appArmorProfile.type", "Unconfined", "Gate", CRITICAL, "unconfined"),
    ("x.procMount", "Unmasked", "Gate", CRITICAL, "unconfined"),
    ("x.procMount", "Default", "Gate", MEDIUM, "field"),
    ("security_opt", ["seccomp=unconfined"], "service", CRITICAL, "unconfined"),
    ("security_opt", ["label:disable"], "service", CRITICAL, "unconfined"),
    ("security_opt", ["no-new-privileges:false"], "service", CRITICAL, "unconfined"),
    ("security_opt", ["no-new-privileges:true"], "service", HIGH, "security-context"),
    ("x.annotations[seccomp.security.alpha.kubernetes.io/pod]", "unconfined", "Gate", CRITICAL, "unconfined"),
    ("x.annotations[container.seccomp.security.alpha.kubernetes.io/a]", "unconfined", "Gate", CRITICAL, "unconfined"),
    ("x.annotations[container.apparmor.security.beta.kubernetes.io/a]", "Unconfined", "Gate", CRITICAL, "unconfined"),
    ("subjects", [{"name": "x"}], "Gate", MEDIUM, "field"),
    ("subjects", [{"name": "x"}], "RoleBinding", HIGH, "rbac-subject"),
    *(
        ("subjects", [{"name": f"system:{name}"}], "ClusterRoleBinding", CRITICAL, "rbac-everybody")
        for name in ("anonymous", "unauthenticated", "authenticated", "masters")
    ),
    ("roleRef.name", "cluster-admin", "ClusterRoleBinding", CRITICAL, "cluster-admin"),
    ("roleRef.name", "admin", "ClusterRoleBinding", HIGH, "rbac"),
    ("roleRef.name", "cluster-admin", "Gate", MEDIUM, "field"),
    ("spec.type", "NodePort", "Service", CRITICAL, "public-exposure"),
    ("spec.type", "LoadBalancer", "Service", CRITICAL, "public-exposure"),
    ("spec.type", "LoadBalancer", "Gate", HIGH, "exposure"),
    ("spec.type", "ClusterIP", "Service", HIGH, "exposure"),
    ("x.cidr", "0.0.0.0/0", "Gate", CRITICAL, "public-exposure"),
    ("x.cidr", "::/0", "Gate", CRITICAL, "public-exposure"),
    ("x.cidr", "10.0.0.0/8", "Gate", MEDIUM, "field"),
    ("x.loadBalancerSourceRanges", ["0.0.0.0/0"], "Gate", CRITICAL, "public-exposure"),
    ("x.externalIPs", ["::/0"], "Gate", CRITICAL, "public-exposure"),
    ("x.hostPort", 80, "Gate", CRITICAL, "public-exposure"),
    *(("x.host_ip", value, "service", CRITICAL, "public-exposure") for value in ("0.0.0.0", "::", "[::]")),  # noqa: S104
    ("x.host_ip", "10.0.0.1", "service", MEDIUM, "field"),
    ("hostAliases[1.2.3.4].ip", "1.2.3.4", "Gate", HIGH, "host-alias"),
    ("extra_hosts", ["a=1"], "service", HIGH, "host-alias"),
    ("extra_hosts.a", "1", "service", HIGH, "host-alias"),
    ("x.automountServiceAccountToken", True, "Gate", HIGH, "token-mounted"),
]


@table(("path", "value", "kind", "level", "rule"), GAINS)
def test_what_is_only_live_is_as_bad_as_what_it_gains(
    path: str, value: JSON, kind: str, level: Severity, rule: str
) -> None:
    """And no worse than its place where Git has it too."""
    assert grade(path, None, value, kind) == (level, rule)
    assert grade(path, value, value, kind)[0].rank <= level.rank


LOSSES: list[tuple[str, JSON, str, Severity, str]] = [
    ("x.runAsNonRoot", True, "Gate", HIGH, "restriction-lost"),
    ("x.runAsNonRoot", False, "Gate", MEDIUM, "field"),
    ("x.readOnlyRootFilesystem", True, "Gate", HIGH, "restriction-lost"),
    ("read_only", True, "service", HIGH, "restriction-lost"),
    ("x.allowPrivilegeEscalation", False, "Gate", HIGH, "restriction-lost"),
    ("x.allowPrivilegeEscalation", True, "Gate", MEDIUM, "field"),
    ("x.drop.capabilities", ["ALL"], "Gate", HIGH, "security-context"),
    ("x.seccompProfile.type", "RuntimeDefault", "Gate", HIGH, "restriction-lost"),
    ("x.seccompProfile.type", "Unconfined", "Gate", MEDIUM, "field"),
    ("x.appArmorProfile.type", "RuntimeDefault", "Gate", HIGH, "restriction-lost"),
    ("x.annotations[seccomp.security.alpha.kubernetes.io/pod]", "runtime/default", "Gate", HIGH, "restriction-lost"),
    ("x.automountServiceAccountToken", False, "Gate", HIGH, "restriction-lost"),
    ("x.automountServiceAccountToken", True, "Gate", MEDIUM, "field"),
    ("x.runAsUser", 1000, "Gate", HIGH, "restriction-lost"),
    ("x.hostUsers", False, "Gate", HIGH, "restriction-lost"),
    ("x.volumeMounts[/a].readOnly", True, "Gate", HIGH, "restriction-lost"),
    ("x.runtimeClassName", "gvisor", "Gate", HIGH, "restriction-lost"),
    ("x.runAsUser", 0, "Gate", MEDIUM, "field"),
    *(("x.host_ip", value, "service", HIGH, "restriction-lost") for value in ("127.0.0.1", "::1", "[::1]")),
    ("x.host_ip", "10.0.0.1", "service", MEDIUM, "field"),
    ("x.loadBalancerSourceRanges", ["10.0.0.0/8"], "Gate", HIGH, "restriction-lost"),
    ("x.loadBalancerSourceRanges", [""], "Gate", MEDIUM, "field"),
]


@table(("path", "value", "kind", "level", "rule"), LOSSES)
def test_a_restriction_that_is_gone_is_severe(path: str, value: JSON, kind: str, level: Severity, rule: str) -> None:
    """As a privilege is that came."""
    assert grade(path, value, None, kind) == (level, rule)


def test_dropped_capabilities_are_a_restriction() -> None:
    """Which is lost where one is dropped no more."""
    assert grade("x.y", {"capabilities": {"drop": ["ALL"]}}, None, "Gate") == (HIGH, "restriction-lost")
    assert grade("x.y", {"capabilities": {"drop": ["ALL"]}}, {"capabilities": {"drop": ["ALL"]}}, "Gate")[0] is MEDIUM
    assert grade("x.y", {"cap_drop": ["ALL"]}, None, "service") == (HIGH, "restriction-lost")


COVERED: list[tuple[str, JSON, JSON, Severity, str]] = [
    ("x.runAsUser", 0, "root", MEDIUM, "field"),
    ("x.runAsUser", 1000, 2000, MEDIUM, "field"),
    ("x.runAsUser", 1000, 0, HIGH, "runs-as-root"),
    ("x.capabilities.add", ["ALL"], ["SYS_ADMIN"], HIGH, "security-context"),
    ("x.capabilities.add", ["SYS_ADMIN"], ["ALL"], CRITICAL, "capability"),
    ("x.capabilities.drop", ["KILL"], ["ALL"], HIGH, "security-context"),
    ("x.capabilities.drop", ["ALL"], ["KILL"], HIGH, "restriction-lost"),
    ("x.seccompProfile.type", "RuntimeDefault", "Localhost", MEDIUM, "field"),
    ("x.seccompProfile.type", "RuntimeDefault", "Unconfined", CRITICAL, "unconfined"),
    ("x.runtimeClassName", "gvisor", "runc", HIGH, "restriction-lost"),
    ("security_opt", ["no-new-privileges:true", "seccomp=a"], ["seccomp=a"], HIGH, "restriction-lost"),
]


@table(("path", "before", "now", "level", "rule"), COVERED)
def test_what_the_other_side_covers_is_neither_gained_nor_lost(
    path: str, before: JSON, now: JSON, level: Severity, rule: str
) -> None:
    """One user that is not root for another, a capability of all of them; what each entry says by itself is not covered."""
    assert grade(path, before, now, "Gate") == (level, rule)


def test_a_node_port_is_less_than_a_load_balancer() -> None:
    """And the other way round it is more."""
    assert grade("spec.type", "LoadBalancer", "NodePort", "Service") == (HIGH, "exposure")
    assert grade("spec.type", "NodePort", "LoadBalancer", "Service") == (CRITICAL, "public-exposure")


@pytest.mark.parametrize(
    "value",
    [
        {"containers": [{"name": "a", "securityContext": {"privileged": True}}]},
        {"volumes": [{"name": "a", "hostPath": {"path": "/"}}]},
        {"devices": [{"source": "/dev/a", "target": "/a"}]},
        {"hostAliases": [{"ip": "1.2.3.4"}]},
        {"volumes": [{"source": "/etc", "target": "/a"}]},
    ],
)
def test_a_privilege_is_seen_in_whatever_was_added(value: Tree) -> None:
    """However deep it lies."""
    assert grade("x.y", None, value, "Gate")[0].rank >= HIGH.rank


PLACES: dict[tuple[str, Severity, str], str] = {
    ("rbac", HIGH, "Role"): "rules subjects roleRef.x",
    ("network-policy", HIGH, "NetworkPolicy"): "spec.x",
    ("webhook", HIGH, "MutatingWebhookConfiguration"): "webhooks.x",
    ("webhook", HIGH, "ValidatingWebhookConfiguration"): "webhooks.x",
    ("secret-data", HIGH, "Secret"): "data.x stringData.x type",
    ("secret-data", HIGH, "secret"): "data.x",
    ("secret-data", HIGH, "SealedSecret"): "spec.encryptedData.x",
    ("storage", CRITICAL, "PersistentVolumeClaim"): "spec.volumeName spec.storageClassName spec.accessModes "
    "spec.resources.x",
    ("storage", CRITICAL, "PersistentVolume"): "spec.accessModes",
    ("storage", HIGH, "StatefulSet"): "spec.volumeClaimTemplates spec.persistentVolumeClaimRetentionPolicy.x "
    "spec.persistentVolumeReclaimPolicy",
    ("storage", HIGH, "StorageClass"): "reclaimPolicy",
    ("storage", HIGH, "VolumeSnapshotClass"): "deletionPolicy",
    ("identity", HIGH, "Deployment"): "x.serviceAccountName x.serviceAccount x.imagePullSecrets group_add",
    ("selector", HIGH, "Deployment"): "spec.selector.x x.matchLabels.a x.matchExpressions",
    ("probe", LOW, "Deployment"): "x.livenessProbe.initialDelaySeconds x.livenessProbe.periodSeconds "
    "x.livenessProbe.timeoutSeconds x.livenessProbe.failureThreshold x.livenessProbe.successThreshold "
    "x.readinessProbe.initialDelaySeconds x.readinessProbe.periodSeconds x.readinessProbe.timeoutSeconds "
    "x.readinessProbe.failureThreshold x.readinessProbe.successThreshold x.startupProbe.initialDelaySeconds "
    "x.startupProbe.periodSeconds x.startupProbe.timeoutSeconds x.startupProbe.failureThreshold healthcheck.interval "
    "healthcheck.timeout healthcheck.retries healthcheck.start_period healthcheck.start_interval",
    ("probe-target", MEDIUM, "Deployment"): "x.livenessProbe.x x.readinessProbe.x x.startupProbe.x healthcheck.test",
    ("label", LOW, "Deployment"): "metadata.labels.x metadata.annotations.x",
    ("command", HIGH, "Deployment"): "x.command x.args x.entrypoint x.lifecycle.x working_dir x.workingDir",
    (
        "security-context",
        HIGH,
        "Deployment",
    ): "x.securityContext.x x.capabilities privileged",
    ("container", HIGH, "Deployment"): "x.containers.a x.initContainers.a x.ephemeralContainers.a",
    ("mount", HIGH, "Deployment"): "x.volumes.a x.volumeMounts.a tmpfs devices.a",
    ("exposure", HIGH, "Deployment"): "x.ports.a spec.type x.hostNetwork x.rules x.tls x.defaultBackend "
    "networks.a network_mode",
    ("logging", LOW, "Deployment"): "logging.options.x",
    ("logging", MEDIUM, "Deployment"): "logging.driver",
    ("restart-policy", LOW, "Deployment"): "restart stop_grace_period",
    ("tuning", LOW, "Deployment"): "spec.revisionHistoryLimit spec.progressDeadlineSeconds "
    "x.terminationGracePeriodSeconds spec.minReadySeconds x.timeoutSeconds spec.successfulJobsHistoryLimit "
    "spec.failedJobsHistoryLimit spec.backoffLimit spec.ttlSecondsAfterFinished",
    ("field", MEDIUM, "Deployment"): "spec.replicas spec.x type webhooks.x data.x x.persistentVolume options.x "
    "spec.storageClassName rules2 interval",
}


@table(
    ("rule", "level", "kind", "path"),
    [(*place, path) for place, paths in PLACES.items() for path in paths.split()],
)
def test_a_difference_is_worth_what_its_place_is(rule: str, level: Severity, kind: str, path: str) -> None:
    """Where it gains and loses nothing."""
    assert grade(path, "a", "b", kind) == (level, rule)


@pytest.mark.parametrize(
    ("kinds", "level", "rule"),
    [
        (
            "PersistentVolumeClaim PersistentVolume StatefulSet Namespace CustomResourceDefinition",
            CRITICAL,
            "data-deleted",
        ),
        ("Secret StorageClass VolumeSnapshot volume secret", CRITICAL, "data-deleted"),
        ("ConfigMap config network Endpoints EndpointSlice", MEDIUM, "resource-missing"),
        ("Deployment Service service", HIGH, "resource-missing"),
    ],
)
def test_what_is_gone_is_as_bad_as_what_it_held(kinds: str, level: Severity, rule: str) -> None:
    """Data, something that Git can make again, or something that ran; a part of it by its place."""
    for kind in kinds.split():
        assert grade("", "present", None, kind, DriftKind.MISSING) == (level, rule), kind
    assert grade("spec.replicas", 1, None, "StatefulSet", DriftKind.MISSING) == (MEDIUM, "field")


@table(
    ("what", "observed", "level", "rule"),
    [
        (DriftKind.UNMANAGED, "present", MEDIUM, "unmanaged"),
        (DriftKind.STALE_ARTIFACT, None, LOW, "stale-artifact"),
        *((DriftKind.UNHEALTHY, reason, HIGH, "unhealthy") for reason in ("CrashLoopBackOff", "OOMKilled", "Dead")),
        *(
            (DriftKind.UNHEALTHY, reason, HIGH, "unhealthy")
            for reason in ("Failed", "Unavailable", "ClaimLost", "Exited")
        ),
        *((DriftKind.UNHEALTHY, reason, MEDIUM, "unhealthy") for reason in ("NotReady", "Unschedulable")),
    ],
)
def test_some_kinds_of_drift_have_a_severity_of_their_own(
    what: DriftKind, observed: JSON, level: Severity, rule: str
) -> None:
    """Whatever the resource is."""
    assert grade("", None, observed, "Deployment", what) == (level, rule)


@pytest.mark.parametrize(
    ("desired", "observed", "level", "rule"),
    [
        ("a:1", "a:2", HIGH, "image-tag"),
        ("a:1", f"a:1@sha256:{'a' * 64}", HIGH, "image-tag"),
        ("a:1", "b:1", CRITICAL, "image-repository"),
        ("a:1", "x.io/a:1", CRITICAL, "image-registry"),
        ("$IMAGE", "a:1", HIGH, "image"),
        ("a:1", None, HIGH, "image"),
    ],
)
def test_another_image_is_another_version_or_other_software(
    desired: JSON, observed: JSON, level: Severity, rule: str
) -> None:
    """By registry, repository and tag."""
    assert grade(f"{WEB}.image", desired, observed) == (level, rule)


# -- roles -------------------------------------------------------------------------------------------------------------


def role(verbs: str, resources: str = "pods", groups: str = "", **more: JSON) -> Tree:
    return {
        "verbs": verbs.split(),
        "resources": resources.split(),
        "apiGroups": groups.split(",") if groups else [],
        **more,
    }


@table(
    ("before", "after", "grants"),
    [
        (None, [role("get")], set()),
        (None, [role("*")], {("", "pods", "*", "")}),
        (None, [role("get bind")], {("", "pods", "bind", "")}),
        (None, [role("get", "*")], {("", "*", "get", "")}),
        (None, [role("get", "pods/*")], {("", "pods/*", "get", "")}),
        (None, [role("get", "pods", "*,apps")], {("*", "pods", "get", "")}),
        (None, [role("get * ", "pods", resourceNames=["a", "b"])], {("", "pods", "*", "a"), ("", "pods", "*", "b")}),
        (None, [{"nonResourceURLs": ["/x/*", "/y"], "verbs": ["get"]}], {("path", "/x/*", "get", "")}),
        ([role("*")], [role("*")], set()),
        ([role("*", "*", "*")], [role("escalate", "roles", "x")], set()),
        ([role("escalate")], [role("escalate", resourceNames=["a"])], set()),
        ([role("escalate", resourceNames=["a"])], [role("escalate")], {("", "pods", "escalate", "")}),
        (
            [role("escalate", resourceNames=["a"])],
            [role("escalate", resourceNames=["a", "b"])],
            {("", "pods", "escalate", "b")},
        ),
        ([role("escalate", groups="x")], [role("escalate", groups="y")], {("y", "pods", "escalate", "")}),
        ([role("escalate", "roles")], [role("escalate", "pods")], {("", "pods", "escalate", "")}),
        ([role("bind")], [role("impersonate")], {("", "pods", "impersonate", "")}),
        ([role("*", "*/scale")], [role("*", "pods/scale")], set()),
        ([role("*", "*/scale")], [role("*", "pods/log")], {("", "pods/log", "*", "")}),
        ([role("*", "*/scale")], [role("*", "pods")], {("", "pods", "*", "")}),
        ([{"nonResourceURLs": ["/x/*"], "verbs": ["*"]}], [{"nonResourceURLs": ["/x/y/*"], "verbs": ["get"]}], set()),
        (
            [{"nonResourceURLs": ["/x/*"], "verbs": ["post"]}],
            [{"nonResourceURLs": ["/x/y/*"], "verbs": ["get"]}],
            {("path", "/x/y/*", "get", "")},
        ),
        (
            [{"nonResourceURLs": ["/x"], "verbs": ["*"]}],
            [{"nonResourceURLs": ["/x/*"], "verbs": ["get"]}],
            {("path", "/x/*", "get", "")},
        ),
        ([role("*", "*", "*")], [{"nonResourceURLs": ["*"], "verbs": ["get"]}], {("path", "*", "get", "")}),
    ],
)
def test_only_mighty_grants_that_no_rule_gave_are_gained(
    before: JSON, after: JSON, grants: set[tuple[str, str, str, str]]
) -> None:
    """Wildcards and the power to grant; one rule must give all of a grant."""
    assert {*gained(before, after)} == grants


@table(
    ("path", "kind", "desired", "observed", "expected"),
    [
        ("spec.replicas", "Deployment", 3, 0, (HIGH, "scaled-to-zero")),
        ("spec.replicas", "StatefulSet", 3, 0, (HIGH, "scaled-to-zero")),
        ("deploy.replicas", "service", "2", "0", (HIGH, "scaled-to-zero")),
        ("scale", "service", 2, 0, (HIGH, "scaled-to-zero")),
        ("spec.replicas", "Deployment", 3, 1, (MEDIUM, "field")),
        ("spec.replicas", "Deployment", 0, 0, (MEDIUM, "field")),
        ("spec.replicas", "Deployment", 0, 3, (MEDIUM, "field")),
        ("spec.minReplicas", "HorizontalPodAutoscaler", 3, 0, (MEDIUM, "field")),
    ],
)
def test_no_copy_at_all_is_an_outage(
    path: str, kind: str, desired: JSON, observed: JSON, expected: tuple[Severity, str]
) -> None:
    """Where Git wants some; fewer copies are a field like any other."""
    assert grade(path, desired, observed, kind) == expected


def test_whatever_a_leaf_holds_a_rule_has_an_answer() -> None:
    """What is null says nothing, so it is neither a privilege nor a restriction that is gone."""
    leaves: tuple[JSON, ...] = (True, False, 0, 1, 1.5, "", " ", "x", [], {})
    for rule in (*PRIVILEGES, *RESTRICTIONS):
        assert not rule.test(None), rule.id
        for value in leaves:
            assert rule.test(value) in {True, False}, (rule.id, value)
            assert rule.covered(value) in {True, False}, (rule.id, value)
