"""Judges the differences of a Compose service and the container that runs it.

Called by :mod:`bot.drift.diff`. A container has what it was created with, so a setting that Git does not declare and no
image or engine brings was added by somebody; whether Git ever had it, the base tells. Networks, volumes, secrets and
configs are compared by what Git says about them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from bot.drift import compose, compose_edits, images
from bot.drift.base import Base
from bot.drift.compose_shape import service_shape
from bot.drift.drifts import Cause, Maker
from bot.drift.options import Options
from bot.drift.peek import elements, mapping, text
from bot.drift.shapes import ANY
from bot.drift.surroundings import Aliases
from bot.drift.walk import Finding, Side, walk
from bot.model.drift import Drift, DriftKind
from bot.model.resource import JSON, Desired, Observed, Path, Tree

_INHERITED: Final = "x-inherited"
_SEEN_IN_PROJECTS: Final = frozenset({"driver", "internal", "attachable", "enable_ipv6", "labels"})


def examine(
    desired: Desired, observed: Observed, base: Tree | None, options: Options, aliases: Aliases
) -> Iterator[Drift]:
    """Every difference in meaning of a declared service (or network, volume) and what runs."""
    if desired.id.kind != "service":
        yield from _of_project(desired, observed, options)
        return
    shape = service_shape()
    live = compose.service(observed.tree)
    wanted = _settled(compose.service(desired.tree), desired, observed, live, aliases)
    live = _settled_live(live, wanted, desired.tree, observed)
    findings = walk(wanted, live, shape)
    if not findings:
        return
    before = Base(None if base is None else compose.service(base), {}, shape)
    maker = Maker(desired, options, observed=observed.tree)
    for finding in findings:
        cause = _cause(finding, before, desired.tree)
        if cause is not None:
            written = compose_edits.written(desired.tree, finding.place.path)
            edits = compose_edits.edits(desired.tree, finding, wanted)
            yield maker.drift(finding, cause, edits, pointer=written)


def _settled(
    wanted: dict[str, JSON], desired: Desired, observed: Observed, live: Tree, aliases: Aliases
) -> dict[str, JSON]:
    """The declared side with what only the engine can know filled in from the live side."""
    settled = dict(wanted)
    environment = settled.get("environment")
    if isinstance(environment, dict):
        there = {
            **mapping(mapping(observed.tree.get(_INHERITED)).get("environment")),
            **mapping(live.get("environment")),
        }
        settled["environment"] = {
            key: there.get(key) if value is None else value
            for key, value in environment.items()
            if value is not None or key in there
        }
    volumes = settled.get("volumes")
    if isinstance(volumes, list):
        settled["volumes"] = [_renamed_volume(volume, desired.id.scope, aliases) for volume in volumes]
    networks = settled.get("networks")
    if isinstance(networks, dict):
        settled["networks"] = {
            aliases.get(("network", desired.id.scope, name), name): entry for name, entry in networks.items()
        }
    return settled


def _renamed_volume(volume: JSON, project: str, aliases: Aliases) -> JSON:
    if not isinstance(volume, dict) or volume.get("type") != "volume":
        return volume
    source = text(volume.get("source"))
    return {**volume, "source": aliases.get(("volume", project, source), source)}


def _settled_live(live: dict[str, JSON], wanted: Tree, raw: Tree, observed: Observed) -> dict[str, JSON]:
    """The live side with what image and engine bring where Git speaks about it, without what Git brings elsewhere."""
    inherited = compose.service(mapping(observed.tree.get(_INHERITED)))
    settled = dict(mapping(_filled(wanted, live, inherited)))
    brought = compose.brought_mounts(raw)
    if brought and isinstance(volumes := settled.get("volumes"), list):
        settled["volumes"] = [one for one in volumes if mapping(one).get("target") not in brought]
    return settled


def _filled(wanted: JSON, given: JSON, inherited: JSON) -> JSON:
    """``given`` with the entries of ``inherited`` that ``wanted`` speaks about."""
    if given is None and not isinstance(inherited, (dict, Mapping)):
        return inherited
    if not all(isinstance(side, (dict, Mapping)) or side is None for side in (wanted, given, inherited)):
        return inherited if given is None else given
    found = dict(mapping(given))
    for key, value in mapping(wanted).items():
        if key in mapping(inherited):
            found[key] = _filled(value, found.get(key), mapping(inherited)[key])
    return found


def _cause(finding: Finding, base: Base, raw: Tree) -> Cause | None:
    match finding.side:
        case Side.BOTH:
            moved = finding.shape.agrees is images.agrees and images.moved(finding.desired, finding.observed)
            return Cause(DriftKind.IMAGE_MOVED if moved else DriftKind.CHANGED, None)
        case Side.DESIRED:
            return Cause(DriftKind.MISSING, None)
        case Side.OBSERVED:
            return _addition(finding.place.path, base, raw)


def _addition(path: Path, base: Base, raw: Tree) -> Cause | None:
    """What Git does not have: dropped from it, added live, or brought by a file that Git does not hold."""
    if base.holds(path):
        return Cause(DriftKind.REMOVED, None)
    unseen = {"environment": "env_file", "labels": "label_file", "volumes": "volumes_from"}.get(str(path[0]))
    if unseen is not None and elements(raw.get(unseen) if not isinstance(raw.get(unseen), str) else [raw[unseen]]):
        return None
    if path[0] == "command" and raw.get("entrypoint") is not None:
        return None
    return Cause(DriftKind.ADDED, None)


def _of_project(desired: Desired, observed: Observed, options: Options) -> Iterator[Drift]:
    """Networks and volumes: only what Git says about them, because engines fill in the rest."""
    wanted = {key: value for key, value in desired.tree.items() if key in _SEEN_IN_PROJECTS}
    if isinstance(wanted.get("labels"), (list, tuple)):
        wanted["labels"] = compose.variables(wanted["labels"])
    live = {key: observed.tree[key] for key in wanted if key in observed.tree}
    maker = Maker(desired, options, observed=observed.tree)
    for finding in walk(wanted, live, ANY):
        if finding.side is Side.BOTH:
            yield maker.drift(finding, Cause(DriftKind.CHANGED, None), ())
