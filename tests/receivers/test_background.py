"""Findings that one thread works off while nobody waits."""

from __future__ import annotations

import threading

from bot.receivers.background import Background


def test_it_takes_at_once_and_drops_the_oldest_when_it_is_full() -> None:
    """While the work hangs, putting returns; what has no room is counted; the rest is worked off in order."""
    begun, let, done = threading.Event(), threading.Event(), list[int]()

    def work(item: int) -> None:
        begun.set()
        let.wait(60)
        done.append(item)

    background = Background(work, supersedes=lambda _newer, _older: False, room=3)
    background.submit(0)
    assert begun.wait(60)
    for item in range(1, 6):
        background.submit(item)
    assert background.dropped == 2
    assert not background.close(0)
    let.set()
    assert background.close(60)
    assert done == [0, 3, 4, 5]


def test_what_is_superseded_is_not_worked_on() -> None:
    """Of items that say the same, only the newest that waits is worked on."""
    begun, let, done = threading.Event(), threading.Event(), list[int]()

    def work(item: int) -> None:
        begun.set()
        let.wait(60)
        done.append(item)

    background = Background(work, supersedes=lambda newer, older: newer > 10 and older > 10)
    background.submit(1)
    assert begun.wait(60)
    for item in (11, 12, 2, 13, 14):
        background.submit(item)
    let.set()
    assert background.close(60)
    assert done == [1, 12, 2, 14]
    assert background.dropped == 0
