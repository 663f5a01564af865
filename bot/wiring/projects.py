"""The Compose projects that settings name, as intake and the guard take them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bot.intake.compose_select import ProjectFiles
from bot.intake.discover import folder_of

if TYPE_CHECKING:
    from bot.intake.inputs import CommitFiles
    from bot.settings import Settings
    from bot.settings.sections import ComposeSettings
    from bot.wiring.repository import OpenRepository


def named_projects(settings: Settings) -> tuple[ProjectFiles, ...]:
    """The projects below ``compose:``."""
    return tuple(_project(project) for project in settings.compose)


def _project(compose_settings: ComposeSettings) -> ProjectFiles:
    profiles, env_files = compose_settings.profiles, compose_settings.env_files
    return ProjectFiles(
        tuple(compose_settings.files),
        profiles=None if profiles is None else tuple(profiles),
        env_files=None if env_files is None else tuple(env_files),
        folder=folder_of(compose_settings.files[0]),
        name=compose_settings.name or "",
        explicit=True,
    )


def commit_files(open_repo: OpenRepository, commit: str) -> CommitFiles:
    """The files of a commit, or of a folder as it lies."""
    from bot.intake.inputs import CommitFiles

    repository = open_repo.repository
    return CommitFiles(frozenset(entry.path for entry in repository.entries(commit)), partial(repository.read, commit))
