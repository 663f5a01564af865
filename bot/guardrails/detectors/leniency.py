"""What the guard lets through from now on although nothing new is named: longer exceptions, other agents, other assistants.

A part of META-002, beside :mod:`bot.guardrails.detectors.guarding`, which tells what is added and taken away. Called by
:mod:`bot.guardrails.catalogue`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from bot.errors import Invalid
from bot.guardrails.baseline import PATH
from bot.guardrails.detectors.meta import SETTINGS
from bot.guardrails.hunks import Delta
from bot.guardrails.rule import Hit, Subject
from bot.guardrails.structure import Documents, Unparsed
from bot.guardrails.waivers import Baseline, Waiver, parse_baseline
from bot.intake.lined_node import LinedNode
from bot.model.globs import name_matches
from bot.model.patterns import regex

_WORD: Final = regex(r"[\w.-]+")
_COMPARED: Final = ("kind", "command", "base_url", "model", "key_env", "options", "readable")
"""The settings of an assistant that decide who answers, and what it may read."""


def widened(subject: Subject) -> Iterable[Hit]:
    """Every exception that lasts longer or is for more, and every agent or assistant that is another one."""
    for delta in subject.deltas:
        if delta.path == PATH:
            yield from _exceptions(delta)
        if SETTINGS.search(delta.path) and delta.path == delta.old_path:
            yield from _settings(delta)


def _exceptions(delta: Delta) -> Iterator[Hit]:
    """Entries of the baseline that accept more than at base. A file that comes to be the baseline accepted nothing there."""
    entries_before, new = _entries(delta.before), _entries(delta.after)
    old = entries_before if delta.old_path == PATH else {}
    added_marks = new.keys() - entries_before.keys()
    lines = _lines(delta.after_lines)
    for mark, waiver in new.items():
        change_text = None if mark in added_marks else _more(old.get(mark), waiver)
        if change_text is not None:
            text = f"The accepted finding {mark[:40]} of {waiver.rule[:64]} {change_text}."
            yield Hit(PATH, lines.get(mark, 1), text, anchor=f"baseline|{mark}")


def _lines(texts: Sequence[str]) -> Mapping[str, int]:
    """The first line of each word."""
    return {mark: number for number in range(len(texts), 0, -1) for mark in _WORD.findall(texts[number - 1])}


def _entries(text: str | None) -> Baseline:
    return parse_baseline((text or "").encode("utf-8", "surrogatepass"))[0]


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


def _settings(delta: Delta) -> Iterator[Hit]:
    before, after = _guard(delta.documents_before), _guard(delta.documents_after)
    if before is not None and after is not None:
        yield from _agents(delta, before, after)
        yield from _assistants(delta, before, after)


def _guard(documents: Documents) -> LinedNode | None:
    return None if isinstance(documents, Unparsed) or not documents else documents[0].get("guard")


def _agents(delta: Delta, before: LinedNode, after: LinedNode) -> Iterator[Hit]:
    """Agents for which another document counts. The first pattern that fits an account decides."""
    names = {pattern: node.raw for pattern, node in after.items("agents")}
    for pattern, node in before.items("agents"):
        now = _agent(pattern, names)
        if pattern in names and now != node.raw:
            text = f"guard.agents takes {pattern[:80]!r} for {now[:80]!r} instead of {node.raw[:80]!r}."
            yield Hit(delta.path, _line(after, "agents", pattern), text, anchor=f"agents|{pattern}")


def _agent(account: str, names: Mapping[str, str]) -> str:
    fitting = (name for pattern, name in names.items() if pattern == account or name_matches(pattern, account))
    return next(fitting, "")


def _assistants(delta: Delta, before: LinedNode, after: LinedNode) -> Iterator[Hit]:
    """Assistants that keep their name and are another program, model or address, or may read something else."""
    old = {_name(assistant): assistant for assistant in before.elements("assistants")}
    for new in after.elements("assistants"):
        name = _name(new)
        changed = [] if name not in old else [key for key in _COMPARED if _value(old[name], key) != _value(new, key)]
        if changed:
            text = f"The assistant {name[:60]} is another one: its {', '.join(changed)} changed."
            yield Hit(delta.path, new.line, text, anchor=f"assistant|{name}|{','.join(changed)}")


def _name(assistant: LinedNode) -> str:
    return assistant.word("name") or assistant.word("kind")


def _value(assistant: LinedNode, key: str) -> object:
    from bot.intake.lined import plain

    node = assistant.get(key)
    try:
        return None if node is None else json.dumps(plain(node, ""), sort_keys=True)
    except Invalid:  # too much of it, or none of JSON: equal to nothing
        return node


def _line(guard: LinedNode, *path: str) -> int:
    node = guard.get(*path)
    return guard.line if node is None else node.line
