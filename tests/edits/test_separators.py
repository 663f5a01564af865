"""Characters that YAML takes for line ends are written as escapes."""

from __future__ import annotations

import pytest

from bot.edits.plain import edited
from bot.intake.scalars import Dialect
from bot.intake.text import Text
from bot.intake.yamltree import load
from bot.model.drift import SetValue


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085", "\t", "\r"])
@pytest.mark.parametrize("before", ["key: text\n", "key:\n- null\n", "key: |\n  text\n", "{key: text}\n"])
def test_a_text_with_a_separator_reads_back(before: str, separator: str) -> None:
    """YAML 1.2.2, 5.4 and 6.5: a line end inside of a plain scalar is folded, so such text is quoted and escaped."""
    text = f"0{separator}0"
    after = edited("f.yaml", before.encode(), [SetValue(("key",), text)], document=0, dialect=Dialect.KUBERNETES)
    (document,) = load(Text.of("f.yaml", after), Dialect.KUBERNETES)
    assert document is not None
    assert document.value == {"key": text}


def test_a_version_of_three_numbers_needs_no_quotes() -> None:
    """``1.4.3`` is text for every reader of YAML 1.1 and 1.2; ``1.4`` is a number for some."""

    def tagged(version: str) -> bytes:
        return edited("f.yaml", b"tag: 1.0.0\n", [SetValue(("tag",), version)], document=0, dialect=Dialect.KUBERNETES)

    assert tagged("1.4.3") == b"tag: 1.4.3\n"
    assert tagged("1.4") == b'tag: "1.4"\n'
