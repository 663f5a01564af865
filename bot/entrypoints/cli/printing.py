"""JSON on standard output, one way for every verb."""

from __future__ import annotations

import json
import re
import sys
from typing import Final

_LONE: Final = re.compile("[\ud800-\udfff]")
"""What Python makes of bytes that are no text, as in the names of files (PEP 383); no UTF-8 can say it."""


def print_json(value: object, *, indent: int | None = None) -> None:
    """``value`` on one line, or indented: UTF-8 whatever the locale says, with U+FFFD for what is no text."""
    text = _LONE.sub("\ufffd", json.dumps(value, ensure_ascii=False, indent=indent))
    sys.stdout.flush()
    sys.stdout.buffer.write(f"{text}\n".encode())
    sys.stdout.flush()
