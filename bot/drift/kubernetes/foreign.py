"""Containers that are only live and run an image of a registry that Git names nowhere in the object.

Such an image is software of somebody else, as one that takes the place of a declared one is. Asked by
:mod:`bot.drift.kubernetes.objects`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from bot.drift import images
from bot.drift.walk import Difference, Side
from bot.model.drift import Drift
from bot.model.json import JSON, Tree, elements, mapping, text
from bot.model.paths import Item
from bot.model.severity import Severity

_CONTAINERS: Final = frozenset({"containers", "initContainers", "ephemeralContainers"})


def as_foreign(drift: Drift, difference: Difference, declared: Tree) -> Drift:
    """``drift`` as what it is where it adds a container with an image of a registry that ``declared`` does not name."""
    if drift.severity is Severity.CRITICAL or not is_foreign(difference, declared):
        return drift
    return replace(drift, severity=Severity.CRITICAL, rule="image-registry")


def is_foreign(difference: Difference, declared: Tree) -> bool:
    """Whether it adds a container with an image of a registry that ``declared`` does not name."""
    if difference.side is not Side.OBSERVED:
        return False
    path = difference.location.path
    containers: JSON = difference.observed
    if isinstance(path[-1], Item) and len(path) > 1 and path[-2] in _CONTAINERS:
        containers = (difference.observed,)
    elif path[-1] not in _CONTAINERS:
        return False
    known_registries = {*_registries(declared)}
    return any(registry not in known_registries for registry in _registries({"containers": containers}))


def _registries(value: JSON) -> Iterator[str]:
    """The registry of every container's image below."""
    for key, below in mapping(value).items():
        if key in _CONTAINERS:
            parsed = (images.parse(text(mapping(image).get("image"))) for image in elements(below))
            yield from (image.registry for image in parsed if image is not None)
        else:
            yield from _registries(below)
