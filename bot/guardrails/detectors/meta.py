"""META-001 and CW-001: changes to what judges changes, and to what holds Clockwork back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from bot.guardrails.hunks import Delta
from bot.guardrails.rule import Hit, Subject
from bot.guardrails.structure import Unparsed
from bot.intake.lined import LinedNode
from bot.model.finding import FileStatus

# Where code owners are looked for: GitHub documentation, "About code owners". The rest are files that AI tools obey.
_GUARDING: Final = re.compile(
    r"policies/guardrails/.+|policies/[^/]+\.ya?ml|clockwork\.ya?ml|(\.github/|docs/)?CODEOWNERS|"
    r"(.*/)?(AGENTS|CLAUDE|GEMINI)\.md|(.*/)?\.(mcp|claude)\.json|(.*/)?\.mcp\.json|\.claude/.+|\.cursor/.+|\.cursorrules|"
    r"\.windsurfrules|\.github/(copilot-instructions\.md|instructions/.+|agents/.+)|\.codex/.+|\.gemini/.+"
)
_SETTINGS: Final = re.compile(r"clockwork\.ya?ml\Z|\.clockwork/[^/]+\.ya?ml\Z")


def guardrail_edit(subject: Subject) -> Iterable[Hit]:
    """META-001: the change touches what judges it; the rules of base go on judging."""
    touched = [(delta, path) for delta in subject.deltas if (path := _guarding(delta)) is not None]
    for delta, path in touched[:_TOLD]:
        verb = {FileStatus.ADDED: "adds", FileStatus.REMOVED: "removes"}.get(delta.status, "changes")
        more = (
            f" So do {len(touched) - _TOLD} more files."
            if len(touched) > _TOLD and path == touched[_TOLD - 1][1]
            else ""
        )
        yield Hit(
            delta.path,
            delta.added[0].number if delta.added else 1,
            f"This change {verb} {path}, which decides how changes are judged; it was judged without that.{more}",
            suggestion="Let a code owner approve this file on its own.",
            anchor=path,
        )


_TOLD: Final = 5
"""Files that are told one by one."""


def _guarding(delta: Delta) -> str | None:
    return next((path for path in (delta.path, delta.old_path) if _GUARDING.fullmatch(path)), None)


_ROOF: Final = re.compile(
    r"([a-z_]*per_hour|max_[a-z_]+|[a-z_]*budget[a-z_]*|[a-z_]*failures|breaker_corrections|per_task|CRITICAL|HIGH|MEDIUM|LOW)\Z"
)
_FLOOR: Final = re.compile(r"(cooldown[a-z_]*|breaker_window|min_write_interval)\Z")
_DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s?(ms|s|m|min|h|d|minutes|seconds|hours)?\Z")
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
    ("apply", "enabled"),
    ("restore",),
    ("apply",),
    ("restore", "enabled"),
}
_LADDERS: Final = (("disabled", "conservative", "moderate", "aggressive"), ("strict", "standard"), ("adopt", "restore"))


def unbounded_change(subject: Subject) -> Iterable[Hit]:
    """CW-001: Clockwork's own settings give it more freedom than before."""
    for delta in subject.deltas:
        if not _SETTINGS.search(delta.path) or delta.before is None:
            continue
        before, after = delta.documents_before, delta.documents_after
        if isinstance(before, Unparsed) or isinstance(after, Unparsed) or not before or not after:
            continue
        old = dict(leaves(before[0]))
        new = dict(leaves(after[0]))
        yield from _loosened(delta, old, new)


def leaves(root: LinedNode, budget: int = 5000) -> Iterator[tuple[tuple[str, ...], LinedNode]]:
    """Every scalar of nested mappings with its path; lists count as one leaf. Stops after ``budget`` nodes."""
    stack: list[tuple[tuple[str, ...], LinedNode]] = [((), root)]
    while stack and budget > 0:
        budget -= 1
        path, node = stack.pop()
        if isinstance(node.value, dict):
            stack.extend(((*path, key), child) for key, child in node.items())
        else:
            yield path, node


def _loosened(
    delta: Delta, old: dict[tuple[str, ...], LinedNode], new: dict[tuple[str, ...], LinedNode]
) -> Iterator[Hit]:
    advice = "Raise a limit only in a change of its own that says why, approved by a code owner."
    for path, node in sorted(new.items(), key=lambda item: item[1].line):
        was, name = old.get(path), ".".join(path)
        message = _looser(path, None if was is None else was, node)
        if message is not None:
            yield Hit(delta.path, node.line, f"{name} {message}.", suggestion=advice, anchor=name)
    for path, node in sorted(old.items()):
        if path not in new and path and (_ROOF.match(path[-1]) or _FLOOR.match(path[-1])) and _below_limits(path):
            yield Hit(
                delta.path,
                1,
                f"The limit {'.'.join(path)} (was {node.raw}) was removed.",
                suggestion=advice,
                anchor=".".join(path),
            )


def _below_limits(path: tuple[str, ...]) -> bool:
    return any(part in {"limits", "fixes", "budget", "budgets", "safety"} for part in path)


def _looser(path: tuple[str, ...], was: LinedNode | None, now: LinedNode) -> str | None:
    """How ``now`` allows more than ``was``, as the rest of a sentence; None when it does not."""
    last = path[-1] if path else ""
    if (
        now.value is True
        and (path[-2:] in _SWITCHES or path[-1:] in _SWITCHES)
        and (was is None or was.value is not True)
    ):
        return "is turned on"
    for ladder in _LADDERS:
        if (
            was is not None
            and now.raw in ladder
            and was.raw in ladder
            and ladder.index(now.raw) > ladder.index(was.raw)
        ):
            return f"changes from {was.raw} to {now.raw}"
    if now.value is None and _ROOF.match(last) and _below_limits(path) and (was is None or was.value is not None):
        return "has no limit any more"
    before, after = _number(was), _number(now)
    if after is not None and before is None and was is None and _ROOF.match(last) and after > 50:
        return f"is set to {now.raw}"
    if before is None or after is None:
        return None
    if _ROOF.match(last) and after > before:
        return f"rises from {was.raw if was else before} to {now.raw}"
    if _FLOOR.match(last) and after < before:
        return f"falls from {was.raw if was else before} to {now.raw}"
    return None


def _number(node: LinedNode | None) -> float | None:
    if node is None or isinstance(node.value, bool):
        return None
    match = _DURATION.match(node.raw.strip())
    return None if match is None else float(match[1]) * _UNITS.get(match[2] or "s", 1)
