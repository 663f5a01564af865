"""Values of Helm, put together."""

from __future__ import annotations

import pytest

from bot.errors import Invalid
from bot.model.json import JSON
from bot.renderers import values


def test_mappings_merge_and_everything_else_replaces() -> None:
    """Later values lie over earlier ones entry by entry; a list is one value, and a null stays for Helm to see."""
    below: dict[str, JSON] = {"a": {"x": 1, "y": 2}, "l": [1, 2], "k": 1}
    above: dict[str, JSON] = {"a": {"y": 3, "z": None}, "l": [9], "k": {"m": 1}}
    assert values.merged(below, above) == {"a": {"x": 1, "y": 3, "z": None}, "l": [9], "k": {"m": 1}}


@pytest.mark.parametrize(
    ("written", "expected"),
    [("1", 1), ("-5", -5), ("0", 0), ("007", "007"), ("1.5", "1.5"), ("true", True), ("TRUE", True), ("null", None),
     ("", ""), ("a b", "a b"), ("{a,1,true}", ["a", 1, True]), ("{}", []), ("a\\,b", "a,b"), ("1e3", "1e3")],
)  # fmt: skip
def test_set_reads_types_as_helm_does(written: str, expected: JSON) -> None:
    """Whole numbers, booleans, null and lists; no fractions, and no number that begins with a zero."""
    assert values.typed(written) == expected
    assert type(values.typed(written)) is type(expected)


@pytest.mark.parametrize(("written", "expected"), [("'1'", "1"), ('"true"', "true"), ("1", 1), ("'", "'")])
def test_a_value_of_a_target_path_may_be_quoted(written: str, expected: JSON) -> None:
    """In quotes it is text."""
    assert values.single(written) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.b", {"a": {"b": 7, "keep": 1}}),
        ("a.c[1].d", {"a": {"keep": 1, "c": [None, {"d": 7}]}}),
        ("x\\.y.z", {"a": {"keep": 1}, "x.y": {"z": 7}}),
        ("a", {"a": 7}),
    ],
)
def test_paths_of_set_lead_where_helm_s_do(path: str, expected: JSON) -> None:
    """Dots, indexes and escaped dots; what is there beside it stays."""
    assert values.at_path(path, 7, {"a": {"keep": 1}}) == expected


@pytest.mark.parametrize("path", ["", "[0]", "a[", "a]b", ".".join("a" * 200)])
def test_paths_that_are_none_are_invalid(path: str) -> None:
    """What is no path is an error that names it."""
    with pytest.raises(Invalid, match="is no path of a Helm value"):
        values.at_path(path, 1, {})
