"""Other pull requests with the same head: a commit has one check of a name, so what is said for one is said for all.

Called by :mod:`bot.flows.head_check`. Somebody may open a second pull request of a commit, to a branch that has laxer rules:
where the two are judged differently, the more careful verdict stands, and the text says both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bot.errors import BotError
from bot.flows.review import change_between, describe, facts_of, review
from bot.guardrails import judge
from bot.guardrails.verdict import title, verdict
from bot.model.finding import Enforce, Finding, Mode, Verdict
from bot.model.session import ReviewRequest, ReviewResult
from bot.model.severity import Severity

if TYPE_CHECKING:
    from bot.flows.head_check import ReviewContext
    from bot.guardrails.rulebook import RuleBook
    from bot.model.codehost import PullRequest

_RULE: Final = "SYS-005"
_NAMED: Final = 3
_MOST: Final = 20
"""Twins that are judged; a commit that is the head of more is approved for none of them in strict."""
_VERDICT_NAMES: Final = {Verdict.APPROVE: "approved", Verdict.WARN: "approved with warnings", Verdict.BLOCK: "blocked"}


@dataclass(frozen=True, slots=True)
class Twin:
    """Another open pull request with the same head, and what it is judged by: rules and settings of its own base."""

    pull: PullRequest
    context: ReviewContext


def shared(result: ReviewResult, twins: Sequence[Twin], rules: RuleBook, mode: Mode) -> ReviewResult:
    """The result with a word on each twin, and a finding for each that is judged more severely.

    No assistant is asked about twins: what assistants find blocks nothing.
    """
    notes: list[str] = []
    findings: list[Finding] = []
    for twin in twins[:_MOST]:
        answer, reason = _judged(twin)
        pull_title = f"#{twin.pull.number}, which would be merged into {twin.pull.base_ref},"
        notes.append(f"{pull_title} has the same head. It is {_VERDICT_NAMES[answer]} there: {reason}.")
        if answer.rank > result.verdict.rank:
            text = (
                f"{pull_title} has the same head and is {_VERDICT_NAMES[answer]}: {reason}. One check stands for both."
            )
            findings.append(_finding(rules, mode, text, answer, twin.pull.number))
    if not twins:
        return result
    if len(twins) > _MOST:
        text = (
            f"The commit is the head of {len(twins)} other pull requests, of which {_MOST} were judged with this one."
        )
        findings.append(_finding(rules, mode, text, Verdict.BLOCK if mode is Mode.STRICT else Verdict.WARN, 0))
    all_findings = (*findings, *result.findings)
    return replace(result, verdict=verdict(all_findings), findings=all_findings, notes=(*notes, *result.notes))


def _finding(rules: RuleBook, mode: Mode, text: str, answer: Verdict, number: int) -> Finding:
    is_block = answer is Verdict.BLOCK
    severity = Severity.CRITICAL if is_block else Severity.HIGH
    finding = judge.system(rules, _RULE, mode, text, anchor=str(number), severity=severity)
    return replace(finding, enforce=Enforce.BLOCK if is_block else Enforce.WARN)


def _judged(twin: Twin) -> tuple[Verdict, str]:
    """The verdict on a twin and what it rests on; what cannot be judged is not approved."""
    pull, by = twin.pull, twin.context
    try:
        change = describe(change_between(by.repository, pull.base_sha, pull.head_sha), pull, agents=by.agents)
        facts = facts_of(by.repository, change, by.rules.options, by.render)
    except BotError as error:
        return Verdict.BLOCK if by.mode is Mode.STRICT else Verdict.WARN, f"it could not be judged ({error.message})"
    request = ReviewRequest(change=change, mode=by.mode, agent=change.agent)
    result = review(request, rules=by.rules, clock=by.clock, session_id="0" * 32, facts=facts)
    return result.verdict, _reasons(result.findings)


def _reasons(findings: Sequence[Finding]) -> str:
    strong_findings = [finding for finding in findings if finding.enforce.rank >= Enforce.WARN.rank]
    finding_names = [
        f"{finding.rule} {finding.title}" + (f" at {finding.file}:{finding.line}" if finding.file else "")
        for finding in strong_findings[:_NAMED]
    ]
    remainder = [f"{len(strong_findings) - _NAMED} more"] if len(strong_findings) > _NAMED else []
    sentence = ", ".join([*finding_names, *remainder])
    return f"{title(findings)} ({sentence})" if sentence else title(findings).lower()
