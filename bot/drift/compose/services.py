"""Judges the differences of a Compose service and the container that runs it.

Called by :mod:`bot.drift.diff`. A container has what it was created with, so a setting that Git does not declare and no
image or engine brings was added by somebody; whether Git ever had it, the base tells. Networks, volumes, secrets and
configs are compared by what Git says about them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import NoneType
from typing import Final

from bot.drift import images
from bot.drift.base import Base
from bot.drift.compose import edits, mounts, podman, port_pairs, project_parts, unseen
from bot.drift.compose.declared import long_form
from bot.drift.compose.declared.mounts import brought_mounts
from bot.drift.compose.entries import EntryIndex
from bot.drift.compose.inspected.inspect import INHERITED, REPLICAS, UNKNOWN
from bot.drift.compose.names import FOREIGN, Aliases, EngineNames
from bot.drift.compose.shape import service_shape
from bot.drift.compose.unseen import compared
from bot.drift.drifts import Attribution, Maker
from bot.drift.options import ComparisonOptions
from bot.drift.walk import Difference, Location, Side, Tally, walk
from bot.model.drift import Drift, DriftKind, Suppressed
from bot.model.json import JSON, Tree, elements, get, mapping, mappings, text, texts
from bot.model.paths import Path
from bot.model.resource import Desired, Observed
from bot.model.wording import some

_PER_CONTAINER: Final = frozenset({"x-state", "x-container", REPLICAS})
"""What differs between containers of one service that are alike."""


def examine(
    desired: Desired,
    observed: Observed,
    base: Tree | None,
    options: ComparisonOptions,
    aliases: Aliases,
    *,
    left_out: Tally,
) -> Iterator[Drift | Suppressed]:
    """Every difference in meaning of a declared service (or network, volume) and what runs, in any of its containers. What
    image and engine bring is counted in ``left_out``, what an engine does not show is suppressed.
    """
    if desired.id.kind == "service":
        brought = mapping(observed.tree.get(INHERITED))
        if silent := sum(key not in desired.tree for key in brought):
            left_out["image"] = silent
        judged_drifts = _of_service(desired, observed, base, options, aliases, left_out=left_out)
    else:
        judged_drifts = project_parts.examine(desired, observed, options)
    return (
        each for each in judged_drifts if compared((each.drift if isinstance(each, Suppressed) else each).path, desired)
    )


def _of_service(
    desired: Desired,
    observed: Observed,
    base: Tree | None,
    options: ComparisonOptions,
    aliases: Aliases,
    *,
    left_out: Tally,
) -> Iterator[Drift | Suppressed]:
    groups = _alike(observed.tree)
    number = sum(len(names) for _, names in groups)
    containers_by_drift: dict[str, tuple[Drift, list[str]]] = {}
    hidden: dict[str, Suppressed] = {}
    for tree, names in groups:
        for each in _of_container(desired, tree, base, options, aliases, left_out=left_out):
            if isinstance(each, Suppressed):
                hidden.setdefault(each.drift.id, each)
            else:
                containers_by_drift.setdefault(each.id, (each, []))[1].extend(names)
    yield from hidden.values()
    for drift, names in containers_by_drift.values():
        yield drift if len(names) >= number else _partial(drift, names, number)


def _alike(tree: Tree) -> list[tuple[Tree, list[str]]]:
    """The containers of a service: each tree once, with the names of those that it is like."""
    groups: list[tuple[Tree, list[str]]] = []
    distinct: list[dict[str, JSON]] = []
    for container in (tree, *mappings(tree.get(REPLICAS))):
        name = text(get(container, "x-container", "name"))
        settings = {key: value for key, value in container.items() if key not in _PER_CONTAINER and key != "scale"}
        if settings in distinct:
            groups[distinct.index(settings)][1].append(name)
        else:
            distinct.append(settings)
            groups.append(({**container, "scale": tree["scale"]} if "scale" in tree else container, [name]))
    return groups


def _partial(drift: Drift, names: Sequence[str], number: int) -> Drift:
    """A difference that only some containers have: no edit would make Git say what all of them are."""
    return replace(drift, message=f"only {some(names)} of {number} containers", adopt=())


def _of_container(
    desired: Desired,
    tree: Tree,
    base: Tree | None,
    options: ComparisonOptions,
    aliases: Aliases,
    *,
    left_out: Tally,
) -> Iterator[Drift | Suppressed]:
    live = long_form.service(tree)
    long_service = long_form.service(desired.tree)
    declared = _settled(long_service, desired, tree, live)
    live = _settled_live(live, declared, desired, tree, aliases)
    hidden = [
        *((key,) for key, value in long_service.items() if value and key not in declared),
        *podman.unseen_addresses(live, declared, tree),
    ]
    yield from unseen.unseen(hidden, long_service, desired, tree, options)
    yield from unseen.not_compared(desired, tree, options)
    declared = unseen.without(declared, hidden)
    live = podman.spelled(live, declared, tree, desired.tree)
    among = port_pairs.repeated(declared.get("ports"), live.get("ports"))
    declared["ports"] = port_pairs.marked(declared.get("ports"), among)
    live["ports"] = port_pairs.paired(live.get("ports"), declared["ports"], among)
    yield from _moved(desired, tree, declared, options)
    shape = service_shape(resolved=mounts.folder(tree) is not None, logged=_logged(live, tree))
    differences = edits.ranges_as_one(walk(declared, live, shape, left_out=left_out), desired.tree)
    if not differences:
        return
    before = None if base is None else long_form.service(base)
    if before is not None:
        before["ports"] = port_pairs.marked(before.get("ports"), among)
    applied = Base(before, shape)
    maker = Maker(desired, options, observed=tree)
    strange = _strange(tree, desired.id.scope, aliases)
    index = EntryIndex(desired.tree, declared)
    for difference in map(_unmarked, differences):
        cause = _cause(difference, applied, desired)
        if cause is not None:
            written_at = edits.written(index, difference.location.path)
            changes = () if _names(difference, strange) else edits.edits(index, difference)
            yield maker.drift(difference, cause, changes, pointer=written_at)


def _logged(live: Tree, tree: Tree) -> bool:
    """Whether somebody asked for the way in which the container logs: on podman's command line, or for no log at all, which
    is no engine's own way (Docker: Configure logging drivers; containers.conf(5), log_driver).
    """
    return get(live, "logging", "driver") == "none" or get(tree, "x-container", "logged") is True


def _moved(desired: Desired, tree: Tree, declared: Tree, options: ComparisonOptions) -> Iterator[Drift]:
    """A container of the declared name whose tag was given to another image since it was made."""
    tagged, running = text(get(tree, "x-image", "tagged")), text(get(tree, "x-image", "id"))
    image = declared.get("image")
    if not tagged or not images.agrees(image, tree.get("image")):
        return
    at = Location(None, "", "", "").entry("image")
    difference = Difference(Side.BOTH, at, image, running, service_shape().child("image"))
    cause = Attribution(
        DriftKind.IMAGE_MOVED, message=f"{image} names {tagged} now; the container runs an earlier image"
    )
    yield Maker(desired, options, observed=tree).drift(difference, cause, ())


def _unmarked(difference: Difference) -> Difference:
    """As people are to see it."""
    desired, observed = port_pairs.unmarked(difference.desired), port_pairs.unmarked(difference.observed)
    return replace(difference, desired=desired, observed=observed)


def _strange(tree: Tree, scope: str, aliases: Aliases) -> frozenset[str]:
    """The names of networks and volumes for which the files have no key: an edit that named one would break them."""
    if not get(tree, "x-container", "project"):
        return frozenset()
    attached = {**mapping(get(tree, INHERITED, "networks")), **mapping(tree.get("networks"))}
    mounted = {text(mount.get("source")) for mount in mappings(tree.get("volumes")) if mount.get("type") == "volume"}
    kinds = (("network", attached), ("volume", mounted))
    return frozenset(name for kind, names in kinds for name in names if (kind, scope, name) not in aliases)


def _names(difference: Difference, strange: frozenset[str]) -> bool:
    """Whether the live side of a difference names something ``strange``."""
    path = difference.location.path
    if difference.side is Side.DESIRED or len(path) < 2 or path[0] not in {"networks", "volumes"}:
        return False
    name = path[1] if path[0] == "networks" else mapping(difference.observed).get("source", difference.observed)
    added = difference.side is Side.OBSERVED or path[0] == "volumes"
    return added and isinstance(name, str) and (name in strange or name.startswith(FOREIGN))


def _settled(declared: dict[str, JSON], desired: Desired, tree: Tree, live: Tree) -> dict[str, JSON]:
    """The declared side with what only the engine can know filled in from the live side."""
    unknown = {key for key in texts(tree.get(UNKNOWN)) if key not in live}
    settled = {key: value for key, value in declared.items() if key not in unknown}
    environment = settled.get("environment")
    if isinstance(environment, dict):
        live_values = {
            **mapping(mapping(tree.get(INHERITED)).get("environment")),
            **mapping(live.get("environment")),
        }
        settled["environment"] = {
            key: live_values.get(key) if value is None else value
            for key, value in environment.items()
            if value is not None or key in live_values
        }
    if get(tree, "x-container", "engine") == "podman" and desired.tree.get("restart") is not None:
        restart = long_form.service({"restart": desired.tree["restart"]})["restart"]
        if restart == live.get("restart", "no"):
            settled["restart"] = restart  # podman-compose does not look at the policy below deploy
    return settled


def _settled_live(
    live: dict[str, JSON], declared: Tree, desired: Desired, tree: Tree, aliases: Aliases
) -> dict[str, JSON]:
    """The live side with what image and engine bring where Git speaks about it, without what Git brings elsewhere, and
    with Git's names.
    """
    inherited = long_form.service(mapping(tree.get(INHERITED)))
    settled = dict(mapping(_filled(declared, live, inherited)))
    if declared.get("expose"):
        exposed = {*texts(live.get("expose")), *texts(inherited.get("expose"))}
        silent = {*texts(inherited.get("expose"))} - {*texts(declared["expose"])}
        settled["expose"] = sorted(exposed - silent) or None
    project = text(get(tree, "x-container", "project"))
    if isinstance(declared.get("networks", {}), (dict, Mapping)):
        networks = {**mapping(inherited.get("networks")), **mapping(live.get("networks"))}
        settled["networks"] = _networks(networks, declared, EngineNames("network", desired.id.scope, project, aliases))
    brought = brought_mounts(desired.tree)
    if isinstance(volumes := settled.get("volumes"), list):
        kept_mounts = [mount for mount in volumes if mapping(mount).get("target") not in brought]
        kept_mounts = mounts.named(kept_mounts, declared, EngineNames("volume", desired.id.scope, project, aliases))
        settled["volumes"] = mounts.placed(kept_mounts, declared, mounts.folder(tree), desired)
    return settled


def _networks(live: Tree, declared: Tree, names: EngineNames) -> JSON:
    """The networks by Git's names. Where Git is silent a service is in the project's own, however that is called."""
    declared_networks = declared.get("networks")
    names_in_git = names.in_git(live, mapping(declared_networks) if declared_networks is not None else {"default"})
    networks = {names_in_git[name]: entry for name, entry in live.items()}
    if declared_networks is None:
        networks.pop("default", None)
    return networks or None


def _filled(declared: JSON, given_value: JSON, inherited: JSON) -> JSON:
    """``given_value`` with the entries of ``inherited`` that ``declared`` speaks about."""
    if not isinstance(inherited, (dict, Mapping)) or not isinstance(given_value, (dict, Mapping, NoneType)):
        return inherited if given_value is None else given_value
    filled = dict(mapping(given_value))
    for key, value in mapping(declared).items():
        if key in mapping(inherited):
            filled[key] = _filled(value, filled.get(key), mapping(inherited)[key])
    return filled


def _cause(difference: Difference, base: Base, desired: Desired) -> Attribution | None:
    match difference.side:
        case Side.BOTH:
            moved = difference.shape.agrees is images.agrees and images.moved(difference.desired, difference.observed)
            return Attribution(DriftKind.IMAGE_MOVED if moved else DriftKind.CHANGED)
        case Side.DESIRED:
            return Attribution(DriftKind.MISSING)
        case Side.OBSERVED:
            return _addition(difference.location.path, base, desired)


_UNSEEN: Final = {"environment": ("env_file",), "labels": ("label_file",)}
"""Where files are named that may not be in Git; then intake says that they are unknown."""


def _addition(path: Path, base: Base, desired: Desired) -> Attribution | None:
    """What Git does not have: dropped from it, added live, or brought by a file that Git does not hold."""
    if base.has(path):
        return Attribution(DriftKind.REMOVED)
    if _UNSEEN.get(str(path[0])) in desired.unknown or (
        path[0] == "volumes" and elements(desired.tree.get("volumes_from"))
    ):
        return None
    if path[0] == "command" and desired.tree.get("entrypoint") is not None:
        return None
    return Attribution(DriftKind.ADDED)
