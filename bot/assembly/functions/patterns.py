"""``regex``, ``regexall`` and ``replace``. Their time is charged to the budget of the evaluation."""

from __future__ import annotations

import re
from typing import Final

from bot.assembly.faults import LONGEST_TEXT, MOST_ELEMENTS, EvaluationBudget, Misuse
from bot.assembly.functions.arguments import text
from bot.assembly.regex.matching import RegexProgram, Slots, find_all, search
from bot.assembly.regex.syntax import read_pattern
from bot.model.json import JSON

_REFERENCE: Final = re.compile(r"\$(?:\$|\{([0-9A-Za-z_]+)\}|([0-9A-Za-z_]+))")


def first_match(pattern: JSON, value: JSON, *, budget: EvaluationBudget) -> JSON:
    """What the first match holds: its groups by name or in order, its text when there are no groups."""
    program = read_pattern(text(pattern))
    slots = search(program, text(value), 0, budget)
    if slots is None:
        raise Misuse("finds nothing that the pattern matches")
    return _captured(program, text(value), slots)


def all_matches(pattern: JSON, value: JSON, *, budget: EvaluationBudget) -> JSON:
    """What each match holds."""
    program, subject, results = read_pattern(text(pattern)), text(value), list[JSON]()
    for slots in find_all(program, subject, budget):
        if len(results) >= MOST_ELEMENTS:
            raise Misuse(f"makes at most {MOST_ELEMENTS} elements")
        results.append(_captured(program, subject, slots))
    return results


def replaced(value: JSON, old: JSON, new: JSON, *, budget: EvaluationBudget) -> JSON:
    """The text with all ``old`` in it made ``new``; ``old`` between slashes is a pattern, and ``$1`` in ``new`` its group."""
    subject, needle, replacement = text(value), text(old), text(new)
    if len(needle) > 1 and needle[0] == needle[-1] == "/":
        return _replaced_matches(subject, read_pattern(needle[1:-1]), replacement, budget)
    if (subject.count(needle) + 1) * len(replacement) > LONGEST_TEXT:
        raise Misuse(f"makes more than {LONGEST_TEXT} characters")
    return subject.replace(needle, replacement)


def _replaced_matches(subject: str, program: RegexProgram, replacement: str, budget: EvaluationBudget) -> str:
    parts, length, end = list[str](), 0, 0
    for slots in find_all(program, subject, budget):
        parts += [subject[end : slots[0]], _expanded(program, subject, slots, replacement)]
        length += len(parts[-1])
        end = slots[1] or 0
        if length > LONGEST_TEXT:
            raise Misuse(f"makes more than {LONGEST_TEXT} characters")
    return "".join([*parts, subject[end:]])


def _group(subject: str, slots: Slots, index: int) -> str | None:
    start, end = slots[2 * index : 2 * index + 2]
    return None if start is None or end is None else subject[start:end]


def _captured(program: RegexProgram, subject: str, slots: Slots) -> JSON:
    groups = [_group(subject, slots, index) for index in range(1, len(program.names) + 1)]
    names = [name for name in program.names if name is not None]
    if not groups:
        return _group(subject, slots, 0)
    if not names:
        return list(groups)
    if len(names) < len(groups):
        raise Misuse("takes a pattern whose groups all have names, or none")
    return dict(zip(names, groups, strict=True))


def _expanded(program: RegexProgram, subject: str, slots: Slots, replacement: str) -> str:
    """``replacement`` with the groups it refers to (Go, ``Regexp.Expand``: a name is as long as it can be)."""

    def group(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        if name is None:
            return "$"
        if name == "0" or (name.isdigit() and name[0] != "0"):
            index = int(name[:4])
        else:
            index = program.names.index(name) + 1 if name in program.names else len(program.names) + 1
        return (_group(subject, slots, index) if index <= len(program.names) else None) or ""

    return _REFERENCE.sub(group, replacement)
