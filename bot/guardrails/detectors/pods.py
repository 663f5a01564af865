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
from bot.guardrails.rule import Hit, Subject
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


@dataclass(frozen=True, slots=True)
class Fact:
    """One power that an object has. ``key`` identifies it over a change; the rest tells people about it."""

    key: tuple[str, ...]
    line: int
    message: str


Facts: TypeAlias = Callable[[LinedNode], Iterator[Fact]]


def pod_privilege(subject: Subject) -> Iterable[Hit]:
    """K8S-001: a Kubernetes pod or Compose service gains a privilege."""
    templates = tuple(_templates(subject))
    yield from gained(
        subject,
        privileges,
        suggestion="Drop the privilege, or narrow it to the one capability, path or user the workload needs.",
        elsewhere=frozenset((hit.file, hit.line) for hit in templates),
    )
    yield from templates


def _templates(subject: Subject) -> Iterator[Hit]:
    """Lines of templates, which are no YAML yet."""
    for delta in subject.written:
        if is_deployed(delta) and isinstance(delta.documents_after, Unparsed) and not delta.is_docs:
            for line in delta.net_new(lambda line: _PRIVILEGED_LINE.match(line.text) is not None):
                yield Hit(delta.path, line.number, f"A template gains {line.text.strip()}.", evidence=line.text.strip())


_PRIVILEGED_LINE: Final = re.compile(
    r"\s{0,80}(?:-\s{1,20})?(privileged:\s*true|host(Network|PID|IPC):\s*true|path:\s*[\"']?/(var/)?run/docker\.sock[\"']?)\s*(#.*)?\Z"
)


def rbac_wildcard(subject: Subject) -> Iterable[Hit]:
    """K8S-002: a role gains a wildcard, or somebody becomes cluster-admin."""
    yield from gained(
        subject, powers, suggestion="Name the verbs and resources that are needed; bind a role of the namespace."
    )


def gained(
    subject: Subject,
    facts: Facts,
    *,
    suggestion: str,
    elsewhere: frozenset[tuple[str | None, int | None]] = frozenset(),
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
                yield Hit(
                    delta.path,
                    fact.line,
                    fact.message,
                    evidence=_line(delta, fact.line),
                    suggestion=suggestion,
                    anchor="/".join(fact.key),
                )
    for power in _rendered_powers(subject.facts.rendered, facts, frozenset(_anywhere(key) for key in seen)):
        if power.location not in lines:
            yield power.hit(suggestion)


@dataclass(frozen=True, slots=True)
class _RenderedPower:
    """A power that rendered objects gain, with the targets that they are of and the line that gives it."""

    fact: Fact
    location: tuple[str | None, int | None]
    evidence: str
    targets: list[str]

    def hit(self, suggestion: str) -> Hit:
        """The hit on that line."""
        file, line = self.location
        return Hit(
            file,
            line,
            f"{self.fact.message} So it is rendered for {', '.join(self.targets)}.",
            evidence=self.evidence,
            suggestion=suggestion,
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


def _line(delta: Delta, number: int) -> str | None:
    return delta.after_lines[number - 1].strip()[:120] if number <= len(delta.after_lines) else None


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


def pod_spec(document: LinedNode) -> LinedNode | None:
    """Where the pod of a workload is described; None for objects that run nothing."""
    if document.get("apiVersion") is None:
        return None
    for path in (
        ("spec", "jobTemplate", "spec", "template", "spec"),
        ("spec", "template", "spec"),
        ("template", "spec"),
    ):
        spec = document.get(*path)
        if spec is not None and spec.get("containers") is not None:
            return spec
    kind = document.get("kind")
    return document.get("spec") if kind is not None and kind.value == "Pod" else None


def privileges(document: LinedNode) -> Iterator[Fact]:
    """What a Kubernetes workload or a Compose file may do to its host."""
    spec = pod_spec(document)
    if spec is not None:
        yield from _pod(_name(document), spec)
    elif document.get("services") is not None and document.get("apiVersion") is None:
        for name, service in (document.get("services") or document).items():
            yield from _service(name, service)


def _pod(who: tuple[str, str, str], spec: LinedNode) -> Iterator[Fact]:
    label = f"{who[0]} {who[2]}"
    for field, what in _HOST.items():
        node = spec.get(field)
        if node is not None and node.value is True:
            yield Fact((*who, field), node.line, f"{label} shares {what}.")
    yield from _user(who, "", label, spec.get("securityContext"))
    for volume in (spec.get("volumes") or spec).elements():
        path = volume.get("hostPath", "path")
        if path is not None and _DANGEROUS_PATH.match(path.raw):
            yield Fact((*who, "hostPath", path.raw), path.line, f"{label} mounts {path.raw} of the host.")
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for container in (spec.get(field) or spec).elements():
            yield from _container(who, label, container)


def _container(who: tuple[str, str, str], label: str, container: LinedNode) -> Iterator[Fact]:
    name = (container.get("name") or container).raw
    context = container.get("securityContext")
    if context is None:
        return
    where = f"container {name} of {label}"
    for field, message in (
        ("privileged", f"{where} is privileged: it has all of the host's powers."),
        ("allowPrivilegeEscalation", f"{where} may gain more privileges than its parent."),
    ):
        node = context.get(field)
        if node is not None and node.value is True:
            yield Fact((*who, name, field), node.line, message[0].upper() + message[1:])
    for capability in (context.get("capabilities", "add") or context).elements():
        word = capability.raw.upper().removeprefix("CAP_")
        if word in _CAPABILITIES:
            yield Fact((*who, name, "cap", word), capability.line, f"{where[0].upper()}{where[1:]} gains {word}.")
    mount = context.get("procMount")
    if mount is not None and mount.value == "Unmasked":
        yield Fact((*who, name, "procMount"), mount.line, f"{where[0].upper()}{where[1:]} sees an unmasked /proc.")
    yield from _user(who, name, where, context)


def _user(who: tuple[str, str, str], container: str, where: str, context: LinedNode | None) -> Iterator[Fact]:
    """Running as root, said explicitly, and confinement switched off."""
    if context is None:
        return
    subject = where[0].upper() + where[1:]
    user = context.get("runAsUser")
    if user is not None and user.value == 0 and not isinstance(user.value, bool):
        yield Fact((*who, container, "uid0"), user.line, f"{subject} runs as root (uid 0).")
    profile = context.get("seccompProfile", "type")
    if profile is not None and profile.value == "Unconfined":
        yield Fact((*who, container, "seccomp"), profile.line, f"{subject} runs without a seccomp profile.")


def _service(name: str, service: LinedNode) -> Iterator[Fact]:
    who = ("service", "", name)
    node = service.get("privileged")
    if node is not None and node.value is True:
        yield Fact((*who, "privileged"), node.line, f"Service {name} is privileged: it has all of the host's powers.")
    for field, what in (("pid", "processes"), ("network_mode", "network"), ("ipc", "IPC"), ("userns_mode", "users")):
        node = service.get(field)
        if node is not None and node.value == "host":
            yield Fact((*who, field), node.line, f"Service {name} shares the host's {what}.")
    for capability in service.elements("cap_add"):
        word = capability.raw.upper().removeprefix("CAP_")
        if word in _CAPABILITIES:
            yield Fact((*who, "cap", word), capability.line, f"Service {name} gains {word}.")
    for volume in service.elements("volumes"):
        source = volume.get("source")
        path = volume.raw.split(":")[0] if source is None else source.raw
        if path.startswith("/") and _DANGEROUS_PATH.match(path):
            line = volume.line if source is None else source.line
            yield Fact((*who, "mount", path), line, f"Service {name} mounts {path} of the host.")
    for option in service.elements("security_opt"):
        if re.fullmatch(r"(seccomp|apparmor)[:=]unconfined|label[:=]disable", option.raw):
            yield Fact((*who, "security_opt", option.raw), option.line, f"Service {name} runs with {option.raw}.")
    node = service.get("user")
    if node is not None and node.raw in {"0", "root", "0:0"}:
        yield Fact((*who, "uid0"), node.line, f"Service {name} is set to run as root.")


def powers(document: LinedNode) -> Iterator[Fact]:
    """Wildcards in roles and bindings to cluster-admin."""
    who = _name(document)
    if who[0] in {"Role", "ClusterRole"}:
        for rule in (document.get("rules") or document).elements():
            for field in ("verbs", "resources", "apiGroups"):
                for element in rule.elements(field):
                    if element.value == "*" and (field != "apiGroups" or _names_all(rule)):
                        about = "" if field != "verbs" else ",".join(sorted(_raw(rule, "resources")))
                        yield Fact((*who, field, about), element.line, f'{who[0]} {who[2]} allows all {field} ("*").')
    elif who[0] in {"RoleBinding", "ClusterRoleBinding"}:
        role = document.get("roleRef", "name")
        if role is not None and role.value == "cluster-admin":
            for grantee in (document.get("subjects") or document).elements():
                name = (grantee.get("name") or grantee).raw
                yield Fact((*who, "cluster-admin", name), role.line, f"{who[0]} {who[2]} makes {name} cluster-admin.")


def _names_all(rule: LinedNode) -> bool:
    return "*" in _raw(rule, "resources")


def _raw(rule: LinedNode, field: str) -> list[str]:
    return [element.raw for element in rule.elements(field)]
