"""Fields that grant, guard or trust something: which, and when a live object gives more by them than Git does.

A rule of an authorisation policy, the failure policy of a webhook, the account that a deployer acts as: what such a field
is worth is told by both objects as a whole, since what lies beside it decides (more rules of ``ALLOW`` let more in, more of
``DENY`` less). The table is data (``policies/fields/*.yaml``, and ``privileged_fields`` of settings); here it is read and
asked. Used by :mod:`bot.drift.kubernetes.objects` for each pair that differs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from bot.drift.tables import SEVERAL, Reason, RowId, TableRow, read_files
from bot.drift.values import text
from bot.errors import Invalid
from bot.model.globs import name_matches, parsed_pattern
from bot.model.json import JSON, Tree, elements
from bot.model.severity import Severity

if TYPE_CHECKING:
    from bot.drift.severity.places import PairedPlace
    from bot.model.resource import ResourceId

# Settings have rows of this table too, and are read by every run: what compares objects is loaded when some are compared.

FIELD_PREFIX: Final = "grant-"
"""How the ids of severity rules begin that come of this table."""
OTHER_PREFIX: Final = "other-"
"""How those begin of rows that are HIGH and tell that a value is another one, not that it gives more."""


def _patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    for pattern in patterns:
        if "**" in parsed_pattern(pattern):
            raise ValueError("a place is named part by part, without **")
    return patterns


_Texts = Annotated[tuple[Annotated[str, Field(max_length=300)], ...], SEVERAL]
_Paths = Annotated[_Texts, AfterValidator(_patterns), Field(min_length=1)]


class FieldGrant(TableRow):
    """One row: the places ``paths`` of objects of ``kinds`` and API ``groups``, and when they are ``weaker``.

    ``lower``: the value is further to the front of ``levels``, which go from open to strict; absence is ``absent``.
    ``says``: it matches one of ``values`` and did not. ``silent``: it matched one and does not any more. ``wider``: it
    selects what it did not; ``narrower``: it no longer selects what it did; with ``absent: everything`` both take what is
    not there for everything, and with ``denials`` an alternative that begins with ``!`` takes away. ``other``: it no longer
    says what it said, or is new and not ``absent``. ``gone``: an element
    of the list is not there any more. ``when`` names, by path, globs of values that the live object has (for ``narrower``
    and ``gone`` the declared one); the empty text is absence. Values are globs that take no notice of case.
    """

    id: RowId
    kinds: _Texts
    groups: _Texts
    paths: _Paths
    weaker: Literal["lower", "says", "silent", "wider", "narrower", "other", "gone"]
    levels: _Texts = ()
    values: _Texts = ("*",)
    absent: str = ""
    denials: bool = False
    when: Mapping[str, _Texts] = Field(default_factory=dict)
    severity: Severity = Severity.CRITICAL
    meaning: Reason
    source: str = ""

    @model_validator(mode="after")
    def _check_levels(self) -> Self:
        if (self.weaker == "lower") != bool(self.levels):
            raise ValueError("levels: goes with weaker: lower, and only with it")
        if self.weaker in {"wider", "narrower"} and self.absent not in {"", "everything"}:
            raise ValueError("absent: is everything, or not said")
        return self

    @property
    def rule(self) -> str:
        """The id of the severity rule."""
        return f"{FIELD_PREFIX if self.gives else OTHER_PREFIX}{self.id}"

    @property
    def gives(self) -> bool:
        """Whether what it finds gives more for sure; what is CRITICAL counts as if it did."""
        return self.weaker != "other" or self.severity is Severity.CRITICAL

    @property
    def by_value(self) -> bool:
        """Whether it names the value that gives more; any other row may mean a default that a definition fills in."""
        return self.weaker in {"lower", "says"}

    def concerns(self, resource: ResourceId) -> bool:
        """Whether the row is about objects like ``resource``."""
        kind = any(name_matches(glob, resource.kind) for glob in self.kinds)
        return kind and any(name_matches(glob, resource.group) for glob in self.groups)

    def condition_holds(self, declared: Tree, live: Tree) -> bool:
        """Whether what ``when`` names is so."""
        from bot.drift.severity.places import paired_places

        tree = declared if self.weaker in {"narrower", "gone"} else live
        return all(
            any(
                _matches(_scalar_text(paired_place.live) or "", values)
                for paired_place in paired_places(parsed_pattern(path), {}, tree)
            )
            for path, values in self.when.items()
        )

    def weakens(self, paired_place: PairedPlace) -> bool:
        """Whether the live value at ``paired_place`` gives more than the declared one."""
        before, now = paired_place.declared, paired_place.live
        match self.weaker:
            case "lower":
                return not paired_place.lone and self._level(now) < self._level(before)
            case "says":
                return _value_matches(now, self.values) and not _value_matches(before, self.values)
            case "silent":
                return (
                    not paired_place.lone
                    and _value_matches(before, self.values)
                    and not _value_matches(now, self.values)
                )
            case "wider":
                return not paired_place.removed and not self._reaches(before, now)
            case "narrower":
                return not paired_place.lone and not self._reaches(now, before)
            case "other":
                return not paired_place.removed and not self._repeats_declared(before, now)
            case "gone":
                return not paired_place.lone and not _keeps_elements(before, now)

    def _level(self, value: JSON) -> int:
        value_text = _scalar_text(value) or self.absent.lower()
        return next((index for index, level in enumerate(self.levels) if level.lower() == value_text), len(self.levels))

    def _repeats_declared(self, before: JSON, now: JSON) -> bool:
        """Whether the live value says what the declared one does; what a definition fills in beside it is no other."""
        if before is None:
            return not now or (self.absent != "" and _scalar_text(now) == self.absent.lower())
        return _repeats(before, now)

    def _reaches(self, wide: JSON, narrow: JSON) -> bool:
        from bot.drift.severity.reach import exceeds, lists, reaches

        if self.absent == "everything":
            return reaches(wide, narrow)
        if self.denials:
            return exceeds(wide, narrow)
        return lists(wide, narrow) if isinstance(wide or narrow, (list, tuple)) else _within(wide, narrow)


def _repeats(before: JSON, now: JSON) -> bool:
    """Whether ``now`` has everything of ``before`` at its place, and no element more."""
    if isinstance(before, (dict, Mapping)):
        if not isinstance(now, (dict, Mapping)):
            return not before and now is None
        return all(value is None or _repeats(value, now.get(key)) for key, value in before.items())
    if isinstance(before, (list, tuple)):
        elements_now = elements(now)
        return len(before) == len(elements_now) and all(map(_repeats, before, elements_now))
    return before == now or _scalar_text(before) == _scalar_text(now)


def _within(wide: JSON, narrow: JSON) -> bool:
    """Whether ``narrow`` is nothing, or selects no more than ``wide``, which is there."""
    from bot.drift.severity.reach import reaches

    return narrow is None or (wide is not None and reaches(wide, narrow))


def _scalar_text(value: JSON) -> str | None:
    return None if value is None or isinstance(value, (Mapping, list, tuple)) else str(text(value)).strip().lower()


def _matches(text: str, patterns: Sequence[str]) -> bool:
    return any(name_matches(pattern.lower(), text) for pattern in patterns)


def _value_matches(value: JSON, patterns: Sequence[str]) -> bool:
    """Whether a value, or an element of it, is there and matches."""
    if isinstance(value, Mapping):
        return patterns == ("*",)
    texts = (
        [_scalar_text(element) for element in elements(value)]
        if isinstance(value, (list, tuple))
        else [_scalar_text(value)]
    )
    return any(text and _matches(text, patterns) for text in texts)


def _keeps_elements(before: JSON, now: JSON) -> bool:
    """Whether every element of one list is in the other: by its name, else as a whole."""
    from bot.drift.severity.places import identity

    identities = {identity(element) for element in elements(now)}
    return all(identity(element) in identities for element in elements(before))


@dataclass(frozen=True, slots=True)
class Weakening:
    """A place at which the live object gives more, and the row that says so."""

    pair: PairedPlace
    row: FieldGrant

    def touches(self, names: Sequence[str]) -> bool:
        """Whether the difference at ``names`` is a part of it."""
        return self.pair.touches(names)


@dataclass(frozen=True)
class FieldGrants:
    """The rows."""

    rows: tuple[FieldGrant, ...] = ()

    def __add__(self, later: FieldGrants) -> FieldGrants:
        """The rows of both; of two with one id the first stands."""
        known_ids = {row.id for row in self.rows}
        return FieldGrants(self.rows + tuple(row for row in later.rows if row.id not in known_ids))

    def weakened(self, resource: ResourceId, declared: Tree, live: Tree) -> tuple[Weakening, ...]:
        """Where the ``live`` object gives more than the ``declared`` one, the worst first."""
        rows = self._about(resource)
        if not rows:
            return ()
        from bot.drift.severity.places import differ, paired_places

        weaker = [
            Weakening(paired_place, row)
            for row in rows
            for pattern in map(parsed_pattern, row.paths)
            if differ(pattern, declared, live) and row.condition_holds(declared, live)
            for paired_place in paired_places(pattern, declared, live)
            if row.weakens(paired_place)
        ]
        return tuple(sorted(weaker, key=lambda weakening: -weakening.row.severity.rank))

    def _about(self, resource: ResourceId) -> tuple[FieldGrant, ...]:
        kind = (resource.group, resource.kind)
        if kind not in self._by_kind:
            self._by_kind[kind] = tuple(row for row in self.rows if row.concerns(resource))
        return self._by_kind[kind]

    @cached_property
    def _by_kind(self) -> dict[tuple[str, str], tuple[FieldGrant, ...]]:
        return {}


class _FieldFile(TableRow):
    version: Literal[1] = 1
    description: str = ""
    fields: tuple[FieldGrant, ...] = ()


def load(files: Mapping[str, bytes]) -> FieldGrants:
    """The rows of all ``files``. Raises :class:`~bot.errors.Invalid` that names file, line and what is wrong."""
    rows = FieldGrants()
    for file, read in read_files(_FieldFile, files):
        ids = Counter(row.id for row in (*rows.rows, *read.fields))
        if duplicate := next((id_ for id_, count in ids.items() if count > 1), None):
            raise Invalid(
                f"{file}: two rows about fields have the id {duplicate!r}", advice="Give each row its own id."
            )
        rows += FieldGrants(read.fields)
    return rows
