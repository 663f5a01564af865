"""How long it takes to change one value of a manifest, beside ruamel.yaml's round trip of the same file.

``python -m tests.benchmarks.bench_edits [--rounds 5]`` prints milliseconds by size of the file and the ratio, for the edit
itself and for all of adopting it (read, spliced, read again, compared). ruamel.yaml is no dependency: install it first.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

from bot.edits.adopt import adopt
from bot.intake.read import read
from bot.model.drift import SetValue
from bot.model.json import Pointer
from bot.model.resource import Desired

REPLICAS: Pointer = ("spec", "replicas")


def manifest(count: int) -> bytes:
    """``count`` Deployments with comments in one file."""
    documents = (
        f"""\
# The {number}th service.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: service-{number}
  namespace: shop
  labels: {{app: service-{number}, tier: web}}
spec:
  replicas: 2   # as many as we can pay
  selector:
    matchLabels: {{app: service-{number}}}
  template:
    metadata:
      labels: {{app: service-{number}}}
    spec:
      containers:
        - name: web
          image: registry.example.com/web:1.{number}
          ports:
            - containerPort: 8080
          env:
            - name: MODE
              value: "production"
          resources:
            limits: {{cpu: 500m, memory: 128Mi}}
"""
        for number in range(count)
    )
    return "---\n".join(documents).encode()


def resources(data: bytes) -> list[Desired]:
    """What the file declares."""
    return [*read({"web.yaml": data}, project="shop").resources]


def adopting(desired: Desired, data: bytes) -> bytes:
    """The file with another number of replicas, as the bot makes it."""
    return adopt(desired, (SetValue(REPLICAS, 5),), {"web.yaml": data}).files["web.yaml"]


def round_trip(data: bytes, index: int) -> bytes:
    """The same by ruamel.yaml: everything loaded, one value set, everything dumped."""
    from ruamel.yaml import YAML  # type: ignore[import-not-found]

    yaml: Any = YAML()
    documents = list(yaml.load_all(data))
    documents[index]["spec"]["replicas"] = 5
    out = io.BytesIO()
    yaml.dump_all(documents, out)
    return out.getvalue()


def milliseconds(work: Callable[[], object], rounds: int) -> float:
    """The median processor time of one call."""
    taken = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        taken.append((time.process_time() - begun) * 1000)
    return median(taken)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    for count in (1, 10, 100):
        data = manifest(count)
        middle = count // 2
        desired = resources(data)[middle]
        ours = milliseconds(partial(adopting, desired, data), rounds)
        theirs = milliseconds(partial(round_trip, data, middle), rounds)
        print(
            f"{count:4} documents, {len(data):7,} bytes: {ours:8.2f} ms, ruamel {theirs:8.2f} ms, ratio {theirs / ours:.1f}"
        )


if __name__ == "__main__":
    main()
