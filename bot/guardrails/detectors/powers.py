"""K8S-002: roles, bindings, webhooks and namespaces that give more away than before.

Sources: Kubernetes documentation, "Role Based Access Control Good Practices" (wildcards, escalate, bind, impersonate, listing
secrets, the groups system:unauthenticated and system:authenticated), "Using RBAC Authorization" (default roles),
"Dynamic Admission Control" and "Enforce Pod Security Standards with Namespace Labels".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from bot.guardrails.detectors.admission import loosened_rules
from bot.guardrails.detectors.gains import gained, identity, is_deployed, may_patch, objects
from bot.guardrails.detectors.patches import patched
from bot.guardrails.earlier import earlier
from bot.guardrails.hunks import Delta
from bot.guardrails.rule import Fact, Hit, Subject
from bot.guardrails.structure import Documents, parsed
from bot.intake.lined_node import LinedNode
from bot.model.severity import Severity

_CLIMBS: Final = {
    "escalate": "may give a role rights that its holder has not",
    "bind": "may bind any role to anybody",
    "impersonate": "may act as somebody else",
}
_WRITES: Final = frozenset({"create", "update", "patch", "delete", "deletecollection", "*"})
_KEYS: Final = (
    (
        {"mutatingwebhookconfigurations", "validatingwebhookconfigurations"},
        _WRITES,
        "may rewrite or wave through every object",
    ),
    ({"signers"}, frozenset({"approve", "sign", "*"}), "may make certificates for anybody"),
    (
        {"certificatesigningrequests/approval"},
        frozenset({"update", "patch", "*"}),
        "may approve certificates for anybody",
    ),
    ({"persistentvolumes"}, frozenset({"create", "*"}), "may mount any path of a host by a volume"),
    ({"serviceaccounts/token"}, frozenset({"create", "*"}), "may act as any service account that it reaches"),
    (
        {"pods/exec", "pods/attach"},
        frozenset({"create", "get", "*"}),
        "may run commands in every pod that it reaches",
    ),
    ({"nodes/proxy"}, frozenset({"get", "create", "*"}), "may run commands in every pod of a node"),
)
"""Resources that are a way up, which operators often need all the same: "Role Based Access Control Good Practices",
privilege escalation risks.
"""
_READS: Final = frozenset({"get", "list", "watch"})
_EVERYBODY: Final = frozenset({"system:anonymous", "system:unauthenticated", "system:authenticated"})
_ACCOUNTS: Final = "system:serviceaccounts"
_STRONG: Final = frozenset({"cluster-admin", "admin", "edit"})
_DISCOVERY: Final = frozenset(
    {"system:public-info-viewer", "system:discovery", "system:basic-user", "system:service-account-issuer-discovery"}
)
"""Roles that are bound to everybody in every cluster ("Using RBAC Authorization", API discovery roles)."""
_ENFORCE: Final = "pod-security.kubernetes.io/enforce"
_LEVELS: Final = {"restricted": 2, "baseline": 1}
"""How much a level forbids; ``privileged``, none and any other word forbid nothing."""


def rbac_wildcard(subject: Subject) -> Iterable[Hit]:
    """K8S-002: a role gains a wildcard or a way up, somebody becomes cluster-admin, a namespace is opened, or a rule of
    admission refuses less.
    """
    yield from gained(subject, powers, _may_change_powers)
    yield from _loosened(subject)
    yield from loosened_rules(subject)


def _may_change_powers(delta: Delta) -> bool:
    return delta.mentions("Role", "WebhookConfiguration", "SecurityContextConstraints") or may_patch(delta)


def powers(document: LinedNode) -> Iterator[Fact]:
    """What one object gives away."""
    match document.text_at("kind"):
        case "object":  # what a JSON patch writes without saying into what
            for rule in document.elements("rules"):
                if rule.get("verbs") is not None:
                    yield from _rule(identity(document), rule)
            yield from _binding(identity(document), document)
        case "Role" | "ClusterRole":
            for rule in document.elements("rules"):
                yield from _rule(identity(document), rule)
        case "RoleBinding" | "ClusterRoleBinding":
            yield from _binding(identity(document), document)
        case "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration":
            for webhook in document.elements("webhooks"):
                yield from _webhook(identity(document), webhook)
        case "SecurityContextConstraints":
            yield from _constraints(identity(document), document)
        case _:
            return


def _constraints(subject_id: tuple[str, str, str], document: LinedNode) -> Iterator[Fact]:
    """OpenShift documentation, "Managing security context constraints"."""
    for name in (
        "allowPrivilegedContainer",
        "allowHostPID",
        "allowHostIPC",
        "allowHostNetwork",
        "allowHostDirVolumePlugin",
    ):
        if node := document.having(True, name):
            yield Fact(
                (*subject_id, name),
                node.line,
                f"{subject_id[0]} {subject_id[2]} lets pods have what is the host's ({name}).",
            )


def _rule(subject_id: tuple[str, str, str], rule: LinedNode) -> Iterator[Fact]:
    label = f"{subject_id[0]} {subject_id[2]}"
    resources = {element.raw for element in rule.elements("resources")}
    about = ",".join(sorted(resources))
    for field in ("verbs", "resources", "apiGroups"):
        for element in rule.elements(field):
            if element.value == "*" and (field != "apiGroups" or "*" in resources):
                key = (*subject_id, field, about if field == "verbs" else "")
                yield Fact(key, element.line, f'{label} allows all {field} ("*").')
    for element in rule.elements("verbs"):
        if element.raw in _CLIMBS:
            yield Fact(
                (*subject_id, element.raw, about),
                element.line,
                f"{label} {_CLIMBS[element.raw]}: {element.raw} on {about}.",
            )
    for element in rule.elements("nonResourceURLs"):
        if element.raw in {"*", "/*"}:
            yield Fact(
                (*subject_id, "urls"), element.line, f"{label} reaches every path of the API server.", Severity.LOW
            )
    verbs = {element.raw for element in rule.elements("verbs")}
    for element in rule.elements("resources"):
        for names, meaningful_verbs, description in _KEYS:
            if element.raw in names and verbs & meaningful_verbs:
                text = f"{label} {description}: {element.raw}."
                yield Fact((*subject_id, "way", element.raw), element.line, text, Severity.LOW)
    if "secrets" in resources and verbs & (_READS | {"*"}) and not rule.elements("resourceNames"):
        line = next(element.line for element in rule.elements("resources") if element.raw == "secrets")
        yield Fact((*subject_id, "secrets"), line, f"{label} may read every secret that it reaches.", Severity.LOW)


def _binding(subject_id: tuple[str, str, str], binding: LinedNode) -> Iterator[Fact]:
    """A patch may name the role or those that it is given to alone."""
    label, role = f"{subject_id[0]} {subject_id[2]}", binding.get("roleRef", "name")
    grantees = binding.elements("subjects")
    if role is None:
        role = LinedNode("a role", binding.line, binding.line, "a role")
    elif role.raw == "cluster-admin" and not grantees:
        yield Fact((*subject_id, "cluster-admin", ""), role.line, f"{label} makes whom it names cluster-admin.")
    for grantee in grantees:
        name = grantee.text_at("name")
        if role.raw == "cluster-admin":
            yield Fact((*subject_id, "cluster-admin", name), role.line, f"{label} makes {name} cluster-admin.")
        if name == _ACCOUNTS and role.raw not in _DISCOVERY:
            text = f"{label} gives {role.raw} to every service account."
            severity = None if role.raw in _STRONG else Severity.LOW
            yield Fact((*subject_id, "everybody", role.raw), grantee.line, text, severity)
        if name in _EVERYBODY and role.raw not in _DISCOVERY:
            group_text = "whoever reaches the API" if name != "system:authenticated" else "every account"
            yield Fact(
                (*subject_id, "everybody", role.raw),
                grantee.line,
                f"{label} gives {role.raw} to {group_text} ({name}).",
            )


def _webhook(subject_id: tuple[str, str, str], webhook: LinedNode) -> Iterator[Fact]:
    name = webhook.text_at("name")
    label = f"Webhook {name} of {subject_id[2]}"
    url = webhook.get("clientConfig", "url")
    if url is not None:
        yield Fact(
            (*subject_id, name, "url", url.raw),
            url.line,
            f"{label} sends objects out of the cluster, to {url.raw[:100]}.",
        )
    if subject_id[0] != "MutatingWebhookConfiguration":
        return
    for rule in webhook.elements("rules"):
        for resource in rule.elements("resources"):
            if resource.raw in {"*", "*/*", "secrets"}:
                target_text = "secrets" if resource.raw == "secrets" else "every object"
                yield Fact(
                    (*subject_id, name, "rewrites", resource.raw), resource.line, f"{label} may rewrite {target_text}."
                )


def _loosened(subject: Subject) -> Iterator[Hit]:
    """Namespaces whose Pod Security level forbids less than before."""
    files = [
        delta for delta in subject.deltas if is_deployed(delta, subject) and delta.mentions("Namespace", "pod-security")
    ]
    before = earlier(
        files, lambda delta: _namespaces(delta.documents_before), lambda delta: _namespaces(delta.documents_after)
    )
    for delta in files:
        for name, (level, line) in _namespaces(delta.documents_after, patches=True).items():
            was = before[delta.path].get(name)
            yield from _forbids_less(delta, name, None if was is None else was[0], level, line)


def _namespaces(documents: Documents, *, patches: bool = False) -> dict[str, tuple[str, int]]:
    """Level and line by namespace; with ``patches`` also of what patches write, where they are about the level."""
    namespaces: dict[str, tuple[str, int]] = {}
    for document in objects(parsed(documents)):
        if document.text_at("kind") == "Namespace":
            label = document.get("metadata", "labels", _ENFORCE)
            line = document.line if label is None else label.line
            namespaces[document.text_at("metadata", "name")] = ("" if label is None else label.raw, line)
    for document in patched(objects(parsed(documents))) if patches else ():
        label = document.get("metadata", "labels", _ENFORCE)
        if label is not None and document.text_at("kind") in {"Namespace", "object"}:
            namespaces.setdefault(document.text_at("metadata", "name"), (label.raw, label.line))
    return namespaces


def _forbids_less(delta: Delta, name: str, before: str | None, after: str, line: int) -> Iterator[Hit]:
    if before == after or (before is None and after != "privileged"):
        return
    if before is not None and _LEVELS.get(after, 0) >= _LEVELS.get(before, 0):
        return
    was = "" if before is None else f", it was {before}"
    now = f"enforces {after}" if after else "enforces no Pod Security level"
    yield Hit(delta.path, line, f"Namespace {name} {now}{was}.", anchor=f"{name}/{_ENFORCE}")
