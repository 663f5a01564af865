"""The ports of a Compose service: every notation in one long form, and several of one target told apart.

Used by the long form of both sides, by :mod:`bot.drift.compose.services` before it compares, and by the edits.
Sources: the Compose specification (05-services.md, ports and expose) and compose-go's loader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from bot.drift import values
from bot.model.json import JSON, Tree, elements

ALL_ADDRESSES: Final = "0.0.0.0"  # noqa: S104 - recognised, not bound
"""What a published port without an address is open on."""

_PORT: Final = re.compile(
    r"(?:(?:(?P<ip>\[[0-9a-fA-F:]+\]|[0-9a-fA-F:]*::[0-9a-fA-F:]*|\d+(?:\.\d+){3})?:)?"
    r"(?P<published>\d*(?:-\d+)?):)?(?P<target>\d+)(?:-(?P<last>\d+))?(?:/(?P<protocol>\w+))?\Z",
    re.ASCII,
)
_EXPOSED: Final = re.compile(r"(\d+)(?:-(\d+))?(?:/(\w+))?\Z", re.ASCII)
_ANY_ADDRESS: Final = frozenset({"", ALL_ADDRESSES, "::", "[::]"})
LONGEST_PORT: Final = 100
"""Characters: an IPv6 address, two ranges and a protocol have 70."""
_LARGEST_RANGE: Final = 65536  # there are no more ports


def ports(value: JSON) -> JSON:
    """Every published port in long form, each once; a range is as many ports as it has."""
    if not isinstance(value, (list, tuple)):
        return value
    distinct: dict[str, JSON] = {}
    for entry in value:
        for long in port(entry):
            distinct.setdefault(repr(long), long)
    return [*distinct.values()]


def port(entry: JSON) -> list[JSON]:
    """One entry of ``ports`` as long entries ``{target, published, protocol, host_ip}``."""
    if isinstance(entry, (dict, Mapping)):
        return [_long_port(entry)]
    match = _written(entry)
    if match is None:
        return [entry]
    first, last = int(match["target"]), int(match["last"] or match["target"])
    if not 0 <= last - first < _LARGEST_RANGE:
        return [entry]
    start, _, end = (match["published"] or "").partition("-")
    pairwise = bool(end) and int(end) - int(start or 0) == last - first
    return [
        _long_port(
            {
                "target": first + step,
                "published": str(int(start) + step) if start and (pairwise or not end) else match["published"],
                "protocol": match["protocol"],
                "host_ip": match["ip"],
            }
        )
        for step in range(last - first + 1)
    ]


def _written(entry: JSON) -> re.Match[str] | None:
    short = isinstance(entry, (str, int)) and not isinstance(entry, bool)
    entry_text = str(entry).strip() if short else ""
    return _PORT.match(entry_text) if len(entry_text) <= LONGEST_PORT else None


def _long_port(entry: Tree) -> JSON:
    published = values.text(entry.get("published"))
    address = str(values.text(entry.get("host_ip"))).strip("[]")
    return {
        "target": values.int_or_string(entry.get("target")),
        **({"published": published} if published not in {"", "0"} else {}),
        "protocol": str(entry.get("protocol") or "tcp").lower(),
        "host_ip": ALL_ADDRESSES if address in _ANY_ADDRESS else address,
    }


def exposed(value: JSON) -> JSON:
    """The ports of ``expose`` as ``3000`` and ``53/udp``, ranges taken apart."""
    return sorted({port for entry in elements(value) for port in _exposed(str(values.text(entry)))}) or None


def _exposed(entry: str) -> Iterator[str]:
    match = _EXPOSED.match(entry)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, -1)
    if match is None or not 0 <= last - first < _LARGEST_RANGE:
        yield entry.removesuffix("/tcp")
        return
    tail = f"/{match[3].lower()}" if match[3] and match[3].lower() != "tcp" else ""
    yield from (f"{number}{tail}" for number in range(first, last + 1))


def published(desired: JSON, observed: JSON) -> bool:
    """Whether a port of the host is the declared one or one of the declared range."""
    first, dash, last = str(desired).partition("-")
    live = str(observed)
    if not (dash and first.isdigit() and last.isdigit() and live.isdigit()):
        return str(desired) == live
    return int(first) <= int(live) <= int(last)


def range_of(entry: JSON) -> tuple[int, int, str] | None:
    """First target, last target and protocol of an entry in short syntax; None for any other."""
    match = _written(entry)
    if match is None:
        return None
    return int(match["target"]), int(match["last"] or match["target"]), (match["protocol"] or "tcp").lower()
