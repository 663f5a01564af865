"""Makes a :class:`~bot.model.drift.Drift` of a difference: masked, with its severity and where in Git it stands.

Used by every judge, so that no value leaves the comparison without having passed the mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bot.drift.masking import Mask, owner_of
from bot.drift.options import ComparisonOptions
from bot.drift.severity.fields import Weakening
from bot.drift.severity.grade import severity
from bot.drift.shapes import ANY
from bot.drift.walk import Difference
from bot.model.drift import Drift, DriftKind, Edit
from bot.model.json import JSON, Pointer, Tree
from bot.model.resource import Desired, Observed, Origin, Problem, ResourceId


@dataclass(frozen=True, slots=True)
class Attribution:
    """What kind of drift a difference is, who wrote the live value and when where that is known, a remark for people."""

    kind: DriftKind
    manager: str | None = None
    changed_at: datetime | None = None
    message: str | None = None


class Maker:
    """Makes the drifts of one declared resource. ``weakened``: where the live one gives more by a field; ``mighty``: it is a
    live binding to a role that may do everything of a kind.
    """

    def __init__(
        self,
        desired: Desired,
        options: ComparisonOptions,
        *,
        observed: Tree,
        weakened: Sequence[Weakening] = (),
        mighty: bool = False,
    ) -> None:
        self._desired = desired
        self._observed = observed
        self._grants = options.grants
        self._weakened = weakened
        self._mighty = mighty
        self._mask = Mask(
            options.mask_key,
            kind=desired.id.kind,
            trees=(desired.tree, observed),
            sensitive=desired.sensitive,
            names=(desired.id.name, desired.id.scope),
        )

    def drift(
        self, difference: Difference, cause: Attribution, edits: tuple[Edit, ...], *, pointer: Pointer | None = None
    ) -> Drift:
        """The drift of ``difference``. ``pointer`` is its place in the tree as written, where that is another one.

        Edits would carry the live value, so a drift that hides something has none.
        """
        location = difference.location
        at = location.pointer if pointer is None else pointer
        secret = self._desired.hides(at)
        desired, hid = self._masked(difference, difference.desired, self._desired.tree, is_whole=secret)
        observed, hidden = self._masked(difference, difference.observed, self._observed, is_whole=secret)
        sensitive = hid or hidden or secret or self._mask.path(location.path) != location.path
        if sensitive and not (hid and hidden):
            desired, observed = self._alike(difference, desired, observed)
        level, rule = severity(
            self._desired.id,
            cause.kind,
            location.path,
            difference.desired,
            difference.observed,
            grants=self._grants,
            weakened=self._weakened,
            mighty=self._mighty,
        )
        origin = nearest(self._desired, at)
        path = self._mask.path(location.path)
        return Drift(
            resource=self._desired.id,
            task=self._desired.task,
            kind=cause.kind,
            path=path,
            desired=desired,
            observed=observed,
            severity=level,
            rule=rule,
            file=origin.file if origin else self._desired.file,
            line=origin.line if origin else self._desired.line,
            manager=cause.manager,
            changed_at=cause.changed_at,
            sensitive=sensitive,
            message=None if cause.message is None else self._mask.without_known(cause.message),
            adopt=() if sensitive else edits,
        )

    def _masked(self, difference: Difference, value: JSON, tree: Tree, *, is_whole: bool) -> tuple[JSON, bool]:
        path = difference.location.path
        return self._mask(value, path, difference.shape, is_whole=is_whole, owner=owner_of(tree, path))

    def _alike(self, difference: Difference, desired: JSON, observed: JSON) -> tuple[JSON, JSON]:
        """Where one side of a scalar is secret, the other one is a secret of yesterday."""
        if isinstance(difference.desired, (str, int)) and isinstance(difference.observed, (str, int)):
            path, shape = difference.location.path, difference.shape
            desired = self._mask(difference.desired, path, shape, is_whole=True)[0]
            observed = self._mask(difference.observed, path, shape, is_whole=True)[0]
        return desired, observed

    def unhealthy(self, problem: Problem) -> Drift:
        """The drift that a problem of the live resource is; its texts hold no secret of either side."""
        desired, reason = self._desired, problem.reason
        return replace(
            _whole_resource(desired.id, desired.task, DriftKind.UNHEALTHY, observed=reason, live=reason),
            file=desired.file,
            line=desired.line,
            changed_at=problem.since,
            message=self._mask.redact(problem.message),
            evidence=tuple(map(self._mask.redact, problem.evidence)),
        )


def missing(desired: Desired) -> Drift:
    """A whole resource that Git declares and that is not there."""
    drift = _whole_resource(desired.id, desired.task, DriftKind.MISSING, desired=_PRESENT)
    return replace(drift, file=desired.file, line=desired.line)


def undeclared(observed: Observed, reason: str, *, applied: bool) -> Drift:
    """A whole live resource that Git should declare, or declared when it was ``applied`` last, and does not."""
    kind = DriftKind.REMOVED if applied else DriftKind.UNMANAGED
    drift = _whole_resource(observed.id, str(observed.id), kind, observed=_PRESENT, live=observed.tree)
    return replace(drift, message=reason)


_PRESENT: Final = "present"


def _whole_resource(
    id_: ResourceId, task: str, kind: DriftKind, *, desired: JSON = None, observed: JSON = None, live: JSON = None
) -> Drift:
    """A drift of a whole resource, as severe as what is ``live`` makes it."""
    level, rule = severity(id_, kind, (), None, live)
    return Drift(id_, task, kind, (), desired, observed, level, rule)


def redacted(drift: Drift, options: ComparisonOptions) -> Drift:
    """A drift that an observer made itself, masked like every other."""
    mask = Mask(options.mask_key, kind=drift.resource.kind)
    desired, hid = mask(drift.desired, drift.path, ANY)
    observed, hidden = mask(drift.observed, drift.path, ANY)
    sensitive = drift.sensitive or hid or hidden
    return replace(
        drift,
        desired=desired,
        observed=observed,
        sensitive=sensitive,
        message=None if drift.message is None else mask.redact(drift.message),
        evidence=tuple(map(mask.redact, drift.evidence)),
        adopt=() if sensitive else drift.adopt,
    )


def nearest(desired: Desired, pointer: Pointer) -> Origin | None:
    """Where the value at ``pointer`` is written, or the closest thing around it that is written anywhere."""
    for length in range(len(pointer), -1, -1):
        if (origin := desired.origins.at(pointer[:length])) is not None:
            return origin
    return None
