"""Which code detects which built-in rule. Titles, severities and texts are in ``policies/guardrails/*.md``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from bot.guardrails.anchors import Anchors, AnchorSet
from bot.guardrails.classify import is_workflow, is_yaml_or_json
from bot.guardrails.detectors import (
    dependencies,
    destruction,
    guarding,
    hygiene,
    integrity,
    links,
    meta,
    pods,
    secrets,
    testing,
    unicode,
)
from bot.guardrails.rule import Detector, Hit, Subject
from bot.secrecy.literals import ScanBackend


def _has_workflow(subject: Subject) -> bool:
    return any(is_workflow(path) for delta in subject.deltas for path in (delta.old_path, delta.path))


# What reads HCL, workflows, objects and projects takes long to load, and few changes have such files.
def _open_ingress(subject: Subject) -> Iterable[Hit]:
    if any(delta.is_hcl for delta in subject.deltas):
        from bot.guardrails.detectors.exposure import open_ingress

        yield from open_ingress(subject)


def _workflow_permissions(subject: Subject) -> Iterable[Hit]:
    if _has_workflow(subject):
        from bot.guardrails.detectors.workflows import workflow_permissions

        yield from workflow_permissions(subject)


def _workflow_trigger(subject: Subject) -> Iterable[Hit]:
    if _has_workflow(subject):
        from bot.guardrails.detectors.workflows import workflow_trigger

        yield from workflow_trigger(subject)


def _workflow_hardening(subject: Subject) -> Iterable[Hit]:
    if _has_workflow(subject):
        from bot.guardrails.detectors.workflows import workflow_hardening

        yield from workflow_hardening(subject)


def _broken_compose(subject: Subject) -> Iterable[Hit]:
    if subject.facts.compose is not None:
        from bot.guardrails.detectors.projects import broken_compose

        yield from broken_compose(subject)


def _rbac_wildcard(subject: Subject) -> Iterable[Hit]:
    if subject.facts.rendered or any(is_yaml_or_json(delta.path) for delta in subject.deltas):
        from bot.guardrails.detectors.powers import rbac_wildcard

        yield from rbac_wildcard(subject)


DETECTORS: Final[Mapping[str, Detector]] = {
    "INT-001": integrity.merge_marker,
    "INT-002": integrity.syntax_regression,
    "INT-003": integrity.elided_code,
    "INT-004": hygiene.placeholder,
    "INT-005": integrity.edit_residue,
    "INT-006": integrity.chat_residue,
    "INT-007": integrity.truncated_file,
    "INT-008": links.escaping_links,
    "INT-009": _broken_compose,
    "DES-001": destruction.mass_delete,
    "DES-002": destruction.many_files_deleted,
    "DES-003": destruction.protection_removed,
    "DES-004": destruction.data_drop,
    "TST-001": testing.test_file_deleted,
    "TST-002": testing.test_removed,
    "TST-003": testing.assert_loss,
    "TST-004": testing.test_skipped,
    "TST-005": testing.tautology,
    "TST-006": testing.gate_lowered,
    "TST-007": testing.suppression,
    "SEC-001": secrets.secret_known,
    "SEC-002": secrets.secret_generic,
    "SEC-003": secrets.credential_in_url,
    "SEC-004": hygiene.tls_off,
    "SEC-005": unicode.bidi,
    "SEC-006": unicode.invisible,
    "SEC-007": unicode.mixed_script,
    "SEC-008": hygiene.pipe_to_shell,
    "K8S-001": pods.pod_privilege,
    "K8S-002": _rbac_wildcard,
    "TF-001": _open_ingress,
    "CI-001": _workflow_permissions,
    "CI-002": _workflow_trigger,
    "CI-003": _workflow_hardening,
    "DEP-001": dependencies.unknown_dependency,
    "DEP-002": dependencies.typosquat,
    "DEP-003": dependencies.lock_tamper,
    "INJ-001": hygiene.reviewer_injection,
    "META-001": meta.guardrail_edit,
    "META-002": guarding.guard_weakened,
    "CW-001": meta.unbounded_change,
}
SYSTEM: Final = ("SYS-001", "SYS-002", "SYS-003", "SYS-004", "SYS-005")
"""Rules about the review itself: change not wholly seen, detector failed, assistant's reply invalid, output never written,
head shared with another pull request.
"""
_ANCHORS: Final = (
    *(
        pattern.anchors
        for detectors in (destruction, hygiene, integrity, pods, testing)
        for pattern in detectors.PATTERNS
    ),
    *secrets.ANCHORS,
    *unicode.ANCHORS,
)


@lru_cache(maxsize=8)
def anchors(backend: ScanBackend, other_anchors: tuple[Anchors, ...] = ()) -> AnchorSet:
    """What all detectors look for in one pass, with ``other_anchors``; the same set for the same ones."""
    return AnchorSet((*_ANCHORS, *other_anchors), backend)
