"""Guardrail documents: strict front matter, examples that must hold, and every kind of detection."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.errors import Invalid
from bot.guardrails import expressions, ready
from bot.guardrails.documents import parse
from bot.guardrails.kinds import hits
from bot.guardrails.rule import Subject
from bot.guardrails.rulebook import load
from bot.model.finding import AuthorKind, Enforce, FileChange, Mode
from bot.model.severity import Severity
from tests.guardrails.changes import book, change, file, shipped_documents
from tests.table import table

HEAD = "id: own-rule\ntitle: A rule\nseverity: high\n"
REGEX = (
    "detect: {kind: regex, keywords: [verify], pattern: '\\bverify\\s*=\\s*False\\b', not_in: [comment, docs, tests]}\n"
)


def document(front: str, body: str = "Why it matters. And more.") -> bytes:
    """A document with this front matter."""
    return f"---\n{HEAD}{front}---\n{body}\n".encode()


def test_shipped_documents_are_known_beforehand() -> None:
    """Each as reading it says; ``python .github/scripts/guardrails.py`` writes them down after a change."""
    documents = {path: data for path, data in shipped_documents().items() if not path.endswith("README.md")}
    assert documents
    for path, data in documents.items():
        assert ready.guardrail(path, data) == parse(path, data), path


def test_a_document_that_was_changed_is_read() -> None:
    """What is known beforehand is known by every byte."""
    path, data = "guardrails/sec-001-secret-known.md", shipped_documents()["guardrails/sec-001-secret-known.md"]
    assert ready.guardrail(path, data + b"\n") is None
    changed = load({}, shipped={path: data.replace(b"severity: critical", b"severity: low")})
    assert [each.severity for each in changed.guardrails] == [Severity.LOW]


@table(
    ("data", "words"),
    [
        (b"no front matter", "begins with"),
        (document("severity: low\n" + REGEX), "written twice"),
        (document(REGEX + "colour: red\n"), "colour: unknown key"),
        (document("detect: {kind: regex, pattern: a, speed: 9}\n"), "unknown key"),
        (document("detect: {kind: magic}\n"), "detect"),
        (document(REGEX + "applies: {paths: [/etc/*]}\n"), "absolute"),
        (document(REGEX + "applies: {paths: ['../x']}\n"), "leaves the repository"),
        (document("detect: {kind: regex, pattern: '(a+)+$'}\n"), "may be very slow"),
        (document("detect: {kind: regex, pattern: '(?=a)b'}\n"), "look-around"),
        (document("detect: {kind: regex, pattern: '(a'}\n"), "not a regular expression"),
        (document("detect: {kind: regex, pattern: 'a*'}\n"), "empty line"),
        (document("detect: {kind: structural, select: 'a..b', when: {to: true}}\n"), "stops making sense"),
        (document("detect: {kind: path}\n"), "applies.paths"),
        (document(REGEX + "enforce: {standard: maybe}\n"), "enforce"),
        (document("a: [\n"), ":"),
        (b"---\nid: x\n---\n\xff", "not UTF-8"),
    ],
)  # fmt: skip
def test_mistakes_are_load_errors(data: bytes, words: str) -> None:
    """A document with a mistake does not load; the message names the file and what is wrong."""
    with pytest.raises(Invalid, match=r"policies/guardrails/x\.md") as error:
        parse("policies/guardrails/x.md", data)
    assert words in str(error.value)
    assert book({"policies/guardrails/x.md": data}).get("own-rule") is None


BLOCK = "detect:\n  kind: regex\n  keywords: [verify]\n"


@table(
    ("front", "said"),
    [
        ("detekt: {kind: builtin}\n", "5: detekt: unknown key"),
        ("detekt:\n  kind: builtin\n", "5: detekt: unknown key"),
        (BLOCK + "  pattern: a\n  speed:\n    fast: 9\n", "9: detect.speed: unknown key"),
        (BLOCK, "5: detect.pattern: is missing"),
        ("owner: me\n", "2: detect: is missing"),
        ("detect:\n  kind: regex\n  pattern: a\n  keywords: verify\n", "8: detect.keywords: should be a list"),
        (REGEX + "applies: src\n", "6: applies: should be a mapping"),
        (REGEX + "enforce:\n  standrd: block\n", "7: enforce.standrd: unknown key; known are 'standard' or 'strict'"),
        (REGEX + "enforce:\n  standrd: null\n", "7: enforce.standrd: unknown key; known are 'standard' or 'strict'"),
        (BLOCK + "  pattern: '(a'\n", "8: detect.pattern: pattern '(a' is not a regular expression"),
        (BLOCK + "  pattern: |-\n    (a\n", "8: detect.pattern: pattern '(a' is not a regular expression"),
        ("detect: {kind: regex, pattern: '(a'}\n", "5: detect.pattern: pattern '(a'"),
        ("detect: {kind: count, max: 1}\n", "5: detect: count: a pattern goes with"),
        (BLOCK + "  pattern: a\napplies:\n  paths: [a]\n  exclude:\n  - ../x\n", "11: applies.exclude: "),
        (REGEX + "examples:\n- {fire: true, path: a, add: x}\n- {fire: true, path: a}\n", "8: examples.1: an example needs"),
    ],
)  # fmt: skip
def test_mistakes_are_told_where_they_are_written(front: str, said: str) -> None:
    """The line is that of the key that is wrong, and a misspelt key is told before the key it was meant to be."""
    with pytest.raises(Invalid) as error:
        parse("policies/guardrails/x.md", document(front))
    assert str(error.value).startswith(f"policies/guardrails/x.md:{said}")


def test_a_mode_that_says_nothing_is_not_set() -> None:
    """``null`` leaves it to the severity; the mode beside it counts."""
    assert parse("x.md", document(REGEX + "enforce: {standard: null, strict: 'off'}\n")).enforce == {
        Mode.STRICT: Enforce.OFF
    }


def test_examples_must_hold() -> None:
    """One example that does not hold keeps the document out and is named."""
    good = 'examples:\n- {fire: true, path: a.py, add: "get(u, verify=False)"}\n'
    good += '- {fire: false, path: a.md, add: "verify=False"}\n'
    bad = 'examples:\n- {fire: true, path: tests/test_a.py, add: "get(u, verify=False)"}\n'
    assert book({"policies/guardrails/x.md": document(REGEX + good)}).get("own-rule") is not None
    rules = book({"policies/guardrails/x.md": document(REGEX + bad)})
    assert rules.get("own-rule") is None
    assert "should fire and did not" in rules.errors[0]


REQUIRE = (
    "detect: {kind: require, if_changed: 'src/**', then_any: [{changed: 'CHANGELOG.md'}, {label: no-changelog}]}\n"
)
STRUCTURE = "detect: {kind: structural, select: 'spec.containers[*].tty', when: {to: true}}\n"
GONE = "detect: {kind: structural, select: 'spec.suspend', when: {gone: true}, kinds: [Job]}\n"
POD = "kind: Pod\nmetadata: {{name: a}}\nspec: {{containers: [{{name: a, tty: {}}}]}}\n"
JOB = "kind: Job\nmetadata: {name: a}\nspec: {%s}\n"


@table(
    ("front", "files", "count"),
    [
        (REGEX, [file("a.py", "", "f(verify=False)\n")], 1),
        (REGEX, [file("a.py", "", "# verify=False\n")], 0),
        (REGEX, [file("a.py", "f(verify=False)\n", "g(verify = False)\n")], 0),
        ("detect: {kind: count, of: matches, pattern: 'TODO', max: 1}\n", [file("a.py", "", "# TODO\n# TODO\n")], 1),
        ("detect: {kind: count, of: matches, pattern: 'TODO', max: 2}\n", [file("a.py", "", "# TODO\n# TODO\n")], 0),
        ("detect: {kind: count, of: added_lines, max: 2}\n", [file("a.py", "", "1\n2\n3\n")], 1),
        ("detect: {kind: count, of: files, max: 1}\n", [file("a", "", "1"), file("b", "", "1")], 1),
        (STRUCTURE, [file("a.yaml", POD.format("false"), POD.format("true"))], 1),
        (STRUCTURE, [file("a.yaml", POD.format("true"), POD.format("true") + "# more\n")], 0),
        (GONE, [file("a.yaml", JOB % "suspend: true", JOB % "x: 1")], 1),
        (GONE, [file("a.yaml", JOB % "suspend: false", JOB % "x: 1")], 0),
        ("detect: {kind: path, status: [removed]}\napplies: {paths: ['db/**']}\n", [file("db/a/b.sql", "x", None)], 1),
        ("detect: {kind: path, status: [removed]}\napplies: {paths: ['db/**']}\n", [file("db/a.sql", "x", "y")], 0),
        (REQUIRE, [file("src/a.py", "", "x\n")], 1),
        (REQUIRE, [file("src/a.py", "", "x\n"), file("CHANGELOG.md", "", "x\n")], 0),
        ("detect: {kind: ai, question: 'Is it kind?'}\n", [file("a.py", "", "x\n")], 0),
    ],
)  # fmt: skip
def test_kinds(front: str, files: list[FileChange], count: int) -> None:
    """Each kind of detection fires where it should and only there."""
    guardrail = parse("policies/guardrails/x.md", document(front))
    found = list(hits(guardrail, Subject(change(*files))))
    assert len(found) == count
    assert all(hit.message.startswith("Why it matters.") for hit in found)


def test_a_label_satisfies_a_requirement_and_authors_narrow_a_rule() -> None:
    """Labels and authors of the change are looked at."""
    guardrail = parse("x.md", document(REQUIRE))
    labelled = replace(change(file("src/a.py", "", "x\n")), labels=("no-changelog",))
    assert list(hits(guardrail, Subject(labelled))) == []
    narrowed = parse("x.md", document(REQUIRE + "applies: {authors: [agent]}\n"))
    subject = Subject(change(file("src/a.py", "", "x\n")))
    assert list(hits(guardrail, subject))
    assert list(hits(narrowed, subject)) == []
    assert list(hits(narrowed, Subject(change(file("src/a.py", "", "x\n"), author=AuthorKind.AGENT))))


def test_own_documents_replace_shipped_ones_and_agent_documents_wait_for_their_agent() -> None:
    """A repository may tune a built-in rule; a document under agents/ counts when the agent is named."""
    tuned = b"---\nid: TST-007\ntitle: Ours\nseverity: high\ndetect: {kind: builtin}\n---\nBecause.\n"
    agent = b"---\nid: mine\ntitle: Mine\nseverity: low\ndetect: {kind: ai, question: Why?}\n---\n"
    unknown = b"---\nid: XYZ-1\ntitle: Mine\nseverity: low\ndetect: {kind: builtin}\n---\n"
    rules = book(
        {
            "policies/guardrails/t.md": tuned,
            "policies/guardrails/agents/devin.md": agent,
            "policies/guardrails/u.md": unknown,
        }
    )
    own = rules.get("TST-007")
    assert own is not None
    assert own.title == "Ours"
    assert "mine" not in {one.id for one in rules.for_agent("claude")}
    assert "mine" in {one.id for one in rules.for_agent("devin")}
    assert "no built-in rule XYZ-1" in rules.errors[0]
    assert rules.hash != load({}, shipped={}).hash


@table(
    ("pattern", "safe"),
    [
        (r"\bverify\s*=\s*False\b", True), (r"foo.*bar", True), (r"(ab|a)+", False), (r"(a|b)+", True),
        (r"(a*)*b", False), (r".*a.*b", False),
        (r"\s*\s*x", False), (r"\w+\s+\w+", True), (r"a{2,10}b", True), (r"[a-z]+[0-9]+", True), (r"\w+\d+x", False),
    ],
)  # fmt: skip
def test_slow_expressions_are_refused(pattern: str, safe: bool) -> None:
    """Repeats that can trade characters with each other are refused, others load."""
    if safe:
        expressions.check(pattern)
    else:
        with pytest.raises(Invalid, match="slow"):
            expressions.check(pattern)
