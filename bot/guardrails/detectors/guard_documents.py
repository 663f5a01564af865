"""Guardrail documents and the baseline: what they no longer find, or find with less weight. Called by :mod:`.guarding`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from bot.errors import Invalid
from bot.guardrails import documents
from bot.guardrails.baseline import PATH
from bot.guardrails.hunks import Delta
from bot.guardrails.rule import Guardrail, Hit, Subject
from bot.guardrails.verdict import enforcement
from bot.guardrails.waivers import Baseline, Waiver, parse_baseline
from bot.model.dataclass import dataclass
from bot.model.finding import Enforce, Mode
from bot.model.patterns import regex
from bot.model.severity import Severity

_WORD: Final = regex(r"[\w.-]+")


@dataclass(frozen=True, slots=True)
class _Document:
    """A document on one side of the change."""

    guardrail: Guardrail
    path: str


def weakened(subject: Subject) -> Iterator[Hit]:
    """Every guardrail that is gone or says less than at base, and every finding that is accepted from now on, or for longer."""
    before = _documents((delta.old_path, delta.before) for delta in subject.deltas)
    after = _documents((delta.path, delta.after) for delta in subject.deltas)
    paths = {delta.old_path: delta for delta in subject.deltas}
    for name, old in before.items():
        new = after.get(name)
        if new is None:
            yield _removed(paths[old.path], old.guardrail)
        else:
            yield from _weakening_hits(new, _less(old.guardrail, new.guardrail))
    for name in after.keys() - before.keys():
        shipped = subject.rules.get(name)
        if shipped is not None:
            yield from _weakening_hits(after[name], _less(shipped, after[name].guardrail))
    for delta in subject.deltas:
        if delta.path == PATH:
            yield from _exceptions(delta)


def _documents(sides: Iterable[tuple[str, str | None]]) -> Mapping[str, _Document]:
    """By id; a document that cannot be read counts as little as one that is not there."""
    documents_by_path: dict[str, _Document] = {}
    for path, text in sides:
        if text is None or not path.startswith(documents.FOLDER) or not path.endswith(".md"):
            continue
        try:
            guardrail = documents.parse(path, text.encode("utf-8", "replace"))
        except Invalid:
            continue
        documents_by_path[guardrail.id] = _Document(guardrail, path)
    return documents_by_path


def _removed(delta: Delta, guardrail: Guardrail) -> Hit:
    text = f"The guardrail {guardrail.id} ({guardrail.title}) is taken away, or can no longer be read."
    return Hit(delta.path, 1, text, anchor=f"gone|{guardrail.id}", severity=Severity.CRITICAL)


def _weakening_hits(document: _Document, weakenings: Iterable[tuple[str, Severity | None]]) -> Iterator[Hit]:
    for weakening, severity in weakenings:
        name = document.guardrail.id
        yield Hit(
            document.path, 1, f"The guardrail {name} {weakening}.", anchor=f"{name}|{weakening}", severity=severity
        )


def _less(old: Guardrail, new: Guardrail) -> Iterator[tuple[str, Severity | None]]:
    """Each way in which ``new`` says less than ``old``."""
    for mode in Mode:
        was, now = (enforcement(guardrail, guardrail.severity, mode) for guardrail in (old, new))
        if now.rank < was.rank:
            off = Severity.CRITICAL if now is Enforce.OFF or was is Enforce.BLOCK else None
            yield f"is {now.value} in {mode.value}, where it was {was.value}", off
    if new.severity.rank < old.severity.rank:
        yield f"goes from {old.severity.value.lower()} to {new.severity.value.lower()}", None
    if (old.detect, old.applies) != (new.detect, new.applies):
        yield "looks for something else, or elsewhere", None
    if (new.waiver.allow, new.waiver.max_days) != (old.waiver.allow, old.waiver.max_days) and new.waiver.allow:
        yield f"may be waived by a comment, for up to {new.waiver.max_days} days", None


def _exceptions(delta: Delta) -> Iterator[Hit]:
    """Entries of the baseline that are new, or accept more than at base. A file that comes to be the baseline accepted nothing
    there.
    """
    entries_before, new = _entries(delta.before), _entries(delta.after)
    old = entries_before if delta.old_path == PATH else {}
    added_entries = new.keys() - entries_before.keys()
    if added_entries:
        rules = ", ".join(sorted({new[mark].rule for mark in added_entries}))[:200]
        yield Hit(delta.path, 1, f"{len(added_entries)} findings are accepted from now on: {rules}.", anchor="baseline")
    lines = _lines(delta.after_lines)
    for mark, waiver in new.items():
        change_text = None if mark in added_entries else _more(old.get(mark), waiver)
        if change_text is not None:
            text = f"The accepted finding {mark[:40]} of {waiver.rule[:64]} {change_text}."
            yield Hit(PATH, lines.get(mark, 1), text, anchor=f"baseline|{mark}")


def _entries(text: str | None) -> Baseline:
    return parse_baseline((text or "").encode("utf-8", "surrogatepass"))[0]


def _lines(texts: Sequence[str]) -> Mapping[str, int]:
    """The first line of each word."""
    return {mark: number for number in range(len(texts), 0, -1) for mark in _WORD.findall(texts[number - 1])}


def _more(old: Waiver | None, new: Waiver) -> str | None:
    """How an exception accepts more than it did; None where it does not."""
    if old is None:
        return "counts from now on: this file was not the baseline before"
    if new.rule != old.rule:
        return f"is about another rule than {old.rule[:64]}"
    if old.until is not None and new.until is None:
        return f"never ends any more, and ended on {old.until}"
    if old.until is not None and new.until is not None and new.until > old.until:
        return f"lasts until {new.until} instead of {old.until}"
    return None
