"""Charts rendered by Helm: its own library in a confined process where that is installed, else the ``helm`` program.

``lookup`` answers nothing and no repository is asked: a chart is rendered from the files of the commit alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Final

from bot.errors import Invalid
from bot.model.filetree import FileTree
from bot.model.json import JSON, Tree
from bot.model.resource import SourceError
from bot.model.target import NotCompared, RenderedObject, Rendering, Unit
from bot.processes import ProcessEnd
from bot.renderers import tools, values
from bot.renderers.confined import Jail, limits, namespaces
from bot.renderers.objects import HELM_HOOK, is_hook, one_line, parsed, with_namespace
from bot.targets.documents import Documents
from bot.targets.paths import is_below, joined

SECONDS: Final = 20.0
_ANSWER_CAP: Final = 64 * 1024 * 1024
_KEPT: Final = 100
"""Charts on disk and loaded; then everything begins anew."""
_SOURCE: Final = "# Source: "
"""How ``helm template`` begins each document: with the template it comes from."""


@dataclass(frozen=True, slots=True)
class Release:
    """What a chart is rendered as."""

    chart: str
    name: str
    namespace: str
    values: Tree
    crds: bool = True


@dataclass(slots=True)
class Helm:
    """Renders charts; one worker process for all of them."""

    jail: Jail
    documents: Documents
    _worker: Worker | None = None
    _charts: dict[str, Path] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def render(self, unit: Unit, tree: FileTree) -> Rendering:
        """The objects of the chart in ``unit.path`` with the values files and values of its spec."""
        paths = list(_texts(unit.spec.get("valueFiles")))
        given: dict[str, JSON] = {}
        for path in paths:
            data = tree.read(path)
            if data is None:
                return Rendering(
                    error=NotCompared(_title(unit), f"the values file {path} is not there", unit.file, unit.line)
                )
            try:
                given = values.merged(given, values.read(path, data))
            except Invalid as exc:
                return Rendering(inputs=frozenset(paths), error=NotCompared(_title(unit), exc.message, path, 1))
        inline = unit.spec.get("values")
        given = values.merged(given, inline if isinstance(inline, Mapping) else {})
        name = unit.spec.get("releaseName")
        release = Release(
            unit.path, name if isinstance(name, str) and name else unit.name, unit.namespace or "default", given
        )
        rendering = self.release(unit, release, tree)
        return Rendering(rendering.objects, rendering.inputs | set(paths), rendering.left_out, rendering.error)

    def release(self, unit: Unit, release: Release, tree: FileTree) -> Rendering:
        """The objects of one release of a chart of this repository."""
        files = chart_files(tree, release.chart)
        inputs = frozenset(files)
        if (problem := self._before(unit, release, tree)) is not None:
            return Rendering(inputs=inputs, error=problem)
        with self._lock:
            answer = self._asked(release, tree, files)
        if isinstance(answer, _Failure):
            return Rendering(
                inputs=inputs,
                error=NotCompared(_title(unit), answer.reason, unit.file, unit.line, answer.missing),
            )
        return self._read(unit, release, answer, inputs)

    def _before(self, unit: Unit, release: Release, tree: FileTree) -> NotCompared | None:
        """What can be told without rendering: no chart, or dependencies that are not in the repository."""
        file = next((f for f in _metadata(release.chart) if f in tree), None)
        if file is None:
            return NotCompared(_title(unit), f"there is no chart at {release.chart or '.'}", unit.file, unit.line)
        documents = self.documents.on(tree)
        if (error := documents.error(file)) is not None:
            return NotCompared(_title(unit), error.message, file, error.line)
        for document in documents.of(file):
            for each in _mappings(document.tree.get("dependencies")):
                name = str(each.get("name"))
                if not _is_there(tree, release.chart, name, each):
                    what = f"its chart needs {name}, which is not in its charts folder"
                    return NotCompared(
                        _title(unit), f"{what}; nothing is fetched (helm dependency update)", file, document.line
                    )
        return None

    def _asked(self, release: Release, tree: FileTree, files: list[str]) -> Answer | _Failure:
        folder = self._chart(tree, release.chart, files)
        if tools.helm_library():
            if self._worker is None or not self._worker.alive:
                self._worker = Worker()
            return self._worker.ask(folder, release)
        program = tools.helm()
        if program is None:
            return _Failure(f"neither helm nor its library is installed. {tools.HELM_ADVICE}", missing=True)
        return self._by_program(program, folder, release)

    def _chart(self, tree: FileTree, chart: str, files: list[str]) -> Path:
        """The chart's files on disk, written once for the same contents."""
        key = hashlib.sha256("\0".join(f"{path}\0{tree.id_of(path)}" for path in files).encode()).hexdigest()[:24]
        if key in self._charts:
            return self._charts[key]
        if len(self._charts) >= _KEPT:
            self._forget()
        folder = self.jail.root / f"chart-{key}" / (posixpath.basename(chart) or "chart")
        for path in files:
            target = folder / posixpath.relpath(path, chart or ".")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(tree.read(path) or b"")
        self._charts[key] = folder
        return folder

    def _forget(self) -> None:
        for folder in self._charts.values():
            shutil.rmtree(folder.parent, ignore_errors=True)
        self._charts.clear()
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def _by_program(self, program: Path, folder: Path, release: Release) -> Answer | _Failure:
        written = folder.parent / "values.json"
        written.write_text(json.dumps(release.values), encoding="utf-8")
        inside = [
            str(Path("/") / each.relative_to(self.jail.root)) if namespaces() else str(each)
            for each in (folder, written)
        ]
        argv = [self.jail.tool(program), "template", release.name, inside[0], "--namespace", release.namespace]
        argv += ["--values", inside[1], *(["--include-crds"] if release.crds else [])]
        ended = self.jail.run(argv, seconds=SECONDS)
        if ended.ending is not ProcessEnd.EXITED or ended.exit_code != 0:
            said = one_line(ended.stderr) or f"it {ended.ending.value}"
            return _Failure(f"helm: {said}", missing=ended.ending is ProcessEnd.NOT_FOUND)
        return Answer(_by_source(ended.stdout.decode("utf-8", "replace")), ())

    def _read(self, unit: Unit, release: Release, answer: Answer, inputs: frozenset[str]) -> Rendering:
        made: list[RenderedObject] = []
        parts = [
            (path, text) for path, text in answer.manifests.items() if path.endswith((".yaml", ".yml", ".json", ".tpl"))
        ]
        parts += [("crds", text) for text in answer.crds] if release.crds else []
        for template, text in parts:
            file = _template_file(release.chart, template, inputs) or unit.file
            objects = parsed(text, partial(_at, file))
            if isinstance(objects, SourceError):
                reason = f"what {template} renders is not valid YAML: {objects.message}"
                return Rendering(inputs=inputs, error=NotCompared(_title(unit), reason, file, 1))
            made += objects
        hooks = [each for each in made if is_hook(each.tree, HELM_HOOK)]
        left = [
            NotCompared(f"{_title(unit)}: {_named(each.tree)}", "a hook runs once and is not kept", each.file, 1)
            for each in hooks
        ]
        kept = [with_namespace(each, release.namespace) for each in made if not is_hook(each.tree, HELM_HOOK)]
        return Rendering(tuple(kept), inputs, tuple(left))


@dataclass(frozen=True, slots=True)
class Answer:
    """What Helm rendered: text by template, and the CRDs beside the templates."""

    manifests: Mapping[str, str]
    crds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Failure:
    reason: str
    missing: bool = False


class Worker:
    """The process in which Helm's library runs. Not for two threads at once."""

    def __init__(self) -> None:
        words = [*limits(), *namespaces(), sys.executable, "-m", "bot.renderers.helm_worker"]
        env = {
            "PATH": os.defpath,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "HOME": "/nonexistent",
            "LC_ALL": "C.UTF-8",
        }
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env,
            start_new_session=True,
        )
        self._finalizer = weakref.finalize(self, _end, self._process)

    @property
    def alive(self) -> bool:
        """Whether it still answers."""
        return self._process.poll() is None

    def close(self) -> None:
        """The process is gone."""
        self._finalizer()

    def ask(self, chart: Path, release: Release) -> Answer | _Failure:
        """One chart rendered. A process that takes too long is ended."""
        request = {"chart": str(chart), "values": release.values, "name": release.name, "namespace": release.namespace}
        pipe, stdin = self._process.stdout, self._process.stdin
        assert pipe is not None  # noqa: S101 - asked for as a pipe
        assert stdin is not None  # noqa: S101 - asked for as a pipe
        try:
            stdin.write(json.dumps(request).encode() + b"\n")
            stdin.flush()
            line = _line(pipe, time.monotonic() + SECONDS)
        except (OSError, ValueError):
            line = None
        if line is None:
            self.close()
            return _Failure(f"helm did not finish: it was stopped after {SECONDS:g} s or at its memory limit")
        answer = json.loads(line)
        if "error" in answer:
            return _Failure(f"helm: {one_line(str(answer['error']))}")
        return Answer(answer["manifests"], tuple(answer["crds"]))


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    process.wait()


def _line(pipe: IO[bytes], deadline: float) -> bytes | None:
    """One line; None when the other side ends, is late or says too much."""
    collected = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while not collected.endswith(b"\n"):
            if len(collected) > _ANSWER_CAP or not selector.select(max(deadline - time.monotonic(), 0)):
                return None
            chunk = os.read(pipe.fileno(), 1 << 20)
            if not chunk:
                return None
            collected += chunk
    return bytes(collected)


def chart_files(tree: FileTree, chart: str) -> list[str]:
    """The files of a chart's folder, sorted."""
    return tree.under(chart)


def _metadata(chart: str) -> tuple[str, ...]:
    return tuple(f"{chart}/{name}" if chart else name for name in ("Chart.yaml", "Chart.yml"))


def _is_there(tree: FileTree, chart: str, name: str, dependency: Tree) -> bool:
    """Whether a dependency lies in the chart's ``charts`` folder, unpacked or packed, or beside it by a ``file://``
    path.
    """
    home = f"{chart}/charts" if chart else "charts"
    held = tree.under(home)
    alias = dependency.get("alias")
    names = {name, alias if isinstance(alias, str) else name}
    return any(
        is_below(path, f"{home}/{each}") or path.startswith(f"{home}/{each}-") for path in held for each in names
    )


def _template_file(chart: str, template: str, inputs: frozenset[str]) -> str | None:
    """``CHART/templates/x.yaml`` as Helm names it, as a repository path."""
    path = joined(chart, template.partition("/")[2])
    return path if path in inputs else None


def _by_source(printed: str) -> Mapping[str, str]:
    """What ``helm template`` printed, by the template each document comes from."""
    parts: dict[str, list[str]] = {}
    for index, document in enumerate(f"\n{printed}".split("\n---\n")):
        first = document.strip("\n").partition("\n")[0]
        template = first.removeprefix(_SOURCE) if first.startswith(_SOURCE) else f"output-{index}.yaml"
        parts.setdefault(template, []).append(document)
    return {template: "\n---\n".join(documents) for template, documents in parts.items()}


def _title(unit: Unit) -> str:
    return f"{unit.name} ({unit.how})" if unit.how else unit.name


def _at(file: str, _tree: Tree) -> tuple[str, int]:
    return file, 1


def _named(tree: Tree) -> str:
    meta = tree.get("metadata")
    return f"{tree.get('kind')} {meta.get('name') if isinstance(meta, Mapping) else ''}".strip()


def _texts(value: JSON) -> Iterator[str]:
    yield from (each for each in (value if isinstance(value, (list, tuple)) else ()) if isinstance(each, str))


def _mappings(value: JSON) -> list[Tree]:
    return [each for each in (value if isinstance(value, (list, tuple)) else ()) if isinstance(each, Mapping)]
