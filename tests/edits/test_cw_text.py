"""Which part of a template to change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.assembly.values import Piece
from bot.edits.cw_text import Within, changes, read_back, scalar_text, solved
from bot.model.json import JSON
from bot.model.resource import Origin
from tests.table import table

SHORT = st.text("ab:", max_size=3)


def origin(number: int) -> Origin:
    return Origin("main.cw", number * 10, number * 10 + 5, 1, number * 10 + 1)


@st.composite
def texts(draw: st.DrawFn) -> tuple[Piece, ...]:
    """A template's pieces: the same literal always says the same text."""
    literals = draw(st.lists(SHORT, min_size=1, max_size=3))
    made = []
    for index in range(draw(st.integers(1, 5))):
        literal = draw(st.integers(0, len(literals)))
        own = origin(10 + index)
        if literal == len(literals):
            made.append(Piece(draw(SHORT), own, own, bare=True))
        else:
            made.append(Piece(literals[literal], origin(literal), own))
    return tuple(made)


@given(texts(), st.text("ab:", max_size=8))
def test_a_change_makes_exactly_the_wanted_text(pieces: tuple[Piece, ...], target: str) -> None:
    """With the change carried out, and all else as it was, the template reads as wanted."""
    for change in changes(pieces, target):
        own = [piece.use if change.within is Within.USE else piece.literal for piece in pieces]
        now = [change.text if at == change.origin else piece.text for at, piece in zip(own, pieces, strict=True)]
        assert "".join(now) == target


@given(texts(), st.data())
def test_a_change_of_one_literal_is_found(pieces: tuple[Piece, ...], data: st.DataObject) -> None:
    """Whatever one literal is changed to, the text that comes out can be explained."""
    literal = data.draw(st.sampled_from([piece.literal for piece in pieces]))
    text = data.draw(SHORT)
    target = "".join(text if piece.literal == literal else piece.text for piece in pieces)
    assert (literal, text) in [(change.origin, change.text) for change in changes(pieces, target)]


def test_literals_come_before_text_and_text_before_uses() -> None:
    """A variable's default says most about what changed, text in place of ``${}`` least."""
    tail = origin(2)
    pieces = (Piece("1", origin(1), origin(3)), Piece("-a", tail, tail, bare=True))
    assert [change.within for change in changes(pieces, "2-a")] == [Within.LITERAL, Within.USE]
    assert [change.within for change in changes(pieces, "1-a-a")] == [Within.LITERAL, Within.TEXT, Within.USE]


@pytest.mark.parametrize(
    ("target", "solution"), [("b-b", "b"), ("bb-bb", "bb"), ("-", ""), ("a-b", None), ("a-ab", None), ("", None)]
)
def test_a_literal_that_stands_twice_changes_twice(target: str, solution: str | None) -> None:
    """What does not read the same in both places is no change of it."""
    assert solved([("a", True), ("-", False), ("a", True)], target) == solution


@table(
    ("text", "kind", "value"),
    [
        ("28", int, 28),
        ("-1", int, -1),
        ("1.5", float, 1.5),
        ("1.10", float, "1.10"),
        ("007", int, "007"),
        ("1e3", int, "1e3"),
        ("nan", float, "nan"),
        ("inf", float, "inf"),
        ("9007199254740993", int, "9007199254740993"),
        ("", int, ""),
        ("true", bool, True),
        ("false", bool, False),
        ("yes", bool, "yes"),
    ],
)
def test_text_becomes_a_number_only_if_the_number_reads_as_that_text(
    text: str, kind: type[bool | int | float], value: JSON
) -> None:
    """A tag ``1.10`` is not the number 1.1."""
    actual = read_back(text, kind)
    assert (actual, type(actual)) == (value, type(value))
    assert scalar_text(actual) == text
