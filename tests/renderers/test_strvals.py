"""Lines of Helm's ``--set``."""

from __future__ import annotations

import pytest

from bot.errors import Invalid
from bot.model.json import JSON
from bot.renderers.strvals import editable, escaped, set_in, typed
from tests.table import table


@table(
    ("written", "expected"),
    [("1", 1), ("-5", -5), ("0", 0), ("007", "007"), ("1.5", "1.5"), ("true", True), ("TRUE", True), ("null", None),
     ("", ""), ("a b", "a b"), ("1e3", "1e3"), ("9223372036854775807", 2**63 - 1),
     ("9223372036854775808", "9223372036854775808")],
)  # fmt: skip
def test_set_reads_types_as_helm_does(written: str, expected: JSON) -> None:
    """Whole numbers, booleans and null; no fractions, and no number that begins with a zero."""
    assert typed(written) == expected
    assert type(typed(written)) is type(expected)


@table(
    ("line", "expected"),
    [
        ("a.b=7", {"a": {"b": 7, "keep": 1}, "l": [1, 2]}),
        ("a.c[1].d=7", {"a": {"keep": 1, "c": [None, {"d": 7}]}, "l": [1, 2]}),
        ("x\\.y.z=7", {"a": {"keep": 1}, "l": [1, 2], "x.y": {"z": 7}}),
        ("a=7", {"a": 7, "l": [1, 2]}),
        ("l[0]=x", {"a": {"keep": 1}, "l": ["x", 2]}),
        ("m[0][1]=x", {"a": {"keep": 1}, "l": [1, 2], "m": [[None, "x"]]}),
        ("l={a,1,true}", {"a": {"keep": 1}, "l": ["a", 1, True]}),
        ("l={}", {"a": {"keep": 1}, "l": [""]}),
        ("l={a, b}", {"a": {"keep": 1}, "l": ["a", " b"]}),
        ("b=x\\,y,c=z", {"a": {"keep": 1}, "l": [1, 2], "b": "x,y", "c": "z"}),
        ("b=C:\\dir", {"a": {"keep": 1}, "l": [1, 2], "b": "C:dir"}),
        ("b=", {"a": {"keep": 1}, "l": [1, 2], "b": ""}),
        ("b=null", {"a": {"keep": 1}, "l": [1, 2], "b": None}),
        ("b=x=y", {"a": {"keep": 1}, "l": [1, 2], "b": "x=y"}),
    ],
)
def test_lines_set_what_helm_s_do(line: str, expected: JSON) -> None:
    """Dots, indexes, lists and what a backslash escapes; what is there beside it stays."""
    values: dict[str, JSON] = {"a": {"keep": 1}, "l": [1, 2]}
    given = {key: editable(value) for key, value in values.items()}
    set_in(given, line)
    assert given == expected
    assert values == {"a": {"keep": 1}, "l": [1, 2]}


@table(
    "line", ["a", "a[=1", "a[x]=1", "a[1]b=1", "l.x=1", "s[0]=1", "a=1,b", "a={1,2", ".".join("a" * 200) + "=1", "a[99999]=1"]
)  # fmt: skip
def test_lines_that_are_none_are_invalid(line: str) -> None:
    """What Helm would not take is an error that names it."""
    with pytest.raises(Invalid, match="sets no Helm value"):
        set_in({"l": [1], "s": "text"}, line)


@pytest.mark.parametrize("value", ["a,b", "{x", "[1]", "C:\\dir", 'say "x=y"\n', ""])
def test_an_escaped_value_is_taken_as_it_is(value: str) -> None:
    """Commas, braces, brackets and backslashes stay what they are."""
    values: dict[str, JSON] = {}
    set_in(values, f"a={escaped(value)}", str)
    assert values == {"a": value}
