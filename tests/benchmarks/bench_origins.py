"""How long it takes to find the edit that writes one live value back, beside one build of the same target.

``python -m tests.benchmarks.bench_origins [--places 10] [--objects 50]`` prints seconds, renderings and ratios for a
generated repository of overlays and for a chart of many values: a value that an overlay says, one that needs a new entry,
one that many objects share, one that a template says, and ones that no file sets, for which everything is tried.
``… FOLDER --changes 100`` changes so many fields of a checkout's targets live, one at a time, and prints what becomes of
them, as ``tests/flows/test_live_changes.py`` proves it.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import yaml

from bot.flows.deployment import DeploymentReader
from bot.flows.tracing import scene_of
from bot.model.drift import SetValue
from bot.model.filetree import FileTree
from bot.model.json import JSON, Pointer
from bot.origins.scene import EditPlan, Goal, NoEdit, Scene
from bot.origins.search import find_edit
from bot.renderers import tools
from bot.renderers.renderers import Renderers
from bot.targets.documents import Documents
from tests.benchmarks import bench_targets
from tests.benchmarks.bench_targets import memory, tree_of
from tests.flows.live_changes import Answer, outcome, places, sampled, shown

_CONTAINER: Pointer = ("spec", "template", "spec", "containers", 0)
IMAGE: Pointer = (*_CONTAINER, "image")


@dataclass(frozen=True)
class Case:
    """One field of one object, and the value that runs."""

    title: str
    target: str
    kind: str
    name: str
    pointer: Pointer
    value: JSON


# -- overlays --------------------------------------------------------------------------------------------------------------


def overlays(count: int, objects: int) -> dict[str, bytes]:
    """Overlays over one base, with labels on everything and a replacement, which no patch gets past."""
    files = bench_targets.repository(count, objects)
    for path in [path for path in files if path.startswith("overlays/")]:
        tree = yaml.safe_load(files[path])
        tree["labels"] = [{"pairs": {"place": path.split("/")[1]}}]
        source = {"kind": "Deployment", "name": "app-0", "fieldPath": "metadata.name"}
        chosen = {"select": {"kind": "Deployment", "name": "app-3"}, "fieldPaths": ["metadata.annotations.first"]}
        tree["replacements"] = [{"source": source, "targets": [{**chosen, "options": {"create": True}}]}]
        files[path] = yaml.safe_dump(tree).encode()
    return files


OVERLAY_CASES = (
    Case("an image of the overlay", "target-1", "Deployment", "app-0", IMAGE, "registry.example.com/shop/app-0:9"),
    Case("a patched field", "target-1", "Deployment", "app-3", ("spec", "replicas"), 9),
    Case("a new entry", "target-1", "Deployment", "app-6", ("spec", "replicas"), 9),
    Case("a label of all objects", "target-1", "Deployment", "app-6", ("metadata", "labels", "place"), "x"),
    Case("set by no file", "target-1", "Deployment", "app-3", ("metadata", "annotations", "first"), "x"),
)

# -- a chart ---------------------------------------------------------------------------------------------------------------

_TEMPLATE = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    release: {{ .Release.Name }}-{{ .Release.Service }}
spec:
  replicas: {{ .Values.replicas }}
  revisionHistoryLimit: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: "{{ .Values.image.name }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
          env:
            {{- range $name, $value := .Values.env }}
            - {name: {{ $name }}, value: {{ $value | quote }}}
            {{- end }}
            - {name: LIMIT, value: "{{ mul .Values.limit 2 }}"}
"""


def chart(values: int) -> dict[str, bytes]:
    """A chart with so many values of all sorts, for two places."""
    env = {f"SETTING_{n}": f"value-{n}" for n in range(values // 2)}
    switches = {f"feature{n}": {"enabled": bool(n % 2), "size": n} for n in range(values // 4)}
    defaults = {"replicas": 2, "limit": 5, "image": {"name": "web", "tag": ""}, "env": env, **switches}
    used = "".join(
        f'  f{n}: "{{{{ if .Values.feature{n}.enabled }}}}{{{{ .Values.feature{n}.size }}}}{{{{ end }}}}"\n'
        for n in range(values // 4)
    )
    return {
        "charts/web/Chart.yaml": b"apiVersion: v2\nname: web\nversion: 1.0.0\nappVersion: '1.4'\n",
        "charts/web/values.yaml": yaml.safe_dump(defaults).encode(),
        "charts/web/values-prod.yaml": b"replicas: 3\n",
        "charts/web/values-dev.yaml": b"replicas: 1\n",
        "charts/web/templates/web.yaml": _TEMPLATE.encode(),
        "charts/web/templates/features.yaml": f"kind: ConfigMap\napiVersion: v1\nmetadata: {{name: f}}\ndata:\n{used}".encode(),
    }


CHART_CASES = (
    Case("a value of the place", "web-prod", "Deployment", "web", ("spec", "replicas"), 9),
    Case("a default", "web-prod", "Deployment", "web", (*_CONTAINER, "env", 7, "value"), "other"),
    Case("an empty default", "web-prod", "Deployment", "web", IMAGE, "web:2.0"),
    Case("said by the template", "web-prod", "Deployment", "web", ("spec", "revisionHistoryLimit"), 9),
    Case("set by no file", "web-prod", "Deployment", "web", ("metadata", "annotations", "release"), "x"),
    Case("made from a value", "web-prod", "Deployment", "web", (*_CONTAINER, "env", -1, "value"), "12"),
)

# -- measuring -------------------------------------------------------------------------------------------------------------


def opened(files: Mapping[str, bytes], target: str) -> tuple[Scene, Renderers]:
    """The scene of a commit, and what renders it."""
    tree: FileTree = tree_of(dict(files))
    documents = Documents(tree)
    renderers = Renderers(documents)
    reader = DeploymentReader(renderers, documents)
    return scene_of(reader.read(tree), target, reader), renderers


def measured(files: Mapping[str, bytes], cases: tuple[Case, ...], peer: float, *, runs: int) -> None:
    """The figures of each case: the shortest of so many runs, none of which remembers another."""
    for case in cases:
        best, answer, renders = float("inf"), "", 0
        for _ in range(runs):
            scene, renderers = opened(files, case.target)
            before = renderers.rendered
            started = time.perf_counter()
            plan = find_edit(_goal(case, scene), scene)
            best = min(best, time.perf_counter() - started)
            renders, answer = renderers.rendered - before, _answer(plan)
        print(f"  {case.title:26} {best:7.3f} s  {renders:3} renderings  {best / peer:5.1f} builds   {answer}")


def _goal(case: Case, scene: Scene) -> Goal:
    id_ = next(id_ for id_ in scene.objects[case.target] if (id_.kind, id_.name) == (case.kind, case.name))
    pointer = case.pointer
    if -1 in pointer:
        env = yaml.safe_load(scene.tree.read("charts/web/values.yaml") or b"")["env"]
        pointer = tuple(len(env) if part == -1 else part for part in pointer)
    return Goal(case.target, {id_: (SetValue(pointer, case.value),)})


def _answer(plan: EditPlan | NoEdit) -> str:
    if isinstance(plan, NoEdit):
        return "no edit"
    others = f", {len(plan.moves)} other objects" if plan.moves else ""
    return f"{plan.spots[0].file}:{plan.spots[0].line}{others}"


def build(files: Mapping[str, bytes], folder: str, runs: int) -> float:
    """Seconds of one ``kustomize build`` by itself: the shortest of so many."""
    program, best = tools.kustomize(), float("inf")
    with tempfile.TemporaryDirectory() as root:
        for path, data in files.items():
            (Path(root) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(root) / path).write_bytes(data)
        for _ in range(runs):
            started = time.perf_counter()
            words: list[str | Path] = [program.path, *program.arguments, Path(root) / folder]
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
            best = min(best, time.perf_counter() - started)
    return best


def rendering(files: Mapping[str, bytes], target: str, runs: int) -> float:
    """Seconds of one rendering of a target whose chart is known and one of whose values changed."""
    scene, _ = opened(files, target)
    best = float("inf")
    for run in range(runs):
        changed = scene.tree.with_changes({"charts/web/values-prod.yaml": f"replicas: {run + 20}\n".encode()})
        started = time.perf_counter()
        assert scene.render(changed, frozenset({target})) is not None
        best = min(best, time.perf_counter() - started)
    return best


def checkout(root: Path, count: int, seed: int) -> Iterator[str]:
    """What becomes of changes of a checkout's targets."""
    began = time.perf_counter()
    listed = places(root)
    yield f"{root.name}: {len(listed)} targets read in {time.perf_counter() - began:.1f} s"
    outcomes = [outcome(place, change) for place, change in sampled(listed, count, seed)]
    counts = Counter(made.answer for made in outcomes)
    yield f"  {len(outcomes)} changes: {shown(counts)}"
    seconds = sorted(made.seconds for made in outcomes) or [0.0]
    slowest = max(outcomes, key=lambda made: made.seconds)
    yield f"  search: median {median(seconds):.2f} s, 95 % within {seconds[int(len(seconds) * 0.95)]:.2f} s"
    yield f"  slowest {slowest.seconds:.2f} s, {slowest.renders} renderings: {slowest.change} ({slowest.answer})"
    yield from (f"  WRONG {made.change}: {'; '.join(made.mistakes)}" for made in outcomes if made.mistakes)
    yield from (f"  {made.answer}: {made.change}" for made in outcomes if made.answer is Answer.NOWHERE)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="checkouts instead of what is generated")
    parser.add_argument("--places", type=int, default=10)
    parser.add_argument("--objects", type=int, default=50)
    parser.add_argument("--values", type=int, default=128)
    parser.add_argument("--changes", type=int, default=100, help="fields of each checkout")
    parser.add_argument("--seed", type=int, default=20260501)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    for folder in options.folders:
        for line in checkout(folder.resolve(), options.changes, options.seed):
            print(line, flush=True)
    if not options.folders:
        files = overlays(options.places, options.objects)
        peer = build(files, "overlays/target-1", options.runs)
        print(f"kustomize build of one of {options.places} overlays, {options.objects} objects: {peer:.3f} s")
        measured(files, OVERLAY_CASES, peer, runs=options.runs)
        files = chart(options.values)
        peer = rendering(files, "web-prod", 5 * options.runs)
        print(f"one rendering of a chart of {options.values} values, in process: {peer:.3f} s")
        measured(files, CHART_CASES, peer, runs=options.runs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"memory {memory():.0f} MiB, at its peak {peak:.0f} MiB")


if __name__ == "__main__":
    main()
