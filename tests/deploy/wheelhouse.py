"""A folder of wheels from which pip installs the project elsewhere, made of the distributions that are installed here.

An index would be asked for each of them, and tells of all that was ever published, which takes pip longer than the rest.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Final

from tests.distributions import ROOT, closure, normal, with_extra

_LEFT_OUT: Final = frozenset({"INSTALLER", "REQUESTED", "direct_url.json"})
"""What an installer writes beside a distribution's own files (packaging.python.org, "Recording installed projects")."""


def same_python(program: str) -> bool:
    """Whether wheels for this Python are wheels for that one: extension modules are of one minor version."""
    words = [program, "-c", "import sys; print(sys.implementation.cache_tag)"]
    return (
        subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
        == sys.implementation.cache_tag
    )


def wheelhouse(folder: Path, *extras: str) -> Mapping[str, str]:
    """Make ``folder``, with what the extras and a build of the project bring. The variables let pip look nowhere else."""
    folder.mkdir()
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    for name in closure(build).union(*map(with_extra, extras)):
        _write(distribution(name), folder)
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}


def _write(installed: Distribution, folder: Path) -> None:
    """The wheel that was installed (packaging.python.org, "Binary distribution format"), uncompressed."""
    tags = re.findall(r"(?m)^Tag: (\S+)$", installed.read_text("WHEEL") or "")
    tag = "-".join(".".join(dict.fromkeys(parts)) for parts in zip(*(tag.split("-") for tag in tags), strict=True))
    stem = f"{normal(installed.name).replace('-', '_')}-{installed.version}"
    with zipfile.ZipFile(folder / f"{stem}-{tag}.whl", "w") as wheel:
        for path, inside in _files(installed, stem):
            wheel.write(path, inside)


def _files(installed: Distribution, stem: str) -> Iterator[tuple[Path, str]]:
    """Each file and where a wheel has it. What lies beside the modules are programs; those of entry points are made anew."""
    made = {entry.name for entry in installed.entry_points if entry.group == "console_scripts"}
    for file in installed.files or ():
        path = Path(str(file.locate()))
        if file.parts[0] != "..":
            if file.suffix != ".pyc" and file.name not in _LEFT_OUT:
                yield path, file.as_posix()
        elif file.name not in made:
            yield path, f"{stem}.data/scripts/{file.name}"
