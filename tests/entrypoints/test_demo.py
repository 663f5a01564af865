"""The demo as a person runs it: one command, an account with links, a page to press Merge on."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import pytest

from bot.entrypoints.demo.run import NAME, Stage, play, staged
from bot.errors import Unavailable
from bot.renderers import tools
from tests.entry import begun, clockwork
from tests.entrypoints.keeping import eventually
from tests.web import WEB, new_client


def has_renderers() -> bool:
    """Whether the shop's kustomizations and its chart can be rendered here."""
    try:
        tools.kustomize()
    except Unavailable:
        return False
    return tools.helm_library() or tools.helm() is not None


rendered = pytest.mark.skipif(not has_renderers(), reason="the extras kustomize and helm are not installed")


def lines_until(printed: TextIO, last: Callable[[str], object]) -> str:
    """Everything printed up to the first line that is the ``last``."""
    output = ""
    while not last(output.rpartition("\n")[0].rpartition("\n")[2]):
        output += eventually(printed.readline)
    return output


@rendered
@pytest.mark.slow
def test_json_names_everything_that_was_done(tmp_path: Path) -> None:
    """One object with commit, pull request, issue, failed check, Markdown and seconds; progress goes to stderr."""
    done = clockwork("demo", "--json", folder=tmp_path)
    assert done.returncode == 0, done
    account = json.loads(done.stdout)
    assert re.fullmatch(r"[0-9a-f]{40}", account["artifact_commit"]["sha"])
    assert re.search(r"/acme/shop/pull/\d+$", account["pull_request"]["url"])
    assert re.search(r"/acme/shop/issues/\d+$", account["runbook_issue"]["url"])
    assert account["check"]["conclusion"] == "failure"
    assert {"INT-001", "K8S-001"} <= set(account["check"]["findings"])
    assert re.search(r"/acme/shop/issues/\d+$", account["dashboard"]["url"])
    assert account["failure_modes"]["path"] == "AI_Failure_Modes.md"
    assert account["seconds"] > 0
    assert "guardrails" in done.stderr


@rendered
@pytest.mark.slow
def test_live_changes_become_single_lines_of_the_files_that_set_them(tmp_path: Path) -> None:
    """The commit changes prod's patch, the release's values and the Compose file; the pull request prod's overlay. Dev,
    the base and the chart itself stay as they are.
    """
    with staged(tmp_path, port=0, narrate=lambda _step: None) as stage:
        account = play(stage, narrate=lambda _step: None)
        committed = changed_lines(stage, f"commits/{account.commit.sha}")
        proposed = changed_lines(stage, f"commits/{account.pull.sha}")
    assert committed == {
        "charts/search/values-prod.yaml": ["-logLevel: info", "+logLevel: debug"],
        "k8s/overlays/prod/api.yaml": ["-failureThreshold: 3", "+failureThreshold: 6"],
        "mail/compose.yaml": ["-max-size: 10m", "+max-size: 50m"],
    }
    assert proposed == {"k8s/overlays/prod/kustomization.yaml": ["-newTag: 2.4.1", "+newTag: 2.4.2"]}


def changed_lines(stage: Stage, commit: str) -> dict[str, list[str]]:
    """The lines that a commit takes away and adds, by file, without indentation and comments."""
    files = WEB.get(f"{stage.box.api_url}/repos/{NAME}/{commit}", timeout=30).json()["files"]
    lines = {file["filename"]: re.findall(r"^([-+]) *(.*?)(?: *#.*)?$", file["patch"], re.MULTILINE) for file in files}
    return {name: [sign + text for sign, text in changed] for name, changed in lines.items()}


@rendered
@pytest.mark.slow
def test_pressing_merge_makes_the_bot_react(tmp_path: Path) -> None:
    """The person comments and is answered, merges on the page and is told what came of it; only the runbook issue's drift is
    left. Ctrl-C ends it with what comes next in one's own repository.
    """
    output = tmp_path / "output"
    process = begun("demo", folder=tmp_path, output=output)
    with output.open() as printed:
        try:
            shown = lines_until(printed, lambda line: "press Merge or Close" in line)
            page = re.search(r"(http\S+/pull/\d+)", shown)
            assert page is not None
            post_form(page[1], "comment", body="/clockwork suspend the release is tomorrow")
            assert "Suspended prod/Deployment/shop/api" in lines_until(printed, lambda line: "answered on #" in line)
            press_merge(page[1])
            told = lines_until(printed, lambda line: "1 difference left" in line)
            assert "merged, prod/Deployment/shop/api in sync" in told
            os.kill(process.ident or 0, signal.SIGINT)
            process.join(60)
            assert process.exitcode == 0
            assert re.search(r"(?s)own repository:.*\n +kubectl get .*\n +clockwork init\n", printed.read())
        finally:
            process.kill()
            process.join()


def press_merge(page: str) -> None:
    """Press Merge on a pull request's page."""
    post_form(page, "merge", method="merge")


def post_form(page: str, verb: str, **typed: str) -> None:
    """Send a form of a page with what was typed or chosen, as a browser does."""
    origin = re.match(r"https?://[^/]+", page)
    assert origin is not None
    with new_client(follow_redirects=True, headers={"Origin": origin[0]}, timeout=60) as browser:
        forms = re.findall(r"<form.*?</form>", browser.get(page).text, re.DOTALL)
        form = next(form for form in forms if f"/{verb}" in form)
        action = re.search(rf'action="([^"]*/{verb})"', form)
        assert action is not None
        fields = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form)) | typed
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


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_without_renderers_the_demo_says_which_and_how_to_get_them(tmp_path: Path) -> None:
    """Where neither kustomize nor Helm is installed, one message names both with their extras, and it exits with 3."""
    (tmp_path / "git").symlink_to(str(shutil.which("git")))
    program = (
        f"import sys; sys.modules['helm_python'] = None; sys.executable = {str(tmp_path / 'python')!r}; "
        "from bot.entrypoints.cli import main; sys.exit(main(['demo', '--json']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PATH": str(tmp_path)},
        timeout=60,
        check=False,
    )
    assert done.returncode == 3, done
    for words in ("kubectl", "[kustomize]", "neither helm nor its library", "[helm]", "clockwork-gitops[demo]"):
        assert words in done.stderr
    assert "Traceback" not in done.stderr
