"""The tables of the session database and how an older database becomes a newer one.

Migrations go forward only and run inside one transaction, under a lock, so that processes that start together do them
once. A database of a newer Clockwork is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from bot.errors import Refused

METADATA: Final = sa.MetaData()
_SEQUENCE: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

VERSIONS: Final = sa.Table("clockwork_schema", METADATA, sa.Column("version", sa.Integer, nullable=False))

SESSIONS: Final = sa.Table(
    "sessions",
    METADATA,
    sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),  # microseconds since 1970, UTC
    sa.Column("repository", sa.Text, nullable=False),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("succeeded", sa.Boolean, nullable=False),
    sa.Column("milliseconds", sa.BigInteger, nullable=False),
    sa.Column("counted", sa.Boolean, nullable=False),
    sa.Column("record", sa.Text, nullable=False),
)
sa.Index("sessions_uncounted", SESSIONS.c.counted, SESSIONS.c.seq)


def _figures(name: str, *keys: sa.Column[Any], counts: Sequence[str]) -> sa.Table:
    """Counts by hour (since 1970, UTC), by agent and by ``keys``."""
    hour_and_agent = (sa.Column("hour", sa.BigInteger, primary_key=True), sa.Column("agent", sa.Text, primary_key=True))
    columns = (sa.Column(count, sa.BigInteger, nullable=False) for count in counts)
    return sa.Table(name, METADATA, *hour_and_agent, *keys, *columns)


FIGURES: Final = _figures("figures", counts=("sessions", "succeeded", "milliseconds"))
DURATIONS: Final = _figures("figure_durations", sa.Column("bucket", sa.Integer, primary_key=True), counts=("number",))
RULES: Final = _figures("figure_rules", sa.Column("rule", sa.Text, primary_key=True), counts=("number",))


def _create(connection: sa.Connection) -> None:
    METADATA.create_all(connection)


MIGRATIONS: Final[Sequence[Callable[[sa.Connection], None]]] = (_create,)
"""Number n brings version n to version n + 1. Never edit one that was released: add the next."""


def migrate(connection: sa.Connection) -> None:
    """Bring the database behind ``connection`` (in a transaction that excludes other writers) to this version.

    Raises :class:`~bot.errors.Refused` when it is of a newer version.
    """
    if connection.dialect.name == "postgresql":
        # Any number that all versions share (PostgreSQL documentation, "Advisory Locks"); held to the transaction's end.
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(726017)"))
    version = _version(connection)
    if version > len(MIGRATIONS):
        raise Refused(
            f"the session database has version {version}, this Clockwork knows up to {len(MIGRATIONS)}",
            advice="Update Clockwork, or name another database.",
        )
    if version == len(MIGRATIONS):
        return
    for step in MIGRATIONS[version:]:
        step(connection)
    connection.execute(sa.delete(VERSIONS))
    connection.execute(sa.insert(VERSIONS).values(version=len(MIGRATIONS)))


def _version(connection: sa.Connection) -> int:
    if not sa.inspect(connection).has_table(VERSIONS.name):
        return 0
    return connection.execute(sa.select(VERSIONS.c.version)).scalar() or 0
