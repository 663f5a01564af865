"""Splices of HCL text, in the hand of the file."""

from __future__ import annotations

from contextlib import suppress

import pytest

from bot.edits import hcl
from bot.edits.hcl_nodes import block_at, element_of, item_called, node_at
from bot.errors import Refused
from bot.intake.cw import parse
from bot.intake.syntax import Block, Expression, ListExpression, ObjectExpression, Parsed
from bot.model.json import JSON
from tests.table import table


def read(text: str) -> Parsed:
    parsed = parse("f.cw", text.encode())
    assert not parsed.errors, parsed.errors
    return parsed


def value_of(parsed: Parsed, name: str = "a") -> Expression:
    """The expression of the attribute ``name``, at the top or in the first block."""
    bodies = (parsed.body, *(block.body for block in parsed.body.blocks))
    return next(body.get(name) for body in bodies if body.get(name)).expression  # type: ignore[union-attr]


def with_ends(text: str, ending: str) -> str:
    return text.replace("\n", ending)


ENDINGS = pytest.mark.parametrize("ending", ["\n", "\r\n"])


@pytest.mark.parametrize(
    ("before", "key", "value", "after"),
    [
        ("a = {}\n", "k", 1, "a = {\n  k = 1\n}\n"),
        (
            "b {\n    a = {}\n}\n",
            "k",
            {"x": 1},
            "b {\n    a = {\n        k = {\n            x = 1\n        }\n    }\n}\n",
        ),
        ("a = { k = 1 }\n", "k", 2, "a = { k = 2 }\n"),
        ('a = { "k" = 1 }\n', "k", 2, 'a = { "k" = 2 }\n'),
        ("a = { k = 1 }\n", "l", {"x": 1}, "a = { k = 1, l = { x = 1 } }\n"),
        ("a = { k = 1, }\n", "l", 2, "a = { k = 1, l = 2, }\n"),
        ("a = {\n  k = 1\n}\n", "l", 2, "a = {\n  k = 1\n  l = 2\n}\n"),
        ("a = {\n  k = 1,\n}\n", "l", 2, "a = {\n  k = 1,\n  l = 2,\n}\n"),
        ("a = {\n  k = 1,\n  l = 2\n}\n", "m", 3, "a = {\n  k = 1,\n  l = 2,\n  m = 3\n}\n"),
        ("a = {\n  k = 1, # x\n  l = 2 # y\n}\n", "m", 3, "a = {\n  k = 1, # x\n  l = 2, # y\n  m = 3\n}\n"),
        ("a = {\n  k = 1, # x\n  l = 2, # y\n}\n", "m", 3, "a = {\n  k = 1, # x\n  l = 2, # y\n  m = 3,\n}\n"),
        ("a = {\n  k = 1 # x, y\n}\n", "l", 2, "a = {\n  k = 1 # x, y\n  l = 2\n}\n"),
        ("a = {\n  k = 1 # x\n  l = 2,\n}\n", "m", 3, "a = {\n  k = 1 # x\n  l = 2,\n  m = 3,\n}\n"),
        ("a = {\n  long = 1\n  x    = 2\n}\n", "k", 3, "a = {\n  long = 1\n  x    = 2\n  k    = 3\n}\n"),
        ("a = {\n  x = 2\n}\n", "long", 3, "a = {\n  x = 2\n  long = 3\n}\n"),
        ("a = {\n  xyz = 2\n}\n", "abc", 3, "a = {\n  xyz = 2\n  abc = 3\n}\n"),
        ('a = {\n  "x y" = 2\n}\n', "k", 3, 'a = {\n  "x y" = 2\n  "k"   = 3\n}\n'),
        ("a = { x = {\n  y = 1\n} }\n", "k", 3, "a = { x = {\n  y = 1\n}, k = 3 }\n"),
        ("a = { x = 1,\n  y = 2 }\n", "k", 3, "a = { x = 1,\n  y = 2, k = 3 }\n"),
        ("a = {\n  x = 2\n}\n", "y z", 3, 'a = {\n  x = 2\n  "y z" = 3\n}\n'),
        ("a = {\n  x : 2\n}\nb = 1\n", "k", 3, "a = {\n  x : 2\n  k = 3\n}\nb = 1\n"),
        ("a = {\n  x : 2 }\n", "k", 3, "a = {\n  x : 2, k = 3 }\n"),
        ("a = {\n  x = [\n    1\n  ]\n}\n", "k", 3, "a = {\n  x = [\n    1\n  ]\n  k = 3\n}\n"),
        (
            "b {\n   c = 1\n   a = {\n      x = 2\n   }\n}\n",
            "k",
            {"y": 1},
            "b {\n   c = 1\n   a = {\n      x = 2\n      k = {\n         y = 1\n      }\n   }\n}\n",
        ),
    ],
)
@ENDINGS
def test_an_object_gets_an_item(before: str, key: str, value: JSON, after: str, ending: str) -> None:
    """Commas as between its items, equals signs in line, quotes as its keys have; an item of that key is replaced."""
    parsed = read(with_ends(before, ending))
    node = value_of(parsed)
    assert isinstance(node, ObjectExpression)
    assert hcl.with_item(parsed, node, key, value) == with_ends(after, ending)


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("a = []\n", {"k": 1}, "a = [{ k = 1 }]\n"),
        ("a = [1]\n", [2], "a = [1, [2]]\n"),
        ("a = [1, ]\n", 2, "a = [1, 2, ]\n"),
        ("a = [\n  1\n]\n", 2, "a = [\n  1,\n  2\n]\n"),
        ("a = [\n  1,\n]\n", 2, "a = [\n  1,\n  2,\n]\n"),
        ("a = [\n  1 # x, y\n]\n", 2, "a = [\n  1, # x, y\n  2\n]\n"),
        ("a = [\n  1, # x, y\n]\n", 2, "a = [\n  1, # x, y\n  2,\n]\n"),
        ("a = [\n  1 , # x\n]\n", 2, "a = [\n  1, # x\n  2,\n]\n"),
        ("a = [\n  1\n]", 2, "a = [\n  1,\n  2\n]"),
        ("a = [\n  1 ]\n", 2, "a = [\n  1, 2 ]\n"),
        ("a = [1, 3\n]\n", 2, "a = [1, 3, 2\n]\n"),
        ("a = [ 1,\n  3\n]\n", 2, "a = [ 1,\n  3,\n  2\n]\n"),
        (
            "b {\n    a = [\n        1,\n    ]\n}\n",
            {"k": 2},
            "b {\n    a = [\n        1,\n        {\n            k = 2\n        },\n    ]\n}\n",
        ),
    ],
)
@ENDINGS
def test_a_list_gets_an_element(before: str, value: JSON, after: str, ending: str) -> None:
    """On a line of its own where the last one has one; a comma at the end stays the habit that it was."""
    parsed = read(with_ends(before, ending))
    node = value_of(parsed)
    assert isinstance(node, ListExpression)
    assert hcl.with_element(parsed, node, value) == with_ends(after, ending)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("b {\n}\n", "b {\n  n = {\n    x = 1\n  }\n}\n"),
        ("b {}\n", "b {\n  n = {\n    x = 1\n  }\n}\n"),
        ("b { c = 1 }\n", "b {\n  c = 1\n  n = {\n    x = 1\n  }\n}\n"),
        ("b {\n  c = 1 # one\n}\n", "b {\n  c = 1 # one\n  n = {\n    x = 1\n  }\n}\n"),
        ("b {\n    c = 1\n}\n", "b {\n    c = 1\n    n = {\n        x = 1\n    }\n}\n"),
        (
            "b {\n  long = 1\n  d {\n    e = 1\n  }\n}\n",
            "b {\n  long = 1\n  n    = {\n    x = 1\n  }\n  d {\n    e = 1\n  }\n}\n",
        ),
        ("b {\n  d {\n    e = 1\n  } # d\n}\n", "b {\n  d {\n    e = 1\n  } # d\n  n = {\n    x = 1\n  }\n}\n"),
        ("b {\n  c = [\n    1\n  ]\n}\n", "b {\n  c = [\n    1\n  ]\n  n = {\n    x = 1\n  }\n}\n"),
        ("b {\n  c = <<EOT\nx\nEOT\n}\n", "b {\n  c = <<EOT\nx\nEOT\n  n = {\n    x = 1\n  }\n}\n"),
        ("b {\nc = 1\n}\n", "b {\nc = 1\nn = {\n  x = 1\n}\n}\n"),
    ],
)
@ENDINGS
def test_a_block_gets_an_attribute(before: str, after: str, ending: str) -> None:
    """Behind the attributes it has; a block in one line is opened."""
    parsed = read(with_ends(before, ending))
    (block,) = parsed.body.blocks
    assert hcl.with_attribute(parsed, block, "n", {"x": 1}) == with_ends(after, ending)


@pytest.mark.parametrize(
    ("before", "entries", "after"),
    [
        (
            "b {\n  c = 1\n}\n",
            {"x": 1, "long": {"k": 2}},
            "b {\n  c = 1\n  n {\n    x    = 1\n    long = {\n      k = 2\n    }\n  }\n}\n",
        ),
        ("b {\n  c = 1\n}\n", {}, "b {\n  c = 1\n  n {\n  }\n}\n"),
        ("b {}\n", {"x": 1}, "b {\n  n {\n    x = 1\n  }\n}\n"),
        (
            "b {\n   d {\n      e = 1\n   } # d\n}\n",
            {"x": 1},
            "b {\n   d {\n      e = 1\n   } # d\n   n {\n      x = 1\n   }\n}\n",
        ),
        ("c { x = 1 }\n\nb { c = 1 }\n", {"x": 1}, "c { x = 1 }\n\nb {\n  c = 1\n  n {\n    x = 1\n  }\n}\n"),
    ],
)
@ENDINGS
def test_a_block_gets_a_block(before: str, entries: dict[str, JSON], after: str, ending: str) -> None:
    """At its end, indented as this file is."""
    parsed = read(with_ends(before, ending))
    assert hcl.with_block(parsed, parsed.body.blocks[-1], "n", entries) == with_ends(after, ending)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a = { k = 1, l = 2 }\n", ("a = { l = 2 }\n", "a = { k = 1 }\n")),
        ("a = { k = 1 }\n", ("a = {  }\n",)),
        (
            "a = {\n  k = 1 # one\n  # two\n  l = 2,\n}\n",
            ("a = {\n  # two\n  l = 2,\n}\n", "a = {\n  k = 1 # one\n}\n"),
        ),
        (
            "a = {\n  k = 1, l = 2,\n  m = 3\n}\n",
            ("a = {\n  l = 2,\n  m = 3\n}\n", "a = {\n  k = 1, m = 3\n}\n", "a = {\n  k = 1, l = 2,\n}\n"),
        ),
        ("a = {\n  k = 1, // one\n  l = 2 }\n", ("a = {\n  l = 2 }\n", "a = {\n  k = 1 }\n")),
        ("a = {\n  k = 1, // one\n  l = 2\n}\n", ("a = {\n  l = 2\n}\n", "a = {\n  k = 1, // one\n}\n")),
        ("a = { k = 1,\n  l = 2 }\n", ("a = { l = 2 }\n", "a = { k = 1 }\n")),
        ("a = [1, 2, 3]\n", ("a = [2, 3]\n", "a = [1, 3]\n", "a = [1, 2]\n")),
        ("a = [1]\n", ("a = []\n",)),
        ("a = [\n  1, # one\n  2 # two\n]\n", ("a = [\n  2 # two\n]\n", "a = [\n  1 # one\n]\n")),
        (
            "a = [\n  1, # one\n  // two\n  2, # and\n]\n",
            ("a = [\n  // two\n  2, # and\n]\n", "a = [\n  1, # one\n]\n"),
        ),
        ("a = [\n  1, 2,\n  3,\n]\n", ("a = [\n  2,\n  3,\n]\n", "a = [\n  1, 3,\n]\n", "a = [\n  1, 2,\n]\n")),
        ("a = [ 1,\n  2\n]\n", ("a = [ 2\n]\n", "a = [ 1\n]\n")),
        ("a = [[1, 2], 3]\n", ("a = [3]\n", "a = [[1, 2]]\n")),
    ],
)
@ENDINGS
def test_a_collection_loses_a_part(before: str, after: tuple[str, ...], ending: str) -> None:
    """With its line where it has one for itself; else with what stands between it and the next or the last."""
    parsed = read(with_ends(before, ending))
    node = value_of(parsed)
    assert isinstance(node, ObjectExpression | ListExpression)
    parts = [item.value for item in node.items] if isinstance(node, ObjectExpression) else node.items
    assert [hcl.without(parsed, part) for part in parts] == [with_ends(text, ending) for text in after]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1\na = 2 # two\n# three\ny = 3\n", "x = 1\n# three\ny = 3\n"),
        ("x = 1\na = 2", "x = 1\n"),
        ("x = 1\n# two\n// more\na = 2\n# three\ny = 3\n", "x = 1\n# three\ny = 3\n"),
        ("x = 1 # one\n\n# apart\n\na = 2\n", "x = 1 # one\n\n# apart\n\n"),
        ("# the file\na = 2\ny = 3\n", "# the file\ny = 3\n"),
        ("b {\n  x = 1\n# elsewhere\n  a = 2\n}\n", "b {\n  x = 1\n# elsewhere\n}\n"),
        ("a = 2\n", ""),
        ("b {\n  a = 2\n}\n", "b {\n}\n"),
        ("b { a = 2 }\n", "b {  }\n"),
        ("a = [\n  1\n] # end\ny = 3\n", "y = 3\n"),
        ("a = <<EOT\nx\nEOT\ny = 3\n", "y = 3\n"),
        ("\ta = 2 /* x */ # y\nz = 1\n", "\t /* x */ # y\nz = 1\n"),
    ],
)
@ENDINGS
def test_a_body_loses_an_attribute(before: str, after: str, ending: str) -> None:
    """With its lines and the comment behind it."""
    parsed = read(with_ends(before, ending))
    assert hcl.without(parsed, value_of(parsed)) == with_ends(after, ending)


def test_a_part_of_an_expression_is_not_removed() -> None:
    """It is no attribute, item or element: what would be left is no expression."""
    parsed = read("x = 1\na = 1 + 2\n")
    (literal,) = [node for node in _all(parsed) if parsed.text.chars[node.start : node.end] == "2"]
    with pytest.raises(Refused, match=r"f\.cw:2: nothing can be removed here"):
        hcl.without(parsed, literal)


def _all(parsed: Parsed) -> list[Expression]:
    chars = parsed.text.chars
    spans = [parsed.text.origin(start, end) for start in range(len(chars)) for end in range(start + 1, len(chars) + 1)]
    nodes = []
    for span in spans:
        with suppress(Refused):
            nodes.append(node_at(parsed, span))
    return nodes


def test_nodes_are_found_by_their_span_alone() -> None:
    """The outermost one of that span; nothing where the text is something else now."""
    parsed = read('a = [x, { "k" = [y, z] }]\n')
    texts = [parsed.text.chars[node.start : node.end] for node in _all(parsed)]
    with pytest.raises(Refused, match=r"f\.cw:1: the value is no longer where it was"):
        node_at(parsed, parsed.text.origin(4, 6))
    assert texts == ['[x, { "k" = [y, z] }]', "x", '{ "k" = [y, z] }', '"k"', "[y, z]", "y", "z"]


def test_blocks_are_found_by_their_whole_span() -> None:
    """However deep; the start alone is not enough."""
    parsed = read("a {\n  b {\n    c = 1\n  }\n}\nd {}\n")
    (outer, last) = parsed.body.blocks
    (inner,) = outer.body.blocks
    for block in (outer, inner, last):
        assert block_at(parsed, parsed.text.origin(block.start, block.end)) is block
        assert block_at(parsed, parsed.text.origin(block.start, block.end - 1)) is None
        assert block_at(parsed, parsed.text.origin(block.start + 1, block.end)) is None


def test_items_and_elements_know_where_they_are() -> None:
    """A key in quotes and a bare one are the same; a node of another list is no element of this one."""
    parsed = read('a = { "k" = 1, l = 2, (m) = 3 }\nb = [[1], 2]\n')
    node, listed = value_of(parsed), value_of(parsed, "b")
    assert isinstance(node, ObjectExpression)
    assert isinstance(listed, ListExpression)
    assert [item_called(parsed, node, key) for key in "klm"] == [node.items[0], node.items[1], None]
    inner = listed.items[0]
    assert isinstance(inner, ListExpression)
    assert [element_of(parsed, item) for item in (*listed.items, inner.items[0], listed)] == [
        (listed, 0),
        (listed, 1),
        (inner, 0),
        None,
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a = local.x\n", "a = merge(local.x, { k = 1 })\n"),
        ("a = merge(local.x, local.y)\n", "a = merge(local.x, local.y, { k = 1 })\n"),
        ("a = merge(local.x, { l = 2 })\n", "a = merge(local.x, { l = 2, k = 1 })\n"),
        ("a = merge(local.x, { k = 2 })\n", "a = merge(local.x, { k = 1 })\n"),
        ("a = merge(local.x...)\n", "a = merge(merge(local.x...), { k = 1 })\n"),
        ("a = merge()\n", "a = merge(merge(), { k = 1 })\n"),
        ("a = concat(local.x, { l = 2 })\n", "a = merge(concat(local.x, { l = 2 }), { k = 1 })\n"),
    ],
)
def test_an_entry_is_laid_over_an_expression(before: str, after: str) -> None:
    """Into the last object of a ``merge`` that is there; around anything else."""
    parsed = read(before)
    assert hcl.merged(parsed, value_of(parsed), "k", 1) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a = local.x\n", 'a = concat(local.x, ["v"])\n'),
        ("a = concat(local.x, [1])\n", 'a = concat(local.x, [1], ["v"])\n'),
        ("a = concat(local.x...)\n", 'a = concat(concat(local.x...), ["v"])\n'),
        ("a = merge(local.x)\n", 'a = concat(merge(local.x), ["v"])\n'),
    ],
)
def test_an_element_is_put_behind_an_expression(before: str, after: str) -> None:
    """By ``concat``."""
    parsed = read(before)
    assert hcl.concatenated(parsed, value_of(parsed), "v") == after


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("a = 1\n", "x", 'a = "x"\n'),
        ("b {\n   a = 1\n}\n", {"k": {"l": 1}}, "b {\n   a = {\n      k = {\n         l = 1\n      }\n   }\n}\n"),
        ("b {\n  a = <<-EOT\n    x\n  EOT\n}\n", "y\n\n  z\n", "b {\n  a = <<-EOT\n    y\n\n      z\n  EOT\n}\n"),
        ("b {\n  a = <<-EOT\n      x\n\n    y\n  EOT\n}\n", "z\n", "b {\n  a = <<-EOT\n    z\n  EOT\n}\n"),
        ("a = <<-EOT\n\tx\nEOT\n", "y\n", "a = <<-EOT\n\ty\nEOT\n"),
        ("a = <<-EOT\n  x\nEOT\n", "\ty\n", 'a = "\\ty\\n"\n'),
        ("a = <<-EOT\n  x\nEOT\n", " y\n\n z\n", 'a = " y\\n\\n z\\n"\n'),
        ("a = <<-EOT\n  x\nEOT\n", "\n y\n", 'a = "\\n y\\n"\n'),
        ("a = <<-EOT\n  x\nEOT\n", " y\nz\n", "a = <<-EOT\n   y\n  z\nEOT\n"),
        ("a = <<-EOT\nEOT\n", "y\n", "a = <<-EOT\ny\nEOT\n"),
        ("a = <<EOT\nx\nEOT\n", "  y\n", "a = <<EOT\n  y\nEOT\n"),
        ("a = <<EOT\nx\nEOT\n", "${y} %{z}\n", "a = <<EOT\n$${y} %%{z}\nEOT\n"),
        ("a = <<EOT\nx\nEOT\n", "  EOT\n", 'a = "  EOT\\n"\n'),
        ("a = <<EOT\nx\nEOT\n", "y\nEOTS\n", "a = <<EOT\ny\nEOTS\nEOT\n"),
        ("a = <<EOT\nx\nEOT\n", "y\r\n", 'a = "y\\r\\n"\n'),
        ("a = <<EOT\nx\nEOT\n", "y", 'a = "y"\n'),
        ("a = <<EOT\nx\nEOT\n", 5, "a = 5\n"),
    ],
)
@ENDINGS
def test_an_expression_gives_way_to_a_value(before: str, value: JSON, after: str, ending: str) -> None:
    """A heredoc stays one where it can say the value, in the indentation that it has."""
    parsed = read(with_ends(before, ending))
    text = hcl.replaced(parsed, value_of(parsed), value)
    assert text == with_ends(after, ending)


@table(
    ("before", "part", "text", "after"),
    [
        ('a = "x${b}y"\n', "x", 'q"${z}', 'a = "q\\"$${z}${b}y"\n'),
        ('a = "x${b}y"\n', "${b}", "c", 'a = "xcy"\n'),
        ('a = "x${b}y"\n', "y", "l\nm", 'a = "x${b}l\\nm"\n'),
        ('a = "x${f("in${b}")}y"\n', "in", "out", 'a = "x${f("out${b}")}y"\n'),
        ("a = <<EOT\nx ${b} y\nEOT\n", "x ", 'q" %{z} ', 'a = <<EOT\nq" %%{z} ${b} y\nEOT\n'),
        ('a = <<EOT\nx ${f("in${b}")} y\nEOT\n', "in", 'o"t', 'a = <<EOT\nx ${f("o\\"t${b}")} y\nEOT\n'),
        ("a = <<EOT\nx ${b} y\nEOT\n", "x ", "l\n", None),
        ("a = <<EOT\nx ${b} y\nEOT\n", "x ", "l\r", None),
        ("a = <<EOT\nx\ny ${b}\nEOT\n", "x\ny ", "z", None),
    ],
)
def test_a_part_of_a_template_gives_way_to_text(before: str, part: str, text: str, after: str | None) -> None:
    """Escaped as the innermost template around it needs it; lines of heredocs are left as they are."""
    parsed = read(before)
    start = before.index(part, 4)
    origin = parsed.text.origin(start, start + len(part))
    if after is None:
        with pytest.raises(Refused, match=r"f\.cw:2: lines of a heredoc are not changed one by one"):
            hcl.part_replaced(parsed, origin, text)
    else:
        assert hcl.part_replaced(parsed, origin, text) == after


@pytest.mark.parametrize("part", ["a = ", '"x${b}"', "c"])
def test_text_outside_of_a_template_is_no_part_of_one(part: str) -> None:
    """The file is another than it was."""
    before = 'a = "x${b}"\nd = c\n'
    parsed = read(before)
    start = before.index(part)
    with pytest.raises(Refused, match=r"f\.cw:\d: the text is no longer where it was"):
        hcl.part_replaced(parsed, parsed.text.origin(start, start + len(part)), "y")


def test_a_block_of_an_indented_file_shows_its_step() -> None:
    """Two columns where no block shows any."""
    parsed = read("x {\n}\nb { c = 1 }\n")
    block = parsed.body.blocks[1]
    assert isinstance(block, Block)
    assert hcl.with_block(parsed, block, "n", {}) == "x {\n}\nb {\n  c = 1\n  n {\n  }\n}\n"
