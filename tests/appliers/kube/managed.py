"""``metadata.managedFields``: read into managers, written from them.

A manager is told apart by name, operation and subresource, and, unless it applies, by version: who applies keeps its entry
whatever version it applies in (https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from tests.appliers.kube.ownership import Managers, Owned
from tests.appliers.kube.paths import FieldSet, from_fields, to_fields

NEVER_OWNED: Final[FieldSet] = frozenset(
    [("f:apiVersion",), ("f:kind",), ("f:metadata",)]
    + [
        ("f:metadata", f"f:{name}")
        for name in (
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "clusterName",
            "generation",
            "managedFields",
            "resourceVersion",
        )
    ]
)
"""Fields that no manager owns; labels and the like below ``metadata`` are."""
WHOLLY_UNOWNED: Final = NEVER_OWNED - {("f:metadata",)}
"""Those of which nobody owns any part either."""


def identity(manager: str, operation: str, version: str, subresource: str = "") -> str:
    """The name of an entry among the managers of an object."""
    return json.dumps([manager, operation, "" if operation == "Apply" else version, subresource])


def told(name: str) -> str:
    """A manager as conflicts name it: ``"kubectl-edit" using apps/v1``."""
    manager, operation, version, subresource = json.loads(name)
    where = f" with subresource {json.dumps(subresource)}" if subresource else ""
    return json.dumps(manager) + where + (f" using {version}" if operation == "Update" else "")


def read(metadata: Mapping[str, Any]) -> dict[str, Owned]:
    """The managers of an object."""
    return {
        identity(
            entry.get("manager", ""), entry["operation"], entry["apiVersion"], entry.get("subresource", "")
        ): Owned(from_fields(entry.get("fieldsV1", {})), entry["apiVersion"], applied=entry["operation"] == "Apply")
        for entry in metadata.get("managedFields", ())
    }


def written(managers: Managers, before: Mapping[str, Any], now: str) -> list[dict[str, Any]]:
    """The entries of managers: those who apply first, then by time. One that owns what it owned keeps its time."""
    times = {
        identity(entry.get("manager", ""), entry["operation"], entry["apiVersion"], entry.get("subresource", "")): entry
        for entry in before.get("managedFields", ())
    }
    entries = [
        _entry(name, owned, times.get(name), now) for name, owned in managers.items() if owned.paths - NEVER_OWNED
    ]
    return sorted(entries, key=lambda entry: (entry["operation"] != "Apply", entry.get("time", ""), entry["manager"]))


def _entry(name: str, owned: Owned, before: Mapping[str, Any] | None, now: str) -> dict[str, Any]:
    manager, operation, _, subresource = json.loads(name)
    paths = owned.paths - NEVER_OWNED
    same = before is not None and from_fields(before["fieldsV1"]) == paths and before["apiVersion"] == owned.version
    entry = {
        "manager": manager,
        "operation": operation,
        "apiVersion": owned.version,
        "time": before.get("time", now) if same and before is not None else now,
        "fieldsType": "FieldsV1",
        "fieldsV1": to_fields(paths),
    }
    return entry | ({"subresource": subresource} if subresource else {})
