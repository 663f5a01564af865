"""``clockwork guard`` on a real Git repository."""

from __future__ import annotations

import json
from pathlib import Path

import pygit2
import pytest
import typer
from typer.testing import CliRunner

from bot.entrypoints.cli import guard

RULE = "---\nid: no-todo\ntitle: No TODO\nseverity: high\nenforce: {standard: block}\ndetect: {kind: regex, pattern: TODO}\n"
EXAMPLES = "examples: [{fire: true, path: a.py, add: '# TODO'}]\n"


def commit(repository: pygit2.Repository, files: dict[str, str], message: str = "Change", branch: str = "main") -> str:
    """A commit of these files on a branch, and its id."""
    reference = f"refs/heads/{branch}"
    parents = [repository.references[reference].target] if reference in repository.references else []
    index = pygit2.Index()
    if parents:
        index.read_tree(repository.revparse_single(str(parents[0])).peel(pygit2.Tree))
    for path, text in files.items():
        index.add(pygit2.IndexEntry(path, repository.create_blob(text.encode()), pygit2.enums.FileMode.BLOB))
    who = pygit2.Signature("Ann", "ann@example.com", 1_700_000_000, 0)
    return str(repository.create_commit(reference, who, who, message, index.write_tree(repository), parents))


@pytest.fixture
def repository(tmp_path: Path) -> pygit2.Repository:
    """A repository with one commit on main."""
    made = pygit2.init_repository(tmp_path / "repo", initial_head="main")
    commit(made, {"a.py": "x = (1)\n", "policies/guardrails/no-todo.md": RULE + EXAMPLES + "---\nMend it.\n"}, "Begin")
    return made


def clockwork(*arguments: str) -> tuple[int, str]:
    """Exit code and output of ``clockwork`` with these arguments."""
    app = typer.Typer()
    guard.register(app)
    result = CliRunner().invoke(app, ["guard", *arguments], catch_exceptions=False)
    return result.exit_code, result.output


def judged(repository: pygit2.Repository, base: str, head: str, *more: str) -> tuple[int, dict[str, object]]:
    """The JSON of ``guard diff``."""
    code, text = clockwork("diff", base, head, "--repo", str(repository.workdir), "--json", *more)
    return code, json.loads(text)


def test_standard_reports_and_strict_exits_1(repository: pygit2.Repository, tmp_path: Path) -> None:
    """The same broken file is a warning in standard and exit code 1 in strict; SARIF is written."""
    base, head = str(repository.head.target), commit(repository, {"a.py": "x = (1\n"})
    code, result = judged(repository, base, head)
    assert (code, result["verdict"]) == (0, "warn")
    sarif = tmp_path / "out.sarif"
    code, result = judged(repository, base, "main", "--mode", "strict", "--sarif", str(sarif))
    assert (code, result["verdict"]) == (1, "block")
    assert json.loads(sarif.read_bytes())["runs"][0]["results"][0]["ruleId"] == "INT-002"


def test_rules_come_from_base(repository: pygit2.Repository) -> None:
    """A change that deletes a rule and breaks it is judged by the rule it deletes."""
    base = str(repository.head.target)
    head = commit(repository, {"policies/guardrails/no-todo.md": "gone", "a.py": "x = (1)  # TODO\n"})
    code, result = judged(repository, base, head, "--exit-code")
    assert code == 1
    findings = result["findings"]
    assert isinstance(findings, list)
    assert {one["rule"] for one in findings} == {"no-todo", "META-001"}


def test_an_agent_is_told_by_its_trailer(repository: pygit2.Repository) -> None:
    """Commit messages of the change name the agent."""
    base = str(repository.head.target)
    head = commit(repository, {"a.py": "x = 2\n"}, "Fix\n\nCo-Authored-By: Claude <noreply@anthropic.com>")
    assert judged(repository, base, head)[1]["author"] == {"kind": "agent", "agent": "claude"}


def test_text_names_place_rule_and_advice(repository: pygit2.Repository) -> None:
    """People see file and line, severity, rule, message and what to do."""
    base, head = str(repository.head.target), commit(repository, {"a.py": "x = (1\n"})
    _, text = clockwork("diff", base, head, "--repo", str(repository.workdir))
    assert "critical" in text
    assert "INT-002 a.py:1" in text
    assert "→" in text


def test_rules_are_listed_and_documents_tried(repository: pygit2.Repository, tmp_path: Path) -> None:
    """``guard rules`` lists shipped and own rules; ``guard test`` runs a document's examples."""
    _, text = clockwork("rules", "--repo", str(repository.workdir), "--at", "main", "--json")
    rows = {row["id"]: row for row in json.loads(text)["rules"]}
    assert rows["SEC-001"]["strict"] == "block"
    assert rows["no-todo"]["standard"] == "block"
    good, bad = tmp_path / "good.md", tmp_path / "bad.md"
    good.write_text(RULE + EXAMPLES + "---\n")
    bad.write_text(RULE + EXAMPLES.replace("true", "false") + "---\n")
    assert clockwork("test", str(good)) == (0, "no-todo: 1 example holds.\n")
    assert clockwork("test", str(bad))[0] == 1
