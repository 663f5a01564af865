"""What the settings below ``guard:`` let through that they did not before. Called by :mod:`.guarding`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from bot.errors import Invalid
from bot.guardrails.hunks import Delta
from bot.guardrails.rule import Hit
from bot.guardrails.structure import Documents, parsed
from bot.intake.lined_node import LinedNode
from bot.model.finding import FileStatus
from bot.model.globs import name_matches
from bot.model.severity import Severity

_NOTHING: Final = LinedNode(None, 1)
_GROWING: Final = ("known_packages", "public_ports", "generated")
"""Lists of what is let through."""
_COMPARED: Final = ("kind", "command", "base_url", "model", "key_env", "options", "readable")
"""The settings of an assistant that decide who answers, and what it may read."""
_WALLS: Final = ("required", "best", "none")


def loosened(delta: Delta) -> Iterator[Hit]:
    """Everything about the guard that the change of a settings file takes back."""
    before = _guard(delta.documents_before)
    if before is None:
        return
    after = _guard(delta.documents_after)
    if delta.status is FileStatus.REMOVED or delta.path != delta.old_path or after is None:
        text = "The settings of the guard are taken away: its defaults judge the next change."
        yield Hit(delta.path, 1, text, anchor="settings-gone", severity=Severity.CRITICAL)
        return
    yield from _mode(delta, before, after)
    yield from _lists(delta, before, after)
    yield from _agents(delta, before, after)
    yield from _assistants(delta, before, after)


def _guard(documents: Documents) -> LinedNode | None:
    """What stands below ``guard:``; None where the file says nothing that can be read."""
    top = next(iter(parsed(documents)), _NOTHING)
    return (top.get("guard") or _NOTHING) if isinstance(top.value, dict) else None


def _mode(delta: Delta, before: LinedNode, after: LinedNode) -> Iterator[Hit]:
    if before.text_at("mode") == "strict" and not after.text_at("mode"):
        text = "guard.mode was strict and is gone: critical findings no longer fail the check."
        yield Hit(delta.path, after.line, text, anchor="mode", severity=Severity.CRITICAL)
    names = [guard.text_at("check") or "clockwork/guardrails" for guard in (before, after)]
    if names[0] != names[1]:
        text = "The check has another name: a rule of the branch that requires the old one waits for ever or is lifted."
        yield Hit(delta.path, _line(after, "check"), text, anchor="check")


def _lists(delta: Delta, before: LinedNode, after: LinedNode) -> Iterator[Hit]:
    for name in _GROWING:
        added_entries = _lines_by_entry(after, name).keys() - _lines_by_entry(before, name).keys()
        for entry in sorted(added_entries):
            text = f"guard.{name} lets {entry[:80]!r} through from now on."
            yield Hit(delta.path, _lines_by_entry(after, name)[entry], text, anchor=f"{name}|{entry}")
    for name, sign, default in (("large_delete", 1, 200), ("largest_file", -1, 20_000_000)):
        old, new = (_number(guard, name, default) for guard in (before, after))
        if (new - old) * sign > 0:
            text = f"guard.{name} goes from {old:,} to {new:,}: less is looked at."
            yield Hit(delta.path, _line(after, name), text, anchor=name)


def _lines_by_entry(guard: LinedNode, name: str) -> Mapping[str, int]:
    return {node.raw: node.line for node in guard.elements(name)}


def _number(guard: LinedNode, name: str, default: int) -> int:
    node = guard.get(name)
    return node.value if node is not None and type(node.value) is int else default


def _line(guard: LinedNode, *path: str) -> int:
    node = guard.get(*path)
    return guard.line if node is None else node.line


def _agents(delta: Delta, before: LinedNode, after: LinedNode) -> Iterator[Hit]:
    """Agents that are none any more, or for which another document counts: the first pattern that fits an account decides."""
    names = {pattern: node.raw for pattern, node in after.items("agents")}
    for pattern, node in before.items("agents"):
        fitting = (name for glob, name in names.items() if glob == pattern or name_matches(glob, pattern))
        now = next(fitting, "")
        if pattern not in names:
            text = f"guard.agents no longer knows {pattern[:80]!r} as an agent."
            yield Hit(delta.path, _line(after, "agents"), text, anchor=f"agents|{pattern}")
        elif now != node.raw:
            text = f"guard.agents takes {pattern[:80]!r} for {now[:80]!r} instead of {node.raw[:80]!r}."
            yield Hit(delta.path, _line(after, "agents", pattern), text, anchor=f"agents|{pattern}")


def _assistants(delta: Delta, before: LinedNode, after: LinedNode) -> Iterator[Hit]:
    """Assistants that are asked no more, need less, or keep their name and are another program, model or address."""
    now = {_name(assistant): assistant for assistant in after.elements("assistants")}
    for old in before.elements("assistants"):
        name = _name(old)
        new = now.get(name)
        if new is None:
            text = f"The assistant {name[:60]} is no longer asked."
            yield Hit(delta.path, _line(after, "assistants"), text, anchor=f"assistant|{name}")
            continue
        for weakening in _less(old, new):
            yield Hit(
                delta.path, new.line, f"The assistant {name[:60]} {weakening}.", anchor=f"assistant|{name}|{weakening}"
            )
        if changed := [key for key in _COMPARED if _value(old, key) != _value(new, key)]:
            text = f"The assistant {name[:60]} is another one: its {', '.join(changed)} changed."
            yield Hit(delta.path, new.line, text, anchor=f"assistant|{name}|{','.join(changed)}")


def _name(assistant: LinedNode) -> str:
    return assistant.text_at("name") or assistant.text_at("kind")


def _value(assistant: LinedNode, key: str) -> object:
    from bot.intake.lined import plain

    node = assistant.get(key)
    try:
        return None if node is None else json.dumps(plain(node, ""), sort_keys=True)
    except Invalid:  # too much of it, or none of JSON: equal to nothing
        return node


def _less(old: LinedNode, new: LinedNode) -> Iterator[str]:
    if _is(old, "required") and not _is(new, "required"):
        yield "no longer has to answer"
    if not _is(old, "reviews", no=True) and _is(new, "reviews", no=True):
        yield "no longer reviews"
    walls = [
        _WALLS.index(wall) if (wall := assistant.text_at("confinement")) in _WALLS else 0 for assistant in (old, new)
    ]
    if walls[1] > walls[0]:
        yield f"runs behind less of a wall (confinement: {_WALLS[walls[1]]})"


def _is(node: LinedNode, name: str, *, no: bool = False) -> bool:
    child = node.get(name)
    return child is not None and child.value is (not no)
