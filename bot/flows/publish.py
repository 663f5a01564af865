"""Commits a file that the bot itself writes, such as the failure modes, to the branch. Called by the workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bot.errors import Stale
from bot.flows.memory import check_running
from bot.ports import Clock, Ledger, Repository
from bot.safety.limits import Limits

TRIES: Final = 6
"""How often a commit is made again because the branch moved meanwhile."""
_PAUSE: Final = 0.2


def publish(
    path: str,
    data: bytes,
    message: str,
    *,
    repository: Repository,
    ledger: Ledger,
    limits: Limits,
    branch: str,
    clock: Clock,
    jitter: Callable[[float], float],
) -> str | None:
    """Commit ``data`` as ``path`` on the branch and push it; None when the branch says exactly that already.

    A lost race is run again on the new head, after as many seconds as ``jitter`` draws between 0 and what it is given.
    Raises ``Refused`` while somebody halted every write or too many failed, ``Stale`` when every race was lost.
    """
    check_running(ledger, limits, clock.now())
    for attempt in range(TRIES):
        repository.fetch()
        head = repository.head(branch)
        if head is not None and repository.read(head, path) == data:
            return None
        commit = repository.commit(head or "", {path: data}, message=message, at=clock.now())
        try:
            return repository.push(branch, commit, expected=head)
        except Stale:
            clock.sleep(jitter(_PAUSE * (attempt + 1)))
    raise Stale(f"the branch {branch} moved every time {path} was to be committed")
