"""Where packages may be fetched from an index, and what pip on this machine is told about that."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

_ALLOWED: Final = "CLOCKWORK_INDEX"


def may_be_asked() -> None:
    """Skip what calls this unless packages may be fetched from an index."""
    if _ALLOWED not in os.environ:
        pytest.skip(f"fetches packages from an index: {_ALLOWED}=1 allows it, as .ci/run does")


def pip_files() -> tuple[Path, ...]:
    """Configuration files of pip that are here, and the folders that they name (pip.pypa.io, "Configuration")."""
    homes = (Path("/etc"), Path("/etc/xdg/pip"), Path.home() / ".config" / "pip", Path.home() / ".pip")
    files = [home / "pip.conf" for home in homes if (home / "pip.conf").is_file()]
    return (*files, *dict.fromkeys(path for file in files for path in _named(file)))


def _named(file: Path) -> Iterator[Path]:
    """What lies on this machine; of an index's own folder its parent, since its files lie beside it."""
    parser = configparser.RawConfigParser()
    parser.read(file)
    for section in parser.sections():
        for _, value in parser.items(section):
            for word in re.findall(r"(?:file://)?(/[^\s]+)", re.sub(r"https?://\S+", "", value)):
                path = Path(word).parent if Path(word).name == "simple" else Path(word)
                if path.exists():
                    yield path
