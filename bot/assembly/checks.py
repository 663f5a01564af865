"""What must hold of a whole resource before it can be rendered. Called by :mod:`bot.assembly.assemble`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bot.assembly.config import Kind, Resource
from bot.assembly.schema import KUBERNETES_ONLY
from bot.assembly.values import Value, as_text
from bot.model.json import Pointer
from bot.model.resource import SourceError

_ELSEWHERE: Final = 'a stack of provider "kubernetes"'
_WORKLOADS: Final = frozenset({Kind.SERVICE, Kind.JOB, Kind.CRON_JOB})


def leaks(kind: Kind, body: Value) -> Iterator[SourceError]:
    """The first sensitive value that rendering would show."""
    leak = next((value for pointer, value in body.walk() if _shows(kind, pointer, value)), None)
    if leak is not None:
        message = "a sensitive value would be written into a committed file here"
        yield _mistake(leak, message, "sensitive values in 'environment' only")


def _shows(kind: Kind, pointer: Pointer, value: Value) -> bool:
    """Whether rendering would show a sensitive value. What an environment holds is left to the deployment."""
    if not value.trace.sensitive or value.elements:
        return False
    if value.mapping:
        return True  # its keys would be shown
    match pointer:
        case ("environment", _) | ("container" | "init_container", _, "environment", _):
            return kind not in _WORKLOADS
    return True


def containers(name: str, body: Value) -> Iterator[SourceError]:
    """Names that two containers of the pod called ``name`` have."""
    names_used = {name}
    for kind in ("init_container", "container"):
        blocks = body.mapping.get(kind)
        for block in blocks.elements if blocks else ():
            container_name = as_text(block.mapping["name"]) or ""
            if container_name in names_used:
                yield _mistake(
                    block.mapping["name"], f"there is already a container {container_name!r} here", "another name"
                )
            names_used.add(container_name)


def kubernetes_only(resource: Resource) -> SourceError | None:
    """The first part of a resource of a docker stack that Docker knows nothing of."""
    if resource.kind in KUBERNETES_ONLY:
        return _mistake(resource.body, f"Docker has no {resource.kind.value!r}", _ELSEWHERE)
    for name, value in resource.body.mapping.items():
        if name in KUBERNETES_ONLY:
            first = value.elements[0] if value.elements else value
            return _mistake(first, f"Docker has no {name!r}", _ELSEWHERE)
    return None


def _mistake(value: Value, message: str, expected: str) -> SourceError:
    origin = value.trace.origin
    return SourceError(origin.file, origin.line, origin.column, message, expected)
