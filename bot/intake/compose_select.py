"""Which files of a folder make a Compose project, and which beside them are not read.

Called by :mod:`bot.intake.compose`. Sources: ``DefaultFileNames`` and ``DefaultOverrideFileNames`` in ``cli/options.go`` of
compose-go; Docker documentation, "Set or change pre-defined environment variables in Docker Compose", COMPOSE_FILE,
COMPOSE_PATH_SEPARATOR, COMPOSE_PROFILES and COMPOSE_DISABLE_ENV_FILE.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from bot.intake.discover import folder_of, is_compose_name
from bot.model.dataclass import dataclass

_DEFAULTS: Final = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_OVERRIDES: Final = (
    "compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"
)  # fmt: skip
"""In order of preference (compose-go, ``cli/options.go``)."""
_TRUTH: Final = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}


@dataclass(frozen=True, slots=True)
class ProjectFiles:
    """The files of one project in order, the later laid on the earlier.

    ``profiles`` and ``env_files`` are None where the project's own ``.env`` says them. ``folder`` is the one that relative
    paths start from; ``name`` is empty where the files say it.
    """

    files: tuple[str, ...]
    profiles: tuple[str, ...] | None = None
    env_files: tuple[str, ...] | None = None
    folder: str = ""
    name: str = ""
    explicit: bool = False
    """Whether settings or a ``.env`` file name the files: one of them that is missing is a mistake."""
    chooser: str = ""
    """The ``.env`` file that names the files: what it sets counts before what stands in the one beside them."""


@dataclass(frozen=True, slots=True)
class Groups:
    """The projects, and each file that looks like a part of one and belongs to none, with that project's first file."""

    projects: tuple[ProjectFiles, ...]
    unread: Mapping[str, str]


def groups(
    roots: Sequence[str],
    named_projects: Sequence[ProjectFiles],
    folders: Iterable[str],
    variables: Callable[[str], Mapping[str, str]],
) -> Groups:
    """The projects of the Compose files ``roots``. ``named_projects`` are those that settings name; ``folders`` have
    a ``.env`` file, and ``variables`` gives what that sets.
    """
    projects, known_folders = [*named_projects], {*folders}
    projects += [
        chosen_files
        for folder in sorted(known_folders)
        if (chosen_files := _by_variable(folder, variables(folder), known_folders)) is not None
    ]
    used_paths = {path for project in projects for path in project.files}
    first = {folder_of(path): project for project in reversed(projects) for path in project.files}
    by_folder: dict[str, list[str]] = {}
    for path in roots:
        by_folder.setdefault(folder_of(path), []).extend([path] if path not in used_paths else [])
    unread: dict[str, str] = {}
    for folder in sorted(by_folder):
        folder_paths, project_files_found = by_folder[folder], first.get(folder)
        if project_files_found is None and (project_files_found := _of_folder(folder, folder_paths)) is not None:
            projects.append(project_files_found)
            folder_paths = [path for path in folder_paths if path not in project_files_found.files]
        sibling_paths = {path for path in folder_paths if project_files_found is not None and is_compose_name(path)}
        unread |= {
            path: project_files_found.files[0] for path in sorted(sibling_paths) if project_files_found is not None
        }
        projects += [ProjectFiles((path,), folder=folder) for path in folder_paths if path not in sibling_paths]
    return Groups(tuple(projects), unread)


def _by_variable(folder: str, variables: Mapping[str, str], folders: Collection[str]) -> ProjectFiles | None:
    """The project whose files ``COMPOSE_FILE`` names in the ``.env`` file of ``folder``. One beside the first of them adds what
    that does not set (``toProjectOptions`` in ``cmd/compose/compose.go`` of docker/compose).
    """
    separator = variables.get("COMPOSE_PATH_SEPARATOR") or ":"
    file_list = variables.get("COMPOSE_FILE")
    if not file_list:
        return None
    files = tuple(posixpath.normpath(posixpath.join(folder, name)) for name in file_list.split(separator))
    home, chooser = folder_of(files[0]), posixpath.join(folder, ".env")
    if without_env_file(variables):
        profiles = tuple(name.strip() for name in variables.get("COMPOSE_PROFILES", "").split(","))
        name = variables.get("COMPOSE_PROJECT_NAME", "")
        return ProjectFiles(files, profiles, (), home, name, explicit=True)
    sibling_files = [posixpath.join(home, ".env")] if home != folder and home in folders else []
    return ProjectFiles(files, env_files=(*sibling_files, chooser), folder=home, explicit=True, chooser=chooser)


def without_env_file(variables: Mapping[str, str]) -> bool | None:
    """Whether a ``.env`` file that sets ``variables`` says that only what steers Compose counts in it; None where it says
    what is no truth value (``setEnvWithDotEnv``, same file; https://pkg.go.dev/strconv#ParseBool).
    """
    return _TRUTH.get(variables.get("COMPOSE_DISABLE_ENV_FILE", "0"))


def _of_folder(folder: str, folder_paths: Sequence[str]) -> ProjectFiles | None:
    """The project that ``docker compose`` runs in ``folder``; None where it would find none."""
    names = {path.rpartition("/")[2]: path for path in folder_paths}
    default = next(_first(names, _DEFAULTS), None)
    if default is None:
        return None
    return ProjectFiles((default, *_first(names, _OVERRIDES)), folder=folder)


def _first(names: Mapping[str, str], order: Sequence[str]) -> Iterator[str]:
    yield from [names[name] for name in order if name in names][:1]
