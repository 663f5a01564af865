"""A daemon that ticks for long holds on to nothing: its descriptors, threads and objects stay as many as they were."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.soak.ticks import Holdings, LongRun

TICKS = 300
"""Thirty pushes, and thirty drifts. The benchmark runs thirty times as many."""


def _points(directory: Path) -> list[Holdings]:
    return list(LongRun(directory, pushes=10).measured(TICKS, 50))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_three_hundred_ticks_leave_nothing_behind(tmp_path: Path) -> None:
    """After a warm-up, objects do not grow with ticks, and descriptors stay below what Git's library may keep open."""
    with ProcessPoolExecutor(
        1, mp_context=get_context("spawn")
    ) as alone:  # objects of other tests are not the daemon's
        points = alone.submit(_points, tmp_path).result()
    warm, last = points[1], points[-1]
    assert {point.threads for point in points} == {points[0].threads}
    assert last.descriptors < points[0].descriptors + 20
    assert last.objects - warm.objects < (last.ticks - warm.ticks), "less than one object in a tick stays"
    assert last.resident - warm.resident < 20_000_000
