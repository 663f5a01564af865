"""Where a YAML document ends, and what its blank lines belong to."""

from __future__ import annotations

from bot.edits.document import keeps_blank_lines
from bot.intake.spans import MappingNode
from bot.intake.text import Text
from bot.intake.yamlspans import span_trees
from tests.table import table


@table(
    ("text", "keeps"),
    [
        ("a: |+\n  x\n", True),
        ("a: >2+\n  x\n", True),
        ("a: |+1\n x\n", True),
        ("a:\n- b: |+\n    x\n", True),
        ("a: |\n  +x\n", False),
        ("a: |-\n  +x\n", False),
        ("a: | # c++\n  x\n", False),
        ("a: x+\n", False),
        ("a: '|+'\n", False),
        ("a: |+\n  x\nb: 1\n", False),
    ],
)
def test_a_block_keeps_the_blank_lines_behind_it_where_its_header_says_so(text: str, keeps: bool) -> None:
    """At the end of a document, however deep; a plus anywhere else says nothing."""
    (root,) = span_trees(Text.of("f.yaml", text.encode()))
    assert root is not None
    assert keeps_blank_lines(text, root) is keeps


def test_a_key_behind_an_empty_block_is_no_header() -> None:
    """Even one that begins with a plus."""
    text = "a: |\n+b: 1\n"
    (root,) = span_trees(Text.of("f.yaml", text.encode()))
    assert isinstance(root, MappingNode)
    assert not keeps_blank_lines(text, root.items[0][1])
