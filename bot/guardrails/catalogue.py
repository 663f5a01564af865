"""Which code detects which built-in rule. Titles, severities and texts are in ``policies/guardrails/*.md``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.guardrails.detectors import integrity, meta, pods, secrets, workflows
from bot.guardrails.rule import Detector

DETECTORS: Final[Mapping[str, Detector]] = {
    "INT-001": integrity.merge_marker,
    "INT-002": integrity.syntax_regression,
    "INT-003": integrity.elided_code,
    "INT-005": integrity.edit_residue,
    "INT-006": integrity.chat_residue,
    "INT-007": integrity.truncated_file,
    "SEC-001": secrets.secret_known,
    "SEC-002": secrets.secret_generic,
    "SEC-003": secrets.credential_in_url,
    "K8S-001": pods.pod_privilege,
    "K8S-002": pods.rbac_wildcard,
    "CI-001": workflows.workflow_permissions,
    "CI-002": workflows.workflow_trigger,
    "META-001": meta.guardrail_edit,
    "CW-001": meta.unbounded_change,
}
SYSTEM: Final = ("SYS-001", "SYS-002", "SYS-003")
"""Rules about the review itself: change not wholly seen, detector failed, assistant's reply invalid."""
