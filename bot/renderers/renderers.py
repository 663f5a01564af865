"""Every renderer behind one door, with the memory that makes a second rendering of the same inputs free."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from bot.model.filetree import FileTree, Reads, WatchedTree
from bot.model.target import Rendering, Unit, UnitKind
from bot.model.upstream import UpstreamSource
from bot.ports import Meter, Unmeasured
from bot.renderers import tools
from bot.renderers.confined import Jail
from bot.renderers.disk import Disk
from bot.targets.documents import Documents

if TYPE_CHECKING:
    from bot.renderers.helm import Helm

_MOST: Final = 4000
"""Units that are remembered; the one that was not asked for the longest goes first."""
_VARIANTS: Final = 8
"""Renderings of one unit that are remembered: candidate edits come and go."""
_TRIES: Final = 2
"""How often a unit is rendered that runs out of time before that is taken for its answer."""

_Key: TypeAlias = tuple[str, ...]


@dataclass(slots=True)
class _Remembered:
    unit: Unit
    reads: Reads
    rendering: Rendering
    tries: int = 1

    def answers(self, unit: Unit, tree: FileTree) -> bool:
        return (self.unit.spec is unit.spec or self.unit.spec == unit.spec) and self.reads.same_in(tree)


@dataclass(slots=True)
class Renderers:
    """Renders units. Safe to use from several threads; one for the life of a process.

    ``cache`` is a folder of this bot's own for renderings that outlive the process.
    """

    documents: Documents
    jail: Jail = field(default_factory=Jail)
    cache: Path | None = None
    rendered: int = 0
    """How many units were really rendered, and not remembered."""
    meter: Meter = field(default_factory=Unmeasured)
    _memory: OrderedDict[_Key, list[_Remembered]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _reading: threading.Lock = field(default_factory=threading.Lock)
    _charts: Helm | None = None
    _disk: Disk | None = field(init=False)

    def __post_init__(self) -> None:
        self._disk = None if self.cache is None else Disk(self.cache)

    def render(self, unit: Unit, tree: FileTree) -> Rendering:
        """What ``unit`` comes to in ``tree``. Never raises for what a repository says: that is the rendering's
        ``error``.
        """
        return self._remembered(unit, tree) or self._new(unit, tree)

    def render_all(self, requests: Sequence[tuple[Unit, FileTree]]) -> list[Rendering]:
        """What each unit comes to in its tree, in their order; several at a time, as many as there are processors."""
        renderings = [self._remembered(unit, tree) for unit, tree in requests]
        waiting = [index for index, rendering in enumerate(renderings) if rendering is None]
        if len(waiting) == 1:
            renderings[waiting[0]] = self._new(*requests[waiting[0]])
        elif waiting:
            with ThreadPoolExecutor(min(len(waiting), os.cpu_count() or 1)) as pool:
                fresh = pool.map(lambda index: self._new(*requests[index]), waiting)
                for index, rendering in zip(waiting, fresh, strict=True):
                    renderings[index] = rendering
        return [rendering for rendering in renderings if rendering is not None]

    def _remembered(self, unit: Unit, tree: FileTree) -> Rendering | None:
        key = _key(unit)
        with self._lock:
            for entry in self._memory.get(key, ()):
                if (not _is_uncertain(entry.rendering) or entry.tries >= _TRIES) and entry.answers(unit, tree):
                    self._memory.move_to_end(key)
                    return entry.rendering
        return None

    def _new(self, unit: Unit, tree: FileTree) -> Rendering:
        cache_name = None if self._disk is None else self._disk.name(unit, tools.versions())
        if (
            self._disk is not None
            and cache_name is not None
            and (found_on_disk := self._disk.find(cache_name, tree)) is not None
        ):
            self._keep(unit, *found_on_disk)
            return found_on_disk[1]
        watched = WatchedTree.over(tree, self._loading(tree.load))
        began = time.monotonic()
        rendering = self._rendered(unit, watched)
        self.meter.rendered(unit.kind.value, time.monotonic() - began)
        fetched = (source for source in watched.reads.upstream.values() if isinstance(source, UpstreamSource))
        rendering = replace(rendering, fetched=tuple(dict.fromkeys(fetched)))
        with self._lock:
            self.rendered += 1
        if rendering.error is None or not rendering.error.missing_tool:  # a tool may be installed while this runs
            self._keep(unit, watched.reads, rendering)
            if self._disk is not None and cache_name is not None and not _is_uncertain(rendering):
                self._disk.keep(cache_name, watched.reads, rendering)
        return rendering

    def _loading(self, load: Callable[[str], bytes]) -> Callable[[str], bytes]:
        """One read at a time: nothing promises that a repository may be read by several threads at once."""

        def one_at_a_time(blob: str) -> bytes:
            with self._reading:
                return load(blob)

        return one_at_a_time

    def _helm(self) -> Helm:
        """What renders charts, the same for every unit."""
        from bot.renderers.helm import Helm

        with self._lock:
            if self._charts is None:
                self._charts = Helm(self.jail, self.documents)
            return self._charts

    def _rendered(self, unit: Unit, tree: FileTree) -> Rendering:
        """Each kind of unit by what renders it, which is loaded with the first of the kind."""
        from bot.renderers.kustomize import Kustomize

        helm = self._helm()
        kustomize = Kustomize(self.jail, self.documents, helm)
        match unit.kind:
            case UnitKind.KUSTOMIZE:
                return kustomize.render(unit, tree)
            case UnitKind.HELM:
                return helm.render(unit, tree)
            case UnitKind.DIRECTORY:
                from bot.renderers import directory

                return directory.render(unit, tree, self.documents, unit.spec)
            case UnitKind.FLUX_KUSTOMIZATION:
                from bot.renderers.flux_kustomization import FluxKustomization

                return FluxKustomization(kustomize, self.documents).render(unit, tree)
            case UnitKind.FLUX_HELM_RELEASE:
                from bot.renderers.flux_release import FluxRelease

                return FluxRelease(kustomize, helm).render(unit, tree)
            case UnitKind.ARGO_APPLICATION:
                from bot.renderers.argo import Argo

                return Argo(kustomize, helm, self.documents).application(unit, tree)

    def _keep(self, unit: Unit, reads: Reads, rendering: Rendering) -> None:
        key = _key(unit)
        with self._lock:
            variants = self._memory.setdefault(key, [])
            before = next((e for e in variants if e.unit.spec == unit.spec and e.reads == reads), None)
            if before is not None:
                variants.remove(before)
            variants.insert(0, _Remembered(unit, reads, rendering, 1 if before is None else before.tries + 1))
            del variants[_VARIANTS:]
            self._memory.move_to_end(key)
            while len(self._memory) > _MOST:
                self._memory.popitem(last=False)


def _key(unit: Unit) -> _Key:
    """What units are told apart by before their specs are compared."""
    return (unit.kind.value, unit.name, unit.path, unit.namespace, unit.file, str(unit.line), unit.how)


def _is_uncertain(rendering: Rendering) -> bool:
    return rendering.error is not None and rendering.error.again
