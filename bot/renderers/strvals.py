"""Lines of Helm's ``--set``: ``a.b[0]=value``, put into values where they are.

Source: ``pkg/strvals/parser.go`` of helm/helm. Argo CD's parameters and Flux's ``targetPath`` are such lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from bot.errors import Invalid
from bot.model.json import JSON

_INTEGER: Final = re.compile(r"0|[-+]?[1-9]\d{0,18}", re.ASCII)
_DEEPEST: Final = 30
_LARGEST_INDEX: Final = 65_536

Reads: TypeAlias = Callable[[str], JSON]
"""What a text behind ``=`` stands for."""


def typed(text: str) -> JSON:
    """What ``--set`` makes of a text: a whole number, a boolean, null, or the text itself (``typedVal``: no fractions, and
    nothing that begins with a zero).
    """
    literals: dict[str, JSON] = {"true": True, "false": False, "null": None}
    if text.lower() in literals:
        return literals[text.lower()]
    return int(text) if _INTEGER.fullmatch(text) and abs(int(text)) < 2**63 else text


def set_in(values: dict[str, JSON], line: str, read: Reads = typed) -> None:
    """Set what ``line`` says in ``values``, in place, as ``--set`` does; ``read`` makes a value of its text.

    Lists are ``{a,b}``; commas separate assignments, and a backslash takes the meaning from what follows it. Raises
    ``Invalid`` where Helm would not take the line.
    """
    _Line(line, read).run(values)


def escaped(value: str) -> str:
    """A value that ``--set`` takes as one, whatever is in it."""
    return re.sub(r"([\\,\[\]{}])", r"\\\1", value)


def editable(value: JSON) -> JSON:
    """A copy of mappings and lists that may be changed in place."""
    if isinstance(value, Mapping):
        return {key: editable(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [editable(element) for element in value]
    return value


@dataclass(slots=True)
class _Line:
    text: str
    read: Reads
    at: int = field(default=0, init=False)

    def run(self, values: dict[str, JSON]) -> None:
        while self.at < len(self.text):
            self._key(values, 0)

    def _until(self, stop: str) -> tuple[str, str]:
        """The text before one of ``stop``, and which one it was: empty at the end of the line."""
        characters: list[str] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            self.at += 1
            if char in stop:
                return "".join(characters), char
            if char == "\\":
                char = self.text[self.at : self.at + 1]
                self.at += 1
            characters.append(char)
        return "".join(characters), ""

    def _key(self, into: dict[str, JSON], depth: int) -> None:
        key, last = self._until("=[,.")
        match last:
            case "=":
                self._set(into, key, self._value())
            case "[":
                existing = into.get(key, [])
                if not isinstance(existing, list):
                    raise self._wrong(f"{key} is no list")
                self._set(into, key, self._element(existing, depth))
            case ".":
                if depth >= _DEEPEST:
                    raise self._wrong(f"it is nested more than {_DEEPEST} deep")
                inner = into.get(key, {})
                if not isinstance(inner, dict):
                    raise self._wrong(f"{key} is no mapping")
                self._key(inner, depth + 1)
                if not inner:
                    raise self._wrong(f"{key} gets no value")
                self._set(into, key, inner)
            case _:
                raise self._wrong(f"{key or 'it'} has no value")

    @staticmethod
    def _set(into: dict[str, JSON], key: str, value: JSON) -> None:
        if key:
            into[key] = value

    def _element(self, elements: list[JSON], depth: int) -> list[JSON]:
        """``elements`` with what is said of one element, whose index comes next."""
        number_text, _ = self._until("]")
        if not re.fullmatch(r"\d{1,5}", number_text, re.ASCII) or int(number_text) > _LARGEST_INDEX:
            raise self._wrong(f"{number_text!r} is no index")
        index = int(number_text)
        key_text, last = self._until("[.=")
        if key_text or not last:
            raise self._wrong(f"{key_text or 'nothing'} stands behind an index")
        existing = elements[index] if index < len(elements) else None
        value: JSON
        if last == "=":
            value = self._value()
        elif last == "[":
            if not isinstance(existing, (list, type(None))):
                raise self._wrong(f"element {index} is no list")
            value = self._element(existing or [], depth)
        else:
            value = existing if isinstance(existing, dict) else {}
            self._key(value, depth)
        if index >= len(elements):
            elements = [*elements, *[None] * (index + 1 - len(elements))]
        elements[index] = value
        return elements

    def _value(self) -> JSON:
        if not self.text.startswith("{", self.at):
            return self.read(self._until(",")[0]) if self.at < len(self.text) else ""
        self.at += 1
        elements: list[JSON] = []
        while True:
            element, last = self._until(",}")
            if not last:
                raise self._wrong("a list must end in }")
            elements.append(self.read(element))
            if last == "}":
                self.at += self.text.startswith(",", self.at)
                return elements

    def _wrong(self, reason: str) -> Invalid:
        return Invalid(f"{self.text[:80]!r} sets no Helm value: {reason}")
