"""What the kinds of guardrail documents mean: each detect value is turned into hits on a change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, assert_never

from bot.guardrails import catalogue
from bot.guardrails.anchors import Anchors, literal_bytes
from bot.guardrails.classify import is_yaml_or_json
from bot.guardrails.earlier import earlier
from bot.guardrails.expressions import MAX_LINE
from bot.guardrails.hunks import Delta, DiffLine, net
from bot.guardrails.rule import (
    Applies,
    Ask,
    Builtin,
    Count,
    Guardrail,
    Hit,
    Pattern,
    Require,
    Structural,
    Subject,
    Touches,
    on_line,
)
from bot.guardrails.select import SelectedNode, select
from bot.guardrails.structure import Documents, parsed
from bot.model.globs import file_matches, name_matches
from bot.model.patterns import regex
from bot.secrecy.scan import Needle, scan

_SENTENCE: Final = regex(r"\A(.{1,300}?[.!?])(?=\s|\Z)", re.DOTALL)


def hits(guardrail: Guardrail, subject: Subject) -> Iterator[Hit]:
    """Every place in the change where the guardrail fires, in files it applies to."""
    applies = guardrail.applies
    if subject.change.author_kind not in applies.authors or not _names(applies, subject.change.agent):
        return
    for hit in _detected(guardrail, subject):
        if hit.file is None or applies_to(applies, hit.file):
            yield hit


def _names(applies: Applies, agent: str | None) -> bool:
    return not applies.agents or (agent is not None and any(name_matches(pattern, agent) for pattern in applies.agents))


def applies_to(applies: Applies, path: str) -> bool:
    """Whether a file is among those a guardrail is about."""
    included = not applies.paths or file_matches(path, applies.paths)
    return included and not file_matches(path, applies.exclude)


def _detected(guardrail: Guardrail, subject: Subject) -> Iterable[Hit]:
    match guardrail.detect:
        case Builtin():
            detector = catalogue.DETECTORS.get(guardrail.id)
            return () if detector is None else detector(subject)
        case Pattern() as pattern:
            return _pattern(guardrail, pattern, subject)
        case Count() as count:
            return _count(guardrail, count, subject)
        case Structural() as structural:
            return _structural(guardrail, structural, subject)
        case Touches() as touches:
            return _touched(guardrail, touches, subject)
        case Require() as require:
            return _required(guardrail, require, subject)
        case Ask():
            return ()
        case _ as never:
            assert_never(never)


def message(guardrail: Guardrail) -> str:
    """The first sentence of the document's body; its title when it has none."""
    match = _SENTENCE.match(" ".join(guardrail.body.split()))
    return match[1] if match else guardrail.title


def _relevant(guardrail: Guardrail, subject: Subject) -> list[Delta]:
    return [delta for delta in subject.written if applies_to(guardrail.applies, delta.path)]


def _pattern(guardrail: Guardrail, pattern: Pattern, subject: Subject) -> Iterator[Hit]:
    for delta, line in _matching(guardrail, pattern, subject):
        yield on_line(delta, line, message(guardrail))


@lru_cache(maxsize=256)
def _anchors(keywords: tuple[str, ...]) -> Anchors:
    return Anchors(literal_bytes(*(keyword.lower() for keyword in keywords)))


def anchors_of(guardrails: Iterable[Guardrail]) -> tuple[Anchors, ...]:
    """What documents look for by their keywords. Without keywords a document is shown every line."""
    keywords = (guardrail.detect.keywords for guardrail in guardrails if isinstance(guardrail.detect, Pattern | Count))
    return tuple(dict.fromkeys(_anchors(keyword) for keyword in keywords if keyword))


def _holding(delta: Delta, pattern: Pattern) -> Sequence[DiffLine]:
    """The added lines that the pattern may match. What is blanked out is white space, which a keyword may hold too."""
    blanked = pattern.not_in and any(" " in keyword for keyword in pattern.keywords)
    return delta.lines_with(_anchors(pattern.keywords)) if pattern.keywords and not blanked else delta.added


def _matching(guardrail: Guardrail, pattern: Pattern, subject: Subject) -> Iterator[tuple[Delta, DiffLine]]:
    """Files and lines that gained the pattern."""
    needle = Needle(guardrail.id, pattern.pattern, pattern.keywords)
    for delta in _relevant(guardrail, subject):
        if ("docs" in pattern.not_in and delta.is_docs) or ("tests" in pattern.not_in and delta.is_test):
            continue
        lines = _holding(delta, pattern)
        gained = _lines(needle, lines, _masked(delta, pattern, after=True)) if lines else []
        if gained and pattern.scope == "net_new":
            gained = list(net(gained, _lines(needle, delta.removed, _masked(delta, pattern, after=False))))
        for line in gained:
            yield delta, line


def _masked(delta: Delta, pattern: Pattern, *, after: bool) -> Sequence[str]:
    """The file's lines with what the pattern must not be in blanked out."""
    mask = delta.mask_after if after else delta.mask_before
    if "string" in pattern.not_in:
        return mask.code
    if "comment" in pattern.not_in:
        return mask.no_comments
    return delta.after_lines if after else delta.before_lines


def _lines(needle: Needle, lines: Sequence[DiffLine], view: Sequence[str]) -> list[DiffLine]:
    texts = [view[line.number - 1][:MAX_LINE] for line in lines]
    return [lines[match.line] for match in scan((needle,), texts)]


def _count(guardrail: Guardrail, count: Count, subject: Subject) -> Iterator[Hit]:
    matching: list[tuple[Delta, DiffLine]] = []
    if count.pattern is not None:
        pattern = Pattern(pattern=count.pattern, keywords=count.keywords)
        matching = list(_matching(guardrail, pattern, subject))
        total = len(matching)
    else:
        deltas = _relevant(guardrail, subject)
        sizes = {
            "added_lines": sum(delta.added_count for delta in deltas),
            "removed_lines": sum(delta.removed_count for delta in deltas),
            "files": len(deltas),
        }
        total = sizes[count.of]
    if total > count.max:
        text = f"{message(guardrail)} Counted {total}, allowed {count.max}."
        anchor = f"count:{count.of}"
        yield on_line(*matching[0], text, anchor=anchor) if matching else Hit(None, None, text, anchor=anchor)


def _structural(guardrail: Guardrail, rule: Structural, subject: Subject) -> Iterator[Hit]:
    files = [delta for delta in subject.deltas if is_yaml_or_json(delta.path) and not delta.unread]
    before = earlier(
        files,
        lambda delta: {
            selected.path: selected.node.value for selected in _selected_nodes(delta.documents_before, rule)
        },
        lambda delta: (selected.path for selected in _selected_nodes(delta.documents_after, rule)),
    )
    for delta in files:
        after = {selected.path: selected.node for selected in _selected_nodes(delta.documents_after, rule)}
        for path, node in sorted(after.items(), key=lambda item: item[1].line):
            old = before[delta.path].get(path, _ABSENT)
            if _is(node.value, rule.when.to) and not _is(old, rule.when.to):
                yield _at(guardrail, delta, path, node.line, f"is now {node.raw or node.value}")
        for selected in _selected_nodes(delta.documents_before, rule):
            now = after.get(selected.path)
            if (
                _is(selected.node.value, rule.when.gone)
                and (now is None or not _is(now.value, rule.when.gone))
                and delta.after
            ):
                yield _at(guardrail, delta, selected.path, 1 if now is None else now.line, f"was {selected.node.raw}")


_ABSENT: Final = object()


def _is(value: object, values: tuple[object, ...]) -> bool:
    return any(value == candidate and isinstance(value, bool) == isinstance(candidate, bool) for candidate in values)


def _at(guardrail: Guardrail, delta: Delta, path: tuple[str, ...], line: int, noun: str) -> Hit:
    location = ".".join(path[1:])
    return Hit(delta.path, line, f"{message(guardrail)} {location} {noun}.", anchor="/".join(path))


def _selected_nodes(documents: Documents, rule: Structural) -> Iterator[SelectedNode]:
    """Selected values; their paths begin with what identifies the document."""
    for number, document in enumerate(parsed(documents)):
        kind = document.text_at("kind")
        if rule.kinds and kind not in rule.kinds:
            continue
        name = document.text_at("metadata", "name")
        namespace = document.text_at("metadata", "namespace")
        identity = f"{kind}/{namespace}/{name}" if kind else f"#{number}"
        for selected in select(document, rule.select):
            yield SelectedNode((identity, *selected.path), selected.node)


def _touched(guardrail: Guardrail, touches: Touches, subject: Subject) -> Iterator[Hit]:
    for delta in subject.deltas:
        if delta.status in touches.status and applies_to(guardrail.applies, delta.path):
            yield Hit(delta.path, delta.first_added or 1, message(guardrail), anchor=delta.path)


def _required(guardrail: Guardrail, require: Require, subject: Subject) -> Iterator[Hit]:
    paths = [delta.path for delta in subject.deltas]
    cause = next(
        (path for path in paths if file_matches(path, require.if_changed) and applies_to(guardrail.applies, path)),
        None,
    )
    if cause is None:
        return
    for alternative in require.then_any:
        if alternative.label is not None and alternative.label in subject.change.labels:
            return
        if alternative.changed and any(file_matches(path, alternative.changed) for path in paths):
            return
    wishes = [
        f"a change of {' or '.join(alternative.changed)}" if alternative.changed else f"the label {alternative.label}"
        for alternative in require.then_any
    ]
    yield Hit(cause, 1, f"{message(guardrail)} Missing: {', or '.join(wishes)}.", anchor=cause)
