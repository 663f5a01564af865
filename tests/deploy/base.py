"""A base image without a registry: Python and what it needs, from the Debian packages that are installed on this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import Final

STATUS: Final = Path("/var/lib/dpkg/status")
PACKAGES: Final = (
    "python3",
    "python3-venv",
    "python3-pip",
    "dash",
    "coreutils",
    "ca-certificates",
    "libc-bin",
    "base-files",
    "base-passwd",
)
PYTHON: Final = "/usr/bin/python3"
"""Debian's own."""
_LEFT_OUT: Final = ("/usr/share/doc", "/usr/share/man", "/usr/share/locale", "/usr/share/info", "/usr/share/perl")
_LINKS: Final = ("/bin", "/sbin", "/lib", "/lib64")
_EMPTY: Final = ("/proc", "/sys", "/dev", "/tmp")
_OPEN: Final = ("/etc/passwd", "/etc/group", "/etc/ssl/certs/ca-certificates.crt", "/etc/nsswitch.conf")
"""Files that packages make when they are installed, and whose content is of no concern."""


def lacking() -> str:
    """Why no base can be made here, empty where it can."""
    if shutil.which("dpkg-query") is None or not STATUS.exists():
        return "no Debian packages to make a base image of"
    absent = [name for name in PACKAGES if name not in _needs()]
    return f"not installed: {', '.join(absent)}" if absent else ""


@cache
def _needs() -> Mapping[str, frozenset[str]]:
    """Installed packages, and those they need (``Depends`` and ``Pre-Depends`` without versions, deb-control(5))."""
    stanzas = STATUS.read_text(errors="replace").split("\n\n")
    fields = [dict(re.findall(r"^([\w-]+): (.*)$", stanza, re.MULTILINE)) for stanza in stanzas]
    return {
        each["Package"]: frozenset(re.findall(r"(?:^|[,|])\s*([a-z0-9][a-z0-9.+-]+)", _text(each)))
        for each in fields
        if each.get("Status", "").endswith(" installed")
    }


def _text(fields: Mapping[str, str]) -> str:
    return f"{fields.get('Depends', '')},{fields.get('Pre-Depends', '')}"


def closure(names: Iterable[str]) -> frozenset[str]:
    """The packages and all that they need, as far as they are installed."""
    waiting, seen = list(names), set[str]()
    while waiting:
        name = waiting.pop()
        if name in _needs() and name not in seen:
            seen.add(name)
            waiting += _needs()[name]
    return frozenset(seen)


def _paths() -> Iterator[str]:
    listed = subprocess.run(
        ["dpkg-query", "-L", *sorted(closure(PACKAGES))], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    kept = dict.fromkeys(path for path in listed if path != "/." and not path.startswith(_LEFT_OUT))
    yield from kept
    yield from _compiled(kept)
    yield from _OPEN


def _compiled(paths: Iterable[str]) -> Iterator[str]:
    """What Debian compiled of these modules after it had unpacked them: else every process of the image does it again."""
    for path in paths:
        if path.endswith(".py") and Path(file := cache_from_source(path)).is_file():
            yield file


def write(archive: Path) -> None:
    """The files as an archive that ``podman import`` reads, each once. Links to folders stay links (a merged ``/usr``)."""
    with tarfile.open(archive, "w") as tar:
        for path in _places():
            tar.add(path, recursive=False)
        for name in _EMPTY:
            folder = tarfile.TarInfo(name.removeprefix("/"))
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
            tar.addfile(folder)


def _places() -> Iterator[Path]:
    """Where the paths really lie, every folder above them first."""
    seen = {Path("/"), *map(Path, _EMPTY)}
    for path in map(Path, (*_LINKS, *_paths())):
        there = path if str(path) in _LINKS else path.parent.resolve() / path.name
        for place in (*reversed(there.parents), there):
            if place not in seen and (place.is_symlink() or os.access(place, os.R_OK)):
                seen.add(place)
                yield place
