"""What is printed for people commands nobody."""

from __future__ import annotations

import io
import json
import re

import pytest

from bot.entrypoints.cli.printing import print_json
from bot.model.drift import Report
from bot.report.console import open_console, printable
from bot.report.terminal import show_report
from tests.distributions import ROOT
from tests.report.test_forms import drift


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::set-output name=verdict::approve", ": :set-output name=verdict::approve"),
        ("  ::add-mask::x", "  : :add-mask::x"),
        ("a ##[add-mask]x", "a # #[add-mask]x"),
        ("###[error]", "## #[error]"),
        ("\n::error::x", "\\n::error::x"),
        ("std::move(x)", "std::move(x)"),
        ("a: b", "a: b"),
        ("\x1b[2J\u202e", "\\x1b[2J\\u202e"),
    ],
)
def test_no_text_is_a_command_to_the_runner(text: str, shown: str) -> None:
    """A stranger's line, a name of a file or an assistant's words stay words in the log of GitHub Actions."""
    assert printable(text) == shown


def test_json_says_the_same_and_commands_nobody(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """A sign of a command is escaped, which changes no value."""
    print_json({"a": "##[add-mask]x"})
    out = capfdbinary.readouterr().out
    assert b"##[" not in out
    assert json.loads(out) == {"a": "##[add-mask]x"}


def test_no_port_becomes_a_picture() -> None:
    """Rich takes ``:100:`` for a picture unless it is told not to, as the one place does that makes consoles."""
    made = [re.findall(r"[^\w]Console\(\s*([^,)\s]*)", path.read_text()) for path in (ROOT / "bot").rglob("*.py")]
    assert [first for each in made for first in each] == ["emoji=False"]
    for width in (60, 100, 300):
        out = io.StringIO()
        ports = drift(desired="127.0.0.1:100:80", observed="127.0.0.1:100:81", message=None)
        show_report(Report(1, (ports,)), open_console(file=out, width=width))
        assert {"127.0.0.1:100:80", "127.0.0.1:100:81"} <= set(out.getvalue().split())
