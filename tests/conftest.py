"""How many workers ``pytest -n auto`` starts."""

from __future__ import annotations

import os


def pytest_xdist_auto_num_workers() -> int:
    """One and a half for each processor: tests of processes and sockets wait for half of their time."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return usable + (usable + 1) // 2
