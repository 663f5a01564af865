"""Three ways to search, one answer."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.secrecy.literals import ScanBackend, available
from bot.secrecy.scan import MAX_LINE, Needle, joined, scan, scanner
from bot.secrecy.tokens import NEEDLES

OTHERS = [backend for backend in available() if backend is not ScanBackend.PLAIN]
MIXED = (
    Needle("word", r"\bverify\s*=\s*False\b", ("verify",)),
    Needle("bare", r"[0-9]{4,}x"),
    Needle("start", r"^\s*assert True$", ("assert",)),
    Needle("ahead", r"foo(?!bar)", ("foo",)),
    Needle("case", r"(?i)danger", ("danger",)),
    Needle("space", r"a\s+b", ()),
    Needle("dot", r"k.y", ("k",)),
)
WORDS = [
    "verify = False",
    "verify=False",
    "12345x",
    "assert True",
    "foobar",
    "foo",
    "DANGER",
    "a",
    " b",
    "kéy",
    "k.y",
    "\r",
    "\u2028",
    "x",
]


@pytest.mark.parametrize("backend", OTHERS)
@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join), max_size=12))
@settings(max_examples=150, deadline=None)
def test_every_backend_gives_the_same_answer(backend: ScanBackend, lines: list[str]) -> None:
    """Whatever the lines, hyperscan and ahocorasick find exactly what plain search finds."""
    plain = scanner(MIXED, ScanBackend.PLAIN).scan(lines)
    found = scanner(MIXED, backend).scan(lines)
    assert [(one.line, one.needle, one.text) for one in found] == [(one.line, one.needle, one.text) for one in plain]


@pytest.mark.parametrize("backend", OTHERS)
def test_the_secret_patterns_give_the_same_answer(backend: ScanBackend) -> None:
    """The shipped patterns agree over thousands of random lines that begin like credentials."""
    generator = random.Random(11)
    starts = [word for needle in NEEDLES for word in needle.keywords] + ["AK" + "IA", "SG" + ".", "key = ", ""]
    alphabet = "abcdefABCDEF0123456789_-./=+ "
    lines = [
        generator.choice(starts) + "".join(generator.choices(alphabet, k=generator.choice([10, 20, 36, 40, 64])))
        for _ in range(4000)
    ]
    plain = scanner(NEEDLES, ScanBackend.PLAIN).scan(lines)
    assert scanner(NEEDLES, backend).scan(lines) == plain


def test_nothing_matches_across_lines() -> None:
    """White space in a pattern does not reach into the next line."""
    for backend in available():
        assert scanner(MIXED, backend).scan(["verify =", "False", "a", "b"]) == []
    assert scan((), ["a"]) == scan(MIXED, []) == []


def test_a_line_is_one_line_and_cut_to_what_is_looked_at() -> None:
    """A line feed within one is a blank, and what stands beyond the most that is looked at is not found."""
    assert joined([]) == b""
    assert joined(["a", "b\nc", "", "d"]) == b"a\nb c\n\nd"
    long = "x" * (MAX_LINE - 1)
    assert joined([f"{long}yz", "a\n"]) == f"{long}y\na ".encode()
    matches = scan((Needle("end", "yz?", ("y",)),), ["a\nb", f"{long}yz", "yz"])
    assert [(match.line, match.text) for match in matches] == [(1, "y"), (2, "yz")]
