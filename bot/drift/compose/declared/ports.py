"""The ports of a Compose service: every notation in one long form, and several of one target told apart.

Used by the long form of both sides, by :mod:`bot.drift.compose.services` before it compares, and by the edits.
Sources: the Compose specification (05-services.md, ports and expose) and compose-go's loader.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from bot.drift import values
from bot.model.json import JSON, Tree, elements, mapping, mappings

ALL_ADDRESSES: Final = "0.0.0.0"  # noqa: S104 - recognised, not bound
"""What a published port without an address is open on."""

APART: Final = "x-apart"
"""The entry of a long port that tells it from others of its target; only where there are others."""

_PORT: Final = re.compile(
    r"(?:(?P<ip>\[[0-9a-fA-F:]+\]|[0-9a-fA-F:]*::[0-9a-fA-F:]*|\d+(?:\.\d+){3}):)?"
    r"(?:(?P<published>\d*(?:-\d+)?):)?(?P<target>\d+)(?:-(?P<last>\d+))?(?:/(?P<protocol>\w+))?\Z",
    re.ASCII,
)
_EXPOSED: Final = re.compile(r"(\d+)(?:-(\d+))?(?:/(\w+))?\Z", re.ASCII)
_ANY_ADDRESS: Final = frozenset({"", ALL_ADDRESSES, "::", "[::]"})
_LARGEST_RANGE: Final = 65536

Target: TypeAlias = tuple[str, str]
"""A container's port as (number, protocol)."""


def ports(value: JSON) -> JSON:
    """Every published port in long form, each once; a range is as many ports as it has."""
    if not isinstance(value, (list, tuple)):
        return value
    found: dict[str, JSON] = {}
    for entry in value:
        for one in port(entry):
            found.setdefault(repr(one), one)
    return [*found.values()]


def port(entry: JSON) -> list[JSON]:
    """One entry of ``ports`` as long entries ``{target, published, protocol, host_ip}``."""
    if isinstance(entry, (dict, Mapping)):
        return [_long_port(entry)]
    found = _written(entry)
    if found is None:
        return [entry]
    first, last = int(found["target"]), int(found["last"] or found["target"])
    if not 0 <= last - first < _LARGEST_RANGE:
        return [entry]
    start, _, end = (found["published"] or "").partition("-")
    pairwise = bool(end) and int(end) - int(start or 0) == last - first
    return [
        _long_port(
            {
                "target": first + step,
                "published": str(int(start) + step) if start and (pairwise or not end) else found["published"],
                "protocol": found["protocol"],
                "host_ip": found["ip"],
            }
        )
        for step in range(last - first + 1)
    ]


def _written(entry: JSON) -> re.Match[str] | None:
    short = isinstance(entry, (str, int)) and not isinstance(entry, bool)
    return _PORT.match(str(entry).strip()) if short else None


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
    return sorted({one for entry in elements(value) for one in _exposed(str(values.text(entry)))}) or None


def _exposed(entry: str) -> Iterator[str]:
    found = _EXPOSED.match(entry)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, -1)
    if found is None or not 0 <= last - first < _LARGEST_RANGE:
        yield entry.removesuffix("/tcp")
        return
    tail = f"/{found[3].lower()}" if found[3] and found[3].lower() != "tcp" else ""
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
    found = _written(entry)
    if found is None:
        return None
    return int(found["target"]), int(found["last"] or found["target"]), (found["protocol"] or "tcp").lower()


def repeated(*sides: JSON) -> frozenset[Target]:
    """The targets that one of ``sides`` (ports in long form) publishes more than once."""
    return frozenset(
        target for side in sides for target, count in Counter(map(_target, mappings(side))).items() if count > 1
    )


def mark(port: JSON) -> str:
    """What tells a long port from others of its target: ``8080``, ``127.0.0.1:8080``."""
    entry = mapping(port)
    address, number = str(entry.get("host_ip") or ALL_ADDRESSES), str(entry.get("published") or "")
    return number if address == ALL_ADDRESSES else f"{address}:{number}"


def marked(side: JSON, among: frozenset[Target]) -> JSON:
    """``side`` where every port with a target of ``among`` carries its :func:`mark`."""
    if not isinstance(side, (list, tuple)):
        return side
    return [_with(one, mark(one)) if _target(one) in among else one for one in side]


def paired(live: JSON, wanted: JSON, among: frozenset[Target]) -> JSON:
    """``live`` where every port with a target of ``among`` carries the mark of the declared port that it comes closest to.

    A port that is as declared is never taken for another; what is left over goes by its published port, then by its
    address. More ports than declared carry marks of their own.
    """
    if not isinstance(live, (list, tuple)):
        return live
    found = [*live]
    free = _by_target(elements(wanted), among)
    for target, here in _by_target(found, among).items():
        for at, told in _meetings(here, found, [elements(wanted)[index] for index in free[target]]):
            found[at] = _with(found[at], told)
    return found


def _by_target(listed: Sequence[JSON], among: frozenset[Target]) -> dict[Target, list[int]]:
    found: dict[Target, list[int]] = {target: [] for target in among}
    for at, one in enumerate(listed):
        if (target := _target(one)) in among:
            found[target].append(at)
    return found


def _meetings(here: list[int], live: list[JSON], wanted: list[JSON]) -> Iterator[tuple[int, str]]:
    """The ports at ``here`` of ``live``, each with the mark that it is to carry."""
    for alike in (_same, _same_published, _same_address, _any):
        for at in [*here]:
            met = next((one for one in wanted if alike(mapping(one), mapping(live[at]))), None)
            if met is not None:
                wanted.remove(met)
                here.remove(at)
                yield at, mark(met)
    for at in here:
        yield at, mark(live[at])


def unmarked(value: JSON) -> JSON:
    """A long port without its mark."""
    if not isinstance(value, (dict, Mapping)) or APART not in value:
        return value
    return {key: entry for key, entry in value.items() if key != APART}


def _with(port: JSON, told: str) -> JSON:
    return {**mapping(port), APART: told}


def _target(port: JSON) -> Target:
    entry = mapping(port)
    return str(entry.get("target")), str(entry.get("protocol"))


def _same_published(wanted: Tree, live: Tree) -> bool:
    return wanted.get("published") is None or published(wanted["published"], live.get("published"))


def _same_address(wanted: Tree, live: Tree) -> bool:
    return wanted.get("host_ip") == live.get("host_ip")


def _same(wanted: Tree, live: Tree) -> bool:
    return _same_address(wanted, live) and _same_published(wanted, live)


def _any(wanted: Tree, live: Tree) -> bool:
    return bool(wanted) and bool(live)
