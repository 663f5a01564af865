"""Several ports of one target told apart, so that each declared one is compared with the live one it comes closest to.

Used by :mod:`bot.drift.compose.services` before it compares, and by the edits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from bot.drift.compose.declared.ports import ALL_ADDRESSES, published
from bot.model.json import JSON, Tree, elements, mapping, mappings

APART: Final = "x-apart"
"""The entry of a long port that tells it from others of its target; only where there are others."""

Target: TypeAlias = tuple[str, str]
"""A container's port as (number, protocol)."""


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
