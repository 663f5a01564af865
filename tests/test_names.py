"""Names that people meet in more than one room mean one thing."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "bot"


def test_no_public_class_name_stands_for_two_things() -> None:
    """Whoever reads it in one room knows what it is in another."""
    homes: dict[str, list[str]] = defaultdict(list)
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(str(file.relative_to(PACKAGE)))
    assert len(homes) > 1000
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}


def test_no_pattern_has_a_possessive_group() -> None:
    """Before 3.11.5 Python takes too much with one (cpython issues 100061 and 106052); groups are atomic instead."""
    possessive = re.compile(r"(?<!\\)\)(?:[*+?]|\{\{?\d*,?\d*\}\}?)\+")
    told = [
        f"{file.relative_to(PACKAGE)}:{node.lineno}"
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and possessive.search(node.value)
    ]
    assert told == []
