"""The ledger of a repository: where it is kept, who writes it, what it remembers for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.errors import Invalid, Refused
from bot.gitrepo.ledger.chain import GitLedger, full_name
from bot.gitrepo.repository import GitRepository
from bot.model.ledger import Entry, LedgerView
from bot.ports import BranchMove, Ledger, Repository, Signature
from bot.safety.compaction import Retention
from bot.safety.limits import Limits
from bot.safety.windows import ChangeWindow, parse_window
from bot.settings import FILE, Settings
from bot.settings.sections import WindowSettings
from bot.wiring.repository import OpenRepository, Options, cache_folder, credentials, open_repository, signer


@dataclass(slots=True)
class _NoLedger:
    """The ledger of a folder that is pushed nowhere: empty, and it cannot be written."""

    def read(self) -> LedgerView:
        return LedgerView(None)

    def append(self, view: LedgerView, entries: Sequence[Entry]) -> LedgerView:
        del view, entries
        raise Refused("this folder has no remote, so there is no ledger and nothing can be written")

    def append_with(
        self, view: LedgerView, entries: Sequence[Entry], moves: Sequence[BranchMove]
    ) -> tuple[LedgerView, bool]:
        del moves
        return self.append(view, entries), False


def open_ledger(settings: Path | None, repo: str | None) -> GitLedger:
    """The ledger of a repository."""
    return ledger(open_repository(Options(repo=repo or ".", settings=settings)))


def ledger_or_none(open_repo: OpenRepository, repository: Repository) -> Ledger:
    """The ledger beside the ``repository`` of a run, or for a folder that is pushed nowhere one that is empty and stays so."""
    return _NoLedger() if open_repo.git is None else ledger(open_repo, branches=repository)


def ledger(open_repo: OpenRepository, *, clone: str = "ledger", branches: Repository | None = None) -> GitLedger:
    """The ledger, in a clone of that name, beside the repository whose ``branches`` move with it. ``Invalid`` for a folder
    that is pushed nowhere, and for a ref that cannot be.

    Two of one process that are used in turn want clones of their own: libgit2 does not see that a clone was shallow when
    another handle fetched into it (measured with libgit2 1.9).
    """
    if open_repo.remote is None:
        raise Invalid(
            f"{open_repo.options.repo} has no remote, so it has no ledger", advice="Name the remote with --repo URL."
        )
    try:
        ref = full_name(open_repo.settings.ledger_ref)
    except Invalid as exc:
        raise Invalid(f"{open_repo.options.settings or FILE}: ledger_ref: {exc.message}", advice=exc.advice) from exc
    return GitLedger(
        open_repo.remote,
        cache_folder(open_repo.options, f"{clone} {open_repo.remote}"),
        credentials=credentials(open_repo.secrets, open_repo.remote),
        ref=ref,
        author=Signature(open_repo.settings.author.name, open_repo.settings.author.email),
        signer=signer(open_repo.settings),
        retention=Retention.of(limits(open_repo.settings)),
        branches=branches if isinstance(branches, GitRepository) else None,
    )


def limits(settings: Settings) -> Limits:
    """The limits that these settings ask for."""
    fixes = settings.fixes
    return Limits(
        fixes_per_hour=fixes.per_hour,
        cooldown=fixes.cooldown,
        consecutive_failures=fixes.task_failures,
        total_failures=fixes.total_failures,
        repository_fixes_per_hour=fixes.repository_per_hour,
        severity_fixes_per_hour=fixes.severity_per_hour,
        proposals_per_hour=fixes.proposals_per_hour,
        new_pull_requests_per_hour=fixes.pull_requests_per_hour,
        open_pull_requests=fixes.open_pull_requests,
        joined_from=fixes.joined_from,
        join=fixes.join,
        convergence=fixes.breaker_corrections,
        convergence_window=fixes.breaker_window,
        windows=tuple(_window(window) for window in fixes.windows),
        deletions=fixes.max_removed,
        deletion_percent=fixes.max_removed_percent,
    )


def _window(window: WindowSettings) -> ChangeWindow:
    return parse_window(
        window.name,
        kind=window.effect,
        cron=window.cron,
        duration=window.duration,
        zone=window.timezone,
        tasks=tuple(window.tasks),
    )
