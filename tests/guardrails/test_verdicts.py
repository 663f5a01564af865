"""From hits to one answer: severities, what each does in a mode, remarks in order, fingerprints, waivers, selected values."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest

from bot.errors import Invalid
from bot.guardrails import catalogue
from bot.guardrails.judge import MAX_PER_RULE, fingerprint, judge, ordered, system
from bot.guardrails.report import conclusion, remarks
from bot.guardrails.rule import Builtin, Guardrail, Hit, Subject, WaiverPolicy
from bot.guardrails.select import segments, select
from bot.guardrails.structure import Unparsed, parse_documents
from bot.guardrails.verdict import enforcement, verdict
from bot.guardrails.waivers import Waiver, baseline_waiver, parse_baseline
from bot.model.codehost import Annotation, AnnotationLevel, CheckState
from bot.model.finding import AuthorKind, Enforce, Finding, Mode, Verdict
from bot.model.severity import Severity
from tests.guardrails.changes import book, change, file, plain_book
from tests.table import table

TODAY = date(2026, 3, 1)


def guardrail(**more: object) -> Guardrail:
    """A rule that code detects."""
    base = Guardrail(
        id="SEC-001", title="A title", severity=Severity.MEDIUM, category="security", detect=Builtin(), file="a.md"
    )
    return replace(base, **more)  # type: ignore[arg-type]


def finding(**more: object) -> Finding:
    """One finding."""
    base = Finding("R-1", "A title", Severity.MEDIUM, Enforce.WARN, "a.py", 3, 3, "It is odd.")
    return replace(base, **more)  # type: ignore[arg-type]


# -- what a finding does -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("severity", "standard", "strict"),
    [
        (Severity.CRITICAL, Enforce.WARN, Enforce.BLOCK),
        (Severity.HIGH, Enforce.WARN, Enforce.WARN),
        (Severity.MEDIUM, Enforce.NOTICE, Enforce.NOTICE),
        (Severity.LOW, Enforce.NOTICE, Enforce.NOTICE),
    ],
)
def test_each_severity_in_each_mode(severity: Severity, standard: Enforce, strict: Enforce) -> None:
    """Only strict blocks, and only on what is critical."""
    assert enforcement(None, severity, Mode.STANDARD) is standard
    assert enforcement(None, severity, Mode.STRICT) is strict
    assert enforcement(guardrail(), severity, Mode.STRICT) is strict


def test_a_document_s_own_word_comes_first() -> None:
    """In the mode that it speaks of."""
    own = guardrail(enforce={Mode.STRICT: Enforce.OFF})
    assert enforcement(own, Severity.CRITICAL, Mode.STRICT) is Enforce.OFF
    assert enforcement(own, Severity.CRITICAL, Mode.STANDARD) is Enforce.WARN


@pytest.mark.parametrize(
    ("enforces", "answer", "state"),
    [
        ([], Verdict.APPROVE, CheckState.SUCCESS),
        ([Enforce.OFF], Verdict.APPROVE, CheckState.SUCCESS),
        ([Enforce.NOTICE], Verdict.APPROVE, CheckState.SUCCESS),
        ([Enforce.NOTICE, Enforce.WARN], Verdict.WARN, CheckState.NEUTRAL),
        ([Enforce.BLOCK, Enforce.WARN], Verdict.BLOCK, CheckState.FAILURE),
    ],
)
def test_the_worst_finding_decides(enforces: list[Enforce], answer: Verdict, state: CheckState) -> None:
    """And only what blocks fails the check."""
    assert verdict([finding(enforce=enforce) for enforce in enforces]) is answer
    assert conclusion(answer) is state


# -- remarks and order ---------------------------------------------------------------------------------------------

ORDER = [
    finding(enforce=Enforce.BLOCK, severity=Severity.LOW, file="z.py", line=9),
    finding(enforce=Enforce.WARN, severity=Severity.HIGH, file="z.py", line=9),
    finding(enforce=Enforce.WARN, severity=Severity.LOW, file="a.py", line=2),
    finding(enforce=Enforce.WARN, severity=Severity.LOW, file="a.py", line=3),
    finding(enforce=Enforce.WARN, severity=Severity.LOW, file="b.py", line=1),
    finding(enforce=Enforce.NOTICE, severity=Severity.CRITICAL, file="a.py", line=1),
]


@pytest.mark.parametrize("shuffled", [ORDER[::-1], ORDER[3:] + ORDER[:3], ORDER[1:] + ORDER[:1]])
def test_the_worst_comes_first_then_the_place(shuffled: list[Finding]) -> None:
    """By what it does, then by severity, file and line; in the list and in the remarks."""
    assert list(ordered(shuffled)) == ORDER
    assert [(remark.path, remark.start_line) for remark in remarks(shuffled)] == [(one.file, one.line) for one in ORDER]


def test_findings_of_one_place_are_ordered_by_rule() -> None:
    """What has no place stands before what has one."""
    two = [finding(rule="B"), finding(rule="A"), finding(file=None, line=None), finding(line=None)]
    assert [(one.file, one.line, one.rule) for one in ordered(two)] == [
        (None, None, "R-1"),
        ("a.py", None, "R-1"),
        ("a.py", 3, "A"),
        ("a.py", 3, "B"),
    ]


@pytest.mark.parametrize(
    ("enforce", "level"),
    [
        (Enforce.BLOCK, AnnotationLevel.FAILURE),
        (Enforce.WARN, AnnotationLevel.WARNING),
        (Enforce.NOTICE, AnnotationLevel.NOTICE),
    ],
)
def test_a_remark_says_what_a_finding_says(enforce: Enforce, level: AnnotationLevel) -> None:
    """Its place, its title with the rule's id, its message and what to do instead."""
    assert remarks([finding(enforce=enforce, end_line=5, suggestion="Name it.")]) == (
        Annotation("a.py", 3, 5, level, "R-1 A title", "It is odd.\n\nName it."),
    )


def test_a_remark_fits_what_a_host_takes() -> None:
    """255 characters of title and 4000 of message; it ends no earlier than it begins."""
    (remark,) = remarks([finding(title="t" * 300, message="m" * 5000, end_line=2)])
    assert (len(remark.title), len(remark.message), remark.end_line) == (255, 4000, 3)
    assert remark.message == "m" * 4000
    (without,) = remarks([finding(end_line=None)])
    assert (without.start_line, without.end_line) == (3, 3)


@pytest.mark.parametrize("more", [{"file": None}, {"line": None}, {"line": 0}, {"enforce": Enforce.OFF}])
def test_what_has_no_place_has_no_remark(more: dict[str, object]) -> None:
    """Nor what is switched off."""
    assert remarks([finding(**more)]) == ()


# -- judging -------------------------------------------------------------------------------------------------------


def judged_hits(
    monkeypatch: pytest.MonkeyPatch, *hits: Hit, mode: Mode = Mode.STRICT, author: AuthorKind = AuthorKind.HUMAN
) -> tuple[Finding, ...]:
    """What SEC-001 (critical) says when its detector points at these places of a file of three lines."""
    monkeypatch.setattr(catalogue, "DETECTORS", {"SEC-001": lambda _subject: hits})
    rules = replace(plain_book(), guardrails=tuple(one for one in plain_book().guardrails if one.id == "SEC-001"))
    edit = file("a.py", "", "one\ntwo\nthree\n")
    return judge(change(edit, author=author), rules, mode, today=TODAY).findings


def test_a_hit_becomes_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the rule's title and category, its place, and a mark over the line it is about."""
    (made,) = judged_hits(monkeypatch, Hit("a.py", 2, "Odd.", suggestion="Fix.", evidence="two"))
    rule = plain_book().get("SEC-001")
    assert rule is not None
    assert (made.rule, made.title, made.category) == ("SEC-001", rule.title, rule.category)
    assert (made.file, made.line, made.end_line, made.message) == ("a.py", 2, 2, "Odd.")
    assert (made.suggestion, made.evidence, made.enforce) == ("Fix.", "two", Enforce.BLOCK)
    assert made.fingerprint == fingerprint("SEC-001", "a.py", "two", 0)


@pytest.mark.parametrize(
    ("hit", "text", "end_line"),
    [
        (Hit("a.py", 1, "m", end_line=3), "one", 3),
        (Hit("a.py", 3, "m"), "three", 3),
        (Hit("a.py", 4, "m"), "m", 4),
        (Hit("a.py", 0, "m"), "m", 0),
        (Hit("a.py", None, "m"), "m", None),
        (Hit("other.py", 1, "m"), "m", 1),
        (Hit(None, None, "m"), "m", None),
        (Hit("a.py", 2, "m", anchor=" an  anchor "), "an anchor", 2),
        (Hit("a.py", 2, "m", anchor=""), "", 2),
    ],
)
def test_a_mark_is_about_the_line_or_its_anchor(
    monkeypatch: pytest.MonkeyPatch, hit: Hit, text: str, end_line: int | None
) -> None:
    """Where there is no such line, about the message."""
    (made,) = judged_hits(monkeypatch, hit)
    assert made.fingerprint == fingerprint("SEC-001", hit.file or "", text, 0)
    assert made.end_line == end_line


@pytest.mark.parametrize(
    ("severity", "expected"),
    [(None, Severity.CRITICAL), (Severity.LOW, Severity.LOW), (Severity.MEDIUM, Severity.CRITICAL)],
)
def test_a_hit_raises_severity_or_is_often_harmless(
    monkeypatch: pytest.MonkeyPatch, severity: Severity | None, expected: Severity
) -> None:
    """LOW is taken at its word; anything else never lowers the rule's own."""
    (made,) = judged_hits(monkeypatch, Hit("a.py", 1, "m", severity=severity))
    assert made.severity is expected


def test_secrets_are_in_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Message and evidence are shown without what looks like one."""
    token = "ghp_" + "a1B2" * 9
    (made,) = judged_hits(monkeypatch, Hit("a.py", 1, f"found {token}", evidence=f"x = {token}"))
    assert token not in made.message
    assert token not in str(made.evidence)


def test_each_occurrence_has_its_own_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same line twice, in order; another file begins again."""
    made = judged_hits(monkeypatch, Hit("a.py", 1, "m"), Hit("a.py", 1, "m"), Hit("b.py", None, "one"))
    assert {one.fingerprint for one in made} == {
        fingerprint("SEC-001", "a.py", "one", 0),
        fingerprint("SEC-001", "a.py", "one", 1),
        fingerprint("SEC-001", "b.py", "one", 0),
    }


def test_many_findings_of_one_rule_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty are told, the rest is a sentence."""
    for number, notes in (
        (MAX_PER_RULE, ()),
        (MAX_PER_RULE + 2, ("SEC-001 fired 2 more times than the 50 that are shown.",)),
    ):
        hits = [Hit("a.py", None, f"m{one}") for one in range(number)]
        monkeypatch.setattr(catalogue, "DETECTORS", {"SEC-001": lambda _subject, hits=hits: hits})
        rules = replace(plain_book(), guardrails=tuple(one for one in plain_book().guardrails if one.id == "SEC-001"))
        judgement = judge(change(file("a.py", "", "x\n")), rules, Mode.STRICT, today=TODAY)
        assert len(judgement.findings) == MAX_PER_RULE
        assert judgement.notes == notes
        assert judgement.failure is None


def test_a_finding_about_the_review_blocks_in_strict() -> None:
    """It is critical there and a warning elsewhere; a rule that nobody describes is titled by its id."""
    made = system(plain_book(), "SYS-001", Mode.STRICT, "Cut off.", file="a.py", line=4)
    assert (made.severity, made.enforce, made.file, made.line, made.end_line) == (
        Severity.CRITICAL,
        Enforce.BLOCK,
        "a.py",
        4,
        4,
    )
    assert made.category == "system"
    assert made.title == plain_book().get("SYS-001").title  # type: ignore[union-attr]
    assert made.fingerprint == fingerprint("SYS-001", "a.py", "Cut off.", 0)
    mild = system(plain_book(), "NONE-1", Mode.STANDARD, "Cut off.", anchor="x")
    assert (mild.severity, mild.enforce, mild.title) == (Severity.HIGH, Enforce.WARN, "NONE-1")
    assert mild.fingerprint == fingerprint("NONE-1", "", "x", 0)


def test_checks_that_did_not_run_are_told() -> None:
    """From the rule at which time was up; without a limit of time all of them run."""
    answers = itertools.chain([False], itertools.repeat(True))
    judgement = judge(
        change(file("a.py", "", "x\n")), plain_book(), Mode.STRICT, today=TODAY, expired=lambda: next(answers)
    )
    second = plain_book().for_agent(None)[1].id
    assert judgement.failure == "the time for detectors was used up"
    assert [one.message for one in judgement.findings] == [
        f"Not all checks ran: the time for detectors was used up, before {second}."
    ]
    assert judge(change(file("a.py", "", "x\n")), plain_book(), Mode.STRICT, today=TODAY).failure is None


def test_a_truncated_change_is_not_whole() -> None:
    """The reason is the finding's and the judgement's."""
    judgement = judge(replace(change(), truncated="3000 files"), plain_book(), Mode.STRICT, today=TODAY)
    assert judgement.failure == "3000 files"
    assert judgement.findings[0].message == "The change was not wholly seen: 3000 files."


def test_documents_that_are_wrong_are_noted() -> None:
    """A repository's own mistake does not go unsaid."""
    rules = book({"policies/guardrails/x.md": b"no front matter"})
    judgement = judge(change(), rules, Mode.STANDARD, today=TODAY)
    assert len(judgement.notes) == len(rules.errors) == 1
    assert judgement.notes[0].startswith("Document left out: ")


# -- waivers -------------------------------------------------------------------------------------------------------

TLS = "requests.get(u, verify=False)"


def kept(text: str, *, allow: bool = True, days: int = 90, author: AuthorKind = AuthorKind.HUMAN) -> bool:
    """Whether SEC-004 still stands in a file of this text."""
    rules = replace(
        plain_book(),
        guardrails=tuple(
            replace(one, waiver=WaiverPolicy(allow=allow, max_days=days))
            for one in plain_book().guardrails
            if one.id == "SEC-004"
        ),
    )
    judgement = judge(change(file("a.py", "", text), author=author), rules, Mode.STRICT, today=TODAY)
    assert len(judgement.findings) + len(judgement.waived) == 1
    return bool(judgement.findings)


def waiver(until: str = "2026-03-31", reason: str = '"a test rig"', rule: str = "SEC-004") -> str:
    return f"# guardrail: allow {rule} until={until} reason={reason}"


@table(
    ("text", "stands"),
    [
        (f"{waiver()}\n{TLS}\n", False),
        (f"{TLS}  {waiver()}\n", False),
        (f"{TLS}\n{waiver()}\n", True),
        (f"{waiver()}\n\n{TLS}\n", True),
        (f"x\n{waiver()}\n{TLS}", False),
        (f"{waiver('2026-03-01')}\n{TLS}\n", False),
        (f"{waiver('2026-02-28')}\n{TLS}\n", True),
        (f"{waiver('2026-05-30')}\n{TLS}\n", False),
        (f"{waiver('2026-05-31')}\n{TLS}\n", True),
        (f"{waiver('2026-02-30')}\n{TLS}\n", True),
        (f"{waiver(reason='long-enough')}\n{TLS}\n", False),
        (f"{waiver(reason='short')}\n{TLS}\n", True),
        (f"{waiver(rule='SEC-003')}\n{TLS}\n", True),
        (f"{' ' * 1900}{waiver()}\n{TLS}\n", False),
        (f"{' ' * 2000}{waiver()}\n{TLS}\n", True),
    ],
)
def test_a_comment_waives_on_its_line_and_the_next(text: str, stands: bool) -> None:
    """From today until the last day that the rule allows, with a reason that says something."""
    assert kept(text) is stands


def test_only_people_waive_and_only_where_the_rule_lets_them() -> None:
    """A bot is somebody's tool; an agent reviews itself."""
    text = f"{waiver()}\n{TLS}\n"
    assert not kept(text, author=AuthorKind.BOT)
    assert kept(text, author=AuthorKind.AGENT)
    assert kept(text, allow=False)


def test_what_was_waived_is_still_told() -> None:
    """As a notice that says so."""
    judgement = judge(change(file("a.py", "", f"{waiver()}\n{TLS}\n")), plain_book(), Mode.STRICT, today=TODAY)
    (one,) = judgement.waived
    assert one.enforce is Enforce.NOTICE
    assert one.message.endswith("Waived by this change itself: a test rig")


def test_a_baseline_entry_is_for_one_rule_and_a_while() -> None:
    """Its last day counts; without one it stays."""
    baseline = {"f": Waiver("R-1", TODAY, "known"), "g": Waiver("R-1", None, "known")}
    assert baseline_waiver(baseline, "R-1", "f", today=TODAY) is baseline["f"]
    assert baseline_waiver(baseline, "R-1", "f", today=date(2026, 3, 2)) is None
    assert baseline_waiver(baseline, "R-1", "g", today=date(2099, 1, 1)) is baseline["g"]
    assert baseline_waiver(baseline, "R-2", "f", today=TODAY) is None
    assert baseline_waiver(baseline, "R-1", "h", today=TODAY) is None


WRONG = "an entry has fingerprint, rule, reason and perhaps until (a date)"


@table(
    ("text", "entries", "errors"),
    [
        (None, {}, ()),
        ("", {}, ()),
        ("findings: []", {}, ()),
        ("findings:\n- {fingerprint: f, rule: r, reason: x}", {"f": Waiver("r", None, "x")}, ()),
        ("- {fingerprint: f, rule: r, reason: x, until: 2026-03-01}", {"f": Waiver("r", TODAY, "x")}, ()),
        ("- {fingerprint: f, rule: r}", {}, (f"baseline.yaml:1: {WRONG}",)),
        ("-\n  {fingerprint: f, rule: r, reason: x, other: y}", {}, (f"baseline.yaml:2: {WRONG}",)),
        ("- {fingerprint: f, rule: r, reason: x, until: soon}", {}, (f"baseline.yaml:1: {WRONG}",)),
    ],
)
def test_a_baseline_is_read_entry_by_entry(
    text: str | None, entries: Mapping[str, Waiver], errors: tuple[str, ...]
) -> None:
    """What is wrong is named with its line, and the rest counts."""
    assert parse_baseline(None if text is None else text.encode()) == (entries, errors)


def test_a_baseline_that_is_no_yaml_says_where() -> None:
    """And waives nothing."""
    baseline, errors = parse_baseline(b"a: [\n")
    assert baseline == {}
    assert len(errors) == 1
    assert errors[0].startswith("baseline.yaml:")


# -- selected values -----------------------------------------------------------------------------------------------

POD = """
spec:
  containers:
  - {name: web, tty: true, "a.b/c": 1}
  - {tty: false}
  labels: {x: 1, y: {tty: deep}}
"""


def selected(path: str, text: str = POD) -> dict[tuple[str, ...], str]:
    documents = parse_documents(text)
    assert not isinstance(documents, Unparsed)
    return {one.path: one.node.raw for one in select(documents[0], path)}


@table(
    ("path", "values"),
    [
        (
            "spec.containers[*].tty",
            {("spec", "containers", "[web]", "tty"): "true", ("spec", "containers", "[1]", "tty"): "false"},
        ),
        ('spec.containers[*]["a.b/c"]', {("spec", "containers", "[web]", "a.b/c"): "1"}),
        ("spec.labels.*", {("spec", "labels", "x"): "1", ("spec", "labels", "y"): ""}),
        ("spec.labels.x", {("spec", "labels", "x"): "1"}),
        ("spec.containers.*.name", {("spec", "containers", "[web]", "name"): "web"}),
        ("spec.labels[*].tty", {("spec", "labels", "y", "tty"): "deep"}),
        ("spec.nothing", {}),
        ("spec.labels.x.y", {}),
    ],
)
def test_a_path_selects_values(path: str, values: dict[tuple[str, ...], str]) -> None:
    """Keys, keys of any characters, every value, every element; list elements are named where they have a name."""
    assert selected(path) == values


def test_two_stars_are_any_depth() -> None:
    """Also none."""
    assert set(selected("**.tty").values()) == {"true", "false", "deep"}
    assert selected("spec.**.x") == {("spec", "labels", "x"): "1"}
    assert selected("**.labels.**.y.tty") == {("spec", "labels", "y", "tty"): "deep"}


@pytest.mark.parametrize(("depth", "reached"), [(39, True), (40, True), (41, False)])
def test_any_depth_ends_at_forty(depth: int, reached: bool) -> None:
    """Nobody writes deeper, and a hostile file may."""
    text = "".join(f"{' ' * n}k{n}:\n" for n in range(depth)) + " " * depth + "end: here\n"
    assert ("here" in selected("**.end", text).values()) is reached


@table("path", ["", "a..b", "a b", "**.**.**", "a[1]", 'a["]', ".".join(["a"] * 41), "a.", 'a[""]'])
def test_a_path_that_makes_no_sense_is_refused(path: str) -> None:
    """When the document is read."""
    with pytest.raises(Invalid, match="select"):
        segments(path)


@pytest.mark.parametrize("path", ["a", "**.**", ".".join(["a"] * 40), '["a b"].c', "a[*].*", "$x/y-z"])
def test_a_path_that_makes_sense_is_taken(path: str) -> None:
    """Up to forty parts and two ``**``."""
    segments(path)


def test_a_mistake_in_a_path_names_its_column() -> None:
    """From 1."""
    with pytest.raises(Invalid, match="stops making sense at column 3"):
        segments("ab!c")


def test_a_subject_is_what_a_detector_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The change, with the options of the rule book."""
    seen: list[Subject] = []

    def nothing(subject: Subject) -> tuple[Hit, ...]:
        seen.append(subject)
        return ()

    monkeypatch.setattr(catalogue, "DETECTORS", {"SEC-001": nothing})
    rules = replace(plain_book(), guardrails=tuple(one for one in plain_book().guardrails if one.id == "SEC-001"))
    edit = change(file("a.py", "", "x\n"))
    judge(edit, rules, Mode.STRICT, today=TODAY)
    assert [(subject.change, subject.options) for subject in seen] == [(edit, rules.options)]
