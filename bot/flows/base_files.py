"""The files at base that a change needs to be judged by: a change holds only what it changes.

Called by :mod:`bot.flows.review`. What Compose projects are made of :mod:`bot.guardrails.detectors.projects` judges, what
workflows call :mod:`bot.guardrails.detectors.guarding`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from posixpath import normpath
from typing import Final

from bot.guardrails.classify import is_workflow
from bot.guardrails.selected import belongs, project_files, selected_after
from bot.intake.compose_select import ProjectFiles
from bot.intake.discover import is_compose_name, looks_like_compose
from bot.model.finding import Change, FileStatus
from bot.model.patterns import regex
from bot.ports import Repository

_MOST_COMPOSE: Final = 500
"""Compose files of a repository that are read beside those of the change."""
_LONGEST_CHAIN: Final = 10
"""How often files are fetched that the files fetched before refer to."""


def compose_files(
    repository: Repository, change: Change, projects: tuple[ProjectFiles, ...]
) -> Mapping[str, bytes] | None:
    """The files at base that Compose projects are made of, before the change and after it, by path; None where the change has
    nothing of a project. ``projects`` are those that the settings of the base name.
    """
    later = selected_after(projects, change)
    project_paths = project_files((*projects, *later))
    changed = {path for path, data in _sides(change) if belongs(path, data or b"", project_paths)}
    if not changed and projects == later:
        return None
    compose_paths = [
        entry.path
        for entry in repository.entries(change.base, suffixes=(".yaml", ".yml"))
        if is_compose_name(entry.path)
    ]
    files: dict[str, bytes] = {}
    for path in [*sorted({*changed, *project_paths}), *compose_paths[:_MOST_COMPOSE]]:
        _add(files, path, repository.read(change.base, path))
    after = {file.path: file.after for file in change.files if file.status is not FileStatus.REMOVED}
    removed = {file.old_path or file.path: None for file in change.files}
    _complete(files, lambda path: repository.read(change.base, path), {}, projects)
    _complete(files, lambda path: repository.read(change.base, path), {**removed, **after}, later)
    return files


def _sides(change: Change) -> Iterator[tuple[str, bytes | None]]:
    """Each file before the change and after it, by its path there."""
    for file in change.files:
        yield file.old_path or file.path, file.before
        yield file.path, file.after


def _add(files: dict[str, bytes], path: str, data: bytes | None) -> None:
    if data is not None:
        files[path] = data


def _complete(
    files: dict[str, bytes],
    load: Callable[[str], bytes | None],
    changed: Mapping[str, bytes | None],
    projects: tuple[ProjectFiles, ...],
) -> None:
    """Add to ``files`` what their projects name, where ``changed`` files stand in their place."""
    from bot.intake.compose import read_compose

    for _ in range(_LONGEST_CHAIN):
        side = {path: data for path, data in {**files, **changed}.items() if data is not None}
        roots = tuple(path for path in sorted(side) if looks_like_compose(path, side[path]))
        missing = (
            read_compose(side, roots, project="project", named_projects=projects).missing
            - files.keys()
            - changed.keys()
        )
        loaded = {path: load(path) for path in sorted(missing)}
        for path, data in loaded.items():
            _add(files, path, data)
        if not any(data is not None for data in loaded.values()):
            return


_USED: Final = regex(rb"\buses[\"']?[ \t]*:[ \t]*[\"']?(\./[^\s\"'@#,}]{1,300})")
"""A workflow or an action of the same repository (GitHub documentation, "Workflow syntax", ``jobs.<job_id>.uses``)."""
_MOST_FILES: Final = 50
_DEEPEST: Final = 10


def called_files(repository: Repository, change: Change) -> Mapping[str, bytes]:
    """The files at base that are called before the change or after it, by path, and what those call in turn."""
    files: dict[str, bytes] = {}
    names = {name for path, data in _sides(change) if data is not None and is_workflow(path) for name in _names(data)}
    for _ in range(_DEEPEST):
        names -= files.keys()
        read = {name: repository.read(change.base, name) for name in sorted(names)[: _MOST_FILES - len(files)]}
        new = {name: data for name, data in read.items() if data is not None}
        if not new:
            break
        files |= new
        names = {name for data in new.values() for name in _names(data)}
    return files


def _names(data: bytes) -> Iterator[str]:
    """The files that a workflow or an action may mean."""
    for match in _USED.finditer(data):
        path = normpath(match[1].decode("utf-8", "replace"))
        if path.endswith((".yml", ".yaml")):
            yield path
        else:
            yield from (f"{path}/action.yml", f"{path}/action.yaml")
