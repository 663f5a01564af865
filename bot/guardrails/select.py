"""The small path language of structural guardrails: ``spec.containers[*].securityContext.privileged``.

A word is a mapping key, ``["a.b/c"]`` a key with any characters, ``*`` every value of a mapping, ``[*]`` every element
of a list, ``**`` any depth.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from bot.errors import Invalid
from bot.intake.lined_node import LinedNode
from bot.model.dataclass import dataclass
from bot.model.patterns import regex

_TOKEN: Final = regex(r'\.?(?P<word>\*\*|\*|[A-Za-z0-9_$/-]+)|(?P<all>\[\*\])|\[(?P<key>"(?:[^"\\]|\\.){1,200}")\]')
_BUDGET: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class SelectedNode:
    """A value that was selected; ``path`` names it stably: list elements by their ``name`` where they have one."""

    path: tuple[str, ...]
    node: LinedNode


def segments(select: str) -> list[str]:
    """The words of a path, ``[]`` for all elements of a list. Raises ``Invalid`` when it makes no sense."""
    segments: list[str] = []
    at = 0
    while at < len(select):
        token = _TOKEN.match(select, at)
        if token is None or len(segments) >= 40:
            raise Invalid(f"select {select!r} stops making sense at column {at + 1}")
        segments.append("[]" if token["all"] else str(json.loads(token["key"])) if token["key"] else token["word"])
        at = token.end()
    if not segments or segments.count("**") > 2:
        raise Invalid(f"select {select!r} is empty or has more than two '**'")
    return segments


def select(root: LinedNode, path: str) -> Iterator[SelectedNode]:
    """Every value of the tree at ``path``; bounded, so that shared nodes cannot multiply without end."""
    pattern = segments(path)
    stack: list[tuple[tuple[str, ...], LinedNode, int]] = [((), root, 0)]
    for _ in range(_BUDGET):
        if not stack:
            return
        keys, node, at = stack.pop()
        if at == len(pattern):
            yield SelectedNode(keys, node)
            continue
        stack.extend(_next(keys, node, at, pattern[at]))


def _next(
    keys: tuple[str, ...], node: LinedNode, at: int, segment: str
) -> Iterator[tuple[tuple[str, ...], LinedNode, int]]:
    if segment == "**":
        yield keys, node, at + 1
        if len(keys) < 40:
            yield from ((path, child, at) for path, child in _children(keys, node))
    elif segment in {"*", "[]"}:
        yield from ((path, child, at + 1) for path, child in _children(keys, node))
    else:
        child = node.get(segment)
        if child is not None:
            yield (*keys, segment), child, at + 1


def _children(path: tuple[str, ...], node: LinedNode) -> Iterator[tuple[tuple[str, ...], LinedNode]]:
    for key, child in node.items():
        yield (*path, key), child
    for number, child in enumerate(node.elements()):
        name = child.get("name")
        yield (*path, f"[{number if name is None else name.raw}]"), child
