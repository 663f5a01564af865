"""Origins of rendered trees that lead into ``.cw`` files. Made by :mod:`bot.forge`, followed by :mod:`bot.edits.cw`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.assembly.values import Value
from bot.model.json import Pointer
from bot.model.resource import Origin


@dataclass(frozen=True, slots=True)
class TracedOrigins:
    """Where the values of one rendered tree are written.

    ``tree`` is that tree as rendered. ``containers`` are places where entries may be added: pointer in the rendered tree
    to (pointer in the resource's body, ``map`` or ``pairs``: Kubernetes' lists of name and value).
    """

    tree: Value
    resource: tuple[str, str, str]
    """Stack, kind and name of the resource in the configuration."""
    containers: Mapping[Pointer, tuple[Pointer, str]]

    def at(self, pointer: Pointer) -> Origin | None:
        value = self.value(pointer)
        return None if value is None else value.trace.origin

    def value(self, pointer: Pointer) -> Value | None:
        """The rendered value at ``pointer``, before overlays."""
        return self.tree.child(pointer)
