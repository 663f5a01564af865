"""Session records and the background workers of one repository."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import Invalid
from bot.flows.publish import publish as publish_file
from bot.sessions.gitref import GitSessions
from bot.settings import Settings
from bot.wiring.host import open_host, writer
from bot.wiring.ledger import ledger, limits
from bot.wiring.repository import OpenRepository, Options, SystemClock, open_repository

if TYPE_CHECKING:
    from bot.sessions.queue import SessionLog
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


def open_workers(settings: Path | None, repo: str | None) -> Workers:
    """The workers of a repository."""
    return workers_of(open_repository(Options(repo=repo or ".", settings=settings)))


def workers_of(opened: OpenRepository) -> Workers:
    """The workers of an opened repository; what they publish is committed to its branch."""
    from bot.workers.work import Workers

    named = opened.settings.workers
    return Workers(
        store=open_store(opened),
        publish=partial(publish, opened),
        clock=SystemClock(),
        flags={"analysis": named.analysis, "metrics": named.metrics, "export": named.export, "cleanup": named.cleanup},
        path=named.failure_modes,
        keep=timedelta(days=opened.settings.sessions.keep_days),
        intervals=_intervals(opened.settings),
    )


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
