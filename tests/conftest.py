"""How many workers ``pytest -n auto`` starts, how they share the tests, how often they look for garbage, and that no drawn
example is judged by the clock.
"""

from __future__ import annotations

import gc
import os
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.entry import PRELOADED
from tests.served import program

if TYPE_CHECKING:
    from xdist.remote import Producer  # type: ignore[import-untyped]
    from xdist.scheduler import Scheduling  # type: ignore[import-untyped]


# A machine with much to do takes longer than Hypothesis lets an example take (deadline: 200 ms), and draws slowly.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
if settings.get_current_profile_name() == "default":  # Hypothesis has one of its own for CI, and so has a mutation run
    settings.load_profile("any machine")


gc.set_threshold(
    50_000
)  # as the bot's own command does: with Python's 700 a fifth of the time goes into looking for garbage


def pytest_collection_finish() -> None:
    """The tests themselves, thousands of them, are no garbage."""
    gc.freeze()


def pytest_xdist_auto_num_workers() -> int:
    """One and a half for each processor: tests of processes and sockets wait for half of their time."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return usable + (usable + 1) // 2


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Who has nothing left takes from who has most left: the slow tests of one folder hold nobody up in the end."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)


@pytest.fixture(scope="session")
def installed() -> Iterator[str]:
    """What a shell starts as ``clockwork``: a process that has the bot imported already forks for each call."""
    with program(PRELOADED) as words:
        yield f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n'
