"""One row of the table of credentials, and the two ways in which rows are written: by a prefix, or by a shape.

The rows are in :mod:`bot.secrecy.providers` and :mod:`bot.secrecy.places`.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from datetime import date
from typing import Final

from bot.model.dataclass import dataclass

_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKED: Final = date(2026, 11, 26)
START: Final = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"
"""Where a token begins: not within a longer word. A ``\\n`` in front is a line break as JSON writes it, no part of one."""


@dataclass(frozen=True, slots=True)
class TokenProvider:
    """One kind of credential, and where its form was looked up.

    Each match of ``pattern`` holds one of ``keywords`` (small letters). Where ``prefixes`` are given it begins with one
    of them, as they are written. ``generous`` matches whatever ``pattern`` matches and more; its first group, else all
    of it, is what has to be hidden. ``entropy`` is the least Shannon entropy in bits per character below which a match
    of ``pattern`` is an example; ``checksum`` answers whether the token's own checksum holds.
    """

    id: str
    name: str
    pattern: str
    generous: str
    keywords: tuple[str, ...]
    source: str
    prefixes: tuple[str, ...] = ()
    checked: date = _CHECKED
    entropy: float = 3.0
    checksum: Callable[[str], bool] | None = None
    weak: bool = False
    """Whether it is often harmless (session tokens, test keys): reported as low."""
    reported: bool = True
    """Whether changes are searched for it; what is not is only hidden."""
    accepts: Callable[[str], bool] = lambda _: True
    """Whether what the first group of ``pattern`` holds is a credential by more than its form."""

    def value(self, token: str) -> str:
        """The credential within a match of ``pattern``: its first group, else all of it."""
        match = re.search(self.pattern, token, re.ASCII | re.MULTILINE) if "(" in self.pattern else None
        return token if match is None or match.lastindex is None else match[1]

    @property
    def with_article(self) -> str:
        """The name behind its article, as a sentence begins: ``An AWS access key id``."""
        return f"{'An' if self.name[0] in 'AEIOUaeiou' or self.name.startswith('npm') else 'A'} {self.name}"


def prefixed(
    id_: str,
    name: str,
    prefixes: str,
    body: str,
    source: str,
    *,
    generous: str = "",
    entropy: float = 3.0,
    checksum: Callable[[str], bool] | None = None,
    reported: bool = True,
) -> TokenProvider:
    """A token that begins with one of ``prefixes``. A body of one fixed length has to end there."""
    prefix_texts = tuple(prefixes.split())
    head = f"(?:{'|'.join(map(re.escape, prefix_texts))})"
    end = "" if re.search(r"\{\d+,\d*\}\)?\Z", body) else r"(?![A-Za-z0-9_])"
    return TokenProvider(
        id_,
        name,
        pattern=rf"(?:\b|(?<=\\[nrt])){head}{body}{end}",
        generous=rf"{START}{head}{generous or body}[A-Za-z0-9_\-]*+=*+",
        keywords=tuple(dict.fromkeys(prefix.lower() for prefix in prefix_texts)),
        source=source,
        prefixes=prefix_texts,
        entropy=entropy,
        checksum=checksum,
        reported=reported,
    )


def crc(token: str) -> bool:
    """Whether the last six characters are the CRC-32 of the body in base 62.

    https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
    """
    body, check = token.split("_", 1)[1][:-6], token[-6:]
    number, digits = zlib.crc32(body.encode()), ""
    while number:
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits.rjust(6, "0") == check


def shaped(
    id_: str,
    name: str,
    pattern: str,
    keywords: str,
    source: str,
    *,
    generous: str = "",
    entropy: float = 3.0,
    weak: bool = False,
    accepts: Callable[[str], bool] = lambda _: True,
) -> TokenProvider:
    """A credential known by something inside of it. ``keywords`` are separated by ``|``."""
    keyword_texts = tuple(keywords.split("|"))
    return TokenProvider(
        id_, name, pattern, generous or pattern, keyword_texts, source, entropy=entropy, weak=weak, accepts=accepts
    )
