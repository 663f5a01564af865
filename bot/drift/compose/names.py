"""What a project's networks and volumes are called on the engine, and what Git calls the ones that a container has.

Used by :mod:`bot.drift.compose.services`. An engine puts the project before the key (``shop_data``), unless Git gives a name of
its own or takes one that exists already (``external``); what no key of the project stands for belongs to somebody else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from bot.model.resource import Desired, Platform

Aliases: TypeAlias = Mapping[tuple[str, str, str], str]
"""The name that a project's volume or network has on the engine, by (kind, project, name), where Git gives it one; empty
where a variable that Git does not hold gives it.
"""

_NAMED: Final = frozenset({"volume", "network"})

FOREIGN: Final = "external:"
"""Stands before a live name that would read like a key of the project and is something else."""


@dataclass(frozen=True, slots=True)
class EngineNames:
    """The names of one kind (``network``, ``volume``) in a project: ``scope`` in Git, ``live`` on the engine.

    ``live`` is empty for a container that no Compose tool made: then a key may also be the engine's own name.
    """

    kind: str
    scope: str
    live: str
    aliases: Aliases

    def in_git(self, names: Iterable[str], declared: Collection[str]) -> dict[str, str]:
        """The live ``names``, each with the key that Git knows it by; with its own name where Git knows none.

        A ``declared`` key whose name only a variable knows takes the place of a live one that nothing else explains.
        """
        project_labels = self._names_by_text()
        keys = {name: key for key, name in project_labels.items()}
        keys |= {project_labels[key]: key for key in declared if project_labels.get(key)}
        names_in_git = {
            name: key for name in names if (key := keys.get(name) or self._unprefixed(name, project_labels)) is not None
        }
        unknown = sorted(key for key in declared if project_labels.get(key) == "")
        strange = sorted(set(names) - names_in_git.keys())
        names_in_git |= dict(zip(strange, unknown, strict=False))
        used_keys = {*declared, *names_in_git.values()}
        return names_in_git | {
            name: f"{FOREIGN}{name}" if name in used_keys else name for name in strange[len(unknown) :]
        }

    def _names_by_text(self) -> dict[str, str]:
        return {
            key: name for (kind, scope, key), name in self.aliases.items() if (kind, scope) == (self.kind, self.scope)
        }

    def _unprefixed(self, name: str, given_names: Collection[str]) -> str | None:
        """The key that the engine put the project before; None where this is no such name."""
        project = self.live or self.scope
        key = short_name(name, project)
        if key == name and self.live:
            return None
        return None if key in given_names else key


def aliases(declared: Sequence[Desired]) -> Aliases:
    """The names that ``declared`` volumes and networks get from Git."""
    return {
        (desired.id.kind, desired.id.scope, desired.id.name): name
        for desired in declared
        if desired.id.kind in _NAMED
        and desired.id.platform is Platform.COMPOSE
        and (name := _engine_name(desired)) is not None
    }


def _engine_name(desired: Desired) -> str | None:
    """The name that Git gives it, its key where it exists already; None where the engine makes desired up."""
    if ("name",) in desired.unknown:
        return ""
    name = desired.tree.get("name")
    if isinstance(name, str) and name:
        return name
    return desired.id.name if desired.tree.get("external") is True else None


def short_name(name: str, project: str) -> str:
    """``shop_data`` as the project ``shop`` calls it: ``data``."""
    for joint in ("_", "-"):
        if project and name.startswith(f"{project}{joint}"):
            return name[len(project) + 1 :]
    return name
