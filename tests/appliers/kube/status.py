"""Refusals as the API server words them: a ``Status`` (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.appliers.kube.schema import Kind


class Failed(Exception):
    """A request that is refused; ``body`` is the Status, ``headers`` go with it."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.headers = dict(headers or {})
        self.body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            **({"details": dict(details)} if details else {}),
            "code": code,
        }


def resource(kind: Kind) -> str:
    """``deployments.apps``, as messages name it."""
    return f"{kind.plural}.{kind.group}" if kind.group else kind.plural


def _details(kind: Kind, name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, **({"group": kind.group} if kind.group else {}), "kind": kind.plural, **more}


def not_found(kind: Kind, name: str) -> Failed:
    return Failed(404, "NotFound", f'{resource(kind)} "{name}" not found', details=_details(kind, name))


def already_exists(kind: Kind, name: str) -> Failed:
    return Failed(409, "AlreadyExists", f'{resource(kind)} "{name}" already exists', details=_details(kind, name))


def conflict(kind: Kind, name: str, why: str) -> Failed:
    message = f'Operation cannot be fulfilled on {resource(kind)} "{name}": {why}'
    return Failed(409, "Conflict", message, details=_details(kind, name))


def changed_meanwhile(kind: Kind, name: str) -> Failed:
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(kind, name, why)


def forbidden(kind: Kind, name: str, why: str) -> Failed:
    message = f'{resource(kind)} "{name}" is forbidden: {why}' if name else f"{resource(kind)} is forbidden: {why}"
    return Failed(403, "Forbidden", message, details=_details(kind, name))


def bad_request(message: str) -> Failed:
    return Failed(400, "BadRequest", message)


def unsupported(allowed: Sequence[str]) -> Failed:
    message = f"the body of the request was in an unknown format - accepted media types include: {', '.join(allowed)}"
    return Failed(415, "UnsupportedMediaType", message)


def invalid(kind: Kind, name: str, causes: Sequence[tuple[str, str, str]]) -> Failed:
    """``causes`` are (reason, message, field), e.g. (``FieldValueRequired``, ``Required value``, ``spec.selector``)."""
    told = [f"{field}: {message}" for _, message, field in causes]
    listed = told[0] if len(told) == 1 else "[" + ", ".join(told) + "]"
    whole = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    return Failed(
        422,
        "Invalid",
        f'{whole} "{name}" is invalid: {listed}',
        details=_details(kind, name)
        | {"kind": kind.kind, "causes": [{"reason": r, "message": m, "field": f} for r, m, f in causes]},
    )
