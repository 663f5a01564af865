"""K8S-001 and K8S-002: workloads and roles that gain power, compared as sets of facts before and after the change.

A fact is keyed by what it is about (object, container, capability), not by where it is written, so a manifest that was
moved, re-indented or split keeps its facts and is quiet. The same facts are read from what targets render to: a value of a
chart or a patch gives powers that no manifest names.

What counts as a power: Kubernetes documentation, "Pod Security Standards" (host namespaces, privileged containers, HostPath,
capabilities, seccomp, running as root) and "Role Based Access Control Good Practices"; for Compose the same by the engine's
names for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from bot.guardrails.classify import is_vendored, is_yaml_or_json
from bot.guardrails.hunks import Delta
from bot.guardrails.rendered import RenderedChange
from bot.guardrails.rule import Fact, Hit, Subject, on_line
from bot.guardrails.structure import Documents, Unparsed
from bot.intake.lined import LinedNode
from bot.model.finding import FileStatus

MAX_OBJECTS: Final = 5000
_DANGEROUS_PATH: Final = re.compile(
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
_HOST: Final = {"hostNetwork": "the host's network", "hostPID": "the host's processes", "hostIPC": "the host's IPC"}


Facts: TypeAlias = Callable[[LinedNode], Iterator[Fact]]


def pod_privilege(subject: Subject) -> Iterable[Hit]:
    """K8S-001: a Kubernetes pod or Compose service gains a privilege."""
    templates = tuple(_templates(subject))
    yield from gained(subject, privileges, elsewhere=frozenset((hit.file, hit.line) for hit in templates))
    yield from templates


def _templates(subject: Subject) -> Iterator[Hit]:
    """Lines of templates, which are no YAML yet."""
    for delta in subject.written:
        if is_deployed(delta) and isinstance(delta.documents_after, Unparsed) and not delta.is_docs:
            for line in delta.net_new(_PRIVILEGED_LINE.match):
                yield on_line(delta, line, f"A template gains {line.text.strip()}.")


_PRIVILEGED_LINE: Final = re.compile(
    r"\s{0,80}(?:-\s{1,20})?(privileged:\s*true|host(Network|PID|IPC):\s*true|path:\s*[\"']?/(var/)?run/docker\.sock[\"']?)\s*(#.*)?\Z"
)


def rbac_wildcard(subject: Subject) -> Iterable[Hit]:
    """K8S-002: a role gains a wildcard, or somebody becomes cluster-admin."""
    yield from gained(subject, powers)


def gained(
    subject: Subject, facts: Facts, *, elsewhere: frozenset[tuple[str | None, int | None]] = frozenset()
) -> Iterator[Hit]:
    """A hit for every fact that holds after the change and did not hold anywhere in it before.

    What a file says is told once: rendered objects add what stands in none, nor on a line that is told ``elsewhere``.
    """
    files = [delta for delta in subject.deltas if is_deployed(delta)]
    before = {fact.key for delta in files for fact in _facts(delta.documents_before, facts)}
    seen: set[tuple[str, ...]] = set()
    lines = set(elsewhere)
    for delta in files:
        for fact in _facts(delta.documents_after, facts):
            if fact.key not in before and fact.key not in seen:
                seen.add(fact.key)
                lines.add((delta.path, fact.line))
                yield fact.hit(delta)
    for power in _rendered_powers(subject.facts.rendered, facts, frozenset(_anywhere(key) for key in seen)):
        if power.location not in lines:
            yield power.hit()


@dataclass(frozen=True, slots=True)
class _RenderedPower:
    """A power that rendered objects gain, with the targets that they are of and the line that gives it."""

    fact: Fact
    location: tuple[str | None, int | None]
    evidence: str
    targets: list[str]

    def hit(self) -> Hit:
        """The hit on that line."""
        file, line = self.location
        return Hit(
            file,
            line,
            f"{self.fact.message} So it is rendered for {', '.join(self.targets)}.",
            evidence=self.evidence,
            anchor="/".join(("rendered", *self.fact.key)),
        )


def _rendered_powers(
    changes: Iterable[RenderedChange], facts: Facts, written: frozenset[tuple[str, ...]]
) -> Iterable[_RenderedPower]:
    """The powers that rendered objects gain, but for what is ``written`` in a file of the change.

    Each target is weighed by itself: what one loses, another does not gain for nothing. One that is new is weighed
    against those that are gone, since it may only have been renamed. A line that gives several targets the same power
    counts once.
    """
    changes = tuple(changes)
    gone = {key for change in changes if change.status is FileStatus.REMOVED for key in _held(change, facts)}
    powers: dict[tuple[object, ...], _RenderedPower] = {}
    for change in changes:
        before = gone if change.status is FileStatus.ADDED else _held(change, facts)
        nodes = change.nodes_after
        for fact in {fact.key: fact for fact in _facts(nodes.documents, facts)}.values():
            if fact.key in before or _anywhere(fact.key) in written:
                continue
            location = change.locate(*nodes.places[fact.line])
            power = _RenderedPower(fact, location, nodes.shown(fact.line), [])
            powers.setdefault((location, _anywhere(fact.key)), power).targets.append(change.target)
    return powers.values()


def _held(change: RenderedChange, facts: Facts) -> set[tuple[str, ...]]:
    return {fact.key for fact in _facts(change.nodes_before.documents, facts)}


def _anywhere(key: tuple[str, ...]) -> tuple[str, ...]:
    """The key of a fact without its namespace, which an overlay may set."""
    return (key[0], *key[2:])


def is_deployed(delta: Delta) -> bool:
    """Whether the file is YAML or JSON that something may really run: not test data, not somebody else's."""
    return is_yaml_or_json(delta.path) and not delta.unread and not delta.is_test and not is_vendored(delta.path)


def _facts(documents: Documents, facts: Facts) -> Iterator[Fact]:
    if isinstance(documents, Unparsed):
        return
    for number, document in enumerate(objects(documents)):
        if number >= MAX_OBJECTS:
            return
        yield from facts(document)


def objects(documents: Iterable[LinedNode]) -> Iterator[LinedNode]:
    """Every object: documents themselves and the items of List kinds."""
    for document in documents:
        items = document.get("items")
        if document.word("kind").endswith("List") and items is not None:
            yield from items.elements()
        else:
            yield document


def _name(document: LinedNode) -> tuple[str, str, str]:
    name = document.word("metadata", "name") or document.word("metadata", "generateName")
    return document.word("kind"), document.word("metadata", "namespace"), name


_TEMPLATES: Final = (
    ("spec", "jobTemplate", "spec", "template", "spec"),
    ("spec", "template", "spec"),
    ("template", "spec"),
)


def pod_spec(document: LinedNode) -> LinedNode | None:
    """Where the pod of a workload is described; None for objects that run nothing."""
    if document.get("apiVersion") is None:
        return None
    for path in _TEMPLATES:
        spec = document.get(*path)
        if spec is not None and spec.get("containers") is not None:
            return spec
    return document.get("spec") if document.having("Pod", "kind") else None


def privileges(document: LinedNode) -> Iterator[Fact]:
    """What a Kubernetes workload or a Compose file may do to its host."""
    spec = pod_spec(document)
    if spec is not None:
        yield from _pod(_name(document), spec)
    elif document.get("services") is not None and document.get("apiVersion") is None:
        for name, service in document.items("services"):
            yield from _service(name, service)


def _pod(who: tuple[str, str, str], spec: LinedNode) -> Iterator[Fact]:
    label = f"{who[0]} {who[2]}"
    for field, what in _HOST.items():
        if node := spec.having(True, field):
            yield Fact((*who, field), node.line, f"{label} shares {what}.")
    yield from _user(who, "", label, spec)
    for volume in spec.elements("volumes"):
        path = volume.get("hostPath", "path")
        if path is not None and _DANGEROUS_PATH.match(path.raw):
            yield Fact((*who, "hostPath", path.raw), path.line, f"{label} mounts {path.raw} of the host.")
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.elements(field):
            yield from _container(who, label, container)


def _container(who: tuple[str, str, str], pod: str, container: LinedNode) -> Iterator[Fact]:
    name = container.word("name")
    label = f"Container {name} of {pod}"
    for field, value, power in _CONTAINER_POWERS:
        if node := container.having(value, "securityContext", field):
            yield Fact((*who, name, field), node.line, f"{label} {power}.")
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


def powers(document: LinedNode) -> Iterator[Fact]:
    """Wildcards in roles and bindings to cluster-admin."""
    who = _name(document)
    label = f"{who[0]} {who[2]}"
    if who[0] in {"Role", "ClusterRole"}:
        for rule in document.elements("rules"):
            resources = {element.raw for element in rule.elements("resources")}
            for field in ("verbs", "resources", "apiGroups"):
                for element in rule.elements(field):
                    if element.value == "*" and (field != "apiGroups" or "*" in resources):
                        about = ",".join(sorted(resources)) if field == "verbs" else ""
                        yield Fact((*who, field, about), element.line, f'{label} allows all {field} ("*").')
    elif who[0] in {"RoleBinding", "ClusterRoleBinding"} and (
        role := document.having("cluster-admin", "roleRef", "name")
    ):
        for grantee in document.elements("subjects"):
            name = grantee.word("name")
            yield Fact((*who, "cluster-admin", name), role.line, f"{label} makes {name} cluster-admin.")
