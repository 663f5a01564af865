"""INT: what a broken merge, a careless edit tool or a chat window leaves behind in files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Final

from bot.guardrails import classify
from bot.guardrails.anchors import Anchors, LinePattern, literal_bytes
from bot.guardrails.grammar import parse_error
from bot.guardrails.hunks import Delta, DiffLine
from bot.guardrails.lexing import LineView
from bot.guardrails.rule import Hit, Subject, on_line
from bot.guardrails.structure import Documents
from bot.model.finding import FileStatus
from bot.model.patterns import regex
from bot.model.severity import Severity

_OUR_MARK: Final = LinePattern(r"<{7} \S", Anchors(literal_bytes("<<<<<<< ")))
_THEIR_MARK: Final = LinePattern(r">{7} \S", Anchors(literal_bytes(">>>>>>> ")))
_RESIDUE: Final = LinePattern(
    r"(<{5,7} SEARCH|>{5,7} REPLACE|\*\*\* (Begin|End) Patch|\*\*\* (Update|Add|Delete) File: \S.*)\s*\Z",
    Anchors(
        literal_bytes("<<<<< search", ">>>>> replace", *(f"*** {verb} file: " for verb in ("update", "add", "delete")))
        + literal_bytes("*** begin patch", "*** end patch")
    ),
)
_LEFT_OUT: Final = ("existing", "previous", "original", "other")
_PARTS: Final = ("code", "implementation", "imports", "methods", "functions", "logic")
_ELIDED: Final = LinePattern(
    r"(#|//|/\*|<!--|--|;|\{/\*)[\s.…*-]{0,12}"
    r"((the )?(rest|remainder) of (the |your |this )?\w*\s?"
    r"(code|file|function|functions|class|method|methods|implementation|component|imports|logic|script)\b"
    r".{0,30}(unchanged|remains?|stays?|same|here|goes|as before|as is|\.\.\.)"
    r"|(your |the |\.\.\. ?|… ?)(existing|previous|original|other) (code|implementation|imports|methods|functions|logic)"
    r"( (here|remains?|goes|unchanged|stays?)\b.{0,20}|\s*(\.\.\.|…))"
    r"|(existing|previous) (code|implementation|methods|functions|imports) "
    r"(here|remains? (the same|unchanged)|goes here|unchanged)"
    r"|(code|implementation|file|function|everything else) (remains|stays) (unchanged|the same)"
    r"|keep (the )?(existing|rest of the) (code|implementation|file)( as is)?( here)?\s*(\.\.\.|…))",
    Anchors(
        literal_bytes(
            "rest of ", "remainder of ", "remains unchanged", "remains the same", "stays unchanged", "stays the same",
            "keep existing", "keep the existing", *(f"{verb} {part}" for verb in _LEFT_OUT for part in _PARTS),
        ),
        folds=True,
    ),
    re.IGNORECASE,
)  # fmt: skip
_CHAT: Final = LinePattern(
    r"\s*(As an AI( language)? model\b.{0,200}"
    r"|(Certainly|Sure|Of course|Absolutely)[!,.] (Here('s| is| are)|I('ll| will| can|'ve)|Let me)\b.{0,200}"
    r"|Here('s| is) (the|your|an?) (updated|modified|corrected|complete|full|fixed|revised|refactored) "
    r"(code|file|version|implementation|script|function|class)\b.{0,80}:"
    r"|I('m sorry| apologize), (but )?(as an AI|I can('t|not)).{0,200}"
    r"|(I hope this helps|Let me know if you (need|have|want|would like)\b).{0,120})\s*\Z",
    Anchors(
        literal_bytes(
            "as an ai", "i'm sorry, ", "i apologize, ", "i hope this helps", "let me know if you ",
            *(f"{opener}{mark} " for opener in ("certainly", "sure", "of course", "absolutely") for mark in "!,."),
            *(f"{opening} {owner}" for opening in ("here's", "here is") for owner in ("the ", "your ", "a ", "an ")),
        ),
        folds=True,
    ),
    re.IGNORECASE,
)  # fmt: skip


def merge_marker(subject: Subject) -> Iterable[Hit]:
    """INT-001: both ends of a conflict, at column 0, newly in one file. Test data may have one on purpose."""
    for delta in subject.deltas:
        if classify.is_vendored(delta.path):
            continue
        our_markers = delta.net_new(_OUR_MARK.compiled.match, _OUR_MARK.anchors)
        their_markers = delta.net_new(_THEIR_MARK.compiled.match, _THEIR_MARK.anchors)
        if (
            our_markers
            and their_markers
            and not _residue(delta)
            and not _is_told_of(delta, our_markers + their_markers)
        ):
            end = next(
                (line.number for line in their_markers if line.number > our_markers[0].number), our_markers[0].number
            )
            yield Hit(
                delta.path,
                our_markers[0].number,
                "A merge conflict was committed: both conflict markers are in the file.",
                end_line=end,
                evidence=our_markers[0].text[:80],
                severity=Severity.LOW if classify.is_fixture(delta.path) else None,
            )


def _is_told_of(delta: Delta, markers: Sequence[DiffLine]) -> bool:
    """Whether a test has a conflict in a string that the same change begins; in one that was there it is a real one."""
    if not delta.is_test:
        return False
    openings = {delta.mask_after.opened_above(line.number) for line in markers}
    return all(number is not None and number in delta.added_numbers for number in openings)


def syntax_regression(subject: Subject) -> Iterable[Hit]:
    """INT-002: the file parsed at base and does not at head."""
    for delta in subject.written:
        if delta.after is None or classify.is_fixture(delta.path) or delta.before == delta.after:
            continue
        failure = parse_error(delta.path, delta.after, partial(_documents, delta))
        if failure is None:
            continue
        if delta.before is not None and parse_error(delta.old_path, delta.before) is not None:
            continue
        verb = "parsed before this change and does not now" if delta.before is not None else "does not parse"
        yield Hit(
            delta.path,
            min(failure.line, max(len(delta.after_lines), 1)),
            f"The {failure.language} file {verb}: {failure.message}.",
            anchor="syntax",
        )


def _documents(delta: Delta) -> Documents:
    return delta.documents_after


def elided_code(subject: Subject) -> Iterable[Hit]:
    """INT-003: a comment that stands where code was."""
    for delta in subject.written:
        if not classify.is_code(delta.language) and delta.language not in {"hcl", "yaml", "css", "html", "dockerfile"}:
            continue
        if delta.is_docs or classify.is_fixture(delta.path):
            continue
        view: LineView = "raw" if delta.language == "html" else "comment"
        for line in delta.net_new(_says_elided, _ELIDED.anchors, view):
            yield on_line(delta, line, "A comment says that code was left out here: the file is not whole.")


def _says_elided(text: str) -> bool:
    return len(text) <= 400 and _ELIDED.compiled.search(text) is not None


def edit_residue(subject: Subject) -> Iterable[Hit]:
    """INT-005: the marks of an edit format, or a code fence around a whole file."""
    for delta in subject.written:
        if delta.language == "docs" or delta.after is None or classify.is_fixture(delta.path):
            continue
        for line in _residue(delta)[:3]:
            yield on_line(delta, line, "The mark of an edit tool was written into the file.")
        yield from _fenced(delta)


def _residue(delta: Delta) -> tuple[DiffLine, ...]:
    return delta.net_new(lambda text: len(text) < 300 and _RESIDUE.compiled.match(text), _RESIDUE.anchors)


def _fenced(delta: Delta) -> Iterator[Hit]:
    if delta.after is None or not delta.after.startswith("```"):
        return
    lines = delta.after_lines
    if len(lines) < 2 or (delta.before_lines or ("",))[0].startswith("```"):
        return
    if next((line for line in reversed(lines) if line.strip()), "").strip() == "```":
        yield Hit(
            delta.path,
            1,
            "The whole file is wrapped in a Markdown code fence.",
            end_line=len(lines),
            evidence=lines[0][:40],
            suggestion="Remove the first and the last line.",
        )


def chat_residue(subject: Subject) -> Iterable[Hit]:
    """INT-006: a sentence of a chat, as a whole line of source."""
    for delta in subject.written:
        if delta.language in {None, "docs", "html", "json"} or delta.is_test or delta.is_docs:
            continue
        for line in delta.net_new(_is_chat, _CHAT.anchors):
            if not _in_string(delta, line):
                yield on_line(delta, line, "A sentence of a conversation with an assistant is in the source.")


_COMMENT_MARK: Final = regex(r"\s*(#|//|/\*+|\*|--|;)\s*")


def _is_chat(text: str) -> bool:
    mark = _COMMENT_MARK.match(text)
    return len(text) <= 300 and _CHAT.compiled.match(text, mark.end() if mark else 0) is not None


def _in_string(delta: Delta, line: DiffLine) -> bool:
    """Whether the whole added line is part of a string, and not marked as a comment there."""
    code, uncommented = delta.mask_after.code[line.number - 1], delta.mask_after.no_comments[line.number - 1]
    return not code.strip() and bool(uncommented.strip()) and _COMMENT_MARK.match(line.text) is None


def truncated_file(subject: Subject) -> Iterable[Hit]:
    """INT-007: the file ends in the middle of something."""
    for delta in subject.written:
        if delta.status is FileStatus.REMOVED or not delta.after or not delta.before or classify.is_fixture(delta.path):
            continue
        lost_newline = delta.before.endswith("\n") and not delta.after.endswith("\n")
        shrunk = len(delta.after) * 2 < len(delta.before)
        if not (lost_newline or shrunk):
            continue
        failure = parse_error(delta.path, delta.after)
        if failure is None or parse_error(delta.old_path, delta.before) is not None:
            continue
        if lost_newline or failure.at_end:
            yield Hit(
                delta.path,
                len(delta.after_lines),
                f"The file looks cut off: {len(delta.before):,} characters before, {len(delta.after):,} now, "
                f"and it no longer parses.",
                anchor="truncated",
            )


PATTERNS: Final = (_OUR_MARK, _THEIR_MARK, _RESIDUE, _ELIDED, _CHAT)
"""What lines are searched for here."""
