"""What observers repeat of others is redacted, short and plain; what they start is bounded."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Invalid, Unavailable
from bot.observers.process import run
from bot.secrecy.sanitize import sanitized, shown_url, tail
from tests.observers.waiting import until

SECRET = "hunter2-and-more"


@pytest.mark.parametrize(
    "text",
    [
        f"password={SECRET}",
        f'"db_password": "{SECRET}"',
        f"AWS_SECRET_ACCESS_KEY: {SECRET}",
        f"https://user:{SECRET}@host/path",
        f"Authorization: Bearer {SECRET}",
        f"api-key = '{SECRET}'",
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_secrets_are_hidden(text: str) -> None:
    """Nothing that is called a secret stays readable."""
    assert SECRET not in sanitized(text)


@pytest.mark.parametrize(
    "text",
    [
        "Error: Invalid provider configuration on main.tf line 3",
        'secret "db" not found',
        "dial tcp 10.0.0.1:443: connect: connection refused",
    ],
)
def test_plain_words_stay(text: str) -> None:
    """A message that holds no secret is not changed."""
    assert sanitized(text) == text


@given(st.text())
def test_no_control_characters(text: str) -> None:
    """No terminal escape, carriage return or direction mark survives."""
    assert not set(sanitized(text)) & set("\x1b\r\x00\x07\u202e\u200b")


def test_tails_are_cut_at_a_line() -> None:
    """Only the end is kept, beginning with a whole line."""
    assert tail("first line\n" + "second line\n" * 3, limit=30) == "second line\nsecond line"
    assert len(tail("x y " * 1000, limit=600)) <= 600


def test_urls_lose_their_secrets() -> None:
    """User, password, query and fragment are not shown."""
    assert shown_url("https://u:p@host:8/a/b?token=1#x") == "https://host:8/a/b"


def test_a_program_s_children_end_with_it(tmp_path: Path) -> None:
    """After the deadline the whole process group is gone, also what the program started."""
    note = tmp_path / "child"
    script = (
        "import subprocess, sys, pathlib, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "pathlib.Path(sys.argv[1]).write_text(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    with pytest.raises(Unavailable, match="did not finish within 3 s"):
        run([sys.executable, "-c", script, str(note)], timeout=3, cap=1000)
    child = Path(f"/proc/{note.read_text()}/stat")
    assert until(lambda: not child.exists() or child.read_text().rpartition(")")[2].split()[0] == "Z")


def test_the_environment_is_what_was_given() -> None:
    """A program sees only the environment that it was given, and a home and a scratch folder of its own."""
    script = "import os; print(sorted(k for k in os.environ if k != 'LC_CTYPE'))"
    finished = run([sys.executable, "-c", script], timeout=20, cap=1000, env={"ONLY": "this"})
    assert finished.stdout.strip() == b"['HOME', 'ONLY', 'TMPDIR']"
    assert "PATH" in os.environ


@pytest.mark.parametrize("argv", [[], ["/no/such/program"], ["bad\0name"], ["true", "bad\0word"]])
def test_what_cannot_be_started_is_bad_input(argv: list[str]) -> None:
    """A command that cannot be started is named as bad input."""
    with pytest.raises(Invalid, match="cannot start"):
        run(argv, timeout=1, cap=1)


def test_a_line_that_was_cut_is_not_shown() -> None:
    """Of a long standard error the end is kept, from a whole line on: half a secret would not be known for one."""
    script = f"import sys; sys.stderr.write('password={SECRET}' + 'x' * 8185 + chr(10) + 'the end')"
    assert run([sys.executable, "-c", script], timeout=20, cap=1000).stderr == "the end"


@pytest.mark.parametrize("end", ["", "\n"])
def test_of_one_line_that_was_cut_the_end_is_shown(end: str) -> None:
    """A message without any line break is better than none; the word that the cut went through is left out."""
    script = f"import sys; sys.stderr.write('password={SECRET}' + 'x' * 4000 + ' and so on' * 500 + {end!r})"
    stderr = run([sys.executable, "-c", script], timeout=20, cap=1000).stderr
    assert stderr.startswith("(cut) and so on")
    assert tail(stderr).startswith("(cut) ")
    assert tail(stderr).endswith("and so on")


def test_what_a_command_left_behind_may_finish_its_output() -> None:
    """The output ends when nobody can write to it any more, however long ago the command itself ended."""
    finished = run(["sh", "-c", "echo out; (sleep 1; echo late) & exit 3"], timeout=20, cap=1000)
    assert (finished.stdout, finished.exit_code) == (b"out\nlate\n", 3)


def test_output_that_does_not_end_is_not_taken_for_whole() -> None:
    """Something that the command left behind keeps it open beyond the deadline."""
    with pytest.raises(Unavailable, match="did not finish within 1 s"):
        run(["sh", "-c", "echo out; sleep 600 & exit 0"], timeout=1, cap=1000)


def test_a_file_that_may_not_be_executed_is_named_so(tmp_path: Path) -> None:
    """It is there, and PATH has nothing to do with it; one that is not there, and a bare name, are told apart."""
    (tmp_path / "x.sh").write_text("#!/bin/sh\n")
    causes = {}
    for name in ("./x.sh", "./y.sh", "no-such-program"):
        with pytest.raises(Invalid) as refused:
            run([name], timeout=1, cap=1, cwd=tmp_path)
        causes[name] = (refused.value.message, refused.value.advice)
    there, on_path = (
        "check that the program is there and may be executed",
        "check that the program is installed and on PATH",
    )
    assert causes == {
        "./x.sh": ("cannot start ./x.sh: Permission denied", there),
        "./y.sh": ("cannot start ./y.sh: No such file or directory", there),
        "no-such-program": ("cannot start no-such-program: no such program on PATH", on_path),
    }


def test_output_is_not_in_the_repr() -> None:
    """What a program wrote does not get into a log by accident."""
    assert SECRET not in repr(run([sys.executable, "-c", f"print('{SECRET}')"], timeout=20, cap=1000))


def test_the_end_of_much_output_begins_with_a_whole_line() -> None:
    """Half a secret is not known for one, so that the line that was cut is left out. Little output is shown whole."""
    cut = f"password={SECRET}\n"
    output = cut + "x" * (64 * 1024 - len(cut) + 20) + "\nthe end"
    for shown in (tail(output), tail(output.encode())):
        assert shown == "the end"
    assert tail(f" all of it\n password={SECRET}\n ") == "all of it\n password=[redacted:secret]"
    assert tail("y" * 30, limit=20) == f"(cut) {'y' * 14}"
