"""``clockwork sessions``, ``agents`` and ``stats`` on a real repository and a real database."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.entrypoints.cli import main
from bot.model.finding import Verdict
from bot.model.session import Reply, ReplyStatus
from tests.sessions.samples import AT, finding, session
from tests.workers.remotes import make_remote

TOKEN = "ghp_" + "a8Kq2Zr7" * 4 + "x9Y1"
OWN = (
    "---\nid: agent-robo\ntitle: Robo forgets tests\nseverity: low\ndetect: {kind: ai, question: Why?}\n---\nIt does.\n"
)


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four runs: two by claude, one by robo that was blocked and whose assistant crashed, one by the security agent."""
    crash = Reply("codex", ReplyStatus.CRASH, message="gone", cost_usd=0.5)
    off = Reply("gemini", ReplyStatus.DISABLED)
    leak = replace(finding("SEC-001"), message=f"found {TOKEN}\x1b[31m", evidence=TOKEN)
    made = [
        session(1),
        session(2, findings=()),
        session(3, agent="robo", verdict=Verdict.BLOCK, findings=(leak,), replies=(crash, off)),
        session(4, agent="security", at=AT - timedelta(days=9), replies=()),
    ]
    return make_remote(tmp_path, monkeypatch, made, {"policies/guardrails/agents/robo.md": OWN})


def asked(capfd: pytest.CaptureFixture[str], *words: str) -> Any:
    """What a verb answers as JSON."""
    assert main([*words, "--json"]) == 0
    return json.loads(capfd.readouterr().out)


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ((), [3, 2, 1, 4]),
        (("--limit", "2"), [3, 2]),
        (("--tool", "codex"), [3]),
        (("--tool", "gemini"), []),
        (("--agent", "claude"), [2, 1]),
        (("--verdict", "block"), [3]),
        (("--since", "2026-11-19"), [3, 2, 1]),
        (("--since", "2026-11-20T12:00:02"), [3, 2]),
        (("--agent", "claude", "--tool", "codex"), []),
    ],
)
def test_runs_are_listed_by_what_is_asked(
    remote: Path, capfd: pytest.CaptureFixture[str], words: tuple[str, ...], numbers: list[int]
) -> None:
    """Newest first; every filter narrows, several together narrow more; an assistant that is off took no part."""
    rows = asked(capfd, "sessions", "list", "--repo", str(remote), *words)["sessions"]
    assert [int(row["id"], 16) for row in rows] == numbers


def test_a_run_is_shown_by_the_beginning_of_its_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """An id that begins so once is enough; none and several are told apart, with exit code 2."""
    ids = ("abc1" + "0" * 28, "abd2" + "0" * 28)
    remote = make_remote(tmp_path, monkeypatch, [session(1, id=identity) for identity in ids])
    assert asked(capfd, "sessions", "show", "abc", "--repo", str(remote))["id"] == ids[0]
    assert main(["sessions", "show", "ab", "--repo", str(remote)]) == 2
    assert "2 sessions have an id that begins with 'ab'" in capfd.readouterr().err
    assert main(["sessions", "show", "f00", "--repo", str(remote)]) == 2
    assert "no session has an id that begins with 'f00'" in capfd.readouterr().err


@pytest.mark.parametrize("json_too", [True, False])
def test_no_secret_and_no_escape_sequence_is_shown(
    remote: Path, capfd: pytest.CaptureFixture[str], *, json_too: bool
) -> None:
    """A token that was recorded is redacted, and what was recorded cannot colour the terminal."""
    words = ["sessions", "show", f"{3:032x}", "--repo", str(remote), *(["--json"] if json_too else [])]
    assert main(words) == 0
    printed = capfd.readouterr().out
    assert TOKEN not in printed
    assert "[redacted:github-token]" in printed
    assert "\x1b[31m" not in printed
    assert "SEC-001" in printed


def test_agents_are_those_with_a_document_and_those_that_ran(remote: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Shipped documents, the repository's own, and agents without any; with runs, success rate and failures."""
    rows = {row["agent"]: row for row in asked(capfd, "agents", "list", "--repo", str(remote))["agents"]}
    assert {"architect", "coder", "tester", "security", "sre", "dba", "docs", "claude", "robo"} <= set(rows)
    assert rows["robo"]["document"] == "policies/guardrails/agents/robo.md"
    assert (rows["robo"]["runs"], rows["robo"]["success_rate"]) == (1, 0.0)
    assert rows["robo"]["failures"] == {"assistant": 1, "security": 1}
    assert (rows["claude"]["runs"], rows["claude"]["success_rate"]) == (2, 1.0)
    assert (rows["dba"]["runs"], rows["dba"]["success_rate"]) == (0, None)
    assert main(["agents", "list", "--repo", str(remote), "--since", "2026-11-20"]) == 0
    assert "security" in capfd.readouterr().out


def test_stats_are_those_of_the_chosen_runs(remote: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Totals, success rate, mean and 95th percentile, what went wrong most, by tool and by agent."""
    figures = asked(capfd, "stats", "--repo", str(remote))
    assert (figures["runs"], figures["success_rate"]) == (4, 0.75)
    assert figures["mean_seconds"] == 0.25
    assert abs(figures["p95_seconds"] - 0.4) <= 0.01
    assert figures["verdicts"] == {"block": 1, "warn": 3}
    assert figures["violations"] == [{"rule": "SEC-004", "count": 2}, {"rule": "SEC-001", "count": 1}]
    assert figures["failures"] == [{"category": "security", "count": 3}, {"category": "assistant", "count": 1}]
    assert {name: part["runs"] for name, part in figures["tools"].items()} == {"claude": 2, "codex": 1}
    assert figures["tools"]["codex"]["success_rate"] == 0.0
    assert {name: part["runs"] for name, part in figures["agents"].items()} == {"claude": 2, "robo": 1, "security": 1}
    assert figures["cost_usd"] == pytest.approx(0.525)
    assert asked(capfd, "stats", "--repo", str(remote), "--agent", "robo")["runs"] == 1


def test_people_get_tables(remote: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Without ``--json`` the same facts stand in lines, and no run at all is a sentence."""
    assert main(["sessions", "list", "--repo", str(remote)]) == 0
    assert "run failed" not in (listed := capfd.readouterr().out)
    assert "codex" in listed
    assert main(["stats", "--repo", str(remote)]) == 0
    assert "top violations: SEC-004 2, SEC-001 1" in capfd.readouterr().out
    assert main(["stats", "--repo", str(remote), "--agent", "nobody"]) == 0
    assert capfd.readouterr().out == "no sessions\n"
    assert main(["sessions", "list", "--repo", str(remote), "--since", "soon"]) == 2
    assert "'soon' is not a time" in capfd.readouterr().err
