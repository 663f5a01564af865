"""A daemon that ticks for long holds on to nothing: its descriptors, threads and objects stay as many as they were."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.soak.ticks import Holdings

TICKS = 90
"""Nine pushes, and nine drifts. The benchmark runs a hundred times as many."""


_RUN = """
import sys, pathlib
from tests.soak.ticks import LongRun
for point in LongRun(pathlib.Path(sys.argv[1]), pushes=10).measured(int(sys.argv[2]), 30):
    print(point.ticks, point.resident, point.objects, point.descriptors, point.threads, point.steps)
"""


def _points(directory: Path) -> list[Holdings]:
    """Measured in a process of its own, and not by coverage: objects of either are not the daemon's."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    words = [sys.executable, "-c", _RUN, str(directory), str(TICKS)]
    root = Path(__file__).parents[2]
    done = subprocess.run(words, cwd=root, env=environment, capture_output=True, text=True, check=True)
    rows = [[int(word) for word in line.split()] for line in done.stdout.splitlines() if line[:1].isdigit()]
    return [Holdings(row[0], 0.0, *row[1:]) for row in rows]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_ticks_leave_nothing_behind(tmp_path: Path) -> None:
    """After a warm-up, objects do not grow with ticks, and descriptors stay below what Git's library may keep open."""
    points = _points(tmp_path)
    warm, last = points[1], points[-1]
    assert {point.threads for point in points} == {points[0].threads}
    assert last.descriptors < points[0].descriptors + 20
    grown = last.objects - warm.objects  # the ledger remembers every tenth tick, until it is folded
    assert grown < 2.5 * (last.ticks - warm.ticks), "no more than the ledger's entries stay"
    assert last.resident - warm.resident < 10_000_000
    assert last.steps < 1.15 * points[0].steps, (
        "three times the ticks, pushes and entries behind it, and a tick does as much"
    )
