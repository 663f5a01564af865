"""``clockwork ledger`` as people and scripts use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.entrypoints.cli import main
from bot.gitrepo.ledger.chain import GitLedger
from bot.model.ledger import EntryKind
from tests.gitrepo.conftest import seed
from tests.gitrepo.server import GitServer, git
from tests.gitrepo.test_ledger import entry, rewrite


@pytest.fixture
def url(box: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A repository whose ledger has two entries; caches go to a folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("CLOCKWORK_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    seed(box.bare("shop.git"), {"a.yaml": b"a: 1\n"})
    ledger = GitLedger(box.url("shop.git"), tmp_path / "writer")
    hostile = entry(1, EntryKind.HALT, reason="[red]stop[/red] \x1b[31m now")
    ledger.append(ledger.append(ledger.read(), [hostile]), [entry(2, task="shop/web")])
    return box.url("shop.git")


def test_show_prints_entries_as_text(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What people wrote neither colours nor hides anything."""
    assert main(["ledger", "show", "--repo", url]) == 0
    printed = capsys.readouterr().out
    assert "\x1b[31m" not in printed
    assert "[red]" in printed
    assert "shop/web" in printed


def test_show_as_json_is_limited_to_the_newest(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One object with the tip and entries."""
    assert main(["ledger", "show", "--json", "--limit", "1", "--repo", url]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [entry["task"] for entry in printed["entries"]] == ["shop/web"]
    assert main(["ledger", "show", "--json", "--all", "--repo", url]) == 0
    assert len(json.loads(capsys.readouterr().out)["entries"]) == 2


def test_verify_says_ok_or_exits_with_4(url: str, box: GitServer, capsys: pytest.CaptureFixture[str]) -> None:
    """A person must act when the chain is broken, and is told where."""
    assert main(["ledger", "verify", "--repo", url]) == 0
    assert "OK: 2 entries verified (2 commits, head " in capsys.readouterr().out
    rewrite(box.root / "shop.git", {"tail/0000000002.jsonl": b"{}\n"})
    assert main(["ledger", "verify", "--json", "--repo", url]) == 4
    printed = capsys.readouterr()
    assert json.loads(printed.out)["sound"] is False
    assert "tail/0000000002.jsonl" in printed.err
    assert main(["ledger", "show", "--repo", url]) == 4


def test_a_token_in_the_address_is_kept_nowhere(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither from the command line nor from a checkout's origin does it reach the cache or a message."""
    secret = url.replace("http://", "http://x-access-token:S3CRET@")
    checkout = tmp_path / "checkout"
    git("clone", "-q", url, str(checkout))
    git("remote", "set-url", "origin", secret, at=checkout)
    monkeypatch.chdir(checkout)
    for command in (["ledger", "show", "--repo", secret], ["ledger", "verify"], ["simulate"]):
        assert main(command) == 2
        assert "S3CRET" not in "".join(capsys.readouterr())
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("ref", ["refs/clockwork/*", "a b", "", "refs/clockwork/ledger.lock"])
def test_a_ref_that_cannot_be_is_a_mistake_in_the_settings(
    ref: str, url: str, box: GitServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names the file and the setting."""
    seed(box.root / "shop.git", {"clockwork.yaml": json.dumps({"version": 1, "ledger_ref": ref}).encode()})
    assert main(["ledger", "show", "--repo", url]) == 2
    printed = capsys.readouterr().err
    assert f"clockwork.yaml: ledger_ref: {ref!r} is not a name" in printed
    assert "refs/clockwork/ledger, or" in printed
