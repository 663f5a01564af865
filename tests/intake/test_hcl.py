"""The HCL parser: trees, spans, mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.intake.cw import literal_value, parse
from bot.intake.syntax import Assignment, Block, Template, walk
from bot.intake.terraform import read_terraform
from bot.intake.text import Text
from tests.corpus import cases
from tests.table import table


def test_a_file_becomes_attributes_and_blocks_with_spans() -> None:
    """Names, labels and expressions are where the tree says they are."""
    data = b'a = 1 # one\nb "c" d {\n  e = [1, "x"]\n}\n'
    found = parse("f.cw", data)
    assert not found.errors
    assignment, block = found.body.items
    assert isinstance(assignment, Assignment)
    assert isinstance(block, Block)
    assert data[assignment.start : assignment.end] == b"a = 1"
    assert [label.value for label in block.labels] == ["c", "d"]
    inner = block.body.get("e")
    assert inner is not None
    assert data[inner.expression.start : inner.expression.end] == b'[1, "x"]'


@table(
    ("text", "line", "column", "expected"),
    [
        ("a = \nb = 2\n", 1, 5, "a value"),
        ('resource "x" "y" {\n  a = [1, 2\n  b = 3\n}\n', 3, 3, "',' or ']'"),
        ('a = "abc\nb = 1\n', 1, 5, "'\"'"),
        ("r {\n a: 3\n}\n", 2, 3, "'=' or '{'"),
        ("a = 1 +\n", 1, 8, "a value"),
        ("x {\n a = 1\n", 1, 3, "'}'"),
        ("a = foo(1 2)\n", 1, 11, "',' or ')'"),
        ("a = { b = 1 c = 2 }\n", 1, 13, "',', a new line or '}'"),
        ('a = "x ${b"\n', 1, 11, "'}'"),
        ("@a = 3\n", 1, 1, "an attribute or a block"),
        ("a = 1 b = 2\n", 1, 7, "a new line"),
        ('a = "\\q"\n', 1, 6, r"\n, \r, \t, \", \\, \uNNNN or \UNNNNNNNN"),
        ("a = <<EOF\nx\n", 1, 5, "EOF"),
        ('a = "%{ whatever }"\n', 1, 17, "if, else, endif, for or endfor"),
        ("a = [for x of y : x]\n", 1, 14, "'in'"),
        ("a = b ? c\n", 1, 10, "':'"),
        ("a = b::c\n", 1, 9, "'('"),
        ("a = b::(c)\n", 1, 8, "a name"),
        ("a = 1e999\n", 1, 5, None),
    ],
)
def test_a_mistake_says_where_it_is_and_what_was_expected(
    text: str, line: int, column: int, expected: str | None
) -> None:
    """Line, column, expectation, and a caret under the place."""
    errors = parse("f.cw", text.encode()).errors
    assert (errors[0].line, errors[0].column, errors[0].expected) == (line, column, expected)
    assert errors[0].excerpt is not None


def test_one_mistake_does_not_hide_the_next() -> None:
    """Reading goes on at the next line that looks like an item; what is right is in the tree."""
    found = parse("f.cw", b"a = \nb = 2\nc {\n  d = ]\n  e = 5\n}\nf = *\ng = 7\n")
    assert [error.line for error in found.errors] == [1, 4, 7]
    assert [item.name for item in found.body.assignments] == ["b", "g"]
    assert [item.name for item in found.body.blocks[0].body.assignments] == ["e"]


@table(
    "text",
    [
        "a=" + "[" * 5000,
        "a=" + "-" * 5000 + "1",
        "a{" * 5000,
        "a=1" + "+1" * 5000,
        "a=b" + ".c" * 5000,
        "a=b" + "[0]" * 5000,
        'a="' + "${" * 5000,
        "a=" + "(" * 5000,
        "a=" + "x?" * 5000,
        "a=" + "f(" * 5000,
        "a=" + "{" * 5000,
        "a=" + "{a||b&&c==d<e+f*" * 5000,
    ],
)
def test_hostile_nesting_is_a_mistake_like_any_other(text: str) -> None:
    """Depth never reaches the interpreter's stack."""
    errors = parse("f.cw", text.encode()).errors
    assert errors
    assert len(errors) <= 20


@table(
    "line",
    ["a = <<X#", "a = 1 /* ", "a = = ", 'a = "', "}", "x { a = [", "ä = ]", "a = <<-Y\n${", "a b c d ", "/*"],
)
def test_many_mistakes_cost_no_more_than_their_number(line: str) -> None:
    """Every line is one; the time-out of this suite is what holds it (a look to the end of the file for each is minutes)."""
    text = "\n".join(line.replace("#", str(number)) for number in range(20_000))
    parsed = parse("f.cw", text.encode())
    assert 0 < len(parsed.errors) <= 20


@pytest.mark.parametrize(
    ("text", "cut_off"),
    [
        ("a {\n b = 1\n", True),
        ("a = [1,\n", True),
        ("a = <<E\nb = 1\n", True),
        ("a =", True),
        ("a = ]\nb = 1\n", False),
        ("a = 1\n", False),
    ],
)
def test_a_text_that_stops_inside_something_is_cut_off(text: str, *, cut_off: bool) -> None:
    """As opposed to one with a mistake in the middle."""
    assert parse("f.cw", text.encode()).cut_off is cut_off


@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_offsets_in_bytes_and_characters_are_each_others_inverse(bom: str) -> None:
    """Whatever the characters are wide, at the edges of what is counted at a time and between."""
    data = (bom + "aä€😀\n" * 700).encode()
    text = Text.of("f", data)
    for offset in (0, 1, 2, 3, 4, 1023, 1024, 1025, 2047, 2048, len(text.chars)):
        byte = text.byte(offset)
        assert data[:byte].decode() == bom + text.chars[:offset]
        assert text.char(byte) == offset


@settings(deadline=None)
@given(st.text(st.sampled_from(list('ab1"{}[]()=.,:?$%~<>-+*/!&|#\n \\EOF')), max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    """Every text gives a tree and mistakes, and every span lies in the text."""
    found = parse("f.cw", text.encode())
    for node in walk(found.body):
        start, end = getattr(node, "start", 0), getattr(node, "end", 0)
        assert 0 <= start <= end <= len(text)


def test_heredocs_keep_their_text_and_flush_ones_lose_their_indentation() -> None:
    """``<<-`` takes the common indentation off; ``$${`` and ``%%{`` are escapes."""
    found = parse("f.cw", b"a = <<-E\n    one $${x}\n\n      two\n    E\nb = <<E\n  x\nE\n")
    assert not found.errors
    texts = []
    for item in found.body.assignments:
        assert isinstance(item.expression, Template)
        texts.append("".join(getattr(part, "value", "?") for part in item.expression.parts))
    assert texts == ["one ${x}\n\n  two\n", "  x\n"]


def test_a_file_that_is_not_utf_8_is_a_mistake() -> None:
    """Latin-1 is told by its byte."""
    assert "not UTF-8" in parse("f.cw", b"a = \xe9").errors[0].message


@pytest.mark.parametrize("path", cases("hcl", "*.tf"))
def test_terraform_resources_have_origins_for_their_literals(path: Path) -> None:
    """The bytes at the origin of a literal attribute are that literal."""
    data = path.read_bytes()
    declared = read_terraform({path.name: data})
    assert not declared.errors
    for one in declared.resources:
        for name, value in one.tree.items():
            origin = one.origins.at((name,))
            assert origin is not None
            if isinstance(value, str) and not data[origin.start :].startswith(b"<<"):
                text = b"a = " + data[origin.start : origin.end]
                (item,) = parse("x.tf", text).body.assignments
                assert literal_value(item.expression) == (True, value)


def test_modules_of_terraform_have_their_address_as_scope() -> None:
    """A folder that one module block refers to is that module; roots have no scope."""
    found = read_terraform(
        {
            "main.tf": b'module "net" { source = "./net" }\nresource "a_b" "c" { x = 1 }\n',
            "net/main.tf": b'resource "a_b" "c" { x = 2 }\n',
        }
    )
    assert [str(one.id) for one in found.resources] == ["a_b/c", "a_b/module.net/c"]
