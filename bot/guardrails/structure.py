"""YAML and JSON files of a change as trees that know their lines; :mod:`bot.intake.lined` reads them.

Structural detectors compare these trees before and after a change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from bot.intake.lined import LinedNode, documents
from bot.intake.text import Text
from bot.intake.yamltree import Broken

_TEMPLATE: Final = re.compile(r"\{\{-?[^{}\n]{0,300}\}\}|\{%-?[^{}\n]{0,300}%\}")


@dataclass(frozen=True, slots=True)
class Unparsed:
    """The text is not a document. ``hostile`` when it was given up for its size or depth instead of a mistake."""

    message: str
    line: int
    hostile: bool = False


Documents: TypeAlias = "tuple[LinedNode, ...] | Unparsed"


def is_template(text: str) -> bool:
    """Whether the text is a template of YAML rather than YAML (Helm, Jinja, Go templates)."""
    return _TEMPLATE.search(text) is not None and not _only_actions(text)


def _only_actions(text: str) -> bool:
    """GitHub's ``${{ }}`` is plain text inside YAML scalars."""
    return all(text[max(match.start() - 1, 0) : match.start()] == "$" for match in _TEMPLATE.finditer(text))


def parse_documents(text: str, *, strict: bool = False) -> Documents:
    """Every document of a YAML (or JSON) text. Never raises, never slow: linear in the text up to the limits."""
    try:
        return documents(Text("", text), strict=strict)
    except Broken as exc:
        return Unparsed(exc.problem or exc.error.message, exc.error.line, exc.hostile)
