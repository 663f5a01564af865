"""What an object itself remembers of its last apply. The judge of objects asks it where no base was recorded.

Server-side apply remembers too, in ``managedFields``: see :meth:`bot.drift.kubernetes.ownership.Owners.applied`.
"""

from __future__ import annotations

from typing import Final

from bot.model.json import Tree, get, mapping, read_json

_ANNOTATION: Final = "kubectl.kubernetes.io/last-applied-configuration"
"""Written by ``kubectl apply`` (Kubernetes: Declarative Management of Kubernetes Objects Using Configuration Files)."""


def last_applied(observed: Tree) -> Tree | None:
    """The object in ``kubectl apply``'s annotation; None where there is none or it does not parse."""
    text = mapping(get(observed, "metadata", "annotations")).get(_ANNOTATION)
    applied = read_json(text) if isinstance(text, str) else None
    return applied if isinstance(applied, dict) else None
