"""INT-008: symbolic links that lead out, and submodules that come from somewhere else.

Sources: gitmodules(5) (git refuses ``update = !command`` there since CVE-2019-19604); git's transfer protocols, of which
``ext::`` runs a command (gitremote-ext(1)); githooks(5) for what a link into ``.git`` could replace.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from posixpath import dirname, normpath
from typing import Final

from bot.guardrails.contents import LINK
from bot.guardrails.hunks import Delta
from bot.guardrails.rule import Hit, Subject
from bot.model.dataclass import dataclass
from bot.model.finding import FileStatus
from bot.model.patterns import regex
from bot.model.severity import Severity

_SECTION: Final = regex(r'\s*\[submodule\s+"((?:[^"\\]|\\.)*)"\]\s*(?:[#;].*)?\Z')
_SETTING: Final = regex(r"\s*(url|path|update)\s*=\s*(.*?)\s*\Z", re.IGNORECASE)
_RUNS: Final = regex(r"-|(?:ext|fd)::|file:|/")


def escaping_links(subject: Subject) -> Iterable[Hit]:
    """INT-008: a link that leads out of the repository, or a submodule that is taken from another place."""
    for delta in subject.deltas:
        if delta.change.mode == LINK and delta.status is not FileStatus.REMOVED:
            yield from _link(delta)
        elif delta.path == ".gitmodules":
            yield from _modules(delta)


def _link(delta: Delta) -> Iterator[Hit]:
    target = (delta.change.after or b"").decode("utf-8", "replace")
    if delta.change.before == delta.change.after and delta.change.old_mode is None:
        return
    path = normpath(f"{dirname(delta.path)}/{target}".removeprefix("/"))
    if target.startswith("/") or path == ".." or path.startswith("../"):
        yield Hit(
            delta.path, 1, f"This link leads out of the repository, to {target[:200]!r}.", anchor=f"link:{target}"
        )
    elif path.lower() == ".git" or path.lower().startswith(".git/"):
        yield Hit(
            delta.path, 1, f"This link leads into Git's own folder, to {target[:200]!r}.", anchor=f"link:{target}"
        )


def _modules(delta: Delta) -> Iterator[Hit]:
    """Which submodule it is its name tells, or its path: a section can be named anew."""
    old = _sections(delta.before_lines)
    before = {key: each.url for each in old for key in (f"path {each.path}", f"name {each.name}") if each.url}
    old_modules = {(each.name, each.url) for each in old}
    for module in _sections(delta.after_lines):
        was = before.get(f"name {module.name}") or before.get(f"path {module.path}")
        if module.command:
            yield Hit(
                delta.path, module.line, f"The submodule {module.name} is updated by a command: {module.command[:200]}."
            )
        if not module.url or (module.name, module.url) in old_modules or was == module.url:
            continue
        if _RUNS.match(module.url):
            text = f"The submodule {module.name} is taken from this machine or by a command: {module.url[:200]}."
            yield Hit(delta.path, module.line, text)
        elif was is not None:
            text = f"The submodule {module.name} is taken from {module.url[:200]}, it was {was[:200]}."
            yield Hit(delta.path, module.line, text)
        else:
            text = f"The submodule {module.name} is new, from {module.url[:200]}."
            yield Hit(delta.path, module.line, text, severity=Severity.LOW)


@dataclass(slots=True)
class _Section:
    """A submodule as ``.gitmodules`` has it, and the line of its address."""

    name: str
    line: int
    url: str = ""
    path: str = ""
    command: str = ""


def _sections(lines: Iterable[str]) -> list[_Section]:
    sections: list[_Section] = []
    for number, line in enumerate(lines, start=1):
        if (header := _SECTION.match(line)) is not None:
            sections.append(_Section(header[1], number))
        elif sections and (setting := _SETTING.match(line)) is not None:
            section, value = sections[-1], setting[2].strip('"')
            match setting[1].lower():
                case "url":
                    section.url, section.line = value, number
                case "path":
                    section.path = value.rstrip("/")
                case _ if value.startswith("!"):
                    section.command = value
    return sections
