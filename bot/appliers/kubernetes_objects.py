"""The objects of one cluster as the applier reads and writes them: where a kind is served, and one request per verb.

Used by :mod:`bot.appliers.kubernetes` and :mod:`bot.appliers.reconcilers`. Every write may be sent twice: an apply says the
same again, a JSON Patch tests what it changes, a deletion names uid and resource version, a creation meets what it made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.appliers.kubernetes_refusals import error_of
from bot.errors import Refused
from bot.kubeapi.api import ApiAnswer, ClusterApi
from bot.kubeapi.discovery import Served, discovered, discovered_elsewhere, root_of
from bot.model.json import JSON, Tree, text

MANAGER: Final = "clockwork"
"""Our name as a field manager."""
_APPLY: Final = "application/apply-patch+yaml"
_JSON_PATCH: Final = "application/json-patch+json"
_MERGE: Final = "application/merge-patch+json"
"""The content type tells the server which kind of PATCH it is (https://kubernetes.io/docs/reference/using-api/api-concepts/ and
"Server-Side Apply"; RFC 6902, RFC 7396).
"""
_LOOK_AGAIN: Final = 1.0


@dataclass(frozen=True, slots=True)
class ObjectReference:
    """Where one object is. ``subject`` is what people call it; ``secret``: its values may not be shown."""

    served: Served
    namespace: str
    name: str
    subject: str
    secret: bool = False

    @property
    def collection(self) -> str:
        return self.served.path(self.namespace)

    @property
    def path(self) -> str:
        return f"{self.collection}/{self.name}"


@dataclass(frozen=True, slots=True)
class ClusterObjects:
    """One cluster. What it serves is asked once for each API version; ``sleep`` waits for a kind that is new."""

    api: ClusterApi
    sleep: Callable[[float], None]
    _kinds: dict[str, Mapping[str, Served]] = field(default_factory=dict)

    def served(self, version: str, kind: str, *, patience: float = 0.0) -> Served | None:
        """Where a kind of an ``apiVersion`` is served, None where it is not, also after ``patience`` seconds: a definition
        takes a moment from being accepted to being served (Kubernetes docs, "Extend the Kubernetes API with
        CustomResourceDefinitions").
        """
        group, _, name = version.rpartition("/")
        root = root_of(group, name)
        waited = 0.0
        while True:
            if kind not in self._kinds.get(root, {}):
                self._kinds[root] = discovered(self.api, root)
            served = self._kinds[root].get(kind)
            if served is not None or waited >= patience:
                return served
            self.sleep(_LOOK_AGAIN)
            waited += _LOOK_AGAIN

    def served_in_any_version(self, group: str, kind: str) -> Served | None:
        """Where a kind is served, whatever its version is."""
        return discovered_elsewhere(self.api, group, kind) if group else self.served("v1", kind)

    def read(self, reference: ObjectReference) -> Tree | None:
        """The object as it is; None where there is none."""
        answer = self.api.send("GET", reference.path)
        return None if answer.status == 404 else _checked(answer, reference, "get")

    def apply(
        self, reference: ObjectReference, body: Tree, *, force: bool = False, rehearsal: bool = False
    ) -> ApiAnswer:
        """Server-side apply. Answers with the object, or with a conflict that names who owns what."""
        options = {
            "fieldManager": MANAGER,
            "force": str(force).lower(),
            "fieldValidation": "Strict",
            **_dry(rehearsal=rehearsal),
        }
        answer = self.api.send("PATCH", reference.path, options, body=body, content_type=_APPLY)
        if answer.status != 409:
            _checked(answer, reference, "patch")
        return answer

    def patch(self, reference: ObjectReference, steps: tuple[Tree, ...], *, rehearsal: bool = False) -> Tree:
        """A JSON Patch; the object as it is then."""
        options = {"fieldManager": MANAGER, "fieldValidation": "Strict", **_dry(rehearsal=rehearsal)}
        answer = self.api.send("PATCH", reference.path, options, body=steps, content_type=_JSON_PATCH)
        return _checked(answer, reference, "patch")

    def merge(self, reference: ObjectReference, body: Tree, *, rehearsal: bool = False) -> Tree:
        """A merge patch (RFC 7396); the object as it is then."""
        options = {"fieldManager": MANAGER, **_dry(rehearsal=rehearsal)}
        answer = self.api.send("PATCH", reference.path, options, body=body, content_type=_MERGE)
        return _checked(answer, reference, "patch")

    def create(self, reference: ObjectReference, body: Tree, *, rehearsal: bool = False) -> Tree | None:
        """The object, new; None where there is one of that name.

        A 409 is a conflict of versions as well; only the reason ``AlreadyExists`` says that the name is taken (Kubernetes
        API conventions, "Response Status Kind").
        """
        options = {"fieldManager": MANAGER, "fieldValidation": "Strict", **_dry(rehearsal=rehearsal)}
        answer = self.api.send("POST", reference.collection, options, body=body)
        if answer.status == 409 and answer.reason == "AlreadyExists":
            return None
        return _checked(answer, reference, "create")

    def delete(self, reference: ObjectReference, live: Tree, *, rehearsal: bool = False) -> None:
        """Ask for its deletion, as long as it is exactly what ``live`` is; what depends on it goes after it. One that is gone
        is gone.
        """
        metadata = live.get("metadata")
        metadata_tree = metadata if isinstance(metadata, Mapping) else {}
        body: dict[str, JSON] = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {
                "uid": text(metadata_tree.get("uid")),
                "resourceVersion": text(metadata_tree.get("resourceVersion")),
            },
            **({"dryRun": ["All"]} if rehearsal else {}),
        }
        answer = self.api.send("DELETE", reference.path, _dry(rehearsal=rehearsal), body=body)
        if answer.status != 404:
            _checked(answer, reference, "delete")

    def try_creation(self, reference: ObjectReference, body: Tree) -> None:
        """Raise ``Refused`` for an object that the server would not take whatever its name is. What an admission webhook
        says may be about the object that is still there; an address or a port may be taken by it.
        """
        options = {"fieldManager": MANAGER, "fieldValidation": "Strict", **_dry(rehearsal=True)}
        answer = self.api.send("POST", reference.collection, options, body=body)
        if answer.status not in {400, 422} or "admission webhook" in answer.message:
            return
        if answer.causes and all(_is_taken(cause) for cause in answer.causes):
            return
        raise error_of(answer, reference.subject, "create", secret=reference.secret)

    def definition(self, reference: ObjectReference, group: str) -> Tree:
        """What defines the kind of a custom resource; empty where it may not be read."""
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{reference.served.plural}.{group}"
        return self.lookup(path) or {}

    def lookup(self, path: str, params: Mapping[str, str] | None = None) -> Tree | None:
        """What is at ``path``, for evidence alone; None where it is not there or may not be read."""
        answer = self.api.send("GET", path, params)
        return answer.tree if answer.is_success else None


def _dry(*, rehearsal: bool) -> dict[str, str]:
    return {"dryRun": "All"} if rehearsal else {}


def _is_taken(cause: Tree) -> bool:
    """Whether the server minds the name, or that something is given out already."""
    cause_field = text(cause.get("field"))
    return cause_field in {"metadata.name", "metadata.namespace"} or "already allocated" in text(cause.get("message"))


def _checked(answer: ApiAnswer, reference: ObjectReference, verb: str) -> Tree:
    if answer.is_success:
        return answer.tree
    raise error_of(answer, reference.subject, verb, secret=reference.secret)


def not_served(subject: str, version: str, kind: str) -> Refused:
    """A kind that the cluster does not know."""
    return Refused(
        f"{subject}: the cluster does not serve {version} {kind}",
        advice="install what defines it, or name a version that is served",
    )
