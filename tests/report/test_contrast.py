"""Two values that differ never look alike, however long they are."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.model.json import JSON
from bot.report.contrast import PatchedFile, changed_lines, contrasted, patched_files, value_diff


@given(st.text(max_size=300), st.text(max_size=60), st.text(max_size=60), st.text(max_size=300), st.integers(40, 160))
def test_both_sides_are_short_and_differ(head: str, one: str, other: str, tail: str, limit: int) -> None:
    """Whatever they have in common at both ends."""
    before, after = head + one + tail, head + other + tail
    assume(before != after)
    left, right = contrasted(before, after, limit)
    assert left != right
    assert max(len(left), len(right)) <= limit


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("1.4.2", "1.4.3", ("1.4.2", "1.4.3")),
        ("x" * 400 + "a", "x" * 400 + "b", ("…xxxxxxxxxxxxa", "…xxxxxxxxxxxxb")),
        ("a" + "x" * 400, "b" + "x" * 400, ("a" + "x" * 38 + "…", "b" + "x" * 38 + "…")),
        ("x" * 40, "x" * 60, ("…" + "x" * 12, "…" + "x" * 32)),
    ],
)
def test_what_is_long_is_cut_around_the_change(before: str, after: str, expected: tuple[str, str]) -> None:
    """What is short stays as it is."""
    assert contrasted(before, after, 40) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (80, 8081, ("-80", "+8081")),
        (None, {"port": 80}, ('+{"port": 80}',)),
        ("on", None, ("-on",)),
        ("a\nb\nc\n", "a\nB\nc\n", ("@@ -1,3 +1,3 @@", " a", "-b", "+B", " c")),
        ("one", "one\ntwo", ("@@ -1 +1,2 @@", " one", "+two")),
    ],
)
def test_a_diff_of_values(before: JSON, after: JSON, expected: tuple[str, ...]) -> None:
    """Scalars in one line each; a side that is not there has none; texts by their lines."""
    assert value_diff(before, after) == expected


def test_large_values_are_compared_by_their_entries_and_end() -> None:
    """A mapping of many keys shows those that differ; what has very many lines is counted."""
    old = {f"key-{number}": "value" * 3 for number in range(40)}
    rows = value_diff(old, {**old, "key-7": "other"})
    assert [row for row in rows if row[0] in "+-"] == ['-  "key-7": "valuevaluevalue",', '+  "key-7": "other",']
    many = "\n".join(map(str, range(1000)))
    assert value_diff(many, many.replace("\n", "!\n"))[-1].endswith("more lines")
    assert changed_lines("a\nb\nc", "a\nB\nc\nd") == 2


def test_a_patch_is_told_file_by_file() -> None:
    """The names of a file's sides are no lines of it; a line that only looks like a name is."""
    first = ("--- a/x.sql", "+++ b/x.sql"), ("@@ -1,2 +1 @@", "--- drop it", "+++ keep it", " select 1;")
    second = ("--- a/y", "+++ /dev/null"), ("@@ -1 +0,0 @@", "-y")
    patch = "\n".join(line for heads, lines in (first, second) for line in (*heads, *lines)) + "\n"
    assert patched_files(patch) == (PatchedFile(*first), PatchedFile(*second))
    assert patched_files("cut\n-x") == (PatchedFile((), ("cut", "-x")),)
    assert patched_files("") == ()
