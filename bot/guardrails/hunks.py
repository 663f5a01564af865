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
from bot.guardrails.contents import LINK, SUBMODULE, Contents, Nature, nature, read
from bot.guardrails.exempt import NONE, Exemptions
from bot.guardrails.hcl import HclBlock, json_blocks, parse_blocks
from bot.guardrails.lexing import LineMask, LineView, mask
from bot.guardrails.structure import Documents, Unparsed, parse_documents
from bot.model.finding import FileChange, FileStatus

LARGEST: Final = 20_000_000
"""Bytes of a file that are read, where no setting says otherwise."""

MAX_LINE: Final = 2000
"""Characters of a line that a pattern is given at once."""
_OVERLAP: Final = 200

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
    exemptions: Exemptions = NONE
    largest: int = LARGEST

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
        if max(len(self.change.before or b""), len(self.change.after or b"")) > self.largest:
            return f"larger than {self.largest:,} bytes"
        return next((side.reason for side in self._sides if side is not None and side.text is None), None)

    @cached_property
    def nature(self) -> Nature:
        """What an unread file is at head; at base where it is removed."""
        if self.change.omitted is not None:
            harmless = self.change.mode in {LINK, SUBMODULE}
            return Nature.HARMLESS if harmless else nature(self.change.sample)
        data = self.change.before if self.change.after is None else self.change.after
        if len(data or b"") > self.largest:
            return nature(data or b"")
        before, after = self._sides
        side = before if after is None else after
        return Nature.HARMLESS if side is None else side.nature

    @cached_property
    def _sides(self) -> tuple[Contents | None, Contents | None]:
        change = self.change
        before, after = change.before, change.after
        mode = change.mode if change.old_mode is None else change.old_mode
        return (
            None if before is None else read(before, self.old_path, mode),
            None if after is None else read(after, self.path, change.mode),
        )

    @cached_property
    def before(self) -> str | None:
        """The text at base; None for an added or unread file."""
        side = None if self.unread else self._sides[0]
        return None if side is None else side.text

    @cached_property
    def after(self) -> str | None:
        """The text at head; None for a removed or unread file."""
        side = None if self.unread else self._sides[1]
        return None if side is None else side.text

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
        """Whether nobody writes this file by hand, as the base has it: generated, vendored, minified or a lock file."""
        path = self.path if self.change.before is None else self.old_path
        return self.exemptions.covers(path, None if self.change.before is None else self.before_lines)

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
        """The net-new lines that ``pattern`` finds something in; long ones are searched piece by piece."""
        return self.net_new(lambda text: _search(pattern, text), view)


def _search(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """The first match. Patterns need not be linear, so a long line is many short ones that overlap."""
    for start in range(0, max(len(text) - _OVERLAP, 1), MAX_LINE - _OVERLAP):
        if (match := pattern.search(text, start, start + MAX_LINE)) is not None:
            return match
    return None


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
    if delta.before == delta.after:
        return
    sides = [(text or "").encode("utf-8", "surrogatepass") for text in (delta.before, delta.after)]
    for header in _HUNK.finditer(patch(*sides, context=0)):
        old_start, old_count, new_start, new_count = (1 if part is None else int(part) for part in header.groups())
        yield Hunk(_numbered(old, old_start, old_count), _numbered(new, new_start, new_count))


def patch(before: bytes, after: bytes, *, context: int) -> bytes:
    """The unified diff of two texts, with ``context`` lines around each change; empty where they are equal."""
    import pygit2
    from pygit2.enums import DiffOption

    return bytes(pygit2.Patch.create_from(before, after, "a", "b", DiffOption.FORCE_TEXT, context, 0).data)
