"""Makes hostile text safe to stand inside a Markdown line: no HTML, no link, no mention, no secret, no line break.

Filters of ``templates/failure_modes.md.j2``. Text is cleaned, redacted, cut and escaped, in this order: invisible
characters could hide a secret from redaction, and a cut through a secret could leave half of it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from bot.secrecy.redaction import redact

LENGTH: Final = 300
_INVISIBLE: Final = frozenset({"Cf", "Co", "Cs", "Cn"})
"""General categories (Unicode Standard, section 4.5) of characters that show nothing, or not the same everywhere."""
_PLAIN: Final = re.compile(r"(?!.*(?://|(?i:www\.)))[\w./+=, ()#-]+(?::[\w./+=, ()#-]+)*")
_MARKUP: Final = re.compile(r"([\\`*\[\]|~$^])")
"""What starts markup inside a line (GitHub Flavored Markdown Spec, chapter 6, "Inlines"), splits a table cell, or starts
mathematics or a footnote (GitHub Docs, "Writing mathematical expressions", "Basic writing and formatting syntax").
"""
_EDGE_UNDERSCORE: Final = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_LINK: Final = re.compile(r"(?i)(?<=www)\.|:(?=/)")
"""What makes a link of plain text (GitHub Flavored Markdown Spec, section 6.9, "Autolinks (extension)")."""
_NOT_LABEL: Final = re.compile(r"[^\w .+-]+")


def one_line(text: str, length: int = LENGTH) -> str:
    """``text`` as one line without invisible characters and credentials, at most ``length`` characters."""
    visible = "".join(_visible(character) for character in text)
    line = " ".join(redact(visible).split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def prose(text: str, length: int = LENGTH) -> str:
    """``text`` as words inside a line or a table cell; everything that Markdown or GitHub would act on is inert."""
    line = one_line(text, length).replace("@", "(at)")
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = _EDGE_UNDERSCORE.sub(r"\\_", _MARKUP.sub(r"\\\1", line))
    return _LINK.sub(lambda match: f"&#{ord(match[0])};", line)


def code(text: str, length: int = LENGTH) -> str:
    """``text`` as a code span where it is an ordinary name or path, as :func:`prose` where it is not."""
    line = one_line(text, length)
    return f"`{line}`" if _PLAIN.fullmatch(line) else prose(line, length)


def linked(text: str, address: str | None) -> str:
    """``text`` (escaped already) as a link to ``address``; as they are without one."""
    return text if address is None else f"[{text}]({address})"


def label(text: str, length: int = 30) -> str:
    """``text`` as a label inside of a Mermaid chart: letters, digits and a few signs, so that it ends no string."""
    return _NOT_LABEL.sub(" ", one_line(text, length)).strip() or "unnamed"


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cc" or category.startswith("Z"):
        return " "
    hidden = category in _INVISIBLE or "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    return "" if hidden else character
