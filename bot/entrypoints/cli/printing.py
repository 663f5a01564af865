"""Lines and JSON on standard output, and files that were named on the command line, one way for every verb."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from bot.report.console import open_console

if TYPE_CHECKING:
    from rich.console import Console

_LONE: Final = re.compile("[\ud800-\udfff]")
"""What Python makes of bytes that are no text, as in the names of files (PEP 383); no UTF-8 can say it."""


def print_json(value: object, *, indent: int | None = None) -> None:
    """``value`` on one line, or indented: UTF-8 whatever the locale says, with U+FFFD for what is no text.

    No text in it is a command to who reads the log (:func:`~bot.report.console.printable`): a sign of it is escaped.
    """
    text = _LONE.sub("\ufffd", json.dumps(value, ensure_ascii=False, indent=indent)).replace("##[", "#\\u0023[")
    sys.stdout.flush()
    sys.stdout.buffer.write(f"{text}\n".encode())
    sys.stdout.flush()


Piece: TypeAlias = str | tuple[str, str]
"""A part of a line; the second of two is its style, as rich spells it."""


class Lines:
    """Lines for people: coloured and wrapped on a terminal, as they are anywhere else, where nothing is loaded for colours."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or _terminal()

    def add(self, *pieces: Piece, wrap: bool = True) -> None:
        """One line more; without ``wrap`` a terminal may break it anywhere."""
        if self._console is None:
            print("".join(piece if isinstance(piece, str) else piece[0] for piece in pieces))
            return
        from rich.text import Text

        self._console.print(Text.assemble(*pieces), highlight=False, soft_wrap=not wrap)


def _terminal() -> Console | None:
    """What shows colours, where there is anything to show them, or a variable says so (rich.console, ``is_terminal``)."""
    if not sys.stdout.isatty() and not {"FORCE_COLOR", "TTY_COMPATIBLE"} & os.environ.keys():
        return None

    return open_console()


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
