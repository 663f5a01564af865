"""What a daemon holds on to over very many ticks: ``python -m tests.benchmarks.bench_daemon [TICKS]`` (10,000).

A tick is a check and a full comparison, one after the other, with a push every 50 and a drift every 10 of them. Prints
resident memory, objects, file descriptors and threads at ten points, and the slope over the second half. The ledger's
compaction and Git's own object cache make memory breathe; what must not be is a line that only goes up.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.soak.ticks import Holdings, LongRun

POINTS = 10


def main(ticks: int = 10_000) -> None:
    """Print the figures."""
    print(f"{'ticks':>7} {'ticks/s':>8} {'resident MB':>12} {'objects':>9} {'descriptors':>12} {'threads':>8}")
    with tempfile.TemporaryDirectory(prefix="clockwork-bench-") as folder:
        points = [shown(point) for point in LongRun(Path(folder)).measured(ticks, max(ticks // POINTS, 1))]
    half = points[len(points) // 2 :]
    grown = (half[-1].resident - half[0].resident) / 1e6
    print(
        f"second half: {grown:+.1f} MB, {half[-1].objects - half[0].objects:+d} objects, "
        f"{half[-1].descriptors - half[0].descriptors:+d} descriptors, {half[-1].threads - half[0].threads:+d} threads"
    )


def shown(point: Holdings) -> Holdings:
    """The same, printed."""
    rate, resident = point.ticks / point.seconds, point.resident / 1e6
    print(
        f"{point.ticks:7} {rate:8.1f} {resident:12.1f} {point.objects:9} {point.descriptors:12} {point.threads:8}",
        flush=True,
    )
    return point


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
