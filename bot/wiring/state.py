"""Where a machine keeps what it remembers of one repository and branch."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from bot.wiring.repository import OpenRepository


def state_root(environment: Mapping[str, str]) -> Path:
    """Below XDG_STATE_HOME, without it ``~/.local/state`` (XDG Base Directory Specification, which also says that a
    relative path is to be ignored).
    """
    named = environment.get("XDG_STATE_HOME", "")
    home = Path(environment.get("HOME") or Path.home())
    return (Path(named) if named.startswith("/") else home / ".local" / "state") / "clockwork"


def state_folder(opened: OpenRepository) -> Path:
    """The folder of a repository and branch, which may not exist yet: readable, and unlike that of any other."""
    remote = opened.remote or str(Path(opened.options.repo).resolve())
    name = f"{remote.removesuffix('.git').rpartition('/')[2]}-{opened.branch}"
    digest = hashlib.sha256(chr(0).join((remote, opened.branch)).encode()).hexdigest()[:12]
    return state_root(opened.options.environment) / f"{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-')[:40]}-{digest}"
