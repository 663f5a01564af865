"""The HCL reader beside tree-sitter's grammar of HCL: the same blocks, labels, attributes and expressions, in order."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import pytest
import tree_sitter
import tree_sitter_hcl

from bot.guardrails.hcl import HclBlock, parse_blocks
from bot.intake.cw import parse
from tests.corpus import cases
from tests.table import table

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_hcl.language()))
OWN = sorted(
    path for path in (Path(__file__).parents[1] / "golden").rglob("*") if path.suffix in {".tf", ".cw", ".cwvars"}
)

Shape: TypeAlias = tuple[str, tuple[str, ...], int, list[tuple[str, str, int]], list["Shape"]]
"""Type, labels, line, attributes (name, text, line) and blocks."""


def _ours(block: HclBlock) -> Shape:
    attributes = [(attribute.name, attribute.text, attribute.line) for attribute in block.attributes]
    return block.type, block.labels, block.line, attributes, [_ours(inner) for inner in block.blocks]


def _theirs(node: tree_sitter.Node) -> list[Shape]:
    """The blocks of a ``config_file`` or ``body`` node."""
    bodies = [child for child in node.children if child.type == "body"] if node.type != "body" else [node]
    return [_their_block(child) for body in bodies for child in body.children if child.type == "block"]


def _their_block(node: tree_sitter.Node) -> Shape:
    words = [_text(child).strip('"') for child in node.children if child.type in {"identifier", "string_lit"}]
    bodies = [child for child in node.children if child.type == "body"]
    attributes = [
        (_text(child.children[0]), " ".join(_text(child.children[-1]).split()), child.start_point[0] + 1)
        for body in bodies
        for child in body.children
        if child.type == "attribute"
    ]
    return words[0], tuple(words[1:]), node.start_point[0] + 1, attributes, _theirs(node)


def _text(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode()


def _check(data: bytes) -> None:
    """Free of mistakes in both readers, and the same to both."""
    root = PARSER.parse(data).root_node
    assert not root.has_error
    assert not parse("f.tf", data).errors
    assert [_ours(block) for block in parse_blocks(data.decode())] == _theirs(root)


@table("path", OWN, ids=lambda path: f"{path.parents[2].name}-{path.name}")
def test_own_files_read_as_an_independent_grammar_reads_them(path: Path) -> None:
    """The trees of the golden cases, before and after."""
    _check(path.read_bytes())


@pytest.mark.parametrize(
    "body",
    [
        "a = provider::aws::arn_parse(x)",
        'a = {\n (x) = 1\n "b.c" : 2\n 80 = 3,\n d = 4\n}',
        "a = [\n <<EOT\nx\nEOT\n, 2]",
        "a = f(<<EOT\nx\nEOT\n)",
        'a = "$${x}$$${y}%%{z}"',
        'a = "%{ if x ~}y%{~ else }z%{ endif }"',
        'a = "${\n x\n}"',
        "a = x.0.y.*.z",
        "a = x[*].y[0]",
        "a = 1 /* x */ # y",
        "a = [for k, v in x : k if v]",
        "a = {for k, v in x : k => v... if v}",
        "a = f(x...)",
        "a = (x ?\n y :\n z)",
        "a = <<-E\n  ${x}\n  E",
        "a = -1\n  b = !x && y >= 2",
        'a = x["y"].z["${w}"]',
        "a = <<E\n}\nE\n  b = 1",
        'dynamic "x" {\n for_each = y\n content {\n  z = x.value\n }\n }',
        "é-ü = 1",
        "a = [ # x\n 1, /* } */\n]\n// }\n",
        "inner x y {}",
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_syntax_reads_as_an_independent_grammar_reads_it(body: str, newline: str) -> None:
    """Each construct in a block, with both line ends."""
    text = f'resource "a" "b" {{\n  {body}\n}}\nnext {{\n}}\n'
    _check(text.replace("\n", newline).encode())


@pytest.mark.parametrize("path", cases("hcl", "*.tf"))
def test_real_files_read_as_an_independent_grammar_reads_them(path: Path) -> None:
    """The whole corpus, block by block and attribute by attribute."""
    _check(path.read_bytes())
