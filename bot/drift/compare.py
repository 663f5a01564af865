"""Compares everything that Git declares with everything that was seen. Pure; called by the flows for every tick.

Pairs are found by :mod:`bot.drift.presence`, each pair is asked :func:`bot.drift.diff.examine` (or the memo, when neither
side changed), and ignore rules sort the answers last, so that what is hidden is always counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from bot.drift import drifts, ignore
from bot.drift.cache import Memo
from bot.drift.diff import NO_DIFFERENCE, PairResult, examine
from bot.drift.ignore import Ignores
from bot.drift.kubernetes.crds import with_definitions
from bot.drift.labels import Labelled
from bot.drift.options import ComparisonOptions
from bot.drift.presence import Presence
from bot.drift.surroundings import NOTABLE_KINDS, Surroundings, surroundings
from bot.model.drift import Drift, Pair, Report, Suppressed
from bot.model.json import Tree
from bot.model.resource import Desired, Observed, Platform, ResourceId, SourceError, Unreachable


@dataclass(frozen=True, slots=True)
class Seen:
    """What observers saw, as :class:`bot.ports.Observation` has it: same names, same meaning."""

    resources: Mapping[ResourceId, Observed] = field(default_factory=dict)
    covered: frozenset[Platform] = frozenset()
    kinds: frozenset[tuple[str, str]] | None = None
    unreachable: tuple[Unreachable, ...] = ()
    differences: tuple[Drift, ...] = ()


NO_IGNORES = Ignores()

_Pair: TypeAlias = tuple[Desired, Observed]


def compare(
    desired: Sequence[Desired],
    seen: Seen,
    *,
    options: ComparisonOptions,
    now: datetime,
    bases: Mapping[ResourceId, Tree] | None = None,
    ignores: Ignores = NO_IGNORES,
    memo: Memo | None = None,
    errors: Sequence[SourceError] = (),
) -> Report:
    """The whole comparison. ``bases`` are the trees of the last apply by resource; ``errors`` of intake are passed on.

    A declared resource whose platform or kind was not looked at is neither compared nor missing.
    """
    memo = Memo() if memo is None else memo
    notable = _Notable(
        memo.notable(desired),
        {id_: observed for id_, observed in seen.resources.items() if id_.kind in NOTABLE_KINDS},
    )
    options = with_definitions(options, notable.desired, notable.observed)
    run = _Comparison(desired, seen, bases or {}, options=options, memo=memo, notable=notable)
    run.compare()
    sorted_ = ignore.sort(run.drift, ignores, now, Labelled(desired, seen.resources).of)
    return Report(
        resources=len(desired),
        drift=tuple(sorted(sorted_.kept, key=_order)),
        errors=tuple(errors),
        unreachable=seen.unreachable,
        suppressed=(*run.suppressed, *sorted_.suppressed),
        notes=sorted_.notes,
    )


def _order(drift: Drift) -> tuple[int, str, str, str]:
    """Worst first, then by resource and place: the same report for the same state."""
    return (-drift.severity.rank, str(drift.resource), drift.where, drift.kind)


@dataclass(frozen=True, slots=True)
class _Notable:
    """The resources that others depend on."""

    desired: Sequence[Desired]
    observed: Mapping[ResourceId, Observed]


class _Comparison:
    def __init__(
        self,
        desired: Sequence[Desired],
        seen: Seen,
        bases: Mapping[ResourceId, Tree],
        *,
        options: ComparisonOptions,
        memo: Memo,
        notable: _Notable,
    ) -> None:
        self.drift: list[Drift] = []
        self.suppressed: list[Suppressed] = []
        self._desired = desired
        self._seen = seen
        self._bases = bases
        self._options = options
        self._memo = memo
        self._notable = notable
        self._presence = Presence(seen.resources, notable.desired)

    def compare(self) -> None:
        """Every declared resource, then what is live beside them, then what observers compared themselves."""
        around = surroundings(self._notable.desired, self._notable.observed)
        live = self._seen.resources
        pairs: list[_Pair] = []
        others: list[Desired] = []
        for desired in self._desired:
            observed = live.get(desired.id)
            if observed is None:
                others.append(desired)
            else:
                pairs.append((desired, observed))
        matched = {id(observed) for _, observed in pairs}
        more, absent = self._by_other_names(others, matched)
        matched.update(id(observed) for _, observed in more)
        self._memo.begin(self._options, around)
        self._all([*pairs, *more], around)
        self._memo.end()
        self._absent(absent)
        self._undeclared(matched)
        self._observers_own()

    def _by_other_names(self, others: Sequence[Desired], declared: set[int]) -> tuple[list[_Pair], list[Desired]]:
        """What goes live by a name of another form, and what does not: a live resource is declared once."""
        pairs: list[_Pair] = []
        absent: list[Desired] = []
        for desired in others:
            observed = self._presence.matching(desired)
            if observed is None:
                absent.append(desired)
            elif id(observed) in declared:
                reason = f"it names no place, and the only one there is, {observed.id}, is declared elsewhere"
                self.suppressed.append(Suppressed(drifts.missing(desired), "declared-elsewhere", reason))
            else:
                pairs.append((desired, observed))
        return pairs, absent

    def _all(self, pairs: Sequence[_Pair], around: Surroundings) -> None:
        """The loop over everything: one look into the memo for each pair that did not change."""
        bases, find = self._bases, self._memo.find
        for desired, observed in pairs:
            base = bases.get(desired.id) if bases else None
            difference = find(desired, observed, base)
            if difference is None:
                difference = examine(Pair(desired, observed, base), self._options, around)
                self._memo.keep(desired, observed, base, difference)
            if difference is not NO_DIFFERENCE:
                self._add(difference)
            if observed.problems:
                maker = drifts.Maker(desired, self._options, observed=observed.tree)
                self.drift.extend(maker.unhealthy(problem) for problem in observed.problems)

    def _add(self, difference: PairResult) -> None:
        self.drift.extend(difference.drift)
        self.suppressed.extend(difference.suppressed)

    def _absent(self, absent: Sequence[Desired]) -> None:
        for desired in absent:
            if self._looked_at(desired.id) and self._presence.expected(desired):
                self.drift.append(drifts.missing(desired))

    def _looked_at(self, id_: ResourceId) -> bool:
        kinds = self._seen.kinds
        is_listed = id_.platform is not Platform.KUBERNETES or kinds is None or (id_.group, id_.kind) in kinds
        return is_listed and id_.platform in self._seen.covered

    def _undeclared(self, matched: set[int]) -> None:
        if len(matched) == len(self._seen.resources):
            return
        labels = self._options.tracking_labels
        for observed, reason in self._presence.undeclared(matched, self._bases, labels):
            self.drift.append(drifts.unmanaged(observed, reason))

    def _observers_own(self) -> None:
        """Differences that an observer compared itself, with the place in Git where the observer had none."""
        if not self._seen.differences:
            return
        declared = {desired.id: desired for desired in self._desired}
        for difference in self._seen.differences:
            drift = drifts.redacted(difference, self._options)
            home = declared.get(drift.resource)
            if home is not None and drift.file is None:
                drift = replace(drift, file=home.file, line=home.line, task=home.task)
            self.drift.append(drift)
