"""The document of a learned guardrail: its pattern, examples from the recorded changes, and what is known of it.

Lines of changes were written by others. They stand in the examples alone, as quoted text that no assistant is given; the
body, which assistants read, holds the tokens that the pattern looks for. Pure.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from typing import Final

from bot.errors import Invalid
from bot.guardrails import documents
from bot.guardrails.documents import FOLDER
from bot.guardrails.rule import Guardrail, Subject
from bot.guardrails.rulebook import failing
from bot.secrecy.redaction import redact

PREFIX: Final = "learned-"
"""How the ids of learned guardrails begin."""
MOST_HIT: Final = 0.05
"""At most so many of the clean changes may be hit."""
MAX_TEXT: Final = 200
"""Characters of a line that is looked at."""
TOKEN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[^\sA-Za-z0-9_]", re.ASCII)
"""What lines are cut into."""
_LEAST_CAUGHT: Final = 0.5
_EXAMPLES: Final = 3
_BEFORE: Final = re.compile(r"^Before: (\d{1,9}) failures in (\d{1,9}) runs\.$", re.MULTILINE)

Gram = tuple[str, ...]
"""Tokens that stand side by side."""
FailedLine = tuple[int | None, str, str]
"""The number of a pull request, a file, a line of it."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How a guardrail does on recorded changes that it was not learned from."""

    caught: int
    failed: int
    hit: int
    clean: int

    @property
    def passed(self) -> bool:
        """Whether it is worth a person's time: it catches at least half, and hits at most one clean change in twenty."""
        return self.caught >= _LEAST_CAUGHT * self.failed and self.hit <= MOST_HIT * self.clean and self.caught > 0


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why something is to be learned: a category failed ``today`` times in 24 hours, ``usual`` times on other days;
    ``failures`` in ``runs`` so far. ``advice`` is what the rules that fired say to do instead.
    """

    category: str
    day: date
    today: int
    usual: float
    failures: int
    runs: int
    advice: str = ""


def slug(category: str) -> str:
    """The category as part of an id and of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", category.lower()).strip("-")[:40] or "other"


def path_of(category: str) -> str:
    """Where the document of a category is kept."""
    return f"{FOLDER}learned/{slug(category)}.md"


@dataclass(frozen=True, slots=True)
class LessonDraft:
    """All of a document but how it does: what it looks for, lines on which it fires, lines on which it must not."""

    occasion: Occasion
    grams: tuple[Gram, ...]
    fire: tuple[FailedLine, ...]
    quiet: tuple[tuple[str, str], ...]

    @property
    def shown(self) -> tuple[str, ...]:
        """What it looks for, as a person would write it."""
        return tuple(map(_shown, self.grams))

    def guardrail(self) -> Guardrail | None:
        """What the document means; None where it does not load or its examples do not hold."""
        try:
            guardrail = documents.parse(path_of(self.occasion.category), self.text(None, ()).encode())
        except Invalid:
            return None
        return None if next(failing(guardrail), None) else guardrail

    def text(self, trial: Trial | None, pulls: Sequence[int]) -> str:
        """The document, with its trial and the pull requests it was learned from."""
        name = slug(self.occasion.category)
        examples = [_example("true", path, line, f"  # pull request #{number}") for number, path, line in self.fire]
        examples += [_example("false", path, line, "") for path, line in self.quiet]
        return (
            "---\n"
            f"id: {PREFIX}{name}\n"
            f"title: {_quoted(f'{name} failure that comes often here: {self.shown[0]}'[:MAX_TEXT])}\n"
            "severity: medium\n"
            f"category: {_quoted(self.occasion.category)}\n"
            "enforce: {standard: warn, strict: warn}\n"
            f"detect:\n  kind: regex\n  pattern: {_quoted(pattern_of(self.grams))}\n"
            "examples:\n" + "".join(f"{example}\n" for example in examples) + "inject: true\n---\n"
            f"This adds {_listed(self.shown)}, which changes with a {name} failure have in common here.\n\n"
            f"{_evidence(self.occasion, trial, pulls)}{_instead(self.occasion)}"
        )


def drafted(
    occasion: Occasion, grams: Sequence[Gram], lines: Sequence[FailedLine], clean: Sequence[Subject]
) -> LessonDraft | None:
    """A draft with examples of up to three pull requests from ``lines``; None where no line can be shown."""
    matching = re.compile(pattern_of(grams))
    failing = [line for line in lines if matching.search(line[2]) and _is_showable(line[2])]
    by_pull: dict[int | None, FailedLine] = {}
    for line in failing:
        by_pull.setdefault(line[0], line)
    fire = tuple(by_pull.values())[:_EXAMPLES]
    return LessonDraft(occasion, tuple(grams), fire, _unlike(fire, clean, matching)) if fire else None


def pattern_of(grams: Sequence[Gram]) -> str:
    """The expression that matches a line with any of ``grams``, however it is spaced."""
    alternatives = "|".join(map(_expression, grams))
    return alternatives if len(grams) == 1 else f"(?:{alternatives})"


def rate_before(guardrail: Guardrail) -> tuple[int, int] | None:
    """Failures and runs before a learned guardrail was proposed, as its document says; None where it says nothing."""
    match = _BEFORE.search(guardrail.body)
    return None if match is None else (int(match[1]), int(match[2]))


def _expression(gram: Gram) -> str:
    body = r"\s{0,4}".join(re.escape(token) for token in gram)
    begin, end = (r"\b" if _is_word(edge[0]) else "" for edge in (gram[0], gram[-1]))
    return f"{begin}{body}{end}"


def _shown(gram: Gram) -> str:
    """The tokens with a space between two words only."""
    text = gram[0]
    for before, token in itertools.pairwise(gram):
        text += f" {token}" if _is_word(before[-1]) and _is_word(token[0]) else token
    return text.replace("`", "'")


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _is_showable(text: str) -> bool:
    """Whether a line may stand in a document: readable, not long, without a credential."""
    return len(text) <= MAX_TEXT and text.isascii() and text.replace("\t", " ").isprintable() and redact(text) == text


def _unlike(
    fire: Sequence[FailedLine], clean: Sequence[Subject], matching: re.Pattern[str]
) -> tuple[tuple[str, str], ...]:
    """Lines of clean changes that are most like the failing ones and do not match, with their files."""
    known_tokens = {token for _, _, text in fire for token in TOKEN.findall(text)}
    suffixes = {PurePosixPath(path).suffix for _, path, _ in fire}
    lines = {
        line.text: delta.path
        for subject in clean
        for delta in subject.written
        if PurePosixPath(delta.path).suffix in suffixes
        for line in delta.added[:200]
        if line.text.strip() and not matching.search(line.text) and _is_showable(line.text)
    }
    ranked = sorted(lines, key=lambda text: (-len(known_tokens & set(TOKEN.findall(text))), text))
    return tuple((lines[text], text) for text in ranked[:_EXAMPLES])


def _evidence(occasion: Occasion, trial: Trial | None, pulls: Sequence[int]) -> str:
    trial_sentence = (
        ""
        if trial is None
        else f"Tried on recorded changes that it was not learned from: {trial.caught} of {trial.failed} that failed would "
        f"have been caught, {trial.hit} of {trial.clean} clean ones would have been hit.\n"
    )
    return (
        f"Learned on {occasion.day}: {occasion.today} such failures in 24 hours, usually {occasion.usual:g}; "
        f"pull requests {', '.join(f'#{number}' for number in pulls) or 'unknown'}.\n{trial_sentence}"
        f"Before: {occasion.failures} failures in {occasion.runs} runs.\n"
    )


def _instead(occasion: Occasion) -> str:
    return f"\nInstead: {' '.join(occasion.advice.split())}\n" if occasion.advice else ""


def _example(fire: str, path: str, text: str, comment: str) -> str:
    line = _quoted(f"{text}\n")
    return f"  - {{fire: {fire}, path: {_quoted(path)}, add: {line}}}{comment}"


def _quoted(text: str) -> str:
    """A JSON string, which YAML reads alike (YAML 1.2.2, section 1.3, "Relation to JSON")."""
    return json.dumps(text)


def _listed(shown_items: Sequence[str]) -> str:
    quoted = [f"`{text}`" for text in shown_items]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
