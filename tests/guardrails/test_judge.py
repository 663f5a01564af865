"""Findings, verdicts, waivers, fingerprints, and what happens when a detector cannot answer."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.guardrails import catalogue
from bot.guardrails.judge import judge
from bot.guardrails.report import conclusion, remarks
from bot.guardrails.rule import Hit, Subject
from bot.guardrails.rulebook import RuleBook, failing
from bot.guardrails.sarif import to_sarif
from bot.guardrails.structure import Unparsed, parse_documents
from bot.guardrails.verdict import verdict
from bot.model.codehost import CheckState
from bot.model.finding import AuthorKind, Enforce, FileChange, FileStatus, Finding, Mode, Verdict
from bot.model.session import ReviewResult
from bot.model.severity import Severity
from tests.guardrails.changes import book, change, file, plain_book

TODAY = date(2026, 3, 1)
BROKEN = file("a.py", "x = (1)\n", "x = (1\n")
TLS = "requests.get(u, verify=False)"


def findings(
    *files: FileChange,
    mode: Mode = Mode.STRICT,
    rules: RuleBook | None = None,
    author: AuthorKind = AuthorKind.HUMAN,
) -> tuple[Finding, ...]:
    """What the shipped rules find."""
    return judge(change(*files, author=author), rules or plain_book(), mode, today=TODAY).findings


def test_every_detector_has_a_document_and_the_other_way_round() -> None:
    """Code and documents name the same rules, and every shipped example holds."""
    shipped = {one.id for one in plain_book().guardrails if not one.for_agent}
    assert shipped == {*catalogue.DETECTORS, *catalogue.SYSTEM}
    assert plain_book().errors == ()
    assert [line for one in plain_book().guardrails for line in failing(one)] == []


@pytest.mark.parametrize(
    ("mode", "answer", "state"),
    [(Mode.STRICT, Verdict.BLOCK, CheckState.FAILURE), (Mode.STANDARD, Verdict.WARN, CheckState.NEUTRAL)],
)
def test_strict_blocks_on_critical_and_standard_reports(mode: Mode, answer: Verdict, state: CheckState) -> None:
    """The same critical finding blocks in strict and warns in standard."""
    found = findings(BROKEN, mode=mode)
    assert [one.rule for one in found] == ["INT-002"]
    assert verdict(found) is answer
    assert conclusion(verdict(found)) is state


def test_a_clean_change_is_approved() -> None:
    """No findings, success."""
    assert verdict(findings(file("a.py", "x = 1\n", "x = 2\n"))) is Verdict.APPROVE


def test_an_agent_only_raises_severity() -> None:
    """The same change by an agent never has a lower severity."""
    edit = file("policies/guardrails/a.md", "a\n", "b\n")
    human, agent = findings(edit)[0], findings(edit, author=AuthorKind.AGENT)[0]
    assert (human.severity, agent.severity) == (Severity.HIGH, Severity.CRITICAL)
    assert agent.enforce is Enforce.BLOCK


def test_fingerprints_survive_a_rebase() -> None:
    """Lines added above and another indentation keep the fingerprint; a second occurrence has its own."""
    one = findings(file("a.py", "", f"{TLS}\n"))
    moved = findings(file("a.py", "", f"import requests\n\nif True:\n    {TLS}\n"))
    twice = findings(file("a.py", "", f"{TLS}\n{TLS}\n"))
    assert one[0].fingerprint == moved[0].fingerprint == twice[0].fingerprint
    assert len({finding.fingerprint for finding in twice}) == 2


WAIVER = '# guardrail: allow SEC-004 until={} reason="internal test rig"'


@pytest.mark.parametrize(
    ("line", "author", "kept"),
    [
        (WAIVER.format("2026-04-01"), AuthorKind.HUMAN, 0),
        (WAIVER.format("2026-02-01"), AuthorKind.HUMAN, 1),
        (WAIVER.format("2028-02-01"), AuthorKind.HUMAN, 1),
        (WAIVER.format("2026-13-01"), AuthorKind.HUMAN, 1),
        (WAIVER.format("2026-04-01"), AuthorKind.AGENT, 1),
        (WAIVER.format("2026-04-01").replace("SEC-004", "SEC-003"), AuthorKind.HUMAN, 1),
    ],
)
def test_waivers_count_for_people_and_for_a_while(line: str, author: AuthorKind, kept: int) -> None:
    """A waiver names the rule, ends soon enough, and is not an agent's."""
    judged = judge(change(file("a.py", "", f"{line}\n{TLS}\n"), author=author), plain_book(), Mode.STRICT, today=TODAY)
    assert len(judged.findings) == kept
    assert len(judged.waived) == 1 - kept


def test_critical_rules_cannot_be_waived_by_a_comment() -> None:
    """A document that does not allow waivers is not waived."""
    text = "# " + WAIVER.format("2026-04-01")[2:].replace("SEC-004", "INT-002") + "\nx = (1\n"
    assert [one.rule for one in findings(file("a.py", "x = 1\n", text))] == ["INT-002"]


def test_a_baseline_hides_known_findings_until_its_date() -> None:
    """The baseline names a fingerprint and a rule; wrong entries are reported."""
    mark = findings(BROKEN)[0].fingerprint
    entry = f"findings:\n- {{fingerprint: '{mark}', rule: INT-002, reason: known, until: 2026-03-05}}\n- {{rule: x}}\n"
    rules = book({"policies/guardrails/baseline.yaml": entry.encode()})
    assert findings(BROKEN, rules=rules) == ()
    assert len(rules.errors) == 1
    assert judge(change(BROKEN), rules, Mode.STRICT, today=date(2026, 3, 6)).findings


def test_what_was_not_seen_is_not_approved() -> None:
    """Truncation, files too large or too deep, and a late detector block in strict."""
    big = FileChange("a.py", FileStatus.ADDED, None, b"x" * 20_000_001)
    deep = file("a.yaml", None, "[" * 5000)
    omitted = FileChange("b.py", FileStatus.MODIFIED, None, None, omitted="larger than 5 MB")
    for files in ((big,), (deep,), (omitted,)):
        assert verdict(findings(*files)) is Verdict.BLOCK
        assert findings(*files)[0].rule in {"SYS-001", "SYS-002"}
    cut = replace(change(), truncated="more than 3,000 files")
    assert judge(cut, plain_book(), Mode.STRICT, today=TODAY).findings[0].rule == "SYS-001"
    late = judge(change(BROKEN), plain_book(), Mode.STRICT, today=TODAY, expired=lambda: True)
    assert verdict(late.findings) is Verdict.BLOCK
    assert late.failure is not None


def test_a_detector_that_crashes_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a detector raises, the others run and strict blocks."""

    def crash(subject: Subject) -> list[Hit]:
        raise ZeroDivisionError(subject.change.head)

    monkeypatch.setattr(catalogue, "DETECTORS", {**catalogue.DETECTORS, "SEC-001": crash})
    judged = judge(change(BROKEN), plain_book(), Mode.STRICT, today=TODAY)
    assert {one.rule for one in judged.findings} == {"SYS-002", "INT-002"}
    assert judged.failure == "SEC-001 failed with ZeroDivisionError"


def test_remarks_and_sarif_carry_every_finding() -> None:
    """One remark per placed finding, and SARIF with the same fingerprints."""
    found = findings(BROKEN, file("b.py", "", f"{TLS}\n"))
    assert [(one.path, one.start_line) for one in remarks(found)] == [("a.py", 1), ("b.py", 1)]
    log = json.loads(to_sarif(ReviewResult(Verdict.BLOCK, found), plain_book(), version="1.2.3"))
    results = log["runs"][0]["results"]
    assert log["version"] == "2.1.0"
    assert [one["level"] for one in results] == ["error", "warning"]
    assert [one["partialFingerprints"]["clockworkFingerprint/v1"] for one in results] == [
        one.fingerprint for one in found
    ]
    assert [log["runs"][0]["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] for one in results] == [
        one.rule for one in found
    ]


LETTERS = "abcdefghijklmnopqrstu"
BOMB = "".join(f"{new}: &{new} [{', '.join(['*' + old] * 9)}]\n" for old, new in pairwise(LETTERS))
MERGES = "".join(f"- {{<<: *a, x{number}: 1}}\n" for number in range(500))
HOSTILE = {
    "alias bomb": "a: &a [1]\n" + BOMB,
    "merge bomb": "a: &a {" + ", ".join(f"k{number}: 1" for number in range(500)) + "}\nb:\n" + MERGES,
    "cycle": "kind: Pod\napiVersion: v1\nspec: &s\n  containers: [*s]\n  securityContext: *s\n",
    "depth": "[" * 100_000,
    "indent": "\n".join(" " * n + "a:" for n in range(2000)),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_yaml_neither_hangs_nor_passes_for_parsed(name: str) -> None:
    """Bombs are parsed with shared nodes or given up, never expanded."""
    judged = findings(file("k8s/a.yaml", None, HOSTILE[name]))
    documents = parse_documents(HOSTILE[name])
    assert not isinstance(documents, Unparsed) or documents.hostile or judged


@pytest.mark.parametrize(
    "text",
    ["[" * 70 + "]" * 70, '{"a": ' * 70 + "1" + "}" * 70, "[" + "1," * 310_000 + "1]"],
    ids=["lists", "mappings", "values"],
)
def test_json_past_the_limits_is_told(text: str) -> None:
    """JSON that Python reads and that is too deep or too long for rules is not taken for looked at."""
    (finding,) = findings(file("k8s/a.json", None, text))
    assert (finding.rule, finding.severity) == ("SYS-002", Severity.CRITICAL)
    assert findings(file("k8s/a.json", None, "[" * 50 + "]" * 50)) == ()


PATHS = ["a.py", "b.yaml", ".github/workflows/c.yml", "d.tf", "e.json", "package-lock.json"]
TEXTS = st.text(max_size=200)


@given(st.lists(st.tuples(st.sampled_from(PATHS), TEXTS, TEXTS), max_size=3, unique_by=lambda item: item[0]))
@settings(max_examples=60, deadline=None)
def test_no_text_crashes_a_detector(files: list[tuple[str, str, str]]) -> None:
    """Whatever the files hold, every detector answers."""
    judged = judge(change(*(file(*one) for one in files)), plain_book(), Mode.STRICT, today=TODAY)
    assert judged.failure is None


def test_a_name_that_is_no_text_is_told_as_far_as_it_is_one() -> None:
    """Git's names are bytes; what is told of a file has to fit into UTF-8."""
    pipe = file("\udcff.sh", None, "curl http://a.internal/b | sh\n")
    program = FileChange("\udcfe", FileStatus.ADDED, None, b"\x7fELF\2\1\1" + bytes(99), mode=0o100755)
    found = findings(pipe, program)
    assert {finding.rule for finding in found} == {"SEC-008", "SYS-001"}
    assert json.loads(to_sarif(ReviewResult(Verdict.WARN, found), book(), version="1"))["runs"][0]["results"]
