"""The tables of severity: what raises it wherever it happens, and how bad a difference is by its place.

Data for :mod:`bot.drift.severity.grade`. Each privilege names what an attacker gains; sources are the Kubernetes Pod Security
Standards (baseline and restricted), the RBAC good practices page, and the Docker engine security page.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.drift.severity.rbac import POWERS
from bot.model.drift import Severity
from bot.model.json import JSON

Test = Callable[[JSON], bool]

LOW, MEDIUM, HIGH, CRITICAL = Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL


@dataclass(frozen=True, slots=True)
class SeverityRule:
    """``tail`` is how the place of a leaf ends (``*`` is any one part, ``x/*`` one that begins so, list elements by their
    value are left out);
    ``kinds`` narrows by resource kind; ``test`` by value. ``lost``: it applies when the live side no longer has it.
    """

    id: str
    severity: Severity
    meaning: str
    tails: tuple[tuple[str, ...], ...]
    test: Test
    kinds: frozenset[str] = frozenset()
    lost: bool = False


def _tails(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(tail.split(".")) for tail in text.split())


def _rule(
    id_: str, severity: Severity, meaning: str, tails: str, test: Test, *, kinds: str = "", lost: bool = False
) -> SeverityRule:
    return SeverityRule(id_, severity, meaning, _tails(tails), test, frozenset(kinds.split()), lost)


def _true(value: JSON) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _false(value: JSON) -> bool:
    return value is False


def _root(value: JSON) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool) and value == 0) or (
        isinstance(value, str) and value.split(":")[0].strip() in {"0", "root"}
    )


def _something(value: JSON) -> bool:
    return value not in (None, "", False)


def _equals(*texts: str) -> Test:
    return lambda value: isinstance(value, str) and value.lower() in texts


def _begins(*starts: str) -> Test:
    return lambda value: isinstance(value, str) and value.lower().startswith(starts)


_SOCKET: Final = re.compile(r"(docker|containerd|crio|podman|cri-dockerd|buildkitd)[\w./-]*\.sock\b")
_HOST_ROOTS: Final = re.compile(
    r"(/|/etc|/root|/proc|/sys|/dev|/boot|/var/lib/(docker|kubelet|containers|containerd)|/var/run|/run)(/.*)?\Z"
)
_MIGHTY: Final = frozenset(
    [
        "ALL",
        "SYS_ADMIN",
        "SYS_PTRACE",
        "SYS_MODULE",
        "SYS_RAWIO",
        "DAC_READ_SEARCH",
        "NET_ADMIN",
        "BPF",
        "SYS_BOOT",
        "SYS_TIME",
        "PERFMON",
    ]
)
_WORLD: Final = frozenset({"0.0.0.0/0", "::/0"})


def _socket(value: JSON) -> bool:
    return isinstance(value, str) and bool(_SOCKET.search(value))


def _host_root(value: JSON) -> bool:
    return (isinstance(value, str) and value == "/") or (
        isinstance(value, str) and value != "/" and bool(_HOST_ROOTS.match(value.rstrip("/")))
    )


def _capability(value: JSON) -> str:
    return str(value).upper().removeprefix("CAP_")


def _world(value: JSON) -> bool:
    return value in _WORLD if isinstance(value, str) else False


def _broad(value: JSON) -> bool:
    return isinstance(value, str) and value.lower() in {"0.0.0.0", "::", "[::]"}  # noqa: S104 - recognised, not bound


def _power(value: JSON) -> bool:
    return isinstance(value, str) and value in POWERS


def _unconfined(value: JSON) -> bool:
    return isinstance(value, str) and value.lower().replace("=", ":").rpartition(":")[2].strip() in {
        "unconfined",
        "disable",
        "false",
    }


_PROFILE_NOTES: Final = (
    ("annotations", "container.apparmor.security.beta.kubernetes.io/*"),
    ("annotations", "container.seccomp.security.alpha.kubernetes.io/*"),
    ("annotations", "seccomp.security.alpha.kubernetes.io/*"),
)
"""Profiles of servers before 1.30 (AppArmor) and 1.19 (seccomp); newer ones still read the former."""
_RBAC: Final = "Role ClusterRole"
_BINDING: Final = "RoleBinding ClusterRoleBinding"

PRIVILEGES: Final[tuple[SeverityRule, ...]] = (
    _rule("privileged", CRITICAL, "a container runs with all privileges of the host", "privileged", _true),
    _rule("host-process", CRITICAL, "runs as a process of its Windows host", "windowsOptions.hostProcess", _true),
    _rule("host-namespace", CRITICAL, "shares a namespace of the host", "hostPID hostIPC hostNetwork", _true),
    _rule(
        "host-namespace",
        CRITICAL,
        "shares a namespace of the host",
        "network_mode pid ipc userns_mode uts cgroup",
        _equals("host"),
    ),
    _rule("engine-socket", CRITICAL, "mounts the container engine's socket", "source path hostPath.path", _socket),
    _rule("host-path", CRITICAL, "mounts a system folder of the host", "hostPath.path", _host_root),
    _rule("host-path", CRITICAL, "mounts a system folder of the host", "volumes.*.source", _host_root),
    _rule("host-path", HIGH, "mounts a folder of the host", "hostPath.path", _something),
    _rule(
        "capability",
        CRITICAL,
        "gains a capability that equals root on the host",
        "capabilities.add cap_add",
        lambda value: _capability(value) in _MIGHTY,
    ),
    _rule("capability", HIGH, "gains a capability", "capabilities.add cap_add", _something),
    _rule("device", CRITICAL, "gains a device of the host", "devices.*.source device_cgroup_rules", _something),
    _rule("device", CRITICAL, "gains a device of the host", "devices", lambda value: isinstance(value, str)),
    _rule("escalation", HIGH, "may gain privileges", "allowPrivilegeEscalation", _true),
    _rule("runs-as-root", HIGH, "runs as root", "runAsUser user runAsGroup", _root),
    _rule(
        "unconfined",
        CRITICAL,
        "runs without seccomp, AppArmor or SELinux confinement",
        "seccompProfile.type appArmorProfile.type security_opt procMount",
        lambda v: _unconfined(v) or v == "Unmasked",
    ),
    SeverityRule(
        "unconfined", CRITICAL, "runs without seccomp or AppArmor confinement", _PROFILE_NOTES, _equals("unconfined")
    ),
    _rule(
        "rbac-wildcard",
        CRITICAL,
        "grants everything of a kind",
        "verbs resources apiGroups nonResourceURLs",
        lambda value: value == "*",
        kinds=_RBAC,
    ),
    _rule("rbac-escalation", CRITICAL, "grants the power to grant", "verbs", _power, kinds=_RBAC),
    _rule("rbac-grant", HIGH, "grants more", "verbs resources apiGroups nonResourceURLs", _something, kinds=_RBAC),
    _rule(
        "rbac-everybody",
        CRITICAL,
        "grants to everybody",
        "subjects.name",
        _equals("system:anonymous", "system:unauthenticated", "system:authenticated", "system:masters"),
        kinds=_BINDING,
    ),
    _rule(
        "rbac-subject",
        HIGH,
        "grants to somebody else",
        "subjects.name subjects.kind subjects.namespace",
        _something,
        kinds=_BINDING,
    ),
    _rule("cluster-admin", CRITICAL, "binds cluster-admin", "roleRef.name", _equals("cluster-admin"), kinds=_BINDING),
    _rule(
        "public-exposure",
        CRITICAL,
        "reachable from outside the cluster",
        "spec.type",
        _equals("loadbalancer", "nodeport"),
        kinds="Service",
    ),
    _rule(
        "public-exposure", CRITICAL, "reachable from everywhere", "cidr loadBalancerSourceRanges externalIPs", _world
    ),
    _rule("public-exposure", HIGH, "reachable from outside the cluster", "externalIPs hostPort", _something),
    _rule("public-exposure", CRITICAL, "published on all addresses of the host", "host_ip", _broad),
    _rule("host-alias", HIGH, "sends a name elsewhere", "hostAliases.*.ip extra_hosts extra_hosts.*", _something),
    _rule("token-mounted", HIGH, "gains the service account's token", "automountServiceAccountToken", _true),
)

RESTRICTIONS: Final[tuple[SeverityRule, ...]] = (
    _rule("restriction-lost", HIGH, "may run as root", "runAsNonRoot", _true, lost=True),
    _rule(
        "restriction-lost", HIGH, "may write its root file system", "readOnlyRootFilesystem read_only", _true, lost=True
    ),
    _rule("restriction-lost", HIGH, "may gain privileges", "allowPrivilegeEscalation", _false, lost=True),
    _rule(
        "restriction-lost",
        HIGH,
        "keeps a capability that was dropped",
        "capabilities.drop cap_drop",
        _something,
        lost=True,
    ),
    _rule(
        "restriction-lost",
        HIGH,
        "lost a security profile",
        "seccompProfile.type appArmorProfile.type security_opt",
        lambda value: _something(value) and not _unconfined(value),
        lost=True,
    ),
    SeverityRule(
        "restriction-lost",
        HIGH,
        "lost a security profile",
        _PROFILE_NOTES,
        lambda value: _something(value) and not _unconfined(value),
        lost=True,
    ),
    _rule(
        "restriction-lost", HIGH, "gains the service account's token", "automountServiceAccountToken", _false, lost=True
    ),
    _rule(
        "restriction-lost",
        HIGH,
        "may run as another user",
        "runAsUser user",
        lambda v: _something(v) and not _root(v),
        lost=True,
    ),
    _rule(
        "restriction-lost",
        HIGH,
        "published beyond the local host",
        "host_ip",
        _begins("127.", "::1", "[::1]"),
        lost=True,
    ),
    _rule("restriction-lost", HIGH, "reachable from anywhere", "loadBalancerSourceRanges", _something, lost=True),
)


@dataclass(frozen=True, slots=True)
class Baseline:
    """The severity of any difference whose path holds one of ``words`` (all of one entry's dotted parts in a row)."""

    id: str
    severity: Severity
    words: tuple[tuple[str, ...], ...]
    kinds: frozenset[str] = frozenset()


def _base(id_: str, severity: Severity, words: str, kinds: str = "") -> Baseline:
    return Baseline(id_, severity, _tails(words), frozenset(kinds.split()))


BASELINES: Final[tuple[Baseline, ...]] = (
    _base("rbac", HIGH, "rules subjects roleRef aggregationRule", "Role ClusterRole RoleBinding ClusterRoleBinding"),
    _base("network-policy", HIGH, "spec", "NetworkPolicy"),
    _base("webhook", HIGH, "webhooks", "MutatingWebhookConfiguration ValidatingWebhookConfiguration"),
    _base("secret-data", HIGH, "data stringData type", "Secret secret"),
    _base(
        "storage",
        CRITICAL,
        "spec.volumeName spec.storageClassName spec.accessModes spec.resources",
        "PersistentVolumeClaim PersistentVolume",
    ),
    _base("storage", HIGH, "volumeClaimTemplates persistentVolumeClaimRetentionPolicy persistentVolumeReclaimPolicy"),
    _base("identity", HIGH, "serviceAccountName serviceAccount imagePullSecrets user group_add"),
    _base("selector", HIGH, "selector matchLabels matchExpressions"),
    _base(
        "probe",
        LOW,
        "livenessProbe.initialDelaySeconds livenessProbe.periodSeconds livenessProbe.timeoutSeconds "
        "livenessProbe.failureThreshold livenessProbe.successThreshold readinessProbe.initialDelaySeconds "
        "readinessProbe.periodSeconds readinessProbe.timeoutSeconds readinessProbe.failureThreshold "
        "readinessProbe.successThreshold startupProbe.initialDelaySeconds startupProbe.periodSeconds "
        "startupProbe.timeoutSeconds startupProbe.failureThreshold healthcheck.interval healthcheck.timeout "
        "healthcheck.retries healthcheck.start_period healthcheck.start_interval",
    ),
    _base("probe-target", MEDIUM, "livenessProbe readinessProbe startupProbe healthcheck"),
    _base("label", LOW, "labels annotations"),
    _base("image", HIGH, "image"),
    _base("command", HIGH, "command args entrypoint lifecycle working_dir workingDir"),
    _base("security-context", HIGH, "securityContext security_opt cap_drop cap_add capabilities privileged"),
    _base("container", HIGH, "containers initContainers ephemeralContainers"),
    _base("mount", HIGH, "volumes volumeMounts tmpfs devices"),
    _base("exposure", HIGH, "ports spec.type externalIPs hostNetwork rules tls defaultBackend networks network_mode"),
    _base("logging", LOW, "logging.options"),
    _base("logging", MEDIUM, "logging"),
    _base("restart-policy", LOW, "restart stop_grace_period"),
    _base(
        "tuning",
        LOW,
        "revisionHistoryLimit progressDeadlineSeconds terminationGracePeriodSeconds minReadySeconds "
        "timeoutSeconds successfulJobsHistoryLimit failedJobsHistoryLimit backoffLimit ttlSecondsAfterFinished",
    ),
)
