"""The demo as a person runs it: one command, an account with links, a page to press Merge on."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest


def lines_until(process: subprocess.Popen[str], found: Callable[[str], object], *, seconds: float = 120) -> str:
    """Everything printed up to the first line that ``found`` likes."""
    assert process.stdout is not None
    deadline, said = time.monotonic() + seconds, ""
    while time.monotonic() < deadline:
        line = process.stdout.readline()
        assert line, said
        said += line
        if found(line):
            return said
    raise AssertionError(said)


@pytest.mark.slow
def test_json_names_everything_that_was_done(tmp_path: Path) -> None:
    """One object with commit, pull request, issue, failed check, Markdown and seconds; progress goes to stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "bot", "demo", "--json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=150,
        check=True,
    )
    told = json.loads(done.stdout)
    assert re.fullmatch(r"[0-9a-f]{40}", told["artifact_commit"]["sha"])
    assert re.search(r"/acme/shop/pull/\d+$", told["pull_request"]["url"])
    assert re.search(r"/acme/shop/issues/\d+$", told["runbook_issue"]["url"])
    assert told["check"]["conclusion"] == "failure"
    assert {"INT-001", "K8S-001"} <= set(told["check"]["findings"])
    assert told["failure_modes"]["path"] == "AI_Failure_Modes.md"
    assert told["seconds"] > 0
    assert "guardrails" in done.stderr


@pytest.mark.slow
def test_pressing_merge_makes_the_bot_react(tmp_path: Path) -> None:
    """The person merges on the page; the bot reconciles, and only the runbook issue's drift is left. Ctrl-C ends it."""
    command = [sys.executable, "-u", "-m", "bot", "demo"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path
    ) as process:
        try:
            shown = lines_until(process, lambda line: "press Merge or Close" in line)
            page = re.search(r"pull request .*\n\s+(http\S+)", shown)
            assert page is not None
            press_merge(page[1])
            lines_until(process, lambda line: "1 difference left" in line)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        finally:
            process.kill()


def press_merge(page: str) -> None:
    """Send the Merge form of a pull request's page, as a browser does."""
    origin = re.match(r"https?://[^/]+", page)
    assert origin is not None
    with httpx.Client(follow_redirects=True, headers={"Origin": origin[0]}, timeout=60) as browser:
        form = next(one for one in re.findall(r"<form.*?</form>", browser.get(page).text, re.DOTALL) if "/merge" in one)
        action = re.search(r'action="([^"]+)"', form)
        assert action is not None
        fields = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form)) | {"method": "merge"}
        assert browser.post(origin[0] + action[1], data=fields).status_code == 200


@pytest.mark.parametrize("words", [["demo", "--json"], ["sandbox", "serve"]])
def test_without_its_extra_the_sandbox_says_what_to_install(tmp_path: Path, words: list[str]) -> None:
    """Where markdown-it-py is missing, both commands name the extra in one message and exit with 2."""
    program = (
        "import sys; sys.modules['markdown_it'] = None; "
        f"from bot.entrypoints.cli import main; sys.exit(main({words!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False
    )
    assert done.returncode == 2, done
    assert "pip install 'clockwork-gitops[sandbox]'" in done.stderr
    assert "Traceback" not in done.stderr
