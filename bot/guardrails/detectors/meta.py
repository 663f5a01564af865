"""META-001 and CW-001: changes to what judges changes, and to what holds Clockwork back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from bot.guardrails.hunks import Delta
from bot.guardrails.rule import Hit, Subject
from bot.guardrails.structure import Unparsed
from bot.intake.lined_node import LinedNode
from bot.model.finding import FileStatus
from bot.model.patterns import regex

# Where code owners are looked for: GitHub documentation, "About code owners". The rest are files that AI tools obey.
_GUARDING: Final = regex(
    r"policies/guardrails/.+|policies/[^/]+\.ya?ml|clockwork\.ya?ml|(\.github/|docs/)?CODEOWNERS|"
    r"(.*/)?(AGENTS|CLAUDE|GEMINI)\.md|(.*/)?\.(mcp|claude)\.json|(.*/)?\.mcp\.json|\.claude/.+|\.cursor/.+|\.cursorrules|"
    r"\.windsurfrules|\.github/(copilot-instructions\.md|instructions/.+|agents/.+)|\.codex/.+|\.gemini/.+"
)
SETTINGS: Final = regex(r"clockwork\.ya?ml\Z|\.clockwork/[^/]+\.ya?ml\Z")


def guardrail_edit(subject: Subject) -> Iterable[Hit]:
    """META-001: the change touches what judges it; the rules of base go on judging."""
    touched = [(delta, path) for delta in subject.deltas if (path := _guarding(delta)) is not None]
    for delta, path in touched[:_SHOWN]:
        verb = {FileStatus.ADDED: "adds", FileStatus.REMOVED: "removes"}.get(delta.status, "changes")
        remainder = (
            f" So do {len(touched) - _SHOWN} more files."
            if len(touched) > _SHOWN and path == touched[_SHOWN - 1][1]
            else ""
        )
        yield Hit(
            delta.path,
            delta.first_added or 1,
            f"This change {verb} {path}, which decides how changes are judged; it was judged without that.{remainder}",
            anchor=path,
        )


_SHOWN: Final = 5
"""Files that are told one by one."""


def _guarding(delta: Delta) -> str | None:
    return next((path for path in (delta.path, delta.old_path) if _GUARDING.fullmatch(path)), None)


_ROOF: Final = regex(
    r"([a-z_]*per_hour|max_[a-z_]+|[a-z_]*budget[a-z_]*|[a-z_]*failures|breaker_corrections|per_task|CRITICAL|HIGH|MEDIUM|LOW)\Z"
)
_FLOOR: Final = regex(r"(cooldown[a-z_]*|breaker_window|min_write_interval)\Z")
_DURATION: Final = regex(r"(\d{1,9}(?:\.\d{1,6})?)\s?(ms|s|m|min|h|d|minutes|seconds|hours)?\Z")
_UNITS: Final = {
    "ms": 0.001,
    "s": 1,
    "m": 60,
    "min": 60,
    "h": 3600,
    "d": 86400,
    "minutes": 60,
    "seconds": 1,
    "hours": 3600,
}
_SWITCHES: Final = {
    *(("apply",), ("apply", "enabled"), ("restore",), ("restore", "enabled")),
    *(("after_merge",), ("force_conflicts",)),
}
_MOST_NODES: Final = 50_000
_DEEPEST: Final = 60
"""More of either no settings hold."""
_LADDERS: Final = (("disabled", "conservative", "moderate", "aggressive"), ("strict", "standard"), ("adopt", "restore"))


def unbounded_change(subject: Subject) -> Iterable[Hit]:
    """CW-001: Clockwork's own settings give it more freedom than before."""
    for delta in subject.deltas:
        if not SETTINGS.search(delta.path) or delta.before is None:
            continue
        before, after = delta.documents_before, delta.documents_after
        if isinstance(before, Unparsed) or isinstance(after, Unparsed) or not before or not after:
            continue
        old = dict(leaves(before[0]))
        new = dict(leaves(after[0]))
        yield from _loosened(delta, old, new)


def leaves(root: LinedNode) -> Iterator[tuple[tuple[str, ...], LinedNode]]:
    """Every scalar of nested mappings with its path; the elements of a list by their names, such as targets, and a list without
    names as one leaf.
    """
    stack: list[tuple[tuple[str, ...], LinedNode]] = [((), root)]
    for _ in range(_MOST_NODES):
        if not stack:
            return
        path, node = stack.pop()
        if len(path) > _DEEPEST:  # an anchor that contains itself
            continue
        if isinstance(node.value, dict):
            stack.extend(((*path, key), child) for key, child in node.items())
        elif named_children := [(name, child) for child in node.elements() if (name := child.text_at("name"))]:
            stack.extend(((*path, name), child) for name, child in named_children)
        else:
            yield path, node


def _loosened(
    delta: Delta, old: dict[tuple[str, ...], LinedNode], new: dict[tuple[str, ...], LinedNode]
) -> Iterator[Hit]:
    for path, node in sorted(new.items(), key=lambda item: item[1].line):
        was, name = old.get(path), ".".join(path)
        message = _looser(path, was, node)
        if message is not None:
            yield Hit(delta.path, node.line, f"{name} {message}.", anchor=name)
    for path, node in sorted(old.items()):
        if path not in new and path and (_ROOF.match(path[-1]) or _FLOOR.match(path[-1])) and _below_limits(path):
            yield Hit(delta.path, 1, f"The limit {'.'.join(path)} (was {node.raw}) was removed.", anchor=".".join(path))


def _below_limits(path: tuple[str, ...]) -> bool:
    return any(part in {"limits", "fixes", "budget", "budgets", "safety"} for part in path)


def _looser(path: tuple[str, ...], was: LinedNode | None, now: LinedNode) -> str | None:
    """How ``now`` allows more than ``was``, as the rest of a sentence; None when it does not."""
    last = path[-1] if path else ""
    roof, after = _ROOF.match(last), _number(now)
    switched = was is None or was.value is not now.value
    if switched and now.value is True and _SWITCHES & {path[-2:], path[-1:]}:
        return "is turned on"
    if switched and now.value is None and roof and _below_limits(path):
        return "has no limit any more"
    if was is None:
        return f"is set to {now.raw}" if roof and after is not None and after > 50 else None
    for ladder in _LADDERS:
        if {was.raw, now.raw} <= {*ladder} and ladder.index(now.raw) > ladder.index(was.raw):
            return f"changes from {was.raw} to {now.raw}"
    before = _number(was)
    if before is None or after is None:
        return None
    if roof and after > before:
        return f"rises from {was.raw} to {now.raw}"
    return f"falls from {was.raw} to {now.raw}" if _FLOOR.match(last) and after < before else None


def _number(node: LinedNode) -> float | None:
    if isinstance(node.value, bool):
        return None
    match = _DURATION.match(node.raw.strip())
    return None if match is None else float(match[1]) * _UNITS.get(match[2] or "s", 1)
