"""Runs every guardrail on a change and makes findings of what they point at. Called by ``flows/review`` only.

A detector that fails or a change that was not wholly seen is itself a finding: the absence of an answer is never taken
for approval.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from itertools import islice
from typing import Final

from bot.guardrails.contents import Nature, nature
from bot.guardrails.hunks import Delta
from bot.guardrails.kinds import hits
from bot.guardrails.rule import ChangeFacts, Guardrail, Hit, Subject
from bot.guardrails.rulebook import RuleBook
from bot.guardrails.structure import Unparsed, is_long, is_small
from bot.guardrails.verdict import enforcement
from bot.guardrails.waivers import baseline_waiver, line_waiver
from bot.model.dataclass import dataclass
from bot.model.finding import AuthorKind, Change, Enforce, FileStatus, Finding, Mode
from bot.model.severity import Severity
from bot.secrecy.redaction import redact

MAX_PER_RULE: Final = 50
"""Findings of one rule that are told; the rest is counted."""
_MAX_EVIDENCE: Final = 160
"""Characters of a line that are shown."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the deterministic guardrails say. ``notes`` are sentences for readers; ``failure`` why it is not whole."""

    findings: tuple[Finding, ...]
    waived: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    failure: str | None = None


def judge(
    change: Change,
    rules: RuleBook,
    mode: Mode,
    *,
    today: date,
    facts: ChangeFacts | None = None,
    expired: Callable[[], bool] = lambda: False,
    only: Container[str] | None = None,
    most: int = MAX_PER_RULE,
) -> Judgement:
    """All findings of the detectors on ``change``, worst first.

    ``today`` (UTC) decides which waivers still count; ``expired`` is asked between detectors and ends the work early
    with a finding when it answers yes. With ``only`` some rules are asked, and not whether the change was wholly seen;
    ``most`` findings of each rule are told. Never raises.
    """
    subject = subject_of(change, rules, facts)
    return judge_subject(subject, rules, mode, today=today, expired=expired, only=only, most=most)


def subject_of(change: Change, rules: RuleBook, facts: ChangeFacts | None = None) -> Subject:
    """The change opened once, for everybody who reads it: its files are diffed and parsed no second time."""
    return Subject(change, rules.options, facts or ChangeFacts(), rules.by_id)


def judge_subject(
    subject: Subject,
    rules: RuleBook,
    mode: Mode,
    *,
    today: date,
    expired: Callable[[], bool] = lambda: False,
    only: Container[str] | None = None,
    most: int = MAX_PER_RULE,
) -> Judgement:
    """:func:`judge` of a change that is open already."""
    findings: list[Finding] = list(_seen_whole(subject, rules, mode)) if only is None else []
    notes = [f"Document left out: {error}" for error in rules.errors]
    failure: str | None = None
    for guardrail in rules.for_agent(subject.change.agent):
        if only is not None and guardrail.id not in only:
            continue
        if expired():
            failure = "the time for detectors was used up"
            findings.append(system(rules, "SYS-002", mode, f"Not all checks ran: {failure}, before {guardrail.id}."))
            break
        try:
            findings += _findings(guardrail, subject, mode, notes, most)
        except Exception as error:  # noqa: BLE001 a detector that fails is a finding, whatever it raised
            failure = f"{guardrail.id} failed with {type(error).__name__}"
            findings.append(system(rules, "SYS-002", mode, f"The detector of {failure}.", anchor=guardrail.id))
    kept_findings, waived = _waived(findings, subject, rules, today, notes)
    told_findings = ordered(map(_shown, kept_findings)), ordered(map(_shown, waived))
    return Judgement(*told_findings, tuple(map(_valid_text, notes)), failure or subject.change.truncated)


def _shown(finding: Finding) -> Finding:
    """The finding as every form can hold it: Git's names of files are bytes, which need not be UTF-8."""
    if all(text is None or text.isascii() for text in (finding.file, finding.message, finding.evidence)):
        return finding
    file, evidence = (None if text is None else _valid_text(text) for text in (finding.file, finding.evidence))
    return replace(finding, file=file, message=_valid_text(finding.message), evidence=evidence)


def _valid_text(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Worst first, then by place."""
    return tuple(
        sorted(
            findings,
            key=lambda finding: (
                -finding.enforce.rank,
                -finding.severity.rank,
                finding.file or "",
                finding.line or 0,
                finding.rule,
            ),
        )
    )


def system(
    rules: RuleBook,
    rule: str,
    mode: Mode,
    message: str,
    *,
    file: str | None = None,
    line: int | None = None,
    anchor: str = "",
    severity: Severity | None = None,
) -> Finding:
    """A finding about the review itself: critical in strict, where it blocks; a warning in standard."""
    guardrail = rules.get(rule)
    severity = severity or (Severity.CRITICAL if mode is Mode.STRICT else Severity.HIGH)
    return Finding(
        rule=rule,
        title=rule if guardrail is None else guardrail.title,
        severity=severity,
        enforce=enforcement(None, severity, mode),
        file=file,
        line=line,
        end_line=line,
        message=message,
        fingerprint=fingerprint(rule, file or "", anchor or message, 0),
        category="system",
    )


def fingerprint(rule: str, path: str, text: str, nth: int) -> str:
    """16 hex digits over rule, path, the line with white space collapsed, and which occurrence it is."""
    facts = "\0".join((rule, path, " ".join(text.split()), str(nth)))
    return hashlib.sha256(facts.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _seen_whole(subject: Subject, rules: RuleBook, mode: Mode) -> Iterator[Finding]:
    """SYS-001 and SYS-002 for what could not be looked at."""
    if subject.change.truncated is not None:
        yield system(rules, "SYS-001", mode, f"The change was not wholly seen: {subject.change.truncated}.")
    if subject.facts.uncounted is not None:
        text = f"Not every commit was searched for secrets: {subject.facts.uncounted}."
        yield system(rules, "SYS-001", mode, text, severity=Severity.LOW)
    for delta in subject.deltas:
        if delta.unread is not None:
            yield from _unread(delta, rules, mode)
        elif delta.language in {"yaml", "json"} and not delta.is_foreign and not is_small(delta.after or ""):
            documents = delta.documents_after
            if isinstance(documents, Unparsed) and documents.hostile:
                text = f"{delta.path} is not judged: {documents.message}."
                severity = Severity.HIGH if is_long(documents) and is_long(delta.documents_before) else None
                yield system(rules, "SYS-002", mode, text, file=delta.path, line=documents.line, severity=severity)
    yield from _rendered_whole(subject, rules, mode)


def _unread(delta: Delta, rules: RuleBook, mode: Mode) -> Iterator[Finding]:
    """SYS-001 for a file that was not looked at, by what it is: a picture is nothing, a program is as bad as the unseen."""
    change = delta.change
    same = change.before is not None and change.before == change.after and change.old_mode is None
    if same or delta.status is FileStatus.REMOVED or delta.nature is Nature.HARMLESS:
        return
    runs = delta.nature in {Nature.PROGRAM, Nature.PACKAGE}
    subject_text = "a program that nobody can read" if runs else delta.unread
    message = f"{delta.path} was not analysed: {subject_text}."
    yield system(rules, "SYS-001", mode, message, file=delta.path, line=1, severity=_unread_severity(delta))


def _unread_severity(delta: Delta) -> Severity | None:
    """A remark where other people's files stood before; a warning for a package, and for a program in place of another."""
    if delta.is_foreign:
        return Severity.LOW
    if delta.nature is Nature.PACKAGE:
        return Severity.HIGH
    if delta.nature is Nature.PROGRAM:
        before = delta.change.before
        was_script = before is None or before.startswith(b"#!")
        was_program = not was_script and nature(before or b"", delta.old_path, 0) is Nature.PROGRAM
        return Severity.HIGH if was_program else None
    return Severity.LOW if delta.unread == "binary" else None


def _rendered_whole(subject: Subject, rules: RuleBook, mode: Mode) -> Iterator[Finding]:
    """SYS-001 and SYS-002 for what rendered before the change and does not with it."""
    if subject.facts.unrendered is not None:
        yield system(rules, "SYS-002", mode, f"Targets are not judged: {subject.facts.unrendered}.")
    for change in subject.facts.rendered:
        for failure in change.failures:
            text = f"{change.target} cannot be rendered any more: {redact(failure.reason)}. It was not analysed."
            file, line = failure.file or None, failure.line or 1
            yield system(
                rules,
                "SYS-001",
                mode,
                text,
                file=file,
                line=line if file else None,
                anchor=f"{change.target}/{failure.subject}",
            )


def _findings(guardrail: Guardrail, subject: Subject, mode: Mode, notes: list[str], most: int) -> list[Finding]:
    all_hits = hits(guardrail, subject)
    deltas = {delta.path: delta for delta in subject.deltas}
    counts: Counter[tuple[str, str]] = Counter()
    findings: list[Finding] = []
    for hit in islice(all_hits, most):
        text = hit.anchor if hit.anchor is not None else _line(deltas, hit)
        key = (hit.file or "", " ".join(text.split()))
        severity = _severity(guardrail, hit, subject.change.author_kind)
        mark = fingerprint(guardrail.id, hit.file or "", text, counts[key])
        counts[key] += 1
        findings.append(_finding(guardrail, hit, severity, enforcement(guardrail, severity, mode), mark))
    more_hits = sum(1 for _ in islice(all_hits, 10_000))
    if more_hits:
        notes.append(f"{guardrail.id} fired {more_hits} more times than the {most} that are shown.")
    return [finding for finding in findings if finding.enforce is not Enforce.OFF]


def _severity(guardrail: Guardrail, hit: Hit, author: AuthorKind) -> Severity:
    severity = guardrail.severity_for(author)
    if hit.severity is None:
        return severity
    return hit.severity if hit.severity is Severity.LOW else max(severity, hit.severity, key=lambda level: level.rank)


def _finding(guardrail: Guardrail, hit: Hit, severity: Severity, enforce: Enforce, mark: str) -> Finding:
    return Finding(
        rule=guardrail.id,
        title=guardrail.title,
        severity=severity,
        enforce=enforce,
        file=hit.file,
        line=hit.line,
        end_line=hit.end_line or hit.line,
        message=redact(hit.message),
        suggestion=hit.suggestion or guardrail.instead,
        evidence=None if hit.evidence is None else redact(hit.evidence.strip()[:_MAX_EVIDENCE]),
        fingerprint=mark,
        category=guardrail.category,
    )


def _line(deltas: Mapping[str, Delta], hit: Hit) -> str:
    delta = deltas.get(hit.file or "")
    text = () if delta is None else delta.after_lines or delta.before_lines
    return text[hit.line - 1] if hit.line is not None and 1 <= hit.line <= len(text) else hit.message


def _matters(finding: Finding) -> bool:
    """Whether a change cannot lower it for itself: it is critical, or it blocks, whatever its document calls it."""
    return finding.severity is Severity.CRITICAL or finding.enforce is Enforce.BLOCK


def _waived(
    findings: list[Finding], subject: Subject, rules: RuleBook, today: date, notes: list[str]
) -> tuple[list[Finding], list[Finding]]:
    kept_findings: list[Finding] = []
    waived: list[Finding] = []
    deltas = {delta.path: delta for delta in subject.deltas}
    for finding in findings:
        guardrail, delta = rules.get(finding.rule), deltas.get(finding.file or "")
        waiver = baseline_waiver(rules.baseline, finding.rule, finding.fingerprint, today=today)
        if waiver is None and guardrail is not None and delta is not None and finding.line is not None:
            waiver = line_waiver(guardrail, delta, finding.line, subject.change.author_kind, today=today)
        if waiver is None:
            kept_findings.append(finding)
        elif waiver.of_change and _matters(finding):
            kept_findings.append(finding)
            notes.append(
                f"{finding.rule} at {finding.file}:{finding.line} stays: this change waives it itself ({waiver.reason}), "
                "and no change lowers a finding of its own that is critical or blocks."
            )
        else:
            by_itself = " by this change itself" if waiver.of_change else ""
            note = f"{finding.message} Waived{by_itself}: {waiver.reason}"
            waived.append(replace(finding, enforce=Enforce.NOTICE, message=note))
    return kept_findings, waived
