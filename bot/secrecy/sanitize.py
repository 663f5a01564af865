"""Text of other programs and servers, made safe to show: no secrets, no control characters, not long.

Whatever an adapter repeats of them in an ``Unreachable``, a problem or an error goes through here first.
"""

from __future__ import annotations

import re
from typing import Final

from bot.secrecy.redaction import redact

_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*+[A-Za-z]|\x1b\][^\x07\x1b]*+(?:\x07|\x1b\\)")
"""ECMA-48 control sequences, and operating system commands as xterm takes them (ctlseqs, "Operating System Commands")."""
_LOOKED_AT: Final = 64 * 1024
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


def sanitized(text: str) -> str:
    """``text`` without terminal escapes, control characters and anything that looks like a secret.

    Invisible characters go first: one within a token would hide it from redaction.
    """
    return redact(_CONTROL.sub("", _ESCAPES.sub("", text)), opaque=True)


def tail(output: bytes | str, *, limit: int = 600) -> str:
    """The end of a program's output, sanitized, at most ``limit`` characters, cut at a line where possible;
    where it is not, that is said.
    """
    text = output[-_LOOKED_AT:].decode("utf-8", "replace") if isinstance(output, bytes) else output[-_LOOKED_AT:]
    if len(output) > _LOOKED_AT:
        text = text[text.find("\n") + 1 :]  # half a secret is not known for one
    text = sanitized(text).strip()
    if len(text) <= limit:
        return text
    text = text[-limit:]
    return text.partition("\n")[2].strip() or f"(cut) {text[len('(cut) ') :]}"


def shown_url(url: str) -> str:
    """``url`` without user, password, query and fragment, and without a token in its path (webhooks have theirs there)."""
    bare = re.split(r"[?#]", url, maxsplit=1)[0]
    return redact(re.sub(r"^([a-zA-Z][a-zA-Z0-9+.-]*://)[^/@]*@", r"\1", bare))
