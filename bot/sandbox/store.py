"""The sandbox's SQLite file: one connection, one lock, short transactions.

Every thread of the server goes through the same :class:`Database`; nothing slow (git, sockets) happens inside
:meth:`Store.transaction`. Durability is switched off: a sandbox that dies with its machine may forget.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import TypeAlias, TypeVar

Record = TypeVar("Record")
Value: TypeAlias = "str | int | bool | None"
_ADDED = (
    "token ADD COLUMN expires_at TEXT",
    "token ADD COLUMN permissions TEXT",
    "repo ADD COLUMN has_issues BOOLEAN NOT NULL DEFAULT TRUE",
    "repo ADD COLUMN archived BOOLEAN NOT NULL DEFAULT FALSE",
    "repo ADD COLUMN auto_merge BOOLEAN NOT NULL DEFAULT FALSE",
    "repo ADD COLUMN actions_propose BOOLEAN NOT NULL DEFAULT TRUE",
    "repo ADD COLUMN parent_id INTEGER",
    "pull ADD COLUMN auto_merge_by_id INTEGER",
    "pull ADD COLUMN auto_merge_method TEXT",
)
"""Columns that a file of an earlier start may lack."""


class Database:
    """Rows in, rows out. Safe to call from many threads at once."""

    def __init__(self, path: Path) -> None:
        sqlite3.register_converter("BOOLEAN", lambda raw: raw != b"0")
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(
            path, check_same_thread=False, isolation_level=None, detect_types=sqlite3.PARSE_DECLTYPES
        )
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute("PRAGMA journal_mode = MEMORY")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.executescript(files("bot.sandbox").joinpath("schema.sql").read_text(encoding="utf-8"))
        for column in _ADDED:
            with suppress(sqlite3.OperationalError):  # it is there
                self._db.execute(f"ALTER TABLE {column}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside happens or nothing does, and no other thread reads or writes in between. May nest."""
        with self._lock:
            if self._depth == 0:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("COMMIT")

    def all(self, kind: Callable[..., Record], sql: str, *values: Value) -> list[Record]:
        """Every row of the query as ``kind``, whose fields are the query's columns."""
        with self._lock:
            return [kind(**dict(row)) for row in self._db.execute(sql, values)]

    def first(self, kind: Callable[..., Record], sql: str, *values: Value) -> Record | None:
        """The first row of the query as ``kind``, None when there is none."""
        with self._lock:
            row = self._db.execute(sql, values).fetchone()
        return None if row is None else kind(**dict(row))

    def number(self, sql: str, *values: Value) -> int:
        """The single number that the query gives; 0 for NULL or no row."""
        return int(self._single(sql, values) or 0)

    def text(self, sql: str, *values: Value) -> str | None:
        """The single text that the query gives, None for NULL or no row."""
        value = self._single(sql, values)
        return None if value is None else str(value)

    def _single(self, sql: str, values: tuple[Value, ...]) -> Value:
        with self._lock:
            row = self._db.execute(sql, values).fetchone()
        single: Value = None if row is None else row[0]
        return single

    def insert(self, table: str, **columns: Value) -> int:
        """A new row; returns its id. Names come from this package, never from a request."""
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        with self._lock:
            cursor = self._db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(columns.values()))  # noqa: S608 -- names are ours
            return cursor.lastrowid or 0

    def update(self, table: str, key: int, **columns: Value) -> None:
        """The row with this primary key gets these columns."""
        column = "issue_id" if table == "pull" else "id"
        sets = ", ".join(f"{name} = ?" for name in columns)
        with self._lock:
            self._db.execute(f"UPDATE {table} SET {sets} WHERE {column} = ?", (*columns.values(), key))  # noqa: S608 -- names are ours

    def run(self, sql: str, *values: Value) -> int:
        """Run one statement; returns how many rows it touched."""
        with self._lock:
            return self._db.execute(sql, values).rowcount

    def close(self) -> None:
        """The file is complete and the connection gone."""
        with self._lock:
            self._db.close()
