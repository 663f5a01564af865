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
    named = environment.get("XDG_STATE_HOME", "")
    home = Path(environment.get("HOME") or Path.home())
    return (Path(named) if named.startswith("/") else home / ".local" / "state") / "clockwork"


def folder_name(remote: str, branch: str) -> str:
    """The name of a repository's and branch's state folder: readable, and unlike that of any other."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", f"{remote.removesuffix('.git').rpartition('/')[2]}-{branch}").strip("-")[:40]
    return f"{slug}-{hashlib.sha256(chr(0).join((remote, branch)).encode()).hexdigest()[:12]}"


def remote_of(opened: OpenRepository) -> str:
    """What tells this repository from others on this machine: its remote, without one its folder."""
    return opened.remote or str(Path(opened.options.repo).resolve())


def state_folder(opened: OpenRepository) -> Path:
    """The folder that ``daemon.state`` names, else the one where the system keeps state; it may not exist yet."""
    if opened.settings.daemon.state:
        return Path(opened.settings.daemon.state).expanduser().absolute()
    return state_root(opened.options.environment) / folder_name(remote_of(opened), opened.branch)
