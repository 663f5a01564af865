"""What a process has in its memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def holds(pid: int, text: str) -> bool:
    """Whether ``text`` is anywhere in what it can write to, or in its environment as the kernel shows it."""
    return any(text.encode() in area for area in _areas(pid))


def _areas(pid: int) -> Iterator[bytes]:
    yield Path(f"/proc/{pid}/environ").read_bytes()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as content:
        for area in Path(f"/proc/{pid}/maps").read_text().splitlines():
            bounds, modes = area.split()[:2]
            first, last = (int(number, 16) for number in bounds.split("-"))
            if modes.startswith("rw"):
                content.seek(first)
                yield content.read(last - first)
