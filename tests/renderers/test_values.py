"""Values of Helm, put together."""

from __future__ import annotations

from bot.model.json import JSON
from bot.renderers import values


def test_mappings_merge_and_everything_else_replaces() -> None:
    """Later values lie over earlier ones entry by entry; a list is one value, and a null stays for Helm to see."""
    below: dict[str, JSON] = {"a": {"x": 1, "y": 2}, "l": [1, 2], "k": 1}
    above: dict[str, JSON] = {"a": {"y": 3, "z": None}, "l": [9], "k": {"m": 1}}
    assert values.merged(below, above) == {"a": {"x": 1, "y": 3, "z": None}, "l": [9], "k": {"m": 1}}
