"""Waivers of a change for itself: what they never lift, and that telling them apart costs nothing."""

from __future__ import annotations

from datetime import date

import pytest

from bot.guardrails.judge import judge
from bot.guardrails.rule import Subject
from bot.guardrails.rulebook import RuleBook
from bot.guardrails.waivers import line_waiver
from bot.model.finding import AuthorKind, Mode
from tests.guardrails.changes import book, change, file

TODAY = date(2026, 3, 1)
WAIVER = '# guardrail: allow no-sleep until=2026-03-20 reason="test rig only"\n'


def rules_with(severity: str) -> RuleBook:
    """The shipped rules, and one that blocks in strict whatever its severity is, and may be waived."""
    document = (
        f"---\nid: no-sleep\ntitle: No sleeping\nseverity: {severity}\nenforce: {{standard: warn, strict: block}}\n"
        "waiver: {allow: true}\ndetect: {kind: regex, pattern: 'sleep\\('}\n---\nWait for a condition.\n"
    )
    rules = book({"policies/guardrails/no-sleep.md": document.encode()})
    assert rules.errors == ()
    return rules


@pytest.mark.parametrize("severity", ["critical", "high", "medium", "low"])
def test_no_change_lifts_what_blocks_it(severity: str) -> None:
    """Whatever severity the document has; a waiver that stood at base counts."""
    for before, kept in (("x = 1\n", 1), (WAIVER, 0)):
        edit = change(file("a.py", before, f"{WAIVER}sleep(1)\n"))
        result = judge(edit, rules_with(severity), Mode.STRICT, today=TODAY)
        assert (len(result.findings), len(result.waived)) == (kept, 1 - kept)
        assert any("waives it itself (test rig only)" in note for note in result.notes) is bool(kept)


def test_what_only_warns_may_be_waived_by_its_author() -> None:
    """Unless it is critical."""
    edit = change(file("a.py", "x = 1\n", f"{WAIVER}sleep(1)\n"))
    assert judge(edit, rules_with("high"), Mode.STANDARD, today=TODAY).findings == ()
    assert judge(edit, rules_with("critical"), Mode.STANDARD, today=TODAY).waived == ()


def test_whether_a_waiver_is_the_changes_own_reads_no_line_again() -> None:
    """Numbers of lines tell it: a finding costs no walk over all that is added."""
    rule = rules_with("high").get("no-sleep")
    assert rule is not None
    for before, own in (("x\n", True), (f"x\n{WAIVER}", False)):
        delta = Subject(change(file("a.py", before, f"x\n{WAIVER}sleep(1)\n"))).deltas[0]
        waived = line_waiver(rule, delta, 3, AuthorKind.HUMAN, today=TODAY)
        assert waived is not None
        assert (waived.of_change, "added" in vars(delta)) == (own, False)


def test_a_waiver_behind_code_is_about_that_line_alone() -> None:
    """One on a line of its own is about the line below."""
    comment = WAIVER.strip()
    for text, kept in ((f"sleep(1)  {comment}\n", 1), (f"    {comment}\n", 0)):
        edit = change(file("a.py", text, f"{text}sleep(2)\n"))
        assert len(judge(edit, rules_with("high"), Mode.STRICT, today=TODAY).findings) == kept
