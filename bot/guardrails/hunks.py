"""What one changed file gained and lost, line by line. Every detector reads this; nothing else diffs bytes.

The line diff is libgit2's (xdiff), which stays fast on hostile input where :mod:`difflib` turns quadratic.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Final, TypeVar

from bot.guardrails import classify
from bot.guardrails.anchors import AnchoredLine, Anchors, AnchorSet, LinePattern
from bot.guardrails.contents import LINK, SUBMODULE, Contents, Nature, nature, read
from bot.guardrails.exempt import NONE, Exemptions
from bot.guardrails.lexing import LineMask, LineView, mask
from bot.guardrails.narrowing import laid_out, narrowed
from bot.guardrails.structure import LARGE, Documents, Unparsed, differing_documents, is_long, parse_documents
from bot.model.dataclass import dataclass
from bot.model.finding import FileChange, FileStatus
from bot.model.patterns import regex

if TYPE_CHECKING:
    from bot.guardrails.hcl import HclBlock

LARGEST: Final = 20_000_000
"""Bytes of a file that are read, where no setting says otherwise."""

_Owner = TypeVar("_Owner")
_ESCAPES: Final = ("\\x", "\\u", "\\U", "\\\n", "\\\r")
"""What writes a letter by its number, or joins two lines of a word (YAML 1.2, 5.7 "Escaped Characters"; RFC 8259, 7)."""
_JSON_VALUES: Final = ".tfvars.json"
_JSON_BLOCKS: Final = (".tf.json", ".tofu.json", _JSON_VALUES)
_HUNK: Final = regex(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)


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


@dataclass(frozen=True, slots=True)
class _Span:
    """Where lines differ: the first line on each side (from 1) and how many they are."""

    old: int
    old_count: int
    new: int
    new_count: int


@dataclass(frozen=True)
class Delta:
    """One file of a change with what is derived from it, each derived at most once.

    ``anchors`` are those that all rules look for together; a rule whose own are not among them is shown every line. No slots:
    the derived values are cached on the instance.
    """

    change: FileChange
    exemptions: Exemptions = NONE
    largest: int = LARGEST
    anchors: AnchorSet | None = None

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
            return Nature.HARMLESS if harmless else nature(self.change.sample, self.path, self.change.mode)
        data = self.change.before if self.change.after is None else self.change.after
        if len(data or b"") > self.largest:
            return nature(data or b"", self.path, self.change.mode)
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
    def _spans(self) -> tuple[_Span, ...]:
        if self.unread or self.before == self.after:
            return ()
        if not self._is_edit:
            return (_Span(1, _count(self.before), 1, _count(self.after)),) if self.before or self.after else ()
        return tuple(_spans(_bytes(self.before or ""), _bytes(self.after or "")))

    @cached_property
    def hunks(self) -> tuple[Hunk, ...]:
        """The places that differ, top to bottom."""
        old, new = self.before_lines, self.after_lines
        return tuple(
            Hunk(_numbered(old, span.old, span.old_count), _numbered(new, span.new, span.new_count))
            for span in self._spans
        )

    @cached_property
    def _is_edit(self) -> bool:
        """Whether there is text on both sides, so that not all of it is added or removed."""
        return bool(self.before and self.after)

    @cached_property
    def added_count(self) -> int:
        """How many lines are added."""
        return sum(span.new_count for span in self._spans) if self._is_edit else _count(self.after)

    @cached_property
    def removed_count(self) -> int:
        """How many lines are removed."""
        return sum(span.old_count for span in self._spans) if self._is_edit else _count(self.before)

    @cached_property
    def added_numbers(self) -> Container[int]:
        """The numbers of the added lines."""
        if not self._is_edit:
            return range(1, self.added_count + 1)
        return frozenset(chain.from_iterable(range(span.new, span.new + span.new_count) for span in self._spans))

    @property
    def first_added(self) -> int | None:
        """The number of the first added line; None when none is."""
        if not self._is_edit:
            return 1 if self.after else None
        return next((span.new for span in self._spans if span.new_count), None)

    @cached_property
    def added(self) -> tuple[DiffLine, ...]:
        """All lines that are added."""
        parts = (_numbered(self.after_lines, span.new, span.new_count) for span in self._spans if span.new_count)
        return tuple(chain.from_iterable(parts))

    @cached_property
    def removed(self) -> tuple[DiffLine, ...]:
        """All lines that are removed."""
        if not self.before:
            return ()
        parts = (_numbered(self.before_lines, span.old, span.old_count) for span in self._spans if span.old_count)
        return tuple(chain.from_iterable(parts))

    @cached_property
    def language(self) -> str | None:
        return classify.language(self.path)

    @cached_property
    def is_test(self) -> bool:
        """Whether the file is of tests, as the base has it: code that is moved among them is no test yet."""
        if not classify.is_test(self.path) or classify.is_named_environment(self.path):
            return False
        return self.change.before is None or classify.is_test(self.old_path)

    @cached_property
    def is_docs(self) -> bool:
        """Whether the file is documentation or an example, as the base has it."""
        return classify.is_docs(self.path) and (self.change.before is None or classify.is_docs(self.old_path))

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
        """The YAML or JSON documents at base; empty for an added file. Of a large file those that the change may touch."""
        return self._narrowed[0] if self._is_large_edit else parse_documents(self._differing[0])

    @cached_property
    def documents_after(self) -> Documents:
        """The YAML or JSON documents at head; empty for a removed file."""
        return self._narrowed[1] if self._is_large_edit else parse_documents(self._differing[1])

    @cached_property
    def _differing(self) -> tuple[str, str]:
        return differing_documents(self.before or "", self.after or "")

    @property
    def _is_large_edit(self) -> bool:
        return self._is_edit and max(map(len, self._differing)) > LARGE

    @cached_property
    def _narrowed(self) -> tuple[Documents, Documents]:
        """The documents of both sides of a large file, of the entries that differ alone where those can be told."""
        narrow = self._of_few_lines
        if narrow is None:
            parts = narrowed(self.before_lines, self.after_lines, _common(self._spans, len(self.before_lines)))
            narrow = (parse_documents(parts[0]), parse_documents(parts[1]))
        broken = [side for side in narrow if isinstance(side, Unparsed)]
        if not broken or any(map(is_long, broken)):
            return narrow
        return parse_documents(self._differing[0]), parse_documents(self._differing[1])

    @property
    def _of_few_lines(self) -> tuple[Documents, Documents] | None:
        """The same of JSON whose lines hold too much to tell entries apart; None for anything else."""
        before, after = (laid_out(side or "") for side in (self.before, self.after))
        if before is None or after is None:
            return None
        sides = [_bytes("".join(f"{line}\n" for line in side.lines)) for side in (before, after)]
        parts = narrowed(before.lines, after.lines, _common(list(_spans(*sides)), len(before.lines)))
        return parse_documents(before.text(parts[0])), parse_documents(after.text(parts[1]))

    @cached_property
    def blocks_before(self) -> tuple[HclBlock, ...]:
        """The blocks of HCL, or of its JSON, at base; empty for an added file."""
        return self._blocks(self.before, lambda: self.documents_before)

    @cached_property
    def blocks_after(self) -> tuple[HclBlock, ...]:
        """The blocks of HCL, or of its JSON, at head; empty for a removed file."""
        return self._blocks(self.after, lambda: self.documents_after)

    @property
    def is_hcl(self) -> bool:
        """Whether the file holds blocks: HCL or Terraform's JSON."""
        return self.language == "hcl" or self.path.endswith(_JSON_BLOCKS)

    def _blocks(self, text: str | None, read: Callable[[], Documents]) -> tuple[HclBlock, ...]:
        from bot.guardrails.hcl import json_blocks, json_values, parse_blocks, parse_values

        if not self.path.endswith(_JSON_BLOCKS):
            return parse_values(text or "") if self.path.endswith(".tfvars") else parse_blocks(text or "")
        documents = read()
        if isinstance(documents, Unparsed):
            return ()
        return json_values(documents) if self.path.endswith(_JSON_VALUES) else json_blocks(documents)

    def mentions(self, *texts: str) -> bool:
        """Whether YAML or JSON of either side may hold one of these, which are letters: an escape may write any letter.

        Without, nothing has to be parsed for what they name.
        """
        sides = [side for side in (self.before, self.after) if side]
        return any(text in side for side in sides for text in (*texts, *_ESCAPES))

    def lines_with(self, anchors: Anchors) -> Sequence[DiffLine]:
        """The added lines that hold ``anchors``; all of them, where nobody looked for these."""
        if self.anchors is None or anchors not in self.anchors.members:
            return self.added
        return self._anchored_after.get(anchors, ())

    def lines_by_owner(self, several: Mapping[Anchors, _Owner]) -> Iterator[tuple[_Owner, Sequence[DiffLine]]]:
        """For each of several anchors that added lines hold, what they stand for and those lines."""
        if self.anchors is None:
            yield from ((owner, self.added) for owner in several.values())
            return
        for anchors, lines in self._anchored_after.items():
            if anchors in several:
                yield several[anchors], lines

    def _losing(self, anchors: Anchors) -> Sequence[DiffLine]:
        if self.anchors is None or anchors not in self.anchors.members:
            return self.removed
        return self._anchored_before.get(anchors, ())

    @cached_property
    def _anchored_after(self) -> dict[Anchors, list[DiffLine]]:
        if not self._is_edit:
            return self._in_whole(self.after, self.change.after)
        ranges = (range(span.new, span.new + span.new_count) for span in self._spans)
        return self._in_parts(self.after_lines, list(chain.from_iterable(ranges)))

    @cached_property
    def _anchored_before(self) -> dict[Anchors, list[DiffLine]]:
        if not self._is_edit:
            return self._in_whole(self.before, self.change.before)
        ranges = (range(span.old, span.old + span.old_count) for span in self._spans)
        return self._in_parts(self.before_lines, list(chain.from_iterable(ranges)))

    def _in_whole(self, text: str | None, data: bytes | None) -> dict[Anchors, list[DiffLine]]:
        """The lines of one side by the anchors that they hold."""
        if self.anchors is None or not text:
            return {}
        buffer = data if data is not None and len(data) == len(text) and text.isascii() else _bytes(text)
        return _opened(self.anchors.lines(buffer), lambda line: DiffLine(line.number + 1, line.text(buffer)))

    def _in_parts(self, lines: Sequence[str], numbers: Sequence[int]) -> dict[Anchors, list[DiffLine]]:
        """The same of some lines of one side."""
        if self.anchors is None or not numbers:
            return {}
        located = self.anchors.lines(_bytes("\n".join(lines[number - 1] for number in numbers)))
        return _opened(located, lambda line: DiffLine(numbers[line.number], lines[numbers[line.number] - 1]))

    def net_new(
        self, matches: Callable[[str], object], anchors: Anchors, view: LineView = "raw"
    ) -> tuple[DiffLine, ...]:
        """The added lines that match, less the removed ones that match: an edit that keeps the count is quiet.

        Every line that matches holds ``anchors``. Where some remain, those that were not merely moved or re-indented within
        the file are named first. ``view`` is what of a line has to match as well as the whole of it.
        """
        gained = [line for line in self.lines_with(anchors) if matches(line.text)]
        if not gained:
            return ()
        removed_lines = [line for line in self._losing(anchors) if matches(line.text)]
        if view != "raw":
            gained = [line for line in gained if matches(self.mask_after.visible_text(line.number, line.text, view))]
            removed_lines = [
                line for line in removed_lines if matches(self.mask_before.visible_text(line.number, line.text, view))
            ]
        return net(gained, removed_lines)

    def gained(self, pattern: LinePattern, view: LineView = "raw") -> tuple[DiffLine, ...]:
        """The net-new lines that ``pattern`` finds something in; long ones are searched piece by piece."""
        return self.net_new(pattern.search, pattern.anchors, view)


def _opened(
    located: Mapping[Anchors, Sequence[AnchoredLine]], read: Callable[[AnchoredLine], DiffLine]
) -> dict[Anchors, list[DiffLine]]:
    """Located lines with their texts; one that several rules look at is read once."""
    texts: dict[int, DiffLine] = {}
    lines_by_anchors: dict[Anchors, list[DiffLine]] = {}
    for anchors, lines in located.items():
        for line in lines:
            if line.number not in texts:
                texts[line.number] = read(line)
        lines_by_anchors[anchors] = [texts[line.number] for line in lines]
    return lines_by_anchors


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def net(gained: Sequence[DiffLine], removed_lines: Iterable[DiffLine]) -> tuple[DiffLine, ...]:
    """``gained`` less ``removed_lines``, never more than the difference of their counts, in file order."""
    removed_lines = tuple(removed_lines)
    surplus = len(gained) - len(removed_lines)
    if surplus <= 0:
        return ()
    stock = Counter(line.normal for line in removed_lines)
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


def _spans(before: bytes, after: bytes) -> Iterator[_Span]:
    for header in _HUNK.finditer(patch(before, after, context=0)):
        old_start, old_count, new_start, new_count = (1 if part is None else int(part) for part in header.groups())
        yield _Span(old_start, old_count, new_start, new_count)


def _common(spans: Iterable[_Span], count: int) -> list[tuple[int, int, int]]:
    """The runs of lines that both sides have, of ``count`` before: where they begin (from 0), and how long they are."""
    runs, old, new = [], 0, 0
    for span in spans:
        start = span.old - 1 if span.old_count else span.old
        runs.append((old, new, start - old))
        old, new = start + span.old_count, new + start - old + span.new_count
    return [*runs, (old, new, count - old)]


def _count(text: str | None) -> int:
    """How many lines there are."""
    return 0 if not text else text.count("\n") + (not text.endswith("\n"))


def patch(before: bytes, after: bytes, *, context: int) -> bytes:
    """The unified diff of two texts, with ``context`` lines around each change; empty where they are equal."""
    import pygit2
    from pygit2.enums import DiffOption

    return bytes(pygit2.Patch.create_from(before, after, "a", "b", DiffOption.FORCE_TEXT, context, 0).data)
