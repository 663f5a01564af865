"""Edits in the hand of the file: the exact text that each source language gets for one change."""

from __future__ import annotations

import pytest

from bot.edits.adopt import adopt
from bot.edits.plain import edited
from bot.errors import Refused
from bot.intake.scalars import Dialect
from bot.intake.terraform import read_terraform
from bot.model.drift import AddEntry as A
from bot.model.drift import Edit
from bot.model.drift import RemoveEntry as R
from bot.model.drift import SetValue as S
from tests.table import table


def text_of(file: str, before: str, edit: Edit) -> str:
    return edited(file, before.encode(), [edit], document=0, dialect=Dialect.KUBERNETES).decode()


@table(
    ("before", "edit", "after"),
    [
        ("a: 1 # one\nb: 2\n", S(("a",), 3), "a: 3 # one\nb: 2\n"),
        ("a: 'x'\n", S(("a",), "it's"), "a: 'it''s'\n"),
        ('a: "x"\n', S(("a",), "y"), 'a: "y"\n'),
        ("a: 'x'\n", S(("a",), "tab\there"), "a: 'tab\there'\n"),
        ("a: x\n", S(("a",), "yes"), 'a: "yes"\n'),
        ("a: x\n", S(("a",), "two\nlines\n"), "a: |\n  two\n  lines\n"),
        ("a:\n    b: x\n", S(("a", "b"), "two\nlines"), "a:\n    b: |-\n        two\n        lines\n"),
        ("a: |\n  old\n  text\nb: 1\n", S(("a",), "new\ntext\n"), "a: |\n  new\n  text\nb: 1\n"),
        ("a: |\n    old\nb: 1\n", S(("a",), "new\n"), "a: |\n    new\nb: 1\n"),
        ("a: >\n  old text\nb: 1\n", S(("a",), "new text\n"), "a: >\n  new text\nb: 1\n"),
        ("a: >-\n  one\n\n  two\nb: 1\n", S(("a",), "one\nthree"), "a: >-\n  one\n\n  three\nb: 1\n"),
        ("a: |\n  old\nb: 1\n", S(("a",), 5), "a: 5\nb: 1\n"),
        ("a: |\n  old\n\n\nb: 1\n", S(("a",), "x"), "a: |-\n  x\n\n\nb: 1\n"),
        ("- a\n- b\n", S((1,), {"k": "v", "l": [1]}), "- a\n- k: v\n  l:\n    - 1\n"),
        ("a:\n- b\n", A(("a",), None, {"k": "v", "l": [1]}), "a:\n- b\n- k: v\n  l:\n  - 1\n"),
        ("a:\n  - b\n", A(("a",), None, {"k": "v", "l": [1]}), "a:\n  - b\n  - k: v\n    l:\n      - 1\n"),
        ("a:\n    - b\n", A(("a",), None, [1, [2]]), "a:\n    - b\n    - - 1\n      - - 2\n"),
        ("a:\n   b: 1\nc: 2\n", A((), "d", {"e": {"f": 1}}), "a:\n   b: 1\nc: 2\nd:\n   e:\n      f: 1\n"),
        ("a: {b: 1}\n", A(("a",), "c", [1, "x, y"]), 'a: {b: 1, c: [1, "x, y"]}\n'),
        ("a: {b: 'x'}\n", A(("a",), "c", "y"), "a: {b: 'x', c: 'y'}\n"),
        ("a: {'b': 1}\n", A(("a",), "c", 1), "a: {'b': 1, 'c': 1}\n"),
        ("a: [1, 2]\n", A(("a",), None, "x: y"), 'a: [1, 2, "x: y"]\n'),
        ("a: [\n  1,\n  2\n]\n", A(("a",), None, 3), "a: [\n  1,\n  2,\n  3\n]\n"),
        ("a: []\n", A(("a",), None, {"x": 1}), "a:\n  - x: 1\n"),
        ("a:\n", A(("a",), "b", 1), "a:\n  b: 1\n"),
        ("a: {}\nb: 1\n", A(("a",), "b", 1), "a:\n  b: 1\nb: 1\n"),
        ("a: 1\nb: {c: 1, d: 2}\n", R(("b", "c")), "a: 1\nb: {d: 2}\n"),
        ("b: {c: 1, d: 2}\n", R(("b", "d")), "b: {c: 1}\n"),
        ("b: {c: 1}\n", R(("b", "c")), "b: {}\n"),
        ("b: [1, 2, 3]\n", R(("b", 0)), "b: [2, 3]\n"),
        ("b: [1, 2, 3]\n", R(("b", 2)), "b: [1, 2]\n"),
        ("b:\n  c: 1 # gone too\n", R(("b", "c")), "b: {}\n"),
        ("b:\n- c # note\n", R(("b", 0)), "b: []\n"),
        ("- c\n", R((0,)), "[]\n"),
        ("a: 1\nb: 2", R(("b",)), "a: 1"),
        ("a: 1\nb: 2\n", R(("a",)), "b: 2\n"),
        ("- a: 1\n  b: 2\n", R((0, "a")), "- b: 2\n"),
        ("- a: 1\n  b: 2\n- c\n", R((0,)), "- c\n"),
        ("-\n  a: 1\n- b\n", R((0,)), "- b\n"),
        ("x:\n- - a\n  - b\n", R(("x", 0, 0)), "x:\n- - b\n"),
        ("a: 1\n", S(("a",), [1, {"b": 2}]), "a:\n  - 1\n  - b: 2\n"),
        ("a:\n  b: 1\nc: 2\n", S(("a",), 7), "a: 7\nc: 2\n"),
        ("a: [1]\n", S(("a",), {"b": 1}), "a:\n  b: 1\n"),
        ("a: !!str 5\n", S(("a",), "6"), 'a: !!str "6"\n'),
        ("a: &x 5\nb: *x\n", S(("b",), 6), "a: &x 5\nb: 6\n"),
        ("a: &x {k: 1}\nb: *x\n", S(("b", "k"), 6), "a: &x {k: 1}\nb:\n  k: 6\n"),
        (
            "x: &x {k: 1, l: 2}\na:\n  <<: *x\n  m: 1\n",
            S(("a", "k"), 6),
            "x: &x {k: 1, l: 2}\na:\n  <<: *x\n  m: 1\n  k: 6\n",
        ),
        ("a:\r\n  b: 1\r\n", A(("a",), "c", {"d": 1}), "a:\r\n  b: 1\r\n  c:\r\n    d: 1\r\n"),
        ("a: |+\n  keep\n\n", A((), "b", 1), "a: |+\n  keep\n\nb: 1\n"),
        ("a: x\nb: 'y'\n", A((), "c", "z"), "a: x\nb: 'y'\nc: z\n"),
        ("'a': 'x'\n'b': 'y'\n", A((), "c", "z"), "'a': 'x'\n'b': 'y'\n'c': 'z'\n"),
        (
            "l:\n- {name: 'a', v: \"b\"}\n",
            A(("l",), None, {"name": "c", "v": "d"}),
            "l:\n- {name: 'a', v: \"b\"}\n- name: 'c'\n  v: \"d\"\n",
        ),
        (
            "l:\n- name: 'a'\n  v: \"b\"\n",
            A(("l",), None, {"name": "c", "v": "d", "w": "e"}),
            "l:\n- name: 'a'\n  v: \"b\"\n- name: 'c'\n  v: \"d\"\n  w: e\n",
        ),
        ("a: 1.5\n", S(("a",), 2.0), "a: 2.0\n"),
        ("a: 1\n", S(("a",), 1e30), "a: 1.0e+30\n"),
        ("a: 1\n", S(("a",), None), "a: null\n"),
        ("a: 1\n", S(("a",), True), "a: true\n"),
        ("a: 1\n", S(("a",), "#x"), 'a: "#x"\n'),
        ("a: 1\n", S(("a",), "- x"), 'a: "- x"\n'),
        ("a: 1\n", S(("a",), "-x"), "a: -x\n"),
        ("a: 1\n", S(("a",), "x: y"), 'a: "x: y"\n'),
        ("a: 1\n", S(("a",), "x:"), 'a: "x:"\n'),
        ("a: 1\n", S(("a",), "x #y"), 'a: "x #y"\n'),
        ("a: 1\n", S(("a",), ""), 'a: ""\n'),
        ("a: 1\n", S(("a",), " x"), 'a: " x"\n'),
        ("a: 1\n", S(("a",), "---"), 'a: "---"\n'),
        ("a: 1\n", S(("a",), "é☃"), "a: é☃\n"),
        ("a: 1\n", S(("a",), "\u2028"), 'a: "\\u2028"\n'),
        ("a: 1\n", S(("a",), {}), "a: {}\n"),
        ("a: 1\n", S(("a",), []), "a: []\n"),
    ],
)
def test_yaml_is_written_as_its_author_writes(before: str, edit: Edit, after: str) -> None:
    """Quotes, indentation, dashes, flow and block, literal blocks, anchors, line ends and comments."""
    assert text_of("f.yaml", before, edit) == after


@table(
    ("before", "edit", "after"),
    [
        ('{"a": 1}\n', A((), "b", [1, {"c": 2}]), '{"a": 1, "b": [1, {"c": 2}]}\n'),
        ('{"a":1,"b":2}', A((), "c", {"d": 1}), '{"a":1,"b":2,"c":{"d":1}}'),
        (
            '{\n  "a": 1\n}\n',
            A((), "b", {"c": [1, 2], "d": {}}),
            '{\n  "a": 1,\n  "b": {\n    "c": [\n      1,\n      2\n    ],\n    "d": {}\n  }\n}\n',
        ),
        (
            '{\n    "a": [\n        1\n    ]\n}\n',
            A(("a",), None, {"x": 1}),
            '{\n    "a": [\n        1,\n        {\n            "x": 1\n        }\n    ]\n}\n',
        ),
        ('{\n  "a": 1,\n  "b": 2\n}\n', R(("a",)), '{\n  "b": 2\n}\n'),
        ('{\n  "a": 1,\n  "b": 2\n}\n', R(("b",)), '{\n  "a": 1\n}\n'),
        ('{"a": 1, "b": 2}', R(("a",)), '{"b": 2}'),
        ('{"a": [1]}', R(("a", 0)), '{"a": []}'),
        ('{"a": "x"}', S(("a",), 'é\n"\u2028'), '{"a": "é\\n\\"\u2028"}'),
        ('{\n\t"a": 1\n}\n', S(("a",), {"b": 1}), '{\n\t"a": {\n\t\t"b": 1\n\t}\n}\n'),
        ("[1, 2]", S((0,), None), "[null, 2]"),
        ('{\n  "a": [1]\n}\n', A(("a",), None, {"b": 2}), '{\n  "a": [1, {"b": 2}]\n}\n'),
        ('{"a" : 1}', A((), "b", 2), '{"a" : 1, "b": 2}'),
    ],
)
def test_json_is_written_as_its_author_writes(before: str, edit: Edit, after: str) -> None:
    """On one line or several, with or without blanks, with tabs or spaces."""
    assert text_of("f.json", before, edit) == after


@table(
    ("before", "edit", "after"),
    [
        (
            'resource "a" "b" {\n  a = 1 # one\n  b = 2\n}\n',
            S(("a",), "x"),
            'resource "a" "b" {\n  a = "x" # one\n  b = 2\n}\n',
        ),
        (
            'resource "a" "b" {\n  a = "x"\n}\n',
            S(("a",), 'say "${x}" %{y} \\ é\t'),
            'resource "a" "b" {\n  a = "say \\"$${x}\\" %%{y} \\\\ é\\t"\n}\n',
        ),
        (
            'resource "a" "b" {\n  a = "x"\n}\n',
            S(("a",), {"k": 1, "for": [True, None, 1.5], "x y": {}}),
            'resource "a" "b" {\n  a = {\n    k     = 1\n    "for" = [true, null, 1.5]\n    "x y" = {}\n  }\n}\n',
        ),
        (
            'resource "a" "b" {\n  a   = 1\n  bcd = 2\n}\n',
            A((), "ef", 3),
            'resource "a" "b" {\n  a   = 1\n  bcd = 2\n  ef  = 3\n}\n',
        ),
        (
            'resource "a" "b" {\n  a = 1\n}\n',
            A((), "longer", {"k": "v"}),
            'resource "a" "b" {\n  a = 1\n  longer = {\n    k = "v"\n  }\n}\n',
        ),
        ('resource "a" "b" {\n  \n}\n', A((), "b", 1), 'resource "a" "b" {\n  b = 1\n}\n'),
        (
            'resource "a" "b" {\n  b {\n    c = 1\n   }\n}\n',
            A(("b", 0), "d", 2),
            'resource "a" "b" {\n  b {\n    c = 1\n    d = 2\n   }\n}\n',
        ),
        ('resource "a" "b" {\n  b {\n   }\n}\n', A(("b", 0), "d", 2), 'resource "a" "b" {\n  b {\n    d = 2\n  }\n}\n'),
        (
            'resource "a" "b" {\n  b { c = 1 }\n}\n',
            A(("b", 0), "d", 2),
            'resource "a" "b" {\n  b {\n    c = 1\n    d = 2\n  }\n}\n',
        ),
        (
            'resource "a" "b" {\n  a = {\n    k = 1\n   }\n}\n',
            A(("a",), "key", 2),
            'resource "a" "b" {\n  a = {\n    k = 1\n    key = 2\n   }\n}\n',
        ),
        (
            'resource "a" "b" {\n  a = {\n    k = 1,\n    l = 2,\n   }\n}\n',
            A(("a",), "m", {"n": 1}),
            'resource "a" "b" {\n  a = {\n    k = 1,\n    l = 2,\n    m = {\n      n = 1\n    },\n   }\n}\n',
        ),
        (
            'resource "a" "b" {\n  a = {\n    k = 1,\n    l = 2\n   }\n}\n',
            A(("a",), "m", 3),
            'resource "a" "b" {\n  a = {\n    k = 1,\n    l = 2,\n    m = 3\n   }\n}\n',
        ),
        (
            'resource "a" "b" {\n  a = { k = 1 }\n}\n',
            A(("a",), "l", "x"),
            'resource "a" "b" {\n  a = { k = 1, l = "x" }\n}\n',
        ),
        (
            'resource "a" "b" {\n  a = { "k" = 1 }\n}\n',
            A(("a",), "l", "x"),
            'resource "a" "b" {\n  a = { "k" = 1, "l" = "x" }\n}\n',
        ),
        ('resource "a" "b" {\n  a = { k = 1, l = 2 }\n}\n', R(("a", "k")), 'resource "a" "b" {\n  a = { l = 2 }\n}\n'),
        ('resource "a" "b" {\n  a = { k = 1, l = 2 }\n}\n', R(("a", "l")), 'resource "a" "b" {\n  a = { k = 1 }\n}\n'),
        ('resource "a" "b" {\n  a = { k = 1 }\n}\n', R(("a", "k")), 'resource "a" "b" {\n  a = {  }\n}\n'),
        (
            'resource "a" "b" {\n  a = {\n    k = 1\n    l = 2 # two\n   }\n}\n',
            R(("a", "l")),
            'resource "a" "b" {\n  a = {\n    k = 1\n   }\n}\n',
        ),
        ('resource "a" "b" {\n  a = {}\n}\n', A(("a",), "k", 1), 'resource "a" "b" {\n  a = {\n    k = 1\n  }\n}\n'),
        ('resource "a" "b" {\n  a = []\n}\n', A(("a",), None, 1), 'resource "a" "b" {\n  a = [1]\n}\n'),
        (
            'resource "a" "b" {\n  a = [1, 2]\n}\n',
            A(("a",), None, {"k": 1}),
            'resource "a" "b" {\n  a = [1, 2, { k = 1 }]\n}\n',
        ),
        (
            'resource "a" "b" {\n  a = [\n    1,\n    2,\n   ]\n}\n',
            A(("a",), None, 3),
            'resource "a" "b" {\n  a = [\n    1,\n    2,\n    3,\n   ]\n}\n',
        ),
        (
            'resource "a" "b" {\n  a = [\n    1,\n    2\n   ]\n}\n',
            A(("a",), None, 3),
            'resource "a" "b" {\n  a = [\n    1,\n    2,\n    3\n   ]\n}\n',
        ),
        (
            'resource "a" "b" {\n  a = [\n    1, # one\n    2, # two\n   ]\n}\n',
            A(("a",), None, 3),
            'resource "a" "b" {\n  a = [\n    1, # one\n    2, # two\n    3,\n   ]\n}\n',
        ),
        ('resource "a" "b" {\n  a = [1, 2, 3]\n}\n', R(("a", 0)), 'resource "a" "b" {\n  a = [2, 3]\n}\n'),
        ('resource "a" "b" {\n  a = [1, 2, 3]\n}\n', R(("a", 2)), 'resource "a" "b" {\n  a = [1, 2]\n}\n'),
        ('resource "a" "b" {\n  a = [1]\n}\n', R(("a", 0)), 'resource "a" "b" {\n  a = []\n}\n'),
        (
            'resource "a" "b" {\n  a = [\n    1,\n    2,\n   ]\n}\n',
            R(("a", 0)),
            'resource "a" "b" {\n  a = [\n    2,\n   ]\n}\n',
        ),
        (
            'resource "a" "b" {\n  a = [\n    1,\n    2,\n   ]\n}\n',
            R(("a", 1)),
            'resource "a" "b" {\n  a = [\n    1,\n   ]\n}\n',
        ),
        (
            'resource "a" "b" {\n  a = 1\n   b = 2 # two\n   c = 3\n}\n',
            R(("b",)),
            'resource "a" "b" {\n  a = 1\n   c = 3\n}\n',
        ),
        (
            'resource "a" "b" {\n  a = <<EOT\nold\nEOT\n}\n',
            S(("a",), "new\n${x}\n"),
            'resource "a" "b" {\n  a = <<EOT\nnew\n$${x}\nEOT\n}\n',
        ),
        (
            'resource "a" "b" {\n  a = <<-EOT\n    old\n      in\n    EOT\n}\n',
            S(("a",), "new\n  in\n"),
            'resource "a" "b" {\n  a = <<-EOT\n    new\n      in\n    EOT\n}\n',
        ),
        (
            'resource "a" "b" {\n  a = <<-EOT\n    old\n    EOT\n}\n',
            S(("a",), "  new\n"),
            'resource "a" "b" {\n  a = "  new\\n"\n}\n',
        ),
        (
            'resource "a" "b" {\n  a = <<EOT\nold\nEOT\n}\n',
            S(("a",), "no end"),
            'resource "a" "b" {\n  a = "no end"\n}\n',
        ),
        (
            'resource "a" "b" {\n  a = <<EOT\nold\nEOT\n}\n',
            S(("a",), "x\nEOT\n"),
            'resource "a" "b" {\n  a = "x\\nEOT\\n"\n}\n',
        ),
        (
            'resource "a" "b" {\n  b {\n    c = 1\n   }\n   b {\n    c = 2\n   }\n}\n',
            R(("b", 1)),
            'resource "a" "b" {\n  b {\n    c = 1\n   }\n}\n',
        ),
        (
            'resource "a" "b" {\n  b {\n    c = 1\n   }\n}\n',
            S(("b", 0, "c"), 2),
            'resource "a" "b" {\n  b {\n    c = 2\n   }\n}\n',
        ),
    ],
)
def test_terraform_is_written_as_its_author_writes(before: str, edit: Edit, after: str) -> None:
    """Aligned equals signs, commas or none, blocks opened, heredocs kept where the text lets them."""
    (resource,) = read_terraform({"f.tf": before.encode()}).resources
    assert adopt(resource, [edit], {"f.tf": before.encode()}).files["f.tf"].decode() == after


def test_what_terraform_computes_is_refused() -> None:
    """With file, line and name."""
    data = b'resource "a" "b" {\n  a = var.x\n}\n'
    (resource,) = read_terraform({"f.tf": data}).resources
    with pytest.raises(Refused, match=r"f\.tf:1: a is computed by Terraform: change the expression by hand"):
        adopt(resource, [S(("a",), 1)], {"f.tf": data})
