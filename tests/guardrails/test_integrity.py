"""INT rules fire on broken files and stay quiet on files that only talk about breakage."""

from __future__ import annotations

from bot.model.severity import Severity
from tests.guardrails.changes import Case, file, fire
from tests.table import table

OURS, THEIRS, MIDDLE = "<" * 7 + " HEAD", ">" * 7 + " topic", "=" * 7
CONFLICT = f"{OURS}\na\n{MIDDLE}\nb\n{THEIRS}\n"

FIRES = {
    "INT-001": [
        Case("a.py", "x = 1\n", f"{OURS}\nx = 1\n{MIDDLE}\nx = 2\n{THEIRS}\n"),
        Case("conf/app.yaml", None, f"a: 1\n{OURS}\nb: 1\n{MIDDLE}\nb: 2\n{THEIRS}\n"),
        Case("README.md", "hi\n", f"hi\n{OURS}\nyou\n{MIDDLE}\nall\n{THEIRS}\n"),
        Case("tests/test_a.py", 'A = """\nx\n"""\n', f'A = """\n{CONFLICT}"""\n', "in a string that was there"),
        Case("tests/test_a.py", None, f'A = """\n"""\n{CONFLICT}', "below a string"),
        Case("app/a.py", None, f'A = """\n{CONFLICT}"""\n', "a string of the program"),
    ],
    "INT-002": [
        Case("a.py", "print((1 + 2))\n", "print((1 + 2)\n"),
        Case("a.json", '{"a": 1}\n', '{"a": 1,}\n'),
        Case("a.yaml", "a:\n  b: 1\n", "a:\n  b: 1\n c: 2\n"),
        Case("a.toml", "[a]\nb = 1\n", "[a\nb = 1\n"),
        Case("a.tf", 'resource "a" "b" {\n  c = 1\n}\n', 'resource "a" "b" {\n  c = 1\n'),
        Case("infra/a.cw", "locals {\n  a = [1]\n}\n", "locals {\n  a = [1\n}\n"),
        Case("new.py", None, "def broken(:\n"),
    ],
    "INT-003": [
        Case("a.py", "def f():\n    return 1\n", "def f():\n    # ... rest of the code remains unchanged ...\n"),
        Case("a.ts", "a();\nb();\n", "a();\n// ... existing code ...\n"),
        Case("a.go", "x\ny\n", "x\n// rest of the implementation stays the same\n"),
        Case("a.js", "x();\n", "/* existing code here */\n"),
        Case("a.html", "<p>a</p>\n<p>b</p>\n", "<p>a</p>\n<!-- rest of the code unchanged -->\n"),
    ],
    "INT-005": [
        Case("a.py", "x = 1\n", "x = 1\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE\n"),
        Case("a.js", "x\n", "*** Begin Patch\n*** Update File: a.js\nx\n*** End Patch\n"),
        Case("b.py", None, "```python\nx = 1\n```\n"),
    ],
    "INT-006": [
        Case("a.py", "x = 1\n", "Certainly! Here is the updated file:\nx = 1\n"),
        Case("a.js", "x\n", "// Here is the updated code:\nx\n"),
        Case("a.go", "x\n", "// As an AI language model, I cannot run this.\nx\n"),
    ],
    "INT-007": [
        Case("a.py", "def f():\n    return [1, 2]\n\n\ndef g():\n    return 2\n", "def f():\n    return [1,"),
        Case("a.json", '{"a": [1, 2, 3, 4], "b": {"c": [5, 6, 7]}}\n', '{"a": [1, 2'),
    ],
}  # fmt: skip

QUIET = {
    "INT-001": [
        Case("a.rst", "", "Title\n=======\n", "a reST underline"),
        Case("t.py", "", f'TEXT = """\n  {OURS}\n  {THEIRS}\n"""\n', "indented in a string"),
        Case("a.md", "", f"{OURS}\n", "only one end"),
        Case("tests/test_a.py", "x = 1\n", f'x = 1\nA = """\n{CONFLICT}"""\n', "a test's string"),
        Case("a.test.ts", None, f"const a = `\n{CONFLICT}`\n", "a test's template"),
        Case("a_test.go", None, f"package a\nvar a = `\n{CONFLICT}`\n", "a test's raw string"),
        Case("src/test/java/A.java", None, f'class A {{ String a = """\n{CONFLICT}"""; }}\n', "a test's text block"),
        Case("a.md", f"{OURS}\n{THEIRS}\n", f"{OURS}\n{THEIRS}\nmore\n", "was there already"),
    ],
    "INT-002": [
        Case("a.py", "print((1\n", "print((2\n", "was broken before"),
        Case("tests/fixtures/bad.py", "x = 1\n", "x = (\n", "a fixture"),
        Case("a.py", "x = 1\n", "type Pair[T] = tuple[T, T]\n", "newer grammar"),
        Case("a.py", "x = 1\n", "def first[T](items: list[T]) -> T:\n    return items[0]\n", "newer grammar"),
        Case("a.py", "x = 1\n", "try:\n    x\nexcept ValueError, TypeError:\n    pass\n", "newer grammar"),
        Case("a.py", "x = 1\n", "x = f'{a['b']}'\n", "newer grammar"),
        Case("tsconfig.json", '{"a": 1}', '{"a": 1, // why\n}', "JSON with comments"),
        Case("chart/templates/a.yaml", "a: 1\n", "{{- if .Values.x }}\na: 1\n{{- end }}\n", "a template"),
        Case("w.yml", "a: 1\n", "a: 1\nrun: echo ${{ github.sha }}\n", "an Actions expression is plain text"),
        Case("a.py", "print 1\n", None, "removed"),
        Case("data.json", '{"a": 1}\n', '{"a": 1}\n{"a": 2}\n', "JSON lines"),
    ],
    "INT-003": [
        Case("a.md", "", "# ... rest of the code remains unchanged ...\n", "documentation"),
        Case("a.tsx", "", "return <A {...props} />\n", "a spread"),
        Case("a.py", "", "def f() -> None:\n    ...\n", "an ellipsis"),
        Case("a.py", "", 'TEXT = "the rest of the code unchanged"\n', "a string"),
        Case("a.py", "", "# the rest of the row is padding\n"),
        Case("a.py", "", "# existing rows are kept\n"),
        Case("a.py", "# existing code here\n", "x = 1\n# existing code here\n", "was there already"),
    ],
    "INT-005": [
        Case("prompts/edit.md", "", "<<<<<<< SEARCH\n>>>>>>> REPLACE\n", "a prompt quotes it"),
        Case("a.py", "", 'PROMPT = """\n    <<<<<<< SEARCH\n"""\n', "indented in a string"),
        Case("a.md", None, "```\nx\n```\n", "Markdown"),
    ],
    "INT-006": [
        Case("ui.ts", "", 'const greeting = "Certainly! Here is the updated file:";\n', "a UI string"),
        Case("tests/test_chat.py", "", "# Certainly! Here is the updated code:\n", "a test"),
        Case("a.py", "", "# Here is the cache of parsed rows.\n"),
    ],
    "INT-007": [
        Case("a.py", "def f():\n    return 1\n\n\ndef g():\n    return 2\n", "def f():\n    return 1\n"),
        Case("a.py", "x = 1\n", "x = 1", "no final newline, but whole"),
    ],
}  # fmt: skip


@table(("rule", "case"), [(rule, case) for rule, cases in FIRES.items() for case in cases])
def test_fires(rule: str, case: Case) -> None:
    """Each rule points at a line of the file that broke."""
    found = fire(rule, file(case.path, case.before, case.after))
    assert found, case
    assert found[0].file == case.path
    assert 1 <= (found[0].line or 0) <= len((case.after or "").splitlines())


@table(("rule", "case"), [(rule, case) for rule, cases in QUIET.items() for case in cases])
def test_quiet(rule: str, case: Case) -> None:
    """Each rule is quiet on its near-misses."""
    assert fire(rule, file(case.path, case.before, case.after)) == []


def test_a_conflict_in_test_data_is_a_remark() -> None:
    """It may be there on purpose."""
    assert [hit.severity for hit in fire("INT-001", file("tests/fixtures/a.txt", None, CONFLICT))] == [Severity.LOW]


NESTED = '''\
class A:
    def x(self):
        """Text
at the margin
        """
        # TODO: later
        pass


def g(
    a,
):
    # for now
    return None
# TODO: after it


def h(): ...  # stub
z = 1  # FIXME
'''


def test_placeholders_are_found_wherever_they_stand() -> None:
    """In a class, below a text that reaches the margin, with brackets at the margin, on one line."""
    assert sorted(hit.line or 0 for hit in fire("INT-004", file("src/a.py", None, NESTED))) == [2, 10, 18]
    assert fire("INT-004", file("src/a.py", None, "def f(a):\n    b = a\n    # TODO: more\n    return b\n")) == []
