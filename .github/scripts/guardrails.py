"""Renews what is kept of ``policies``, so that no run reads it again: ``bot/guardrails/shipped.json`` of the documents in
``policies/guardrails``, ``bot/intake/shipped.json`` of the tables.

Usage: ``python .github/scripts/guardrails.py``, after any of them was changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from bot import shipped
from bot.guardrails import documents, ready
from bot.intake import ready as tables
from bot.intake.lined import read_document


def main() -> None:
    """Write the files."""
    fronts = {
        tables.digest(data): ready.written(documents.parse(path, data))
        for path, data in shipped.files("policies", "guardrails/**/*.md").items()
        if not path.lower().endswith("readme.md")
    }
    _write(ready.FILE, fronts.items())
    _write(tables.FILE, ((tables.digest(data), read_document(data, path).value) for path, data in _tables().items()))


def _tables() -> Mapping[str, bytes]:
    return {
        path: data for folder in tables.FOLDERS for path, data in shipped.files("policies", f"{folder}/*.yaml").items()
    }


def _write(file: Path, kept: Iterable[tuple[str, object]]) -> None:
    rows = (f"{json.dumps(digest)}: {json.dumps(value)}" for digest, value in kept)
    file.write_text("{\n" + ",\n".join(rows) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
