"""Uvicorn's protocol with a deadline for each part of a request (see :mod:`bot.entrypoints.connections`, which loads it)."""

from __future__ import annotations

import asyncio
import socket
import struct

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.entrypoints.connections import ConnectionLimits

_AT_ONCE = struct.pack("ii", 1, 0)
"""Zero seconds of lingering: what was not sent is dropped (socket(7), ``SO_LINGER``)."""
_TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_FULL = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n"


class PatientProtocol(H11Protocol):
    """Ends the connection of whoever takes too long within ``limits``. ``phase`` is the part that is waited for."""

    limits = ConnectionLimits()
    phase: object = None
    deadline: asyncio.TimerHandle | None = None
    unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # writing is paused whenever something waits to be read
        if len(self.connections) > self.limits.connections:
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
        self.unread = self.unread or self.loop.call_later(self.limits.answer, self._reset)

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
        if phase is h11.IDLE or phase is h11.SEND_BODY:
            seconds = self.limits.headers if phase is h11.IDLE else self.limits.body
            self.deadline = self.loop.call_later(seconds, self._late)

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
