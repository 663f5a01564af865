"""Sessions in SQL: SQLite in WAL mode by default, PostgreSQL by URL. Loaded only where a database is really used.

Running figures are kept beside the records: each session is counted exactly once, in the transaction that marks it
counted, so figures need no full scan, survive restarts, stay when old sessions are pruned, and add up over processes.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.errors import BotError, Invalid, Refused, Unavailable
from bot.model.figures import Figures, Group, group_of, merge, succeeded
from bot.model.session import Session
from bot.secrecy.redaction import redact
from bot.sessions.codec import decode, encode
from bot.sessions.schema import DURATIONS, FIGURES, RULES, SESSIONS, migrate

BUSY_SECONDS: Final = 5.0
_COUNT_BATCH: Final = 500
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_HOUR: Final = timedelta(hours=1)
_TIDY: Final = "PRAGMA wal_checkpoint(PASSIVE); PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE);"
"""As a script: a single statement would stop after the first page that is given back (one step of it is one page)."""
_ADVICE: Final = "Write sqlite:///path/to/sessions.db, or postgresql://user@host/name."


class SqlSessions:
    """A :class:`~bot.sessions.queue.SessionLog` in the database at ``url``.

    Raises ``Invalid`` for a URL that names no SQLite file or PostgreSQL database, ``Unavailable`` when it cannot be
    opened, ``Refused`` when a newer Clockwork owns it. Safe to use from several threads.
    """

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        try:
            with self._writing() as connection:
                migrate(connection)
        except BotError:
            self._engine.dispose()
            raise

    def write(self, sessions: Sequence[Session]) -> None:
        if sessions:
            with self._writing() as connection:
                insert = self._insert(SESSIONS).on_conflict_do_nothing(index_elements=["id"])
                connection.execute(insert, [_row(session) for session in sessions])

    def recent(self, *, since: datetime | None = None, limit: int = 1000) -> Sequence[Session]:
        query = sa.select(SESSIONS.c.record).order_by(SESSIONS.c.at.desc(), SESSIONS.c.id).limit(limit)
        if since is not None:
            query = query.where(SESSIONS.c.at >= _micros(since))
        with self._reading() as connection:
            records = connection.execute(query).scalars().all()
        return tuple(_readable(records))

    def figures(self, *, since: datetime | None = None) -> Figures:
        while self._count_some():
            pass
        first = 0 if since is None else _hour(since)
        with self._reading() as connection:
            groups = _groups(connection, first)
        return Figures(since, groups)

    def prune(self, before: datetime, *, batch: int = 500) -> int:
        while self._count_some():
            pass
        old = sa.select(SESSIONS.c.seq).where(SESSIONS.c.at < _micros(before)).order_by(SESSIONS.c.at).limit(batch)
        with self._writing() as connection:
            return connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.seq.in_(old))).rowcount

    def tidy(self) -> None:
        """SQLite: the write-ahead log is folded in and free pages are given back. PostgreSQL has autovacuum."""
        if self._engine.dialect.name == "sqlite":
            with _translated(), self._engine.connect() as connection:
                connection.connection.executescript(_TIDY)

    def close(self) -> None:
        self._engine.dispose()

    def _count_some(self) -> bool:
        """Count up to a batch of sessions that are not counted yet; whether there may be more.

        On PostgreSQL rows that another process counts at this moment are left to it (documentation, "SELECT", "The Locking
        Clause": SKIP LOCKED).
        """
        fresh = sa.select(SESSIONS.c.seq).where(~SESSIONS.c.counted).order_by(SESSIONS.c.seq).limit(_COUNT_BATCH)
        with self._reading() as connection:
            if connection.execute(fresh.limit(1)).first() is None:
                return False
        with self._writing() as connection:
            claim = sa.update(SESSIONS).where(SESSIONS.c.seq.in_(fresh.with_for_update(skip_locked=True)))
            rows = connection.execute(claim.values(counted=True).returning(SESSIONS.c.record)).scalars().all()
            self._add(connection, _readable(rows))
        return len(rows) == _COUNT_BATCH

    def _add(self, connection: sa.Connection, sessions: Iterable[Session]) -> None:
        groups_by_key: dict[tuple[int, str], list[Group]] = {}
        for session in sessions:
            groups_by_key.setdefault((_hour(session.at), session.agent), []).append(group_of(session))
        for (hour, agent), groups in sorted(groups_by_key.items()):
            group = merge(groups)
            key = {"hour": hour, "agent": agent}
            counts = {name: getattr(group, name) for name in ("sessions", "succeeded", "milliseconds")}
            durations = [key | {"bucket": index, "number": number} for index, number in sorted(group.durations.items())]
            rules = [key | {"rule": rule, "number": number} for rule, number in sorted(group.rules.items())]
            for table, rows in ((FIGURES, [key | counts]), (DURATIONS, durations), (RULES, rules)):
                self._increase(connection, table, rows)

    def _increase(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> None:
        """Add ``rows`` to ``table``: where there is a row of that key already, its numbers grow."""
        if not rows:
            return
        insert = self._insert(table)
        sums = {c.name: c + insert.excluded[c.name] for c in table.columns if not c.primary_key}
        upsert = insert.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=sums)
        connection.execute(upsert, rows)

    def _insert(self, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
        if self._engine.dialect.name == "sqlite":
            return sqlite.insert(table)
        return postgresql.insert(table)

    def _writing(self) -> AbstractContextManager[sa.Connection]:
        """A transaction that, on SQLite, holds the write lock from its start.

        One that reads first and writes later fails at once where another writes in between: no waiting helps it (SQLite
        documentation, "Transactions", "DEFERRED, IMMEDIATE, and EXCLUSIVE transactions").
        """
        return self._transaction("IMMEDIATE")

    def _reading(self) -> AbstractContextManager[sa.Connection]:
        """One consistent view; never in a writer's way."""
        return self._transaction("DEFERRED")

    @contextlib.contextmanager
    def _transaction(self, kind: str) -> Iterator[sa.Connection]:
        with (
            _translated(),
            self._engine.connect() as connection,
            connection.execution_options(clockwork_begin=kind).begin(),
        ):
            yield connection


def _engine(url: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as exc:
        raise Invalid("the URL of the session database cannot be read", advice=_ADVICE) from exc
    match parsed.get_backend_name():
        case "sqlite" if parsed.database and parsed.database != ":memory:":
            return _sqlite(parsed, Path(parsed.database))
        case "postgresql":
            driver = parsed.set(drivername="postgresql+psycopg")
            return _create_engine(driver, {"connect_timeout": round(BUSY_SECONDS)}, pool_pre_ping=True)
        case other:
            raise Invalid(f"sessions cannot be kept in this {other} database", advice=_ADVICE)


def _sqlite(url: sa.URL, file: Path) -> sa.Engine:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise Unavailable(f"cannot make the folder of {file}: {exc.strerror}") from exc
    engine = _create_engine(url, {"timeout": BUSY_SECONDS})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _create_engine(url: sa.URL, arguments: Mapping[str, object], *, pool_pre_ping: bool = False) -> sa.Engine:
    try:
        return sa.create_engine(
            url, connect_args=dict(arguments), pool_pre_ping=pool_pre_ping, hide_parameters=True, pool_size=2
        )
    except ImportError as exc:
        raise Invalid(
            f"the driver for {url.get_backend_name()} is not installed",
            advice="Install clockwork-gitops[postgres].",
        ) from exc


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """Transactions are begun by us (:func:`_begin_sqlite`); auto_vacuum only takes before the first table.

    Sources: SQLAlchemy documentation, dialect SQLite, on the driver's transactions; SQLite documentation, "PRAGMA
    auto_vacuum" and "Write-Ahead Logging".
    """
    connection.isolation_level = None
    for pragma in ("auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: sa.Connection) -> None:
    kind = connection.get_execution_options().get("clockwork_begin")
    if kind is not None:
        connection.exec_driver_sql(f"BEGIN {kind}")


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """SQLAlchemy's errors as ours; never with the statement, its parameters or the URL."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError, sqlite3.Error) as exc:
        raise Unavailable(f"the session database does not answer: {_cause(exc)}") from exc
    except (sa.exc.DataError, sa.exc.IntegrityError) as exc:
        raise Invalid(f"the session database does not take a record: {_cause(exc)}") from exc
    except sa.exc.SQLAlchemyError as exc:
        raise Refused(f"the session database cannot be used: {_cause(exc)}") from exc


def _cause(exc: Exception) -> str:
    cause = exc.orig if isinstance(exc, sa.exc.DBAPIError) else exc
    return redact((str(cause).splitlines() or [type(cause).__name__])[0])


def _row(session: Session) -> Mapping[str, object]:
    record = encode(session).decode("ascii")
    clean = decode(record.encode("ascii"))
    return {
        "id": clean.id,
        "at": _micros(clean.at),
        "repository": clean.repository,
        "agent": clean.agent,
        "verdict": clean.verdict.value,
        "succeeded": succeeded(clean),
        "milliseconds": clean.milliseconds,
        "counted": False,
        "record": record,
    }


def _readable(records: Iterable[str]) -> Iterator[Session]:
    """The sessions of ``records``; one that somebody damaged, or that a newer version wrote, is passed over."""
    for record in records:
        with contextlib.suppress(Invalid):
            yield decode(record.encode())


def _groups(connection: sa.Connection, first_hour: int) -> Mapping[str, Group]:
    durations: dict[str, dict[int, int]] = {}
    for agent, index, number in connection.execute(_sums(DURATIONS, DURATIONS.c.bucket, first_hour)):
        durations.setdefault(agent, {})[index] = int(number)
    rules: dict[str, dict[str, int]] = {}
    for agent, rule, number in connection.execute(_sums(RULES, RULES.c.rule, first_hour)):
        rules.setdefault(agent, {})[rule] = int(number)
    counts = sa.select(
        FIGURES.c.agent,
        sa.func.sum(FIGURES.c.sessions),
        sa.func.sum(FIGURES.c.succeeded),
        sa.func.sum(FIGURES.c.milliseconds),
    )
    rows = connection.execute(counts.where(FIGURES.c.hour >= first_hour).group_by(FIGURES.c.agent))
    return {
        agent: Group(
            int(sessions), int(succeeded_sum), int(milliseconds), durations.get(agent, {}), rules.get(agent, {})
        )
        for agent, sessions, succeeded_sum, milliseconds in sorted(rows)
    }


def _sums(table: sa.Table, key: sa.Column[object], first_hour: int) -> sa.Select[tuple[str, Any, int]]:
    query = sa.select(table.c.agent, key, sa.func.sum(table.c.number)).where(table.c.hour >= first_hour)
    return query.group_by(table.c.agent, key).order_by(table.c.agent, key)


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _hour(at: datetime) -> int:
    return (at - _EPOCH) // _HOUR
