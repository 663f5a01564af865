"""How many workers ``pytest -n auto`` starts, how they share the tests, and that no drawn example is judged by the clock."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import pytest
    from xdist.remote import Producer  # type: ignore[import-untyped]
    from xdist.scheduler import Scheduling  # type: ignore[import-untyped]


# A machine with much to do takes longer than Hypothesis lets an example take (deadline: 200 ms), and draws slowly.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
if settings.get_current_profile_name() == "default":  # Hypothesis has one of its own for CI, and so has a mutation run
    settings.load_profile("any machine")


def pytest_xdist_auto_num_workers() -> int:
    """One and a half for each processor: tests of processes and sockets wait for half of their time."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return usable + (usable + 1) // 2


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Who has nothing left takes from who has most left: the slow tests of one folder hold nobody up in the end."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)
