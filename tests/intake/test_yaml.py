"""YAML and JSON texts to values and spans."""

from __future__ import annotations

import json
import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.intake.jsontree import load_json, span_tree
from bot.intake.scalars import Dialect, reads_as_text, resolve
from bot.intake.spans import Node, locate, target, value
from bot.intake.text import NotText, Text
from bot.intake.yamlspans import span_trees
from bot.intake.yamltree import Broken, load
from bot.model.json import JSON
from tests.table import table

KUBERNETES, COMPOSE = Dialect.KUBERNETES, Dialect.COMPOSE


def values(chars: str, dialect: Dialect = KUBERNETES) -> list[JSON]:
    return [None if one is None else one.value for one in load(Text("f.yaml", chars), dialect)]


@table(
    ("text", "kubernetes", "compose"),
    [
        ("yes", True, "yes"),
        ("Off", False, "Off"),
        ("true", True, True),
        ("~", None, None),
        ("0x10", 16, 16),
        ("0o17", 15, 15),
        ("017", 15, 15),
        ("08", 8.0, 8.0),
        ("1_000", 1000, 1000),
        ("1e3", 1000.0, 1000.0),
        (".5", 0.5, 0.5),
        ("-.inf", -math.inf, -math.inf),
        ("22:22", "22:22", "22:22"),
        ("2024-01-01", "2024-01-01", "2024-01-01"),
        ("1.2.3", "1.2.3", "1.2.3"),
        ("=", "=", "="),
        ("10m", "10m", "10m"),
        ("+", "+", "+"),
    ],
)
def test_plain_scalars_mean_what_the_go_libraries_take_them_for(text: str, kubernetes: JSON, compose: JSON) -> None:
    """Numbers and truth values are those that Kubernetes and Compose read."""
    assert resolve(text, KUBERNETES) == kubernetes
    assert type(resolve(text, KUBERNETES)) is type(kubernetes)
    assert resolve(text, COMPOSE) == compose


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12))
def test_text_that_needs_no_quotes_is_text_for_pyyaml_too(text: str) -> None:
    """What ``reads_as_text`` accepts and YAML takes for one plain scalar is the same string for a YAML 1.1 reader."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return
    if reads_as_text(text) and isinstance(node, yaml.ScalarNode) and node.style is None and node.value == text:
        assert yaml.safe_load(text) == text


@table(
    ("chars", "line", "column", "message"),
    [
        ("a: [b\nc: d\n", 2, 2, "not valid YAML"),
        ("a: b\n  c: d\n", 2, 4, "mapping values are not allowed"),
        ("a: \x00b\n", 1, 4, "does not allow"),
        ("a: &a [*a]\n", 1, 4, "contains itself"),
        ("a: *nowhere\n", 1, 4, "undefined alias"),
        ("a: &a 1\n---\nb: *a\n", 3, 4, "undefined alias"),
        ("a: &a 1\nb: &a [*a]\n", 2, 4, "contains itself"),
        ("a: &a 1\nb: &a " + "[" * 500 + "]" * 500, 2, 106, "nested more than"),
        ("? [a]\n: b\n", 1, 3, "not a scalar"),
        ("[" * 500 + "]" * 500, 1, 102, "nested more than"),
        ("[" * 100_000 + "]" * 100_000, 1, 101, "nested more than"),
        ("- " * 100_000 + "a", 1, 201, "nested more than"),
        ("<<: 3\n", 1, 1, "not a mapping"),
    ],
)
def test_broken_yaml_names_line_and_column_and_shows_a_caret(chars: str, line: int, column: int, message: str) -> None:
    """A mistake is told with its place and the line it is in, however hostile the text."""
    with pytest.raises(Broken) as caught:
        values(chars)
    error = caught.value.error
    assert (error.line, error.column) == (line, column)
    assert message in error.message
    assert error.excerpt is not None
    assert error.excerpt.endswith("^")


def test_an_alias_bomb_is_refused() -> None:
    """Aliases that expand to millions of values end in an error and not in the machine's memory."""
    lines = ["a0: &a0 [1,1,1,1,1,1,1,1,1,1]"]
    lines += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    with pytest.raises(Broken, match="expand to more than"):
        values("\n".join(lines))


def test_merge_keys_and_aliases_are_resolved() -> None:
    """Own entries win over merged ones, earlier merged mappings over later ones."""
    chars = "a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc: {<<: [*a, *b], y: 3}\nd: *a\n"
    assert values(chars) == [
        {"a": {"x": 1, "y": 1}, "b": {"x": 2, "z": 2}, "c": {"x": 1, "z": 2, "y": 3}, "d": {"x": 1, "y": 1}}
    ]


def test_an_anchor_that_is_written_again_hides_the_one_before() -> None:
    """An alias means the last anchor of its name before it (YAML 1.2.2, section 7.1)."""
    assert values("a: &x 1\nb: [*x, &x 2, *x]\nc: *x\n---\nd: &x 3\ne: *x\n") == [
        {"a": 1, "b": [1, 2, 2], "c": 2},
        {"d": 3, "e": 3},
    ]


def test_empty_documents_are_counted() -> None:
    """Documents keep their number although some are empty."""
    assert values("---\na: 1\n---\n# nothing\n---\nb: 2\n") == [{"a": 1}, None, {"b": 2}]


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x85\x7f\ufeff"), max_size=8)
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abcé", min_size=1, max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(TREES, st.booleans())
def test_values_and_span_trees_agree(tree: JSON, flow: bool) -> None:
    """The fast reader and the span tree give the same value, and every scalar's span is where it is written."""
    chars = yaml.safe_dump(tree, default_flow_style=flow, allow_unicode=True)
    roots = span_trees(Text("f.yaml", chars))
    assert values(chars) == [None if root is None else value(root, KUBERNETES) for root in roots]


@settings(deadline=None)
@given(TREES, st.integers(0, 3))
def test_json_span_trees_hold_the_value_and_its_text(tree: JSON, indent: int) -> None:
    """Each node of a JSON span tree spans exactly the JSON text of its value."""
    chars = json.dumps(tree, indent=indent or None, ensure_ascii=False)
    text = Text("f.json", chars)
    loaded = load_json(text)
    assert loaded is not None
    assert loaded.value == tree
    root = span_tree(text)
    assert value(root, KUBERNETES) == tree
    assert json.loads(chars[root.start : root.end]) == tree


def test_spans_are_exact_for_every_style() -> None:
    """Plain, quoted, block, flow, anchored and aliased values are found at their bytes."""
    chars = "a: é1 # c\nb: 'x'\nc: &k !!str 5\nd: *k\ne: |\n  one\n\nf: {g: [1, 22]}\nh:\n- i: 3\n"
    root = span_trees(Text("f.yaml", chars))[0]
    assert root is not None

    def text(*pointer: str | int) -> str:
        node: Node = locate(root, pointer).node
        return chars[node.start : node.end]

    assert text("a") == "é1"
    assert text("b") == "'x'"
    assert text("c") == "5"
    assert text("d") == "*k"
    assert text("e").startswith("|\n  one\n")
    assert text("f", "g", 1) == "22"
    assert text("h") == "- i: 3"
    assert target(locate(root, ("d",)).node) is locate(root, ("c",)).node


def test_bytes_lines_and_columns_of_a_text_with_a_byte_order_mark() -> None:
    """Origins count bytes of the file, mark included; people count characters of a line."""
    data = b"\xef\xbb\xbf" + "ä: b\n".encode()
    text = Text.of("f.yaml", data)
    origin = text.origin(3, 4)
    assert data[origin.start : origin.end] == b"b"
    assert (origin.line, origin.column) == (1, 4)
    assert text.char(origin.start) == 3
    assert text.encode(text.chars) == data
    with pytest.raises(NotText):
        Text.of("f.yaml", b"a\xff")
