"""Which characters are comments and strings."""

from __future__ import annotations

import pytest

from bot.guardrails.lexing import mask

CASES = [
    ("python", ['x = "a # b"  # c'], ['x = "a # b"     '], ['x = "     "     ']),
    ("python", ['"""a', "b # c", 'd"""  # e'], ['"""a', "b # c", 'd"""     '], ['"""' + " ", "     ", ' """     ']),
    ("javascript", ["a /* b", "`c", "d */ `e", "f` // g"], ["a     ", "  ", "     `e", "f`     "],
     ["a     ", "  ", "     ` ", " `     "]),
    ("go", ["x := `a // b", "c` // d"], ["x := `a // b", "c`     "], ["x := `      ", " `     "]),
    ("sql", ["a /* '", "b */ 'c' -- d"], ["a     ", "     'c'     "], ["a     ", "     ' '     "]),
    ("shell", ["echo a#b # c"], ["echo a#b    "], ["echo a#b    "]),
    ("docs", ["# a"], ["# a"], ["# a"]),
]  # fmt: skip


@pytest.mark.parametrize(("language", "lines", "no_comments", "code"), CASES)
def test_lines_are_masked(language: str, lines: list[str], no_comments: list[str], code: list[str]) -> None:
    """Columns stay, and a line is masked by itself as it is when all before it were."""
    masked = mask(lines, language)
    assert list(masked.no_comments) == no_comments
    assert list(masked.code) == code
    assert mask(lines, language).code[-1] == code[-1]
    assert list(mask(lines, language).no_comments[1:]) == no_comments[1:]
