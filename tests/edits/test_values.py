"""Edits on plain values: what each comes to, and the smaller edits that a large one is made of."""

from __future__ import annotations

import math

import pytest

from bot.edits.overlays import ABSENT, OverlayEntry, Overlays, apply_entry, dump, load
from bot.edits.style import FileStyle, flow, house, literal, number, quote_of, scalar
from bot.edits.values import applied, at, ordered, paired, same, steps
from bot.errors import Refused
from bot.intake.spans import SequenceNode
from bot.intake.text import Text
from bot.intake.yamlspans import span_trees
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import JSON
from tests.table import table

TREE: JSON = {"m": {"k": 1}, "l": [1, [2, 3], {"n": 4}], "t": "text", "z": None}


@pytest.mark.parametrize(
    ("pointer", "value"), [((), TREE), (("m", "k"), 1), (("l", 1, 0), 2), (("l", 2, "n"), 4), (("z",), None)]
)
def test_a_value_is_found_at_its_pointer(pointer: tuple[str | int, ...], value: JSON) -> None:
    """Keys into mappings, indexes into lists."""
    assert at(TREE, pointer) == value


@pytest.mark.parametrize("pointer", [("x",), ("l", 3), ("l", "n"), ("m", 0), ("t", 0), ("z", "k"), ("l", 1, 2)])
def test_nothing_is_found_where_nothing_is(pointer: tuple[str | int, ...]) -> None:
    """A text has no elements."""
    with pytest.raises(KeyError):
        at(TREE, pointer)


@table(
    ("value", "edit", "after"),
    [
        ({"a": 1}, SetValue((), 2), 2),
        ({"a": 1}, SetValue(("a",), 2), {"a": 2}),
        ({"a": 1}, SetValue(("b",), 2), {"a": 1, "b": 2}),
        ({"a": None}, SetValue(("a", "b", "c"), 2), {"a": {"b": {"c": 2}}}),
        ([1, 2], SetValue((1,), 3), [1, 3]),
        ({"l": [1, 2, 3]}, RemoveEntry(("l", 1)), {"l": [1, 3]}),
        ({"l": [{"a": 1, "b": 2}]}, RemoveEntry(("l", 0, "a")), {"l": [{"b": 2}]}),
        ({"a": {"b": 1, "c": 2}}, RemoveEntry(("a", "b")), {"a": {"c": 2}}),
        ({"a": {}}, AddEntry(("a",), "k", 1), {"a": {"k": 1}}),
        ({"l": [1]}, AddEntry(("l",), None, 2), {"l": [1, 2]}),
        ({"l": None}, AddEntry(("l",), None, 2), {"l": [2]}),
        ({}, AddEntry(("l",), None, 2), {"l": [2]}),
        ({}, AddEntry(("a", "b"), "k", 2), {"a": {"b": {"k": 2}}}),
    ],
)
def test_an_edit_comes_to(value: JSON, edit: Edit, after: JSON) -> None:
    """The value after it; the value before it stays as it was."""
    before = repr(value)
    assert applied(value, edit) == after
    assert repr(value) == before


@table(
    "edit",
    [
        SetValue(("t", "x"), 1),
        SetValue(("l", 3), 1),
        SetValue(("l", "x"), 1),
        SetValue(("m", 0), 1),
        RemoveEntry(()),
        RemoveEntry(("m", "x")),
        RemoveEntry(("m", 0)),
        RemoveEntry(("z", 0)),
        RemoveEntry(("z", "k")),
        SetValue(("z", 0), 1),
        SetValue(("t", 0), "x"),
        RemoveEntry(("l", 3)),
        RemoveEntry(("t", 0)),
        RemoveEntry(("l", "n")),
        AddEntry(("t",), None, 1),
        AddEntry(("m",), None, 1),
        AddEntry(("t",), "k", 1),
    ],
)
def test_what_is_not_there_is_neither_changed_nor_removed(edit: Edit) -> None:
    """The message names the place."""
    with pytest.raises(Refused, match="the source has n"):
        applied(TREE, edit)


@table(
    ("one", "other", "equal"),
    [
        (1, 1, True),
        (1, 1.0, False),
        (1, True, False),
        (0, False, False),
        ("1", 1, False),
        (None, False, False),
        (None, None, True),
        (math.nan, math.nan, True),
        (math.nan, 1.0, False),
        (1.5, 1.5, True),
        ([1, 2], (1, 2), True),
        ([1, 2], [1], False),
        ([1, 2], [2, 1], False),
        ("ab", ["a", "b"], False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": 1}, {"a": True}, False),
        ({}, [], False),
    ],
)
def test_equality_keeps_types_apart(one: JSON, other: JSON, equal: bool) -> None:
    """In both directions."""
    assert same(one, other) is same(other, one) is equal


def test_later_edits_find_what_they_point_at() -> None:
    """Changes first, then additions, then removals from the end of each list."""
    edits: list[Edit] = [
        RemoveEntry(("l", 1)),
        AddEntry(("l",), None, 1),
        RemoveEntry(("l", 10)),
        SetValue(("l", 0), 2),
        RemoveEntry(("k",)),
    ]
    assert ordered(edits) == [edits[3], edits[1], edits[2], edits[0], edits[4]]


@table(
    ("value", "edit", "smaller"),
    [
        ({"a": 1}, SetValue(("a",), 1), []),
        ({"a": 1}, SetValue(("a",), 2), [SetValue(("a",), 2)]),
        ({"a": 1}, SetValue(("b",), 2), [AddEntry((), "b", 2)]),
        ({"l": [1]}, SetValue(("l", 1), 2), [AddEntry(("l",), None, 2)]),
        ({"a": 1}, AddEntry((), "b", 2), [AddEntry((), "b", 2)]),
        ({"a": 1}, AddEntry((), "a", 2), [SetValue(("a",), 2)]),
        ({"l": [1]}, AddEntry(("l",), None, 2), [AddEntry(("l",), None, 2)]),
        ({"a": 1}, RemoveEntry(("a",)), [RemoveEntry(("a",))]),
        (
            {"m": {"a": 1, "b": 2, "c": 3}},
            SetValue(("m",), {"a": 1, "b": 4, "d": 5}),
            [SetValue(("m", "b"), 4), AddEntry(("m",), "d", 5), RemoveEntry(("m", "c"))],
        ),
        ({"m": {}}, SetValue(("m",), {"a": 1}), [SetValue(("m",), {"a": 1})]),
        ({"m": {"a": 1}}, SetValue(("m",), {}), [SetValue(("m",), {})]),
        ({"m": {"a": 1}}, SetValue(("m",), [1]), [SetValue(("m",), [1])]),
        ({"l": [1, 2, 3]}, SetValue(("l",), [1, 3]), [RemoveEntry(("l", 1))]),
        (
            {"l": [1, 2, 3, 4]},
            SetValue(("l",), [2]),
            [RemoveEntry(("l", 3)), RemoveEntry(("l", 2)), RemoveEntry(("l", 0))],
        ),
        ({"l": [1, 2]}, SetValue(("l",), [1, 3, 4]), [SetValue(("l", 1), 3), AddEntry(("l",), None, 4)]),
        (
            {"l": [1, 2, 3]},
            SetValue(("l",), [4, 5]),
            [SetValue(("l", 0), 4), SetValue(("l", 1), 5), RemoveEntry(("l", 2))],
        ),
        ({"l": [1]}, SetValue(("l",), []), [SetValue(("l",), [])]),
        ({"l": [1, 2, 3]}, SetValue(("l",), [1, 3, 4]), [AddEntry(("l",), None, 4), RemoveEntry(("l", 1))]),
        ({"l": [1, 2, 3, 4]}, SetValue(("l",), [1, 5, 4]), [SetValue(("l", 1), 5), RemoveEntry(("l", 2))]),
        (
            {"l": [1, 2]},
            SetValue(("l",), [3, 1, 2]),
            [SetValue(("l", 0), 3), SetValue(("l", 1), 1), AddEntry(("l",), None, 2)],
        ),
        ({"l": [{"a": 1, "b": 2}]}, SetValue(("l",), [{"a": 1, "b": 3}]), [SetValue(("l", 0, "b"), 3)]),
    ],
)
def test_a_large_edit_is_made_of_small_ones(value: JSON, edit: Edit, smaller: list[Edit]) -> None:
    """Which touch as little as possible."""
    assert list(steps(value, edit)) == smaller


@pytest.mark.parametrize(
    "edit", [SetValue(("l", 5), 1), SetValue(("m", 0), 1), SetValue(("x", 0), 1), SetValue(("l", 2), 1)]
)
def test_a_change_beyond_the_end_is_refused(edit: Edit) -> None:
    """A list grows by one element at its end only."""
    with pytest.raises(Refused, match="has nothing at"):
        list(steps({"l": [1], "m": {}}, edit))


WITH: dict[str, JSON] = {"name": "a", "port": 1, "x": 2}


def test_only_a_removal_from_the_same_list_is_paired() -> None:
    """Not one from another list, nor one below an element."""
    value: JSON = {"l": [WITH], "k": [WITH]}
    added = AddEntry(("l",), None, WITH | {"port": 9})
    for removal in (RemoveEntry(("k", 0)), RemoveEntry(("l", 0, "port"))):
        assert paired(value, [removal, added]) == [removal, added]
    assert paired(value, [RemoveEntry(("l", 0)), added]) == [SetValue(("l", 0), WITH | {"port": 9})]
    others: list[Edit] = [SetValue(("l",), WITH | {"port": 9}), AddEntry(("l",), "k", WITH | {"port": 9})]
    for other in others:
        assert paired(value, [RemoveEntry(("l", 0)), other]) == [RemoveEntry(("l", 0)), other]
    assert paired(value, [AddEntry(("l",), "k", 1)]) == [AddEntry(("l",), "k", 1)]


@table(
    ("old", "new", "told"),
    [
        ({"port": 1, "protocol": "TCP"}, {"port": 2}, None),
        ({"port": 1, "protocol": "TCP"}, {"port": 2, "protocol": "TCP"}, {"port": 2, "protocol": "TCP"}),
        ({"port": 1, "protocol": "TCP"}, {"port": 1, "protocol": "UDP"}, {"port": 1, "protocol": "UDP"}),
        ({"port": 1, "protocol": "TCP"}, {"port": 2, "protocol": "UDP"}, None),
        ({"port": 1, "protocol": "TCP"}, {"port": 1}, None),
        ({"port": 1, "protocol": "UDP"}, {"port": 2}, None),
        ({"port": 1, "protocol": "UDP"}, {"port": 1}, None),
        ({"port": 1}, {"port": 2}, {"port": 2}),
        ({"port": 1}, {"port": 2, "nodePort": 3}, {"port": 2, "nodePort": 3}),
        ({"port": 1, "nodePort": 3}, {"port": 2}, None),
        ({"name": "a", "port": 1}, {"name": "b", "port": 1}, None),
        ("port", {"port": 1}, None),
        ({"port": 1, "protocol": "TCP"}, "port", None),
    ],
)
def test_a_port_replaces_one_that_differs_in_one_value(old: JSON, new: JSON, told: JSON) -> None:
    """One that differs in more than one value, says less, or has another name is another port."""
    edits: list[Edit] = [RemoveEntry(("l", 0)), AddEntry(("l",), None, new)]
    assert paired({"l": [old]}, edits) == (edits if told is None else [SetValue(("l", 0), told)])


# -- overlays ------------------------------------------------------------------------------------------------------


def entry(pointer: tuple[str | int, ...], value: object, replaced: object, *, append: bool = False) -> OverlayEntry:
    return OverlayEntry("service/shop/web", pointer, value, replaced, ("d",), append)  # type: ignore[arg-type]


@table(
    ("patch", "after"),
    [
        (entry(("a",), 2, 1), {"a": 2, "l": [1]}),
        (entry(("b",), 2, ABSENT), {"a": 1, "l": [1], "b": 2}),
        (entry(("a",), ABSENT, 1), {"l": [1]}),
        (entry(("l",), 2, [1], append=True), {"a": 1, "l": [1, 2]}),
        (entry(("a",), 2, 9), "configuration now sets a itself"),
        (entry(("b",), 2, 9), "b is gone"),
        (entry(("a",), ABSENT, ABSENT), "configuration now sets a itself"),
        (entry(("a",), 2, 1, append=True), "a cannot be set in what is rendered now"),
    ],
)
def test_an_entry_holds_while_configuration_says_what_it_replaced(patch: OverlayEntry, after: JSON) -> None:
    """Else the answer is the sentence that says why not."""
    assert apply_entry({"a": 1, "l": [1]}, patch) == after


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [(ABSENT, ABSENT, True), (ABSENT, None, False), (None, ABSENT, False), (1, 1, True), (1, 2, False)],
)
def test_absent_is_not_null(one: object, other: object, equal: bool) -> None:
    """Two values that are not there are the same."""
    assert same(one, other) is equal


def test_overlays_are_read_back_as_they_were_written() -> None:
    """Null, absence and additions are told apart; entries are by task and resource."""
    entries = (entry(("a",), None, 1), entry(("b",), ABSENT, None), entry(("l",), {"x": 1}, ABSENT, append=True))
    overlays = Overlays({"web": entries, "api": (entry(("a", "b c"), "x", ABSENT),)})
    files = dump(overlays)
    assert sorted(files) == [".clockwork/overlays/api.yaml", ".clockwork/overlays/web.yaml"]
    assert load({**files, "other.yaml": b"x", ".clockwork/overlays/readme.md": b"x"}) == (overlays, ())
    assert overlays.of("web", "service/shop/web") == entries
    assert overlays.of("web", "service/shop/api") == overlays.of("nobody", "x") == ()
    assert overlays.without(overlays.tasks["api"]) == Overlays({"web": entries})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("task: web\nentries:\n- {resource: r}\n", "Field required"),
        ("task: web\nentries:\n- {resource: r, path: a, vlaue: 1}\n", "Extra inputs"),
        ("task: web\nentries:\n- {resource: r, path: 'a[x]', value: 1}\n", "is not a raw path"),
        ("task: web\nentries:\n- {resource: r, path: '', value: 1}\n", ""),
        ("entries: []\n", "Field required"),
        ("task: web\nentries: [x]\n", "should be a mapping"),
        ("a: [\n", "not valid YAML"),
    ],
)
def test_a_mistake_in_an_overlay_is_told(text: str, message: str) -> None:
    """With its file; the entry is left out."""
    overlays, (error,) = load({".clockwork/overlays/web.yaml": text.encode()})
    assert overlays == Overlays()
    assert error.file == ".clockwork/overlays/web.yaml"
    assert message in error.message


# -- the hand ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (1e30, "1.0e+30"),
        (1.5e-7, "1.5e-07"),
        (math.inf, ".inf"),
        (-math.inf, "-.inf"),
        (math.nan, ".nan"),
    ],
)
def test_a_float_is_one_to_every_reader(value: float, text: str) -> None:
    """With a point before its exponent, as YAML 1.1 asks."""
    assert number(value) == text


@table(
    ("value", "quote", "in_flow", "text"),
    [
        ("x", "", False, "x"),
        ("x", "'", False, "'x'"),
        ("x", '"', False, '"x"'),
        ("it's", "'", False, "'it''s'"),
        ("a\nb", "'", False, '"a\\nb"'),
        ("\x7f", "'", False, '"\\u007f"'),
        ("a,b", "", False, "a,b"),
        ("a,b", "", True, '"a,b"'),
        ("-x", "", True, '"-x"'),
        ("...", "", False, '"..."'),
        ("--- x", "", False, '"--- x"'),
        ("12", "", False, '"12"'),
        ("null", "", False, '"null"'),
        ("~", "", False, '"~"'),
        ("a: b", "", False, '"a: b"'),
        ("a:b", "", False, "a:b"),
        ("a #b", "", False, '"a #b"'),
        ("a#b", "", False, "a#b"),
        ("@x", "", False, '"@x"'),
        (True, "'", False, "true"),
        (None, "'", False, "null"),
        (3, "'", False, "3"),
    ],
)
def test_a_scalar_is_quoted_when_it_must_be(value: JSON, quote: str, in_flow: bool, text: str) -> None:
    """And in the quotes of its neighbours where it can be."""
    assert scalar(value, quote=quote, flow=in_flow) == text


@table(
    ("siblings", "quote"),
    [
        ("", ""),
        ("'a'", "'"),
        ('"a"', '"'),
        ("'a', 'b', 5", "'"),
        ("'a', \"b\"", ""),
        ("'a', b", ""),
        ("5, true", ""),
        ("'a', {b: c}", "'"),
    ],
)
def test_the_quotes_of_neighbours_count_when_all_texts_have_them(siblings: str, quote: str) -> None:
    """Numbers have none and do not count."""
    (listed,) = span_trees(Text.of("f.yaml", f"[{siblings}]\n".encode()))
    assert isinstance(listed, SequenceNode)
    assert quote_of(listed.items) == quote


def test_flow_is_one_line() -> None:
    """With the separators of the file."""
    value: JSON = {"a": [1, "x, y"], "b": {}}
    assert flow(value, FileStyle()) == '{a: [1, "x, y"], b: {}}'
    assert flow(value, FileStyle(json=True)) == '{"a": [1, "x, y"], "b": {}}'
    assert flow(value, FileStyle(json=True, colon=":", comma=",")) == '{"a":[1,"x, y"],"b":{}}'
    assert flow({"a": "x"}, FileStyle(), quote="'") == "{a: 'x'}"


@table(
    ("text", "step", "dash"),
    [
        ("a: 1\n", 2, 2),
        ("a: {b: {c: 1}}\n", 2, 2),
        ("a:\n   b: 1\nc:\n b: 1\n", 3, 2),
        ("a:\n- 1\nb:\n  - 1\n", 2, 0),
        ("a:\n  b:\n    - 1\n", 2, 2),
        ("a:\n  b:\n  - 1\n", 2, 0),
        ("a:\n  b:\n     - 1\n", 2, 3),
        ("a: 1\nb:\n    - 1\n", 2, 4),
        ("- a:\n     b: 1\n", 3, 2),
        ("- 1\n- - a:\n     - b\n", 2, 1),
        ("a: []\nb:\n - 1\n", 2, 1),
        ("a:\n- b:\n      c: 1\n", 4, 0),
        ("a:\n  - b: {c: 1}\nd:\n     e: 1\n", 5, 2),
    ],
)
def test_a_file_shows_how_it_is_indented(text: str, step: int, dash: int) -> None:
    """The first mapping in a mapping and the first list in one count; what is in braces shows nothing."""
    (root,) = span_trees(Text.of("f.yaml", text.encode()))
    habits = house(text, root, "\n", is_json=False)
    assert (habits.step, habits.dash) == (step, dash)


@pytest.mark.parametrize(
    ("text", "habits"),
    [
        ("{}", FileStyle(json=True, pretty=False)),
        ('{"a": 1}', FileStyle(json=True, pretty=False)),
        ('{"a":1}', FileStyle(json=True, pretty=False, colon=":", comma=",")),
        ('{"a" : 1}', FileStyle(json=True, pretty=False)),
        ('{\n   "a": 1\n}', FileStyle(json=True, step=3, dash=3)),
        ('{\n\t"a":1\n}', FileStyle(json=True, step=1, dash=1, colon=":", comma=",")),
        ("[\n1\n]", FileStyle(json=True, pretty=False)),
    ],
)
def test_a_json_file_shows_how_it_is_written(text: str, habits: FileStyle) -> None:
    """Over several lines or in one, with blanks behind its marks or without."""
    assert house(text, None, "\n", is_json=True) == habits


@table(
    ("value", "lines"),
    [
        ("a\nb", ["|-", "  a", "  b"]),
        ("a\nb\n", ["|", "  a", "  b"]),
        ("a\n\n\n", ["|+", "  a", "", ""]),
        ("a\n\nb\n", ["|", "  a", "", "  b"]),
        (" a\nb\n", ["|2", "   a", "  b"]),
        ("\ta\n", ["|2", "  \ta"]),
        ("\na\n", ["|2", "", "  a"]),
        ("\n", []),
        ("", []),
        ("a\r\n", []),
        ("a\n\r", []),
        ("a \n", []),
        ("a\t", []),
        ("a \nb", ["|-", "  a ", "  b"]),
        ("a\x00\n", []),
        ("a\x0b\n", []),
        ("a\x1f\n", []),
        ("a\x7f\n", []),
        ("a\x85\n", []),
        ("a\u2028b\n", []),
        ("a\ufeff\n", []),
    ],
)
def test_text_of_several_lines_is_a_literal_where_it_can_be(value: str, lines: list[str]) -> None:
    """With the header that tells indentation and last line ends."""
    assert literal(value, FileStyle()) == lines
