"""Judges the differences of a network or volume of a Compose project and the one that an engine has.

Called by :mod:`bot.drift.compose.services`. Engines fill in the rest, so that only what Git says counts, and what nobody but a
person gives a volume.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from typing import Final

from bot.drift.compose.declared.process import variables
from bot.drift.drifts import Attribution, Maker
from bot.drift.options import ComparisonOptions
from bot.drift.shapes import ANY
from bot.drift.walk import Difference, Location, Side, walk
from bot.model.drift import Drift, DriftKind
from bot.model.json import Tree, get, mappings, text, texts
from bot.model.resource import Desired, Observed

_COMPARED: Final = frozenset({"driver", "driver_opts", "internal", "attachable", "enable_ipv6", "labels"})


def examine(desired: Desired, observed: Observed, options: ComparisonOptions) -> Iterator[Drift]:
    """Every difference in meaning. What is ``external`` is declared elsewhere."""
    if desired.tree.get("external") is True:
        return
    declared = {key: value for key, value in desired.tree.items() if key in _COMPARED and key in observed.tree}
    if isinstance(declared.get("labels"), (list, tuple)):
        declared["labels"] = variables(declared["labels"])
    if desired.id.kind == "volume" and "driver_opts" in observed.tree:  # no engine fills in options of a volume
        declared.setdefault("driver_opts", {})
    live = {key: observed.tree[key] for key in declared}
    maker = Maker(desired, options, observed=observed.tree)
    for difference in (*walk(declared, live, ANY), *_subnets(desired.tree, observed.tree)):
        cause = _cause(difference, desired)
        if cause is not None:
            yield maker.drift(difference, Attribution(cause), ())


def _cause(difference: Difference, desired: Desired) -> DriftKind | None:
    optional = difference.location.path[0] == "driver_opts"
    match difference.side:
        case Side.BOTH:
            return DriftKind.CHANGED
        case Side.DESIRED:
            return DriftKind.MISSING if optional else None
        case Side.OBSERVED:
            return DriftKind.ADDED if optional and desired.id.kind == "volume" else None


def _subnets(declared: Tree, live: Tree) -> Iterator[Difference]:
    """The ranges of addresses of a network, where Git names them and the engine shows some."""
    declared_ranges = [text(part.get("subnet")) for part in mappings(get(declared, "ipam", "config"))]
    live_ranges = [*texts(live.get("x-subnets"))]
    ranges = [_ranges(side) for side in (declared_ranges, live_ranges)]
    if all(declared_ranges) and None not in ranges and declared_ranges and live_ranges and ranges[0] != ranges[1]:
        at = Location(None, "", "", "").entry("ipam").entry("config")
        yield Difference(Side.BOTH, at, [*declared_ranges], [*live_ranges], ANY)


def _ranges(subnets: Sequence[str]) -> frozenset[str] | None:
    """The ranges in one spelling; None where one is none."""
    try:
        return frozenset(str(ip_network(subnet, strict=False)) for subnet in subnets)
    except ValueError:
        return None
