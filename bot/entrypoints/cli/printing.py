"""JSON on standard output and files that were named on the command line, one way for every verb."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_LONE: Final = re.compile("[\ud800-\udfff]")
"""What Python makes of bytes that are no text, as in the names of files (PEP 383); no UTF-8 can say it."""


def print_json(value: object, *, indent: int | None = None) -> None:
    """``value`` on one line, or indented: UTF-8 whatever the locale says, with U+FFFD for what is no text."""
    text = _LONE.sub("\ufffd", json.dumps(value, ensure_ascii=False, indent=indent))
    sys.stdout.flush()
    sys.stdout.buffer.write(f"{text}\n".encode())
    sys.stdout.flush()


def append(file: Path, text: str) -> None:
    """``text`` at the end of a file. What goes wrong names it, on a full disk too."""
    with _named(file), file.open("a", encoding="utf-8") as out:
        out.write(text)


def write(file: Path, data: bytes) -> None:
    """``data`` as the whole file. What goes wrong names it, on a full disk too."""
    with _named(file):
        file.write_bytes(data)


@contextmanager
def _named(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        exc.filename = exc.filename or str(file)
        raise
