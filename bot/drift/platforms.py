"""What platforms and their controllers do to objects by themselves: GKE Autopilot, OpenShift, Istio, Argo CD and others.

One file per platform is the data (``policies/platforms/NAME.yaml``); here it is read and asked. A *mutation* names the
places that a platform fills in or changes, and how its own writing is told: by the name of the field manager, by a mark
that it leaves on the object (what an admission webhook changes is owned by whoever sent the object), or by the form of
the value. What a person is recorded to have written is told by the manager alone, and what grants something only by a form
that leaves no doubt: anybody may take a manager's name. What a mutation explains is suppressed and counted. An *opt-out* is
an annotation in Git by which a deployer leaves an object alone. Used by :mod:`bot.drift.kubernetes.objects`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from bot.drift.canonical import spelled
from bot.drift.tables import Reason, TableRow, Texts, read_files
from bot.model.globs import name_matches, parsed_pattern, path_matches, path_matches_or_above
from bot.model.json import JSON, Tree, get, mapping
from bot.model.paths import Path


def _paths(patterns: tuple[str, ...]) -> tuple[str, ...]:
    for pattern in patterns:
        parsed_pattern(pattern)
    return patterns


def _expression(pattern: str | None) -> str | None:
    try:
        re.compile(pattern or "")
    except re.error as exc:
        raise ValueError(f"not a regular expression: {exc}") from exc
    return pattern


def _leaf_paths(leaves: Mapping[str, tuple[str, ...]] | None) -> Mapping[str, tuple[str, ...]] | None:
    for pattern in leaves or {}:
        parsed_pattern(pattern)
    return leaves


_Paths = Annotated[Texts, AfterValidator(_paths)]


class PlatformMutation(TableRow):
    """Places that a platform writes. Kinds, keys and managers are globs, ``value`` is a regular expression that the live
    value, spelled as JSON or as its text, matches somewhere. What is not said is not asked; ``unrecorded`` also takes what
    nobody is recorded to have written, ``anybody`` what anybody but a person wrote, where it still is there.
    """

    kinds: Texts = ()
    paths: _Paths
    managers: Texts = ()
    namespaces: Texts = ()
    """Globs, one of which the namespace of the live object matches."""
    marks: Texts = ()
    """Labels or annotations of the live object or of its pod template (``key`` or ``key=value``), one of which it has."""
    value: Annotated[str | None, AfterValidator(_expression)] = None
    leaves: Annotated[Mapping[str, Texts] | None, AfterValidator(_leaf_paths)] = None
    """By the glob of its path, the globs of every scalar that the live value has and the declared one has not; elements of
    lists stand at the path of their list. A scalar of another path or text is not the platform's.
    """
    added: bool = False
    """Whether it only adds: every scalar of the declared value is still live."""
    unrecorded: bool = False
    anybody: bool = False
    exact: bool = False
    """Whether the form leaves no doubt, so that the row is about what grants something as well."""
    reason: Reason

    def explains(self, kind: str, path: Path, declared: JSON, live: JSON, tree: Tree) -> bool:
        """Whether a difference at ``path`` may be its doing, whoever wrote it."""
        if self.kinds and not any(name_matches(glob, kind) for glob in self.kinds):
            return False
        if not any(path_matches_or_above(glob, path) for glob in self.paths):
            return False
        if self.namespaces and not any(name_matches(glob, _namespace(tree)) for glob in self.namespaces):
            return False
        if self.leaves is not None and not self._names_all_new(path, declared, live):
            return False
        if self.value is not None and not re.search(self.value, live if isinstance(live, str) else spelled(live)):
            return False
        return not self.marks or any(_marked(tree, mark) for mark in self.marks)

    def _names_all_new(self, path: Path, declared: JSON, live: JSON) -> bool:
        """Whether the row names every scalar that ``live`` has and ``declared`` has not."""
        before = set() if declared is None else {*_scalars(path, declared)}
        now = {*_scalars(path, live)}
        return not (self.added and before - now) and all(leaf in before or self._names(*leaf) for leaf in now)

    def _names(self, path: Path, value: str) -> bool:
        return any(
            path_matches(glob, path) and any(name_matches(pattern, value) for pattern in values)
            for glob, values in (self.leaves or {}).items()
        )


class OptOut(TableRow):
    """A note in Git (``key`` with one of ``values``; any where none is named) that leaves an object alone."""

    on: Literal["label", "annotation"] = "annotation"
    key: Annotated[str, Field(min_length=1)]
    values: Texts = ()
    additions: bool = False
    """Whether it is about what others add alone: what Git says is still applied."""
    reason: Reason

    def is_set(self, tree: Tree) -> bool:
        """Whether the declared ``tree`` says so."""
        value = mapping(get(tree, "metadata", f"{self.on}s")).get(self.key)
        return value is not None and (
            not self.values or str(value).lower() in {option_value.lower() for option_value in self.values}
        )


class ClusterPlatform(TableRow):
    """One platform: the names of its field managers (globs), what it changes, how Git leaves an object to itself."""

    platform: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")]
    source: Annotated[str, Field(min_length=3)]
    managers: Texts = ()
    mutations: tuple[PlatformMutation, ...] = ()
    opt_outs: tuple[OptOut, ...] = ()

    def wrote(self, mutation: PlatformMutation, trail: Trail) -> bool:
        """Whether ``mutation`` is told by who wrote the difference, as far as ``trail`` says."""
        if mutation.anybody and not (trail.grave or trail.person or trail.absent):
            return True
        if trail.grave and not mutation.exact:
            return False
        if trail.manager is None:
            return mutation.unrecorded and not trail.recorded
        return any(name_matches(glob, trail.manager) for glob in mutation.managers or self.managers)


@dataclass(frozen=True, slots=True)
class Trail:
    """Who wrote a difference. ``manager``: the field manager; None where nobody is recorded. ``person``: it is a person's.
    ``recorded``: the object records its writers. ``absent``: nothing is live there. ``grave``: it is a privilege or lets one
    in, which only a row that is ``exact`` explains.
    """

    manager: str | None = None
    person: bool = False
    recorded: bool = False
    absent: bool = False
    grave: bool = False


@dataclass(frozen=True)
class Platforms:
    """Every platform that is known."""

    every: tuple[ClusterPlatform, ...] = ()

    def explained(
        self, kind: str, path: Path, sides: tuple[JSON, JSON], tree: Tree, trail: Trail
    ) -> tuple[str, str] | None:
        """By which platform the difference at ``path`` of the live ``tree`` is explained, and how; None by none. ``sides``
        are the declared and the live value.
        """
        for platform, mutation in self._mutations:
            if mutation.explains(kind, path, *sides, tree) and platform.wrote(mutation, trail):
                return f"platform:{platform.platform}", mutation.reason
        return None

    def opted_out(self, tree: Tree, *, addition: bool) -> tuple[str, str] | None:
        """Why the deployer of the declared ``tree`` leaves a difference alone; None where it does not. ``addition``: it is
        something that is only live.
        """
        if not get(tree, "metadata", "annotations") and not get(tree, "metadata", "labels"):
            return None
        for platform in self.every:
            for note in platform.opt_outs:
                if (addition or not note.additions) and note.is_set(tree):
                    return f"opt-out:{note.key}", note.reason
        return None

    @cached_property
    def _mutations(self) -> tuple[tuple[ClusterPlatform, PlatformMutation], ...]:
        return tuple((platform, mutation) for platform in self.every for mutation in platform.mutations)


def load(files: Mapping[str, bytes]) -> Platforms:
    """The platforms of ``files``. Raises :class:`~bot.errors.Invalid` that names file, line and what is wrong."""
    return Platforms(tuple(platform for _, platform in read_files(ClusterPlatform, files)))


def _scalars(path: Path, value: JSON) -> Iterator[tuple[Path, str]]:
    """Every scalar of ``value``, which stands at ``path``, as text; one that is not there says ``null``."""
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _scalars((*path, key), entry)
    elif isinstance(value, (list, tuple)):
        for element in value:
            yield from _scalars(path, element)
    else:
        yield path, value if isinstance(value, str) else spelled(value)


def _namespace(tree: Tree) -> str:
    return str(get(tree, "metadata", "namespace") or "")


def _marked(tree: Tree, mark: str) -> bool:
    key, equals, value = mark.partition("=")
    for metadata in (mapping(tree.get("metadata")), mapping(get(tree, "spec", "template", "metadata"))):
        for part in _notes(metadata):
            if any(name_matches(key, label) and (not equals or part[label] == value) for label in part):
                return True
    return False


def _notes(metadata: Tree) -> Iterator[Tree]:
    return (mapping(metadata.get(part)) for part in ("annotations", "labels"))
