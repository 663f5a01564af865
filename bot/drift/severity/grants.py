"""Labels and annotations that grant or expose something: which, and how bad it is when they weaken what was declared.

A label of a namespace can switch Pod Security off, an annotation of a ServiceAccount can make it an administrator of the
cloud. The table is data (``policies/metadata/*.yaml``, and ``privileged_metadata`` of settings, which is asked first); here
it is read and asked. Used by :mod:`bot.drift.severity.grade` for the severity, and by :mod:`bot.drift.kubernetes.objects`,
for which such a mark is drift whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from bot.drift.tables import Reason, RowId, TableRow, Texts, read_files
from bot.drift.values import text
from bot.errors import Invalid
from bot.model.globs import any_name_matches, name_matches
from bot.model.json import JSON
from bot.model.severity import Severity

PREFIX: Final = "metadata-"
"""How the ids of severity rules begin that come of this table."""
_ANY: Final = "*"


class MetadataGrant(TableRow):
    """One row. ``keys`` and ``kinds`` are globs; a row is about the ``label`` or ``annotation`` that matches.

    What weakens: ``levels`` names values from open to strict, and going down is weaker; a live value that matches
    ``opens`` where the declared one does not; a declared one that matches ``closes`` where the live one does not. A live
    value that matches ``never`` weakens nothing. Values are globs that take no notice of case. ``weaker`` is the severity of
    that, ``otherwise`` of any other difference.
    """

    id: RowId
    on: Literal["label", "annotation", "both"] = "annotation"
    keys: Texts
    kinds: Texts = ()
    levels: Texts = ()
    opens: Texts = ()
    closes: Texts = ()
    never: Texts = ()
    weaker: Severity = Severity.HIGH
    otherwise: Severity = Severity.MEDIUM
    meaning: Reason
    source: str = ""

    def concerns(self, kind: str, part: str, key: str) -> bool:
        """Whether the row is about the entry ``key`` of ``part`` (labels or annotations) of an object of ``kind``."""
        if self.on != "both" and f"{self.on}s" != part:
            return False
        if self.kinds and not any(name_matches(glob, kind) for glob in self.kinds):
            return False
        return any_name_matches(self.keys, key)

    def weakens(self, desired: JSON, observed: JSON) -> bool:
        """Whether the live value gives more than the declared one; None is absence."""
        before, now = _scalar_text(desired), _scalar_text(observed)
        if before == now or _matches(now, self.never):
            return False
        if self.levels and before is not None and self._level(now) < self._level(before):
            return True
        opens_now = _matches(now, self.opens) and (not _matches(before, self.opens) or _ANY in self.opens)
        return opens_now or (
            _matches(before, self.closes) and not (_matches(now, self.closes) and _ANY not in self.closes)
        )

    def weighed(self, desired: JSON, observed: JSON) -> Weighed:
        """What a difference at an entry that the row is about is worth."""
        weaker = self.weakens(desired, observed)
        return Weighed(self.weaker if weaker else self.otherwise, f"{PREFIX}{self.id}", self.meaning, weaker)

    def _level(self, value: str | None) -> int:
        """Absence leaves it to the cluster's own settings, which may be open."""
        return self.levels.index(value) if value in self.levels else 0


def _scalar_text(value: JSON) -> str | None:
    return None if value is None else str(text(value)).strip().lower()


def _matches(value: str | None, patterns: Sequence[str]) -> bool:
    return value is not None and any(name_matches(pattern.lower(), value) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Weighed:
    """What the table says of one difference."""

    severity: Severity
    rule: str
    meaning: str
    weaker: bool


@dataclass(frozen=True)
class Grants:
    """The rows. Of the first ``own_count`` ones the first that is about an entry counts, else the worst of all others."""

    rows: tuple[MetadataGrant, ...] = ()
    own_count: int = 0

    def __add__(self, later: Grants) -> Grants:
        """The rows of both, of which these are asked first; of two with one id the first stands."""
        known_ids = {row.id for row in self.rows}
        return Grants(self.rows + tuple(row for row in later.rows if row.id not in known_ids), len(self.rows))

    def weigh(self, kind: str, names: Sequence[str], desired: JSON, observed: JSON) -> Weighed | None:
        """What the difference at ``names`` of an object of ``kind`` is worth; None where no row is about it."""
        if not self.rows or len(names) < 2 or names[-2] not in {"labels", "annotations"}:
            return None
        for row in self.rows[: self.own_count]:
            if row.concerns(kind, names[-2], names[-1]):
                return row.weighed(desired, observed)
        if not any_name_matches(self._keys, names[-1]):
            return None
        other_rows = (row for row in self.rows[self.own_count :] if row.concerns(kind, names[-2], names[-1]))
        weighed = (row.weighed(desired, observed) for row in other_rows)
        return max(weighed, key=lambda grant: (grant.severity.rank, grant.weaker), default=None)

    @cached_property
    def _keys(self) -> tuple[str, ...]:
        """What the rows that are not ours look for: nearly every entry is none of it."""
        return tuple({glob: None for row in self.rows[self.own_count :] for glob in row.keys})


class _GrantFile(TableRow):
    version: Literal[1] = 1
    description: str = ""
    grants: tuple[MetadataGrant, ...] = ()


def load(files: Mapping[str, bytes]) -> Grants:
    """The rows of all ``files``. Raises :class:`~bot.errors.Invalid` that names file, line and what is wrong."""
    return Grants(tuple(_once(row for _, read in read_files(_GrantFile, files) for row in read.grants)))


def _once(rows: Iterable[MetadataGrant]) -> Iterable[MetadataGrant]:
    seen_rules: set[str] = set()
    for row in rows:
        if row.id in seen_rules:
            raise Invalid(f"two rows about metadata have the id {row.id!r}", advice="Give each row its own id.")
        seen_rules.add(row.id)
        yield row
