"""Session records and the background workers of one repository."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot.errors import BotError, Invalid
from bot.flows.publish import publish as publish_file
from bot.model.wording import counted
from bot.sessions.gitref import GitSessions
from bot.settings import Settings
from bot.wiring.host import open_host, writer
from bot.wiring.ledger import ledger, limits
from bot.wiring.repository import (
    OpenRepository,
    Options,
    SystemClock,
    cache_folder,
    full_name,
    open_repository,
    repository_to_read,
)
from bot.wiring.state import remote_of, state_folder

if TYPE_CHECKING:
    from bot.guardrails.rulebook import RuleBook
    from bot.model.json import JSON
    from bot.ports import SessionRecords
    from bot.sessions.queue import QueuedStore, SessionLog
    from bot.workers.work import Worker, Workers


def open_store(opened: OpenRepository) -> SessionLog:
    """The session log that the settings name: the sessions ref in Git, or a database."""
    chosen = opened.settings.sessions.store
    if chosen != "git":
        from bot.sessions.sql import SqlSessions

        return SqlSessions(chosen)
    if opened.git is None:
        raise Invalid(
            f"{opened.options.repo} has no remote to keep sessions on", advice="Set sessions.store to a database."
        )
    return GitSessions(opened.git)


def open_queue(opened: OpenRepository) -> QueuedStore:
    """Where sessions are recorded. A store that cannot be opened stops nobody: what it does not take is kept until it does."""
    from bot.sessions.queue import QueuedStore
    from bot.sessions.spool import SessionSpool, UnopenedSessions

    log: SessionLog
    try:
        log = open_store(opened)
    except BotError as exc:
        log = UnopenedSessions(exc)
    return QueuedStore(log, spool=SessionSpool(_kept_in(opened)))


def _kept_in(opened: OpenRepository) -> Path:
    """The folder for records that their store does not take.

    Jobs of GitHub Actions share their cache with those of every pull request (docs.github.com, "Dependency caching
    reference", "Restrictions for accessing a cache"). What may be read by whoever reads the repository may lie there; what
    belongs in a database of its own stays on the machine.
    """
    if opened.settings.sessions.store == "git":
        return cache_folder(opened.options, f"{remote_of(opened)} sessions").with_suffix(".sessions")
    return state_folder(opened) / "sessions"


def not_stored(store: QueuedStore) -> str | None:
    """Sentences about the records of a closed queue that their store does not have; None when it has them all."""
    return " ".join(filter(None, (_not_taken(store), _left_over(store)))) or None


def _left_over(store: QueuedStore) -> str:
    """What stays in the folder of an earlier process."""
    counts, told = store.counts(), []
    if counts.refused:
        why, verb = (store.trouble or "").rstrip("."), "is" if counts.refused == 1 else "are"
        told.append(f"{counts.refused} kept earlier {verb} refused for good ({why}): *.refused in {store.kept_in}.")
    if counts.unreadable:
        files = counted(counts.unreadable, "file")
        told.append(f"{files} in {store.kept_in} cannot be read as session records.")
    return " ".join(told)


def _not_taken(store: QueuedStore) -> str | None:
    counts = store.counts()
    missing = counts.kept + counts.lost + counts.dropped
    if not missing:
        return None
    what = f"{counted(missing, 'session record')} could not be stored"
    why = f" ({store.trouble.rstrip('.')})" if store.trouble else ""
    until = "kept on this machine for the next run"
    kept = until if counts.kept == missing else f"{counts.kept} {until}, the rest lost"
    return f"{what}{why}: {kept}."


def open_sessions(settings: Path | None, repo: str | None) -> SessionRecords:
    """The session records of a repository, to be read."""
    return open_store(open_repository(Options(repo=repo or ".", settings=settings)))


def open_rules(settings: Path | None, repo: str | None) -> RuleBook:
    """The rule book at the head of a repository's branch: the shipped documents and its own."""
    from bot.flows.review import rules_at
    from bot.shipped import files

    opened = repository_to_read(Options(repo=repo or ".", settings=settings))
    commit = opened.repository.head(opened.branch) or ""
    return rules_at(opened.repository, commit, shipped=files("policies", "guardrails/**/*.md"))


def open_workers(settings: Path | None, repo: str | None) -> Workers:
    """The workers of a repository."""
    return workers_of(open_repository(Options(repo=repo or ".", settings=settings)))


def workers_of(opened: OpenRepository) -> Workers:
    """The workers of an opened repository; what they publish is committed to its branch."""
    from bot.wiring.learning import school
    from bot.workers.cleanup import Logs
    from bot.workers.journal import WorkerJournal
    from bot.workers.links import WebPages
    from bot.workers.work import Workers

    named = opened.settings.workers
    journal = WorkerJournal(state_folder(opened) / "workers")
    return Workers(
        store=open_store(opened),
        publish=partial(publish, opened),
        clock=SystemClock(),
        flags={"analysis": named.analysis, "metrics": named.metrics, "export": named.export, "cleanup": named.cleanup},
        path=named.failure_modes,
        keep=timedelta(days=opened.settings.sessions.keep_days),
        intervals=_intervals(opened.settings),
        logs=Logs((journal.runs,), tuple(named.logs), named.log_bytes, named.log_files),
        memory=journal,
        published=partial(_published, opened),
        pages=WebPages(_web(opened)),
        school=school(opened),
    )


def _published(opened: OpenRepository, path: str) -> bytes | None:
    """The file on the branch, as it is on the remote now."""
    opened.repository.fetch()
    head = opened.repository.head(opened.branch)
    return None if head is None else opened.repository.read(head, path)


def _web(opened: OpenRepository) -> str | None:
    """Where the repository's pages are: only a code host that we know has them."""
    remote = opened.remote or ""
    if full_name(opened.settings, remote, opened.options.environment) is None:
        return None
    parts = urlsplit(remote if "://" in remote else f"ssh://{remote.replace(':', '/', 1)}")
    scheme = parts.scheme if parts.scheme in {"http", "https"} else "https"
    return f"{scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/').removesuffix('.git')}"


def workers_status(workers: Workers) -> Sequence[Mapping[str, JSON]]:
    """How each worker of :func:`open_workers` is."""
    from bot.workers.control import status
    from bot.workers.journal import WorkerJournal, running

    folder = workers.memory.folder if isinstance(workers.memory, WorkerJournal) else None
    return status(workers, lambda name: folder is not None and running(folder, name))


def _intervals(settings: Settings) -> Mapping[Worker, timedelta]:
    from bot.workers.work import Worker

    named = settings.workers
    return {
        Worker.ANALYSIS: timedelta(seconds=named.analysis_interval),
        Worker.METRICS: timedelta(seconds=named.metrics_interval),
        Worker.EXPORT: timedelta(seconds=named.export_interval),
        Worker.CLEANUP: timedelta(seconds=named.cleanup_interval),
    }


def publish(opened: OpenRepository, path: str, data: bytes, message: str) -> str | None:
    """Commit ``data`` as ``path`` on the branch and push it; None when the branch says exactly that already.

    ``Invalid`` where there is no remote, else as :func:`bot.flows.publish.publish`.
    """
    if opened.git is None:
        raise Invalid(f"{opened.options.repo} has no remote to commit to")
    clock = SystemClock()
    return publish_file(
        path,
        data,
        message,
        repository=writer(opened, open_host(opened, clock) if opened.settings.author.signing == "github" else None),
        ledger=ledger(opened),
        limits=limits(opened.settings),
        branch=opened.branch,
        clock=clock,
        jitter=lambda longest: random.uniform(0, longest),  # noqa: S311 - spreads bots that race, no secret
    )
