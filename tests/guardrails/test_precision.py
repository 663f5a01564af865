"""Near misses of real work: what looks like a finding and is none, beside what is one."""

from __future__ import annotations

import pytest

from bot.guardrails.rule import ChangeFacts
from tests.guardrails.changes import file, fire
from tests.table import table

SENTENCES = [
    ("a.py", '"""This may DROP TABLE users if you are \'unlucky\'."""\n'),
    ("a.py", "def f():\n    '''Drop table users when done.'''\n"),
    ("a.py", "log.info('we never drop table users here')\n"),
    ("a.yaml", 'description: "Do not DROP TABLE users"\n'),
    ("a.ts", "const help = `You can delete from users`\n"),
    ("a.sql", "-- DROP TABLE users;\nSELECT 1;\n"),
    ("a.sql", "/* DROP TABLE users;\n DELETE FROM x; */\nSELECT 1;\n"),
    ("a.java", "/**\n * DROP TABLE 'users'\n */\n"),
]
STATEMENTS = [
    ("a.sql", "DROP TABLE users;\n"),
    ("a.sql", "SELECT 1; drop table if exists a, b cascade;\n"),
    ("a.sql", "DELETE FROM users\n"),
    ("a.sql", "TRUNCATE orders;\n"),
    ("a.py", "cursor.execute('DROP TABLE users')\n"),
    ("a.py", "cursor.execute(f'DELETE FROM {table}')\n"),
    ("a.py", "cursor.execute('DELETE FROM %s' % table)\n"),
    ("a.py", "op.execute(\n    '''\n    DROP SCHEMA shop CASCADE;\n    '''\n)\n"),
    ("a.sh", 'psql -c "DROP DATABASE shop"\n'),
    ("a.go", 'db.Exec("DROP TABLE users")\n'),
]


@table(("path", "text"), SENTENCES)
def test_a_sentence_about_dropping_is_no_statement(path: str, text: str) -> None:
    """It goes on before or after, or is a comment."""
    assert fire("DES-004", file(path, "", text)) == []


@table(("path", "text"), STATEMENTS)
def test_a_statement_is_found_where_it_is_run(path: str, text: str) -> None:
    """From where a string, a line or the last statement ends, to its own end."""
    assert len(fire("DES-004", file(path, "", text))) == 1


def test_fit_is_a_method_of_models() -> None:
    """Only test frameworks of JavaScript single a test out by it."""
    python = "def test_a():\n    fit(model)\n    xit(model)\n"
    assert fire("TST-004", file("tests/test_a.py", "", python)) == []
    assert fire("TST-004", file("tests/a.test.ts", "", "fit('adds', () => {})\n"))


WORKFLOW = """on: push
jobs:
  a:
    runs-on: ubuntu-24.04
{job}    steps:
      - run: pytest
{step}      - run: mypy .
      - run: echo done
"""


def test_one_flag_is_told_once() -> None:
    """A job's concerns all of its steps; a step's is its own."""
    path, before = ".github/workflows/ci.yml", WORKFLOW.format(job="", step="")
    (hit,) = fire("TST-006", file(path, before, WORKFLOW.format(job="    continue-on-error: true\n", step="")))
    assert (hit.line, "Job 'a'" in hit.message) == (5, True)
    (hit,) = fire("TST-006", file(path, before, WORKFLOW.format(job="", step="        continue-on-error: true\n")))
    assert "pytest" in hit.message


GO = """module example.com/a

go 1.25

require (
\tgithub.com/direct/d v1.0.0
\tgithub.com/others/i v1.0.0 // indirect
\tgithub.com/here/r v1.0.0
)

require github.com/alone/a v1.2.0

replace github.com/here/r => ../r

replace (
\tgithub.com/there/t v1.0.0 => github.com/fork/f v1.0.1
)

exclude github.com/bad/b v1.0.0
"""


def test_a_go_module_depends_on_what_it_requires() -> None:
    """Not on what others require, what is taken from elsewhere, and what is left out."""
    nowhere = {
        ("go", f"github.com/{name}"): False
        for name in ("direct/d", "others/i", "here/r", "alone/a", "there/t", "bad/b")
    }
    hits = fire("DEP-001", file("go.mod", "module example.com/a\n", GO), facts=ChangeFacts(registry=nowhere))
    assert {hit.anchor for hit in hits} == {"go:github.com/direct/d", "go:github.com/alone/a"}


STEPS = "on: push\njobs:\n  a:\n    runs-on: x\n{job}    steps:\n    - uses: actions/checkout@v4\n{step}"
CONTINUED = "continue-on-error: true"


@pytest.mark.parametrize(
    ("job", "step", "fires"),
    [
        ("", f"    - run: pytest\n      {CONTINUED}\n", True),
        ("", f"    - {{name: Run tests, run: ./ci.sh, {CONTINUED}}}\n", True),
        ("", f"    - {{uses: golangci/golangci-lint-action@v6, {CONTINUED}}}\n", True),
        ("", "    - {run: pytest, if: false}\n", True),
        ("", "    - {run: pytest, if: '${{ false }}'}\n", True),
        ("    if: false\n", "    - run: pytest\n", True),
        ("", "    - {run: pytest, if: \"github.ref == 'refs/heads/main'\"}\n", False),
        ("", f"    - {{name: Upload test results, uses: actions/upload-artifact@v4, {CONTINUED}}}\n", False),
        ("", f"    - {{uses: codecov/codecov-action@v5, {CONTINUED}}}\n", False),
        ("", f"    - {{name: Comment on the failed checks, run: ./tell.sh, {CONTINUED}}}\n", False),
        (f"    {CONTINUED}\n", "    - run: ./deploy.sh\n", False),
        ("    if: false\n", "    - run: ./deploy.sh\n", False),
        (f"    {CONTINUED}\n", "    - run: ./latest.sh\n", False),
    ],
)
def test_a_check_that_no_longer_counts_is_found(job: str, step: str, *, fires: bool) -> None:
    """It may fail, or never runs. What only tells of checks, or checks out, is none."""
    after = STEPS.format(job=job, step=step)
    assert bool(fire("TST-006", file(".github/workflows/a.yml", STEPS.format(job="", step=""), after))) is fires


@pytest.mark.parametrize(
    ("path", "text", "fires"),
    [
        ("Dockerfile", "FROM a:1\nENV NODE_TLS_REJECT_UNAUTHORIZED=0\n", True),
        ("Dockerfile", "FROM a:1\nENV NODE_TLS_REJECT_UNAUTHORIZED 0\n", True),
        ("compose.yaml", "services: {a: {environment: {NODE_TLS_REJECT_UNAUTHORIZED: '0'}}}\n", True),
        (".github/workflows/a.yml", "env:\n  GIT_SSL_NO_VERIFY: true\n", True),
        (".env", "PYTHONHTTPSVERIFY=0\n", True),
        (".npmrc", "strict-ssl=false\n", True),
        ("roles/a/tasks/main.yml", "- uri:\n    url: https://a\n    validate_certs: no\n", True),
        ("Dockerfile", "FROM a:1\nENV NODE_TLS_REJECT_UNAUTHORIZED=1\n", False),
        ("compose.yaml", "services: {a: {environment: {NODE_TLS_REJECT_UNAUTHORIZED: '${TLS:-1}'}}}\n", False),
        (".npmrc", "strict-ssl=true\n", False),
        ("roles/a/tasks/main.yml", '- uri:\n    validate_certs: "{{ checked }}"\n', False),
        (".github/workflows/a.yml", "env:\n  # GIT_SSL_NO_VERIFY: true\n  A: b\n", False),
    ],
)
def test_verification_is_switched_off_by_variables_too(path: str, text: str, *, fires: bool) -> None:
    """Of the programs that a file starts, wherever it sets them."""
    assert bool(fire("SEC-004", file(path, None, text))) is fires


A64, B64 = "a" * 64, "b" * 64
LOCKS = {
    "Cargo.lock": '[[package]]\nname = "x"\nversion = "{0}"\nsource = "registry+https://github.com/a"\nchecksum = "{1}"\n',
    "poetry.lock": '[[package]]\nname = "x"\nversion = "{0}"\nfiles = [\n    {{file = "x.whl", hash = "sha256:{1}"}},\n]\n',
    ".terraform.lock.hcl": (
        'provider "a/b" {{\n  version = "{0}"\n  constraints = "~> 1"\n  hashes = [\n    "h1:{1:.43}=",\n  ]\n}}\n'
    ),
    "Pipfile.lock": (
        '{{\n  "default": {{\n    "x": {{\n      "hashes": [\n        "sha256:{1}"\n      ],\n'
        '      "index": "pypi",\n      "version": "=={0}"\n    }}\n  }}\n}}\n'
    ),
    "flake.lock": (
        '{{\n  "nodes": {{\n    "x": {{\n      "locked": {{\n        "narHash": "sha256-{1}=",\n'
        '        "owner": "a",\n        "rev": "{0}"\n      }}\n    }}\n  }}\n}}\n'
    ),
    "yarn.lock": '"x@^1":\n  version "{0}"\n  dependencies:\n    y "^1"\n  integrity sha512-{1}==\n',
}


@pytest.mark.parametrize("name", LOCKS)
def test_a_checksum_belongs_to_the_version_of_its_entry(name: str) -> None:
    """Wherever in the entry that stands; another entry's version is none of its business."""
    text = LOCKS[name] if name.endswith(("Pipfile.lock", "flake.lock")) else f"{LOCKS[name]}\n{LOCKS[name]}"
    before = text.format("1.0.0", A64)
    assert fire("DEP-003", file(name, before, text.format("1.0.1", B64))) == []
    assert fire("DEP-003", file(name, before, before.replace(A64[:43], B64[:43], 1)))
    if text != LOCKS[name]:
        first, second = before.split("\n\n")
        assert fire(
            "DEP-003", file(name, before, f"{first.replace(A64[:43], B64[:43])}\n\n{second.replace('1.0.0', '2.0.0')}")
        )
