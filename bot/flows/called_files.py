"""The workflows and actions that the workflows of a change call, as its base has them: a change holds only what it changes.

Called by :mod:`bot.flows.review`; :mod:`bot.guardrails.detectors.guarding` judges them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from posixpath import normpath
from typing import TYPE_CHECKING, Final

from bot.guardrails.classify import is_workflow
from bot.model.patterns import regex

if TYPE_CHECKING:
    from bot.model.finding import Change
    from bot.ports import Repository

_USED: Final = regex(rb"\buses[\"']?[ \t]*:[ \t]*[\"']?(\./[^\s\"'@#,}]{1,300})")
"""A workflow or an action of the same repository (GitHub documentation, "Workflow syntax", ``jobs.<job_id>.uses``)."""
_MOST_FILES: Final = 50
_DEEPEST: Final = 10


def called_files(repository: Repository, change: Change) -> Mapping[str, bytes]:
    """The files at base that are called before the change or after it, by path, and what those call in turn."""
    sides = [
        (side, data)
        for file in change.files
        for side, data in _sides(file.old_path, file.path, file.before, file.after)
    ]
    files: dict[str, bytes] = {}
    names = {name for path, data in sides if is_workflow(path) for name in _names(data)}
    for _ in range(_DEEPEST):
        names -= files.keys()
        read = {name: repository.read(change.base, name) for name in sorted(names)[: _MOST_FILES - len(files)]}
        new = {name: data for name, data in read.items() if data is not None}
        if not new:
            break
        files |= new
        names = {name for data in new.values() for name in _names(data)}
    return files


def _sides(old: str | None, new: str, before: bytes | None, after: bytes | None) -> Iterable[tuple[str, bytes]]:
    return ((path, data) for path, data in ((old or new, before), (new, after)) if data is not None)


def _names(data: bytes) -> Iterator[str]:
    """The files that a workflow or an action may mean."""
    for match in _USED.finditer(data):
        path = normpath(match[1].decode("utf-8", "replace"))
        if path.endswith((".yml", ".yaml")):
            yield path
        else:
            yield from (f"{path}/action.yml", f"{path}/action.yaml")
