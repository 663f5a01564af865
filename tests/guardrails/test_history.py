"""``clockwork guard history`` and ``guard baseline`` on real Git repositories."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pygit2
import pytest

from bot.errors import Invalid, Refused
from bot.guardrails import baseline
from bot.guardrails.judge import judge
from bot.guardrails.waivers import parse_baseline
from bot.model.finding import Mode
from bot.wiring.accepted import LONGEST
from tests.guardrails.changes import book, change, file
from tests.guardrails.test_command import clockwork, commit
from tests.guardrails.test_security import TOKENS

TOKEN = TOKENS["github-token"]()
TODAY = datetime.now(UTC).date()


@pytest.fixture
def repository(tmp_path: Path) -> pygit2.Repository:
    """A repository whose second commit writes a credential that the third takes away; a branch has another."""
    made = pygit2.init_repository(tmp_path / "repo", initial_head="main")
    commit(made, {"app.py": "x = 1\n"}, "Begin")
    commit(made, {"app.py": f"x = 1\nKEY = '{TOKEN}'\n"}, "Write it")
    commit(made, {"app.py": "x = 1\n"}, "Take it away")
    made.branches.local.create("topic", made.head.peel(pygit2.Commit))
    commit(made, {"b.py": f"K = '{TOKENS['npm-token']()}'\n"}, "On a branch", branch="topic")
    return made


def searched(repository: pygit2.Repository, *arguments: str) -> tuple[int, dict[str, object]]:
    code, text = clockwork("history", *arguments, "--repo", str(repository.workdir), "--json")
    return code, json.loads(text)


def told(result: dict[str, object]) -> list[tuple[str, str, bool]]:
    secrets = result["secrets"]
    assert isinstance(secrets, list)
    return [(each["file"], each["subject"], each["remains"]) for each in secrets]


def test_the_commit_that_wrote_a_credential_is_named(repository: pygit2.Repository) -> None:
    """Every branch is searched; what was taken away is found in the commit that wrote it, and told to be gone from HEAD."""
    code, result = searched(repository)
    assert told(result) == [("app.py", "Write it", False), ("b.py", "On a branch", False)]
    assert (code, result["commits"], result["files"]) == (0, 4, 3)


def test_names_say_which_commits(repository: pygit2.Repository) -> None:
    """With a name only what it reaches is searched, and --exit-code fails on what is found there."""
    first = str(repository.revparse_single("main~2").id)
    assert searched(repository, first, "--exit-code") == (
        0,
        {"commits": 1, "files": 1, "bytes": 6, "unread": [], "secrets": []},
    )
    code, result = searched(repository, "main", "--exit-code")
    assert (code, told(result)) == (1, [("app.py", "Write it", False)])
    with pytest.raises(Invalid, match="no commit, branch or tag 'nowhere'"):
        searched(repository, "nowhere")


def test_what_many_commits_carry_is_told_once(repository: pygit2.Repository) -> None:
    """A credential that stays in a file while other lines change is of the commit that wrote it first, and remains."""
    for number in range(3):
        commit(repository, {"c.py": f"# {number}\nK = '{TOKEN}'\n"}, f"Change {number}")
    _, result = searched(repository, "main")
    assert told(result) == [("app.py", "Write it", False), ("c.py", "Change 0", True)]


def test_a_merge_adds_what_only_it_writes(repository: pygit2.Repository) -> None:
    """What a merge writes by itself is found; what it brings from its parents is theirs."""
    ours, theirs = (repository.branches.local[name].target for name in ("main", "topic"))
    index = pygit2.Index()
    index.read_tree(repository[theirs].peel(pygit2.Tree))
    blob = repository.create_blob(f"K = '{TOKENS['stripe-live']()}'\n".encode())
    index.add(pygit2.IndexEntry("evil.py", blob, pygit2.enums.FileMode.BLOB))
    who = pygit2.Signature("Ann", "ann@example.com", 1_700_000_100, 0)
    tree = index.write_tree(repository)
    repository.create_commit("refs/heads/main", who, who, "Merge", tree, [ours, theirs])
    _, result = searched(repository, "main")
    assert told(result)[1:] == [("b.py", "On a branch", True), ("evil.py", "Merge", True)]


def test_what_is_too_large_is_said(repository: pygit2.Repository) -> None:
    """A file beyond the size that settings allow is no silence: it is named."""
    commit(
        repository,
        {"clockwork.yaml": "version: 1\nguard: {largest_file: 1000}\n", "big.py": f"# {TOKEN}\n" * 40},
        "Big",
    )
    _, result = searched(repository, "main")
    unread = result["unread"]
    assert isinstance(unread, list)
    assert [each["file"] for each in unread] == ["big.py"]


def test_people_read_the_commit(repository: pygit2.Repository) -> None:
    """Without --json each credential is told with its commit, its author and whether HEAD has it, and never as it is."""
    _, text = clockwork("history", "main", "--repo", str(repository.workdir))
    assert "by Ann, 'Write it': HEAD has it no more, every clone does" in text
    assert "1 credential in 3 commits" in text
    assert TOKEN not in text


def accepted(repository: pygit2.Repository, *arguments: str) -> tuple[int, str, Path]:
    code, text = clockwork("baseline", *arguments, "--repo", str(repository.workdir))
    return code, text, Path(str(repository.workdir)) / baseline.PATH


def test_todays_findings_are_accepted_for_a_while(repository: pygit2.Repository) -> None:
    """What the files of HEAD hold goes into the baseline with its end; a second run has nothing to add."""
    commit(repository, {"c.py": f"K = '{TOKEN}'\nx = load()  # noqa\n"}, "Old habits")
    code, text, written = accepted(repository, "--days", "30", "--reason", 'of "before"')
    entries, mistakes = parse_baseline(written.read_bytes())
    assert (code, mistakes, sorted(waiver.rule for waiver in entries.values())) == (0, (), ["SEC-001", "TST-007"])
    assert {waiver.until for waiver in entries.values()} == {TODAY + timedelta(days=30)}
    assert {waiver.reason for waiver in entries.values()} == {'of "before"'}
    assert TOKEN not in written.read_text()
    before = written.read_bytes()
    assert "Nothing to accept" in accepted(repository)[1]
    assert written.read_bytes() == before
    assert "2 findings are accepted until" in text


def test_a_baseline_is_not_written_through_a_link(repository: pygit2.Repository, tmp_path: Path) -> None:
    """A folder that a repository links to elsewhere stays as it is."""
    commit(repository, {"c.py": f"K = '{TOKEN}'\n"}, "Old habits")
    (tmp_path / "elsewhere").mkdir()
    (Path(str(repository.workdir)) / "policies").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused, match="symbolic link"):
        accepted(repository)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_change_may_be_accepted_alone(repository: pygit2.Repository) -> None:
    """With BASE and HEAD the findings of that change are accepted, and no others."""
    commit(repository, {"c.py": "x = load()  # noqa\n"}, "One")
    commit(repository, {"d.py": "y = load()  # noqa\n"}, "Two")
    _, _, written = accepted(repository, "main~1", "main")
    assert "d.py" in written.read_text()
    assert "c.py" not in written.read_text()


def test_an_expired_entry_counts_again_and_can_be_renewed() -> None:
    """On its last day an entry counts, on the next it does not; accepting anew leaves what is written as it is."""
    rules, each = book(), change(file("a.py", None, "x = load()  # noqa\n"))
    finding = judge(each, rules, Mode.STRICT, today=TODAY).findings[0]
    data = baseline.extended(b"# ours\nfindings:\n", [finding], until=TODAY, reason="for now")
    known = book({"policies/guardrails/baseline.yaml": data})
    assert judge(each, known, Mode.STRICT, today=TODAY).findings == ()
    tomorrow = TODAY + timedelta(days=1)
    assert judge(each, known, Mode.STRICT, today=tomorrow).findings == (finding,)
    assert baseline.unlisted(data, [finding], today=TODAY) == ()
    assert baseline.unlisted(data, [finding], today=tomorrow) == (finding,)
    renewed = baseline.extended(data, [finding], until=tomorrow, reason="still")
    assert renewed.startswith(data)
    again = book({"policies/guardrails/baseline.yaml": renewed})
    assert judge(each, again, Mode.STRICT, today=tomorrow).findings == ()


def test_entries_follow_the_indentation_of_the_file() -> None:
    """A list that is written at the margin goes on at the margin."""
    finding = judge(change(file("a.py", None, "x = load()  # noqa\n")), book(), Mode.STRICT, today=TODAY).findings[0]
    data = baseline.extended(b"findings:\n- {fingerprint: a, rule: b, reason: c}\n", [finding], until=TODAY, reason="x")
    assert sorted(parse_baseline(data)[0]) == sorted(["a", finding.fingerprint])


def test_a_pull_request_cannot_accept_its_own_credential(repository: pygit2.Repository) -> None:
    """The baseline at the base counts: a change that writes a credential and accepts it is blocked, and told to touch it."""
    base = str(repository.head.target)
    commit(repository, {"c.py": f"K = '{TOKEN}'\n"}, "Write a credential")
    _, _, written = accepted(repository, base, "main")
    head = commit(repository, {baseline.PATH: written.read_text()}, "And accept it")
    code, text = clockwork("diff", base, head, "--repo", str(repository.workdir), "--mode", "strict", "--json")
    findings = {(each["rule"], each["severity"], each["enforce"]) for each in json.loads(text)["findings"]}
    assert code == 1
    assert ("SEC-001", "critical", "block") in findings
    assert "META-001" in {rule for rule, _, _ in findings}


@pytest.mark.parametrize("days", [0, LONGEST + 1])
def test_nothing_is_accepted_for_ever(repository: pygit2.Repository, days: int) -> None:
    """A day at least and a year at most."""
    with pytest.raises(Invalid, match="1 to 366 days"):
        accepted(repository, "--days", str(days))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"findings: [{rule: X}]\n", "has a mistake"),
        (b"findings: []\n", "nothing can be added"),
        (b"findings:\n- {fingerprint: a, rule: b, reason: c}\nother: 1\n", "nothing can be added"),
    ],
)
def test_a_baseline_that_cannot_be_extended_is_left_alone(data: bytes, message: str) -> None:
    """A mistake in the file, or a form that no entry can follow, is said, and nothing is written."""
    finding = judge(change(file("a.py", None, "x = load()  # noqa\n")), book(), Mode.STRICT, today=TODAY).findings[0]
    with pytest.raises(Invalid, match=message):
        baseline.extended(data, [finding], until=TODAY, reason="x")
