"""The form that all spellings share, and the notation that tells which spellings a field has."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from bot.drift.canonical import absent, canonical, resolved, same
from bot.drift.shapes import ANY, COMPARATORS, FilledBy, Form, compile_shape
from bot.model.json import JSON, Tree
from tests.drift.fields import TOP
from tests.table import table


@table(
    ("value", "form"),
    [
        ({"size": "1", "leaf": "", "zero": 0, "ignored": 1, "usual": "x"}, {"zero": 0}),
        ({"size": "1000m"}, {}),
        ({"size": "2000m"}, {"size": "2"}),
        ({"map": {"a": "", "b": None}}, {"map": {"a": "", "b": None}}),
        ({"map": {}}, {}),
        ({"sizes": {"a": "1000m"}}, {"sizes": {"a": "1"}}),
        ({"list": ["b", "a"]}, {"list": ["b", "a"]}),
        ({"list": []}, {}),
        ({"set": ["b", "a", "b"]}, {"set": ["a", "b"]}),
        ({"keyed": [{"name": "b"}, {"name": "a"}]}, {"keyed": [{"name": "a"}, {"name": "b"}]}),
        ({"ordered": [{"name": "b"}, {"name": "a"}]}, {"ordered": [{"name": "b"}, {"name": "a"}]}),
        ({"part": {"own": {"mode": 0}}}, {}),
        ({"part": {"mode": 1}}, {"part": {"mode": 1}}),
        ({"any": [{"name": "b"}, {"name": "a"}]}, {"any": [{"name": "a"}, {"name": "b"}]}),
        ({"any": [{"name": "b"}, {"name": 1}]}, {"any": [{"name": "b"}, {"name": 1}]}),
        ({"leaf": "a", "derived": "a"}, {"leaf": "a"}),
        ({"leaf": False}, {}),
        (MappingProxyType({"size": "2"}), {"size": "2"}),
        ({"list": ("a",)}, {"list": ["a"]}),
    ],
)
def test_a_tree_has_one_form(value: JSON, form: JSON) -> None:
    """Without what says nothing, sorted where order means nothing; and that form is its own form."""
    assert canonical(value, TOP) == form
    assert canonical(form, TOP) == form


@table(
    ("field", "value", "parents", "says_nothing"),
    [
        ("leaf", None, [], True),
        ("leaf", "", [], True),
        ("leaf", 0, [], True),
        ("leaf", "x", [], False),
        ("zero", 0, [], False),
        ("zero", None, [], True),
        ("zero", [], [], False),
        ("usual", "x", [], True),
        ("usual", "", [], False),
        ("usual", "y", [], False),
        ("size", 1, [], True),
        ("derived", "a", [{"leaf": "a"}], True),
        ("derived", "a", [{"leaf": "b"}, {"leaf": "a"}], True),
        ("derived", "a", [{"leaf": "b"}], False),
        ("derived", "a", [], False),
        ("derived", "", [{"leaf": "b"}], False),
        ("derived", "", [{"leaf": ""}], True),
        ("derived", "", [{}], True),
        ("derived", "", [], True),
        ("list", [], [], True),
        ("list", [""], [], False),
        ("part", {"mode": 0}, [], True),
        ("part", {"mode": 1}, [], False),
        ("map", {"a": ""}, [], False),
        ("map", {}, [], True),
        ("any", {"a": None}, [], False),
        ("any", {}, [], True),
    ],
)
def test_a_value_says_nothing_where_absence_means_the_same(
    field: str, value: JSON, parents: list[Tree], *, says_nothing: bool
) -> None:
    """Inside any of the mappings that it may be in."""
    assert absent(value, TOP.child(field), *parents) is says_nothing


@table(
    ("lists", "is_keyed"),
    [
        (([{"name": "a"}, {"name": "b"}],), True),
        (([],), True),
        (([{"name": "a"}], [{"name": "b"}]), True),
        (([{"name": "a"}], [{"x": 1}]), False),
        (([{"name": "a"}, {"name": "a"}],), False),
        (([{"name": 1}],), False),
        (([{"name": "a"}, "x"],), False),
        (([MappingProxyType({"name": "a"})],), True),
    ],
)
def test_a_list_of_named_things_is_keyed(lists: tuple[list[JSON], ...], *, is_keyed: bool) -> None:
    """Where nothing else is known of it, and every element has a name of its own."""
    assert (resolved(ANY, *lists).form is Form.KEYED) is is_keyed
    assert resolved(TOP.child("list"), *lists) is TOP.child("list")


@table(
    ("field", "value", "other", "alike"),
    [
        ("leaf", 80, "80", True),
        ("leaf", True, "true", True),
        ("leaf", "True", True, False),
        ("leaf", 1, True, True),
        ("leaf", "a", "b", False),
        ("leaf", float("nan"), float("nan"), True),
        ("size", "1000m", 1, True),
        ("list", [], "", False),
        ("part", {}, {"mode": 0}, True),
        ("part", {}, "", False),
        ("word", "A", "a", True),
    ],
)
def test_two_values_mean_the_same(field: str, value: JSON, other: JSON, *, alike: bool) -> None:
    """Where their forms are equal, or are scalars that YAML writes with or without quotes."""
    assert same(value, other, TOP.child(field)) is alike


def test_the_notation_of_fields() -> None:
    """Each mark and each form is what it says."""
    shapes = TOP.fields
    assert {name: shape.filled for name, shape in shapes.items() if shape.filled is not FilledBy.NOBODY} == {
        "server": FilledBy.SERVER,
        "serverSpec": FilledBy.SERVER,
        "allocated": FilledBy.ALLOCATED,
        "controller": FilledBy.CONTROLLER,
        "ignored": FilledBy.IGNORED,
    }
    assert [name for name, shape in shapes.items() if shape.zero] == ["zero"]
    assert [name for name, shape in shapes.items() if shape.ordered] == ["ordered"]
    assert [name for name, shape in shapes.items() if shape.expanding] == ["env"]
    assert shapes["ports"].keys == (("port", None), ("protocol", "TCP"))
    assert (shapes["keyed"].form, shapes["keyed"].element.name) == (Form.KEYED, "Part")
    assert (shapes["map"].form, shapes["map"].element.form) == (Form.MAP, Form.LEAF)
    assert (shapes["any"].form, shapes["usual"].form, shapes["part"].form) == (Form.ANY, Form.LEAF, Form.STRUCT)
    assert shapes["size"].canonical is COMPARATORS["quantity"]
    assert (shapes["size"].agrees, shapes["image"].agrees is None) == (None, False)
    assert (TOP.name, TOP.child("nothing"), shapes["leaf"].element) == ("Top", ANY, ANY)
    own = shapes["part"].child("own")
    assert (own.name, own.child("own").child("size").canonical) == ("Part", COMPARATORS["quantity"])
    assert shapes["sizes"].child("whatever").canonical is COMPARATORS["quantity"]


@pytest.mark.parametrize("text", ["nothing", "strange:leaf", "keyed[name] Nothing"])
def test_a_table_with_a_mistake_is_told_when_it_is_compiled(text: str) -> None:
    """By a type or a mark that does not exist."""
    with pytest.raises((KeyError, ValueError)):
        compile_shape("Top", {"Top": {"field": text}}, {})
