"""K8S-001: pods and services that gain privileges over their host.

What counts as one: Kubernetes documentation, "Pod Security Standards" (host namespaces, host ports, privileged containers,
HostPath, capabilities, seccomp, running as root); for Compose the same by the engine's names for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from bot.guardrails.anchors import Anchors, LinePattern, literal_bytes
from bot.guardrails.detectors.chart_values import KIND, is_values_file, values_powers
from bot.guardrails.detectors.gains import gained, identity, in_deployed_folder, is_deployed, may_patch
from bot.guardrails.detectors.host_powers import DANGEROUS_PATH, capabilities, service_powers
from bot.guardrails.hunks import Delta
from bot.guardrails.rule import Fact, Hit, Subject, on_line
from bot.guardrails.structure import Unparsed
from bot.intake.lined_node import LinedNode
from bot.model.patterns import regex
from bot.model.severity import Severity

# Pod Security Standards, Baseline, "Sysctls".
_SAFE_SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem",
    }
)
_HOST: Final = {"hostNetwork": "the host's network", "hostPID": "the host's processes", "hostIPC": "the host's IPC"}


def pod_privilege(subject: Subject) -> Iterable[Hit]:
    """K8S-001: a Kubernetes pod or Compose service gains a privilege."""
    templates = tuple(_templates(subject))
    yield from gained(
        subject, privileges, _may_change_pods, elsewhere=frozenset((hit.file, hit.line) for hit in templates)
    )
    yield from templates


def _may_change_pods(delta: Delta) -> bool:
    """Whether the file may describe an object or service, or be a JSON patch."""
    if delta.mentions("apiVersion", "services", *_WORKLOADS) or may_patch(delta):
        return True
    return is_values_file(delta.path) and delta.mentions("ecurityContext", *_HOST)


def _templates(subject: Subject) -> Iterator[Hit]:
    """Lines of templates, which are no YAML yet."""
    for delta in subject.written:
        is_helper = delta.path.endswith(".tpl") and in_deployed_folder(delta, subject)
        if delta.is_docs or not (is_helper or is_deployed(delta, subject)):
            continue
        lines = delta.net_new(_PRIVILEGED_LINE.compiled.match, _PRIVILEGED_LINE.anchors)
        if lines and (is_helper or isinstance(delta.documents_after, Unparsed)):
            asked_lines = _asked_lines(delta.after_lines)
            for line in lines:
                hit = on_line(delta, line, f"A template gains {line.text.strip()}.")
                yield replace(hit, severity=Severity.LOW) if line.number in asked_lines else hit


_ACTION: Final = regex(r"\{\{-?\s{0,8}(if|with|range|define|block|else|end)\b([^{}\n]{0,300})\}\}")
_VALUE: Final = regex(r"\s{0,8}(?:and\s{1,8})?(?:\.Values(?:\.\w{1,80}){1,12}\s{0,8}){1,8}-?\Z")


def _asked_lines(lines: Sequence[str]) -> frozenset[int]:
    """The lines of a template that are only there where a value asks for them, which is off until somebody sets it.

    Source: Helm documentation, "Flow Control".
    """
    open_blocks: list[bool] = []
    asked_lines: set[int] = set()
    for number, line in enumerate(lines, 1):
        for match in _ACTION.finditer(line):
            if match[1] in {"else", "end"} and open_blocks:
                open_blocks.pop()
            if match[1] != "end":
                open_blocks.append(match[1] in {"if", "with"} and _VALUE.match(match[2]) is not None)
        if any(open_blocks):
            asked_lines.add(number)
    return frozenset(asked_lines)


_PRIVILEGED_LINE: Final = LinePattern(
    r"\s{0,80}(?:-\s{1,20})?(privileged:\s*true|host(Network|PID|IPC):\s*true|path:\s*[\"']?/(var/)?run/docker\.sock[\"']?)\s*(#.*)?\Z",
    Anchors(literal_bytes("privileged:", "hostnetwork:", "hostpid:", "hostipc:", "docker.sock")),
)
PATTERNS: Final = (_PRIVILEGED_LINE,)
"""What lines are searched for here."""


_TEMPLATES: Final = (
    ("spec", "jobTargetRef", "template", "spec"),
    ("spec", "podTemplate", "spec"),
    ("spec", "jobTemplate", "spec", "template", "spec"),
    ("spec", "template", "spec"),
    ("template", "spec"),
)


def pod_spec(document: LinedNode) -> LinedNode | None:
    """Where the pod of a workload is described, also in part by a patch; None for objects that run nothing."""
    if document.get("apiVersion") is None and document.text_at("kind") not in _WORKLOADS:
        return None
    for path in _TEMPLATES:
        spec = document.get(*path)
        if spec is not None and isinstance(spec.value, dict):
            return spec
    is_pod = document.having("Pod", "kind") is not None or document.text_at("apiVersion") == "patch"
    return document.get("spec") if is_pod else None


_WORKLOADS: Final = ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "ReplicationController", "CronJob", "Pod")
"""Kinds that name a workload without an ``apiVersion``, too, as in a part of an object that a tool completes."""


def privileges(document: LinedNode) -> Iterator[Fact]:
    """What a Kubernetes workload or a Compose file may do to its host."""
    spec = pod_spec(document)
    if spec is not None:
        yield from _pod(identity(document), spec)
        yield from _annotated(document)
    elif document.text_at("kind") == KIND:
        tree = document.get("values")
        yield from () if tree is None else values_powers(identity(document), tree)
    elif document.text_at("kind") == "PersistentVolume":
        yield from _volume(identity(document), document)
    elif document.text_at("kind") in _PIPELINES and document.get("apiVersion") is not None:
        yield from _anywhere(identity(document), document)
    elif document.get("services") is not None and document.get("apiVersion") is None:
        for name, service in document.items("services"):
            yield from service_powers(name, service)
    elif _is_custom(document):
        workload_spec = document.get("spec")
        yield from () if workload_spec is None else _pod(identity(document), workload_spec)


def _is_custom(document: LinedNode) -> bool:
    """Whether the object is of a kind that an operator adds, whose own spec may have the fields of a pod's, as that of a
    Prometheus has.
    """
    return "." in document.text_at("apiVersion").partition("/")[0].removesuffix(".k8s.io")


_PIPELINES: Final = frozenset(
    {"Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow"}
    | {"Task", "ClusterTask", "TaskRun", "Pipeline", "PipelineRun"}
)
"""Kinds of Argo Workflows ("Field Reference") and Tekton ("Tasks", "Pipelines"), in which pods and containers stand in parts
at many places.
"""


def _anywhere(subject_id: tuple[str, str, str], document: LinedNode) -> Iterator[Fact]:
    """What any part of the object would be allowed as a pod or as a container."""
    waiting, visited = [document], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in visited:
            continue
        visited.add(id(node))
        if isinstance(node.value, dict):
            yield from _pod(subject_id, node)
            yield from _container(subject_id, f"{subject_id[0]} {subject_id[2]}", node)
            waiting += node.value.values()
        elif isinstance(node.value, list):
            waiting += node.value


def _annotated(document: LinedNode) -> Iterator[Fact]:
    """AppArmor as it was switched off before it had a field (Kubernetes documentation, "Restrict a Container's Access to
    Resources with AppArmor").
    """
    subject_id = identity(document)
    for path in ((), *(path[:-1] for path in _TEMPLATES)):
        for name, node in document.items(*path, "metadata", "annotations"):
            if name.startswith("container.apparmor.security.beta.kubernetes.io/") and node.raw == "unconfined":
                label = f"{subject_id[0]} {subject_id[2]}"
                yield Fact((*subject_id, "apparmor", name), node.line, f"{label} runs without an AppArmor profile.")


def _volume(subject_id: tuple[str, str, str], volume: LinedNode) -> Iterator[Fact]:
    """A volume of a host for whoever claims it (Kubernetes documentation, "Persistent Volumes", types)."""
    for kind in ("hostPath", "local"):
        path = volume.get("spec", kind, "path")
        if path is not None and DANGEROUS_PATH.match(path.raw):
            yield Fact(
                (*subject_id, "hostPath", path.raw),
                path.line,
                f"{subject_id[0]} {subject_id[2]} is {path.raw} of the host.",
            )


def _pod(subject_id: tuple[str, str, str], spec: LinedNode) -> Iterator[Fact]:
    label = f"{subject_id[0]} {subject_id[2]}"
    for field, description in _HOST.items():
        if node := spec.having(True, field):
            yield Fact((*subject_id, field), node.line, f"{label} shares {description}.")
    yield from _user(subject_id, "", label, spec)
    for setting in spec.elements("securityContext", "sysctls"):
        if setting.text_at("name") and setting.text_at("name") not in _SAFE_SYSCTLS:
            text = f"{label} sets {setting.text_at('name')[:80]}, which reaches beyond its pod."
            yield Fact((*subject_id, "sysctl", setting.text_at("name")), setting.line, text, Severity.LOW)
    for volume in spec.elements("volumes"):
        path = volume.get("hostPath", "path")
        if path is not None and DANGEROUS_PATH.match(path.raw):
            yield Fact((*subject_id, "hostPath", path.raw), path.line, f"{label} mounts {path.raw} of the host.")
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.elements(field):
            yield from _container(subject_id, label, container)


def _container(subject_id: tuple[str, str, str], pod: str, container: LinedNode) -> Iterator[Fact]:
    name = container.text_at("name")
    label = f"Container {name} of {pod}" if name else f"A container of {pod}"
    for field, value, power in _CONTAINER_POWERS:
        if node := container.having(value, "securityContext", field):
            yield Fact((*subject_id, name, field), node.line, f"{label} {power}.")
    for port in container.elements("ports"):
        node = port.get("hostPort")
        if node is not None and node.raw not in {"", "0"}:
            yield Fact(
                (*subject_id, name, "hostPort", node.raw),
                node.line,
                f"{label} takes port {node.raw} of its host.",
                Severity.LOW,
            )
    yield from capabilities((*subject_id, name), label, container.elements("securityContext", "capabilities", "add"))
    yield from _user(subject_id, name, label, container)


_CONTAINER_POWERS: Final = (
    ("privileged", True, "is privileged: it has all of the host's powers"),
    ("allowPrivilegeEscalation", True, "may gain more privileges than its parent"),
    ("procMount", "Unmasked", "sees an unmasked /proc"),
)


def _user(subject_id: tuple[str, str, str], container: str, label: str, described: LinedNode) -> Iterator[Fact]:
    """Running as root, said explicitly, and confinement switched off."""
    if node := described.having(False, "securityContext", "runAsNonRoot"):
        text = f"{label} may run as root (runAsNonRoot: false)."
        yield Fact((*subject_id, container, "nonroot"), node.line, text, Severity.LOW)
    if user := described.having(0, "securityContext", "runAsUser"):
        yield Fact((*subject_id, container, "uid0"), user.line, f"{label} runs as root (uid 0).")
    if profile := described.having("Unconfined", "securityContext", "seccompProfile", "type"):
        yield Fact((*subject_id, container, "seccomp"), profile.line, f"{label} runs without a seccomp profile.")
    if profile := described.having("Unconfined", "securityContext", "appArmorProfile", "type"):
        yield Fact((*subject_id, container, "apparmor"), profile.line, f"{label} runs without an AppArmor profile.")
    if node := described.having(True, "securityContext", "windowsOptions", "hostProcess"):
        yield Fact(
            (*subject_id, container, "hostProcess"), node.line, f"{label} runs as a process of its Windows host."
        )
    for field, node in described.items("securityContext", "seLinuxOptions"):
        if node.raw and (field in {"user", "role"} or (field == "type" and node.raw not in _SELINUX_TYPES)):
            text = f"{label} chooses its SELinux {field} itself: {node.raw[:60]}."
            yield Fact((*subject_id, container, "selinux", field, node.raw), node.line, text)


# Pod Security Standards, Baseline, "SELinux".
_SELINUX_TYPES: Final = frozenset({"container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
