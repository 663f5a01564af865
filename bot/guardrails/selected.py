"""Which Compose projects the settings name, before a change and after it.

The guard's own settings are those of the base (:class:`~bot.guardrails.rule.GuardOptions`); the head's only say here which
files belong together, so that a change may add a project and name it at once. Asked by
:mod:`bot.guardrails.detectors.projects`, and by :mod:`bot.flows.base_files` for the files to read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from bot.errors import Invalid
from bot.intake.compose_select import ProjectFiles
from bot.intake.discover import folder_of, looks_like_compose
from bot.model.finding import Change
from bot.model.json import JSON, Tree, mapping, mappings, text, texts

SETTINGS: Final = "clockwork.yaml"


def selected_after(before: tuple[ProjectFiles, ...], change: Change) -> tuple[ProjectFiles, ...]:
    """The projects that settings name once ``change`` is in; ``before`` are those of its base.

    Those of the base stand where they came from another file than the repository's.
    """
    for file in change.files:
        old = file.old_path or file.path
        if SETTINGS in {file.path, old} and _named(file.before if old == SETTINGS else None) == before:
            return _named(file.after if file.path == SETTINGS else None)
    return before


def project_files(projects: tuple[ProjectFiles, ...]) -> frozenset[str]:
    """Every file that ``projects`` name."""
    return frozenset(path for project in projects for path in (*project.files, *(project.env_files or ())))


def belongs(path: str, data: bytes, project_paths: Collection[str]) -> bool:
    """Whether a file is a Compose file, or the variables of one; ``project_paths`` are those that settings name."""
    return path in project_paths or path.rpartition("/")[2] == ".env" or looks_like_compose(path, data)


def _named(data: bytes | None) -> tuple[ProjectFiles, ...]:
    from bot.intake.lined import read_document

    try:
        document = mapping(read_document(data or b"", SETTINGS).value)
    except Invalid:
        return ()
    return tuple(_projects(document))


def _projects(document: Tree) -> Iterator[ProjectFiles]:
    for project in mappings(document.get("compose")):
        if files := texts(project.get("files")):
            profiles, env_files = _listed(project.get("profiles")), _listed(project.get("env_files"))
            yield ProjectFiles(
                files, profiles, env_files, folder_of(files[0]), text(project.get("name")), explicit=True
            )


def _listed(value: JSON) -> tuple[str, ...] | None:
    return None if value is None else texts(value)
