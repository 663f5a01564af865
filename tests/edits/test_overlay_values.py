"""Plain values: where edits cannot be carried out."""

from __future__ import annotations

import pytest

from bot.edits.cw import combined
from bot.edits.values import applied
from bot.errors import Refused
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue


@pytest.mark.parametrize(
    "edit",
    [
        SetValue(("a", "b"), 1),
        RemoveEntry(("x",)),
        RemoveEntry(("l", 5)),
        AddEntry(("a",), None, 1),
        SetValue(("l", 7), 1),
    ],
)
def test_an_edit_of_what_is_not_there_is_refused(edit: Edit) -> None:
    """Nothing is guessed."""
    with pytest.raises(Refused):
        applied({"a": 1, "l": [1]}, edit)


def test_changes_made_apart_are_combined() -> None:
    """Versions that were each made from one original become one text."""
    assert (
        combined(b"a=1\nb=2\nc=3\n", [b"a=9\nb=2\nc=3\n", b"a=1\nb=2\nc=3\nd=4\n", b"a=1\nc=3\n"]) == b"a=9\nc=3\nd=4\n"
    )


def test_changes_of_the_same_text_are_refused() -> None:
    """Two versions that change the same bytes are not mixed."""
    with pytest.raises(Refused):
        combined(b"a=1\n", [b"a=22\n", b"a=33\n"])
