"""With what guardrails are learned from the records of one repository."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from bot.errors import BotError, Invalid
from bot.flows.lesson import propose_lesson
from bot.flows.review import change_between
from bot.guardrails import documents
from bot.guardrails.documents import FOLDER
from bot.model.finding import Change
from bot.model.session import Session
from bot.ports import Repository
from bot.wiring.host import open_host
from bot.wiring.reconcile import run_context
from bot.wiring.repository import OpenRepository, SystemClock
from bot.workers.lessons import MergedGuardrail, School

if TYPE_CHECKING:
    from bot.guardrails.learning import Lesson

_HISTORY: Final = 5000
"""Commits of the branch that are looked through for the one that brought a document."""


def school(open_repo: OpenRepository) -> School | None:
    """Reads the changes of pull requests, proposes on the code host, finds what was merged; None without a remote."""
    if open_repo.git is None:
        return None
    return School(partial(_change_of, open_repo), partial(_propose, open_repo), partial(_merged, open_repo))


def _change_of(open_repo: OpenRepository, session: Session) -> Change | None:
    """The change that a session judged; its commits are fetched where a fork has them."""
    repository = open_repo.repository
    try:
        if repository.resolve(session.head) is None and not _fetched(open_repo, session):
            return None
        return change_between(repository, session.base, session.head)
    except BotError:  # a branch that was deleted, a history that was rewritten: the record has outlived its change
        return None


def _fetched(open_repo: OpenRepository, session: Session) -> bool:
    host = open_host(open_repo, SystemClock()) if session.number is not None else None
    if host is None or open_repo.git is None or session.number is None:
        return False
    open_repo.git.fetch_ref(host.head_ref(session.number))
    return open_repo.repository.resolve(session.head) is not None


def _propose(open_repo: OpenRepository, lesson: Lesson) -> str | None:
    return propose_lesson(lesson, run_context(open_repo, clock=SystemClock()))


def _merged(open_repo: OpenRepository) -> Sequence[MergedGuardrail]:
    """The learned documents at the branch's head that load, each with the time it came to the branch."""
    repository = open_repo.repository
    repository.fetch()
    head = repository.head(open_repo.branch)
    documented: list[MergedGuardrail] = []
    for entry in () if head is None else repository.entries(head, f"{FOLDER}learned", suffixes=(".md",)):
        try:
            guardrail = documents.parse(entry.path, repository.blob(entry.blob))
        except Invalid:
            continue
        documented.append(MergedGuardrail(guardrail, _arrival(repository, head or "", entry.path)))
    return documented


def _arrival(repository: Repository, head: str, path: str) -> datetime:
    """When ``path`` came to the branch: along first parents, the time of the oldest commit that still has it."""
    commits = {commit.sha: commit for commit in repository.log(head, limit=_HISTORY)}
    newest = commits[head]
    while newest.parents and newest.parents[0] in commits and repository.read(newest.parents[0], path) is not None:
        newest = commits[newest.parents[0]]
    return newest.at
