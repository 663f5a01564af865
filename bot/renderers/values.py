"""Helm values put together as Helm does it: files and settings over one another, a chart's own below all.

Source: Helm docs, "Values Files"; a null takes a key of the chart away.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.errors import Invalid
from bot.intake.scalars import Dialect
from bot.intake.text import NotText, Text
from bot.intake.yamltree import Broken, load
from bot.model.json import JSON, Tree


def merged(below: Tree, above: Tree) -> dict[str, JSON]:
    """``above`` laid over ``below``: mappings entry by entry, everything else as a whole."""
    result = dict(below)
    for key, value in above.items():
        existing = result.get(key)
        result[key] = merged(existing, value) if isinstance(existing, Mapping) and isinstance(value, Mapping) else value
    return result


def read(name: str, data: bytes | str) -> Tree:
    """The mapping in a values file; empty for an empty one. Raises ``Invalid`` with file and line."""
    try:
        text = Text.of(name, data) if isinstance(data, bytes) else Text(name, data)
        documents = load(text, Dialect.KUBERNETES)
    except NotText as exc:
        raise Invalid(f"{name}: {exc}") from exc
    except Broken as exc:
        raise Invalid(f"{name}:{exc.error.line}: {exc.error.message}") from exc
    value = documents[0].value if documents and documents[0] is not None else {}
    if not isinstance(value, Mapping):
        raise Invalid(f"{name}:1: values are a mapping")
    return value
