"""How long it takes to read many small manifests, beside PyYAML's own C loader on the same bytes in the same run.

``python -m tests.benchmarks.bench_intake [objects]``
"""

from __future__ import annotations

import sys
import time

import yaml

from bot.intake.read import read

MANIFEST = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-{number}
  namespace: shop
  labels:
    app: web
    tier: front
spec:
  replicas: 3
  selector:
    matchLabels: {{app: web}}
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
        - name: web
          image: nginx:1.27
          ports:
            - containerPort: 80
          env:
            - name: LEVEL
              value: "info"
"""


def main() -> None:
    """Print seconds and the ratio."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    files = {f"k8s/{number}.yaml": MANIFEST.format(number=number).encode() for number in range(count)}
    start = time.perf_counter()
    for data in files.values():
        yaml.load(data, Loader=yaml.CSafeLoader)
    peer = time.perf_counter() - start
    start = time.perf_counter()
    found = read(files, project="shop")
    own = time.perf_counter() - start
    start = time.perf_counter()
    for one in found.resources[:1000]:
        one.origins.at(("spec", "replicas"))
    origin = (time.perf_counter() - start) / min(count, 1000)
    print(f"objects                    {len(found.resources):>10,}")
    print(f"read, with identity        {own:>10.2f} s")
    print(f"yaml.CSafeLoader alone     {peer:>10.2f} s")
    print(f"ratio (peer / own)         {peer / own:>10.2f}")
    print(f"first origin in a file     {origin * 1e6:>10.0f} µs")


if __name__ == "__main__":
    main()
