"""Changes written as tables, and credentials made at run time so that none stands in a file."""

from __future__ import annotations

import random
import string
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from bot import shipped
from bot.guardrails.catalogue import DETECTORS
from bot.guardrails.kinds import hits
from bot.guardrails.rule import ChangeFacts, GuardOptions, Guardrail, Hit, Subject
from bot.guardrails.rulebook import RuleBook, load
from bot.model.finding import AuthorKind, Change, FileChange, FileStatus

BASE = "b" * 40
HEAD = "a" * 40


def shipped_documents() -> Mapping[str, bytes]:
    """The guardrail documents that come with the project."""
    return shipped.files("policies", "guardrails/**/*.md")


@lru_cache(maxsize=1)
def plain_book() -> RuleBook:
    """The shipped rule book, loaded once."""
    return load({}, shipped=shipped_documents())


def book(files: Mapping[str, bytes] | None = None, options: GuardOptions | None = None) -> RuleBook:
    """The shipped rule book with a repository's own documents."""
    return load(files or {}, shipped=shipped_documents(), options=options)


@dataclass(frozen=True, slots=True)
class Case:
    """One file's change and whether the rule fires. ``before`` None: the file is new; ``after`` None: it is removed."""

    path: str
    before: str | None
    after: str | None
    note: str = ""


def file(path: str, before: str | None, after: str | None, old_path: str | None = None) -> FileChange:
    """One changed file from texts."""
    if old_path is not None:
        status = FileStatus.RENAMED
    elif before is None:
        status = FileStatus.ADDED
    else:
        status = FileStatus.REMOVED if after is None else FileStatus.MODIFIED
    sides = [None if text is None else text.encode() for text in (before, after)]
    return FileChange(path, status, sides[0], sides[1], old_path)


def change(
    *files: FileChange, author: AuthorKind = AuthorKind.HUMAN, agent: str | None = None, title: str = ""
) -> Change:
    """A change of these files."""
    return Change(BASE, HEAD, tuple(sorted(files, key=lambda one: one.path)), title, author_kind=author, agent=agent)


def fire(
    rule: str, *files: FileChange, options: GuardOptions | None = None, facts: ChangeFacts | None = None
) -> list[Hit]:
    """What one built-in rule points at."""
    guardrail = plain_book().get(rule)
    assert isinstance(guardrail, Guardrail)
    assert rule in DETECTORS
    return list(hits(guardrail, Subject(change(*files), options or GuardOptions(), facts or ChangeFacts())))


def random_text(length: int, alphabet: str = string.ascii_letters + string.digits, seed: int = 7) -> str:
    """Random-looking text, the same for the same seed."""
    return "".join(random.Random(seed).choices(alphabet, k=length))


class Ticking:
    """A clock that stands still unless told otherwise."""

    def __init__(self, step: float = 0.0) -> None:
        self.time = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.step = timedelta(seconds=step)

    def now(self) -> datetime:
        self.time += self.step
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
