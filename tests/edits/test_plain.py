"""Edits of YAML and JSON text: which document, what is shared by anchors, and the exact text around what changed."""

from __future__ import annotations

import pytest

from bot.edits.plain import edited
from bot.errors import Refused
from bot.intake.scalars import Dialect
from bot.model.drift import AddEntry as A
from bot.model.drift import Edit
from bot.model.drift import RemoveEntry as R
from bot.model.drift import SetValue as S
from tests.table import table


def text_of(before: str, *edits: Edit, file: str = "f.yaml", document: int = 0) -> str:
    return edited(file, before.encode(), edits, document=document, dialect=Dialect.KUBERNETES).decode()


THREE = "a: 1\n---\na: 2\n---\na: 3\n"


@pytest.mark.parametrize(
    ("document", "after"),
    [(0, "a: 9\n---\na: 2\n---\na: 3\n"), (1, "a: 1\n---\na: 9\n---\na: 3\n"), (2, "a: 1\n---\na: 2\n---\na: 9\n")],
)
def test_one_document_of_several_is_changed(document: int, after: str) -> None:
    """The others keep their bytes."""
    assert text_of(THREE, S(("a",), 9), document=document) == after


@pytest.mark.parametrize(
    ("before", "document", "message"),
    [
        (THREE, 3, "f.yaml has no document number 4"),
        ("", 0, "f.yaml has no document number 1"),
        ("# nothing\n", 0, "f.yaml has no document number 1"),
        ("a: 1\n---\n---\nb: 1\n", 1, "f.yaml has no document number 2"),
        ("a: [\n", 0, "f.yaml cannot be edited: f.yaml:"),
    ],
)
def test_a_document_that_is_not_there_is_refused(before: str, document: int, message: str) -> None:
    """Documents count from one for people."""
    with pytest.raises(Refused, match=message):
        text_of(before, S(("a",), 9), document=document)


@pytest.mark.parametrize("before", ["{", '{"a": 1,}', "{'a': 1}", '{"a": 01}'])
def test_json_that_is_none_is_refused(before: str) -> None:
    """Even where YAML could read it."""
    with pytest.raises(Refused, match=r"f\.json cannot be edited: f\.json:1:"):
        text_of(before, S(("a",), 9), file="f.json")


def test_edits_are_carried_out_so_that_none_moves_what_another_points_at() -> None:
    """Indexes are those of the text as it was."""
    edits = (R(("l", 0)), R(("l", 2)), S(("l", 1), "B"), A(("l",), None, "d"))
    assert text_of("l:\n- a\n- b\n- c\n", *edits) == "l:\n- B\n- d\n"


SHARED = "x: &x\n  k: 1\n  l: [1, 2]\n"


@table(
    ("before", "edit", "after"),
    [
        ("b: *x\n", S(("b", "k"), 2), "b:\n  k: 2\n  l:\n    - 1\n    - 2\n"),
        ("b: *x\n", S(("b", "l", 0), 9), "b:\n  k: 1\n  l:\n    - 9\n    - 2\n"),
        ("b: *x\n", S(("b",), 9), "b: 9\n"),
        ("b: *x\n", A(("b",), "m", 3), "b:\n  k: 1\n  l:\n    - 1\n    - 2\n  m: 3\n"),
        ("b: *x\n", A(("b", "l"), None, 3), "b:\n  k: 1\n  l:\n    - 1\n    - 2\n    - 3\n"),
        ("b: *x\n", R(("b", "k")), "b:\n  l:\n    - 1\n    - 2\n"),
        ("b: *x\nc: 1\n", R(("b",)), "c: 1\n"),
        ("b:\n  <<: *x\n", S(("b", "k"), 2), "b:\n  <<: *x\n  k: 2\n"),
        ("b:\n  <<: *x\n", A(("b", "l"), None, 3), "b:\n  <<: *x\n  l:\n    - 1\n    - 2\n    - 3\n"),
        ("b:\n  <<: *x\n", R(("b", "l", 0)), "b:\n  <<: *x\n  l:\n    - 2\n"),
        ("b:\n  <<: *x\n", A(("b",), "m", 3), "b:\n  <<: *x\n  m: 3\n"),
        ("b:\n  <<: *x\n  k: 5\n", S(("b", "k"), 6), "b:\n  <<: *x\n  k: 6\n"),
        ("b:\n  <<: *x\n  m: 5\n", R(("b", "m")), "b:\n  <<: *x\n"),
        ("b:\n  c:\n    <<: *x\n", S(("b", "c", "k"), 2), "b:\n  c:\n    <<: *x\n    k: 2\n"),
        ("b:\n- <<: *x\n", S(("b", 0, "k"), 2), "b:\n- <<: *x\n  k: 2\n"),
        ("b: {<<: *x}\n", S(("b", "k"), 2), "b: {<<: *x, k: 2}\n"),
        ("b:\n- *x\n- 1\n", S(("b", 1), 2), "b:\n- *x\n- 2\n"),
        ("b:\n- *x\n- 1\n", R(("b", 0)), "b:\n- 1\n"),
        ("b: *x\n", S(("b",), "y\nz\n"), "b: |\n  y\n  z\n"),
        ("b:\n  '<<': 1\n", S(("b", "<<"), 2), "b:\n  '<<': 2\n"),
    ],
)
def test_what_an_anchor_shares_gets_a_value_of_its_own_where_it_is_changed(before: str, edit: Edit, after: str) -> None:
    """The anchored text and its other uses stay."""
    assert text_of(SHARED + before, edit) == SHARED + after


def test_through_two_aliases_the_nearest_place_gets_the_value() -> None:
    """The outer alias is left, since what it stands for is written there once more."""
    before = "x: &x {k: 1}\ny: &y {x: *x, z: 2}\nb: *y\n"
    assert text_of(before, S(("b", "x", "k"), 2)) == before.replace("b: *y\n", "b:\n  x:\n    k: 2\n  z: 2\n")


@pytest.mark.parametrize(
    ("before", "edit", "message"),
    [
        (
            SHARED + "b:\n  <<: *x\n",
            R(("b", "k")),
            r"b\.k comes from an anchor that other places use; it cannot be removed",
        ),
        (
            SHARED + "b: *x\n",
            S(("x", "k"), 2),
            r"f\.yaml: the value at x\.k cannot be written without changing something",
        ),
        (SHARED + "b: *x\n", R(("x",)), r"f\.yaml: the value at x cannot be written"),
        ("a: 1\na: 2\n", R(("a",)), r"f\.yaml: the value at a cannot be written"),
    ],
)
def test_what_would_change_another_place_is_refused(before: str, edit: Edit, message: str) -> None:
    """With what to do."""
    with pytest.raises(Refused, match=message) as refusal:
        text_of(before, edit)
    assert refusal.value.advice in {None, "An anchor or an unusual spelling is in the way: change it by hand."}


@pytest.mark.parametrize(
    ("before", "edit", "after"),
    [
        # what is added
        ("m:\n  a: |\n    x\n\nn: 1\n", A(("m",), "b", 2), "m:\n  a: |\n    x\n  b: 2\n\nn: 1\n"),
        ("m:\n  a: >\n    x\n\n\nn: 1\n", A(("m",), "b", 2), "m:\n  a: >\n    x\n  b: 2\n\n\nn: 1\n"),
        ("m:\n  a: |+\n    x\n\nn: 1\n", A(("m",), "b", 2), "m:\n  a: |+\n    x\n\n  b: 2\nn: 1\n"),
        ("m:\n  a: >+\n    x\n\nn: 1\n", A(("m",), "b", 2), "m:\n  a: >+\n    x\n\n  b: 2\nn: 1\n"),
        ("m:\n  a: |2+\n    x\n\nn: 1\n", A(("m",), "b", 2), "m:\n  a: |2+\n    x\n\n  b: 2\nn: 1\n"),
        (
            "m:\n  a:\n    - b: |\n        x\n\nn: 1\n",
            A(("m",), "b", 2),
            "m:\n  a:\n    - b: |\n        x\n  b: 2\n\nn: 1\n",
        ),
        ("m:\n  a: 1 # one\n  # two\nn: 1\n", A(("m",), "b", 2), "m:\n  a: 1 # one\n  b: 2\n  # two\nn: 1\n"),
        ("m:\n  a: 1\n\n\nn: 1\n", A(("m",), "b", 2), "m:\n  a: 1\n  b: 2\n\n\nn: 1\n"),
        ("m:\n  a: 'x\n\n    y'\nn: 1\n", A(("m",), "b", 2), "m:\n  a: 'x\n\n    y'\n  b: 2\nn: 1\n"),
        ("m:\n  a: {x: [1,\n    2]}\nn: 1\n", A(("m",), "b", 2), "m:\n  a: {x: [1,\n    2]}\n  b: 2\nn: 1\n"),
        ("m:\n  a: 1\n", A(("m",), "b", "x\n\ny\n"), "m:\n  a: 1\n  b: |\n    x\n\n    y\n"),
        ("l:\n- a\n", A(("l",), None, "x\n\ny\n"), "l:\n- a\n- |\n    x\n\n    y\n"),
        ("l:\n- a: x\n", A(("l",), None, {"a": "x\n\ny\n"}), "l:\n- a: x\n- a: |\n    x\n\n    y\n"),
        ("l:\n- a\n", A(("l",), None, {}), "l:\n- a\n- {}\n"),
        ("l:\n- a\n", A(("l",), None, []), "l:\n- a\n- []\n"),
        ("l:\n- 'a'\n", A(("l",), None, "b"), "l:\n- 'a'\n- 'b'\n"),
        ("l:\n- a: 'x'\n- 5\n- a: 'y'\n", A(("l",), None, {"a": "z"}), "l:\n- a: 'x'\n- 5\n- a: 'y'\n- a: 'z'\n"),
        ("l:\n- a: 'x'\n- a: w\n", A(("l",), None, {"a": "z"}), "l:\n- a: 'x'\n- a: w\n- a: z\n"),
        ("a: 1\n", A(("b", "c"), "d", 1), "a: 1\nb:\n  c:\n    d: 1\n"),
        ("a: 1\n", A(("b", "c"), None, 1), "a: 1\nb:\n  c:\n    - 1\n"),
        ("a: ~\n", A(("a",), None, 1), "a:\n  - 1\n"),
        ("a: # why\n", A(("a",), "b", 1), "a: # why\n  b: 1\n"),
        ("a: [] # why\n", A(("a",), None, 1), "a: # why\n  - 1\n"),
        ("a: &x {b: 1}  # why\nc: 1\n", S(("a",), {"d": [1]}), "a: &x {d: [1]}  # why\nc: 1\n"),
        ("a:  # why\n  b: 1  # inner\nc: 1\n", R(("a", "b")), "a: {}  # why\nc: 1\n"),
        ("a:  # why\n  b: 1  # inner\nc: 1\n", S(("a",), 5), "a: 5  # why\nc: 1\n"),
        ("a:\n  b: [\n    1\n  ]  # inner\nc: 1\n", S(("a",), "x"), "a: x\nc: 1\n"),
        ("a:  # why\n- b\n- c  # inner\n", S(("a",), {"d": 1}), "a:  # why\n  d: 1\n"),
        ("a: |  # why\n  x\n  y\nb: 1\n", S(("a",), "z"), "a: |-  # why\n  z\nb: 1\n"),
        ("a: |  # why\n  x\n  y\nb: 1\n", S(("a",), 5), "a: 5  # why\nb: 1\n"),
        ("a: >-  # why\n  x\nb: 1\n", S(("a",), ["z"]), "a:  # why\n  - z\nb: 1\n"),
        ("a: x  # why\nb: 1\n", S(("a",), "y\nz\n"), "a: |  # why\n  y\n  z\nb: 1\n"),
        ("a:\n  - x  # why\nb: 1\n", S(("a", 0), "y\nz\n"), "a:\n  - |  # why\n    y\n    z\nb: 1\n"),
        ("a: [\n  1\n]  # why\nb: 1\n", S(("a",), {"c": 1}), "a:  # why\n  c: 1\nb: 1\n"),
        ("- a: 1\n  b: |-\n    x\n# foot\n", S((0,), 5), "- 5\n# foot\n"),
        ("- - a\n  - b  # inner\n- c\n", S((0,), "x"), "- x\n- c\n"),
        ("a: 1  # inner\n", R(("a",)), "{}\n"),
        ("c: 1\na: 1", A((), "b", "x\ny\n"), "c: 1\na: 1\nb: |\n  x\n  y\n"),
        (
            "a: [\n  b,  # own b\n  c,  # own c\n]\n",
            A(("a",), None, "d"),
            "a: [\n  b,  # own b\n  c,  # own c\n  d,\n]\n",
        ),
        ("a: [\n  b,\n  c  # own c\n]\n", A(("a",), None, "d"), "a: [\n  b,\n  c,  # own c\n  d\n]\n"),
        ("{\n  b: 1  # own b\n}\n", A((), "c", 2), "{\n  b: 1,  # own b\n  c: 2\n}\n"),
        ("{a: 1}\n", A((), "b", "x"), "{a: 1, b: x}\n"),
        ("{a: 1}\n", A((), "b,c", "x"), '{a: 1, "b,c": x}\n'),
        ("{\n  a: 1,\n  b: 2\n}\n", A((), "c", "x"), "{\n  a: 1,\n  b: 2,\n  c: x\n}\n"),
        ("a: [[1], 2]\n", A(("a", 0), None, 3), "a: [[1, 3], 2]\n"),
        ("a: ['x', 'y']\n", A(("a",), None, "z"), "a: ['x', 'y', 'z']\n"),
        ("a: {b: []}\n", A(("a", "b"), None, {"c": "x, y"}), 'a: {b: [{c: "x, y"}]}\n'),
        # what is changed
        ("a: {b: 1}\n", S(("a", "b"), {"c": [1]}), "a: {b: {c: [1]}}\n"),
        ("a: {b: 'x'}\n", S(("a", "b"), "it's, y"), "a: {b: 'it''s, y'}\n"),
        ("a: {b: x}\n", S(("a", "b"), "-x"), 'a: {b: "-x"}\n'),
        ("a: {b: , c: 1}\n", S(("a", "b"), 5), "a: {b: 5, c: 1}\n"),
        ("m:\n  a: &x\nb: 1\n", A(("m",), "c", 5), "m:\n  a: &x\n  c: 5\nb: 1\n"),
        ("a: !!str\n", S(("a",), "x"), "a: !!str x\n"),
        ("a:   {b: 1}\n", S(("a",), 5), "a:   5\n"),
        ("a: &x\n", S(("a",), 5), "a: &x 5\n"),
        ("a: &x\n", S(("a",), "y\nz\n"), "a: &x |\n  y\n  z\n"),
        ("a: &x 5\n", S(("a",), "y\nz\n"), "a: &x |\n  y\n  z\n"),
        ("a: &x |\n  y\nb: *x\n", S(("b",), 5), "a: &x |\n  y\nb: 5\n"),
        ("a: &x |\n  y\n", S(("a",), 5), "a: &x 5\n"),
        ("a: !!int 5\n", S(("a",), "y\nz\n"), "a: |\n  y\n  z\n"),
        ("a: !!str |\n  x\n", S(("a",), 5), "a: 5\n"),
        ("a: !!str |\n  x\n", S(("a",), "y\n"), "a: !!str |\n  y\n"),
        ("a: >\n  x\n", S(("a",), "x \n"), 'a: "x \\n"\n'),
        ("a: |\n  x\n\nb: 1\n", S(("a",), "x \n"), 'a: "x \\n"\n\nb: 1\n'),
        ("a: >\n  x y\nb: 1\n", S(("a",), "x\n\ny\n"), "a: >\n  x\n\n\n  y\nb: 1\n"),
        ("a: {b: x}\n", S(("a", "b"), "y, z"), 'a: {b: "y, z"}\n'),
        ("a: [x]\n", S(("a", 0), "a\nb"), 'a: ["a\\nb"]\n'),
        ("a:\n- x # one\n- y\n", S(("a", 0), {"b": 1, "c": 2}), "a:\n- b: 1\n  c: 2 # one\n- y\n"),
        ("a:\n  b: 1\n\n# c\nd: 1\n", S(("a",), [1, 2]), "a:\n  - 1\n  - 2\n\n# c\nd: 1\n"),
        ("a:\n  b: |\n    x\n\nd: 1\n", S(("a",), [1]), "a:\n  - 1\n\nd: 1\n"),
        ("a:\n  b: |\n    x\n\nd: 1\n", S(("a",), {}), "a: {}\n\nd: 1\n"),
        ("a:\n- b: 1\n  c: 2\n", S(("a", 0), 5), "a:\n- 5\n"),
        ("a:\n- b: 1\n  c: 2\n", S(("a", 0), [5]), "a:\n- - 5\n"),
        ("a: &x 5\nb: *x\n", S(("a",), 6), None),
        ("a: &x 5\n", S(("a",), 6), "a: &x 6\n"),
        ("a: !!int 5\n", S(("a",), 6), "a: !!int 6\n"),
        ("a: !!int 5\n", S(("a",), "x"), "a: x\n"),
        ("a: !!int 5\n", S(("a",), 1.5), "a: 1.5\n"),
        ("a: !!float 5\n", S(("a",), 1.5), "a: !!float 1.5\n"),
        ("a: !!bool true\n", S(("a",), False), "a: !!bool false\n"),
        ("a: !!null ~\n", S(("a",), "x"), "a: x\n"),
        ("a: !<tag:yaml.org,2002:int> 5\n", S(("a",), 6), "a: !<tag:yaml.org,2002:int> 6\n"),
        ("a: !!str 5\n", S(("a",), 6), "a: 6\n"),
        ("a: !own 5\n", S(("a",), "6"), 'a: !own "6"\n'),
        ("a: !own 5\n", S(("a",), 6), "a: 6\n"),
        ("a: !!int &x 5\nb: *x\n", S(("a",), "y"), None),
        ("a: !!str x\n", S(("a",), {}), "a: {}\n"),
        ("a:\nb: 1\n", S(("a",), "x"), "a: x\nb: 1\n"),
        ("a:\nb: 1\n", S(("a",), "x\ny\n"), "a: |\n  x\n  y\nb: 1\n"),
        ("- \n- 1\n", S((0,), "x"), "- x \n- 1\n"),
        ("-\n- 1\n", S((0,), "x"), "- x\n- 1\n"),
        ("a: |\n  x\nb: 1\n", S(("a",), "y"), "a: |-\n  y\nb: 1\n"),
        ("a: |\n  x\nb: 1\n", S(("a",), "y\n\n"), "a: |+\n  y\n\nb: 1\n"),
        ("a: |\n  x\nb: 1\n", S(("a",), "y\r\n"), 'a: "y\\r\\n"\nb: 1\n'),
        ("a: |\n  x\nb: 1\n", S(("a",), True), "a: true\nb: 1\n"),
        ("a: |\n  x\n\nb: 1\n", S(("a",), None), "a: null\n\nb: 1\n"),
        ("a: >\n  x y\nb: 1\n", S(("a",), "x\ny\n"), "a: >\n  x\n\n  y\nb: 1\n"),
        ("a: >-\n  x\nb: 1\n", S(("a",), "x\n  y\nz"), "a: |-\n  x\n    y\n  z\nb: 1\n"),
        ("a:\n  b: |\n       x\nc: 1\n", S(("a", "b"), "y\nz\n"), "a:\n  b: |\n       y\n       z\nc: 1\n"),
        ("a:\n  - |\n    x\n", S(("a", 0), "y\n"), "a:\n  - |\n    y\n"),
        ("a:\n  - x\n", S(("a", 0), "y\nz\n"), "a:\n  - |\n    y\n    z\n"),
        ("|\n  x\n", S((), "y\n"), "|\n  y\n"),
        ("a: 1\n", S((), [1]), "- 1\n"),
        ("a: 1\n", S((), 5), "5\n"),
        ('a: "x"\n', S(("a",), 5), "a: 5\n"),
        ('a: "x"\n', S(("a",), ["z"]), "a:\n  - z\n"),
        # what is removed
        ("a: 1 # one\n# two\nb: 2\n", R(("a",)), "# two\nb: 2\n"),
        ("a:\n  b: 1\n  c: |\n    x\n\nd: 1\n", R(("a", "c")), "a:\n  b: 1\n\nd: 1\n"),
        ("a:\n  b: 1 # one\nd: 1\n", R(("a", "b")), "a: {}\nd: 1\n"),
        ("a:\n  b: |\n    x\n\nd: 1\n", R(("a", "b")), "a: {}\n\nd: 1\n"),
        ("a:\n- b\n\nd: 1\n", R(("a", 0)), "a: []\n\nd: 1\n"),
        ('"a:b":\n  c: 1\n', R(("a:b", "c")), '"a:b": {}\n'),
        ("\n- a\n- b\n", R((0,)), "\n- b\n"),
        ("- - a\n- b\n", R((0, 0)), "- []\n- b\n"),
        ("- a: 1\n- b\n", R((0, "a")), "- {}\n- b\n"),
        ("- a: 1\n", R((0, "a")), "- {}\n"),
        ("- a: 1\n  b: 2\n  c: 3\n", R((0, "b")), "- a: 1\n  c: 3\n"),
        ("- a: 1\n  b: 2", R((0, "b")), "- a: 1"),
        ("- a: 1 # one\n  b: 2\n", R((0, "a")), "- b: 2\n"),
        ("- &x a: 1\n  b: 2\n", R((0, "a")), "- b: 2\n"),
        ("- - a\n  - b\n", R((0, 1)), "- - a\n"),
        ("- -\n    a: 1\n  - b\n", R((0, 0)), "- - b\n"),
        ("l:\n  -\n    a: 1\n  -\n    b: 1\n  - c\n", R(("l", 1)), "l:\n  -\n    a: 1\n  - c\n"),
        ("l:\n  - a\n  -\n\n    b: 1", R(("l", 1)), "l:\n  - a"),
        ("a: {b: 1, c: 2, d: 3}\n", R(("a", "c")), "a: {b: 1, d: 3}\n"),
        ("a: [1, 2, 3]\n", R(("a", 1)), "a: [1, 3]\n"),
        ("a: [{b: 1}]\n", R(("a", 0)), "a: []\n"),
        ("a: &x [1]\n", R(("a", 0)), "a: &x []\n"),
        ("? a\n: 1\n? b\n: 2\n", R(("a",)), "? b\n: 2\n"),
        ("a: 1\n", R(("a",)), "{}\n"),
        ("[1]\n", R((0,)), "[]\n"),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_the_text_around_a_change_stays(before: str, edit: Edit, after: str | None, ending: str) -> None:
    """Blank lines, comments of other lines and the spelling of neighbours; with either line end."""
    if after is None:
        with pytest.raises(Refused):
            text_of(before.replace("\n", ending), edit)
    else:
        assert text_of(before.replace("\n", ending), edit) == after.replace("\n", ending)


LINES = "x: [\n  # about a\n  a, # own a\n  # about b\n  b, # own b\n  # about c\n  c # own c\n]\n"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("before", "edit", "after"),
    [
        (LINES, R(("x", 0)), "x: [\n  # about b\n  b, # own b\n  # about c\n  c # own c\n]\n"),
        (LINES, R(("x", 1)), "x: [\n  # about a\n  a, # own a\n  # about c\n  c # own c\n]\n"),
        (LINES, R(("x", 2)), "x: [\n  # about a\n  a, # own a\n  # about b\n  b # own b\n]\n"),
        ("x: {a: 1, # own a\n  # about b\n  b: 2}\n", R(("x", "a")), "x: {\n  # about b\n  b: 2}\n"),
        ("x: [a, b, # own b\n  c]\n", R(("x", 0)), "x: [b, # own b\n  c]\n"),
    ],
)
def test_a_flow_collection_keeps_the_comments_of_others(before: str, edit: Edit, after: str, newline: str) -> None:
    """What is removed takes its own comments along, the line above it and the end of its line."""
    assert text_of(before.replace("\n", newline), edit) == after.replace("\n", newline)
