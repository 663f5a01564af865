"""The marker: the first line of every body of ours, saying what it is about, signed so that nobody else can write one.

Pure. The host adapter writes and reads it; a body whose first line does not verify, or whose author is somebody else,
carries no marker as far as Clockwork is concerned.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

from bot.model.codehost import Marker

_LINE: Final = re.compile(
    r"<!-- clockwork:1 kind=(?P<kind>\S*) key=(?P<key>\S*) digest=(?P<digest>\S*) state=(?P<state>open|closed) "
    r"mac=(?P<mac>[0-9a-f]{32}) -->"
)
_MAX_LINE: Final = 2_000


class SignedMarker(NamedTuple):
    """A marker whose signature is ours. ``closed`` says that we closed the item ourselves."""

    marker: Marker
    closed: bool


def line(marker: Marker, *, repository: str, secret: bytes, closed: bool = False) -> str:
    """The marker as one line without a line end. ``closed`` records that we closed the item ourselves."""
    state = "closed" if closed else "open"
    mac = _mac(marker, repository=repository, secret=secret, state=state)
    return (
        f"<!-- clockwork:1 kind={_quoted(marker.kind)} key={_quoted(marker.key)} digest={_quoted(marker.digest)} "
        f"state={state} mac={mac} -->"
    )


def attach(marker: Marker, body: str, *, repository: str, secret: bytes, closed: bool = False) -> str:
    """``body`` below its marker line."""
    return f"{line(marker, repository=repository, secret=secret, closed=closed)}\n{body.strip()}\n"


def read(body: str | None, *, repository: str, secret: bytes) -> SignedMarker | None:
    """The marker in the first line of ``body``; None unless its MAC is right.

    Hosts may turn line ends into CRLF; nothing else about the line may differ.
    """
    match = _line_of(body)
    if match is None:
        return None
    marker = _marker_of(match)
    expected = _mac(marker, repository=repository, secret=secret, state=match["state"])
    return SignedMarker(marker, match["state"] == "closed") if hmac.compare_digest(expected, match["mac"]) else None


def claimed(body: str | None) -> Marker | None:
    """What the first line of ``body`` says, whoever signed it: another secret, another name of the repository, or nobody."""
    match = _line_of(body)
    return None if match is None else _marker_of(match)


def _line_of(body: str | None) -> re.Match[str] | None:
    return _LINE.fullmatch((body or "")[:_MAX_LINE].split("\n", 1)[0].rstrip("\r"))


def _marker_of(match: re.Match[str]) -> Marker:
    return Marker(unquote(match["kind"]), unquote(match["key"]), unquote(match["digest"]))


def without(body: str | None) -> str:
    """``body`` as people see it: without its first line where that looks like a marker, with plain line ends."""
    head, _, remainder = (body or "").replace("\r\n", "\n").partition("\n")
    return remainder if _LINE.fullmatch(head) else (body or "").replace("\r\n", "\n")


def _mac(marker: Marker, *, repository: str, secret: bytes, state: str) -> str:
    """128 bits of HMAC-SHA256 over length-prefixed parts, so that no two sets of parts sign the same bytes."""
    parts = ["clockwork:1", repository.casefold(), marker.kind, marker.key, marker.digest, state]
    message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    return hmac.new(secret, message, hashlib.sha256).hexdigest()[:32]


def _quoted(part: str) -> str:
    """Percent-encoded, also the hyphen: no text inside a comment may end it or look like its end."""
    return quote(part, safe="").replace("-", "%2D").replace("~", "%7E")
