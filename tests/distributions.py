"""What the project's own declaration installs: names of distributions, and a Python that has none but those of the core."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement

from tests.entry import PRELOADED
from tests.served import program

ROOT: Final = Path(__file__).parents[1]
NAME: Final = "clockwork-gitops"
NARROWED: Final = """
import sys
blocked = set(sys.argv[1].split(","))
class Narrowed:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in blocked else self.finder.find_spec(name, path, target)
sys.meta_path = [Narrowed(finder) for finder in sys.meta_path]
"""
"""Imports nothing of the modules that the first argument names, separated by commas."""
_RUN: Final = """
from bot.entrypoints.cli import main
sys.argv = ["clockwork", *sys.argv[2:]]
sys.exit(main())
"""


@cache
def project() -> Mapping[str, Any]:
    """The table ``[project]`` of pyproject.toml."""
    table: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def normal(name: str) -> str:
    """A name as packaging.python.org, "Name normalization", has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(requirements: Iterable[str]) -> frozenset[str]:
    """Normalised names of all distributions that ``requirements`` bring along on this machine, the project itself left out.
    Raises ``PackageNotFoundError`` where one is not installed.
    """
    waiting, seen = [Requirement(each) for each in requirements], set[tuple[str, frozenset[str]]]()
    while waiting:
        requirement = waiting.pop()
        key = (normal(requirement.name), frozenset(requirement.extras))
        if key not in seen:
            seen.add(key)
            waiting += _needs(requirement)
    return frozenset(name for name, _ in seen) - {NAME}


def _needs(requirement: Requirement) -> list[Requirement]:
    if normal(requirement.name) == NAME:
        extras = project()["optional-dependencies"]
        return [Requirement(each) for extra in requirement.extras for each in extras[extra]]
    listed = [Requirement(each) for each in importlib.metadata.requires(requirement.name) or ()]
    return [each for each in listed if _applies(each, requirement.extras)]


def _applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def core() -> frozenset[str]:
    """Names of what `pip install clockwork-gitops` brings beside itself."""
    return closure(project()["dependencies"])


def with_extra(name: str) -> frozenset[str]:
    """Names of what an extra adds to the core, and the core."""
    return core() | closure(project()["optional-dependencies"][name])


@cache
def owners() -> Mapping[str, list[str]]:
    """The distributions that each top-level module is of: every file of every one is looked at."""
    return importlib.metadata.packages_distributions()


@cache
def beyond(kept: frozenset[str]) -> frozenset[str]:
    """Top-level modules that are installed here and are of none of the distributions ``kept``, nor of the project."""
    ours = kept | {NAME}
    return frozenset(module for module, names in owners().items() if not ours & set(map(normal, names)))


def beyond_core() -> frozenset[str]:
    """Top-level modules that are installed here and would not be in an installation of the core."""
    return beyond(core())


@contextmanager
def core_program() -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """The command line in processes that have the core's modules alone, with an empty home and no tokens."""
    modules = [module for module in PRELOADED if module.startswith("bot.")]
    with program(modules, NARROWED, ",".join(sorted(beyond_core()))) as words:

        def run(*more: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
            return _called([*words, *more], ROOT, folder, environment)

        yield run


def only(
    extra: str, *words: str, folder: Path, code: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The command line of ``code`` in a process that has what the core and an extra bring, and nothing else."""
    blocked = ",".join(sorted(beyond(with_extra(extra))))
    return _called([sys.executable, "-c", NARROWED + _RUN, blocked, *words], code, folder, environment)


def _called(
    words: Sequence[str], code: Path, folder: Path, more: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "GH_", "CLOCKWORK_"))}
    usual = {"HOME": str(folder), "CLOCKWORK_CACHE": str(folder / "cache"), "COLUMNS": "200", "PYTHONPATH": str(code)}
    environment = {**clean, **usual, **more}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
