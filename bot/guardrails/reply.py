"""What of an assistant's reply is believed: findings about a known rule and a line that this change touches.

A reply can only add findings, capped at warn. What it points at that is not there is dropped and is itself a failure
mode (a hallucinated reference); a reply that does not fit the schema is one too. Such failures are incidents of the
assistant, never of the author: they only warn, unless the settings require this assistant's answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from bot.guardrails.judge import fingerprint, system
from bot.guardrails.prompt import clean
from bot.guardrails.rule import Guardrail, Subject
from bot.guardrails.rulebook import RuleBook
from bot.model.dataclass import dataclass
from bot.model.finding import Enforce, Finding, Mode
from bot.model.session import Reply, ReplyFinding, ReplyStatus, ReviewRequest
from bot.model.severity import Severity

MAX_FINDINGS: Final = 50
"""Of one reply; the rest is not looked at."""
INCIDENT: Final = "SYS-003"
"""The rule about what went wrong with an assistant."""


@dataclass(frozen=True, slots=True)
class Believed:
    """The findings taken over from replies, and the failure modes of the replies themselves."""

    findings: tuple[Finding, ...]
    failures: tuple[Finding, ...]
    notes: tuple[str, ...]


def validate(
    request: ReviewRequest,
    replies: Iterable[Reply],
    rules: RuleBook,
    subject: Subject,
    required: Collection[str] = (),
) -> Believed:
    """What of the replies stands up to the change: every finding with a known rule, a changed file and a diff line.

    In strict, an assistant whose name is ``required`` blocks when it gives no usable answer; no other one does.
    """
    findings: list[Finding] = []
    failures: list[Finding] = []
    notes: list[str] = []
    guardrails_by_id = {guardrail.id: guardrail for guardrail in rules.for_agent(request.agent)}
    replies = tuple(replies)
    lines_by_path = _lines_by_path(subject) if any(reply.findings for reply in replies) else {}
    for reply in replies:
        if reply.status is ReplyStatus.DISABLED and reply.assistant not in required:
            notes.append(f"Assistant {reply.assistant} is disabled.")
            continue
        if reply.status is not ReplyStatus.OK:
            mode = request.mode if reply.assistant in required else Mode.STANDARD
            failures.append(_unusable(reply, rules, mode))
            continue
        dropped: list[str] = []
        for item in reply.findings[:MAX_FINDINGS]:
            wrong = _wrong(item, guardrails_by_id, lines_by_path)
            if wrong is None:
                findings.append(_finding(reply, item, guardrails_by_id[item.rule], lines_by_path))
            else:
                dropped.append(wrong)
        if dropped:
            failures.append(_hallucinated(reply, dropped, rules))
        notes.append(
            f"Assistant {reply.assistant} answered with {len(reply.findings)} findings; {len(dropped)} were dropped."
        )
    return Believed(tuple(findings), tuple(failures), tuple(notes))


def _lines_by_path(subject: Subject) -> Mapping[str, Mapping[int, str]]:
    """Changed file to the lines of the diff: number to text (the head's side wins where both have the number)."""
    return {delta.path: {line.number: line.text for line in (*delta.removed, *delta.added)} for delta in subject.deltas}


def _wrong(
    item: ReplyFinding, guardrails_by_id: Mapping[str, Guardrail], lines_by_path: Mapping[str, Mapping[int, str]]
) -> str | None:
    """Why a finding cannot be believed; None when it can."""
    if item.rule not in guardrails_by_id:
        return f"rule {clean(item.rule, 60)!r} does not exist"
    if item.file not in lines_by_path:
        return f"file {clean(item.file, 120)!r} is not in the change"
    if item.line is not None and item.line not in lines_by_path[item.file]:
        return f"line {item.line} of {clean(item.file, 120)!r} is not in the diff"
    if item.severity.upper() not in Severity.__members__ or not item.message.strip():
        return "severity or message is missing"
    return None


def _finding(
    reply: Reply, item: ReplyFinding, rule: Guardrail, lines_by_path: Mapping[str, Mapping[int, str]]
) -> Finding:
    """An assistant's finding: never above the rule's severity and never more than a warning."""
    claimed_severity = Severity(item.severity.upper())
    severity = min(claimed_severity, rule.severity, key=lambda level: level.rank)
    line_text = lines_by_path[item.file].get(item.line or 0, "")
    message = clean(item.message, 600)
    return Finding(
        rule=rule.id,
        title=rule.title,
        severity=severity,
        enforce=Enforce.WARN if severity.rank >= Severity.HIGH.rank else Enforce.NOTICE,
        file=item.file,
        line=item.line,
        end_line=item.line,
        message=message,
        fingerprint=fingerprint(rule.id, item.file, f"{reply.assistant}:{line_text}", 0),
        by=f"assistant:{reply.assistant}",
        category=rule.category,
    )


def _unusable(reply: Reply, rules: RuleBook, mode: Mode) -> Finding:
    reason = clean(reply.message, 200)
    text = (
        f"Assistant {reply.assistant} gave no usable answer ({reply.status.value}){': ' + reason if reason else ''}. "
        "That is an incident of the assistant and says nothing about this change or its author."
    )
    return _incident(reply, rules, mode, text, reply.status.value)


def _hallucinated(reply: Reply, dropped: list[str], rules: RuleBook) -> Finding:
    """Made-up references are recorded; they are dropped already, so they only warn, in strict too."""
    text = f"Assistant {reply.assistant} referred to what is not in the change: {'; '.join(dropped[:5])}."
    return _incident(reply, rules, Mode.STANDARD, text, "hallucinated")


def _incident(reply: Reply, rules: RuleBook, mode: Mode, text: str, incident_title: str) -> Finding:
    incident = system(rules, INCIDENT, mode, text, anchor=f"{reply.assistant}:{incident_title}")
    return replace(incident, by=f"assistant:{reply.assistant}", category="assistant")
