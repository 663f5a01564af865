"""A result as people see it on a pull request: the check's title, summary and remarks, and the one comment.

Everything that came from the change or a reply is hostile: it is shown as code, cut, and mentions nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot import escape
from bot.guardrails.rulebook import RuleBook
from bot.guardrails.verdict import title
from bot.model.codehost import Annotation, AnnotationLevel, Check, CheckState
from bot.model.finding import Change, Enforce, Finding, Mode, Verdict
from bot.model.session import ReviewResult

MAX_SUMMARY: Final = 60_000
"""Characters; GitHub takes 65,535."""
_SHOWN: Final = 40
_NOTES: Final = 30
_LEVELS: Final = {
    Enforce.BLOCK: AnnotationLevel.FAILURE,
    Enforce.WARN: AnnotationLevel.WARNING,
    Enforce.NOTICE: AnnotationLevel.NOTICE,
}


def check_of(
    result: ReviewResult, change: Change, rules: RuleBook, mode: Mode, *, name: str, external_id: str
) -> Check:
    """The finished check for a result on the change's head."""
    return Check(
        name=name,
        head_sha=change.head,
        state=conclusion(result.verdict),
        title=title(result.findings),
        summary=summary(result, change, rules, mode),
        annotations=remarks(result.findings),
        external_id=external_id,
    )


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


def summary(result: ReviewResult, change: Change, rules: RuleBook, mode: Mode) -> str:
    """The check's text as Markdown: findings, notes, and what the verdict is bound to."""
    parts = [_table(result.findings)] if result.findings else ["No guardrail fired."]
    if result.notes:
        parts.append("\n".join(f"- {note}" for note in _notes(result.notes)))
    parts.append(
        f"Mode {mode.value}. Judged: `{change.head[:12]}` against `{change.base[:12]}`, rules `{rules.hash}` as they are "
        f"at the base."
    )
    return "\n\n".join(parts)[:MAX_SUMMARY]


def _notes(notes: Sequence[str]) -> list[str]:
    shown_notes = [plain(note, 500) for note in notes[:_NOTES]]
    remainder = len(notes) - len(shown_notes)
    return [*shown_notes, f"{remainder} more notes are not shown here."] if remainder else shown_notes


def comment_body(result: ReviewResult, change: Change, mode: Mode) -> str:
    """The one comment on a pull request with findings."""
    return "\n\n".join(
        (
            f"**Guardrails: {title(result.findings)}** (mode {mode.value}, `{change.head[:12]}`)",
            _table(result.findings),
        )
    )[:MAX_SUMMARY]


def fixed_body(result: ReviewResult, change: Change, mode: Mode) -> str:
    """The same comment once nothing stands in the way any more."""
    head = f"**Guardrails: fixed** (mode {mode.value}, `{change.head[:12]}`): what was reported here before is gone."
    return "\n\n".join((head, *([_table(result.findings)] if result.findings else [])))[:MAX_SUMMARY]


def _table(findings: Sequence[Finding]) -> str:
    rows = ["| | rule | where | what |", "| --- | --- | --- | --- |"]
    for finding in findings[:_SHOWN]:
        location = (
            ""
            if finding.file is None
            else f"{escape.code(finding.file)}{'' if finding.line is None else f':{finding.line}'}"
        )
        advice = f" *{plain(finding.suggestion, 300)}*" if finding.suggestion else ""
        by = "" if finding.by == "detector" else f" ({plain(finding.by, 60)})"
        rows.append(
            f"| {finding.severity.value.lower()} | {plain(finding.rule, 64)}{by} | {location} "
            f"| {plain(finding.message, 500)}{advice} |"
        )
    if len(findings) > _SHOWN:
        rows.append(f"| | | | and {len(findings) - _SHOWN} more |")
    return "\n".join(rows)


def plain(text: str, limit: int) -> str:
    """Text that is neither Markdown, HTML, table, mention nor link, on one line."""
    escaped_text = escape.text(" ".join(text.split())[:limit])
    return escaped_text.replace("://", ":\u200b//").replace("/clockwork", "/\u200bclockwork")
