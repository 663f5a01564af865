"""Judges the differences of a Kubernetes object: who wrote it, was it ever applied, how bad is it.

Called by :mod:`bot.drift.diff`. A declared field that is not as declared is drift unless an autoscaler sets it within
its bounds. Something that is only live is drift when a person wrote it, when it was applied earlier and Git dropped it,
or when Git declares the mapping or list around it and nothing says that a controller put it there. What a writer of
whom nobody knows did elsewhere is suppressed and counted; so is whatever is CRITICAL and would else be passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from bot.drift import images
from bot.drift.base import Base
from bot.drift.canonical import SCALARS
from bot.drift.drifts import Attribution, Maker
from bot.drift.kubernetes import edits
from bot.drift.kubernetes.autoscaled import ROBOTS, autoscaled
from bot.drift.kubernetes.conversion import as_stored
from bot.drift.kubernetes.custom import in_template, shape_for
from bot.drift.kubernetes.foreign import as_foreign, is_foreign
from bot.drift.kubernetes.kinds import is_known
from bot.drift.kubernetes.last_applied import last_applied
from bot.drift.kubernetes.other_version import unknown
from bot.drift.kubernetes.ownership import Owners, Role, Writer
from bot.drift.kubernetes.tokens import token
from bot.drift.kubernetes.unreported import unreported
from bot.drift.kubernetes.versions import is_converted
from bot.drift.kubernetes.well_known import injected, is_bookkeeping, is_trace
from bot.drift.options import ComparisonOptions
from bot.drift.platforms import Trail
from bot.drift.severity.fields import Weakening
from bot.drift.severity.gains import is_gain, meaning
from bot.drift.severity.grade import is_grave, names_of, severity
from bot.drift.severity.rbac import binds_privileged
from bot.drift.shapes import ANY, FilledBy
from bot.drift.surroundings import ComparisonContext
from bot.drift.values import decoded
from bot.drift.walk import Difference, Side, Tally, walk
from bot.model.drift import Drift, DriftKind, Suppressed
from bot.model.json import Tree, exists_at, mapping, value_at
from bot.model.paths import Item
from bot.model.resource import Desired, Observed
from bot.model.severity import Severity

_UNKNOWN_REMOVAL: Final = "origin unknown: no last-applied record"
_TEMPLATES: Final = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "CronJob"}
)
_IDENTITY: Final = frozenset({"apiVersion", "kind", "metadata", "status"})
_NOTED: Final = (("spec", "metrics"), ("spec", "behavior"))
"""What ``autoscaling/v1`` says in another form."""
_FILLED_BY_OTHERS: Final = frozenset({"ConfigMap", "Secret"})
_CONTENTS: Final = ("data", "binaryData", "stringData")

Excuse: TypeAlias = tuple[str, str]
"""By what a difference is explained, and how."""


def examine(
    desired: Desired,
    observed: Observed,
    base: Tree | None,
    options: ComparisonOptions,
    around: ComparisonContext,
    *,
    left_out: Tally,
) -> Iterator[Drift | Suppressed]:
    """Every difference in meaning, as drift or as suppressed with the reason. What is no difference is counted in
    ``left_out``.
    """
    id_ = desired.id
    shape = shape_for(id_, options)
    declared, live = as_stored(desired.tree, observed.tree, id_)
    owners = Owners(observed.tree, options.roster)
    weakened = options.fields.weakened(id_, declared, live)
    differences = walk(declared, live, shape, filled=owners.person, left_out=left_out)
    if weakened and desired.tree.get("apiVersion") == observed.tree.get(
        "apiVersion"
    ):  # else absence may mean another default
        differences += unreported(weakened, differences)
    if not differences:
        return
    judge = _Judge(desired, observed, owners, Base(base, shape, lambda: last_applied(observed.tree)), options, weakened)
    mighty = binds_privileged(observed.tree, around.mighty)
    maker = Maker(desired, options, observed=observed.tree, weakened=weakened, mighty=mighty)
    aims = around.scalers.get((observed.id.kind, observed.id.scope, observed.id.name), ())
    for difference in differences:
        verdict = judge.verdict(difference)
        if verdict is None:
            left_out[_kind_left_out(difference)] += 1
            continue
        changes = () if _rewritten(difference, desired) else edits.edits(difference, desired.tree, owners)
        drift = as_foreign(maker.drift(difference, verdict.cause, changes), difference, desired.tree)
        grave = (drift.severity is Severity.CRITICAL and is_gain(drift)) or judge.grave(difference)
        explained = (
            autoscaled(difference, owners, aims, declared)
            or judge.other_version(difference, drift)
            or judge.aggregated(difference)
            or judge.token(difference)
            or judge.platform(difference, grave=grave)
            or (None if grave else judge.left_alone(difference))
        )
        reason = explained or verdict.quiet
        yield drift if reason is None else Suppressed(drift, *reason)


def _kind_left_out(difference: Difference) -> str:
    if is_trace(difference.location.path):
        return "trace"
    return "allocated" if difference.shape.filled is FilledBy.ALLOCATED else "server"


def _rewritten(difference: Difference, desired: Desired) -> bool:
    """Whether Git says it in another form than the one compared, so that no edit can be made of the difference."""
    path = difference.location.path
    if is_converted(desired.tree) and path[:1] != ("metadata",):
        return not isinstance(value_at(desired.tree, difference.location.pointer), SCALARS)
    if difference.side is not Side.OBSERVED:
        return not exists_at(desired.tree, difference.location.pointer)
    if path[:1] == ("data",):
        return "stringData" in desired.tree
    return path[:2] in _NOTED and desired.tree.get("apiVersion") == "autoscaling/v1"


@dataclass(frozen=True, slots=True)
class _Verdict:
    """A difference that is told: as drift, or as suppressed by and for what ``quiet`` says."""

    cause: Attribution
    quiet: Excuse | None = None


@dataclass(frozen=True, slots=True)
class _Judge:
    desired: Desired
    observed: Observed
    owners: Owners
    base: Base
    options: ComparisonOptions
    weakened: Sequence[Weakening] = ()

    def verdict(self, difference: Difference) -> _Verdict | None:
        """What kind of drift it is and who did it; None when it is none."""
        if is_trace(difference.location.path) and (
            difference.side is Side.OBSERVED or difference.location.path[-2] == "annotations"
        ):
            return None
        match difference.side:
            case Side.BOTH:
                return self._changed(difference)
            case Side.DESIRED:
                return _Verdict(Attribution(DriftKind.MISSING))
            case Side.OBSERVED:
                writer = self._writer(difference)
                return (
                    self._granted(difference, writer)
                    or self._addition(difference, writer)
                    or self._grave(difference, writer)
                    or self._left_out(difference, writer)
                )

    def _writer(self, difference: Difference) -> Writer | None:
        return self.owners.writer(difference.location.steps)

    def grave(self, difference: Difference) -> bool:
        """Whether it lets something in that nobody means by leaving an object to others. Admission marks every pod, and
        gives it what it is known by.
        """
        if self.observed.id.kind == "Pod" and (difference.location.path[0] == "metadata" or injected(difference)):
            return False
        return is_grave(
            self.desired.id,
            difference.location.path,
            difference.desired,
            difference.observed,
            grants=self.options.grants,
            weakened=self.weakened,
        )

    def platform(self, difference: Difference, *, grave: bool) -> Excuse | None:
        """The platform or controller that does this by itself, and how."""
        if not self.options.platforms.every:
            return None
        writer = self._writer(difference)
        return self.options.platforms.explained(
            self.observed.id.kind,
            difference.location.path,
            (difference.desired, difference.observed),
            self.observed.tree,
            Trail(
                None if writer is None else writer.manager,
                person=writer is not None and writer.role is Role.PERSON,
                recorded=self.owners.recorded,
                absent=difference.side is Side.DESIRED,
                grave=grave,
            ),
        )

    def other_version(self, difference: Difference, drift: Drift) -> Excuse | None:
        """Why nobody can tell whether it is one, where Git says another version of the API. What gives more where both sides
        say something is told in any version.
        """
        if is_gain(drift) and difference.side is Side.BOTH:
            return None
        id_, options = self.desired.id, self.options
        doubt = unknown(difference.location.path, self.desired.tree, self.observed.tree, id_, options)
        return None if doubt is None else ("other-version", doubt)

    def aggregated(self, difference: Difference) -> Excuse | None:
        """Rules are the aggregation's where its controller or nobody is recorded, and whoever applies the role sent them."""
        role = self.desired.id.kind == "ClusterRole" and difference.location.path[:1] == ("rules",)
        if not role or not self.options.ignore_aggregated_roles:
            return None
        if any(tree.get("aggregationRule") is None for tree in (self.desired.tree, self.observed.tree)):
            return None
        writer = self._writer(difference)
        if writer is not None and writer.role not in {*ROBOTS, Role.DEPLOYER}:
            return None
        return ("option:ignore_aggregated_roles", "the rules are aggregated from other roles")

    def token(self, difference: Difference) -> Excuse | None:
        """What the control plane makes for service accounts, where no person is recorded to have written it."""
        writer = self._writer(difference)
        person = writer is not None and writer.role is Role.PERSON
        return None if person else token(difference, self.observed)

    def left_alone(self, difference: Difference) -> Excuse | None:
        """The note in Git by which the object's deployer leaves the difference alone."""
        return self.options.platforms.opted_out(self.desired.tree, addition=difference.side is Side.OBSERVED)

    def _granted(self, difference: Difference, writer: Writer | None) -> _Verdict | None:
        """What grants or exposes something is drift whoever wrote it."""
        path = difference.location.path
        if self.options.grants.weigh(self.desired.id.kind, names_of(path), None, difference.observed) is None:
            return None
        return _Verdict(_by(DriftKind.REMOVED if self.base.has(path) else DriftKind.ADDED, writer))

    def _left_out(self, difference: Difference, writer: Writer | None) -> _Verdict | None:
        """What is no drift is counted with the reason."""
        if difference.shape.filled in {FilledBy.SERVER, FilledBy.ALLOCATED}:
            return None
        return _Verdict(_by(DriftKind.ADDED, writer), self._why_left_out(difference, writer))

    def _why_left_out(self, difference: Difference, writer: Writer | None) -> Excuse:
        if is_bookkeeping(difference.location.path, difference.observed):
            return "bookkeeping", "it is a note that tools leave on objects"
        if writer is not None and writer.role in ROBOTS:
            return f"controller:{writer.manager}", f"{writer.manager} added it"
        if self.observed.id.kind == "Pod" or injected(difference):
            return "admission", "it looks as admission controllers and agents add it"
        if difference.shape.filled is FilledBy.CONTROLLER:
            return "controller", "it is a field that Git leaves to controllers"
        if writer is not None:
            return f"manager:{writer.manager}", f"{writer.manager} sent it, and Git never said it"
        if self.owners.recorded:
            return "server", "nobody is recorded to have written it: the server filled it in"
        return "unrecorded", "not recorded who wrote it"

    def _changed(self, difference: Difference) -> _Verdict:
        moved = difference.shape.agrees is images.agrees and images.moved(difference.desired, difference.observed)
        writer = self._writer(difference)
        cause = _by(DriftKind.IMAGE_MOVED if moved else DriftKind.CHANGED, writer)
        return _Verdict(cause, _certificate(difference, writer) if difference.location.path[-1] == "caBundle" else None)

    def _addition(self, difference: Difference, writer: Writer | None) -> _Verdict | None:
        location = difference.location
        if writer is not None and writer.role is Role.PERSON:
            return _Verdict(_by(DriftKind.REMOVED if self.base.has(location.path) else DriftKind.ADDED, writer))
        if difference.shape.filled is FilledBy.SERVER or is_bookkeeping(location.path, difference.observed):
            return None
        if difference.shape.filled is FilledBy.CONTROLLER:
            return _by_stranger(writer, "it is a field that Git leaves to controllers")
        if self.base.has(location.path):
            return _Verdict(_by(DriftKind.REMOVED, writer))
        if self.base.recorded is None and (applier := self.owners.applied(location.steps)) is not None:
            return _Verdict(_by(DriftKind.REMOVED, applier))
        return self._unrecorded(difference, writer)

    def _unrecorded(self, difference: Difference, writer: Writer | None) -> _Verdict | None:
        """Not a person's, not in any base: what is left is an update by a deployer, a controller, or nobody knows."""
        if writer is not None and writer.role is Role.STRANGER:
            return self._strange(difference, writer)
        if injected(difference) or (
            difference.shape.filled is FilledBy.UNKNOWN and not self._new_entry(difference, writer)
        ):
            return None
        if writer is None:
            added = _Verdict(Attribution(DriftKind.ADDED, message=_UNKNOWN_REMOVAL))
            return added if self._declared(difference) else None
        match writer.role:
            case Role.DEPLOYER if self.base.tree is None:
                return _Verdict(_by(DriftKind.REMOVED, writer))
            case Role.CREATOR if self.base.tree is None:
                return _Verdict(_by(DriftKind.ADDED, writer))
            case Role.AUTOSCALER if "resources" in difference.location.path:
                return _Verdict(_by(DriftKind.ADDED, writer))
            case _:
                return None

    def _new_entry(self, difference: Difference, writer: Writer | None) -> bool:
        """Whether something that no table knows is new where Git speaks: a named element of a list, or an entry below a
        field of a built-in kind. Who sent the whole object sent the defaults of its resource as well.
        """
        if writer is not None or self.owners.recorded:
            return False
        path, is_built_in = difference.location.path, is_known(self.observed.id.group, self.observed.id.kind)
        if not difference.declared:  # a part of a field that is new as a whole
            return is_built_in and self._beside(difference)
        return isinstance(path[-1], Item) or (is_built_in and len(path) > 1)

    def _beside(self, difference: Difference) -> bool:
        """Whether it is part of something that is new in a part of which Git speaks."""
        pointer = difference.location.pointer
        return len(pointer) > 2 and exists_at(self.desired.tree, pointer[:-2])

    def _strange(self, difference: Difference, writer: Writer) -> _Verdict | None:
        """By a script or a tool that nobody knows: drift where Git speaks or where it is bad, and counted elsewhere.

        Who sent the whole object owns what the server and admission controllers filled in as well. That is told from
        what somebody added only where the tables know the field.
        """
        level, rule = self._grade(difference)
        bare = self.observed.id.kind == "Pod"
        if injected(difference) and (bare or level is not Severity.CRITICAL):
            return None
        was_sent = self.owners.wrote(writer, _declared_parts(self.desired.tree))
        if was_sent and (bare or difference.shape is ANY):
            loud = meaning(rule) is not None  # what it means is never less than severe
        else:
            loud = difference.declared or level.rank >= Severity.HIGH.rank
        if not loud:
            return _by_stranger(writer, "Git says nothing about the part around it, and it is not severe")
        return _Verdict(_by(DriftKind.ADDED, writer, _UNKNOWN_REMOVAL if was_sent else None))

    def _grave(self, difference: Difference, writer: Writer | None) -> _Verdict | None:
        """What would be passed over is at least counted where it is CRITICAL, and drift where it gives more and nothing
        explains it. Who wrote it explains nothing: anybody may call himself a controller.
        """
        gives, critical = self._gives(difference), self._grade(difference)[0] is Severity.CRITICAL
        if not critical and not gives:
            return None
        cause = _by(DriftKind.ADDED, writer)
        if not gives and writer is not None and writer.role in ROBOTS:
            return _Verdict(cause, (f"controller:{writer.manager}", f"{writer.manager} added it"))
        if self.observed.id.kind == "Pod" and (injected(difference) or difference.location.path[0] == "metadata"):
            return _Verdict(cause, ("admission", "it looks as admission controllers and agents add it"))
        if (
            difference.declared
            or self._beside(difference)
            or self._weakens(difference)
            or is_known(self.observed.id.group, self.observed.id.kind)
        ):
            return _Verdict(cause)
        return _Verdict(cause, ("undeclared", "Git says nothing about the part around it"))

    def _gives(self, difference: Difference) -> bool:
        """Whether it grants something that is HIGH or worse: a privilege, somebody else's software, more by a field."""
        path, live = difference.location.path, difference.observed
        gained = is_grave(self.desired.id, path, None, live, grants=self.options.grants)
        return gained or self._weakens(difference) or is_foreign(difference, self.desired.tree)

    def _weakens(self, difference: Difference) -> bool:
        """Whether it gives more by a field: rows know what its absence means."""
        names = names_of(difference.location.path)
        rows = (weakening.row for weakening in self.weakened if weakening.touches(names))
        return any(row.severity.rank >= Severity.HIGH.rank for row in rows)

    def _grade(self, difference: Difference) -> tuple[Severity, str]:
        path, live = difference.location.path, difference.observed
        grants, weakened = self.options.grants, self.weakened
        return severity(self.desired.id, DriftKind.ADDED, path, None, live, grants=grants, weakened=weakened)

    def _declared(self, difference: Difference) -> bool:
        """Whether Git speaks about the part that something of unknown writer was added to."""
        kind = self.observed.id.kind
        if difference.location.path[0] == "metadata":
            return difference.declared
        if kind == "Pod":  # admission fills in pods: tokens, tolerations, limits, sidecars; it takes no guard away
            debugged = difference.location.path[1:2] == ("ephemeralContainers",)
            return debugged or self.grave(difference) or is_foreign(difference, self.desired.tree)
        return difference.declared or self._templated(difference) or self._in_new_map(difference)

    def _in_new_map(self, difference: Difference) -> bool:
        """Whether it is an entry of a map that is new where Git speaks. What others are to fill begins without any data."""
        path, id_ = difference.location.path, self.observed.id
        if id_.kind in _FILLED_BY_OTHERS and not any(self.desired.tree.get(part) for part in _CONTENTS):
            return False
        if not isinstance(path[-1], str) or not is_known(id_.group, id_.kind):
            return False
        return len(path) > 1 and exists_at(self.desired.tree, difference.location.pointer[:-2])

    def _templated(self, difference: Difference) -> bool:
        id_ = self.observed.id
        is_template = id_.kind in _TEMPLATES and is_known(id_.group, id_.kind)
        return is_template or in_template(id_, difference.location.path)


def _by(kind: DriftKind, writer: Writer | None, message: str | None = None) -> Attribution:
    """A difference of ``kind`` that ``writer`` made, where somebody is known to have."""
    if writer is None:
        return Attribution(kind, message=message)
    return Attribution(kind, writer.manager, writer.at, message)


def _by_stranger(writer: Writer | None, reason: str) -> _Verdict | None:
    """Counted, and no more, where a stranger wrote it."""
    if writer is None or writer.role is not Role.STRANGER:
        return None
    return _Verdict(_by(DriftKind.ADDED, writer), (f"manager:{writer.manager}", f"{writer.manager} wrote it; {reason}"))


def _declared_parts(tree: Tree) -> Iterator[tuple[str, str]]:
    """What Git says below each part of an object, as a field manager would own it."""
    return ((top, key) for top, part in tree.items() if top not in _IDENTITY for key in mapping(part))


def _certificate(difference: Difference, writer: Writer | None) -> Excuse | None:
    """Who issues certificates fills them in, whatever holds their place in Git; a person's writing is drift."""
    if writer is not None and writer.role is Role.CONTROLLER:
        return (f"controller:{writer.manager}", f"{writer.manager} fills in the certificate")
    if writer is not None and writer.role is Role.PERSON:
        return None
    empty = isinstance(difference.desired, str) and (decoded(difference.desired) or "").strip() == ""
    return ("placeholder", "Git only holds the certificate's place") if empty else None
