"""How many workers ``pytest -n auto`` starts, how they share the tests, where temporary files stand, how often garbage is
looked for, and that no drawn example is judged by the clock.
"""

from __future__ import annotations

import gc
import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, settings

from tests.served import warm_program
from tests.sharing import shared_out

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


_MEMORY: Final = "/dev/shm"
"""A file system in memory, on Linux (shm_overview(7))."""
_ROOM: Final = 6 << 30
"""Bytes that must be free there: the tests leave three billion."""


def _has_room(folder: str) -> bool:
    """Whether temporary files can stand in ``folder``, programs among them (mount(8), ``noexec``)."""
    if not Path(folder).is_dir():
        return False
    facts = os.statvfs(folder)
    return not facts.f_flag & os.ST_NOEXEC and facts.f_bavail * facts.f_frsize >= _ROOM and os.access(folder, os.W_OK)


_FOLDER: Final = pytest.StashKey[str]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Temporary files stand in memory where it has room: the tests make hundreds of thousands of them, and on a disk a
    twelfth of their time goes into that.
    """
    elsewhere = hasattr(config, "workerinput") or "TMPDIR" in os.environ or config.option.basetemp
    if not elsewhere and _has_room(_MEMORY):
        folder = config.stash[_FOLDER] = tempfile.mkdtemp(prefix="cw-", dir=_MEMORY)
        Path(folder).chmod(0o1777)  # as /tmp is: PostgreSQL is started as somebody else
        config.option.basetemp = f"{folder}/tests"
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"  # what was kept on another day has no say, and nothing is left


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """What failed can be looked at; else the memory is wanted back."""
    if exitstatus == 0 and (folder := session.config.stash.get(_FOLDER, None)):
        # After multiprocessing has removed its own folder in there, which it does with priority -100 (multiprocessing/util.py).
        Finalize(None, partial(shutil.rmtree, folder, ignore_errors=True), exitpriority=-200)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several workers share the tests, each begins with slow ones."""
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    if workers > 1:
        files = [[*tests] for _, tests in groupby(items, key=lambda item: item.path)]
        items[:] = shared_out(files, lambda item: item.get_closest_marker("slow") is not None, workers)


def pytest_collection_finish() -> None:
    """The tests themselves, thousands of them, are no garbage."""
    gc.freeze()


def pytest_xdist_auto_num_workers() -> int:
    """Two more than processors: tests of processes and sockets wait for half of their time."""
    return 2 + (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Who has nothing left takes from who has most left: the slow tests of one folder hold nobody up in the end."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)


@pytest.fixture(scope="session")
def installed() -> Iterator[str]:
    """What a shell starts as ``clockwork``: a process that has the bot imported already forks for each call."""
    with warm_program() as words:
        yield f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n'
