"""What a Terraform plan says is different, field by field, with the cause of each difference.

Pure; :mod:`bot.observers.terraform` gives it ``terraform show -json PLAN`` (JSON output format 1.x, as documented by
HashiCorp under "JSON Output Format") and the declared resources. Words used below:

* outside: ``resource_drift``, what refreshing found changed since the last apply. Kept where the plan has to do with it
  (``relevant_attributes``, or the plan changes the same attribute); a refresh-only plan keeps all.
* planned: ``resource_changes``, what apply would do. ``before`` is live, ``after`` is what the configuration asks for.

Rule ids: TF-DELETE, TF-REPLACE, TF-GONE (deleted outside), TF-CREATE, TF-FORGET, TF-SECURITY, TF-METADATA, TF-CHANGE.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from bot.drift import policies
from bot.drift.canonical import spelled
from bot.drift.masking import digest, name_in, owner_of
from bot.drift.severity.cloud import CloudGain, gains
from bot.errors import Unavailable
from bot.model.drift import Drift, DriftKind, SetValue
from bot.model.json import JSON, Pointer, Tree, elements, get, mapping, mappings, text, texts, value_at
from bot.model.paths import format_path
from bot.model.resource import Desired, Platform, ResourceId
from bot.model.severity import Severity
from bot.secrecy.credentials import is_secret
from bot.secrecy.redaction import redact
from bot.secrecy.vocabulary import secret_name

UNKNOWN: Final = "(known after apply)"
"""As ``terraform plan`` prints it; in JSON it is ``true`` in ``after_unknown`` (Terraform docs, "JSON Output Format")."""
_INDEX: Final = re.compile(r"\[(?:\d+|\"(?:[^\"\\]|\\.)*\")\]")
_DATA_BEARING: Final = re.compile(
    r"(_db_|_rds_|database|_bucket|_volume|_disk|_table|_snapshot|_backup|_cluster$|_instance_group|_cache|_redis|_queue"
    r"|_stream|_topic|_file_system|_filesystem|_storage|_secret|_kms_|_key_vault|_vault|_repository|_persistent|_sql_)"
)
_SECURITY: Final = re.compile(
    r"policy|ingress|egress|cidr|(^|_)acl|public|encrypt|kms|iam|role|permission|privilege|security_group|protection"
    r"|versioning|firewall|source_ranges|(^|_)tls|ssl|mfa|principal|assume|allow"
)
_METADATA: Final = re.compile(r"^(tags|tags_all|labels|effective_labels|terraform_labels|description|comment)$")


class PlanCause(StrEnum):
    """Why a value differs."""

    OUTSIDE = "changed outside of Terraform"
    NOT_APPLIED = "declared in Git and not applied yet"
    PROVIDER = "not set in Git: the provider's default changed (provider upgrade)"


@dataclass(frozen=True, slots=True)
class _Change:
    """One entry of ``resource_changes`` or ``resource_drift``."""

    address: str
    kind: str
    name: str
    index: JSON
    module: str
    actions: tuple[str, ...]
    before: JSON
    after: JSON
    unknown: JSON
    secret: JSON
    """What either side calls sensitive, as the union of both (see :func:`_union`)."""
    replace_paths: tuple[Pointer, ...]
    reason: str

    @property
    def base(self) -> str:
        return _INDEX.sub("", self.address)


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One differing value. ``live`` and ``planned`` are raw: they leave this module masked only."""

    path: Pointer
    live: JSON
    planned: JSON


@dataclass(frozen=True, slots=True)
class PlanReader:
    """Turns one plan into drifts. ``key`` keys the digests that stand for secrets; ``root`` is the repository folder of
    the root module, by which the declarations of several roots are told apart.
    """

    declared: Sequence[Desired]
    key: bytes
    root: str = ""

    def drifts(self, plan: Tree) -> tuple[Drift, ...]:
        """All differences of ``plan``. Raises :class:`Unavailable` for a plan that failed or that this cannot read."""
        version = text(plan.get("format_version"))
        if not version.startswith("1."):
            raise Unavailable(f"the plan has the unknown format version {version or '(none)'}")
        if plan.get("errored") is True:
            raise Unavailable("the plan ended with errors")
        secret: dict[str, JSON] = {}
        for change in (*_changes(plan, "resource_drift"), *_changes(plan, "resource_changes")):
            declared = self._declared(change)
            pointers = () if declared is None else map(_covering, declared.sensitive)
            secret[change.address] = _union(secret.get(change.address), change.secret, *pointers)

        def marked(key: str) -> Iterator[_Change]:
            return (replace(change, secret=secret[change.address]) for change in _changes(plan, key))

        outside_changes = {change.address: change for change in marked("resource_drift")}
        planned = {change.address: change for change in marked("resource_changes")}
        is_complete = not planned
        drifts = [drift for change in planned.values() for drift in self._planned(change, outside_changes, plan)]
        drifts += (
            drift
            for change in outside_changes.values()
            if change.address not in planned or planned[change.address].actions == ("no-op",)
            for drift in self._outside(change, plan, is_complete=is_complete)
        )
        return tuple(drifts)

    def _planned(self, change: _Change, outside_changes: Mapping[str, _Change], plan: Tree) -> Iterator[Drift]:
        actions = set(change.actions)
        if {"create", "delete"} <= actions:
            yield self._replaced(change, outside_changes.get(change.address), plan)
        elif actions == {"delete"}:
            yield self._resource_drift(
                change, DriftKind.REMOVED, "TF-DELETE", "apply would delete it", _grave(change.kind)
            )
        elif actions == {"forget"}:
            yield self._resource_drift(change, DriftKind.REMOVED, "TF-FORGET", "apply would forget it", Severity.LOW)
        elif actions == {"create"}:
            yield self._absent(change, outside_changes.get(change.address))
        elif actions == {"update"}:
            yield from self._updated(change, outside_changes.get(change.address), plan)

    def _replaced(self, change: _Change, outside_change: _Change | None, plan: Tree) -> Drift:
        forcing = ", ".join(format_path(path) for path in change.replace_paths)
        leaves = tuple(_leaves(change, _configured(plan, change)))
        evidence = tuple(
            f"{format_path(leaf.path)}: {self._shown(change, leaf)} ({self._cause(leaf, change, outside_change, plan)})"
            for leaf in leaves[:20]
        )
        message = "apply would replace it (destroy and create again)"
        if forcing:
            message += f", because of {forcing}"
        elif change.reason:
            message += f": {change.reason.replace('_', ' ')}"
        drift = self._resource_drift(change, DriftKind.CHANGED, "TF-REPLACE", message, _grave(change.kind))
        facts = [(format_path(leaf.path), self._sides(change, leaf)) for leaf in leaves]
        return replace(
            drift,
            evidence=evidence,
            desired={path: planned_value for path, (_, planned_value, _) in facts},
            observed={path: live for path, (live, _, _) in facts},
            sensitive=any(hidden for _, (_, _, hidden) in facts),
        )

    def _absent(self, change: _Change, outside_change: _Change | None) -> Drift:
        if outside_change is not None and "delete" in outside_change.actions:
            return self._resource_drift(
                change, DriftKind.MISSING, "TF-GONE", "deleted outside of Terraform", Severity.HIGH
            )
        return self._resource_drift(change, DriftKind.MISSING, "TF-CREATE", PlanCause.NOT_APPLIED, Severity.MEDIUM)

    def _updated(self, change: _Change, outside_change: _Change | None, plan: Tree) -> Iterator[Drift]:
        cloud_gains = gains(change.before, change.after)
        for leaf in _leaves(change, _configured(plan, change)):
            yield self._field(leaf, change, self._cause(leaf, change, outside_change, plan), cloud_gains)

    def _cause(self, leaf: _Leaf, change: _Change, outside_change: _Change | None, plan: Tree) -> PlanCause:
        if outside_change is not None and any(
            _overlap(leaf.path, other_leaf.path) for other_leaf in _leaves(outside_change, None)
        ):
            return PlanCause.OUTSIDE
        configured = _configured(plan, change)
        if configured is not None and leaf.path and leaf.path[0] not in configured:
            return PlanCause.PROVIDER
        return PlanCause.NOT_APPLIED

    def _outside(self, change: _Change, plan: Tree, *, is_complete: bool) -> Iterator[Drift]:
        """What changed outside although the plan leaves it alone: recorded state against live."""
        if change.actions == ("delete",):
            if is_complete or any(_same_resource(change, resource) for resource, _ in _relevant(plan)):
                yield self._resource_drift(
                    change, DriftKind.MISSING, "TF-GONE", "deleted outside of Terraform", Severity.HIGH
                )
            return
        relevant = [path for resource, path in _relevant(plan) if _same_resource(change, resource)]
        cloud_gains = gains(change.after, change.before)
        for leaf in _leaves(change, None):
            if is_complete or any(_overlap(leaf.path, path) for path in relevant):
                outer = _Leaf(leaf.path, live=leaf.planned, planned=leaf.live)
                yield self._field(outer, change, PlanCause.OUTSIDE, cloud_gains)

    def _field(self, leaf: _Leaf, change: _Change, cause: PlanCause, cloud_gains: Sequence[CloudGain]) -> Drift:
        live, planned_value, hidden = self._sides(change, leaf)
        kind = DriftKind.CHANGED
        if leaf.live is None:
            kind = DriftKind.MISSING
        elif leaf.planned is None:
            kind = DriftKind.ADDED
        severity, rule = _exposed(leaf, cloud_gains) or _rated(leaf.path)
        drift = self._resource_drift(change, kind, rule, cause, severity)
        declared = self._declared(change)
        origin = declared.origins.at(leaf.path) if declared is not None else None
        adoptable = (
            declared is not None
            and cause is PlanCause.OUTSIDE
            and not hidden
            and leaf.live is not None
            and value_at(declared.tree, leaf.path) == leaf.planned
        )
        return replace(
            drift,
            path=leaf.path,
            desired=planned_value,
            observed=live,
            sensitive=hidden,
            line=origin.line if origin is not None else drift.line,
            adopt=(SetValue(leaf.path, leaf.live),) if adoptable else (),
        )

    def _resource_drift(self, change: _Change, kind: DriftKind, rule: str, message: str, severity: Severity) -> Drift:
        declared = self._declared(change)
        id_ = declared.id if declared else ResourceId(Platform.TERRAFORM, change.kind, change.module, change.name)
        if change.index is not None:
            id_ = id_._replace(name=f"{id_.name}[{redact(json.dumps(change.index))}]")
        return Drift(
            resource=id_,
            task=declared.task if declared else str(id_),
            kind=kind,
            path=(),
            desired=None,
            observed=None,
            severity=severity,
            rule=rule,
            file=declared.file if declared else None,
            line=declared.line if declared else None,
            message=f"{redact(change.address)}: {message}",
        )

    def _declared(self, change: _Change) -> Desired | None:
        """The declaration of the resource: of its module, and of this root where several roots declare the same."""
        same = [
            desired
            for desired in self.declared
            if desired.id.platform is Platform.TERRAFORM
            and (desired.id.kind, desired.id.name) == (change.kind, change.name)
        ]
        tests: tuple[Callable[[Desired], bool], ...] = (
            lambda desired: desired.id.scope == _INDEX.sub("", change.module),
            lambda desired: desired.file.rpartition("/")[0] == self.root.strip("/"),
        )
        for test in tests:
            same = [desired for desired in same if test(desired)] or same
        return same[0] if len(same) == 1 else None

    def _sides(self, change: _Change, leaf: _Leaf) -> tuple[JSON, JSON, bool]:
        """Both values as they may be shown, live first, and whether anything was hidden.

        Where one side is secret the other one was or will be: sensitivity often comes with the new configuration only.
        """
        secret = change.secret
        for segment in leaf.path:
            secret = _below(secret, segment)
        attribute = next((name for name in reversed(leaf.path) if isinstance(name, str)), "")
        names = {owner_of(change.before, leaf.path) or attribute, owner_of(change.after, leaf.path) or attribute}
        hides = _Hiding(self.key, next(filter(secret_name, names), attribute))
        live, hid = hides(leaf.live, secret)
        planned_value, hidden = hides(leaf.planned, secret)
        if hid is not hidden and isinstance(leaf.live, str) and isinstance(leaf.planned, str):
            live, planned_value = hides(leaf.live, True)[0], hides(leaf.planned, True)[0]
        return live, planned_value, hid or hidden

    def _shown(self, change: _Change, leaf: _Leaf) -> str:
        live, planned_value, _ = self._sides(change, leaf)
        return f"{_brief(live)} -> {_brief(planned_value)}"


def _brief(value: JSON) -> str:
    return (value if value == UNKNOWN else json.dumps(value, default=str))[:80] if value is not None else "(none)"


@dataclass(frozen=True, slots=True)
class _Hiding:
    """Masks one differing value that is called ``name``."""

    key: bytes
    name: str

    def __call__(self, value: JSON, secret: JSON) -> tuple[JSON, bool]:
        """``value`` as it may be shown, and whether anything was hidden."""
        if value is None or value == UNKNOWN:
            return value, False
        return self._hide(value, secret, self.name)

    def _hide(self, value: JSON, secret: JSON, name: str) -> tuple[JSON, bool]:
        if secret is True or (_any_true(secret) and isinstance(value, (str, int, float))):
            return digest(value, self.key), True
        if isinstance(value, Mapping):
            parts = {key: self._hide(below, _below(secret, key), name_in(value, key)) for key, below in value.items()}
            return {key: shown_value for key, (shown_value, _) in parts.items()}, any(hid for _, hid in parts.values())
        if isinstance(value, Sequence) and not isinstance(value, str):
            shown_items = [self._hide(below, _below(secret, at), name) for at, below in enumerate(value)]
            return [element for element, _ in shown_items], any(hid for _, hid in shown_items)
        if is_secret(name, value) if isinstance(value, str) else secret_name(name) and _is_number(value):
            return digest(value, self.key), True
        return value, False


def _is_number(value: JSON) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _union(*marks: JSON) -> JSON:
    """What any of several sensitivity marks covers. A list becomes one element that stands for all of them: the two
    sides of a change may have theirs in another order.
    """
    true_marks = [mark for mark in marks if _any_true(mark)]
    kinds = {isinstance(mark, Mapping) for mark in true_marks}
    if True in true_marks or len(kinds) > 1:
        return True
    if kinds == {True}:
        keys = {key for mark in true_marks for key in mapping(mark)}
        return {key: _union(*(mapping(mark).get(key) for mark in true_marks)) for key in sorted(keys)}
    return [_union(*(part for mark in true_marks for part in elements(mark)))] if true_marks else None


def _below(mark: JSON, segment: object) -> JSON:
    """The part of a union of marks that covers one entry or element."""
    if mark is True or mark is None:
        return mark
    if isinstance(mark, Mapping) and isinstance(segment, str):
        return mark.get(segment)
    return elements(mark)[0] if isinstance(segment, int) and elements(mark) else _any_true(mark)


def _covering(pointer: Pointer) -> JSON:
    """The mark that covers the value at ``pointer``."""
    mark: JSON = True
    for segment in reversed(pointer):
        mark = {segment: mark} if isinstance(segment, str) else [mark]
    return mark


def _changes(plan: Tree, key: str) -> Iterator[_Change]:
    for entry in mappings(plan.get(key)):
        change = mapping(entry.get("change"))
        if entry.get("mode") == "managed" and texts(change.get("actions")):
            yield _Change(
                address=text(entry.get("address")),
                kind=text(entry.get("type")),
                name=text(entry.get("name")),
                index=entry.get("index"),
                module=text(entry.get("module_address")),
                actions=texts(change.get("actions")),
                before=change.get("before"),
                after=change.get("after"),
                unknown=change.get("after_unknown"),
                secret=_union(change.get("before_sensitive"), change.get("after_sensitive")),
                replace_paths=tuple(map(_path, elements(change.get("replace_paths")))),
                reason=text(entry.get("action_reason")),
            )


def _path(path_value: JSON) -> Pointer:
    return tuple(segment for segment in elements(path_value) if isinstance(segment, str | int) and segment is not True)


def _relevant(plan: Tree) -> Iterator[tuple[str, Pointer]]:
    for entry in mappings(plan.get("relevant_attributes")):
        yield text(entry.get("resource")), _path(entry.get("attribute"))


def _same_resource(change: _Change, address: str) -> bool:
    return address in {change.address, change.base}


def _overlap(left: Pointer, right: Pointer) -> bool:
    """Whether one path is the other or leads to it."""
    return all(a == b for a, b in zip(left, right, strict=False))


def _configured(plan: Tree, change: _Change) -> frozenset[str] | None:
    """The top-level attributes that the configuration of a resource sets; None where that is not in the plan."""
    *modules, kind, name = re.split(r"\.(?![^\[]*\])", change.base) if change.base.count(".") else ["", "", ""]
    module = mapping(get(plan, "configuration", "root_module"))
    for module_name in modules:
        if module_name != "module":
            module = mapping(get(mapping(get(module, "module_calls", module_name)), "module"))
    for resource in mappings(module.get("resources")):
        if text(resource.get("address")) == f"{kind}.{name}":
            return frozenset(mapping(resource.get("expressions")))
    return None


def _leaves(change: _Change, configured: frozenset[str] | None) -> Iterator[_Leaf]:
    """The values that differ. One that is only known after apply counts where the configuration sets its attribute."""
    for leaf in _differing(change.before, change.after, change.unknown, ()):
        if leaf.planned != UNKNOWN or (configured is not None and leaf.path and leaf.path[0] in configured):
            yield leaf


def _differing(live: JSON, planned: JSON, unknown: JSON, path: Pointer) -> Iterator[_Leaf]:
    if unknown is True:
        yield _Leaf(path, live, UNKNOWN)
    elif _equal(live, planned) and not _any_true(unknown):
        return
    elif isinstance(live, Mapping) and isinstance(planned, Mapping):
        keys = [*planned, *(key for key in live if key not in planned)]
        keys += (key for key in mapping(unknown) if key not in keys)
        for key in keys:
            yield from _differing(live.get(key), planned.get(key), value_at(unknown, (key,)), (*path, key))
    elif _blocks(live) and _blocks(planned) and len(elements(live)) == len(elements(planned)):
        for at, (before, after) in enumerate(zip(elements(live), elements(planned), strict=True)):
            yield from _differing(before, after, value_at(unknown, (at,)), (*path, at))
    elif not _equal(live, planned):
        yield _Leaf(path, live, planned)


def _any_true(unknown: JSON) -> bool:
    if isinstance(unknown, Mapping):
        return any(map(_any_true, unknown.values()))
    return unknown is True or any(map(_any_true, elements(unknown)))


def _blocks(value: JSON) -> bool:
    below = elements(value)
    return bool(below) and all(isinstance(block, Mapping) for block in below)


def _equal(left: JSON, right: JSON) -> bool:
    """By meaning: null is empty, a list is a set where only its order changed, JSON inside a text is JSON."""
    if left == right or (left in (None, [], {}) and right in (None, [], {})):
        return True
    if isinstance(left, str) and isinstance(right, str) and left[:1] in {"{", "["} and right[:1] == left[:1]:
        try:
            return policies.same(policies.parsed(left), policies.parsed(right))
        except ValueError:
            return False
    if _blocks(left) and _blocks(right):
        return Counter(map(spelled, elements(left))) == Counter(map(spelled, elements(right)))
    return False


def _grave(kind: str) -> Severity:
    """How bad it is to lose a resource of this type: worst where it holds data."""
    return Severity.CRITICAL if _DATA_BEARING.search(kind) else Severity.HIGH


def _exposed(leaf: _Leaf, cloud_gains: Sequence[CloudGain]) -> tuple[Severity, str] | None:
    """What the live value opens that the configuration does not, by itself or with what stands beside it."""
    gain = next((gain for gain in cloud_gains if gain.concerns(leaf.path)), None)
    return None if gain is None else (Severity.CRITICAL, gain.rule)


def _rated(path: Pointer) -> tuple[Severity, str]:
    names = [segment for segment in path if isinstance(segment, str)]
    if names and _METADATA.match(names[0]):
        return Severity.LOW, "TF-METADATA"
    if any(_SECURITY.search(name) for name in names):
        return Severity.HIGH, "TF-SECURITY"
    return Severity.MEDIUM, "TF-CHANGE"
