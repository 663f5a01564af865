"""A daemon that ticks for long holds on to nothing: its descriptors, threads and objects stay as many as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.ticks import LongRun

TICKS = 300
"""Thirty pushes, and thirty drifts. The benchmark runs thirty times as many."""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_three_hundred_ticks_leave_nothing_behind(tmp_path: Path) -> None:
    """After a warm-up, objects do not grow with ticks, and descriptors stay below what Git's library may keep open."""
    points = list(LongRun(tmp_path, pushes=10).measured(TICKS, 50))
    warm, last = points[1], points[-1]
    assert {point.threads for point in points} == {points[0].threads}
    assert last.descriptors < points[0].descriptors + 20
    assert last.objects - warm.objects < (last.ticks - warm.ticks), "less than one object in a tick stays"
    assert last.resident - warm.resident < 20_000_000
