"""The threads of an observer, when the look that they work for fails or is interrupted."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from bot.errors import Invalid
from bot.observers.workers import workers


@pytest.mark.parametrize("reason", [KeyboardInterrupt(), Invalid("the probe URL cannot be asked")])
def test_what_waits_is_not_done_any_more(reason: BaseException) -> None:
    """What has begun comes to its end first: here it ends once what waits behind it is cancelled."""
    began, cancelled = threading.Event(), threading.Event()
    asked: list[str] = []

    def first() -> None:
        began.set()
        asked.append("first")
        cancelled.wait(20)

    def leave() -> None:
        with workers(1, "test") as pool:
            pool.submit(first)
            waiting: Future[None] = pool.submit(asked.append, "second")
            waiting.add_done_callback(lambda future: cancelled.set() if future.cancelled() else None)
            began.wait()
            raise reason

    with pytest.raises(type(reason)):
        leave()
    assert asked == ["first"]
    assert cancelled.is_set()
