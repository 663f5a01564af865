"""``clockwork guard`` on a real Git repository."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pygit2
import pytest
import typer
import yaml
from typer.testing import CliRunner

from bot.entrypoints.cli import guard
from bot.errors import Invalid
from tests import entry
from tests.distributions import ROOT

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
    assert {one["rule"] for one in findings} == {"no-todo", "META-001", "META-002"}


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


def git(folder: Path, *words: str) -> str:
    """Git's output."""
    me = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
    done = subprocess.run(["git", "-C", str(folder), *me, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def clone(repository: pygit2.Repository, tmp_path: Path) -> Path:
    """A clone with two more commits than its remote, the last of which breaks a file."""
    folder = tmp_path / "clone"
    git(tmp_path, "clone", "-q", repository.workdir, str(folder))
    for text in ("x = (2)\n", "x = (3\n"):
        (folder / "a.py").write_text(text)
        git(folder, "commit", "-qam", "Change")
    git(folder, "branch", "topic")
    git(folder, "tag", "-a", "v1", "-m", "One")
    return folder


@pytest.mark.parametrize(
    "names",
    [
        ("HEAD~1",),
        ("HEAD^", "HEAD"),
        ("origin/main",),
        ("@{u}",),
        ("@{push}",),
        ("main@{push}", "@@{0}"),
        ("main@{u}", "v1"),
        ("origin/main...topic",),
        ("origin/main..topic",),
        ("origin/main...",),
        ("HEAD^{/Begin}",),
        ("HEAD^!",),
        ("topic^-",),
    ],
)
def test_every_name_that_git_has_is_understood(clone: Path, names: tuple[str, ...]) -> None:
    """Ancestors, remote branches, what is upstream, ranges, annotated tags and messages."""
    code, text = clockwork("diff", *names, "--repo", str(clone), "--json")
    result = json.loads(text)
    assert (code, [finding["rule"] for finding in result["findings"]]) == (0, ["INT-002"])


def test_what_is_not_committed_is_judged_and_stays_as_it_is(clone: Path) -> None:
    """What is staged, or all that lies here; the index and the branches are left alone."""
    git(clone, "checkout", "-q", "HEAD~1")
    (clone / "b.py").write_text("y = (\n")
    (clone / "c.py").write_text("z = (\n")
    (clone / ".gitignore").write_text("d.py\n")
    (clone / "d.py").write_text("ignored = (\n")
    git(clone, "add", "b.py")
    before = git(clone, "status", "--porcelain"), git(clone, "for-each-ref")

    def found(*words: str) -> list[str]:
        code, text = clockwork("diff", *words, "--repo", str(clone), "--json")
        assert code == 0
        return sorted(finding["file"] for finding in json.loads(text)["findings"])

    assert found("--staged") == ["b.py"]
    assert found("--worktree") == ["b.py", "c.py"]
    assert found("origin/main", "--staged") == ["b.py"]
    assert (git(clone, "status", "--porcelain"), git(clone, "for-each-ref")) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "nothing to compare"),
        (("",), "an empty name"),
        (("HEAD~1", ""), "an empty name"),
        (("nowhere",), "'nowhere'"),
        (("main...nowhere",), "'nowhere'"),
        (("--staged", "--worktree"), "only a base"),
        (("main", "topic", "--staged"), "only a base"),
        (("-x",), "No such option"),
    ],
)
def test_what_names_nothing_is_an_error(clone: Path, words: tuple[str, ...], message: str) -> None:
    """With the name, and what to do."""
    done = entry.clockwork("guard", "diff", *words, folder=clone)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr


def test_the_first_commit_is_judged_before_it_is_made(tmp_path: Path) -> None:
    """There is nothing to compare with yet, and a hook runs all the same."""
    git(tmp_path, "init", "-q", "new")
    (tmp_path / "new" / "a.py").write_text("x = (\n")
    git(tmp_path / "new", "add", "a.py")
    for way in ("--staged", "--worktree"):
        code, text = clockwork("diff", way, "--repo", str(tmp_path / "new"), "--json")
        assert (code, json.loads(text)["files"]) == (0, 1)


def test_the_hook_stops_a_commit_with_a_credential(tmp_path: Path) -> None:
    """Whatever the mode of the repository, for it stays in the history; `args: [--mode, standard]` lets it through."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    program, verb, *words = hook["entry"].split()
    assert (program, verb) == ("clockwork", "guard")
    git(tmp_path, "init", "-q", "new")
    (tmp_path / "new" / "x.env").write_text("AWS_ACCESS_KEY_ID=AKIA" + "IOSFODNN7QZXWVUT\n")
    git(tmp_path / "new", "add", "x.env")
    assert [clockwork(*words, *more, "--repo", str(tmp_path / "new"))[0] for more in ((), ("--mode", "standard"))] == [
        1,
        0,
    ]


def test_where_the_history_ends_is_said(clone: Path, tmp_path: Path) -> None:
    """A name behind the end of a shallow clone is no mistake of whoever writes it."""
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{clone}", "shallow")
    with pytest.raises(Invalid, match="fetch --unshallow"):
        clockwork("diff", "HEAD~1", "--repo", str(tmp_path / "shallow"))


def test_the_settings_of_the_base_count(clone: Path) -> None:
    """Mode and options; a change of them counts after it is merged."""
    (clone / "clockwork.yaml").write_text("version: 1\nguard: {mode: strict, generated: [gen/**]}\n")
    git(clone, "add", "-A")
    (clone / "gen").mkdir()
    (clone / "gen/a.py").write_text("x = (\n")
    assert clockwork("diff", "--worktree", "--repo", str(clone))[0] == 0
    git(clone, "commit", "-qm", "Settings")
    code, text = clockwork("diff", "--worktree", "--repo", str(clone), "--json")
    assert (code, json.loads(text)["verdict"]) == (0, "approve")
    (clone / "b.py").write_text("x = (\n")
    assert clockwork("diff", "--worktree", "--repo", str(clone))[0] == 1


def test_a_credential_that_a_later_commit_takes_away_is_found(clone: Path) -> None:
    """The commit is named; what stands in the head is told once, where it stands, and a rename is no second one."""
    key = "AKIA" + "Q3EGR7MZ2KX5VWNB"
    for name, text in (("conf.py", f"KEY = '{key}'\n"), ("conf.py", "KEY = None\n"), ("other.py", "x = 1\n")):
        (clone / name).write_text(text)
        git(clone, "add", "-A")
        git(clone, "commit", "-qm", f"Write {name}")
    guilty = git(clone, "rev-parse", "HEAD~2")

    def found(base: str) -> list[dict[str, str]]:
        text = clockwork("diff", base, "--repo", str(clone), "--json")[1]
        assert key not in text
        return [finding for finding in json.loads(text)["findings"] if finding["rule"] == "SEC-001"]

    (finding,) = found("HEAD~3")
    assert guilty[:12] in finding["message"]
    assert finding["file"] == "conf.py"
    assert found("HEAD~1") == []
    (clone / "conf.py").write_text(f"KEY = '{key}'\n")
    git(clone, "commit", "-qam", "Again")
    (finding,) = found("HEAD~4")
    assert "history" not in finding["message"]


def test_the_call_of_a_workflow_that_guards_is_known(repository: pygit2.Repository) -> None:
    """Only the caller is in the change; that what it called guards is read at the base, also two calls away."""
    folder, job = ".github/workflows", "jobs:\n  a:\n    uses: ./.github/workflows"
    steps = "jobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: clockwork guard pr 7 --exit-code\n"
    files = {
        f"{folder}/ci.yml": f"on: pull_request\n{job}/all.yml\n",
        f"{folder}/all.yml": f"on: workflow_call\n{job}/guard.yml\n",
        f"{folder}/guard.yml": f"on: workflow_call\n{steps}",
    }
    base = commit(repository, files)
    head = commit(repository, {f"{folder}/ci.yml": "on: pull_request\njobs: {}\n"})
    code, result = judged(repository, base, head, "--mode", "strict")
    assert code == 1
    findings = result["findings"]
    assert isinstance(findings, list)
    assert [each["rule"] for each in findings if each["severity"] == "critical"] == ["META-002"]
