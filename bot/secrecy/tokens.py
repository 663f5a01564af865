"""Finds the tokens of known providers in a text, and tells a real one from an example.

The table is :mod:`bot.secrecy.providers`. The secret detectors search lines of a change for the exact forms
(:data:`NEEDLES`) and ask :func:`is_real`; whoever hides secrets takes :func:`tokens`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from bot.model.dataclass import dataclass
from bot.model.patterns import regex
from bot.secrecy.providers import PROVIDERS, START, TokenProvider
from bot.secrecy.scan import Needle

_PLACEHOLDER: Final = regex(
    r"EXAMPLE|xxxx|XXXX|\*{4}|\.{4}|(.)\1{7}|your[-_]?|dummy|fake|sample|redacted|placeholder|changeme|"
    r"0123456789|1234567890|abcdefghij|ABCDEFGHIJ|deadbeef",
    re.IGNORECASE,
)
_PUBLISHED: Final = frozenset(
    [
        "0b476bdf9acf2123",
        "2037abcaffb2b777",
        "27a9a42931dff7eb",
        "37f8f09bdf12c2f2",
        "3a8b61d0f636b007",
        "3f370c9dd8225c63",
        "44b9f0d854dcf201",
        "49f777db995e8260",
        "4c98242dcadc8b29",
        "8731261cb72d8626",
        "a19f89ab3555eac1",
        "a6c814bc555ae62c",
        "ac9265e56c79b234",
        "dc0fcf046c61640c",
        "e4a5542bb7fd7b67",
        "ea9bb1082cf95663",
        "eb540d2b6ee2a0a4",
        "f56e323494a6ffc2",
    ]
)
"""The beginnings of SHA-256 digests of keys that Google's own documentation and samples show: they are nobody's secret.
Source: gitleaks, config/gitleaks.toml, allow-list of gcp-api-key, and docs.cloud.google.com, "Use API keys".
"""
_BETWEEN_WORDS: Final = regex(r"[-_.]+")
_CASED_WORD: Final = regex(r"[a-z]+|[A-Z][a-z]*|[A-Z]+")
_PREFIXED: Final = tuple(provider for provider in PROVIDERS if provider.prefixes)
_SHAPED: Final = tuple(
    (keyword, provider) for provider in PROVIDERS if not provider.prefixes for keyword in provider.keywords
)
_PREFIXES: Final = sorted({prefix for provider in _PREFIXED for prefix in provider.prefixes})
_PREFIX: Final = regex(
    rf"(?=[{''.join(sorted({prefix[0] for prefix in _PREFIXES}))}]){START}(?:{'|'.join(map(re.escape, _PREFIXES))})"
)
"""Any prefix at all. Most texts have none, and one search tells."""
_ENCODED_PREFIXES: Final = sorted(
    {
        re.escape(base64.b64encode(prefix.encode()).decode()[: len(prefix) * 8 // 6])
        for prefix in (*_PREFIXES, "-----BEGIN ")
        if len(prefix) > 3
    }
)
"""What a prefix becomes in base64 where a text begins with it: the characters that nothing behind it changes."""
_ENCODED: Final = regex(rf"(?<![A-Za-z0-9+/])((?:{'|'.join(_ENCODED_PREFIXES)})[A-Za-z0-9+/]{{12,200000}})={{0,2}}")
_REPORTED: Final = tuple(provider for provider in PROVIDERS if provider.reported)

BY_NEEDLE: Final = {f"secret:{provider.id}": provider for provider in _REPORTED}
NEEDLES: Final = tuple(Needle(id_, provider.pattern, provider.keywords) for id_, provider in BY_NEEDLE.items())


@dataclass(frozen=True, slots=True, order=True)
class Credential:
    """Where a credential stands in a text, from ``start`` to before ``end``, and of which kind it is."""

    start: int
    end: int
    kind: str


def tokens(text: str) -> Iterator[Credential]:
    """Whatever begins or looks like a token of a known provider, in no order; some may overlap."""
    if _PREFIX.search(text) is not None:
        for provider in _PREFIXED:
            yield from _behind_prefixes(text, provider)
    yield from _encoded(text)
    small = text.lower()
    for keyword, provider in _SHAPED:
        if keyword in small:
            for match in _compiled(provider.generous).finditer(text):
                yield Credential(*match.span(match.lastindex or 0), provider.id)


def _encoded(text: str) -> Iterator[Credential]:
    """Runs of base64 that begin as a token or a private key begins in base64: encoding hides nothing."""
    for match in _ENCODED.finditer(text):
        try:
            clear = base64.b64decode(match[1] + "=" * (-len(match[1]) % 4), validate=True).decode("latin-1")
        except binascii.Error:
            continue
        first = next(iter(sorted(tokens(clear))), None) if _PREFIX.match(clear) or clear.startswith("-----") else None
        if first is not None:
            yield Credential(*match.span(), first.kind)


def _behind_prefixes(text: str, provider: TokenProvider) -> Iterator[Credential]:
    for prefix in provider.prefixes:
        at = text.find(prefix)
        while at >= 0:
            match = _compiled(provider.generous).match(text, at)
            if match is not None:
                yield Credential(at, match.end(), provider.id)
            at = text.find(prefix, at + 1 if match is None else match.end())


@lru_cache(maxsize=len(PROVIDERS))
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compiled when a text first needs it: all of them take longer than most runs look for secrets."""
    return re.compile(pattern, re.ASCII)


def entropy(text: str) -> float:
    """Shannon entropy in bits per character; 0 for empty text."""
    if not text:
        return 0.0
    total = len(text)
    return -sum(count / total * math.log2(count / total) for count in Counter(text).values())


def is_placeholder(text: str) -> bool:
    """Whether a value says itself that it is an example."""
    return _PLACEHOLDER.search(text) is not None


def is_worded(text: str) -> bool:
    """Whether a value is words with dashes between them: no generator of tokens makes such."""
    parts = _BETWEEN_WORDS.split(text)
    return len(parts) > 2 and all(_CASED_WORD.fullmatch(part) for part in parts)


def is_real(provider: TokenProvider, token: str, *, doubtful_place: bool) -> bool:
    """Whether a match is a credential and no example. In tests and documentation a checksum must hold where one exists."""
    if provider.entropy == 0.0:
        return True
    value = provider.value(token)
    if is_placeholder(value) or is_worded(value) or entropy(value) < provider.entropy or not provider.accepts(value):
        return False
    if hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:16] in _PUBLISHED:
        return False
    return not doubtful_place or provider.checksum is None or provider.checksum(token)


def masked(token: str) -> str:
    """Enough of a credential to recognise it, not enough to use it: its first four characters."""
    return f"{token[:4]}…({len(token)} characters)"
