"""How a verb that serves is told to stop: by a signal, from before it says that it is there."""

from __future__ import annotations

import signal
import threading


def stop_signals() -> threading.Event:
    """Set from now on by Ctrl-C and SIGTERM, also where a shell started us in the background with SIGINT ignored. Whoever reads
    an address and sends a signal at once is not to meet the time before: it would be lost there, or end us with files left.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
