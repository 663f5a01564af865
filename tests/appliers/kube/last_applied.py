"""How ``kubectl apply --server-side`` follows ``kubectl apply``: what it applied last by itself is no conflict.

https://kubernetes.io/docs/reference/using-api/server-side-apply/#upgrading-from-client-side-apply-to-server-side-apply
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from tests.appliers.kube.ownership import Conflicting, Managers
from tests.appliers.kube.paths import FieldSet
from tests.appliers.kube.typed import Typed

ANNOTATION: Final = "kubectl.kubernetes.io/last-applied-configuration"
MANAGER: Final = "kubectl"
"""The server does so for this manager alone."""


def applied(attempt: Callable[[bool], tuple[Typed, Managers]], manager: str, live: Typed) -> tuple[Typed, Managers]:
    """What ``attempt`` comes to, forced where it conflicts with nothing but what was applied last and still is so.

    Raises:
        Conflicting: with the other conflicts.
    """
    try:
        return attempt(False)
    except Conflicting as why:
        allowed = _unchanged(live) if manager == MANAGER else frozenset[Any]()
        others = [(owner, path) for owner, path in why.conflicts if path not in allowed]
        if others:
            raise Conflicting(others) from why
        return attempt(True)


def _unchanged(live: Typed) -> FieldSet:
    text = _annotation(live.value)
    if text is None:
        return frozenset()
    last = replace(live, value=json.loads(text))
    change = live.compare(last)
    return last.fields() - change.modified - change.added - change.removed


def _annotation(obj: Any) -> str | None:
    annotations = ((obj or {}).get("metadata") or {}).get("annotations") or {}
    text = annotations.get(ANNOTATION)
    return text if isinstance(text, str) else None


def remember(obj: dict[str, Any], config: Mapping[str, Any], manager: str) -> None:
    """Where kubectl applied before by itself, the annotation holds what it applies now."""
    if manager == MANAGER and _annotation(obj) is not None:
        obj["metadata"]["annotations"][ANNOTATION] = json.dumps(config, separators=(",", ":"), sort_keys=True) + "\n"
