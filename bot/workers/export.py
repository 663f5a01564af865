"""``AI_Failure_Modes.md``: what goes wrong again and again, written into the repository for people and for AI tools.

It is published when the picture it gives is another one (:attr:`~bot.workers.picture.FailurePicture.digest`), at most once
in 24 hours, and never without a failure in it. Both are read from the last line of the file on the branch, so that no
machine has to remember, and writing it can never be the reason to write it again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.model.session import Session
from bot.model.wording import counted, minute
from bot.shipped import folder
from bot.texts import Texts
from bot.workers import markdown
from bot.workers.analysis import Trends, analyse
from bot.workers.failures import Failure
from bot.workers.links import WebPages
from bot.workers.picture import FailurePicture, FailureRate, picture

PATH: Final = "AI_Failure_Modes.md"
MESSAGE: Final = "Update the AI failure modes"
PATIENCE: Final = timedelta(days=1)
CONTEXT: Final = 50
"""Characters of the context in the table of the last failures."""

Publish = Callable[[str, bytes, str], str | None]
"""Writes ``bytes`` to a path on the branch with a commit message; the commit's sha, None when the bytes are there."""

_STAMP: Final = re.compile(rb"<!-- clockwork:failure-modes at=(\S+) picture=([0-9a-f]{16}) -->\s*\Z")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class LearnedGuardrail:
    """A guardrail that was learned and merged at ``since``: the failures of its category before and after."""

    id: str
    category: str
    since: datetime
    before: FailureRate
    after: FailureRate

    @property
    def result(self) -> str:
        """Whether the failure went down, in words."""
        if self.after.runs < LEAST_RUNS or not self.before.runs:
            return f"too few runs since to tell ({self.after.runs} of {LEAST_RUNS})"
        before, after = self.before.per_100, self.after.per_100
        change = f"by {abs(after - before) / before:.0%}" if before else "from none"
        return "no change" if round(before, 1) == round(after, 1) else f"{'down' if after < before else 'up'} {change}"


LEAST_RUNS: Final = 10
"""So many runs after a guardrail was merged are needed to say what it did."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """The last line of a document that was written: when, and which picture it gave."""

    at: datetime
    picture: str

    @property
    def text(self) -> str:
        """The line."""
        return f"<!-- clockwork:failure-modes at={self.at:%Y-%m-%dT%H:%MZ} picture={self.picture} -->"


def stamp_of(document: bytes | None) -> Stamp | None:
    """The stamp of a document; None where there is none, or none of ours."""
    match = None if document is None else _STAMP.search(document)
    if match is None:
        return None
    try:
        at = datetime.strptime(match[1].decode("ascii"), "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return Stamp(at, match[2].decode("ascii"))


@dataclass(frozen=True, slots=True)
class Exported:
    """What became of one export: the commit, or why nothing was written."""

    commit: str | None
    reason: str = ""


def document(
    sessions: Sequence[Session],
    trends: Trends | None = None,
    *,
    at: datetime | None = None,
    pages: WebPages | None = None,
    learned: Sequence[LearnedGuardrail] = (),
) -> bytes:
    """The Markdown for ``sessions`` and ``trends`` (without them: those at the newest of ``sessions``) as UTF-8, ending in
    one newline, with a stamp of the time ``at`` where one is given. Hostile text in it is inert.
    """
    failure_picture = picture(sessions, trends or analyse(sessions, None))
    text = _texts().render(
        "failure_modes.md",
        picture=failure_picture,
        pages=pages or WebPages(),
        learned=learned,
        months=_MONTHS,
        top=_top(failure_picture),
    )
    stamp = "" if at is None else f"\n{Stamp(at, _digest(failure_picture, learned)).text}\n"
    return (text + stamp).encode("utf-8")


def export(
    sessions: Sequence[Session],
    publish: Publish,
    *,
    now: datetime,
    trends: Trends | None = None,
    path: str = PATH,
    published: bytes | None = None,
    patience: timedelta = PATIENCE,
    pages: WebPages | None = None,
    learned: Sequence[LearnedGuardrail] = (),
) -> Exported:
    """The document is on the branch if it had to be written; ``published`` is the one that is there now."""
    failure_picture = picture(sessions, trends or analyse(sessions, None))
    before = stamp_of(published)
    if not failure_picture.total.failures:
        return Exported(None, f"no failure in {counted(failure_picture.total.runs, 'run')}")
    if before is not None and before.picture == _digest(failure_picture, learned):
        return Exported(None, "the picture is the same")
    if before is not None and now - before.at < patience:
        return Exported(None, f"it was written at {minute(before.at)}, less than a day ago")
    data = document(sessions, trends, at=now, pages=pages, learned=learned)
    sha = publish(path, data, MESSAGE)
    return Exported(sha, "" if sha else "the bytes are the same")


def _digest(failure_picture: FailurePicture, learned: Sequence[LearnedGuardrail]) -> str:
    """The picture's digest; a guardrail that was learned, and the direction it moved things in, belong to it."""
    if not learned:
        return failure_picture.digest
    text = "\0".join(f"{rule.id} {rule.result.split()[0]}" for rule in learned)
    return hashlib.sha256(f"{failure_picture.digest}\0{text}".encode()).hexdigest()[:16]


def _texts() -> Texts:
    return Texts.at(
        folder("templates"),
        filters={
            "prose": markdown.prose,
            "code": markdown.code,
            "label": markdown.label,
            "linked": markdown.linked,
            "date": _date,
            "minute": _minute,
            "context": _context,
        },
    )


def _context(failure: Failure) -> str:
    """What the last column says of a failure in 50 characters: where it is and what it is, else the message."""
    name = failure.file.rpartition("/")[2]
    location = f"{name}:{failure.line} " if name and failure.line is not None else f"{name} " if name else ""
    return markdown.prose(f"{location}{failure.title or failure.detail}", CONTEXT)


def _top(failure_picture: FailurePicture) -> int:
    """The end of the chart's axis: the next ten above its highest bar."""
    highest = max((day.rate.per_100 for day in failure_picture.days), default=0.0)
    return max(10, 10 * (int(highest) // 10 + 1))


def _date(at: datetime | None) -> str:
    return "" if at is None else f"{at.day}\u00a0{_MONTHS[at.month - 1]} {at.year}"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d}\u00a0{at:%H:%M}"
