"""Paths as people write them: ``spec.template.spec.containers[web].image``, ``metadata.labels["a.b/c"]``.

Used by drift, rules, ignore rules and overlays. A key that is not a plain word is quoted as JSON inside brackets; an
element of a keyed list is its key in brackets, unquoted unless the key needs quotes (``[=...]`` quoted); an index is a
number in brackets with a hash (``[#0]``).
"""

from __future__ import annotations

import json
from typing import Final, TypeAlias

from bot.errors import Invalid
from bot.model.dataclass import dataclass
from bot.model.patterns import regex


@dataclass(frozen=True, slots=True)
class Item:
    """One element of a list that is compared by key, such as a container by its name or a port by ``80/TCP``."""

    key: str


Path: TypeAlias = tuple[str | int | Item, ...]
"""The place of a value as people say it: ``spec.ports[1935/TCP].targetPort``."""

_PLAIN_KEY: Final = regex(r"[A-Za-z0-9_$*-]+\Z")
_BARE_ITEM: Final = regex(r"[^\[\]\"#=][^\[\]\"]*\Z")
_TOKEN: Final = regex(
    r"""\.?(?P<word>[A-Za-z0-9_$*-]+)|\[\#(?P<index>\d+)\]|\[(?P<key>"(?:[^"\\]|\\.)*")\]"""
    r"""|\[=(?P<quoted>"(?:[^"\\]|\\.)*")\]|\[(?P<item>[^\[\]"\#=][^\[\]"]*)\]"""
)


def format_path(path: Path) -> str:
    """The text of a path; ``parse_path`` reads it back to the same path."""
    parts: list[str] = []
    for segment in path:
        match segment:
            case Item(key):
                parts.append(f"[{key}]" if _BARE_ITEM.match(key) else f"[={json.dumps(key, ensure_ascii=False)}]")
            case int():
                parts.append(f"[#{segment}]")
            case str():
                if _PLAIN_KEY.match(segment):
                    parts.append(f".{segment}" if parts else segment)
                else:
                    parts.append(f"[{json.dumps(segment, ensure_ascii=False)}]")
    return "".join(parts)


def parse_path(text: str) -> Path:
    """The path that ``text`` writes. Raises :class:`~bot.errors.Invalid` naming the column where it stops making sense."""
    segments: list[str | int | Item] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or (match["word"] is not None and at > 0 and text[at] != "."):
            raise Invalid(f"not a path: {text!r} stops making sense at column {at + 1}")
        if match["word"] is not None:
            segments.append(match["word"])
        elif match["index"] is not None:
            segments.append(int(match["index"]))
        elif match["key"] is not None:
            segments.append(str(json.loads(match["key"])))
        elif match["quoted"] is not None:
            segments.append(Item(str(json.loads(match["quoted"]))))
        else:
            segments.append(Item(match["item"]))
        at = match.end()
    return tuple(segments)
