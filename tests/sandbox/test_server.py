"""Starting, stopping, keeping state, and the command line."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.errors import Unavailable
from bot.sandbox.replies import ApiProblem
from bot.sandbox.server import Sandbox
from tests.sandbox.people import client, tip


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """After close no thread of the server lives on and the port is free again."""
    before = set(threading.enumerate())
    with Sandbox.start(tmp_path) as box:
        token = box.create_user("ann")
        port = int(box.url.rpartition(":")[2])
        with client(box, token) as api:
            assert api.get_user().login == "ann"
    with Sandbox.start(tmp_path, port=port):
        pass
    assert set(threading.enumerate()) <= before


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    """Two servers cannot share a port: ``Unavailable`` says which."""
    with Sandbox.start(tmp_path / "one") as box:
        port = int(box.url.rpartition(":")[2])
        with pytest.raises(Unavailable, match=f"port {port}"):
            Sandbox.start(tmp_path / "two", port=port)


def test_state_survives_a_restart(tmp_path: Path) -> None:
    """Repositories, issues, accounts and tokens are found again in the directory."""
    with Sandbox.start(tmp_path) as box:
        token = box.create_user("clockwork", bot=True)
        box.create_repository("acme/shop", files={"a": b"a"})
        with client(box, token) as api:
            api.get_repo("acme/shop").create_issue("Kept")
    with Sandbox.start(tmp_path) as box, client(box, token) as api:
        repo = api.get_repo("acme/shop")
        assert ([issue.title for issue in repo.get_issues()], len(tip(repo))) == (["Kept"], 40)


def test_tokens_are_not_on_disk(tmp_path: Path) -> None:
    """Only digests of tokens are kept."""
    with Sandbox.start(tmp_path) as box:
        token = box.create_user("ann")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(token.encode() in path.read_bytes() for path in files)


def test_time_is_an_argument(tmp_path: Path) -> None:
    """Commits and issues carry the time of the clock that was passed in."""
    at = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
    with Sandbox.start(tmp_path, clock=lambda: at) as box:
        token = box.create_user("clockwork", bot=True)
        box.create_repository("acme/shop", files={"a": b"a"})
        with client(box, token) as api:
            repo = api.get_repo("acme/shop")
            assert (repo.created_at, repo.get_commit("main").commit.author.date) == (at, at)
            assert repo.create_issue("x").created_at == at


def test_many_files_in_one_commit(tmp_path: Path) -> None:
    """A repository with thousands of files is one commit."""
    files = {f"k8s/{number // 100}/{number}.yaml": b"a: %d\n" % number for number in range(3000)}
    with Sandbox.start(tmp_path) as box, client(box, box.create_user("ann")) as api:
        box.create_repository("acme/large", files=files)
        repo = api.get_repo("acme/large")
        tree = repo.get_git_tree("main", recursive=True).tree
        assert sum(entry.type == "blob" for entry in tree) == 3000


def test_odd_file_names_are_kept(tmp_path: Path) -> None:
    """Quotes, spaces, backslashes and line breaks in names arrive as they are; a path through ``.git`` is refused."""
    files = dict.fromkeys(('a "b"', "ä ö", "back\\slash", "line\nbreak", '"quoted"'), b"x")
    with Sandbox.start(tmp_path) as box, client(box, box.create_user("ann")) as api:
        box.create_repository("acme/odd", files=files)
        assert {entry.path for entry in api.get_repo("acme/odd").get_git_tree("main").tree} == set(files)
        with pytest.raises(ApiProblem):
            box.create_repository("acme/bad", files={"../x": b""})


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_told_to_stop(tmp_path: Path, stop: signal.Signals) -> None:
    """``sandbox serve --json`` prints addresses and tokens that work, and ends cleanly on either signal."""
    start = (
        "import sys, typer; from bot.entrypoints.cli import sandbox; app = typer.Typer(); sandbox.register(app); app()"
    )
    command = [sys.executable, "-W", "error", "-c", start, "sandbox", "serve", "--json", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        printed = json.loads(process.stdout.readline())
        caught = re.search(r"SigCgt:\s*(\w+)", Path(f"/proc/{process.pid}/status").read_text())
        clone = printed["clone_url"].replace("://", f"://x:{printed['bot_token']}@")
        listed = subprocess.run(["git", "ls-remote", clone], check=True, capture_output=True, text=True)
        assert "refs/heads/main" in listed.stdout
        process.send_signal(stop)
        process.wait(timeout=30)
        assert "Traceback" not in process.stderr.read()
    assert caught is None or int(caught[1], 16) >> (stop - 1) & 1, (
        "it could be told before the signal was heeded (proc(5))"
    )
