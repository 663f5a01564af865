"""How long the daemon's HTTP side waits for whoever talks to it, and for how many at once.

uvicorn ends connections on which nothing was asked after an answer, and bounds the headers of a request; for the headers
and the body of a request, and for an answer to be read, it waits for ever, with any number of connections (uvicorn,
"Settings", "Timeouts" and "Resource Limits"). A client that sends or reads a byte a minute would hold a connection for good
(CWE-400, "Slowloris"), so each part has its time, counted from its first moment and not from the last byte.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass
from typing import Any

_AT_ONCE = struct.pack("ii", 1, 0)
"""Zero seconds of lingering: what was not sent is dropped (socket(7), ``SO_LINGER``)."""
_TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_FULL = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Seconds for the headers of a request, for its body, for reading what is written as an answer and between two requests;
    connections at once; bytes of headers.
    """

    headers: float = 10.0
    body: float = 30.0
    answer: float = 30.0
    idle: float = 5.0
    connections: int = 100
    header_bytes: int = 16 * 1024


def config(app: Any, limits: ConnectionLimits) -> Any:
    """How uvicorn serves ``app`` within ``limits``."""
    import uvicorn

    return uvicorn.Config(
        app,
        http=_protocol(limits),
        ws="none",
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_keep_alive=limits.idle,  # type: ignore[arg-type]  # handed to call_later, which takes parts of seconds
        h11_max_incomplete_event_size=limits.header_bytes,
    )


def _protocol(limits: ConnectionLimits) -> type[asyncio.Protocol]:
    """Uvicorn's protocol with a deadline for each part of a request."""
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol

    seconds = {h11.IDLE: limits.headers, h11.SEND_BODY: limits.body}

    class PatientProtocol(H11Protocol):
        """Ends the connection of whoever takes too long. ``phase`` is the part that is waited for."""

        phase: object = None
        deadline: asyncio.TimerHandle | None = None
        unread: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            transport.set_write_buffer_limits(high=0)  # writing is paused whenever something waits to be read
            if len(self.connections) > limits.connections:
                transport.write(_FULL)
                transport.close()
                return
            self._wait()

        def data_received(self, data: bytes) -> None:
            if self.transport.is_closing():
                return
            super().data_received(data)
            self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            self._read()
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            self.unread = self.unread or self.loop.call_later(limits.answer, self._reset)

        def resume_writing(self) -> None:
            self._read()
            super().resume_writing()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._wait()

        def _wait(self) -> None:
            """The part that the client sends now has its time from now, unless it began before."""
            phase = self.conn.their_state
            if phase is self.phase:
                return
            self._stop()
            self.phase = phase
            if phase in seconds:
                self.deadline = self.loop.call_later(seconds[phase], self._late)

        def _stop(self) -> None:
            if self.deadline is not None:
                self.deadline.cancel()
                self.deadline = None

        def _reset(self) -> None:
            """Throw the connection away: closing it would wait until everything is read, here and then in the kernel."""
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            self.transport.abort()

        def _read(self) -> None:
            if self.unread is not None:
                self.unread.cancel()
                self.unread = None

        def _late(self) -> None:
            if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE} and (
                self.cycle is None or not self.cycle.response_started
            ):
                self.transport.write(_TIMEOUT)
            self.transport.close()

    return PatientProtocol
