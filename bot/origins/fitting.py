"""What a written value must become so that a rendered one becomes another: the leaf is the value, a part of it, or
holds it. Only text is compared; whether the leaf has any say is for a rendering to tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.drift.values import decoded
from bot.model.json import JSON

_QUOTED: Final = 3
"""Characters of a text in quotes that says anything."""
_SHORTEST: Final = 2
"""Characters that a text must share with another before it counts as a part of it."""

CONTAINS: Final = 3
"""The distance of a leaf that only holds the value, or is a number in it."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The new value of a leaf. ``distance`` is how far-fetched it is: 0 for the very value of the same type."""

    value: JSON
    distance: int


def fit(leaf: JSON, old: JSON, new: JSON) -> Fit | None:
    """What ``leaf`` must say so that the rendered ``old`` becomes ``new``; None where no text says that it could."""
    if old is None or any(isinstance(value, (Mapping, list, tuple)) for value in (leaf, old, new)) or leaf is None:
        return None
    if type(leaf) is type(old) and leaf == old:
        return Fit(new, 0)
    leaf_text, old_text, new_text = text_of(leaf), text_of(old), text_of(new)
    if leaf_text == old_text:
        return Fit(_typed(new_text, leaf), 1)
    if not isinstance(leaf, str):
        middle = part(leaf_text, old_text, new_text)
        return None if middle is None else Fit(_typed(middle, leaf), CONTAINS)
    if leaf and (middle := part(leaf, old_text, new_text)) is not None:
        return Fit(middle, 2)
    if len(old_text) >= _SHORTEST and leaf.count(old_text) == 1:
        return Fit(leaf.replace(old_text, new_text), CONTAINS)
    return _quoted(leaf, old, new) or _encoded(leaf, old_text, new_text)


def _quoted(leaf: str, old: JSON, new: JSON) -> Fit | None:
    """As :func:`fit`, for a text in quotes of its own, which whoever reads it takes off (``"'1.10'"`` for a ``targetPath`` of
    helm-controller's values references).
    """
    if len(leaf) < _QUOTED or leaf[0] != leaf[-1] or leaf[0] not in "'\"":
        return None
    inner = fit(leaf[1:-1], old, new)
    return None if inner is None else Fit(f"{leaf[0]}{text_of(inner.value)}{leaf[0]}", max(inner.distance, 2))


def _encoded(leaf: str, old: str, new: str) -> Fit | None:
    """As :func:`fit`, for a rendered value that is base64 of what the leaf says (the data of a Secret)."""
    plain_old, plain_new = decoded(old), decoded(new)
    if not plain_old or plain_new is None or plain_old == old:
        return None
    plain = fit(leaf, plain_old, plain_new)
    return None if plain is None else Fit(plain.value, max(plain.distance, 2))


def text_of(value: JSON) -> str:
    """A scalar as templates print it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _typed(text: str, example: JSON) -> JSON:
    """``text`` as a value of the type of ``example`` where it is one, else as text."""
    if isinstance(example, bool):
        return {"true": True, "false": False}.get(text, text)
    if isinstance(example, int) and text.lstrip("-").isdecimal() and str(int(text)) == text:
        return int(text)
    return text


def part(leaf: str, old: str, new: str) -> str | None:
    """What ``leaf`` must become where it is one part of the rendered text ``old``, which changes in that part alone."""
    start = old.find(leaf)
    while start >= 0:
        before, after = old[:start], old[start + len(leaf) :]
        if new.startswith(before) and new.endswith(after) and len(new) > len(before) + len(after):
            middle = new[len(before) : len(new) - len(after)]
            if middle != leaf:
                return middle
        start = old.find(leaf, start + 1)
    return None


@dataclass(frozen=True, slots=True)
class ImageReference:
    """An image reference in its parts (distribution/reference, "Grammar"): ``name[:tag][@digest]``."""

    name: str
    tag: str = ""
    digest: str = ""

    @staticmethod
    def of(reference: str) -> ImageReference:
        """The parts of ``reference``. A colon before the last slash belongs to the registry's port."""
        without_digest, _, digest = reference.partition("@")
        folder, slash, last = without_digest.rpartition("/")
        name, _, tag = last.partition(":")
        return ImageReference(folder + slash + name, tag, digest)
