"""What ships is known beforehand as reading it says."""

from __future__ import annotations

import json

import pytest

from bot import shipped
from bot.errors import Invalid
from bot.intake import ready
from bot.intake.lined import read_document
from bot.model.json import mapping

TABLES = {
    path: data for folder in ready.FOLDERS for path, data in shipped.files("policies", f"{folder}/*.yaml").items()
}


def test_shipped_tables_are_known_beforehand() -> None:
    """Each as reading it says; ``python .github/scripts/guardrails.py`` writes them down after a change."""
    kept = json.loads(ready.FILE.read_bytes())
    assert kept == {ready.digest(data): read_document(data, path).value for path, data in TABLES.items()}
    assert len(kept) > 20


def test_a_table_that_was_changed_is_read() -> None:
    """What is known beforehand is known by every byte, and what cannot be read is told with its line."""
    path, data = next(iter(TABLES.items()))
    changed = ready.value_of(data.replace(b"version: 1", b"version: 2"), path)
    assert changed == {**mapping(ready.value_of(data, path)), "version": 2}
    with pytest.raises(Invalid, match=rf"{path}:2"):
        ready.value_of(b"version: 1\nversion: 1\n", path)
