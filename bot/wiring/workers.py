"""Session records and the background workers of one site."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bot.errors import Invalid, Stale
from bot.gitrepo.repository import GitRepository
from bot.sessions.gitref import REF, GitSessions, RefFiles
from bot.settings import Settings
from bot.wiring.repository import OpenRepository, Options, SystemClock, open_host, open_repository
from bot.wiring.verified_commits import writer

if TYPE_CHECKING:
    from bot.sessions.queue import SessionLog
    from bot.workers.work import Worker, Workers

TRIES: Final = 6


@dataclass(frozen=True, slots=True)
class SessionsRef:
    """The sessions ref of a repository, as :class:`bot.sessions.gitref.RefStore` wants it."""

    git: GitRepository

    def files(self) -> RefFiles:
        self.git.fetch()
        tip = self.git.head(REF)
        return RefFiles(tip, {} if tip is None else {entry.path: entry.blob for entry in self.git.entries(tip)})

    def blob(self, blob: str) -> bytes:
        return self.git.blob(blob)

    def append(self, tip: str | None, changes: Mapping[str, bytes | None], *, message: str, at: datetime) -> str:
        commit = self.git.commit(tip or "", changes, message=message, at=at)
        self.git.push(REF, commit, expected=tip)
        return commit


def open_store(site: OpenRepository) -> SessionLog:
    """The session log that the settings name: the sessions ref in Git, or a database."""
    chosen = site.settings.sessions.store
    if chosen != "git":
        from bot.sessions.sql import SqlSessions

        return SqlSessions(chosen)
    if site.git is None:
        raise Invalid(
            f"{site.options.repo} has no remote to keep sessions on", advice="Set sessions.store to a database."
        )
    return GitSessions(SessionsRef(site.git))


def open_workers(settings: Path | None, repo: str | None) -> Workers:
    """The workers of a repository."""
    return workers_of(open_repository(Options(repo=repo or ".", settings=settings)))


def workers_of(site: OpenRepository) -> Workers:
    """The workers of an opened site; what they publish is committed to its branch."""
    from bot.workers.work import Workers

    named = site.settings.workers
    return Workers(
        store=open_store(site),
        publish=partial(publish, site),
        clock=SystemClock(),
        flags={"analysis": named.analysis, "metrics": named.metrics, "export": named.export, "cleanup": named.cleanup},
        path=named.failure_modes,
        keep=timedelta(days=site.settings.sessions.keep_days),
        intervals=_intervals(site.settings),
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


def publish(site: OpenRepository, path: str, data: bytes, message: str) -> str | None:
    """Commit ``data`` as ``path`` on the branch and push it; None when the branch says exactly that already.

    A lost race is run again on the new head. A halt stops this write as it stops every other.
    """
    from bot.wiring.reconcile import halted

    git = site.git
    if git is None:
        raise Invalid(f"{site.options.repo} has no remote to commit to")
    halted(site)
    clock = SystemClock()
    writing = writer(site, open_host(site, clock) if site.settings.author.signing == "github" else None)
    for attempt in range(TRIES):
        git.fetch()
        head = git.head(site.branch)
        if head is not None and git.read(head, path) == data:
            return None
        commit = git.commit(head or "", {path: data}, message=message, at=clock.now())
        try:
            return writing.push(site.branch, commit, expected=head)
        except Stale:
            clock.sleep(random.uniform(0, 0.2 * (attempt + 1)))  # noqa: S311 - spreads bots that race, no secret
    raise Stale(f"the branch {site.branch} moved every time {path} was to be committed")
