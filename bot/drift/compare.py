"""Compares everything that Git declares with everything that was seen. Pure; called by the flows for every tick.

Pairs are found by :mod:`bot.drift.presence`, and each pair is asked :func:`bot.drift.diff.examine` (or the memo, when
neither side changed). Ignore rules sort the answers of all places together (:mod:`bot.drift.ignore`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from bot.drift import drifts
from bot.drift.cache import Memo
from bot.drift.diff import examine
from bot.drift.kubernetes.crds import with_definitions, with_schemas
from bot.drift.kubernetes.generations import Generations, Pairs, earlier, with_running_name
from bot.drift.kubernetes.versions import SUCCESSORS
from bot.drift.options import ComparisonOptions
from bot.drift.presence import Presence
from bot.drift.surroundings import NOTABLE_KINDS, ComparisonContext, surroundings
from bot.model.drift import Drift, Report, Suppressed
from bot.model.json import Tree
from bot.model.observation import Observation
from bot.model.resource import Desired, Observed, Platform, ResourceId

_Counts: TypeAlias = tuple[tuple[str, int], ...]
_Pair: TypeAlias = tuple[Desired, Observed]


def compare(
    desired: Sequence[Desired],
    observation: Observation,
    *,
    options: ComparisonOptions,
    bases: Mapping[ResourceId, Tree] | None = None,
    memo: Memo | None = None,
) -> Report:
    """The whole comparison. ``bases`` are the trees of the last apply by resource.

    A declared resource whose platform or kind was not looked at is neither compared nor missing.
    """
    memo = Memo() if memo is None else memo
    notable = memo.notable(desired)
    live = {id_: observed for id_, observed in observation.resources.items() if id_.kind in NOTABLE_KINDS}
    options = with_schemas(with_definitions(options, notable, live), observation.schemas)
    around = surroundings(notable, live)
    run = _Comparison(desired, observation, bases or {}, options, memo, Presence(observation.resources, notable))
    run.compare(around)
    return Report(
        resources=len(desired),
        drift=tuple(sorted(run.drift, key=_order)),
        unreachable=observation.unreachable,
        suppressed=tuple(run.suppressed),
        notes=observation.notes,
        left_out=_summed(run.left_out),
    )


def _summed(counts: Sequence[_Counts]) -> Mapping[str, int]:
    """Most pairs share their counts with many others: each is added once, as often as it stands there."""
    times, counts_by_id = Counter(map(id, counts)), {id(tally): tally for tally in counts}
    total: Counter[str] = Counter()
    for key, count_of_fields in counts_by_id.items():
        for reason, count in count_of_fields:
            total[reason] += count * times[key]
    return dict(total)


def _order(drift: Drift) -> tuple[int, str, str, str]:
    """Worst first, then by resource and place: the same report for the same state."""
    return (-drift.severity.rank, str(drift.resource), drift.where, drift.kind)


@dataclass(slots=True)
class _Comparison:
    desired: Sequence[Desired]
    observation: Observation
    bases: Mapping[ResourceId, Tree]
    options: ComparisonOptions
    memo: Memo
    presence: Presence
    drift: list[Drift] = field(default_factory=list)
    suppressed: list[Suppressed] = field(default_factory=list)
    left_out: list[_Counts] = field(default_factory=list)

    def compare(self, around: ComparisonContext) -> None:
        """Every declared resource, then what is live beside them, then what observers compared themselves."""
        live = self.observation.resources
        pairs: list[_Pair] = []
        unmatched: list[Desired] = []
        for desired in self.desired:
            observed = live.get(desired.id)
            if observed is None:
                unmatched.append(desired)
            else:
                pairs.append((desired, observed))
        matched = {id(observed) for _, observed in pairs}
        matched_later, absent = self._by_other_names(unmatched, matched)
        matched.update(id(observed) for _, observed in matched_later)
        older = earlier(
            absent, (unmatched_live for unmatched_live in live.values() if id(unmatched_live) not in matched), pairs
        )
        matched.update(id(observed) for _, observed in older.pairs)
        absent = list(older.absent)
        self.memo.begin(self.options, around)
        self._all(older.referring([*pairs, *matched_later, *older.pairs]), around)
        self.memo.end()
        self._absent(absent)
        self._undeclared(matched)
        self._observers_own()

    def _by_other_names(self, unmatched: Sequence[Desired], declared: set[int]) -> tuple[list[_Pair], list[Desired]]:
        """What goes live by a name of another form, and what does not: a live resource is declared once."""
        pairs: list[_Pair] = []
        absent: list[Desired] = []
        for desired in unmatched:
            observed = self.presence.matching(desired)
            if observed is None:
                absent.append(desired)
            elif id(observed) in declared:
                reason = f"it names no place, and the only one there is, {observed.id}, is declared elsewhere"
                self.suppressed.append(Suppressed(drifts.missing(desired), "declared-elsewhere", reason))
            else:
                pairs.append((desired, observed))
        return pairs, absent

    def _all(self, pairs: Pairs, around: ComparisonContext) -> None:
        """The loop over everything: one look into the memo for each pair that did not change."""
        bases, find, left_out = self.bases, self.memo.find, self.left_out
        for desired, observed in pairs:
            base = bases.get(desired.id) or bases.get(observed.id)
            difference = find(desired, observed, base)
            if difference is None:
                difference = examine(desired, observed, base, self.options, around)
                self.memo.keep(desired, observed, base, difference)
            if difference.left_out:
                left_out.append(difference.left_out)
            if difference.drift or difference.suppressed:
                difference = with_running_name(difference, desired, observed)
                self.drift.extend(difference.drift)
                self.suppressed.extend(difference.suppressed)
            if observed.problems:
                maker = drifts.Maker(desired, self.options, observed=observed.tree)
                self.drift.extend(maker.unhealthy(problem) for problem in observed.problems)

    def _absent(self, absent: Sequence[Desired]) -> None:
        for desired in absent:
            if self._looked_at(desired.id) and self.presence.expected(desired):
                self.drift.append(drifts.missing(desired))

    def _looked_at(self, id_: ResourceId) -> bool:
        kinds = self.observation.kinds
        group = SUCCESSORS.get((id_.group, id_.kind), id_.group)
        is_among_kinds = kinds is None or (id_.group, id_.kind) in kinds or (group, id_.kind) in kinds
        is_listed = id_.platform is not Platform.KUBERNETES or is_among_kinds
        return is_listed and id_.platform in self.observation.covered

    def _undeclared(self, matched: set[int]) -> None:
        if len(matched) == len(self.observation.resources):
            return
        generations = Generations(self.desired)
        for observed, reason in self.presence.undeclared(matched, self.bases):
            drift = drifts.undeclared(observed, reason, applied=observed.id in self.bases)
            current = generations.current(observed.id)
            if current is None:
                self.drift.append(drift)
            else:
                explanation = f"previous generation of {current}, which Git declares now"
                self.suppressed.append(Suppressed(drift, "previous-generation", explanation))

    def _observers_own(self) -> None:
        """Differences that an observer compared itself, with the place in Git where the observer had none."""
        declared = {desired.id: desired for desired in self.desired} if self.observation.differences else {}
        for difference in self.observation.differences:
            drift = drifts.redacted(difference, self.options)
            home = declared.get(drift.resource)
            if home is not None and drift.file is None:
                drift = replace(drift, file=home.file, line=home.line, task=home.task)
            self.drift.append(drift)
