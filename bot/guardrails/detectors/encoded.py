"""Texts in base64: values of Kubernetes Secrets, and whatever on an added line decodes to a key.

Sources: Kubernetes documentation, "Secrets" (``data`` is base64, ``stringData`` is clear); RFC 4648, sections 4 and 5. What
SOPS or a SealedSecret holds is encrypted: such a document has a ``sops`` key, or another kind.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bot.guardrails.hunks import Delta
from bot.guardrails.structure import Documents, Unparsed
from bot.intake.lined import LinedNode

_RUN: Final = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{24,}={0,2}(?![A-Za-z0-9+/_=-])")
_LONGEST: Final = 200_000
"""Characters of one run that are decoded."""
_PRINTABLE: Final = re.compile(r"[\t\n\r\x20-\x7e]+")


@dataclass(frozen=True, slots=True)
class EncodedText:
    """A text as it is written, what it decodes to, and its line."""

    written: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class SecretValue:
    """One value of a Secret, in clear. ``secret`` is namespace and name."""

    secret: str
    key: str
    text: str
    line: int


def decoded(written: str) -> str | None:
    """The text behind base64; None for what is none, or is no text."""
    body = written.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        data = base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
        text = data.decode("ascii")
    except (binascii.Error, ValueError):
        return None
    return text if _PRINTABLE.fullmatch(text) else None


def encoded(delta: Delta) -> tuple[EncodedText, ...]:
    """The texts in base64 on added lines."""
    return tuple(
        EncodedText(match[0], text, line.number)
        for line in delta.added
        for match in _RUN.finditer(line.text[:_LONGEST])
        if (text := decoded(match[0])) is not None
    )


def values(documents: Documents) -> Iterator[SecretValue]:
    """The values of every Secret that is not encrypted."""
    if isinstance(documents, Unparsed):
        return
    for document in documents:
        if document.word("kind") == "Secret" and document.get("sops") is None:
            yield from _values(document)


def _values(document: LinedNode) -> Iterator[SecretValue]:
    name = "/".join(filter(None, (document.word("metadata", "namespace"), document.word("metadata", "name"))))
    for key, node in document.items("data"):
        text = decoded("".join(node.raw.split()))
        if text is not None:
            yield SecretValue(name, key, text, node.line)
    for key, node in document.items("stringData"):
        yield SecretValue(name, key, node.raw, node.line)
