"""How fast targets are found and rendered, beside ``kustomize build`` of every one after the other in the same run.

``python -m tests.benchmarks.bench_targets [--targets 200] [--objects 50] [--peer 20]`` prints seconds, seconds of processor
time (of this process and of its tools), resident memory and ratios. The repository is generated: one base of Deployments,
Services and ConfigMaps with an overlay for each target, which sets a namespace, an image and a patch. Looks: the first one;
one at the same commit; one after a commit that touches one overlay, and one after a commit that touches the base; one in a
new process with the renderings on disk. Each look lists all targets and expands them.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from bot.model.filetree import FileTree, content_id
from bot.renderers import tools
from bot.renderers.renderers import Renderers
from bot.targets.discovery import discover
from bot.targets.documents import Documents
from bot.targets.expansion import Expansions, RenderContext
from tests.benchmarks.bench_diff import deployment


def base(objects: int) -> dict[str, bytes]:
    """A base of so many objects, a file each."""
    files = {}
    for number in range(objects):
        made = deployment(number)
        del made["metadata"]["namespace"]
        if number % 3:
            kind = ("ConfigMap", "Secret")[number % 2]
            data = {f"key-{at}": f"value-{number}-{at}" for at in range(6)}
            part = "data" if kind == "ConfigMap" else "stringData"
            made = {"apiVersion": "v1", "kind": kind, "metadata": {"name": f"c-{number}"}, part: data}
        files[f"base/{number}.yaml"] = yaml.safe_dump(made).encode()
    files["base/kustomization.yaml"] = yaml.safe_dump({"resources": [f"{n}.yaml" for n in range(objects)]}).encode()
    return files


def repository(targets: int, objects: int) -> dict[str, bytes]:
    """The files by path."""
    files = base(objects)
    for number in range(targets):
        patch = [{"op": "replace", "path": "/spec/replicas", "value": number % 7 + 1}]
        overlay = {
            "resources": ["../../base"],
            "namespace": f"target-{number}",
            "images": [{"name": "registry.example.com/shop/app-0", "newTag": f"2.{number}"}],
            "patches": [{"target": {"kind": "Deployment", "name": "app-3"}, "patch": yaml.safe_dump(patch)}],
        }
        files[f"overlays/target-{number}/kustomization.yaml"] = yaml.safe_dump(overlay).encode()
    return files


def tree_of(files: dict[str, bytes]) -> FileTree:
    """A commit."""
    blobs = {content_id(data): data for data in files.values()}
    return FileTree({path: content_id(data) for path, data in files.items()}, blobs.__getitem__)


def look(documents: Documents, expansions: Expansions, tree: FileTree) -> int:
    """Every target of a commit, expanded; how many objects there are."""
    found = discover(documents.on(tree))
    expanded = expansions.of_all(found.targets, tree)
    return sum(len(unit.rendering.objects) for each in expanded for unit in each.units)


def timed(name: str, work: Callable[[], int]) -> float:
    """How long ``work`` takes, printed with what it comes to."""
    started, busy = time.perf_counter(), cpu()
    objects = work()
    seconds, own, tools_ = time.perf_counter() - started, cpu()[0] - busy[0], cpu()[1] - busy[1]
    words = f"{seconds:9.3f} s   {own:7.2f} + {tools_:6.2f} s CPU"
    print(f"{name:34} {words}   {objects:8} objects   {memory():5.0f} MiB")
    return seconds


def cpu() -> tuple[float, float]:
    """Seconds of processor time: of this process, and of the tools that it started."""
    spent = os.times()
    return spent.user + spent.system, spent.children_user + spent.children_system


def memory() -> float:
    """Resident memory in MiB, now and not at its peak."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def peer(files: dict[str, bytes], targets: int) -> float:
    """Seconds for ``kustomize build`` of one target, on average over so many, one after the other."""
    program = tools.kustomize()
    with tempfile.TemporaryDirectory() as folder:
        for path, data in files.items():
            (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / path).write_bytes(data)
        started = time.perf_counter()
        for number in range(targets):
            overlay = Path(folder) / f"overlays/target-{number}"
            subprocess.run([program.path, *program.arguments, overlay], check=True, stdout=subprocess.DEVNULL)
        return (time.perf_counter() - started) / targets


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=200)
    parser.add_argument("--objects", type=int, default=50)
    parser.add_argument("--peer", type=int, default=20, help="targets that kustomize builds by itself")
    options = parser.parse_args()
    files = repository(options.targets, options.objects)
    one = {
        **files,
        "overlays/target-7/kustomization.yaml": files["overlays/target-7/kustomization.yaml"] + b"# touched\n",
    }
    all_ = {**files, "base/0.yaml": files["base/0.yaml"] + b"# touched\n"}
    with tempfile.TemporaryDirectory() as cache:
        documents = Documents(tree_of({}))
        renderers = Renderers(documents, cache=Path(cache))
        expansions = Expansions(renderers.render_all, RenderContext())
        first = timed("first look", lambda: look(documents, expansions, tree_of(files)))
        timed("the same commit", lambda: look(documents, expansions, tree_of(files)))
        timed("a commit that touches one overlay", lambda: look(documents, expansions, tree_of(one)))
        fresh = Documents(tree_of({}))
        later = Expansions(Renderers(fresh, cache=Path(cache)).render_all, RenderContext())
        again = timed("a new process, renderings on disk", lambda: look(fresh, later, tree_of(files)))
        gc.collect()
        timed("a commit that touches the base", lambda: look(documents, expansions, tree_of(all_)))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    whole = peer(files, min(options.peer, options.targets)) * options.targets
    print(f"{'kustomize build, one by one':34} {whole:9.3f} s   (from {min(options.peer, options.targets)} targets)")
    print(f"first look takes {first / whole:.2f} of that, a new process {again / whole:.2f}")


if __name__ == "__main__":
    main()
