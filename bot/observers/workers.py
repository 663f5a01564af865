"""The threads of one observer, which end with it: what they were not asked yet is not asked any more. Used by the observers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def workers(count: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """``count`` threads called after ``name``. However the block is left, what is running ends and what waits is cancelled:
    left as an executor is usually, a look that failed or was interrupted would first ask all that it had planned.
    """
    pool = ThreadPoolExecutor(count, thread_name_prefix=name)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
