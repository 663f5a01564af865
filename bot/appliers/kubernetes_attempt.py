"""One attempt at one action on a Kubernetes object. Used by :mod:`bot.appliers.kubernetes`, which says what holds of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, assert_never

from bot.appliers.kubernetes_evidence import binding_mode, pod_problems_of
from bot.appliers.kubernetes_fields import ADDITIONS, NamedFields
from bot.appliers.kubernetes_health import health_of, is_settled
from bot.appliers.kubernetes_held import leaving_out, unrelated_fields
from bot.appliers.kubernetes_hooks import HookAttempt
from bot.appliers.kubernetes_manifests import BY_WORK, RESTARTED, applied, created, restarted, uid_of, version_of
from bot.appliers.kubernetes_objects import MANAGER, ClusterObjects, ObjectReference, not_served
from bot.appliers.kubernetes_refusals import HeldField, NotValid, ObjectMoved, WaitOver, conflict, error_of, held_fields
from bot.appliers.reconcilers import Reconciler, reconciler_of, written_moment
from bot.drift.kubernetes.conversion import as_stored
from bot.drift.kubernetes.crds import shapes_of_crd
from bot.drift.kubernetes.custom import shape_for
from bot.drift.kubernetes.kinds import is_known
from bot.drift.options import ComparisonOptions
from bot.errors import Refused, Stale
from bot.kubeapi.api import ApiAnswer
from bot.model.action import Evidence, HealthReport, HealthState, Operation, Work
from bot.model.hooks import Hook
from bot.model.json import Tree, get, mapping, mappings, text, texts
from bot.model.resource import Desired
from bot.secrecy.sanitize import sanitized

_LOOK_AGAIN: Final = 1.0
_RESTARTABLE: Final = frozenset({("apps", kind) for kind in ("Deployment", "StatefulSet", "DaemonSet")})
"""What ``kubectl rollout restart`` takes (Kubernetes docs, "kubectl rollout restart")."""


@dataclass(frozen=True, slots=True)
class ApplyRules:
    """What holds for every attempt: see :class:`bot.appliers.kubernetes.KubernetesApplier`."""

    options: ComparisonOptions = field(repr=False)
    force_conflicts: bool
    argo_namespace: str
    seconds: float
    sleep: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class ObjectAttempt:
    """One attempt at one action. It begins by reading the object, so that another attempt may follow at any time."""

    work: Work
    objects: ClusterObjects
    target: ObjectReference | None
    rules: ApplyRules
    written: dict[str, Tree] = field(default_factory=dict)
    """By the token of their work, objects as the server answered when they were written, that need no second look."""

    def rehearse(self) -> None:
        """The same as :meth:`carry_out`, as far as the server can be asked without doing it."""
        match self._operation:
            case Operation.DELETE:
                self._delete(rehearsal=True)
            case Operation.REPLACE:
                live = self._read()
                if live is not None and not self._is_own(live):
                    self._check_same(live)
                    self._try_creation()
                    self.objects.delete(self.ref, live, rehearsal=True)
            case Operation.RUN:
                self._hook.rehearse() if self.work.action.hook else self._create(rehearsal=True)
            case Operation.UPDATE if self.work.partial:
                self._restore(rehearsal=True)
            case Operation.CREATE | Operation.UPDATE | Operation.RESTART:
                self._apply(rehearsal=True)
            case other:
                assert_never(other)

    def carry_out(self) -> Evidence:
        match self._operation:
            case Operation.DELETE:
                return self._delete()
            case Operation.REPLACE:
                return self._replace()
            case Operation.RUN:
                return self._hook.carry_out() if self.work.action.hook else self._create()
            case Operation.RESTART:
                return self._restart()
            case Operation.UPDATE if self.work.partial:
                return self._restore()
            case Operation.CREATE | Operation.UPDATE:
                return self._apply()
            case other:
                assert_never(other)

    @property
    def _operation(self) -> Operation:
        """What is done. Putting single fields back is an update, whatever else would be done about them."""
        operation = self.work.action.operation
        if not self.work.partial:
            return operation
        if operation is Operation.REPLACE:
            raise Refused(
                f"{self._name}: a field that differs cannot be changed while the object lives",
                advice="apply the whole object, which replaces it",
            )
        return Operation.UPDATE if operation is Operation.RESTART else operation

    @property
    def _name(self) -> str:
        return str(self.work.action.resource)

    @property
    def ref(self) -> ObjectReference:
        if self.target is None:
            raise not_served(self._name, self.work.action.resource.group, self.work.action.resource.kind)
        return self.target

    @property
    def desired(self) -> Desired:
        if self.work.desired is None:
            raise Refused(f"{self._name}: Git does not declare it", advice="plan it again")
        return self.work.desired

    @property
    def _live_at_plan(self) -> Tree | None:
        """The object of the same name that was seen; a generated one may run under an earlier name."""
        live = self.work.live
        return None if live is None or text(get(live.tree, "metadata", "name")) != self.ref.name else live.tree

    def _read(self) -> Tree | None:
        return self.objects.read(self.ref)

    def _check_same(self, live: Tree) -> None:
        """Raise ``Stale`` where the object is not the one that was seen."""
        live_before = self._live_at_plan
        if live_before is None:
            raise Stale(f"{self._name} was not there when this was planned")
        if uid_of(live_before) and uid_of(live_before) != uid_of(live):
            raise Stale(f"{self._name} was deleted and made again since this was planned")

    def _is_own(self, live: Tree) -> bool:
        """Whether this work created it."""
        return get(live, "metadata", "annotations", BY_WORK) == self.work.token

    def _fields(self, live: Tree) -> NamedFields:
        desired = self.desired
        id_ = desired.id.local
        declared = as_stored(desired.tree, live, id_)[0]
        raw = declared if self.ref.secret else desired.tree
        fields = NamedFields(
            id_, shape_for(id_, self.rules.options), raw, declared, self._live_at_plan, self.work.drifts
        )
        if is_known(id_.group, id_.kind) or fields.are_clear(live):
            return fields
        shape = dict(shapes_of_crd(self.objects.definition(self.ref, id_.group))).get((id_.group, id_.kind))
        return fields if shape is None else replace(fields, shape=shape)

    def _apply(self, *, rehearsal: bool = False) -> Evidence:
        """The object as Git declares it, and nothing of what was only live and named."""
        if rehearsal and self._live_at_plan is None and self._would_be_made():
            return Evidence(f"{self._name} would be created")
        live = self._read()
        if live is None and self._live_at_plan is not None:
            raise Stale(f"{self._name} is gone since this was planned")
        if live is not None and (self._live_at_plan is not None or not _is_written_by_us(live)):
            self._check_same(live)
        if live is not None:
            self._fields(live).check(live)
        try:
            answer, unasked_fields, taken_over = self._applied(live, rehearsal=rehearsal)
        except NotValid:
            if live is None or not self._mend_at_once(live, rehearsal=rehearsal):
                raise
            return self._evidence("would be as declared", live, {}) if rehearsal else self._apply()
        removed = self._remove_additions(self._live_at_plan if rehearsal else answer.tree, rehearsal=rehearsal)
        facts = {
            "taken over": _owned(taken_over),
            "left to others": _owned(unasked_fields),
            "removed": ", ".join(removed),
            "warnings": "" if self.ref.secret else sanitized("; ".join(answer.warnings)),
        }
        unchanged = live is not None and version_of(live) == version_of(answer.tree) and not removed
        return self._evidence("was as declared" if unchanged else "is as declared", answer.tree, facts)

    def _would_be_made(self) -> bool:
        """Whether the server would make it: 201 Created, which no object that is there answers."""
        with suppress(NotValid):
            answer = self.objects.apply(self.ref, applied(self.desired.tree, self.ref, None), rehearsal=True)
            return answer.status == 201
        return False

    def _applied(
        self, live: Tree | None, *, rehearsal: bool
    ) -> tuple[ApiAnswer, tuple[HeldField, ...], tuple[HeldField, ...]]:
        """The answer to an apply, with the fields that were left to their owners and those that were taken over."""
        body = applied(self.desired.tree, self.ref, live)
        answer = self.objects.apply(self.ref, body, rehearsal=rehearsal)
        if answer.status != 409:
            return answer, (), ()
        held_by_others = held_fields(answer)
        if live is None or not held_by_others:
            raise error_of(answer, self._name, "patch", secret=self.ref.secret)
        other_fields = tuple(held_field for held_field in held_by_others if held_field.manager != MANAGER)
        unasked_fields = unrelated_fields(other_fields, self._fields(live).pointers(live), live, self._live_at_plan)
        taken_over = tuple(held_field for held_field in other_fields if held_field not in unasked_fields)
        if taken_over and not self.rules.force_conflicts:
            raise conflict(self._name, taken_over)
        body = leaving_out(body, unasked_fields)
        return (
            self._apply_over(body, live, force=len(held_by_others) > len(unasked_fields), rehearsal=rehearsal),
            unasked_fields,
            taken_over,
        )

    def _mend_at_once(self, live: Tree, *, rehearsal: bool) -> bool:
        """Put every named field right in one patch, where what Git says and what was added are not valid beside one another,
        such as two ports of one name; whether there was anything to do. The apply met no conflict that forbids it.
        """
        if not self._has_additions:
            return False
        steps, _ = self._fields(live).patch(live)
        if steps:
            self.objects.patch(self.ref, steps, rehearsal=rehearsal)
        return bool(steps)

    def _apply_over(self, body: Tree, live: Tree, *, force: bool, rehearsal: bool) -> ApiAnswer:
        """Apply to exactly ``live``: whoever came to own a field since is not overruled."""
        locked = {**body, "metadata": {**mapping(body.get("metadata")), "resourceVersion": version_of(live)}}
        answer = self.objects.apply(self.ref, locked, force=force, rehearsal=rehearsal)
        if answer.status == 409:
            raise ObjectMoved(f"{self._name} changed while it was applied")
        return answer

    def _remove_additions(self, live_before: Tree | None, *, rehearsal: bool) -> tuple[str, ...]:
        """Take away what is only live and named: an apply leaves it to its owner. ``live_before`` is the object as the apply
        left it, where fields that were ours alone are gone or as the server defaults them.
        """
        if not self._has_additions:
            return ()
        live = self._read()
        if live is None:
            raise ObjectMoved(f"{self._name} was deleted while it was applied")
        fields = replace(self._fields(live), live_at_plan=live_before)
        steps, changed = fields.patch(live, ADDITIONS)
        if steps and rehearsal:
            self._rehearse_removal(fields, live)
        elif steps:
            self.objects.patch(self.ref, steps)
        return changed

    def _rehearse_removal(self, fields: NamedFields, live: Tree) -> None:
        """Without what the apply brings the object may not be valid, so the whole change is tried, where it can be said."""
        if fields.are_clear(live):
            self.objects.patch(self.ref, fields.patch(live)[0], rehearsal=True)

    @property
    def _has_additions(self) -> bool:
        names_addition = any(drift.path and drift.kind in ADDITIONS for drift in self.work.drifts)
        return names_addition and self._live_at_plan is not None

    def _restore(self, *, rehearsal: bool = False) -> Evidence:
        """Exactly the named fields as Git says, by ourselves or by who keeps the object."""
        live = self._read()
        if live is None:
            raise Stale(f"{self._name} is gone since this was planned")
        self._check_same(live)
        fields, as_declared = self._fields(live), "has these fields as declared"
        if (reconciler := self._reconciler(live)) is not None:
            return (
                reconciler.ask(self.work, rehearsal=rehearsal)
                if fields.left(live)
                else self._evidence(as_declared, live, {})
            )
        steps, changed = fields.patch(live)
        if not steps:
            return self._evidence(as_declared, live, {})
        after = self.objects.patch(self.ref, steps, rehearsal=rehearsal)
        return self._evidence(as_declared, after, {"put back": ", ".join(changed)})

    def _reconciler(self, live: Tree) -> Reconciler | None:
        return reconciler_of(live, self.objects, argo_namespace=self.rules.argo_namespace)

    def _restart(self) -> Evidence:
        """As declared, and started again as ``kubectl rollout restart`` does; kinds without a rollout are only applied."""
        evidence = self._apply()
        id_, live = self.work.action.resource, self._read()
        if (id_.group, id_.kind) not in _RESTARTABLE or live is None:
            return evidence
        at = written_moment(self.work.at)
        if get(live, "spec", "template", "metadata", "annotations", RESTARTED) != at:
            live = self.objects.merge(self.ref, restarted(live, at))
        return self._evidence("was started again", live, {**evidence.facts, "restarted": at})

    def _delete(self, *, rehearsal: bool = False) -> Evidence:
        live = None if self.target is None else self._read()
        if live is None:
            return Evidence(f"{self._name} is gone")
        self._check_same(live)
        if not text(get(live, "metadata", "deletionTimestamp")):
            self.objects.delete(self.ref, live, rehearsal=rehearsal)
        return self._evidence("is deleted", live, {})

    def _replace(self) -> Evidence:
        """Deleted, gone, and made again; the new one is told by its token."""
        old = self._read()
        if old is not None and not self._is_own(old):
            self._check_same(old)
            if not text(get(old, "metadata", "deletionTimestamp")):
                self._try_creation()
                self.objects.delete(self.ref, old)
            self._wait_until_gone(old)
        return self._create()

    def _wait_until_gone(self, old: Tree) -> None:
        waited = 0.0
        while (live := self._read()) is not None and uid_of(live) == uid_of(old):
            if waited >= self.rules.seconds:
                finalizers = ", ".join(texts(get(live, "metadata", "finalizers"))) or "its end"
                raise WaitOver(f"{self._name} is still being deleted after {waited:g} s; it waits for {finalizers}")
            self.rules.sleep(_LOOK_AGAIN)
            waited += _LOOK_AGAIN

    def _try_creation(self) -> None:
        """Ask the server whether it would take the object, under a name that is free: nothing is deleted for what cannot be
        made. What the server minds about the name alone, or gives out but once, is no reason.
        """
        reference, body = self.ref, created(self.desired.tree, self.ref, self.work.token)
        free = ObjectReference(
            reference.served,
            reference.namespace,
            f"{reference.name[:40]}-rehearsal",
            reference.subject,
            reference.secret,
        )
        body = {**body, "metadata": {**mapping(body.get("metadata")), "name": free.name}}
        self.objects.try_creation(free, body)

    def _create(self, *, rehearsal: bool = False) -> Evidence:
        """The object, made by this work: now or by an earlier attempt."""
        live = self._read()
        if live is None:
            body = created(self.desired.tree, self.ref, self.work.token)
            live = self.objects.create(self.ref, body, rehearsal=rehearsal)
        if live is None:
            raise ObjectMoved(f"{self._name} was made at the same moment")
        if not self._is_own(live):
            raise Stale(f"{self._name} is there already and was not made by this")
        return self._evidence("was created", live, {})

    def _evidence(self, deed: str, tree: Tree, facts: Mapping[str, str]) -> Evidence:
        if is_settled(tree):
            self.written[self.work.token] = tree
        known_facts = {"uid": uid_of(tree), "resource version": version_of(tree), **facts}
        return Evidence(f"{self._name} {deed}", {name: fact for name, fact in known_facts.items() if fact})

    @property
    def _hook(self) -> HookAttempt:
        return HookAttempt(
            self.work,
            Hook(self.desired),
            self.objects,
            self.ref,
            seconds=self.rules.seconds,
            sleep=self.rules.sleep,
            await_deletion=self._wait_until_gone,
            try_creation=self._try_creation,
            pods=self._pods,
        )

    def health(self, now: datetime) -> HealthReport:
        if self.work.action.hook:
            return self._hook.health()
        written = self.written.pop(self.work.token, None)
        if written is not None and self.work.action.operation is not Operation.DELETE and not self.work.partial:
            return health_of(written, now)
        live = None if self.target is None else self._read()
        if self.work.action.operation is Operation.DELETE:
            return self._deletion_health(live, now)
        if live is None:
            return HealthReport(HealthState.FAILED, ("it does not exist",))
        if self.work.partial and self._live_at_plan is not None and (reconciler := self._reconciler(live)) is not None:
            answer = reconciler.health(self.work, self._fields(live).left(live))
            if answer is not None:
                return answer
        health = health_of(live, now, binding=binding_mode(live, self.objects))
        if health.state is HealthState.HEALTHY:
            return health
        return HealthReport(health.state, (*health.evidence, *self._pods(live, now)))

    def _pods(self, live: Tree, now: datetime) -> tuple[str, ...]:
        return pod_problems_of(live, self.objects, self.ref.namespace, now)

    def _deletion_health(self, live: Tree | None, now: datetime) -> HealthReport:
        if live is None:
            return HealthReport(HealthState.HEALTHY, ("it is gone",))
        live_before = self._live_at_plan
        if live_before is not None and uid_of(live_before) != uid_of(live):
            return HealthReport(HealthState.FAILED, ("another object of that name is there",))
        if text(get(live, "metadata", "deletionTimestamp")):
            return health_of(live, now)
        return HealthReport(HealthState.FAILED, ("it still exists and is not being deleted",))


def _owned(fields: tuple[HeldField, ...]) -> str:
    return ", ".join(f"{held_field.path} ({held_field.owner})" for held_field in fields)


def _is_written_by_us(live: Tree) -> bool:
    """Whether an apply of ours is recorded: an earlier attempt at creating it."""
    entries = mappings(get(live, "metadata", "managedFields"))
    return any(entry.get("manager") == MANAGER and entry.get("operation") == "Apply" for entry in entries)
