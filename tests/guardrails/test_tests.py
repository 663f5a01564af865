"""TST rules and INT-004: tests that check less fire, tests that were moved or made conditional are quiet."""

from __future__ import annotations

from bot.model.finding import FileChange
from tests.guardrails.changes import Case, file, fire
from tests.table import table

TEST = "def test_pay():\n    total = pay(3)\n    assert total == 3\n    assert total.currency == 'EUR'\n"
SOURCE = file("src/pay.py", "x = 1\n", "x = 2\n")
SKIP = "pytest.mark." + "skip"

FIRES = {
    "TST-004": [
        Case("tests/test_a.py", TEST, f"@{SKIP}\n{TEST}"),
        Case("a.test.ts", "", "it.skip('pays', () => {});\n"),
        Case("a.test.ts", "", "describe.only('pay', () => {});\n"),
        Case("a_test.go", "", "func TestA(t *testing.T) {\n\tt.Skip()\n}\n"),
    ],
    "TST-005": [
        Case("tests/test_a.py", TEST, "def test_pay():\n    assert True\n"),
        Case("a.test.js", "", "expect(true).toBe(true);\n"),
    ],
    "TST-006": [
        Case("pyproject.toml", "[tool.coverage.report]\nfail_under = 90\n", "[tool.coverage.report]\nfail_under = 60\n"),
        Case(".github/workflows/a.yml", "", "jobs:\n  a:\n    steps:\n      - run: pytest -q || true\n"),
        Case(".github/workflows/a.yml", "jobs: {a: {steps: [{run: pytest}]}}\n",
             "jobs: {a: {steps: [{run: pytest, continue-on-error: true}]}}\n"),
        Case("ci.sh", "", "git commit -m x --no-verify\n"),
    ],
    "TST-007": [Case("a.py", "", "x = f()  # type: " + "ignore\n"), Case("a.py", "", "import x  # no" + "qa\n"),
                Case("a.ts", "", "// @ts-" + "nocheck\n")],
    "INT-004": [Case("a.py", "x = 1\n", "x = 1\n\n\ndef charge():\n    # Placeholder: real logic here\n    pass\n"),
                Case("a.py", "", 'def charge():\n    """Charge."""\n    # TODO: implement this\n    return None\n')],
}  # fmt: skip

QUIET = {
    "TST-004": [
        Case("tests/test_a.py", TEST, f"@{SKIP}if(sys.platform == 'win32', reason='x')\n{TEST}"),
        Case("tests/test_a.py", "", "def test_a():\n    if not podman:\n        pytest.skip('no podman')\n"),
        Case("a_test.go", "", "\tif testing.Short() {\n\t\tt.Skip()\n\t}\n"),
        Case("src/a.py", "", "items.skip(3)\n", "not a test"),
    ],
    "TST-005": [
        Case("tests/test_a.py", "", "def test_a():\n    assert True is flag\n"),
        Case("tests/test_a.py", "", "try:\n    f()\nexcept ValueError:\n    assert True\n"),
    ],
    "TST-006": [
        Case("pyproject.toml", "[a]\nfail_under = 60\n", "[a]\nfail_under = 90\n", "raised"),
        Case("a.sh", "", "docker rm -f test || true\n", "cleaning up"),
        Case(".github/workflows/a.yml", "jobs: {a: {steps: [{run: pytest, continue-on-error: true}]}}\n",
             "jobs:\n  a:\n    steps:\n    - {run: pytest, continue-on-error: true}\n", "re-indented"),
    ],
    "TST-007": [Case("a.py", "", "x = f()  # type: ignore[import]\n"), Case("a.py", "", "import x  # noqa: F401\n"),
                Case("a.py", "", "TEXT = '# no" + "qa'\n", "a string")],
    "INT-004": [
        Case("a.py", "", "class A(Protocol):\n    def f(self):\n        # TODO: implement this\n        ...\n"),
        Case("a.py", "", "@abstractmethod\ndef f(self):\n    # placeholder\n    raise NotImplementedError\n"),
        Case("a.py", "", "def f():\n    # TODO: faster\n    return compute()\n"),
    ],
}  # fmt: skip


@table(("rule", "case"), [(rule, case) for rule, cases in FIRES.items() for case in cases])
def test_fires(rule: str, case: Case) -> None:
    """Each rule points at the file."""
    assert [hit.file for hit in fire(rule, file(case.path, case.before, case.after))][:1] == [case.path]


@table(("rule", "case"), [(rule, case) for rule, cases in QUIET.items() for case in cases])
def test_quiet(rule: str, case: Case) -> None:
    """Each rule is quiet on its near-misses."""
    assert fire(rule, file(case.path, case.before, case.after)) == []


REMOVED = file("tests/test_pay.py", TEST, None)
OTHER = "def test_other():\n    assert other()\n"


@table(
    ("rule", "files", "fires"),
    [
        ("TST-001", [REMOVED], True),
        ("TST-001", [REMOVED, SOURCE], True),
        ("TST-001", [REMOVED, file("src/pay.py", "x = 1\n", None)], False),
        ("TST-001", [REMOVED, file("tests/unit/test_pay.py", None, TEST)], False),
        ("TST-001", [REMOVED, file("tests/test_money.py", None, TEST)], False),
        ("TST-002", [file("tests/test_pay.py", TEST + OTHER, OTHER)], True),
        ("TST-002", [file("tests/test_pay.py", TEST + OTHER, OTHER + TEST.replace("test_pay", "test_payment"))], False),
        ("TST-002", [file("tests/test_pay.py", TEST + OTHER, OTHER), file("src/a.py", "a\nb\nc\n", "a\n")], False),
        ("TST-003", [file("tests/test_pay.py", TEST, TEST.replace("    assert total == 3\n", "")), SOURCE], True),
        ("TST-003", [file("tests/test_pay.py", TEST, TEST.replace("    assert total == 3\n", ""))], False),
        ("TST-003", [file("tests/test_pay.py", TEST, "def test_pay():\n    check_total(pay(3))\n"), SOURCE], False),
    ],
)
def test_tests_that_disappear(rule: str, files: list[FileChange], fires: bool) -> None:
    """Deleting tests fires unless they moved, were renamed, or their code went with them."""
    assert bool(fire(rule, *files)) is fires
