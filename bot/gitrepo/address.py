"""Which remote addresses are acceptable, and how they may appear in messages. Used wherever a URL enters this floor."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from bot.errors import Invalid

_SCHEMES = frozenset({"https", "http", "ssh", "file"})
_SHORT_WITH_PASSWORD: Final = re.compile(r"[^/@:]*:[^/@]*@")


def check_address(address: str) -> str:
    """``address`` as it came, if it is a path or a URL without a secret in it; :class:`~bot.errors.Invalid` otherwise."""
    if not address or any(ord(character) < 32 for character in address):
        raise Invalid("the repository's address is empty or has control characters in it")
    if address.startswith("-"):
        raise Invalid(f"{address!r} is not the address of a repository: it starts with a hyphen")
    if "://" not in address:
        return _check_short(address)
    parts = _split(address)
    if parts.scheme not in _SCHEMES:
        raise Invalid(
            f"cannot speak {parts.scheme!r} to a Git remote", advice="Use https://, http://, ssh:// or a path"
        )
    if parts.password is not None or (parts.username is not None and parts.scheme in {"http", "https"}):
        raise _with_secrets(shown(address), "credentials")
    if parts.scheme != "file" and (parts.query or parts.fragment):
        raise _with_secrets(shown(address), "a query or a fragment, where tokens are put,")
    if parts.scheme != "file" and not parts.hostname:
        raise Invalid(f"{shown(address)!r} names no host")
    return address


def _check_short(address: str) -> str:
    """A path, or ``user@host:path``; Git knows no password there, and takes one for something else."""
    if _SHORT_WITH_PASSWORD.match(address):
        raise _with_secrets(address.rpartition("@")[2], "credentials")
    return address


def _split(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        # Not chained, and without the address: the reason names parts of it, which may be a password.
        raise Invalid("the repository's address is no URL that can be read: is its host or port right?") from None
    return parts


def _with_secrets(location: str, problem: str) -> Invalid:
    return Invalid(
        f"the address of {location} has {problem} in it; they would end up in logs and in .git/config",
        advice="remove them from the URL and hand the token over in the environment (CLOCKWORK_TOKEN or GITHUB_TOKEN)",
    )


def shown(address: str) -> str:
    """The address as people may see it: scheme, host, port and path, without user, password or query."""
    if "://" not in address:
        return address
    parts = urlsplit(address)
    _, _, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{host}{parts.path}"


def host_of(address: str) -> str | None:
    """The host and port that credentials for this address may be sent to; None for a local path."""
    if "://" in address:
        _, _, host = urlsplit(address).netloc.rpartition("@")
        return host.lower() or None
    before, colon, _ = address.partition(":")
    if colon and "/" not in before:
        return before.rpartition("@")[2].lower()
    return None


def local_path(address: str) -> Path | None:
    """The folder that a path or ``file://`` address names; None for an address on the network."""
    if address.startswith("file://"):
        return Path(urlsplit(address).path)
    return None if host_of(address) is not None else Path(address).absolute()
