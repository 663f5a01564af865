"""INT-008: symbolic links that lead out, and submodules that come from somewhere else.

Sources: gitmodules(5); git's transfer protocols, of which ``ext::`` runs a command (gitremote-ext(1)); githooks(5) for what
a link into ``.git`` could replace.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from posixpath import dirname, normpath
from typing import Final

from bot.guardrails.contents import LINK
from bot.guardrails.hunks import Delta
from bot.guardrails.rule import Hit, Subject
from bot.model.finding import FileStatus
from bot.model.patterns import regex
from bot.model.severity import Severity

_SECTION: Final = regex(r'\s*\[submodule\s+"((?:[^"\\]|\\.)*)"\]\s*(?:[#;].*)?\Z')
_URL: Final = regex(r"\s*url\s*=\s*(.*?)\s*\Z", re.IGNORECASE)
_RUNS: Final = regex(r"-|(?:ext|fd)::|file:|/")


def led_away(subject: Subject) -> Iterable[Hit]:
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
    before = {name: url for name, url, _ in _urls(delta.before_lines)}
    for name, url, line in _urls(delta.after_lines):
        if before.get(name) == url:
            continue
        if _RUNS.match(url):
            yield Hit(
                delta.path, line, f"The submodule {name} is taken from this machine or by a command: {url[:200]}."
            )
        elif name in before:
            yield Hit(delta.path, line, f"The submodule {name} is taken from {url[:200]}, it was {before[name][:200]}.")
        else:
            yield Hit(delta.path, line, f"The submodule {name} is new, from {url[:200]}.", severity=Severity.LOW)


def _urls(lines: Iterable[str]) -> Iterator[tuple[str, str, int]]:
    """The submodules with their address and its line."""
    name = ""
    for number, line in enumerate(lines, start=1):
        if (section := _SECTION.match(line)) is not None:
            name = section[1]
        elif name and (url := _URL.match(line)) is not None:
            yield name, url[1].strip('"'), number
