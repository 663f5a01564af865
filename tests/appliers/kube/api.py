"""The API itself: a request becomes an answer. Everything happens under one lock, as if it had one store behind it."""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import yaml

from tests.appliers.kube import discovery, patches, registry, status
from tests.appliers.kube.access import Access
from tests.appliers.kube.answers import Answer, Watch, headless, scale_of
from tests.appliers.kube.controllers import Controllers
from tests.appliers.kube.deletion import Deleter
from tests.appliers.kube.faults import Request
from tests.appliers.kube.schema import Kind
from tests.appliers.kube.selectors import selected
from tests.appliers.kube.store import Key, Object, Store
from tests.appliers.kube.writes import Call, Writer

_ROUTE: Final = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[a-z]+)"
    r"(?:/(?P<name>[^/]+)(?:/(?P<sub>[a-z]+))?)?"
)
_SPACES: Final = re.compile(r"/api/v1/namespaces(?:/(?P<name>[^/]+)(?:/(?P<sub>status|finalize))?)?")
_PATCHES: Final = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    "application/apply-patch+yaml": "apply",
}
_REVIEW: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class Api:
    """``oldest`` is the version before which a watch or a continued list has expired."""

    def __init__(self, store: Store, access: Access, controllers: Controllers) -> None:
        self.store = store
        self.access = access
        self.controllers = controllers
        self.oldest = 0
        self.schema = registry.schema()
        self.writer = Writer(store, self.schema)
        self._built_in = registry.built_in()
        self._deleter = Deleter(store, self.writer, self.kind_of, lambda: controllers.on)

    def kinds(self) -> list[Kind]:
        """What is served now."""
        definitions = (obj for key, obj in list(self.store.objects.items()) if key[1] == "customresourcedefinitions")
        return [*self._built_in, *registry.custom(definitions)]

    def kind_of(self, key: Key) -> Kind:
        return next(kind for kind in self.kinds() if (kind.group, kind.plural) == key[:2])

    def kind_named(self, api_version: str, kind: str) -> Kind:
        """The kind of an object's head.

        Raises:
            KeyError: where it is not served.
        """
        for each in self.kinds():
            if (each.api_version, each.kind) == (api_version, kind):
                return each
        raise KeyError(f"no {kind} of {api_version} is served")

    def answer(self, request: Request, user: str, accept: str = "") -> Answer:
        """The answer to a request.

        Raises:
            Failed: where it is refused.
        """
        known = self._discovery(request, accept)
        if known is not None:
            return known
        if request.path == _REVIEW:
            return Answer(201, self.access.review(user, _body(request)))
        call = self._call(request)
        with self.store.changed:
            return self._served(request, call, user)

    def _discovery(self, request: Request, accept: str) -> Answer | None:
        path, kinds = request.path.rstrip("/"), self.kinds()
        wide = "apidiscovery.k8s.io;v=v2;" in accept.replace(" ", "").replace("as=", ";as=").replace(";;", ";") + ";"
        match path.split("/")[1:]:
            case ["version"]:
                return Answer(200, dict(discovery.VERSION))
            case ["healthz" | "livez" | "readyz"]:
                return Answer(200, "ok")
            case ["api" | "apis" as root] if wide:
                body = discovery.aggregated(kinds, core=root == "api")
                return Answer(200, body, {"Content-Type": discovery.AGGREGATED})
            case ["api"]:
                return Answer(200, discovery.legacy())
            case ["apis"]:
                return Answer(200, discovery.groups(kinds))
            case ["api", version]:
                return _found(discovery.resources(kinds, version))
            case ["apis", group]:
                return _found(discovery.one_group(kinds, group))
            case ["apis", group, version]:
                return _found(discovery.resources(kinds, f"{group}/{version}"))
            case ["openapi", "v3"]:
                return Answer(200, discovery.openapi_paths(kinds))
            case ["openapi", "v3", "api" | "apis", *rest]:
                return _found(discovery.openapi(kinds, "/".join(rest)))
        return None

    def _call(self, request: Request) -> Call:
        """The place that a path names."""
        query = request.query
        spaces = _SPACES.fullmatch(request.path)
        match = spaces or _ROUTE.fullmatch(request.path)
        if match is None:
            raise _nowhere()
        core = {"group": "", "version": "v1", "plural": "namespaces", "namespace": ""}
        parts = core | {name: value or "" for name, value in match.groupdict().items()}
        kind = self._kind(parts["group"], parts["version"], parts["plural"])
        if kind is None or (kind.namespaced and parts["name"] and not parts["namespace"]):
            raise _nowhere()
        subresource = parts["sub"]
        if subresource and subresource not in kind.subresources:
            raise _nowhere()
        return Call(
            kind,
            parts["namespace"],
            parts["name"],
            subresource,
            manager=query.get("fieldManager") or request.user_agent.partition("/")[0] or "unknown",
            force=query.get("force") == "true",
            dry_run=_dry(query),
            validation=query.get("fieldValidation") or "Warn",
        )

    def _kind(self, group: str, version: str, plural: str) -> Kind | None:
        for kind in self.kinds():
            if (kind.group, kind.version, kind.plural) == (group, version, plural):
                return kind
        return None

    def _served(self, request: Request, call: Call, user: str) -> Answer:
        verb = _verb(request, call)
        self._may(user, verb, call)
        match verb:
            case "get":
                return Answer(200, self._read(call))
            case "list":
                return Answer(200, self._listed(request, call))
            case "watch":
                return self._watched(request, call)
            case "create":
                return self._written(call, *self.writer.create(call, _body(request)), code=201)
            case "update":
                return self._written(call, *self._put(call, _body(request)))
            case "patch":
                return self._patched(request, call, user)
            case "delete":
                return self._removed(request, call)
            case "deletecollection":
                return self._cleared(request, call)
        raise status.Failed(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")

    def _may(self, user: str, verb: str, call: Call) -> None:
        where = {"namespace": call.namespace, "name": call.name, "subresource": call.subresource}
        self.access.check(user, verb, call.kind, **where)

    def _read(self, call: Call) -> Object:
        if call.key in self.store.objects and self.controllers.read(call.key):
            self.ready(call.key)
        live = self.writer.live(call)
        return scale_of(live) if call.subresource == "scale" else live

    def _listed(self, request: Request, call: Call) -> dict[str, Any]:
        space = call.namespace or None
        for key, _ in list(self.store.under(call.kind, space)):
            if self.controllers.read(key):
                self.ready(key)
        rows = [(key, obj) for key, obj in self.store.under(call.kind, space) if selected(request.query, obj)]
        version, rows = self._continued(request.query, rows)
        limit = int(request.query.get("limit") or 0)
        meta: dict[str, Any] = {"resourceVersion": version}
        if limit and len(rows) > limit:
            token = json.dumps([version, rows[limit - 1][0]])
            meta |= {"continue": base64.b64encode(token.encode()).decode(), "remainingItemCount": len(rows) - limit}
            rows = rows[:limit]
        items = [headless(obj, call.kind) for _, obj in rows]
        return {"kind": f"{call.kind.kind}List", "apiVersion": call.kind.api_version, "metadata": meta, "items": items}

    def _continued(
        self, query: Mapping[str, str], rows: list[tuple[Key, Object]]
    ) -> tuple[str, list[tuple[Key, Object]]]:
        if not query.get("continue"):
            return str(self.store.version), rows
        version, last = json.loads(base64.b64decode(query["continue"]))
        if int(version) < self.oldest:
            raise _expired()
        return version, [(key, obj) for key, obj in rows if key > tuple(last)]

    def _watched(self, request: Request, call: Call) -> Answer:
        space, version = call.namespace or None, request.query.get("resourceVersion") or "0"
        query = request.query | ({"fieldSelector": f"metadata.name={call.name}"} if call.name else {})
        if request.query.get("sendInitialEvents") == "true":
            version = "0"
        if version != "0" and int(version) < self.oldest:
            raise _expired()
        present = (
            [obj for _, obj in self.store.under(call.kind, space) if selected(query, obj)] if version == "0" else []
        )
        since = self.store.version if version == "0" else int(version)
        return Answer(200, watch=Watch(call.kind, space, query, since, tuple(present)))

    def _put(self, call: Call, body: Mapping[str, Any]) -> tuple[Object, list[str]]:
        if call.subresource == "scale":
            return self._scaled(call, body)
        if call.key not in self.store.objects:
            raise status.not_found(call.kind, call.name)
        return self.writer.replace(call, body)

    def _scaled(self, call: Call, scale: Mapping[str, Any]) -> tuple[Object, list[str]]:
        body = copy.deepcopy(self.writer.live(call))
        body["spec"]["replicas"] = scale.get("spec", {}).get("replicas", 0)
        stored, warnings = self.writer.replace(call, body, precise=False)
        self._progress(call)
        return scale_of(stored), warnings

    def _patched(self, request: Request, call: Call, user: str) -> Answer:
        how = _PATCHES.get(request.content_type)
        if how is None:
            raise status.unsupported(list(_PATCHES))
        if how == "apply":
            if call.key not in self.store.objects:
                self._may(user, "create", call)
            return self._applied(request, call)
        if call.force:
            raise _options("force", "Forbidden: may not be specified for non-apply patch")
        live = self.writer.live(call)
        current = scale_of(live) if call.subresource == "scale" else live
        new = self._changed(how, call, current, _body(request))
        if call.subresource == "scale":
            return self._written(call, *self._scaled(call, new))
        return self._written(call, *self.writer.replace(call, new, precise=False))

    def _changed(self, how: str, call: Call, current: Object, patch: Any) -> Object:
        try:
            if how == "merge":
                new = patches.merge_patch(current, patch)
            elif how == "json":
                new = patches.json_patch(current, patch)
            elif call.kind.custom:
                raise status.unsupported([each for each in _PATCHES if "strategic" not in each])
            else:
                new = patches.strategic_patch(self.schema, call.kind, current, patch)
        except patches.Unpatchable as why:
            if why.malformed:
                raise status.bad_request(str(why)) from why
            reason = "the server rejected our request due to an error in our request"
            details = {"causes": [{"message": str(why)}]}
            raise status.Failed(422, "Invalid", reason, details=details) from why
        return dict(new)

    def _applied(self, request: Request, call: Call) -> Answer:
        if not request.query.get("fieldManager"):
            raise _options("fieldManager", "Required value: is required for apply patch")
        stored, warnings, created = self.writer.apply(call, _body(request))
        return self._written(call, stored, warnings, code=201 if created else 200)

    def _written(self, call: Call, stored: Object, warnings: list[str], *, code: int = 200) -> Answer:
        self._progress(replace(call, name=stored["metadata"]["name"]))
        told = [each.replace('"', '\\"') for each in warnings]
        headers = {"Warning": ", ".join(f'299 - "{each}"' for each in told)} if told else {}
        return Answer(code, stored, headers)

    def _progress(self, call: Call) -> None:
        if call.dry_run or call.subresource == "status" or call.key not in self.store.objects:
            return
        if self.controllers.written(call.key, call.kind):
            self.ready(call.key)

    def ready(self, key: Key) -> None:
        """The controller of an object's kind has seen it."""
        obj, kind = self.store.objects[key], self.kind_of(key)
        new = self.controllers.status(obj)
        if new is None or new == obj.get("status"):
            return
        call = Call(kind, key[2], key[3], "status", manager="kube-controller-manager")
        self.writer.replace(call, obj | {"status": new}, precise=False)

    def _removed(self, request: Request, call: Call) -> Answer:
        options = _body(request) if request.body else {}
        dry = call.dry_run or bool(options.get("dryRun"))
        query = {name: request.query[name] for name in ("propagationPolicy",) if name in request.query}
        return Answer(*self._deleter.delete(replace(call, dry_run=dry), {**query, **options}))

    def _cleared(self, request: Request, call: Call) -> Answer:
        space = call.namespace or None
        rows = [key for key, obj in self.store.under(call.kind, space) if selected(request.query, obj)]
        for key in rows:
            self._deleter.delete(replace(call, namespace=key[2], name=key[3]), {})
        return Answer(200, self._listed(request, call))


def _found(body: Any) -> Answer:
    if body is None:
        raise _nowhere()
    return Answer(200, body)


def _nowhere() -> status.Failed:
    return status.Failed(404, "NotFound", "the server could not find the requested resource")


def _expired() -> status.Failed:
    return status.Failed(
        410, "Expired", "The provided continue parameter is too old to display a consistent list result."
    )


def _options(field_name: str, message: str) -> status.Failed:
    whole = f'PatchOptions.meta.k8s.io "" is invalid: {field_name}: {message}'
    reason = "FieldValueRequired" if message.startswith("Required") else "FieldValueForbidden"
    cause = {"reason": reason, "message": message, "field": field_name}
    details = {"group": "meta.k8s.io", "kind": "PatchOptions", "causes": [cause]}
    return status.Failed(422, "Invalid", whole, details=details)


def _dry(query: Mapping[str, str]) -> bool:
    if query.get("dryRun") not in {None, "", "All"}:
        message = f'Unsupported value: {json.dumps(query["dryRun"])}: supported values: "All"'
        raise status.Failed(422, "Invalid", f'PatchOptions.meta.k8s.io "" is invalid: dryRun: {message}')
    return query.get("dryRun") == "All"


def _verb(request: Request, call: Call) -> str:
    match request.method:
        case "GET" if request.query.get("watch") in {"1", "true"}:
            return "watch"
        case "GET":
            return "get" if call.name else "list"
        case "POST" if not call.name:
            return "create"
        case "PUT" if call.name:
            return "update"
        case "PATCH" if call.name:
            return "patch"
        case "DELETE":
            return "delete" if call.name else "deletecollection"
        case _:
            return ""


def _body(request: Request) -> Any:
    if "protobuf" in request.content_type or "cbor" in request.content_type:
        raise status.unsupported(["application/json", "application/yaml"])
    try:
        body = json.loads(request.body)
    except ValueError:
        try:
            body = yaml.safe_load(request.body)
        except yaml.YAMLError as why:
            raise status.bad_request(f"error decoding the body: {why}") from why
    if not isinstance(body, dict | list):
        raise status.bad_request("the body of the request holds no object")
    return body
