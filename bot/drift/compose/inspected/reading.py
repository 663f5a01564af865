"""What is read of one Compose key, and the readers that many keys share. Used by the other readers beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

from bot.drift.compose.inspected.container import Container, Defaults
from bot.model.json import JSON, integer, text, texts

Reading: TypeAlias = tuple[JSON, JSON]
"""The canonical value of a key as it is live (None: absent), and the one that would be there had nobody asked."""

Reader: TypeAlias = Callable[[Container], Reading]


def asked_for(value: JSON) -> Reading:
    """Nothing stands behind it: whatever is there was asked for; empty counts as absent."""
    return (value or None, None)


def text_of(part: Literal["host", "config"], key: str, *defaults: str) -> Reader:
    """A reader of a text, which nobody need have asked for where it is one of ``defaults``."""

    def read(container: Container) -> Reading:
        value = text((container.host if part == "host" else container.config).get(key))
        return (value or None, value if value in defaults else None)

    return read


def flag(part: Literal["host", "config"], key: str) -> Reader:
    """A reader of a switch that is off unless somebody asked."""

    def read(container: Container) -> Reading:
        return ((container.host if part == "host" else container.config).get(key) is True, False)

    return read


def size(key: str, ground: Callable[[Defaults], int] = lambda _: 0) -> Reader:
    """A reader of a size or number, of which 0 and less are none; ``ground`` is what the engine gives."""

    def read(container: Container) -> Reading:
        value = integer(container.host.get(key))
        return (value if value > 0 else None, ground(container.defaults))

    return read


def texts_of(key: str) -> Reader:
    """A reader of a list of texts."""

    def read(container: Container) -> Reading:
        return asked_for(list(texts(container.host.get(key))))

    return read
