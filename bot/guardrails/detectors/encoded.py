"""Texts in base64: values of Kubernetes Secrets, and whatever on an added line decodes to a key.

Sources: Kubernetes documentation, "Secrets" (``data`` is base64, ``stringData`` is clear); RFC 4648, sections 4 and 5. What
SOPS or a SealedSecret holds is encrypted: such a document has a ``sops`` key, or another kind.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Final

from bot.guardrails.anchors import Anchors
from bot.guardrails.detectors.gains import objects
from bot.guardrails.detectors.patches import patched
from bot.guardrails.hunks import Delta
from bot.guardrails.structure import Documents, parsed
from bot.intake.lined_node import LinedNode
from bot.model.dataclass import dataclass
from bot.model.json import mapping, read_json
from bot.model.patterns import regex
from bot.secrecy.literals import RUN

_DIGITS: Final = [*"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "+-", "/_"]
"""What each of the 64 digits is written as."""


def _digits(*values: int) -> str:
    letters = sorted(letter for value in values for letter in _DIGITS[value])
    return f"[{''.join(chr(92) + letter if letter in '+-/' else letter for letter in letters)}]"


_FOUR: Final = (
    # three bytes of printable ASCII: of each the highest bit is not set, and the first has no value that is a control's
    _digits(2, 3, *range(8, 32)) + _digits(*(value for value in range(64) if value & 15 in {0, *range(2, 8)}))
    + _digits(*(value for value in range(64) if not value & 2)) + _digits(*range(64))
)  # fmt: skip
ENCODED: Final = Anchors(at=f"(?:{_FOUR}){{{RUN // 4}}}")
"""A run of base64 that decodes to text in ASCII."""
_RUN: Final = regex(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{24,}={0,2}(?![A-Za-z0-9+/_=-])")
_PRINTABLE: Final = regex(r"[\t\n\r\x20-\x7e]+")


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


def decoded(encoded_text: str) -> str | None:
    """The text behind base64; None for what is none, or is no text."""
    body = encoded_text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        data = base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
        text = data.decode("ascii")
    except (binascii.Error, ValueError):
        return None
    return text if _PRINTABLE.fullmatch(text) else None


def encoded(delta: Delta) -> tuple[EncodedText, ...]:
    """The texts in base64 on added lines."""
    return tuple(
        EncodedText(run, text, line.number)
        for line in delta.lines_with(ENCODED)
        for run in runs(line.text)
        if (text := decoded(run)) is not None
    )


def runs(text: str) -> Iterator[str]:
    """What may be base64 in a text."""
    return (match[0] for match in _RUN.finditer(text))


def values(documents: Documents) -> Iterator[SecretValue]:
    """The values of every Secret that is not encrypted."""
    for document in patched(objects(parsed(documents))):
        if document.text_at("kind") == "Secret" and document.get("sops") is None:
            yield from _values(document)


def _values(document: LinedNode) -> Iterator[SecretValue]:
    name = "/".join(filter(None, (document.text_at("metadata", "namespace"), document.text_at("metadata", "name"))))
    for key, node in document.items("data"):
        text = decoded("".join(node.raw.split()))
        if text is not None:
            yield SecretValue(name, key, text, node.line)
            yield from _logins(name, key, text, node.line)
    for key, node in document.items("stringData"):
        yield SecretValue(name, key, node.raw, node.line)
        yield from _logins(name, key, node.raw, node.line)


def _logins(name: str, key: str, text: str, line: int) -> Iterator[SecretValue]:
    """The passwords for registries (Kubernetes documentation, "Docker config Secrets")."""
    if key not in {".dockerconfigjson", ".dockercfg"}:
        return
    config = mapping(read_json(text))
    for host, login in (mapping(config["auths"]) if "auths" in config else config).items():
        for part in ("password", "identitytoken", "registrytoken"):
            if isinstance(value := mapping(login).get(part), str):
                yield SecretValue(name, f"{key}/{host}/{part}", value, line)
