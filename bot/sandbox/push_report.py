"""What a push asks for and what became of it, as both are said in Git's protocol (gitprotocol-pack(5), "Reference Update
Request" and "Report Status").
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from bot.sandbox.bare_repositories import ZERO
from bot.sandbox.verbs.pushes import Update

_BAND = b"\x01"
"""The part of an answer that is the report (gitprotocol-pack(5), "Packfile Data")."""


@dataclass(frozen=True, slots=True)
class PushRequest:
    """The commands of a push, and what its client can do."""

    updates: Sequence[Update]
    capabilities: frozenset[bytes]

    @property
    def refs(self) -> list[str]:
        """The refs that it asks to move."""
        return [update.ref for update in self.updates]

    @property
    def reports(self) -> bool:
        """Whether its report tells which refs moved. A ref that is to go is reported gone where there was none."""
        requested = {b"report-status", b"report-status-v2"} & self.capabilities
        return bool(requested and self.updates) and all(update.new != ZERO for update in self.updates)


def push_request(body: IO[bytes]) -> PushRequest:
    """Packet lines up to the first flush."""
    body.seek(0)
    updates, capabilities = [], frozenset[bytes]()
    for line in _lines(body):
        command, zero, features = line.partition(b"\0")
        capabilities |= frozenset(features.split()) if zero else frozenset()
        fields = [field.decode(errors="replace") for field in command.split()]
        if len(fields) == 3:
            updates.append(Update(*fields))
    return PushRequest(updates, capabilities)


def carried_out(push: PushRequest, answer: IO[bytes]) -> list[Update]:
    """The updates that the report in ``answer`` calls ok. It is read again from where it is."""
    start = answer.tell()
    lines = list(_lines(answer))
    if {b"side-band-64k", b"side-band"} & push.capabilities:
        lines = list(_parts(b"".join(line[1:] for line in lines if line[:1] == _BAND)))
    answer.seek(start, os.SEEK_SET)
    moved = {line.split()[1].decode(errors="replace") for line in lines if line.startswith(b"ok ")}
    return [update for update in push.updates if update.ref in moved]


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    while (size := int(stream.read(4) or b"0", 16)) > 4:
        yield stream.read(size - 4)


def _parts(report: bytes) -> Iterator[bytes]:
    while (size := int(report[:4] or b"0", 16)) > 4:
        yield report[4:size]
        report = report[size:]
