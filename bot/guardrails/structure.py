"""YAML and JSON files of a change as trees that know their lines; :mod:`bot.intake.lined` reads them.

Structural detectors compare these trees before and after a change.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final, TypeAlias

from bot.model.dataclass import dataclass
from bot.model.json import read_json
from bot.model.patterns import regex

if TYPE_CHECKING:
    from bot.intake.lined_node import LinedNode


_TEMPLATE: Final = regex(r"\{\{-?[^{}\n]{0,300}\}\}|\{%-?[^{}\n]{0,300}%\}")
MAX_DEPTH: Final = 90
"""Brackets within each other up to which texts are parsed."""
_SHAPES: Final = bytes.maketrans(b"[{]}", b"(())")
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"()[]{}")
_OPENS: Final = ord("(")


@dataclass(frozen=True, slots=True)
class Unparsed:
    """The text is not a document. ``hostile`` when it was given up for its size or depth instead of a mistake."""

    message: str
    line: int
    hostile: bool = False
    long: bool = False
    """Whether all that is wrong is how many nodes there are."""


Documents: TypeAlias = "tuple[LinedNode, ...] | Unparsed"


def parsed(documents: Documents) -> tuple[LinedNode, ...]:
    """The documents; none where the text is none."""
    return () if isinstance(documents, Unparsed) else documents


def is_long(documents: Documents) -> bool:
    """Whether there are only too many nodes. A file that was so at base is a large manifest; one that a change makes so may
    have been filled up for what it hides.
    """
    return isinstance(documents, Unparsed) and documents.long


def is_template(text: str) -> bool:
    """Whether the text is a template of YAML rather than YAML (Helm, Jinja, Go templates)."""
    return _TEMPLATE.search(text) is not None and not _only_actions(text)


def _only_actions(text: str) -> bool:
    """GitHub's ``${{ }}`` is plain text inside YAML scalars."""
    return all(text[max(match.start() - 1, 0) : match.start()] == "$" for match in _TEMPLATE.finditer(text))


def is_small(text: str) -> bool:
    """Whether it is JSON that is surely within the limits, which is known without building its tree."""
    if not text.lstrip().startswith(("{", "[")) or "<<" in text:
        return False
    from bot.intake.lined import FOREIGN

    if deepest(text) > FOREIGN.deepest:
        return False
    return 2 * sum(map(text.count, "[{,")) < FOREIGN.most and read_json(text) is not None


def parse_documents(text: str, *, strict: bool = False) -> Documents:
    """Every document of a YAML (or JSON) text. Never raises, never slow: linear in the text up to the limits."""
    from bot.intake.lined import documents
    from bot.intake.text import Text
    from bot.intake.yamltree import Broken

    try:
        return documents(Text("", text), strict=strict)
    except Broken as exc:
        return Unparsed(exc.problem or exc.error.message, exc.error.line, exc.hostile, exc.long)


LARGE: Final = 200_000
"""Characters from which on documents that are the same before and after are not parsed."""
_DOCUMENT: Final = regex(r"^(?=---(?:\s|$))", re.MULTILINE)
"""Where one begins (YAML 1.2, 9.1.2): nothing within a document may stand there."""


def differing_documents(before: str, after: str) -> tuple[str, str]:
    """Both texts; where they are large, with empty lines in place of the documents that both have."""
    if not before or not after or max(len(before), len(after)) < LARGE:
        return before, after
    old, new = _DOCUMENT.split(before), _DOCUMENT.split(after)
    common = Counter(old) & Counter(new)
    return _without(old, Counter(common)), _without(new, common)


def _without(documents: list[str], common: Counter[str]) -> str:
    kept_parts: list[str] = []
    for document in documents:
        if common[document] > 0:
            common[document] -= 1
            kept_parts.append("\n" * document.count("\n"))
        else:
            kept_parts.append(document)
    return "".join(kept_parts)


def deepest(text: str) -> int:
    """An upper bound of bracket nesting, so that the parser's own recursion is never put to the test."""
    if (bracket_count := sum(map(text.count, "([{"))) <= MAX_DEPTH:
        return bracket_count
    brackets = text.encode("utf-8", "surrogatepass").translate(_SHAPES, _NO_BRACKETS)
    brackets_left = brackets
    for level in range(MAX_DEPTH + 1):
        inner = brackets_left.replace(b"()", b"")  # what nests innermost goes
        if len(inner) == len(brackets_left):
            return level if b"(" not in brackets_left else _counted(brackets)
        brackets_left = inner
    return MAX_DEPTH + 1


def _counted(brackets: bytes) -> int:
    deepest = depth = 0
    for bracket in brackets:
        depth = depth + 1 if bracket == _OPENS else max(depth - 1, 0)
        deepest = max(deepest, depth)
    return deepest
