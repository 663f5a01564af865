"""What ``each.value`` and the iterator of a dynamic block come to, as far as the collection that they walk is written.

Sources: Terraform language, "The for_each Meta-Argument" and "dynamic Blocks" (``iterator``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from bot.guardrails.hcl import HclAttribute
from bot.guardrails.hcl_values import HclValue, expression_value, scalars
from bot.model.patterns import regex

_REFERENCE: Final = regex(
    r"(?<![\w.])([A-Za-z_][\w-]{0,60})\.(value|key)((?:\.[A-Za-z_][\w-]{0,60}|\[\"[\w-]{1,60}\"\]){0,4})"
)
_PART: Final = regex(r"[\w-]+")
_QUOTED: Final = regex(r"\"([^\"\\\n]*+)\"")
_MOST: Final = 1_000_000
"""Characters of collections, as often as each is read or gone through, that are followed in one module. Beyond, all that
stands in the loop's own collection counts.
"""


class Loops:
    """The collections of one module, each read once."""

    def __init__(self) -> None:
        self._values: dict[str, HclValue] = {}
        self._texts: dict[tuple[str, str], tuple[str, ...]] = {}
        self._quoted: dict[str, tuple[str, ...]] = {}
        self._spent = 0

    def texts(self, attribute: HclAttribute, filled: Callable[[str], str]) -> Iterator[str]:
        """The texts that an attribute may come to by the loops around it. ``filled`` puts locals and variables into one."""
        loops = {loop.name: loop for loop in attribute.loops}
        for match in _REFERENCE.finditer(attribute.text) if loops else ():
            loop = loops.get(match[1])
            if loop is not None and self._spent < _MOST:
                yield from self._of(filled(loop.collection), match[2], match[3])
            elif loop is not None:
                yield from self._anything_in(loop.collection)

    def _anything_in(self, collection: str) -> tuple[str, ...]:
        if collection not in self._quoted:
            self._quoted[collection] = tuple(_QUOTED.findall(collection))
        return self._quoted[collection]

    def _of(self, collection: str, part: str, subpath: str) -> tuple[str, ...]:
        key = collection, part + subpath
        if key not in self._texts:
            self._spent += len(collection)
            if collection not in self._values:
                self._values[collection] = expression_value(collection)
            values = _elements(self._values[collection], part)
            for name in _PART.findall(subpath):
                values = [
                    value[name.lower()] for value in values if isinstance(value, Mapping) and name.lower() in value
                ]
            self._texts[key] = tuple(text for value in values for text in scalars(value) if isinstance(text, str))
        return self._texts[key]


def _elements(value: HclValue, part: str) -> list[HclValue]:
    """What a loop goes through: of a map its values or keys, of a list its elements, also of lists within it."""
    if isinstance(value, Mapping):
        return [*value] if part == "key" else [*value.values()]
    if isinstance(value, str) or value is None or not isinstance(value, list):
        return [value] if isinstance(value, str) else []
    return [element for child in value for element in (_elements(child, part) if isinstance(child, list) else [child])]
