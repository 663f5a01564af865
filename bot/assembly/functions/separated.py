"""Comma-separated values, as ``encoding/csv`` of Go reads them (RFC 4180 without bare quotes)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from bot.assembly.faults import Misuse
from bot.assembly.functions.arguments import text
from bot.model.json import JSON

_QUOTED: Final = re.compile(r'"([^"]*(?:""[^"]*)*)"(?=[,\n]|\Z)')
_PLAIN: Final = re.compile(r"[^,\n]*")


def parsed_csv(value: JSON) -> JSON:
    """The rows of comma-separated values as objects; the first row names the columns."""
    rows = [*_rows(text(value).replace("\r\n", "\n").removesuffix("\r"))]
    if not rows:
        raise Misuse("takes comma-separated values with a first row that names the columns")
    if len(set(rows[0])) < len(rows[0]):
        raise Misuse("takes columns that each have a name of their own")
    if any(len(row) != len(rows[0]) for row in rows):
        raise Misuse("takes rows that have as many values as there are columns")
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def _rows(chars: str) -> Iterator[list[str]]:
    """The rows but for empty lines."""
    at = 0
    while at < len(chars):
        if chars[at] == "\n":
            at += 1
            continue
        row: list[str] = []
        has_more = True
        while has_more:
            match = (_QUOTED if chars.startswith('"', at) else _PLAIN).match(chars, at)
            if match is None or (not match.re.groups and '"' in match[0]):
                raise Misuse("takes comma-separated values, with quotes around those that have quotes in them")
            row.append(match[1].replace('""', '"') if match.re.groups else match[0])
            has_more = chars.startswith(",", match.end())
            at = match.end() + 1
        yield row
