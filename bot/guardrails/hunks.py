"""What one changed file gained and lost, line by line. Every detector reads this; nothing else diffs bytes.

The line diff is libgit2's (xdiff), which stays fast on hostile input where :mod:`difflib` turns quadratic.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from bot.guardrails import classify
from bot.guardrails.hcl import HclBlock, json_blocks, parse_blocks
from bot.guardrails.lexing import LineMask, LineView, mask
from bot.guardrails.structure import Documents, Unparsed, parse_documents
from bot.model.finding import FileChange, FileStatus

MAX_BYTES: Final = 1_500_000
"""A side of a file beyond this many bytes is not read by detectors; the change is then reported as not wholly seen."""

MAX_LINE: Final = 2000
"""Characters of a line that detectors look at."""

_HUNK: Final = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a file. ``number`` counts from 1 in the file it is from; ``text`` has no line end."""

    number: int
    text: str

    @property
    def normal(self) -> str:
        """The text with white space collapsed: equal for a re-indented line."""
        return " ".join(self.text.split())


@dataclass(frozen=True, slots=True)
class Hunk:
    """One place of the change, without context lines. A count of 0 means nothing on that side."""

    removed: tuple[DiffLine, ...]
    added: tuple[DiffLine, ...]


@dataclass(frozen=True)
class Delta:
    """One file of a change with what is derived from it, each derived at most once.

    No slots: the derived values are cached on the instance.
    """

    change: FileChange

    @property
    def path(self) -> str:
        return self.change.path

    @property
    def status(self) -> FileStatus:
        return self.change.status

    @property
    def old_path(self) -> str:
        """The path at base: the same unless the file was renamed."""
        return self.change.old_path or self.change.path

    @cached_property
    def unread(self) -> str | None:
        """Why the contents are not looked at; None when they are."""
        if self.change.omitted is not None:
            return self.change.omitted
        sides = [side for side in (self.change.before, self.change.after) if side is not None]
        if any(len(side) > MAX_BYTES for side in sides):
            return f"larger than {MAX_BYTES:,} bytes"
        if any(b"\0" in side[:8000] for side in sides):
            return "binary"
        return None

    @cached_property
    def before(self) -> str | None:
        """The text at base; None for an added or unread file."""
        return None if self.unread else _text(self.change.before)

    @cached_property
    def after(self) -> str | None:
        """The text at head; None for a removed or unread file."""
        return None if self.unread else _text(self.change.after)

    @cached_property
    def before_lines(self) -> tuple[str, ...]:
        return _lines(self.before)

    @cached_property
    def after_lines(self) -> tuple[str, ...]:
        return _lines(self.after)

    @cached_property
    def hunks(self) -> tuple[Hunk, ...]:
        """The places that differ, top to bottom."""
        return () if self.unread else tuple(_hunks(self))

    @cached_property
    def added(self) -> tuple[DiffLine, ...]:
        return tuple(line for hunk in self.hunks for line in hunk.added)

    @cached_property
    def removed(self) -> tuple[DiffLine, ...]:
        return tuple(line for hunk in self.hunks for line in hunk.removed)

    @cached_property
    def language(self) -> str | None:
        return classify.language(self.path)

    @cached_property
    def is_test(self) -> bool:
        return classify.is_test(self.path)

    @cached_property
    def is_docs(self) -> bool:
        return classify.is_docs(self.path)

    @cached_property
    def is_foreign(self) -> bool:
        """Whether nobody writes this file by hand: generated, vendored, minified or a lock file."""
        return (
            classify.is_vendored(self.path)
            or classify.is_lock(self.path)
            or classify.is_generated(self.path, self.after_lines or self.before_lines)
        )

    @cached_property
    def is_source(self) -> bool:
        """Whether it is production code: a known programming language, not a test, not foreign."""
        return classify.is_code(self.language) and not self.is_test and not self.is_foreign

    @cached_property
    def mask_before(self) -> LineMask:
        """Which characters of :attr:`before_lines` are comments and strings."""
        return mask(self.before_lines, classify.language(self.old_path))

    @cached_property
    def mask_after(self) -> LineMask:
        """Which characters of :attr:`after_lines` are comments and strings."""
        return mask(self.after_lines, self.language)

    @cached_property
    def documents_before(self) -> Documents:
        """The YAML or JSON documents at base; empty for an added file."""
        return parse_documents(self.before or "")

    @cached_property
    def documents_after(self) -> Documents:
        """The YAML or JSON documents at head; empty for a removed file."""
        return parse_documents(self.after or "")

    @cached_property
    def blocks_before(self) -> tuple[HclBlock, ...]:
        """The blocks of HCL, or of its JSON, at base; empty for an added file."""
        return self._blocks(self.before)

    @cached_property
    def blocks_after(self) -> tuple[HclBlock, ...]:
        """The blocks of HCL, or of its JSON, at head; empty for a removed file."""
        return self._blocks(self.after)

    @property
    def is_hcl(self) -> bool:
        """Whether the file holds blocks: HCL or Terraform's JSON."""
        return self.language == "hcl" or self.path.endswith(".tf.json")

    def _blocks(self, text: str | None) -> tuple[HclBlock, ...]:
        if not self.path.endswith(".tf.json"):
            return parse_blocks(text or "")
        documents = parse_documents(text or "")
        return () if isinstance(documents, Unparsed) else json_blocks(documents)

    def net_new(self, matches: Callable[[str], object], view: LineView = "raw") -> tuple[DiffLine, ...]:
        """The added lines that match, less the removed ones that match: an edit that keeps the count is quiet.

        Where some remain, those that were not merely moved or re-indented within the file are named first. ``view`` is
        what of a line has to match as well as the whole of it.
        """
        gained = [line for line in self.added if matches(line.text)]
        if not gained:
            return ()
        lost = [line for line in self.removed if matches(line.text)]
        if view != "raw":
            gained = [line for line in gained if matches(self.mask_after.seen(line.number, line.text, view))]
            lost = [line for line in lost if matches(self.mask_before.seen(line.number, line.text, view))]
        return net(gained, lost)

    def gained(self, pattern: re.Pattern[str], view: LineView = "raw") -> tuple[DiffLine, ...]:
        """The net-new lines that ``pattern`` finds something in, of each its first :data:`MAX_LINE` characters."""
        return self.net_new(lambda text: pattern.search(text[:MAX_LINE]), view)


def net(gained: Sequence[DiffLine], lost: Iterable[DiffLine]) -> tuple[DiffLine, ...]:
    """``gained`` less ``lost``, never more than the difference of their counts, in file order."""
    lost = tuple(lost)
    surplus = len(gained) - len(lost)
    if surplus <= 0:
        return ()
    stock = Counter(line.normal for line in lost)
    fresh: list[DiffLine] = []
    for line in gained:
        if stock[line.normal] > 0:
            stock[line.normal] -= 1
        else:
            fresh.append(line)
    return tuple(fresh[:surplus])


def _text(data: bytes | None) -> str | None:
    """A byte order mark is no part of the text: of no language that is read here."""
    return None if data is None else data.decode("utf-8", "replace").removeprefix("\ufeff")


def _lines(text: str | None) -> tuple[str, ...]:
    """Lines as Git counts them: only a line feed ends one."""
    if not text:
        return ()
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return tuple(line.removesuffix("\r") for line in lines)


def _numbered(lines: Sequence[str], start: int, count: int) -> tuple[DiffLine, ...]:
    return tuple(DiffLine(start + at, lines[start - 1 + at]) for at in range(count))


def _hunks(delta: Delta) -> Iterable[Hunk]:
    old, new = delta.before_lines, delta.after_lines
    if not old or not new:
        if old or new:
            yield Hunk(_numbered(old, 1, len(old)), _numbered(new, 1, len(new)))
        return
    if delta.change.before == delta.change.after:
        return
    for header in _HUNK.finditer(patch(delta.change.before or b"", delta.change.after or b"", context=0)):
        old_start, old_count, new_start, new_count = (1 if part is None else int(part) for part in header.groups())
        yield Hunk(_numbered(old, old_start, old_count), _numbered(new, new_start, new_count))


def patch(before: bytes, after: bytes, *, context: int) -> bytes:
    """The unified diff of two texts, with ``context`` lines around each change; empty where they are equal."""
    import pygit2
    from pygit2.enums import DiffOption

    return bytes(pygit2.Patch.create_from(before, after, "a", "b", DiffOption.FORCE_TEXT, context, 0).data)
