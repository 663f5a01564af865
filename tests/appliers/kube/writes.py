"""How an object comes to be stored: decoded, defaulted, owned, validated, allocated; every verb that writes ends here."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from tests.appliers.kube import decode, defaults, last_applied, managed, status, validation
from tests.appliers.kube.ownership import Conflicting, Managers, Owned, apply, conflict_causes, update
from tests.appliers.kube.paths import FieldSet, display
from tests.appliers.kube.schema import Kind, Schema
from tests.appliers.kube.store import Key, Object, Store, fresh_uid, key_of, timestamp
from tests.appliers.kube.typed import NotOfType, Typed

_SYSTEM: Final = (
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
)
_GENERATED: Final = "bcdfghjklmnpqrstvwxz2456789"
_NO_GENERATION: Final = frozenset(
    ["ConfigMap", "Secret", "ServiceAccount", "Role", "RoleBinding", "ClusterRole"]
) | frozenset(
    [
        "ClusterRoleBinding",
        "Namespace",
        "Service",
        "PersistentVolumeClaim",
        "PersistentVolume",
        "Endpoints",
        "StorageClass",
    ]
)


@dataclass(frozen=True, slots=True)
class Call:
    """Who writes what, and how: the query of the request and the place in its path."""

    kind: Kind
    namespace: str
    name: str
    subresource: str = ""
    manager: str = "unknown"
    force: bool = False
    dry_run: bool = False
    validation: str = "Warn"

    @property
    def key(self) -> Key:
        return key_of(self.kind, self.namespace, self.name)


class Writer:
    """Writes objects of a store."""

    def __init__(self, store: Store, schema: Schema) -> None:
        self._store = store
        self._schema = schema

    def create(self, call: Call, body: Mapping[str, Any]) -> tuple[Object, list[str]]:
        """A new object, and the warnings about it."""
        new, warnings = self._decoded(call, body)
        meta = new.setdefault("metadata", {})
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"] + "".join(secrets.choice(_GENERATED) for _ in range(5))
        call = replace(call, name=meta.get("name", ""))
        self._placed(call, new)
        if call.key in self._store.objects:
            raise status.already_exists(call.kind, call.name)
        if meta.get("resourceVersion"):
            raise status.bad_request("resourceVersion should not be set on objects to be created")
        self._without_status(call, new, None)
        defaults.fill(self._schema, call.kind, new)
        managers = self._updated(call, None, new, {})
        return self._stored(call, new, None, managers), warnings

    def replace(self, call: Call, body: Mapping[str, Any], *, precise: bool = True) -> tuple[Object, list[str]]:
        """``body`` in the place of what is stored. ``precise`` is a PUT, whose version must be the stored one."""
        live = self.live(call)
        new, warnings = self._decoded(call, body)
        self._placed(call, new)
        version = new.get("metadata", {}).get("resourceVersion")
        if version and version != live["metadata"]["resourceVersion"]:
            raise status.changed_meanwhile(call.kind, call.name)
        if precise and not version and call.kind.custom:
            cause = (
                "FieldValueInvalid",
                "Invalid value: 0x0: must be specified for an update",
                "metadata.resourceVersion",
            )
            raise status.invalid(call.kind, call.name, [cause])
        uid = new["metadata"].get("uid")
        if uid and uid != live["metadata"]["uid"]:
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {live['metadata']['uid']}"
            raise status.conflict(call.kind, call.name, why)
        self._without_status(call, new, live)
        defaults.fill(self._schema, call.kind, new)
        for name in _SYSTEM:
            new["metadata"].pop(name, None)
            if name in live["metadata"]:
                new["metadata"][name] = live["metadata"][name]
        managers = self._updated(call, live, new, _given_managers(call, body, live))
        return self._stored(call, new, live, managers), warnings

    def apply(self, call: Call, body: Mapping[str, Any]) -> tuple[Object, list[str], bool]:
        """The object after an apply, and whether it was created."""
        self._appliable(call, body)
        live = self._store.objects.get(call.key)
        config = self._config(call, body)
        current = self._converted(call, live) if live is not None else None
        managers: Managers = managed.read(live["metadata"]) if live is not None else {}
        if live is not None and not managers:
            managers = self._before_first_apply(call, current or {})
        manager = managed.identity(call.manager, "Apply", call.kind.api_version, call.subresource)
        typed = self._typed(call, _unmanaged(current))
        ignored = managed.WHOLLY_UNOWNED | _reset(call)

        def attempt(force: bool) -> tuple[Typed, Managers]:
            version = call.kind.api_version
            return apply(typed, config, version, managers, manager, force=force or call.force, ignored=ignored)

        try:
            merged, after = last_applied.applied(attempt, call.manager, typed)
        except Conflicting as why:
            raise _refused(why) from why
        except NotOfType as why:
            raise self._untyped(call, why) from why
        new, _ = decode.decoded(self._schema, call.kind, self._whole(call, merged.value, live))
        last_applied.remember(new, body, call.manager)
        defaults.fill(self._schema, call.kind, new)
        return self._stored(call, new, live, after), [], live is None

    def delete_now(self, call: Call, live: Object) -> Object:
        """The object is gone."""
        return live if call.dry_run else self._store.save(call.key, live, "DELETED")

    def mark_deleted(self, call: Call, live: Object, finalizers: list[str]) -> Object:
        """The object waits for its finalizers."""
        if live["metadata"].get("deletionTimestamp"):
            return live
        marked = copy.deepcopy(live)
        grace = {"deletionTimestamp": timestamp(), "deletionGracePeriodSeconds": 0, "finalizers": finalizers}
        marked["metadata"].update(grace)
        if call.kind.kind not in _NO_GENERATION:
            marked["metadata"]["generation"] = marked["metadata"].get("generation", 1) + 1
        return marked if call.dry_run else self._store.save(call.key, marked, "MODIFIED")

    def live(self, call: Call) -> Object:
        """What is stored.

        Raises:
            Failed: 404.
        """
        obj = self._store.objects.get(call.key)
        if obj is None:
            raise status.not_found(call.kind, call.name)
        return self._converted(call, obj)

    def _converted(self, call: Call, obj: Object) -> Object:
        """The object in the version that is asked for; versions here differ in their name alone."""
        return obj if obj["apiVersion"] == call.kind.api_version else obj | {"apiVersion": call.kind.api_version}

    def _decoded(self, call: Call, body: Mapping[str, Any]) -> tuple[Object, list[str]]:
        for name, expected in (("kind", call.kind.kind), ("apiVersion", call.kind.api_version)):
            if body.get(name, expected) != expected:
                message = f"{name} in the body ({body[name]}) does not match the expected one ({expected})"
                raise status.bad_request(f"the object provided is unrecognized: {message}")
        head = {"apiVersion": call.kind.api_version, "kind": call.kind.kind}
        new, unknown = decode.decoded(self._schema, call.kind, {**head, **copy.deepcopy(dict(body))})
        told = [f'unknown field "{path}"' for path in unknown]
        if told and call.validation == "Strict":
            raise status.bad_request(
                f"{call.kind.kind} in version {json_quoted(call.kind.version)} cannot be handled as a "
                f"{call.kind.kind}: strict decoding error: {', '.join(told)}"
            )
        return new, told if call.validation == "Warn" else []

    def _placed(self, call: Call, new: Object) -> None:
        """The body's name and namespace are those of the path; the namespace exists."""
        meta = new.setdefault("metadata", {})
        if call.kind.namespaced:
            if meta.setdefault("namespace", call.namespace) != call.namespace:
                raise status.bad_request(
                    "the namespace of the provided object does not match the namespace sent on the request"
                )
            self._room(call)
        if meta.get("name", call.name) != call.name:
            message = f"the name of the object ({meta.get('name')}) does not match the name on the URL ({call.name})"
            raise status.bad_request(message)

    def _room(self, call: Call) -> None:
        space = self._store.objects.get(("", "namespaces", "", call.namespace))
        if space is None:
            message = f'namespaces "{call.namespace}" not found'
            raise status.Failed(404, "NotFound", message, details={"name": call.namespace, "kind": "namespaces"})
        terminating = space["metadata"].get("deletionTimestamp")
        if terminating and call.key not in self._store.objects:
            why = f"unable to create new content in namespace {call.namespace} because it is being terminated"
            raise status.forbidden(call.kind, call.name, why)

    def _without_status(self, call: Call, new: Object, live: Object | None) -> None:
        """The main endpoint leaves the status alone, the status's endpoint everything else."""
        if "status" not in call.kind.subresources:
            return
        if call.subresource == "status":
            if live is not None:
                own = new.get("status")
                new.update({name: copy.deepcopy(value) for name, value in live.items() if name != "status"})
                new.pop("status", None)
                new.update({"status": own} if own is not None else {})
            return
        new.pop("status", None)
        if live is not None and "status" in live:
            new["status"] = copy.deepcopy(live["status"])

    def _typed(self, call: Call, value: Any) -> Typed:
        return Typed(value, call.kind.type, self._schema)

    def _updated(self, call: Call, live: Object | None, new: Object, managers: Managers) -> Managers:
        version = call.kind.api_version
        name = managed.identity(call.manager, "Update", version, call.subresource)
        old = self._typed(call, _unmanaged(live))
        ignored = managed.WHOLLY_UNOWNED | _reset(call)
        return update(old, self._typed(call, _unmanaged(new)), version, managers, name, ignored=ignored)

    def _before_first_apply(self, call: Call, live: Object) -> Managers:
        """Whoever wrote an object that has no managers is one of this name."""
        version = call.kind.api_version
        fields = self._typed(call, _unmanaged(live)).fields() - managed.NEVER_OWNED
        return {managed.identity("before-first-apply", "Update", version): Owned(fields, version, applied=False)}

    def _appliable(self, call: Call, body: Mapping[str, Any]) -> None:
        meta = body.get("metadata") or {}
        for name, expected in (("kind", call.kind.kind), ("apiVersion", call.kind.api_version)):
            if body.get(name) != expected:
                raise status.bad_request(f"invalid object type: {name} is {body.get(name)!r}, expected {expected!r}")
        if meta.get("managedFields"):
            raise status.bad_request("metadata.managedFields must be nil")
        if meta.get("namespace", call.namespace) != call.namespace and call.kind.namespaced:
            raise status.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        if meta.get("name", call.name) != call.name:
            message = f"the name of the object ({meta.get('name')}) does not match the name on the URL ({call.name})"
            raise status.bad_request(message)
        if call.kind.namespaced:
            self._room(call)
        live = self._store.objects.get(call.key)
        for name in ("resourceVersion", "uid"):
            if meta.get(name) and (live is None or meta[name] != live["metadata"][name]):
                if live is None and name == "resourceVersion":
                    raise status.not_found(call.kind, call.name)
                raise status.changed_meanwhile(call.kind, call.name)

    def _config(self, call: Call, body: Mapping[str, Any]) -> Typed:
        try:
            return self._typed(call, copy.deepcopy(dict(body))).checked()
        except NotOfType as why:
            raise self._untyped(call, why) from why

    def _untyped(self, call: Call, why: NotOfType) -> status.Failed:
        where = f"{call.namespace}/{call.name}; {call.kind.api_version}, Kind={call.kind.kind}"
        return status.Failed(500, "", f"failed to create typed patch object ({where}): {why}")

    def _whole(self, call: Call, merged: Any, live: Object | None) -> Object:
        """The merged object with what belongs to the server, and with the other side of the subresource."""
        new: Object = copy.deepcopy(merged or {})
        meta = new.setdefault("metadata", {})
        meta["name"] = call.name
        if call.kind.namespaced:
            meta["namespace"] = call.namespace
        for name in (*_SYSTEM, "resourceVersion"):
            meta.pop(name, None)
            if live is not None and name in live["metadata"]:
                meta[name] = live["metadata"][name]
        new |= {"apiVersion": call.kind.api_version, "kind": call.kind.kind}
        self._without_status(call, new, live)
        return new

    def _stored(self, call: Call, new: Object, live: Object | None, managers: Managers) -> Object:
        meta = new["metadata"]
        meta.pop("resourceVersion", None)
        if live is None:
            meta.update(uid=fresh_uid(), creationTimestamp=timestamp())
            if call.kind.kind not in _NO_GENERATION:
                meta["generation"] = 1
        defaults.allocate(call.kind, new, live)
        causes = validation.faults(self._schema, call.kind, new, live)
        if causes:
            raise status.invalid(call.kind, call.name, causes)
        if live is not None and _generation(new) != _generation(live) and call.kind.kind not in _NO_GENERATION:
            meta["generation"] = live["metadata"].get("generation", 1) + (0 if call.subresource == "status" else 1)
        before = live["metadata"] if live is not None else {}
        entries = managed.written(managers, before, timestamp())
        meta.pop("managedFields", None)
        if entries:
            meta["managedFields"] = entries
        return self._kept(call, new, live)

    def _kept(self, call: Call, new: Object, live: Object | None) -> Object:
        """What is the same is not written; what waited only for its finalizers goes when the last is gone."""
        if live is not None:
            stamped = new | {"metadata": new["metadata"] | {"resourceVersion": live["metadata"]["resourceVersion"]}}
            if stamped == live or call.dry_run:
                return stamped
            if new["metadata"].get("deletionTimestamp") and not new["metadata"].get("finalizers"):
                return self._store.save(call.key, new, "DELETED")
        return new if call.dry_run else self._store.save(call.key, new, "MODIFIED" if live else "ADDED")


def _given_managers(call: Call, body: Mapping[str, Any], live: Object) -> Managers:
    """The managers that an update begins with: those that it brings, none where it resets them, or the stored ones."""
    given = body["metadata"].get("managedFields")
    if call.subresource or given is None:
        return managed.read(live["metadata"])
    if given in ([], [{}]):
        return {}
    return managed.read(body["metadata"])


def json_quoted(text: str) -> str:
    return f'"{text}"'


def _unmanaged(obj: Object | None) -> Any:
    """The object without who owns what."""
    if obj is None:
        return None
    return obj | {"metadata": {name: value for name, value in obj["metadata"].items() if name != "managedFields"}}


def _reset(call: Call) -> FieldSet:
    """Fields that the endpoint resets: nobody comes to own them there."""
    if "status" not in call.kind.subresources:
        return frozenset()
    return frozenset([("f:spec",)]) if call.subresource == "status" else frozenset([("f:status",)])


def _generation(obj: Object) -> dict[str, Any]:
    """What a new generation differs in."""
    return {name: value for name, value in obj.items() if name not in {"metadata", "status", "apiVersion"}}


def _refused(why: Conflicting) -> status.Failed:
    told = {manager: managed.told(manager) for manager, _ in why.conflicts}
    causes = conflict_causes(why.conflicts, told)
    return status.Failed(409, "Conflict", _conflict_message(why, told), details={"causes": causes})


def _conflict_message(why: Conflicting, told: Mapping[str, str]) -> str:
    if len(why.conflicts) == 1:
        manager, path = why.conflicts[0]
        return f"Apply failed with 1 conflict: conflict with {told[manager]}: {display(path)}"
    lines = []
    for manager in sorted(told, key=lambda name: told[name]):
        lines.append(f"conflicts with {told[manager]}:")
        lines += [f"- {display(path)}" for other, path in why.conflicts if other == manager]
    return f"Apply failed with {len(why.conflicts)} conflicts: " + "\n".join(lines)
