"""Generated ConfigMaps and Secrets that run in an earlier generation than Git declares, and who refers to them.

Called by :mod:`bot.drift.compare`. A generator makes another object for each content (kustomize docs,
"configMapGenerator"); where the declared one does not run and an earlier one does, the two are one object that changed, and
what refers to it by its earlier name refers to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, TypeAlias

from bot.drift.diff import PairResult
from bot.model.generated import base_name, with_names
from bot.model.json import get, mapping, text, texts_in
from bot.model.resource import Desired, Observed, Platform, ResourceId

_GENERATED: Final = frozenset({"ConfigMap", "Secret"})
Pairs: TypeAlias = Sequence[tuple[Desired, Observed]]


@dataclass(frozen=True, slots=True)
class Earlier:
    """What runs in an earlier generation. ``names`` are the declared names and the running ones, by namespace."""

    pairs: Pairs = ()
    absent: Sequence[Desired] = ()
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def referring(self, pairs: Pairs) -> Pairs:
        """``pairs`` with the running names in what is declared."""
        if not self.names:
            return pairs
        return [(self._renamed(desired), observed) for desired, observed in pairs]

    def _renamed(self, desired: Desired) -> Desired:
        names = self.names.get(desired.id.scope or "default")
        if names is None or desired.id.platform is not Platform.KUBERNETES:
            return desired
        return replace(desired, tree=mapping(with_names(desired.tree, names)))


def earlier(absent: Sequence[Desired], live: Iterable[Observed], pairs: Pairs) -> Earlier:
    """The generated objects among ``absent`` of which another generation is among ``live``, which nothing else declares:
    the one that ``pairs`` refer to where they stand, else the newest.
    """
    absent_by_name = {unhashed_id: desired for desired in absent if (unhashed_id := _unhashed(desired.id)) is not None}
    if not absent_by_name:
        return Earlier(absent=absent)
    running: dict[ResourceId, list[Observed]] = defaultdict(list)
    for observed in live:
        if (unhashed_id := _unhashed(observed.id)) in absent_by_name and unhashed_id is not None:
            running[unhashed_id].append(observed)
    chosen_by_name = {
        stem: _running_generation(absent_by_name[stem], generations, pairs) for stem, generations in running.items()
    }
    names: dict[str, dict[str, str]] = defaultdict(dict)
    for unhashed_id, observed in chosen_by_name.items():
        names[unhashed_id.scope][absent_by_name[unhashed_id].id.name] = observed.id.name
    matched = {id(absent_by_name[stem]) for stem in chosen_by_name}
    return Earlier(
        [(absent_by_name[stem], observed) for stem, observed in chosen_by_name.items()],
        [desired for desired in absent if id(desired) not in matched],
        names,
    )


class Generations:
    """What Git declares under names that end in a hash of the content (kustomize docs, "configMapGenerator"): every
    change of the content is another object, and ``kubectl apply -k`` leaves the old one behind.
    """

    def __init__(self, declared: Iterable[Desired]) -> None:
        self._declared = declared

    def current(self, id_: ResourceId) -> ResourceId | None:
        """The declared generation of a generated object of which ``id_`` is another one."""
        unhashed_id = _unhashed(id_)
        return None if unhashed_id is None else self._current.get(unhashed_id)

    @cached_property
    def _current(self) -> Mapping[ResourceId, ResourceId]:
        return {
            unhashed_id: desired.id for desired in self._declared if (unhashed_id := _unhashed(desired.id)) is not None
        }


def _unhashed(id_: ResourceId) -> ResourceId | None:
    if id_.group or id_.kind not in _GENERATED:
        return None
    name = base_name(id_.name)
    return None if name == id_.name else id_._replace(name=name, scope=id_.scope or "default")


def with_running_name(result: PairResult, desired: Desired, observed: Observed) -> PairResult:
    """The differences of one pair, with the name that an earlier generation runs by."""
    if desired.id.name == observed.id.name or _unhashed(desired.id) is None:
        return result
    sentence = f"runs as {observed.id.name}"
    drift = (
        replace(old_drift, message=sentence if old_drift.message is None else f"{sentence}; {old_drift.message}")
        for old_drift in result.drift
    )
    return replace(result, drift=tuple(drift))


def _running_generation(desired: Desired, generations: Sequence[Observed], pairs: Pairs) -> Observed:
    if len(generations) > 1:
        referring = (
            observed for other_desired, observed in pairs if desired.id.name in set(texts_in(other_desired.tree))
        )
        mentioned = {text for observed in referring for text in texts_in(observed.tree)}
        generations = [generation for generation in generations if generation.id.name in mentioned] or generations
    return max(
        generations,
        key=lambda generation: (text(get(generation.tree, "metadata", "creationTimestamp")), generation.id.name),
    )
