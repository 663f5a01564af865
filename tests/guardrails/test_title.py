"""The one line that people see of a guardrail result."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.guardrails.verdict import title
from bot.model.finding import Enforce, Finding
from bot.model.severity import Severity


@pytest.mark.parametrize(
    ("enforced", "line"),
    [
        ((), "No findings"),
        ((Enforce.WARN,), "1 warning"),
        ((Enforce.WARN, Enforce.BLOCK, Enforce.WARN), "1 blocking finding; 2 warnings"),
        ((Enforce.NOTICE, Enforce.BLOCK, Enforce.BLOCK), "2 blocking findings; 1 notice"),
    ],
)
def test_a_title_counts_what_was_found(enforced: Sequence[Enforce], line: str) -> None:
    """Those that block stand first; what there is none of is not counted."""
    findings = tuple(Finding("X-001", "A rule", Severity.LOW, each, "a.py", 1, 1, "It is so.") for each in enforced)
    assert title(findings) == line
