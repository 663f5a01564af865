"""Rules of a cluster that refuse less than before: webhooks, policies and what services accept. A part of K8S-002.

Sources: Kubernetes documentation, "Dynamic Admission Control" (failurePolicy) and "Validating Admission Policy"
(validationActions); Kyverno documentation, "Validate Rules" (failureAction); Gatekeeper documentation, "Handling Constraint
Violations" (enforcementAction); Istio documentation, "PeerAuthentication" (mtls.mode).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bot.guardrails.detectors.gains import is_deployed, objects
from bot.guardrails.earlier import earlier
from bot.guardrails.rule import Hit, Subject
from bot.guardrails.structure import Documents, parsed
from bot.intake.lined_node import LinedNode

_KEYWORDS: Final = (
    "failurePolicy",
    "WebhookConfiguration",
    "AdmissionPolicy",
    "ailureAction",
    "gatekeeper.sh",
    "PeerAuth",
)
_GATEKEEPER: Final = "constraints.gatekeeper.sh/"
_Key = tuple[str, str, str, str]
"""Kind, namespace, name, and the part of it."""


@dataclass(frozen=True, slots=True)
class _Strictness:
    """What a rule does with what breaks it, in its own word, and whether it refuses that."""

    refuses: bool
    action: str
    line: int


def loosened_rules(subject: Subject) -> Iterator[Hit]:
    """Rules that refused something at base and do not any more."""
    files = [delta for delta in subject.deltas if is_deployed(delta, subject) and delta.mentions(*_KEYWORDS)]
    before = earlier(
        files,
        lambda delta: _strictest(delta.documents_before),
        lambda delta: (key for key, _ in _rules(delta.documents_after)),
    )
    for delta in files:
        for key, rule in _rules(delta.documents_after):
            old = before[delta.path].get(key)
            if old is not None and old.refuses and not rule.refuses:
                kind, namespace, name, part = key
                title = f"{kind} {f'{namespace}/' if namespace else ''}{name}{f', {part},' if part else ''}"
                text = f"{title} no longer refuses what breaks it: {rule.action}, it was {old.action}."
                yield Hit(delta.path, rule.line, text, anchor="/".join(key))


def _strictest(documents: Documents) -> Mapping[_Key, _Strictness]:
    """The rules of a file; where it has several of one name, one that refuses."""
    rules: dict[_Key, _Strictness] = {}
    for key, rule in _rules(documents):
        if key not in rules or rule.refuses:
            rules[key] = rule
    return rules


def _rules(documents: Documents) -> Iterator[tuple[_Key, _Strictness]]:
    for document in objects(parsed(documents)):
        kind = document.text_at("kind")
        namespace, name = (document.text_at("metadata", key) for key in ("namespace", "name"))
        for part, rule in _of(kind, document):
            yield (kind, namespace, name, part), rule


def _of(kind: str, document: LinedNode) -> Iterator[tuple[str, _Strictness]]:
    if kind in {"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"}:
        for webhook in document.elements("webhooks"):
            yield webhook.text_at("name"), _strictness_of(webhook, ("failurePolicy",), "Fail", loose="ignore")
    elif kind in {"ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"}:
        yield "", _strictness_of(document, ("spec", "failurePolicy"), "Fail", loose="ignore")
    elif kind == "ValidatingAdmissionPolicyBinding":
        actions = document.elements("spec", "validationActions")
        names = [action.raw for action in actions]
        yield (
            "",
            _Strictness("Deny" in names, ", ".join(names) or "nothing", actions[0].line if actions else document.line),
        )
    elif kind in {"ClusterPolicy", "Policy"}:
        failure_action = document.text_at("spec", "validationFailureAction") or "Audit"
        for rule in document.elements("spec", "rules"):
            yield (
                rule.text_at("name"),
                _strictness_of(rule, ("validate", "failureAction"), failure_action, loose="audit"),
            )
    elif kind == "PeerAuthentication":
        yield "", _strictness_of(document, ("spec", "mtls", "mode"), "PERMISSIVE", loose="permissive|disable|unset")
    elif document.text_at("apiVersion").startswith(_GATEKEEPER):
        yield "", _strictness_of(document, ("spec", "enforcementAction"), "deny", loose="dryrun|warn")


def _strictness_of(document: LinedNode, path: tuple[str, ...], default: str, *, loose: str) -> _Strictness:
    node = document.get(*path)
    action, line = (default, document.line) if node is None or not node.raw else (node.raw, node.line)
    return _Strictness(action.lower() not in loose.split("|"), action, line)
