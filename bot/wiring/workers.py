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
from bot.workers.names import Worker

if TYPE_CHECKING:
    from bot.guardrails.rulebook import RuleBook
    from bot.model.json import JSON
    from bot.ports import SessionRecords
    from bot.sessions.queue import QueuedStore, SessionLog
    from bot.workers.work import Workers


def open_store(open_repo: OpenRepository) -> SessionLog:
    """The session log that the settings name: the sessions ref in Git, or a database."""
    store_settings = open_repo.settings.sessions.store
    if store_settings != "git":
        from bot.sessions.sql import SqlSessions

        return SqlSessions(store_settings)
    if open_repo.git is None:
        raise Invalid(
            f"{open_repo.options.repo} has no remote to keep sessions on", advice="Set sessions.store to a database."
        )
    return GitSessions(open_repo.git)


def open_queue(open_repo: OpenRepository) -> QueuedStore:
    """Where sessions are recorded. A store that cannot be opened stops nobody: what it does not take is kept until it does."""
    from bot.sessions.queue import QueuedStore
    from bot.sessions.spool import SessionSpool, UnopenedSessions

    log: SessionLog
    try:
        log = open_store(open_repo)
    except BotError as exc:
        log = UnopenedSessions(exc)
    return QueuedStore(log, spool=SessionSpool(_kept_in(open_repo)))


def _kept_in(open_repo: OpenRepository) -> Path:
    """The folder for records that their store does not take.

    Jobs of GitHub Actions share their cache with those of every pull request (docs.github.com, "Dependency caching
    reference", "Restrictions for accessing a cache"). What may be read by whoever reads the repository may lie there; what
    belongs in a database of its own stays on the machine.
    """
    if open_repo.settings.sessions.store == "git":
        return cache_folder(open_repo.options, f"{remote_of(open_repo)} sessions").with_suffix(".sessions")
    return state_folder(open_repo) / "sessions"


def not_stored(store: QueuedStore) -> str | None:
    """Sentences about the records of a closed queue that their store does not have; None when it has them all."""
    return " ".join(filter(None, (_not_taken(store), _left_over(store)))) or None


def _left_over(store: QueuedStore) -> str:
    """What stays in the folder of an earlier process."""
    counts, sentences = store.counts(), []
    if counts.refused:
        reason, verb = (store.trouble or "").rstrip("."), "is" if counts.refused == 1 else "are"
        sentences.append(
            f"{counts.refused} kept earlier {verb} refused for good ({reason}): *.refused in {store.kept_in}."
        )
    if counts.unreadable:
        files = counted(counts.unreadable, "file")
        sentences.append(f"{files} in {store.kept_in} cannot be read as session records.")
    return " ".join(sentences)


def _not_taken(store: QueuedStore) -> str | None:
    counts = store.counts()
    missing = counts.saved + counts.lost + counts.dropped
    if not missing:
        return None
    sentence = f"{counted(missing, 'session record')} could not be stored"
    reason = f" ({store.trouble.rstrip('.')})" if store.trouble else ""
    until = "kept on this machine for the next run"
    kept_part = until if counts.saved == missing else f"{counts.saved} {until}, the rest lost"
    return f"{sentence}{reason}: {kept_part}."


def open_sessions(settings: Path | None, repo: str | None) -> SessionRecords:
    """The session records of a repository, to be read."""
    return open_store(open_repository(Options(repo=repo or ".", settings=settings)))


def open_rules(settings: Path | None, repo: str | None) -> RuleBook:
    """The rule book at the head of a repository's branch: the shipped documents and its own."""
    from bot.flows.review import rules_at
    from bot.shipped import files

    open_repo = repository_to_read(Options(repo=repo or ".", settings=settings))
    commit = open_repo.repository.head(open_repo.branch) or ""
    return rules_at(open_repo.repository, commit, shipped=files("policies", "guardrails/**/*.md"))


def open_workers(settings: Path | None, repo: str | None) -> Workers:
    """The workers of a repository."""
    return workers_of(open_repository(Options(repo=repo or ".", settings=settings)))


def workers_of(open_repo: OpenRepository) -> Workers:
    """The workers of an opened repository; what they publish is committed to its branch."""
    from bot.wiring.learning import school
    from bot.workers.cleanup import Logs
    from bot.workers.journal import WorkerJournal
    from bot.workers.links import WebPages
    from bot.workers.work import Workers

    worker_settings = open_repo.settings.workers
    asked = {
        Worker.ANALYSIS: (worker_settings.analysis, worker_settings.analysis_interval),
        Worker.METRICS: (worker_settings.metrics, worker_settings.metrics_interval),
        Worker.EXPORT: (worker_settings.export, worker_settings.export_interval),
        Worker.CLEANUP: (worker_settings.cleanup, worker_settings.cleanup_interval),
    }
    journal = WorkerJournal(state_folder(open_repo) / "workers")
    return Workers(
        store=open_store(open_repo),
        publish=partial(publish, open_repo),
        clock=SystemClock(),
        flags={name.value: is_on for name, (is_on, _) in asked.items()},
        path=worker_settings.failure_modes,
        keep=timedelta(days=open_repo.settings.sessions.keep_days),
        intervals={name: timedelta(seconds=interval) for name, (_, interval) in asked.items()},
        logs=Logs((journal.runs,), tuple(worker_settings.logs), worker_settings.log_bytes, worker_settings.log_files),
        memory=journal,
        published=partial(_published, open_repo),
        pages=WebPages(_web(open_repo)),
        school=school(open_repo),
    )


def _published(open_repo: OpenRepository, path: str) -> bytes | None:
    """The file on the branch, as it is on the remote now."""
    open_repo.repository.fetch()
    head = open_repo.repository.head(open_repo.branch)
    return None if head is None else open_repo.repository.read(head, path)


def _web(open_repo: OpenRepository) -> str | None:
    """Where the repository's pages are: only a code host that we know has them."""
    remote = open_repo.remote or ""
    if full_name(open_repo.settings, remote, open_repo.options.environment) is None:
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


def publish(open_repo: OpenRepository, path: str, data: bytes, message: str) -> str | None:
    """Commit ``data`` as ``path`` on the branch and push it; None when the branch says exactly that already.

    ``Invalid`` where there is no remote, else as :func:`bot.flows.publish.publish`.
    """
    if open_repo.git is None:
        raise Invalid(f"{open_repo.options.repo} has no remote to commit to")
    clock = SystemClock()
    return publish_file(
        path,
        data,
        message,
        repository=writer(
            open_repo, open_host(open_repo, clock) if open_repo.settings.author.signing == "github" else None
        ),
        ledger=ledger(open_repo),
        limits=limits(open_repo.settings),
        branch=open_repo.branch,
        clock=clock,
        jitter=lambda longest: random.uniform(0, longest),  # noqa: S311 - spreads bots that race, no secret
    )
