"""Hostile text: it stays readable and can do nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot import escape
from tests.table import table

HOSTILE = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("`@#<>-!|*_[]()~/\\&\n\r\t$\u202e\u200b")),
    max_size=60,
)
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")


@table(
    ("given_text", "shown"),
    [
        ("plain value 1.2.3", "plain value 1.2.3"),
        ("@dana look", "＠dana look"),
        ("fixes #12", "fixes “＃12"),
        ("Closes: acme/shop#12", "Closes: “acme/shop＃12"),
        ("GH-12", "GH‑12"),
        ("resolves https://github.com/a/b/issues/1", "resolves “https://github.com/a/b/issues/1"),
        ("/retest", "／retest"),
        ("a\n\n/merge", "a /merge"),
        ("deploy [skip ci]", "deploy ［skip ci]"),
        ("a\u202eb\u200bc\x1b[31m", "a\\u202eb\\u200bc\\x1b[31m"),
        ("colour #fff", "colour #fff"),
    ],
)
def test_a_line_does_nothing(given_text: str, shown: str) -> None:
    """Mentions, references, closing words, commands, skips and hidden characters are disarmed and still readable."""
    assert escape.line(given_text) == shown


@given(HOSTILE)
def test_a_line_is_one_visible_line(hostile: str) -> None:
    """Whatever comes in: one line, no control or format character, no mention, no numbered reference."""
    shown = escape.line(hostile)
    assert len(shown.splitlines()) <= 1
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"} for char in shown)
    assert "@" not in shown
    assert not re.search(r"#\d", shown)


@given(HOSTILE)
def test_prose_renders_as_one_paragraph_of_its_own_words(hostile: str) -> None:
    """In Markdown, hostile prose becomes text in one paragraph: no tags, no emphasis, no code, no heading, no comment."""
    rendered = MARKDOWN.render("Start " + escape.text(hostile) + " end")
    assert set(re.findall(r"</?([a-z0-9]+)", rendered)) <= {"p"}
    assert "<!--" not in rendered


@given(HOSTILE)
def test_prose_at_the_start_of_a_line_starts_nothing(hostile: str) -> None:
    """Also as the first thing on a line it is no heading, list, quote, fence, table or command."""
    shown = escape.text(hostile)
    rendered = MARKDOWN.render(shown)
    assert set(re.findall(r"</?([a-z0-9]+)", rendered)) <= {"p"}
    assert not shown.startswith("/")


@given(HOSTILE)
def test_a_code_span_shows_exactly_the_text(hostile: str) -> None:
    """A code span never ends early, also in a table cell, and shows what it was given, hidden characters escaped."""
    span = escape.code(hostile)
    rendered = MARKDOWN.render(f"| a | b |\n|---|---|\n| {span} | x |\n")
    assert rendered.count("<td>") == 2
    assert set(re.findall(r"</?([a-z0-9]+)", rendered)) <= {"table", "thead", "tbody", "tr", "th", "td", "code"}
    assert rendered.count("<code>") <= 1


@given(HOSTILE.filter(str.strip))
def test_a_block_keeps_everything_inside(hostile: str) -> None:
    """A fenced block is one code block, whatever fences are inside."""
    rendered = MARKDOWN.render("Before\n\n" + escape.block(hostile, "yaml") + "\n\nAfter")
    assert rendered.count("<pre>") == 1
    assert rendered.rstrip().endswith("<p>After</p>")


def test_values() -> None:
    """Absent, text, numbers and trees are shown as people read them."""
    assert escape.value(None) == "(absent)"
    assert escape.value("a b") == "a b"
    assert escape.value(True) == "true"
    assert escape.value({"a": [1, None]}) == '{"a": [1, null]}'
    assert escape.summary({f"k{n}": "x" * 20 for n in range(9)}) == "a mapping with 9 keys: k0, k1, k2, k3, k4"
    assert escape.summary([1, 2]) == "[1, 2]"
    assert escape.summary(["x" * 50] * 4) == "a list of 4 elements"
    assert escape.code("") == ""
    assert escape.code("a|b") == "<code>a&#124;b</code>"
    assert escape.code("a`b") == "``a`b``"


@given(st.lists(st.sampled_from(["```", "~~~", "````", "text", "", "    ```"]), max_size=400), st.integers(300, 900))
def test_a_cut_body_closes_its_fences(lines: list[str], limit: int) -> None:
    """A body that is cut fits, says that it was cut, and the note is not inside a code block."""
    body = "\n".join(lines)
    cut = escape.clip(body, limit)
    assert len(cut) <= limit
    if len(body) > limit:
        assert "<em>The rest is left out" in MARKDOWN.render(cut)


@pytest.mark.parametrize("shown", [escape.code, escape.block])
def test_code_is_inert_in_a_commit_message_too(shown: Callable[[object], str]) -> None:
    """A squash merge copies the body, where code marks protect nothing; an image's digest stays as it is."""
    assert "[skip ci]" not in shown("x [skip ci]")
    assert "@dana" not in shown("cc @dana")
    assert "fixes #3" not in shown("fixes #3")
    assert "web@sha256:0a" in shown("registry.example.com/web@sha256:0a")


def test_our_own_code_marks_stay_marks() -> None:
    """What stands in marks is code, what stands around is text, and hostile text can be neither."""
    assert escape.prose("Say `/clockwork resume everything` *now*") == ("Say `/clockwork resume everything` \\*now\\*")
    assert escape.prose("a ` b") == "a \\` b"
