"""Markdown, patches and ticks as pure functions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.objects import FileDiff
from bot.sandbox.web.diffs import view
from bot.sandbox.web.markup import render, ticked
from bot.sandbox.web.site import ink, size, when
from tests.table import table


@table(
    ("text", "html"),
    [
        ("**a** `b`", "<p><strong>a</strong> <code>b</code></p>\n"),
        ("<!-- x -->", ""),
        ("a <!-- x --> b", "<p>a  b</p>\n"),
        ("<!-- open", ""),
        ("<b>x</b><i onclick=y>", "<p><b>x</b>&lt;i onclick=y&gt;</p>\n"),
        ("- [ ] a", '<ul>\n<li><span class="box" role="checkbox" aria-checked="false"></span>a</li>\n</ul>\n'),
        ("- [X] a", '<ul>\n<li><span class="box" role="checkbox" aria-checked="true"></span>a</li>\n</ul>\n'),
        ("[ ] no list", "<p>[ ] no list</p>\n"),
    ],
)
def test_markdown(text: str, html: str) -> None:
    """What people write becomes what GitHub would show."""
    assert render(text) == html


@given(st.text(alphabet="<>!-/abscriptdetails =\"'&\n[]() ", max_size=80))
def test_no_tag_gets_through(text: str) -> None:
    """Whatever the text, no script, image or attribute reaches the page."""
    html = render(text).lower()
    assert "<script" not in html
    assert "<img" not in html
    assert "<a" not in html or "<a href=" in html


@pytest.mark.parametrize(
    ("body", "line", "done", "after"),
    [
        ("- [ ] a\n- [ ] b\n", 1, True, "- [ ] a\n- [x] b\n"),
        ("1. [x] a", 0, False, "1. [ ] a"),
        ("a\r\n  * [ ] b [ ]\r\n", 1, True, "a\r\n  * [x] b [ ]\r\n"),
        ("no task", 0, True, None),
        ("- [ ] a", 5, True, None),
        ("- [ ] a", -1, True, None),
    ],
)
def test_ticking_changes_one_character(body: str, line: int, done: bool, after: str | None) -> None:
    """The named task changes and nothing else does."""
    assert ticked(body, line, is_ticked=done) == after


def test_a_patch_becomes_rows() -> None:
    """Numbers on both sides follow the hunks; a missing newline is a note."""
    patch = "@@ -1,3 +1,2 @@ top\n a\n-b\n-c\n+d\n@@ -9 +8 @@\n-x\n\\ No newline at end of file\n+y"
    rows = view(FileDiff("f", None, "modified", 2, 3, patch, "0")).rows
    assert [(row.kind, row.old, row.new, row.text) for row in rows] == [
        ("hunk", None, None, "@@ -1,3 +1,2 @@ top"),
        ("same", 1, 1, "a"),
        ("removed", 2, None, "b"),
        ("removed", 3, None, "c"),
        ("added", None, 2, "d"),
        ("hunk", None, None, "@@ -9 +8 @@"),
        ("removed", 9, None, "x"),
        ("note", None, None, " No newline at end of file"),
        ("added", None, 8, "y"),
    ]


@pytest.mark.parametrize(
    ("colour", "expected"), [("ff0000", "0"), ("00ff00", "4"), ("0000ff", "8"), ("ededed", "grey")]
)
def test_labels_find_their_ink(colour: str, expected: str) -> None:
    """A label's hue picks one of twelve inks."""
    assert ink(colour) == expected


def test_figures_for_people() -> None:
    """Bytes and times are short."""
    assert (size(9), size(2048), when("2024-05-01T07:03:00Z")) == ("9 B", "2.0 KiB", "1 May 2024, 07:03")


def test_alerts_have_their_title_and_boxes_keep_their_lines() -> None:
    """As GitHub's alerts; a quotation of something else stays what it is."""
    page = render("> [!WARNING]\n> Halted\n\n- [ ] Resume\n\n> [!OTHER]\n", lambda task: f"box {task.line}")
    assert "<strong>Warning</strong>" in page
    assert "box 3" in page
    assert "[!OTHER]" in page
