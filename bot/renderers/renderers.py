"""Every renderer behind one door, with the memory that makes a second rendering of the same inputs free."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from bot.model.filetree import FileTree
from bot.model.target import Rendering, Unit, UnitKind
from bot.renderers import directory
from bot.renderers.argo import Argo
from bot.renderers.confined import Jail
from bot.renderers.flux import Flux
from bot.renderers.helm import Helm
from bot.renderers.kustomize import Kustomize
from bot.targets.documents import Documents

_MOST: Final = 4000
"""Renderings that are remembered; the one that was not asked for the longest goes first."""


@dataclass(slots=True)
class Renderers:
    """Renders units. Safe to use from several threads; one for the life of a process."""

    documents: Documents
    jail: Jail = field(default_factory=Jail)
    _known: OrderedDict[str, list[tuple[dict[str, str | None], frozenset[str], Rendering]]] = field(
        default_factory=OrderedDict
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _helm: Helm | None = None
    rendered: int = 0
    """How many units were really rendered, and not remembered."""

    def render(self, unit: Unit, tree: FileTree) -> Rendering:
        """What ``unit`` comes to in ``tree``. Never raises for what a repository says: that is the rendering's
        ``error``.
        """
        key = _key(unit)
        with self._lock:
            for ids, folders, rendering in self._known.get(key, ()):
                if all(tree.id_of(path) == blob for path, blob in ids.items()) and _same_listing(folders, ids, tree):
                    self._known.move_to_end(key)
                    return rendering
        rendering = self._made(unit, tree)
        with self._lock:
            self.rendered += 1
            self._keep(key, unit, rendering, tree)
        return rendering

    def _made(self, unit: Unit, tree: FileTree) -> Rendering:
        if self._helm is None:
            self._helm = Helm(self.jail, self.documents)
        kustomize, helm = Kustomize(self.jail, self.documents), self._helm
        match unit.kind:
            case UnitKind.KUSTOMIZE:
                return kustomize.render(unit, tree)
            case UnitKind.HELM:
                return helm.render(unit, tree)
            case UnitKind.DIRECTORY:
                return directory.render(unit, tree, self.documents, unit.spec)
            case UnitKind.FLUX_KUSTOMIZATION:
                return Flux(kustomize, helm, self.documents).kustomization(unit, tree)
            case UnitKind.FLUX_HELM_RELEASE:
                return Flux(kustomize, helm, self.documents).release(unit, tree)
            case UnitKind.ARGO_APPLICATION:
                return Argo(kustomize, helm, self.documents).application(unit, tree)

    def _keep(self, key: str, unit: Unit, rendering: Rendering, tree: FileTree) -> None:
        if rendering.error is not None:
            return  # cheap to tell again, and the cause may lie outside of the inputs
        ids = {path: tree.id_of(path) for path in rendering.inputs}
        listed = self._known.setdefault(key, [])
        listed.insert(0, (ids, frozenset({unit.path} if _lists_its_folder(unit, tree) else ()), rendering))
        del listed[8:]
        self._known.move_to_end(key)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)


def _key(unit: Unit) -> str:
    facts = [unit.kind, unit.name, unit.path, unit.namespace, unit.spec, unit.file, unit.line, unit.how]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=dict).encode()).hexdigest()


def _lists_its_folder(unit: Unit, tree: FileTree) -> bool:
    """Whether a new file in the unit's folder would belong to it (a chart, a folder of manifests)."""
    names = {path.rpartition("/")[2] for path in tree.under(unit.path) if path.rpartition("/")[0] == unit.path}
    return not names & {"kustomization.yaml", "kustomization.yml", "Kustomization"}


def _same_listing(folders: frozenset[str], ids: dict[str, str | None], tree: FileTree) -> bool:
    return all(
        path in ids or not path.endswith((".yaml", ".yml", ".json", ".tpl", ".txt"))
        for f in folders
        for path in tree.under(f)
    )
