"""The tables of severity: what raises it wherever it happens, and how bad a difference is by its place.

Data for :mod:`bot.drift.severity.grade`. Each privilege names what an attacker gains; sources are the Kubernetes Pod Security
Standards (baseline and restricted), the RBAC good practices page, and the Docker engine security page; rows are grouped
by source. What a difference is worth by its path alone follows no standard: it goes by what breaks when it is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from bot.drift.compose.notation import capability
from bot.drift.severity.rbac import POWERS
from bot.model.json import JSON
from bot.model.severity import Severity

Test = Callable[[JSON], bool]

LOW, MEDIUM, HIGH, CRITICAL = Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL


@dataclass(frozen=True, slots=True)
class SeverityRule:
    """``tail`` is how the place of a leaf ends (``*`` is any one part, ``x/*`` one that begins so, list elements by their
    value are left out);
    ``kinds`` narrows by resource kind; ``test`` by value. It adds nothing beside a value at the same place of the other side
    that is ``covered``: who is root already is not made root.
    """

    id: str
    severity: Severity
    meaning: str
    tails: tuple[tuple[str, ...], ...]
    test: Test
    kinds: frozenset[str] = frozenset()
    covered: Test = field(default=lambda _: False, compare=False)


def _tails(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(tail.split(".")) for tail in text.split())


def _nothing(_: JSON) -> bool:
    return False


def _rule(
    id_: str, severity: Severity, meaning: str, tails: str, test: Test, *, kinds: str = "", covered: Test = _nothing
) -> SeverityRule:
    return SeverityRule(id_, severity, meaning, _tails(tails), test, frozenset(kinds.split()), covered)


def _lost(
    meaning: str, tails: str, test: Test, more_paths: tuple[tuple[str, ...], ...] = (), covered: Test | None = None
) -> SeverityRule:
    """A restriction, for which another one of its kind will do; ``more_paths`` are tails whose parts have dots of their own."""
    tested = test if covered is None else covered
    return SeverityRule("restriction-lost", HIGH, meaning, (*_tails(tails), *more_paths), test, covered=tested)


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


ENGINE_SOCKET: Final = re.compile(r"(docker|containerd|crio|podman|cri-dockerd|buildkitd)[\w./-]*\.sock\b")
"""Whoever may talk to the engine is root on its host (Docker documentation: Docker security, daemon attack surface)."""
_HOST_ROOTS: Final = re.compile(
    r"(/|/etc|/root|/proc|/sys|/dev|/boot|/var/lib/(docker|kubelet|containers|containerd)|/var/run|/run)(/.*)?\Z"
)
"""Folders whose contents are the host's own: credentials, kernel interfaces, other containers."""
MIGHTY: Final = frozenset(
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
"""Capabilities that lead out of a container: they load modules, trace or read what is not the container's, or configure the
host (capabilities(7)). ``ALL`` is all of them.
"""
_HOST_GROUPS: Final = frozenset(["docker", "disk", "kmem", "shadow", "sudo", "wheel", "lxd", "libvirt"])
_world: Final = _equals("0.0.0.0/0", "::/0")
_broad: Final = _equals("0.0.0.0", "::", "[::]")  # noqa: S104 - recognised, not bound


def _socket(value: JSON) -> bool:
    return isinstance(value, str) and bool(ENGINE_SOCKET.search(value))


def _host_root(value: JSON) -> bool:
    return isinstance(value, str) and (value == "/" or bool(_HOST_ROOTS.match(value.rstrip("/"))))


def _power(value: JSON) -> bool:
    return isinstance(value, str) and value in POWERS


def _unconfined(value: JSON) -> bool:
    return isinstance(value, str) and value.lower().replace("=", ":").rpartition(":")[2].strip() in {
        "unconfined",
        "disable",
        "false",
    }


def _confined(value: JSON) -> bool:
    return _something(value) and not _unconfined(value)


def _all(value: JSON) -> bool:
    return isinstance(value, str) and capability(value) == "ALL"


def _folder(value: JSON) -> bool:
    return isinstance(value, str) and value.startswith(("/", "~", "."))


def _selinux_type(option: str) -> str:
    """The type that an option of Docker names (docker run reference, --security-opt), else nothing."""
    parts = option.lower().replace("=", ":").split(":")
    return parts[2].strip() if parts[:2] == ["label", "type"] and len(parts) > 2 else ""


_SELINUX: Final = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
"""Types of SELinux that the baseline allows (Kubernetes: Pod Security Standards, "SELinux")."""
_PROFILE_NOTES: Final = (
    ("annotations", "container.apparmor.security.beta.kubernetes.io/*"),
    ("annotations", "container.seccomp.security.alpha.kubernetes.io/*"),
    ("annotations", "seccomp.security.alpha.kubernetes.io/*"),
)
"""Profiles of servers before 1.30 (AppArmor) and 1.19 (seccomp); newer ones still read the former (kubernetes/enhancements#24,
#135).
"""
_RBAC: Final = "Role ClusterRole"
_BINDING: Final = "RoleBinding ClusterRoleBinding"
BINDINGS: Final = frozenset(_BINDING.split())

PRIVILEGES: Final[tuple[SeverityRule, ...]] = (
    # Pod Security Standards, baseline: privileged containers, HostProcess, host namespaces
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
    # Docker security: the daemon's attack surface; baseline: HostPath volumes
    _rule("engine-socket", CRITICAL, "mounts the container engine's socket", "source path hostPath.path", _socket),
    _rule("host-path", CRITICAL, "mounts a system folder of the host", "hostPath.path", _host_root),
    _rule("host-path", CRITICAL, "mounts a system folder of the host", "volumes.*.source", _host_root),
    _rule("host-path", HIGH, "mounts a folder of the host", "hostPath.path", _something),
    _rule("host-path", HIGH, "mounts a folder of the host", "volumes.*.source", _folder),
    _rule(
        "host-path", CRITICAL, "mounts a system folder of the host", "driver_opts.device", _host_root, kinds="volume"
    ),
    _rule("host-path", HIGH, "mounts a folder of the host", "driver_opts.device", _folder, kinds="volume"),
    # baseline and restricted: capabilities; Docker: runtime privilege and Linux capabilities (devices too)
    _rule(
        "capability",
        CRITICAL,
        "gains a capability that equals root on the host",
        "capabilities.add cap_add",
        lambda value: capability(str(value)) in MIGHTY,
        covered=_all,
    ),
    _rule("capability", HIGH, "gains a capability", "capabilities.add cap_add", _something, covered=_all),
    _rule("device", CRITICAL, "gains a device of the host", "devices.*.source device_cgroup_rules", _something),
    _rule("device", CRITICAL, "gains a device of the host", "devices", lambda value: isinstance(value, str)),
    # restricted: privilege escalation, running as non-root; baseline: seccomp, AppArmor, SELinux, /proc mount type
    _rule("escalation", HIGH, "may gain privileges", "allowPrivilegeEscalation", _true),
    _rule(
        "runs-as-root",
        HIGH,
        "runs as root",
        "runAsUser user runAsGroup fsGroup supplementalGroups group_add",
        _root,
        covered=_root,
    ),
    # Docker: Linux post-installation steps, the docker group; Debian: SystemGroups
    _rule("host-group", CRITICAL, "is in a group that equals root on the host", "group_add", _equals(*_HOST_GROUPS)),
    # baseline: sysctls; Docker: docker run, --sysctl and --gpus
    _rule("sysctl", HIGH, "sets a parameter of the kernel", "sysctls sysctls.*", _something),
    _rule("device", HIGH, "gains a device of the host", "gpus gpus.* gpus.*.* reservations.devices.*", _something),
    _rule(
        "unconfined",
        CRITICAL,
        "runs without seccomp, AppArmor or SELinux confinement",
        "seccompProfile.type appArmorProfile.type security_opt procMount",
        lambda v: _unconfined(v) or v == "Unmasked",
    ),
    _rule(
        "selinux",
        CRITICAL,
        "runs with another type or role of SELinux",
        "seLinuxOptions.type",
        lambda value: isinstance(value, str) and value not in _SELINUX,
    ),
    _rule(
        "selinux",
        HIGH,
        "runs with another type or role of SELinux",
        "seLinuxOptions.user seLinuxOptions.role",
        _something,
    ),
    _rule(
        "selinux",
        CRITICAL,
        "runs with another type or role of SELinux",
        "security_opt",
        lambda value: isinstance(value, str) and _selinux_type(value) not in _SELINUX,
    ),
    SeverityRule(
        "unconfined",
        CRITICAL,
        "runs without seccomp, AppArmor or SELinux confinement",
        _PROFILE_NOTES,
        _equals("unconfined"),
    ),
    # Kubernetes: RBAC good practices (least privilege, privilege escalation risks); Using RBAC: default roles and groups
    _rule(
        "rbac-wildcard",
        CRITICAL,
        "grants everything of a kind",
        "verbs resources apiGroups nonResourceURLs",
        lambda value: value == "*",
        kinds=_RBAC,
    ),
    _rule("rbac-escalation", CRITICAL, "grants the power to grant", "verbs", _power, kinds=_RBAC),
    _rule("rbac-reach", CRITICAL, "grants what leads to more than it says", "", _something),
    _rule("rbac-grant", HIGH, "grants more", "verbs resources apiGroups nonResourceURLs", _something, kinds=_RBAC),
    _rule(
        "rbac-everybody",
        CRITICAL,
        "grants to everybody",
        "subjects.name",
        _equals(
            "system:anonymous",
            "system:unauthenticated",
            "system:authenticated",
            "system:masters",
            "system:serviceaccounts",
        ),
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
    # told by the whole object (:mod:`bot.drift.severity.rbac`), not by the place of a leaf
    _rule("mighty-binding", CRITICAL, "gives somebody a role that may do everything of a kind", "", _something),
    _rule("rbac-aggregation", CRITICAL, "takes over the rules of other roles", "", _something),
    _rule("access-list", CRITICAL, "gives somebody access by a list that a cluster reads", "", _something),
    # OpenShift: Managing security context constraints
    _rule(
        "scc",
        CRITICAL,
        "security context constraints allow more, or for more accounts",
        "allowPrivilegedContainer allowHostNetwork allowHostPID allowHostIPC allowHostPorts allowHostDirVolumePlugin",
        _true,
        kinds="SecurityContextConstraints",
    ),
    _rule(
        "scc",
        CRITICAL,
        "security context constraints allow more, or for more accounts",
        "users groups allowedCapabilities",
        _something,
        kinds="SecurityContextConstraints",
    ),
    # Argo CD: Projects
    _rule(
        "project-wildcard",
        CRITICAL,
        "an Argo CD project may deploy anything, or anywhere",
        "clusterResourceWhitelist.kind clusterResourceWhitelist.*.kind destinations.server destinations.*.server "
        "destinations.namespace destinations.*.namespace sourceRepos",
        lambda value: value == "*",
        kinds="AppProject",
    ),
    # Kubernetes: Service types, Network Policies (ipBlock); baseline: host ports; Docker: port publishing, whose default
    # is all addresses and passes by the host's firewall
    _rule(
        "public-exposure",
        CRITICAL,
        "reachable from outside the cluster",
        "spec.type",
        _equals("loadbalancer", "nodeport"),
        kinds="Service",
        covered=_equals("loadbalancer"),
    ),
    _rule(
        "public-exposure", CRITICAL, "reachable from everywhere", "cidr loadBalancerSourceRanges externalIPs", _world
    ),
    _rule("public-exposure", CRITICAL, "reachable from outside the cluster", "externalIPs hostPort", _something),
    _rule("public-exposure", CRITICAL, "published on all addresses of the host", "host_ip", _broad),
    _rule(
        "host-alias",
        HIGH,
        "sends a name elsewhere",
        "hostAliases.*.ip extra_hosts extra_hosts.* dns dnsConfig.nameservers",
        _something,
    ),
    # Kubernetes: Configure Service Accounts for Pods, opt out of API credential automounting
    _rule("token-mounted", HIGH, "gains the service account's token", "automountServiceAccountToken", _true),
)

RESTRICTIONS: Final[tuple[SeverityRule, ...]] = (
    # the same standards, read the other way: what the live side no longer has
    _lost("may run as root", "runAsNonRoot", _true),
    _lost("runs without its isolating runtime", "runtimeClassName", _something, covered=_nothing),
    _lost("its users are those of its host", "hostUsers", _false),
    _lost("may write its root file system", "readOnlyRootFilesystem read_only", _true),
    _lost("may gain privileges", "allowPrivilegeEscalation", _false),
    _lost("may write what it mounts", "volumeMounts.*.readOnly", _true),
    _lost("keeps a capability that was dropped", "capabilities.drop cap_drop", _something, covered=_all),
    _lost("lost a security profile", "seccompProfile.type appArmorProfile.type", _confined, _PROFILE_NOTES),
    _lost("lost a security profile", "security_opt", _confined, covered=_nothing),
    _lost("gains the service account's token", "automountServiceAccountToken", _false),
    _lost("may run as another user", "runAsUser user", lambda value: _something(value) and not _root(value)),
    SeverityRule(
        "restriction-lost",
        HIGH,
        "may reach the world",
        _tails("internal"),
        _true,
        frozenset({"network"}),
        covered=_true,
    ),
    _lost("published beyond the local host", "host_ip", _begins("127.", "::1", "[::1]")),
    _lost("reachable from anywhere", "loadBalancerSourceRanges", _something),
)


@dataclass(frozen=True, slots=True)
class Baseline:
    """The severity of any difference whose path holds one of ``path_words`` (all of one entry's dotted parts in a row)."""

    id: str
    severity: Severity
    path_words: tuple[tuple[str, ...], ...]
    kinds: frozenset[str] = frozenset()


def _base(id_: str, severity: Severity, tails: str, kinds: str = "") -> Baseline:
    return Baseline(id_, severity, _tails(tails), frozenset(kinds.split()))


BASELINES: Final[tuple[Baseline, ...]] = (
    _base("rbac", HIGH, "rules subjects roleRef aggregationRule", "Role ClusterRole RoleBinding ClusterRoleBinding"),
    _base("network-policy", HIGH, "spec", "NetworkPolicy"),
    _base("webhook", HIGH, "webhooks", "MutatingWebhookConfiguration ValidatingWebhookConfiguration"),
    _base(
        "admission-policy",
        HIGH,
        "spec",
        "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding MutatingAdmissionPolicy MutatingAdmissionPolicyBinding",
    ),
    _base("secret-data", HIGH, "data stringData type", "Secret secret"),
    _base("secret-data", HIGH, "encryptedData", "SealedSecret"),
    _base(
        "storage",
        CRITICAL,
        "spec.volumeName spec.storageClassName spec.accessModes spec.resources",
        "PersistentVolumeClaim PersistentVolume",
    ),
    _base(
        "storage",
        HIGH,
        "volumeClaimTemplates persistentVolumeClaimRetentionPolicy persistentVolumeReclaimPolicy "
        "reclaimPolicy deletionPolicy",
    ),
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
