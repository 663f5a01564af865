"""What is printed for people commands nobody."""

from __future__ import annotations

import json

import pytest

from bot.entrypoints.cli.printing import print_json
from bot.report.console import printable


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
