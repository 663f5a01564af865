"""From findings to one answer: what each rule does in a mode, the verdict, and the line that says it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from bot.guardrails.rule import Guardrail
from bot.model.finding import Enforce, Finding, Mode, Verdict
from bot.model.severity import Severity
from bot.model.wording import counted

_STANDARD: Final = {
    Severity.CRITICAL: Enforce.WARN,
    Severity.HIGH: Enforce.WARN,
    Severity.MEDIUM: Enforce.NOTICE,
    Severity.LOW: Enforce.NOTICE,
}
_STRICT: Final = {**_STANDARD, Severity.CRITICAL: Enforce.BLOCK}


def enforcement(guardrail: Guardrail | None, severity: Severity, mode: Mode) -> Enforce:
    """What a finding of that severity does: the document's own word where it has one.

    Without one, strict blocks on critical; high warns; the rest is a notice.
    """
    chosen_enforcement = None if guardrail is None else guardrail.enforce.get(mode)
    if chosen_enforcement is not None:
        return chosen_enforcement
    return (_STRICT if mode is Mode.STRICT else _STANDARD)[severity]


def verdict(findings: Iterable[Finding]) -> Verdict:
    """Block when any finding blocks, warn when any warns, approve otherwise."""
    worst = max((finding.enforce.rank for finding in findings), default=0)
    return (Verdict.APPROVE, Verdict.APPROVE, Verdict.WARN, Verdict.BLOCK)[worst]


def title(findings: Sequence[Finding]) -> str:
    """One line that says how many findings there are, those that block first."""
    levels = (("blocking finding", Enforce.BLOCK), ("warning", Enforce.WARN), ("notice", Enforce.NOTICE))
    counts = [(sum(finding.enforce is level for finding in findings), noun) for noun, level in levels]
    return "; ".join(counted(count, noun) for count, noun in counts if count) or "No findings"
