"""Exceptions that people grant: a line comment with id, reason and end date, or a baseline file at base.

``# guardrail: allow SEC-004 until=2026-12-01 reason="internal test rig"`` on the line, or on one of its own above.
Honoured only where the rule's document allows it, for at most its number of days, and never for an agent's change. One that
the change itself adds lowers no finding that is critical or blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final, TypeAlias

from bot.guardrails.hunks import Delta
from bot.guardrails.rule import Guardrail
from bot.guardrails.structure import Unparsed, parse_documents
from bot.intake.lined_node import LinedNode
from bot.model.dataclass import dataclass
from bot.model.finding import AuthorKind
from bot.model.patterns import regex

_COMMENT: Final = regex(
    r"guardrail:\s{0,5}allow\s{1,5}(?P<id>[A-Za-z0-9._\-]{2,64})\s{1,5}until=(?P<until>\d{4}-\d{2}-\d{2})\s{1,5}"
    r"reason=(?:\"(?P<quoted>[^\"]{8,300})\"|(?P<bare>\S{8,300}))"
)


_CODE: Final = regex(r"\w")
"""What stands before no comment that has its line for itself."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """One exception that was granted, by fingerprint for a baseline."""

    rule: str
    until: date | None
    reason: str
    of_change: bool = False
    """Whether the change that is judged writes it, instead of having found it there."""


Baseline: TypeAlias = Mapping[str, Waiver]
"""Fingerprint to waiver."""


def line_waiver(guardrail: Guardrail, delta: Delta, line: int, author: AuthorKind, *, today: date) -> Waiver | None:
    """The waiver written on ``line`` (from 1) or the line above it, where it counts."""
    if author is AuthorKind.AGENT or not guardrail.waiver.allow:
        return None
    for number in (line, line - 1):
        if not 1 <= number <= len(delta.after_lines):
            continue
        comment = _COMMENT.search(delta.after_lines[number - 1][:2000])
        if comment is None or comment["id"] != guardrail.id:
            continue
        if number < line and _CODE.search(comment.string, 0, comment.start()):
            continue  # it is about its own line
        until = _date(comment["until"])
        if until is not None and today <= until <= today + timedelta(days=guardrail.waiver.max_days):
            reason = comment["quoted"] or comment["bare"]
            return Waiver(guardrail.id, until, reason, of_change=number in delta.added_numbers)
    return None


def baseline_waiver(baseline: Baseline, rule: str, fingerprint: str, *, today: date) -> Waiver | None:
    """The baseline's entry for a finding, while it lasts."""
    waiver = baseline.get(fingerprint)
    if waiver is None or waiver.rule != rule or (waiver.until is not None and waiver.until < today):
        return None
    return waiver


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def parse_baseline(data: bytes | None) -> tuple[Baseline, tuple[str, ...]]:
    """The baseline ``findings: [{fingerprint, rule, reason, until}]`` and a sentence for every entry that is wrong."""
    if data is None:
        return {}, ()
    documents = parse_documents(data.decode("utf-8", "replace"), strict=True)
    if isinstance(documents, Unparsed):
        return {}, (f"baseline.yaml:{documents.line}: {documents.message}",)
    root = documents[0] if documents else LinedNode(None, 1)
    entries: dict[str, Waiver] = {}
    errors: list[str] = []
    for node in (root.get("findings") or root).elements():
        texts = {key: child.raw for key, child in node.items()}
        until = _date(texts["until"]) if "until" in texts else None
        has_known_keys = {"fingerprint", "rule", "reason"} <= texts.keys() <= {"fingerprint", "rule", "reason", "until"}
        if not has_known_keys or ("until" in texts and until is None):
            errors.append(
                f"baseline.yaml:{node.line}: an entry has fingerprint, rule, reason and perhaps until (a date)"
            )
        else:
            entries[texts["fingerprint"]] = Waiver(texts["rule"], until, texts["reason"])
    return entries, tuple(errors)
