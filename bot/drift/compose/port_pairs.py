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

_MOST_COMPARISONS: Final = 250_000

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
    return [_with(port, mark(port)) if _target(port) in among else port for port in side]


def paired(live: JSON, declared: JSON, among: frozenset[Target]) -> JSON:
    """``live`` where every port with a target of ``among`` carries the mark of the declared port that it comes closest to.

    A port that is as declared is never taken for another; what is left over goes by its published port, then by its
    address. More ports than declared carry marks of their own.
    """
    if not isinstance(live, (list, tuple)):
        return live
    ports = [*live]
    free = _by_target(elements(declared), among)
    for target, unpaired in _by_target(ports, among).items():
        for index, label in _meetings(unpaired, ports, [elements(declared)[position] for position in free[target]]):
            ports[index] = _with(ports[index], label)
    return ports


def _by_target(entries: Sequence[JSON], among: frozenset[Target]) -> dict[Target, list[int]]:
    indexes: dict[Target, list[int]] = {target: [] for target in among}
    for index, port in enumerate(entries):
        if (target := _target(port)) in among:
            indexes[target].append(index)
    return indexes


def _meetings(unpaired: list[int], live: list[JSON], declared: list[JSON]) -> Iterator[tuple[int, str]]:
    """The ports ``unpaired`` of ``live``, each with the mark that it is to carry. Too many to compare each with each go in the
    order in which they are written.
    """
    several = len(unpaired) * len(declared) <= _MOST_COMPARISONS
    for agreement in (_same, _same_published, _same_address, _any) if several else (_any,):
        for index in [*unpaired]:
            partner = next((port for port in declared if agreement(mapping(port), mapping(live[index]))), None)
            if partner is not None:
                declared.remove(partner)
                unpaired.remove(index)
                yield index, mark(partner)
    for index in unpaired:
        yield index, mark(live[index])


def unmarked(value: JSON) -> JSON:
    """A long port without its mark."""
    if not isinstance(value, (dict, Mapping)) or APART not in value:
        return value
    return {key: entry for key, entry in value.items() if key != APART}


def _with(port: JSON, label: str) -> JSON:
    return {**mapping(port), APART: label}


def _target(port: JSON) -> Target:
    entry = mapping(port)
    return str(entry.get("target")), str(entry.get("protocol"))


def _any(_declared: Tree, _live: Tree) -> bool:
    return True


def _same_published(declared: Tree, live: Tree) -> bool:
    return declared.get("published") is None or published(declared["published"], live.get("published"))


def _same_address(declared: Tree, live: Tree) -> bool:
    return declared.get("host_ip") == live.get("host_ip")


def _same(declared: Tree, live: Tree) -> bool:
    return _same_address(declared, live) and _same_published(declared, live)
