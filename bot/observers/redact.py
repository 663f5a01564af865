"""Text of other programs and servers, made safe to show: no secrets, no control characters, not long.

Whatever an observer repeats in an ``Unreachable``, a problem or an error goes through here first.
"""

from __future__ import annotations

import re
from typing import Final

_MASK: Final = "[hidden]"
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
_SECRETS: Final = (
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@]+@"), rf"\1{_MASK}@"),
    (re.compile(r"(?i)\b(bearer|basic|token)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {_MASK}"),
    (
        re.compile(
            r"(?i)([\w.-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)"
            r"[\w.-]*[\"']?\s*[:=]\s*)(\"[^\"\n]*\"|'[^'\n]*'|[^\s,;&]+)"
        ),
        rf"\1{_MASK}",
    ),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), _MASK),
    (re.compile(r"\b(?:gh[opsur]_|github_pat_|glpat-|xox[abprs]-|sk-)[A-Za-z0-9_-]{10,}"), _MASK),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), _MASK),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), _MASK),
    (re.compile(r"(?<![\w/+])[A-Za-z0-9+/]{40,}={0,2}(?![\w/+])"), _MASK),
)


def redacted(words: str) -> str:
    """``words`` without terminal escapes, control characters and anything that looks like a secret."""
    words = _CONTROL.sub("", _ESCAPES.sub("", words))
    for pattern, instead in _SECRETS:
        words = pattern.sub(instead, words)
    return words


def tail(output: bytes | str, *, limit: int = 600) -> str:
    """The end of a program's output, redacted, at most ``limit`` characters, cut at a line where possible."""
    words = output.decode("utf-8", "replace") if isinstance(output, bytes) else output
    words = redacted(words).strip()
    if len(words) <= limit:
        return words
    words = words[-limit:]
    return words.partition("\n")[2].strip() or words


def shown_url(url: str) -> str:
    """``url`` without user, password, query and fragment."""
    bare = re.split(r"[?#]", url, maxsplit=1)[0]
    return re.sub(r"^([a-zA-Z][a-zA-Z0-9+.-]*://)[^/@]*@", r"\1", bare)
