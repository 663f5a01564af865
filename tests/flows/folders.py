"""A folder with targets and a live state for each, compared as ``clockwork drift`` compares it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from bot.flows.observation import Assessment
from bot.renderers.renderers import Renderers
from bot.targets.documents import Documents
from bot.wiring.reconcile import open_assessment
from bot.wiring.repository import Options
from tests.gitops import tree_of


def folder(root: Path, files: Mapping[str, bytes]) -> Path:
    """The files below ``root``."""
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


def snapshot(file: Path, objects: Sequence[Mapping[str, Any]]) -> Path:
    """A file of live objects, as ``kubectl get -o json`` prints them."""
    file.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": list(objects)}))
    return file


def assessed(root: Path, *, live: Path | None = None, target: str | None = None) -> Assessment:
    """One comparison of the folder, with one live state for everybody or with those that settings name."""
    return assessing(root, live=live, target=target)()


def assessing(root: Path, *, live: Path | None = None, target: str | None = None) -> Callable[[], Assessment]:
    """The same, each time anew: what is declared stays as it was, what runs is looked at again."""
    options = Options(
        repo=str(root), live=None if live is None else str(live), target=target, environment={"CLOCKWORK_SECRET": "k"}
    )
    return open_assessment(options, shared_renderers())


@cache
def shared_renderers() -> Renderers:
    """What renders for all tests of this process, and remembers it: many of them begin with the same files."""
    return Renderers(Documents(tree_of({})))
