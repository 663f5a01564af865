"""Tells the service manager how it stands: sd_notify(3) without a library.

Datagrams of ``NAME=value`` lines to the socket that NOTIFY_SOCKET names: a path, or after ``@`` a name in Linux' abstract
namespace. Nobody listening is a normal state and costs nothing.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Notifier:
    """The way to the service manager. ``address`` is empty without one; ``watchdog`` is how often (seconds) it wants to
    hear of us, 0 for never.
    """

    address: str = ""
    watchdog: float = 0.0

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Notifier:
        """As the environment says: NOTIFY_SOCKET, WATCHDOG_USEC, and WATCHDOG_PID where that is meant for this process
        (sd_watchdog_enabled(3)).
        """
        address = environment.get("NOTIFY_SOCKET", "")
        if address[:1] not in {"/", "@"}:  # others, such as vsock:, are for virtual machines
            return cls()
        microseconds = environment.get("WATCHDOG_USEC", "")
        is_for_this_process = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        return cls(address, int(microseconds) / _MILLION if is_for_this_process and microseconds.isdigit() else 0.0)

    def ready(self, status: str) -> None:
        """It started, or has read its settings again."""
        self._send("READY=1", f"STATUS={status}", f"MAINPID={os.getpid()}")

    def reloading(self) -> None:
        """It reads its settings again. The time is of CLOCK_MONOTONIC, in microseconds."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """It is about to end."""
        self._send("STOPPING=1", "STATUS=stopping")

    def status(self, text: str) -> bool:
        """What it does, in one line for people; False when the service manager was too busy to hear it."""
        return self._send(f"STATUS={text}")

    def alive(self) -> None:
        """Its work goes on."""
        if self.watchdog:
            self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> bool:
        if not self.address:
            return True
        # The first byte of an abstract name is zero (unix(7)).
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        text = "\n".join(" ".join(line.splitlines()) for line in lines)
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.setblocking(False)
            channel.sendto(text.encode(errors="replace"), address)
            return True
        return False
