"""The files that the Compose projects of a change are made of, as its base has them: a change holds only what it changes.

Called by :mod:`bot.flows.review`; :mod:`bot.guardrails.detectors.projects` judges them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from bot.guardrails.selected import belongs, project_files, selected_after
from bot.intake.compose_select import ProjectFiles
from bot.intake.discover import is_compose_name, looks_like_compose
from bot.model.finding import Change, FileChange, FileStatus
from bot.ports import Repository

_MOST_FILES: Final = 500
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
    changed = {path for file in change.files for path, data in _sides(file) if belongs(path, data, project_paths)}
    if not changed and projects == later:
        return None
    compose_paths = [
        entry.path
        for entry in repository.entries(change.base, suffixes=(".yaml", ".yml"))
        if is_compose_name(entry.path)
    ]
    files: dict[str, bytes] = {}
    for path in [*sorted({*changed, *project_paths}), *compose_paths[:_MOST_FILES]]:
        _add(files, path, repository.read(change.base, path))
    after = {file.path: file.after for file in change.files if file.status is not FileStatus.REMOVED}
    removed = {file.old_path or file.path: None for file in change.files}
    _complete(files, lambda path: repository.read(change.base, path), {}, projects)
    _complete(files, lambda path: repository.read(change.base, path), {**removed, **after}, later)
    return files


def _sides(file: FileChange) -> tuple[tuple[str, bytes], ...]:
    return (file.old_path or file.path, file.before or b""), (file.path, file.after or b"")


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
