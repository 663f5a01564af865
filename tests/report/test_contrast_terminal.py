"""On a terminal both sides of a difference are cut to the part that differs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.report.terminal import WIDTH, text_pair

LINES = [f"key{number} = value{number}" for number in range(30)]


def test_the_line_that_changed_is_shown() -> None:
    """Far behind the beginning of a text of many lines."""
    before, after = "\n".join(LINES), "\n".join(LINES).replace("value17", "other17")
    left, right = text_pair(before, after)
    assert "value17" in left
    assert "other17" in right
    assert max(len(left), len(right)) <= WIDTH


@given(st.text(max_size=300), st.text(max_size=300))
def test_two_values_never_look_alike(before: str, after: str) -> None:
    """Unless they are the same once what cannot be printed is escaped."""
    left, right = text_pair(before, after)
    if left == right:
        wide = text_pair(before, after, 10_000)
        assert wide[0] == wide[1]
