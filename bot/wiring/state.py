"""Where a machine keeps what it remembers of one repository and branch: the daemon's folder, and the workers' in it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from bot.wiring.repository import OpenRepository


def state_root(environment: Mapping[str, str]) -> Path:
    """Where state folders are: below XDG_STATE_HOME, without it ``~/.local/state`` (XDG Base Directory Specification,
    which also says that a relative path is to be ignored).
    """
    state_home = environment.get("XDG_STATE_HOME", "")
    home = Path(environment.get("HOME") or Path.home())
    return (Path(state_home) if state_home.startswith("/") else home / ".local" / "state") / "clockwork"


def folder_name(remote: str, branch: str) -> str:
    """The name of a repository's and branch's state folder: readable, and unlike that of any other."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", f"{remote.removesuffix('.git').rpartition('/')[2]}-{branch}").strip("-")[:40]
    return f"{slug}-{hashlib.sha256(chr(0).join((remote, branch)).encode()).hexdigest()[:12]}"


def remote_of(open_repo: OpenRepository) -> str:
    """What tells this repository from others on this machine: its remote, without one its folder."""
    return open_repo.remote or str(Path(open_repo.options.repo).resolve())


def state_folder(open_repo: OpenRepository) -> Path:
    """The folder that ``daemon.state`` names, else the one where the system keeps state; it may not exist yet."""
    if open_repo.settings.daemon.state:
        return Path(open_repo.settings.daemon.state).expanduser().absolute()
    return state_root(open_repo.options.environment) / folder_name(remote_of(open_repo), open_repo.branch)
