"""Which differences of a rendered object are about values that Git does not show: encrypted ones, placeholders, and what
a chart makes anew each time.

Asked by :mod:`bot.flows.quiet`. Whether something is there can be told of most of them; what it is, of none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from bot.drift.canonical import absent, same
from bot.drift.kubernetes.kinds import shape_of
from bot.drift.masking import HIDDEN
from bot.drift.shapes import Form, Shape
from bot.model.drift import Drift, DriftKind, SetValue
from bot.model.json import JSON, Pointer, Tree, elements, get, is_list, mapping, text, value_at
from bot.model.paths import Path
from bot.model.resource import Desired
from bot.targets.places import canonical, named_by

_REMOVES: Final = "avp.kubernetes.io/remove-missing"
"""With it, argocd-vault-plugin drops the keys of secrets that it does not find (its docs, "How it works")."""
_PARTLY: Final = "a part of it is encrypted or filled in later, so what is live is not shown"


@dataclass(frozen=True, slots=True)
class Incomparable:
    """The values of one object that nobody can compare, by their canonical paths.

    ``absent`` are those of them that may not be there at all once they are filled in; ``unnamed`` are elements of lists
    whose key is such a value, so that nobody can tell which live element is meant.
    """

    tree: Tree
    shape: Shape
    pointers: frozenset[Pointer]
    paths: frozenset[Path] = frozenset()
    absent: frozenset[Path] = frozenset()
    unnamed: frozenset[Path] = frozenset()

    @staticmethod
    def of(desired: Desired) -> Incomparable:
        """What of ``desired`` cannot be compared."""
        shape, tree = shape_of(desired.id.group, desired.id.kind), desired.tree
        paths_by_pointer = {
            pointer: frozenset(canonical(_as_live(pointer), tree, shape)) for pointer in desired.unknown
        }
        absent = [paths_by_pointer[pointer] for pointer in paths_by_pointer if _may_be_absent(tree, pointer)]
        unnamed = {element for pointer in paths_by_pointer for element in named_by(pointer, shape)}
        return Incomparable(
            tree,
            shape,
            desired.unknown,
            frozenset().union(*paths_by_pointer.values()),
            frozenset().union(*absent),
            frozenset(path for element in unnamed for path in canonical(element, tree, shape)),
        )

    def reportable(self, drift: Drift) -> Drift | None:
        """What of a drift can be told; None where it is about such a value alone.

        An element that came is hidden only where its like cannot be told apart from it; a list that changed is told
        where the rest of it changed too, without what is live.
        """
        path = drift.path
        if not path:
            return drift
        around = next((prefix for prefix in self.paths if path[: len(prefix)] == prefix), None)
        if around is not None:
            is_gone = drift.kind is DriftKind.MISSING and path == around and path not in self.absent
            return drift if is_gone else None
        match drift.kind:
            case DriftKind.ADDED | DriftKind.REMOVED:
                return None if any(unnamed_path[:-1] == path[:-1] for unnamed_path in self.unnamed) else drift
            case DriftKind.MISSING:
                return None if path in self.unnamed else drift
            case _ if any(ignored_path[: len(path)] == path for ignored_path in self.paths):
                return _without_values(drift) if self._differs_beside(drift) else None
            case _:
                return drift

    def _differs_beside(self, drift: Drift) -> bool:
        """Whether a value that holds incomparable ones differs in the rest of it; not told of what is hidden anyway."""
        match drift.adopt:
            case (SetValue(pointer, value),):
                below = frozenset(
                    child_pointer[len(pointer) :]
                    for child_pointer in self.pointers
                    if child_pointer[: len(pointer)] == pointer
                )
                return not _fits(value_at(self.tree, pointer), value, below, _shape_at(self.shape, pointer))
            case _:
                return False


def _without_values(drift: Drift) -> Drift:
    message = _PARTLY if drift.message is None else f"{drift.message}; {_PARTLY}"
    return replace(drift, observed=HIDDEN, sensitive=True, message=message, adopt=())


def _may_be_absent(tree: Tree, pointer: Pointer) -> bool:
    """Whether nothing may come of a value: what SOPS wrote of itself goes, a variable may be empty, a key left out."""
    removes = mapping(get(tree, "metadata", "annotations")).get(_REMOVES) == "true"
    return pointer[0] == "sops" or removes or "${" in text(value_at(tree, pointer))


def _fits(declared: JSON, live: JSON, wild: frozenset[Pointer], shape: Shape) -> bool:
    """Whether ``live`` may be what comes of ``declared``, whose values at ``wild`` may become anything."""
    if () in wild:
        return True
    if not wild:
        return same(declared, live, shape)
    if isinstance(declared, Mapping) and isinstance(live, Mapping):
        return all(
            _fits(declared.get(key), live.get(key), _within(wild, key), shape.child(key))
            for key in {**declared, **live}
            if not (key not in declared and absent(live[key], shape.child(key), live))
        )
    if not is_list(declared) or not is_list(live):
        return False
    indexed = [(element, _within(wild, index)) for index, element in enumerate(elements(declared))]
    running = list(elements(live))
    if shape.form is Form.SET:
        return _set_fits(indexed, running, shape.element)
    return len(indexed) == len(running) and all(
        _fits(element, now, below, shape.element) for (element, below), now in zip(indexed, running, strict=True)
    )


def _set_fits(indexed: list[tuple[JSON, frozenset[Pointer]]], running: list[JSON], shape: Shape) -> bool:
    """Each element has one of its own, those that can be compared first; one that may become anything may become none."""
    for element, below in sorted(indexed, key=lambda entry: (() in entry[1], bool(entry[1]))):
        partner = next((index for index, now in enumerate(running) if _fits(element, now, below, shape)), None)
        if partner is not None:
            del running[partner]
        elif () not in below:
            return False
    return not running


def _within(wild: frozenset[Pointer], key: str | int) -> frozenset[Pointer]:
    return frozenset(pointer[1:] for pointer in wild if pointer[:1] == (key,))


def _shape_at(shape: Shape, pointer: Pointer) -> Shape:
    for part in pointer:
        shape = shape.element if isinstance(part, int) else shape.child(part)
    return shape


def _as_live(pointer: Pointer) -> Pointer:
    """``stringData`` is kept as ``data`` (Kubernetes API, Secret: "write-only convenience")."""
    return ("data", *pointer[1:]) if pointer[:1] == ("stringData",) else pointer
