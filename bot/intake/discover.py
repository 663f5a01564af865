"""Which files of a repository could declare something, told from their paths; of Compose also from the keys at the top."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

from bot.model.patterns import regex

_SKIPPED_FOLDERS: Final = frozenset(
    {".git", ".github", ".gitlab", ".circleci", ".clockwork", ".terraform", ".vscode", ".idea", ".venv", "node_modules",
     "vendor", "__pycache__"}
)  # fmt: skip
_SKIPPED_NAMES: Final = regex(
    r"(kustomization|mkdocs|_config|action|codecov|renovate|dependabot|skaffold|Chart|values|\.[^/]*)\.ya?ml\Z"
    r"|values[-.][^/]*\.ya?ml\Z|(package|package-lock|composer|tsconfig|renovate|\.[^/]*)[^/]*\.json\Z"
    r"|(docker-)?bake\.hcl\Z|(pnpm-lock|\.gitlab-ci|\.pre-commit-config|\.travis)\.ya?ml\Z"
)
_COMPOSE: Final = regex(r"(?:[\w.-]*[-_.])?(docker-)?compose([-_.][\w.-]+)?\.ya?ml\Z")
"""The names of the Compose specification ("Compose file"), with what people put before and behind them."""
_LOOKS: Final = regex(rb"^(services|include)\s*:", re.MULTILINE)
_RUNS: Final = regex(rb"\b(image|build|extends|include)[\"']?\s*:")
_KUBERNETES: Final = regex(rb"^(apiVersion|\s*- apiVersion)\s*:", re.MULTILINE)
SUFFIXES: Final = (".yaml", ".yml", ".json", ".cw", ".cwvars", ".tf", ".env")
"""How the names of all files end that could declare something."""


def is_variables_file(path: str) -> bool:
    """Whether a file gives values to variables of ``.cw`` files. Which of those are secret it does not say."""
    return path.endswith(".cwvars")


def candidates(paths: Iterable[str]) -> tuple[str, ...]:
    """The paths worth reading, sorted: manifests, Compose files with their ``.env``, Terraform and ``.cw``.

    Left out: folders of tools and of dependencies, rules, overlays and rendered files of this bot, Helm charts (their
    templates are not manifests) and well-known files that are something else.
    """
    unique_paths = sorted(set(paths))
    charts = {folder_of(path) for path in unique_paths if path.rpartition("/")[2] in {"Chart.yaml", "Chart.yml"}}
    return tuple(path for path in unique_paths if _could_declare(path) and not _in_chart(path, charts))


def _could_declare(path: str) -> bool:
    *folders, name = path.split("/")
    is_own_file = path in {"clockwork.yaml", "clockwork.yml"} or folders[:1] == ["policies"]
    if is_own_file or _SKIPPED_FOLDERS.intersection(folders):
        return False
    return name == ".env" or (name.endswith(SUFFIXES) and _SKIPPED_NAMES.match(name) is None)


def _in_chart(path: str, charts: set[str]) -> bool:
    if not charts:
        return False
    below = {"" if str(parent) == "." else str(parent) for parent in PurePosixPath(path).parents}
    return any(f"{chart}/templates" in below if chart else "templates" in below for chart in charts)


def folder_of(path: str) -> str:
    """The folder of a repository path; empty at the top."""
    return path.rpartition("/")[0]


def is_compose_name(path: str) -> bool:
    """Whether a file is called as Compose files are: ``compose.yaml``, ``docker-compose.prod.yml``, ``x_compose.yaml``."""
    return _COMPOSE.match(path.rpartition("/")[2]) is not None


def looks_like_compose(path: str, data: bytes) -> bool:
    """Whether a YAML file is for Compose, by its name or its top-level keys."""
    if not path.endswith((".yaml", ".yml")) or _KUBERNETES.search(data):
        return False
    if is_compose_name(path):
        return b"{{" not in data
    return _LOOKS.search(data) is not None and _RUNS.search(data) is not None
