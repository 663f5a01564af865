"""Patterns that are compiled later are the patterns that they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import bot
from bot.model.patterns import UncompiledPattern, regex
from tests.table import table

ROOT = Path(bot.__file__).parent
MODULES = [
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
    for path in sorted(ROOT.rglob("*.py"))
    if "import regex" in path.read_text("utf-8")
]


def patterns(module: ModuleType) -> Iterator[tuple[str, UncompiledPattern[str]]]:
    """The patterns that a module has by name."""
    yield from ((name, value) for name, value in vars(module).items() if isinstance(value, UncompiledPattern))


def test_it_answers_as_a_compiled_one() -> None:
    """Methods and attributes are those of the pattern, the first time and later."""
    word = regex(r"(?P<first>[a-z])[a-z]*", re.IGNORECASE)
    for _ in range(2):
        assert word.sub("-", "One two") == "- -"
        assert [match["first"] for match in word.finditer("One two")] == ["O", "t"]
        assert word.groupindex == {"first": 1}


@table("module", MODULES)
def test_every_pattern_compiles(module: str) -> None:
    """A mistake in one shows here and not where it is first used."""
    for name, value in patterns(import_module(module)):
        assert value.pattern, name
