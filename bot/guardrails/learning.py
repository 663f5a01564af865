"""Learns a guardrail from changes that failed: what their lines have in common and clean changes do not have.

Lines are cut into tokens; runs of up to five tokens that several failing changes share are weighed against clean changes,
and the best few become one pattern. It is learned from one half of the pull requests and tried on the other, so that the
figures are of changes it never saw. What comes out is a document for people to judge, with examples. Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from bot.guardrails.kinds import hits
from bot.guardrails.lesson_document import MAX_TEXT, MOST_HIT, TOKEN, Gram, Occasion, Trial, drafted, path_of
from bot.guardrails.rule import Guardrail, Subject

LEAST_CLEAN: Final = 10
LEAST_FAILED: Final = 4
_LONGEST: Final = 5
_ALTERNATIVES: Final = 4
_EDGE: Final = re.compile(r"\w")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_]{3,}")


@dataclass(frozen=True)
class FailedChange:
    """A change that was judged, and the lines of its head that failed: (file, line) pairs. ``number`` is its pull request.

    No slots: derived values are cached on the subject.
    """

    subject: Subject
    locations: tuple[tuple[str, int], ...]
    number: int | None = None

    def lines(self) -> Iterator[tuple[str, str]]:
        """The lines that failed and that the change added, with their files."""
        for delta in self.subject.written:
            for line in delta.added:
                if (delta.path, line.number) in self.locations:
                    yield delta.path, line.text


@dataclass(frozen=True, slots=True)
class Lesson:
    """A guardrail that was learned: its document for ``path``, and its trial. ``shown`` is what it looks for, as code."""

    category: str
    path: str
    document: bytes
    shown: tuple[str, ...]
    pulls: tuple[int, ...]
    trial: Trial
    occasion: Occasion


@dataclass(frozen=True, slots=True)
class NotLearned:
    """Nothing was learned, and why."""

    category: str
    reason: str


def learn(occasion: Occasion, failed: Sequence[FailedChange], clean: Sequence[Subject]) -> Lesson | NotLearned:
    """The guardrail that tells ``failed`` changes from ``clean`` ones, or why there is none."""
    category = occasion.category
    readable = [change for change in failed if any(change.lines())]
    if len(readable) < LEAST_FAILED or len(clean) < LEAST_CLEAN:
        return NotLearned(
            category,
            f"{len(readable)} failed changes can be read line by line ({LEAST_FAILED} are needed) "
            f"and {len(clean)} clean ones ({LEAST_CLEAN} are needed)",
        )
    taught, held_back = _halves(readable)
    grams = _best_grams(taught, clean[::2])
    if not grams:
        return NotLearned(category, "no pattern tells its changes from clean ones")
    draft = drafted(
        occasion, grams, [(change.number, *line) for change in taught for line in change.lines()], clean[::2]
    )
    guardrail = None if draft is None else draft.guardrail()
    if draft is None or guardrail is None:
        return NotLearned(category, "its lines cannot be written as a guardrail")
    trial = _trial(guardrail, held_back, clean[1::2])
    if not trial.passed:
        return NotLearned(
            category,
            f"the best pattern catches {trial.caught} of {trial.failed} other failed changes "
            f"and hits {trial.hit} of {trial.clean} clean ones",
        )
    pulls = tuple(sorted({change.number for change in readable if change.number is not None}))
    return Lesson(category, path_of(category), draft.text(trial, pulls).encode(), draft.shown, pulls, trial, occasion)


def _halves(failed: Sequence[FailedChange]) -> tuple[Sequence[FailedChange], Sequence[FailedChange]]:
    """Two halves that share no pull request: a second push of one change must not be tried with what the first taught."""
    keys = [f"#{change.number}" if change.number is not None else f"@{index}" for index, change in enumerate(failed)]
    order = {key: position for position, key in enumerate(dict.fromkeys(keys))}
    pairs = list(zip(keys, failed, strict=True))
    return [change for key, change in pairs if order[key] % 2 == 0], [change for key, change in pairs if order[key] % 2]


def _best_grams(failed: Sequence[FailedChange], clean: Sequence[Subject]) -> Sequence[Gram]:
    """Up to four runs of tokens that together are in most failed changes, each in hardly any clean one."""
    having = [frozenset(gram for _, text in change.lines() for gram in _grams(text)) for change in failed]
    common = Counter(gram for grams in having for gram in grams)
    candidates = {gram for gram, number in common.items() if number > 1}
    in_clean = Counter(gram for subject in clean for gram in _grams_of(subject) & candidates)
    allowed = int(MOST_HIT / 2 * len(clean))
    open_to = {gram for gram in candidates if in_clean[gram] <= allowed}
    chosen_grams: list[Gram] = []
    uncovered = set(range(len(failed)))
    while open_to and uncovered and len(chosen_grams) < _ALTERNATIVES:
        new = {gram: sum(1 for index in uncovered if gram in having[index]) for gram in open_to}
        best = max(open_to, key=lambda gram: (new[gram], -in_clean[gram], len(gram), sum(map(len, gram)), gram))
        if new[best] < 2:
            break
        chosen_grams.append(best)
        uncovered -= {index for index in uncovered if best in having[index]}
    return chosen_grams


def _grams_of(subject: Subject) -> frozenset[Gram]:
    lines = [line.text for delta in subject.written for line in delta.added][:2000]
    return frozenset(gram for text in lines for gram in _grams(text))


@lru_cache(maxsize=20_000)
def _grams(text: str) -> frozenset[Gram]:
    """Runs of tokens of a line that hold a word and six characters, from a word to a word, a number or a bracket that a
    call opens: what stands beside it is the line's punctuation.
    """
    tokens = TOKEN.findall(text[:MAX_TEXT])
    runs = (
        tuple(tokens[start : start + length])
        for length in range(1, _LONGEST + 1)
        for start in range(len(tokens) - length + 1)
    )
    return frozenset(
        run
        for run in runs
        if _EDGE.match(run[0]) and (_EDGE.match(run[-1]) or run[-1] == "(")
        if sum(map(len, run)) >= 6 and any(map(_IDENTIFIER.fullmatch, run))
    )


def _trial(guardrail: Guardrail, failed: Sequence[FailedChange], clean: Sequence[Subject]) -> Trial:
    caught = sum(1 for change in failed if any(True for _ in hits(guardrail, change.subject)))
    hit = sum(1 for subject in clean if any(True for _ in hits(guardrail, subject)))
    return Trial(caught, len(failed), hit, len(clean))
