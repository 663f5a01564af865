"""What people mistype, leave out or cannot reach: one message that says what was perhaps meant, and one exit code each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.entry import clockwork
from tests.flows.stage import DEPLOYMENT

WEB: Final = "Deployment/shop/web"
EMPTY: Final = '{"kind": "List", "apiVersion": "v1", "items": []}'
LIVE: Final = ("--live", "live.json")
SETTINGS: Final = "guard: {mode: standard}\nnotifications: {receivers: {team: {apprise_env: TEAM}}}\n"

MISTAKES: Final[tuple[tuple[str, int, str], ...]] = (
    # verbs and options
    ("recncile", 2, "No such command 'recncile'. Did you mean 'reconcile'?"),
    ("guard dif", 2, "No such command 'dif'. Did you mean 'diff'?"),
    ("policy shw", 2, "No such command 'shw'. Did you mean 'show'?"),
    ("drift --lve x", 2, "No such option: --lve"),
    ("drift --live", 2, "Option '--live' requires an argument"),
    ("drift extra", 2, "Got unexpected extra argument(s) (extra)"),
    ("halt --repo work", 2, "Missing option '--reason' / '-m'"),
    ("policy set", 2, "Missing argument 'LEVEL'"),
    ("init --repo work --action acme/shop@main", 2, "write OWNER/REPO@COMMIT"),
    ("reconcile --dry-run --judge --repo work --live live.json", 2, "--judge and --dry-run"),
    # words of a closed list
    ("policy set agressive --repo work", 2, "Did you mean 'aggressive'?"),
    ("guard diff --mode strickt main", 2, "Did you mean 'strict'?"),
    ("worker run analisis --once", 2, "Did you mean 'analysis'?"),
    ("worker stop metric -m x", 2, "Did you mean 'metrics'?"),
    ("sessions list --verdict blck", 2, "Did you mean 'block'?"),
    ("guard run --tool cloude x --repo work", 2, "Did you mean 'claude'?"),
    ("daemon policy set modrate --repo work", 2, "Did you mean 'moderate'?"),
    ("daemon run --repo work --live -", 2, "standard input is read once"),
    # numbers and times
    ("sessions list --limit -1", 2, "it is at least 1"),
    ("sandbox serve --port 99999", 2, "it is at most 65535"),
    ("guard pr x", 2, "not a whole number"),
    ("comments seven", 2, "not a whole number"),
    ("simulate --repo work --live live.json --at yesterday", 2, "'yesterday' is not a time"),
    ("sessions list --repo work --since soon", 2, "'soon' is not a time"),
    (f"suspend {WEB} -m x --repo work --until never", 2, "'never' is not a time"),
    # names of things
    ("drift --repo work --live live.json --target prd", 2, "there is no target 'prd'"),
    ("explain Deployment/shop/wbe --repo work --live live.json", 2, f"Did you mean '{WEB}'?"),
    ("origin Deployment/shop/wbe spec.replicas --repo work", 2, f"did you mean '{WEB}'?"),
    (f"origin {WEB} spec.replica --repo work", 2, "Did you mean 'spec.replicas'?"),
    ("suspend Deployment/shop/wbe -m x --repo work", 2, WEB),
    ("retry 0123 -m x --repo work", 2, "unknown proposal '0123'"),
    ("guard diff mian --repo work", 2, "Did you mean 'main'?"),
    ("reconcile --repo work --live live.json --branch mian", 2, "Did you mean 'main'?"),
    ("applied nope --repo work", 2, "nope"),
    ("notify test --repo work --receiver tema", 2, "Did you mean 'team'?"),
    ("drift --repo work --live live.json --var x", 2, "--var 'x': expected NAME=VALUE"),
    ("drift --repo work --live live.json --var x=1", 2, "--var x: work has no .cw files"),
    # files and folders
    ("drift --repo nowhere --live live.json", 2, "nowhere: no such folder"),
    ("render --repo nowhere", 2, "nowhere: no such folder"),
    ("drift --repo work --live none.json", 2, "cannot read the snapshot none.json"),
    ("drift --repo work --live text.txt", 2, "expected objects, found text"),
    ("drift --repo work --live live.json --settings none.yaml", 2, "Name an existing settings file."),
    ("check-config --repo work --settings wrong.yaml", 2, "did you mean 'fixes'?"),
    ("check-config --repo work --settings none.yaml", 2, "Name an existing settings file."),
    ("check-config --repo nowhere", 2, "nowhere: no such folder"),
    ("check-config --repo work --branch trunk", 2, "has no branch 'trunk'"),
    ("guard test none.md", 2, "none.md cannot be read"),
    ("drift --repo work", 2, "no live-state source is configured"),
    ("drift --repo work --live live.json --markdown none/x.md", 3, "none/x.md: No such file or directory"),
    # what is started or reached
    ("drift --repo work --live-command 'kubectl get pod | jq'", 2, "sh -c 'kubectl get pod | jq'"),
    ("reconcile --repo http://127.0.0.1:9/a/b.git --live live.json", 3, "127.0.0.1:9"),
    ("daemon status --repo work", 3, "no daemon runs for work"),
    ("halt -m x --repo plain", 2, "has no remote"),
)
"""A command line, its exit code, and a part of its message."""
ANSWERED: Final = "check-config --repo work --settings wrong.yaml"
"""What was asked for is the mistake: it is an answer on standard output."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``work``, a clone of a bare repository with a deployment; ``plain``, a folder of no repository; files beside them."""
    place = tmp_path_factory.mktemp("bad")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run([*git, "init", "-q", "--bare", "-b", "main", "shop.git"], cwd=place, check=True)
    subprocess.run([*git, "clone", "-q", "shop.git", "work"], cwd=place, check=True, capture_output=True)
    (place / "work" / "web.yaml").write_bytes(DEPLOYMENT)
    (place / "work" / "clockwork.yaml").write_text(SETTINGS)
    for words in (["checkout", "-qb", "main"], ["add", "-A"], ["commit", "-qm", "x"], ["push", "-q", "origin", "main"]):
        subprocess.run([*git, *words], cwd=place / "work", check=True)
    (place / "plain").mkdir()
    (place / "live.json").write_text(EMPTY)
    (place / "text.txt").write_text("just words\n")
    (place / "wrong.yaml").write_text("fixs: {}\n")
    return place


def words_of(line: str) -> list[str]:
    """The words of a command line as a shell splits them."""
    import shlex

    return shlex.split(line)


def test_there_are_enough_mistakes() -> None:
    """At least 46, no two alike."""
    assert len({line for line, _, _ in MISTAKES}) == len(MISTAKES) >= 46


@pytest.mark.parametrize(("line", "code", "message"), MISTAKES)
def test_a_mistake_has_its_message_and_its_exit_code(place: Path, line: str, code: int, message: str) -> None:
    """One message on standard error that begins with the program's name; never a traceback, never a library's own words."""
    done = clockwork(*words_of(line), folder=place)
    assert done.returncode == code, done
    answered = line == ANSWERED
    told = done.stdout if answered else done.stderr
    assert message in told
    assert "Traceback" not in done.stderr
    assert "Value error" not in told
    assert "Input should be" not in told
    if not answered:
        assert done.stderr.startswith("clockwork: ")


@pytest.mark.parametrize("words", [(), ("guard",), ("daemon",), ("policy",)])
def test_a_group_without_a_verb_is_its_help(place: Path, words: tuple[str, ...]) -> None:
    """On standard output, so that it can be paged; exit code 2, since nothing was done."""
    done = clockwork(*words, folder=place)
    assert (done.returncode, done.stderr) == (2, ""), done
    assert done.stdout.startswith("Usage: clockwork")


def piped(command: str, place: Path) -> subprocess.CompletedProcess[str]:
    """A shell line around the real program, started as people start it; the exit code is the program's."""
    program = f"{sys.executable} -m bot"
    line = command.replace("clockwork", program, 1)
    return subprocess.run(["bash", "-c", line], cwd=place, check=False, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("clockwork schema > /dev/full", "the output cannot be written: No space left on device"),
        ("clockwork drift --repo work --live live.json > /dev/full", "the output cannot be written: No space left"),
        ("PYTHONUNBUFFERED=1 clockwork schema > /dev/full", "the output cannot be written: No space left on device"),
    ],
)
def test_output_that_cannot_be_written(
    place: Path, command: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: one line, no traceback, exit code 3."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    done = piped(command, place)
    assert done.returncode == 3, done
    assert done.stderr.startswith(f"clockwork: {message}")
    assert len(done.stderr.splitlines()) == 1


def test_a_closed_output_takes_everything(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who closes it wants nothing of it: the command does what it does, and says nothing of that."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    done = piped("clockwork drift --repo work --live live.json >&-", place)
    assert (done.returncode, done.stderr) == (0, "")
    assert piped("clockwork drift --repo work --live live.json --exit-code >&-", place).returncode == 1


@pytest.mark.parametrize("errors", [False, True])
def test_a_pipe_that_nobody_reads(place: Path, errors: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 3 and one line that says so, where standard error is another pipe."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "bot", "schema", "--markdown"],
            cwd=place,
            check=False,
            stdout=writer,
            stderr=writer if errors else subprocess.PIPE,
            text=True,
            timeout=120,
        )
    finally:
        os.close(writer)
    assert done.returncode == 3
    assert errors or done.stderr == "clockwork: nobody reads the output any more\n"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("drift --repo work --live live.json --markdown /dev/full", "/dev/full: No space left on device"),
        ("reconcile --dry-run --repo work --live live.json --summary /dev/full", "/dev/full: No space left"),
        ("reconcile --dry-run --repo work --live live.json --output /dev/full", "/dev/full: No space left"),
        ("plan --repo work --live live.json --out /dev/full", "/dev/full: No space left on device"),
        ("guard diff main --repo work --sarif /dev/full", "/dev/full: No space left on device"),
    ],
)
def test_what_fails_elsewhere_is_not_the_outputs_fault(place: Path, command: str, message: str) -> None:
    """The system names no file that cannot be written: the file that was asked for is named, and the output is not blamed."""
    blames(clockwork(*words_of(command), folder=place), message)


def test_a_step_that_the_system_refuses_is_not_the_outputs_fault(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is it where nothing at all can be written."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)  # nor can it write its counts
    refused = "the system refused a step: No usable temporary directory found"
    blames(piped("ulimit -f 0; clockwork drift --repo work --live live.json", place), refused)


def blames(done: subprocess.CompletedProcess[str], message: str) -> None:
    """It says that in one line, and not that the output could not be written."""
    assert done.returncode == 3, done
    assert done.stderr.startswith(f"clockwork: {message}")
    assert "the output" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
