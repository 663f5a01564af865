"""Sends to all receivers at once, and gives an account for each when time is up."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from bot.model.notice import Announcement, Delivery, DeliveryResult
from bot.ports import Receiver

_Answers: TypeAlias = "queue.SimpleQueue[Delivery]"


@dataclass(slots=True)
class Deliveries:
    """Each receiver has a thread of its own for each message. One that still hangs on an earlier message gets no other.

    The threads are daemons: a process that ends does not wait for them. ``seconds`` is for all of them together.
    """

    receivers: Mapping[str, Receiver]
    seconds: float = 10.0
    clock: Callable[[], float] = time.monotonic
    hanging: dict[str, threading.Thread] = field(default_factory=dict)

    def send(self, messages: Mapping[str, Announcement]) -> Mapping[str, Delivery]:
        """What came of each message. Returns after ``seconds`` at the latest."""
        answers: _Answers = queue.SimpleQueue()
        accounts: dict[str, Delivery] = {}
        for name, message in messages.items():
            earlier = self.hanging.get(name)
            if earlier is not None and earlier.is_alive():
                accounts[name] = Delivery(name, DeliveryResult.FAILED, "still hangs on an earlier message")
                continue
            self.hanging[name] = threading.Thread(
                target=_send, args=(self.receivers[name], message, answers), name=f"clockwork-to-{name}", daemon=True
            )
            self.hanging[name].start()
        deadline = self.clock() + self.seconds
        while len(accounts) < len(messages):
            try:
                answer = answers.get(timeout=max(0.0, deadline - self.clock()))
            except queue.Empty:
                break
            accounts[answer.receiver] = answer
        late = f"no answer within {self.seconds:g} s"
        return {name: accounts.get(name, Delivery(name, DeliveryResult.UNANSWERED, late)) for name in messages}


def _send(receiver: Receiver, message: Announcement, answers: _Answers) -> None:
    answers.put(receiver.send(message))
