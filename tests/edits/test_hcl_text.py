"""Values as HCL text."""

from __future__ import annotations

import pytest

from bot.edits.hcl_text import inline, key_text, quoted, written
from bot.intake.cw import literal_value, parse
from bot.intake.syntax import Expression, Name, ObjectExpression
from bot.model.json import JSON
from tests.table import table


def expression(text: str) -> Expression:
    parsed = parse("f.cw", f"a = {text}\n".encode())
    assert not parsed.errors, parsed.errors
    (item,) = parsed.body.assignments
    return item.expression


@table(
    ("value", "one_line", "several"),
    [
        ({}, "{}", "{}"),
        ({"k": {}}, "{ k = {} }", "{\n..k = {}\n.}"),
        ({"k": {"l": 1}, "xyz": [{"m": 2}]}, "{ k = { l = 1 }, xyz = [{\n  m = 2\n}] }", None),
        ({"a": 1, "bc": "x"}, '{ a = 1, bc = "x" }', '{\n..a  = 1\n..bc = "x"\n.}'),
        ([], "[]", "[]"),
        ([1, [2]], "[1, [2]]", "[1, [2]]"),
        (None, "null", "null"),
        (True, "true", "true"),
        (1.5, "1.5", "1.5"),
        (1e30, "1.0e+30", "1.0e+30"),
    ],
)
def test_a_value_is_written(value: JSON, one_line: str, several: str | None) -> None:
    """In one line, or an object over several."""
    assert inline(value) == one_line
    if several is not None:
        assert written(value, ".", ".") == several


@table(
    ("key", "text"),
    [
        ("a", "a"),
        ("a-b_1", "a-b_1"),
        ("_a", "_a"),
        ("é", "é"),
        ("1a", '"1a"'),
        ("-a", '"-a"'),
        ("a.b", '"a.b"'),
        ("a b", '"a b"'),
        ("a\n", '"a\\n"'),
        ("", '""'),
        ("for", '"for"'),
        ("null", '"null"'),
        ("true", '"true"'),
        ("false", '"false"'),
        ("falsey", "falsey"),
    ],
)
def test_a_key_is_bare_where_it_is_a_word(key: str, text: str) -> None:
    """And none of those that mean something else."""
    assert key_text(key) == text
    node = expression(f"{{ {text} = 1 }}")
    assert isinstance(node, ObjectExpression)
    (item,) = node.items
    assert (item.key.name if isinstance(item.key, Name) else literal_value(item.key)[1]) == key


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("C:\\bin\\/x\\\\b", '"C:\\\\bin\\\\/x\\\\\\\\b"'),
        ('a\b\f\n\r\t/\\"', '"a\\u0008\\u000c\\n\\r\\t/\\\\\\""'),
        ("\x00\x1f\x7f\u2028\u2029\ufeff é", '"\\u0000\\u001f\\u007f\\u2028\\u2029\\ufeff é"'),
        ("${a} %{b} $$ %% {c} $", '"$${a} %%{b} $$ %% {c} $"'),
        ("\\b", '"\\\\b"'),
    ],
)
def test_text_is_spelled_with_the_escapes_of_hcl(text: str, spelled: str) -> None:
    """It reads back as it was."""
    assert quoted(text) == spelled
    assert literal_value(expression(spelled)) == (True, text)
