"""Text with credentials taken out. Used before anything is shown, stored, or given to an assistant."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from bot.model.patterns import regex
from bot.secrecy.credentials import credentials, userinfo
from bot.secrecy.providers import PROVIDERS
from bot.secrecy.tokens import Credential, tokens

_KINDS: Final = (*(provider.id for provider in PROVIDERS), "opaque", "password", "secret", "token")
_MARK: Final = regex(rf"\[redacted:(?:{'|'.join(map(re.escape, _KINDS))})\]")
_OPAQUE: Final = regex(r"(?<![\w/+])[A-Za-z0-9+/]{40,}+={0,2}+(?![\w/+])")


def redact(text: str, *, opaque: bool = False) -> str:
    """``text`` with everything secret replaced: tokens, private keys, passwords in URLs, what is assigned to a secret name.

    What replaces it names the kind: ``[redacted:github-token]``. Line breaks stay, so line numbers stay, and so does
    what is masked already. ``opaque`` also takes out long runs of letters and digits that nobody can read, for what
    other programs write.
    """
    return _marked(text, (*credentials(text), *(_runs(text) if opaque else ())))


def redact_tokens(text: str) -> str:
    """``text`` without tokens of known providers and passwords in URLs.

    For prose of our own, where the name of a secret before a word means nothing: "the token is wrong".
    """
    return _marked(text, (*tokens(text), *userinfo(text)))


def replaced(text: str, spans: Iterable[Credential], instead: Callable[[Credential, str], str]) -> str:
    """``text`` with ``instead`` of each credential, which is given it and what it was; overlapping ones count as one."""
    parts: list[str] = []
    copied_to = 0
    for credential in _apart(spans):
        parts += (text[copied_to : credential.start], instead(credential, text[credential.start : credential.end]))
        copied_to = credential.end
    return "".join((*parts, text[copied_to:])) if parts else text


def _marked(text: str, spans: Iterable[Credential]) -> str:
    """``text`` with marks for ``spans``; what lies within a mark of an earlier redaction is part of it."""
    marks = [match.span() for match in _MARK.finditer(text)]
    if marks:
        starts = [start for start, _ in marks]
        before = ((span, marks[bisect_right(starts, span.start) - 1]) for span in spans)
        spans = [span for span, (start, end) in before if not start <= span.start < span.end <= end]
    return replaced(text, spans, _named_kind)


def _named_kind(credential: Credential, secret: str) -> str:
    return f"[redacted:{credential.kind}]" + "\n" * secret.count("\n")


def _runs(text: str) -> Iterator[Credential]:
    for match in _OPAQUE.finditer(text):
        yield Credential(*match.span(), "opaque")


def _apart(spans: Iterable[Credential]) -> Iterator[Credential]:
    """Overlapping credentials joined, in order; the kind is that of the first and longest."""
    current: Credential | None = None
    for credential in sorted(spans, key=lambda span: (span.start, -span.end)):
        if current is None or credential.start >= current.end:
            if current is not None:
                yield current
            current = credential
        elif credential.end > current.end:
            current = Credential(current.start, credential.end, current.kind)
    if current is not None:
        yield current
