"""From findings to one answer: what each rule does in a mode, the verdict, the check's conclusion and its remarks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from bot.guardrails.rule import Guardrail
from bot.model.codehost import Annotation, AnnotationLevel, CheckState
from bot.model.drift import Severity
from bot.model.finding import Enforce, Finding, Mode, Verdict

_STANDARD: Final = {
    Severity.CRITICAL: Enforce.WARN,
    Severity.HIGH: Enforce.WARN,
    Severity.MEDIUM: Enforce.NOTICE,
    Severity.LOW: Enforce.NOTICE,
}
_STRICT: Final = {**_STANDARD, Severity.CRITICAL: Enforce.BLOCK}
_LEVELS: Final = {
    Enforce.BLOCK: AnnotationLevel.FAILURE,
    Enforce.WARN: AnnotationLevel.WARNING,
    Enforce.NOTICE: AnnotationLevel.NOTICE,
}


def enforcement(guardrail: Guardrail | None, severity: Severity, mode: Mode) -> Enforce:
    """What a finding of that severity does: the document's own word where it has one.

    Without one, strict blocks on critical; high warns; the rest is a notice.
    """
    chosen = None if guardrail is None else guardrail.enforce.get(mode)
    if chosen is not None:
        return chosen
    return (_STRICT if mode is Mode.STRICT else _STANDARD)[severity]


def verdict(findings: Iterable[Finding]) -> Verdict:
    """Block when any finding blocks, warn when any warns, approve otherwise."""
    worst = max((finding.enforce.rank for finding in findings), default=0)
    return (Verdict.APPROVE, Verdict.APPROVE, Verdict.WARN, Verdict.BLOCK)[worst]


def conclusion(answer: Verdict) -> CheckState:
    """The check's conclusion: only ``failure`` stops a required check."""
    return {
        Verdict.APPROVE: CheckState.SUCCESS,
        Verdict.WARN: CheckState.NEUTRAL,
        Verdict.BLOCK: CheckState.FAILURE,
    }[answer]


def remarks(findings: Sequence[Finding]) -> tuple[Annotation, ...]:
    """One remark per finding that has a place in the head's files, worst first."""
    placed = [finding for finding in findings if finding.file and finding.line and finding.enforce is not Enforce.OFF]
    placed.sort(
        key=lambda finding: (-finding.enforce.rank, -finding.severity.rank, finding.file or "", finding.line or 0)
    )
    return tuple(
        Annotation(
            path=finding.file or "",
            start_line=finding.line or 1,
            end_line=max(finding.end_line or 0, finding.line or 1),
            level=_LEVELS[finding.enforce],
            title=f"{finding.rule} {finding.title}"[:255],
            message="\n\n".join(part for part in (finding.message, finding.suggestion) if part)[:4000],
        )
        for finding in placed
    )
