"""Plain values: where edits cannot be carried out, and changes of one text that are made apart."""

from __future__ import annotations

import pytest

from bot.edits.cw import combined
from bot.edits.values import applied, paired
from bot.errors import Refused
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import JSON
from tests.table import table


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


PORT: dict[str, JSON] = {"name": "http", "port": 80}


@table(
    ("gone", "come", "change"),
    [
        (PORT, PORT | {"port": 81}, True),
        (PORT, {"name": "b", "port": 80}, False),
        (PORT, {"name": "b", "port": 81}, False),
        (PORT, PORT | {"port": 81, "protocol": "UDP"}, True),
        (PORT | {"protocol": "UDP"}, PORT | {"port": 81}, False),
        ({"port": 80}, {"port": 81}, True),
        ({"name": "a"}, {"name": "b"}, False),
        ("80:80", "81:80", False),
    ],
)
def test_what_went_and_came_with_one_other_value_is_a_change(gone: JSON, come: JSON, *, change: bool) -> None:
    """Only like elements of one list are paired."""
    edits: list[Edit] = [RemoveEntry(("l", 0)), AddEntry(("l",), None, come)]
    assert paired({"l": [gone]}, edits) == ([SetValue(("l", 0), come)] if change else edits)


def test_what_two_elements_could_have_become_is_not_guessed() -> None:
    """With two like candidates, or none there at all, everything stays as it was asked for."""
    two: list[Edit] = [RemoveEntry(("l", 0)), RemoveEntry(("l", 1)), AddEntry(("l",), None, {"a": 1, "b": 3})]
    assert paired({"l": [{"a": 1, "b": 1}, {"a": 1, "b": 2}]}, two) == two
    assert paired({}, two) == two


@table(
    ("original", "versions", "made"),
    [
        (b"abc", [], b"abc"),
        (b"abc", [b"abc"], b"abc"),
        (b"abc", [b"aXc", b"aXc"], b"aXc"),
        (b"abc", [b"Xabc", b"abcY"], b"XabcY"),
        (b"abc", [b"aXbc", b"aYbc"], b"aXYbc"),
        (b"abc", [b"aYbc", b"aXbc"], b"aYXbc"),
        (b"abc", [b"abXc", b"Ybc"], b"YbXc"),
        (b"abcd", [b"abd", b"acd"], b"ad"),
        (b"aaa", [b"aa"], b"aa"),
        (b"aa", [b"aaa"], b"aaa"),
        (b"abc", [b""], b""),
        (b"", [b"x"], b"x"),
    ],
)
def test_versions_of_a_text_are_combined(original: bytes, versions: list[bytes], made: bytes) -> None:
    """Each is a change of the original; those at one place follow one another as they came."""
    assert combined(original, versions) == made


@pytest.mark.parametrize("versions", [[b"aX", b"Yc"], [b"aXd", b"abYd"], [b"X", b"a"]])
def test_versions_that_change_the_same_bytes_are_not_combined(versions: list[bytes]) -> None:
    """One of the two would be lost."""
    with pytest.raises(Refused, match="these changes touch the same text: adopt them one by one"):
        combined(b"abcd", versions)
