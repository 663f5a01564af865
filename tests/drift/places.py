"""Objects that hold one value at one place, for tests of tables of fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.model.json import JSON, Tree


def holding(path: str, *values: JSON) -> Tree:
    """An object with each of ``values`` at ``path``, or nothing there: ``spec.ports[].nodePort``.

    ``[]`` is the one element of a list.
    """
    head, _, rest = path.partition(".")
    name = head.removesuffix("[]")
    if not rest:
        return dict.fromkeys([name], values[0]) if values else {}
    inner = holding(rest, *values)
    return {name: [inner] if name != head else inner}


def places(groups: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    """Each (kind, path) of kinds with names by the path around them; ``.`` is the object itself."""
    for kind, names_by_parent in groups.items():
        for parent, names in names_by_parent.items():
            for name in names.split():
                yield kind, name if parent == "." else f"{parent}.{name}"
