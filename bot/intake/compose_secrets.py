"""Elements of lists that are told apart by a text which holds a secret: every message about one would show it.

Called by :mod:`bot.intake.compose`. A value that holds a secret is compared and hidden; what it is called cannot be hidden.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bot.intake.compose_merge import device_key, mount_key, pair_key
from bot.intake.compose_project import Project
from bot.intake.compose_tags import hidden
from bot.intake.located import LocatedValue
from bot.model.json import Pointer

_KEYS: Final = {"volumes": mount_key, "devices": device_key}


def without_secret_keys(project: Project, tree: LocatedValue) -> LocatedValue:
    """The project in which such elements are known to nobody; each is noted."""
    services = tree.mapping.get("services")
    if services is None or not project.secrets:
        return tree
    pointers: list[Pointer] = []
    for name, service in services.mapping.items():
        for key, index, item in _elements(service):
            called = _KEYS.get(key, pair_key)(item)
            if any(part.location.secret for part in item.parts()) and any(
                secret in called for secret in project.secrets
            ):
                message = f"an element of {key!r} is called by a secret variable: not compared"
                project.report(item.location, message, "a variable that is no secret", note=True)
                pointers.append(("services", name, key, index))
    return hidden(tree, pointers)


def _elements(service: LocatedValue) -> Iterator[tuple[str, int, LocatedValue]]:
    for key, elements in service.mapping.items():
        for index, item in enumerate(elements.elements):
            if key not in {"command", "entrypoint"}:
                yield key, index, item
