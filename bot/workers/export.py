"""``AI_Failure_Modes.md``: what goes wrong again and again, written into the repository for people and for AI tools.

The same sessions give the same bytes, wherever and whenever it is written: no generated-at line, and trends are taken
at the newest session. It is published only when its bytes differ from what the branch holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from bot.model.session import Session
from bot.shipped import folder
from bot.texts import Texts
from bot.workers import markdown
from bot.workers.analysis import Dimension, Trends, analyse
from bot.workers.failures import Failure, failures_in

PATH: Final = "AI_Failure_Modes.md"
LAST: Final = 100
MOST: Final = 10
MESSAGE: Final = "Update the AI failure modes"

Publish = Callable[[str, bytes, str], str | None]
"""Writes ``bytes`` to a path on the branch with a commit message; the commit's sha, None when the bytes are there."""


@dataclass(frozen=True, slots=True)
class Day:
    """The failures of one day (UTC, ``2026-11-20``), newest first."""

    date: str
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Frequent:
    """One failure mode: how often it came, and the last time it did."""

    times: int
    last: Failure


def document(sessions: Sequence[Session], trends: Trends | None = None) -> bytes:
    """The Markdown for ``sessions`` and ``trends`` (without them: those at the newest of ``sessions``) as UTF-8, ending in
    one newline. Hostile text in it is inert.
    """
    failures, trends = failures_in(sessions), trends or analyse(sessions, None)
    texts = Texts.at(
        folder("templates"),
        filters={"prose": markdown.prose, "code": markdown.code, "spark": markdown.spark},
    )
    text = texts.render(
        "failure_modes.md",
        trends=trends,
        tables=[(dimension.value.capitalize(), trends.by(dimension)) for dimension in Dimension],
        frequent=_frequent(failures),
        categories=sorted(Counter(failure.category for failure in failures)),
        days=_days(failures[:LAST]),
        shown=min(LAST, len(failures)),
    )
    return text.encode("utf-8")


def export(sessions: Sequence[Session], publish: Publish, *, path: str = PATH) -> str | None:
    """The document is on the branch; the commit's sha, None when its bytes were there already."""
    return publish(path, document(sessions), MESSAGE)


def _frequent(failures: Sequence[Failure]) -> Sequence[Frequent]:
    """The failure modes (by rule) that came most often, of those that came more than once."""
    last = {failure.rule: failure for failure in reversed(failures)}
    times = Counter(failure.rule for failure in failures)
    ranked = sorted(times.items(), key=lambda item: (-item[1], item[0]))
    return [Frequent(number, last[rule]) for rule, number in ranked[:MOST] if number > 1]


def _days(failures: Sequence[Failure]) -> Sequence[Day]:
    days = groupby(failures, key=lambda failure: f"{failure.session.at:%Y-%m-%d}")
    return [Day(date, tuple(those)) for date, those in days]
