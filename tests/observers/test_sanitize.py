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
from bot.observers.sanitize import sanitized, shown_url, tail
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


def test_output_is_not_in_the_repr() -> None:
    """What a program wrote does not get into a log by accident."""
    assert SECRET not in repr(run([sys.executable, "-c", f"print('{SECRET}')"], timeout=20, cap=1000))
