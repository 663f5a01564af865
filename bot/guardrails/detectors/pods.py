"""K8S-001: pods and services that gain privileges over their host.

What counts as one: Kubernetes documentation, "Pod Security Standards" (host namespaces, host ports, privileged containers,
HostPath, capabilities, seccomp, running as root); for Compose the same by the engine's names for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from bot.guardrails.anchors import Anchors, LinePattern, words
from bot.guardrails.detectors.gains import gained, identity, is_deployed
from bot.guardrails.hunks import Delta
from bot.guardrails.rule import Fact, Hit, Subject, on_line
from bot.guardrails.structure import Unparsed
from bot.intake.lined_node import LinedNode
from bot.model.patterns import regex
from bot.model.severity import Severity

_DANGEROUS_PATH: Final = regex(
    r"/+\Z|/(var/)?run(/(docker|containerd|crio|podman)\b.*)?/?\Z|/(etc|root|proc|sys|dev|boot|home)/*\Z|/etc/kubernetes|"
    r"/var/lib/(kubelet|docker|containerd)\b|.*/(docker|containerd|crio|podman)\.sock\Z"
)
# Those that amount to the host or to another's processes: capabilities(7).
_CAPABILITIES: Final = frozenset(
    [
        "ALL",
        "SYS_ADMIN",
        "SYS_MODULE",
        "SYS_PTRACE",
        "SYS_RAWIO",
        "SYS_BOOT",
        "BPF",
        "DAC_READ_SEARCH",
        "MAC_ADMIN",
        "NET_ADMIN",
    ]
)
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
    yield from gained(subject, privileges, _tells, elsewhere=frozenset((hit.file, hit.line) for hit in templates))
    yield from templates


def _tells(delta: Delta) -> bool:
    """Whether the file may describe an object or service, or be a JSON patch."""
    return delta.says("apiVersion", "services") or any(
        _OPERATION.search(side or "") for side in (delta.before, delta.after)
    )


_OPERATION: Final = regex(r"op(?<![\w-]op)[\s\"':]")


def _templates(subject: Subject) -> Iterator[Hit]:
    """Lines of templates, which are no YAML yet."""
    for delta in subject.written:
        if not is_deployed(delta, subject) or delta.is_docs:
            continue
        lines = delta.net_new(_PRIVILEGED_LINE.compiled.match, _PRIVILEGED_LINE.anchors)
        if lines and isinstance(delta.documents_after, Unparsed):
            for line in lines:
                yield on_line(delta, line, f"A template gains {line.text.strip()}.")


_PRIVILEGED_LINE: Final = LinePattern(
    r"\s{0,80}(?:-\s{1,20})?(privileged:\s*true|host(Network|PID|IPC):\s*true|path:\s*[\"']?/(var/)?run/docker\.sock[\"']?)\s*(#.*)?\Z",
    Anchors(words("privileged:", "hostnetwork:", "hostpid:", "hostipc:", "docker.sock")),
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
    if document.get("apiVersion") is None:
        return None
    for path in _TEMPLATES:
        spec = document.get(*path)
        if spec is not None and isinstance(spec.value, dict):
            return spec
    is_pod = document.having("Pod", "kind") is not None or document.word("apiVersion") == "patch"
    return document.get("spec") if is_pod else None


def privileges(document: LinedNode) -> Iterator[Fact]:
    """What a Kubernetes workload or a Compose file may do to its host."""
    spec = pod_spec(document)
    if spec is not None:
        yield from _pod(identity(document), spec)
    elif document.get("services") is not None and document.get("apiVersion") is None:
        for name, service in document.items("services"):
            yield from _service(name, service)


def _pod(who: tuple[str, str, str], spec: LinedNode) -> Iterator[Fact]:
    label = f"{who[0]} {who[2]}"
    for field, what in _HOST.items():
        if node := spec.having(True, field):
            yield Fact((*who, field), node.line, f"{label} shares {what}.")
    yield from _user(who, "", label, spec)
    for setting in spec.elements("securityContext", "sysctls"):
        if setting.word("name") and setting.word("name") not in _SAFE_SYSCTLS:
            text = f"{label} sets {setting.word('name')[:80]}, which reaches beyond its pod."
            yield Fact((*who, "sysctl", setting.word("name")), setting.line, text, Severity.LOW)
    for volume in spec.elements("volumes"):
        path = volume.get("hostPath", "path")
        if path is not None and _DANGEROUS_PATH.match(path.raw):
            yield Fact((*who, "hostPath", path.raw), path.line, f"{label} mounts {path.raw} of the host.")
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.elements(field):
            yield from _container(who, label, container)


def _container(who: tuple[str, str, str], pod: str, container: LinedNode) -> Iterator[Fact]:
    name = container.word("name")
    label = f"Container {name} of {pod}" if name else f"A container of {pod}"
    for field, value, power in _CONTAINER_POWERS:
        if node := container.having(value, "securityContext", field):
            yield Fact((*who, name, field), node.line, f"{label} {power}.")
    for port in container.elements("ports"):
        node = port.get("hostPort")
        if node is not None and node.raw not in {"", "0"}:
            yield Fact(
                (*who, name, "hostPort", node.raw),
                node.line,
                f"{label} takes port {node.raw} of its host.",
                Severity.LOW,
            )
    yield from _capabilities((*who, name), label, container.elements("securityContext", "capabilities", "add"))
    yield from _user(who, name, label, container)


_CONTAINER_POWERS: Final = (
    ("privileged", True, "is privileged: it has all of the host's powers"),
    ("allowPrivilegeEscalation", True, "may gain more privileges than its parent"),
    ("procMount", "Unmasked", "sees an unmasked /proc"),
)


def _capabilities(who: tuple[str, ...], label: str, added: Iterable[LinedNode]) -> Iterator[Fact]:
    for capability in added:
        word = capability.raw.upper().removeprefix("CAP_")
        if word in _CAPABILITIES:
            yield Fact((*who, "cap", word), capability.line, f"{label} gains {word}.")


def _user(who: tuple[str, str, str], container: str, label: str, described: LinedNode) -> Iterator[Fact]:
    """Running as root, said explicitly, and confinement switched off."""
    if user := described.having(0, "securityContext", "runAsUser"):
        yield Fact((*who, container, "uid0"), user.line, f"{label} runs as root (uid 0).")
    if profile := described.having("Unconfined", "securityContext", "seccompProfile", "type"):
        yield Fact((*who, container, "seccomp"), profile.line, f"{label} runs without a seccomp profile.")


def _service(name: str, service: LinedNode) -> Iterator[Fact]:
    who, label = ("service", "", name), f"Service {name}"
    if node := service.having(True, "privileged"):
        yield Fact((*who, "privileged"), node.line, f"{label} is privileged: it has all of the host's powers.")
    for field, what in (("pid", "processes"), ("network_mode", "network"), ("ipc", "IPC"), ("userns_mode", "users")):
        if node := service.having("host", field):
            yield Fact((*who, field), node.line, f"{label} shares the host's {what}.")
    yield from _capabilities(who, label, service.elements("cap_add"))
    for volume in service.elements("volumes"):
        source = volume.get("source") or volume
        path = source.raw.split(":")[0]
        if path.startswith("/") and _DANGEROUS_PATH.match(path):
            yield Fact((*who, "mount", path), source.line, f"{label} mounts {path} of the host.")
    for option in service.elements("security_opt"):
        if re.fullmatch(r"(seccomp|apparmor)[:=]unconfined|label[:=]disable", option.raw):
            yield Fact((*who, "security_opt", option.raw), option.line, f"{label} runs with {option.raw}.")
    user = service.get("user")
    if user is not None and user.raw in {"0", "root", "0:0"}:
        yield Fact((*who, "uid0"), user.line, f"{label} is set to run as root.")
