"""The wall around a rendering tool: a folder that is its whole world, no network, little time and memory.

What is rendered was written by whoever may open a pull request. Kustomize reads what its files name, and not every
place that can name a file is known here (a transformer's own configuration, a field of a later version), so what keeps
a build inside of the repository is the kernel and not a reading of the files:

- namespaces of its own (user, network) with the folder as its root (unshare(1), chroot(2)): a path that leads out leads
  nowhere, and there is nothing to connect to;
- else Landlock and seccomp (:mod:`bot.confinement.landlock`), which need no privilege: Ubuntu 24.04, and so GitHub's
  runners, keep user namespaces from programs without an AppArmor profile (Ubuntu's release notes, "Unprivileged user
  namespace restrictions"), and Docker's default seccomp profile does too;
- else nothing of the kernel's: :attr:`Jail.wall` says so, and callers ask the tool for no more than its own rules keep
  inside (kustomize's ``LoadRestrictionsRootOnly``).

In all cases the environment is empty, ``PATH`` leads to the tools in the folder alone (kustomize starts ``git`` where
it finds one), and HTTP goes to a proxy that nobody runs.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from bot.confinement.walls import LANDLOCK, LIBRARIES, Wall, needs_nothing, works
from bot.processes import ProcessResult, Workspace, run
from bot.temporary import folder_of

SECONDS: Final = 60.0
OUTPUT_CAP: Final = 16 * 1024 * 1024
"""Bytes of one unit; the largest sets of CRDs that people apply are about half of it."""
_MEMORY: Final = 2 * 1024**3
"""Address space in bytes; Go reserves much more than it uses, and starts with no less than 0.6 GiB."""
_FILE_SIZE: Final = 256 * 1024**2
_NOWHERE: Final = "http://127.0.0.1:9"
"""The discard port (RFC 863), closed on any machine of today. Go asks no proxy for loopback addresses
(net/http, ``ProxyFromEnvironment``)."""
GO: Final = {"GOGC": "off", "GOMEMLIMIT": "512MiB"}
"""Builds live for a moment: without looking for garbage, one that patches objects takes a seventh of its processor time less
and no more memory, because collecting costs pages of its own; the soft limit brings the collector back where a build is
large (runtime package of Go, "Environment Variables").
"""


@cache
def namespaces() -> tuple[str, ...]:
    """The words that put a program into namespaces without network; none where the machine does not allow it."""
    unshare, true = shutil.which("unshare"), shutil.which("true")
    if unshare is None or true is None:
        return ()
    argv = (unshare, "--map-root-user", "--net")
    return argv if works([*argv, true]) else ()


@cache
def landlock() -> tuple[str, ...]:
    """The words that start a program with Landlock and seccomp around it; none where the kernel does not know them."""
    true = shutil.which("true")
    argv = (sys.executable, "-I", "-S", str(LANDLOCK))
    if true is None or not sys.platform.startswith("linux"):
        return ()
    return argv if works([*argv, *LIBRARIES, os.path.realpath(true), "--", "--", os.path.realpath(true)]) else ()


def best() -> Wall:
    """The strongest wall of this machine."""
    return Wall.NAMESPACES if namespaces() else Wall.LANDLOCK if landlock() else Wall.NONE


@cache
def limits(*, seconds: float | None = SECONDS) -> tuple[str, ...]:
    """The words that bound a program's memory, files and processor time (None: no bound on time; prlimit(1)). None where
    that is not there.
    """
    prlimit = shutil.which("prlimit")
    if prlimit is None:
        return ()
    time = () if seconds is None else (f"--cpu={int(seconds)}",)
    return (prlimit, f"--as={_MEMORY}", *time, f"--fsize={_FILE_SIZE}", "--core=0", "--")


@dataclass(slots=True)
class Jail:
    """A folder with copies of tools and of repository files; gone with the process."""

    wall: Wall = field(default_factory=best)
    root: Path = field(init=False)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    __weakref__: object = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.root = folder_of(self, "render")
        for name in ("bin", "tmp", "home", "trees"):
            (self.root / name).mkdir()

    def tool(self, program: Path) -> Path:
        """A program's copy in the folder, made once. A copy and no link: nothing that runs here may reach the original."""
        link = self.root / "bin" / program.name
        with self._lock:
            if not link.exists():
                shutil.copy2(program, link)
        return link

    @contextmanager
    def files(self, files: Mapping[str, bytes]) -> Iterator[Path]:
        """``files`` by repository path in a folder of their own; gone afterwards."""
        top = self.root / "trees" / str(next(self._numbers))
        try:
            top.mkdir()
            write_files(top, files)
            yield top
        finally:
            shutil.rmtree(top, ignore_errors=True)

    def run(self, argv: Sequence[str | Path], *, seconds: float = SECONDS) -> ProcessResult:
        """``argv`` run to its end; what it names as a :class:`Path` is in the folder and is called as the program sees
        it. Never raises for what the program does.
        """
        rooted = self.wall is Wall.NAMESPACES and needs_nothing(Path(argv[0]))
        arguments = [
            f"/{argument.relative_to(self.root)}" if rooted and isinstance(argument, Path) else str(argument)
            for argument in argv
        ]
        prefix = "" if rooted else str(self.root)
        proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), _NOWHERE)
        folders = {"PATH": "bin", "HOME": "home", "TMPDIR": "tmp"}
        env = {name: f"{prefix}/{folder}" for name, folder in folders.items()} | proxies | GO
        workspace = Workspace(self.root / "home", self.root, self.root / "tmp")
        before = [*namespaces(), f"--root={self.root}"] if rooted else self.command_prefix([self.root], Path(argv[0]))
        command = [*limits(seconds=max(seconds, 1)), *before, *arguments]
        return run(command, b"", env=env, deadline_seconds=seconds, output_cap=OUTPUT_CAP, workspace=workspace)

    def holds(self, program: Path) -> bool:
        """Whether the kernel keeps a program from reading anything but this folder and libraries."""
        match self.wall:
            case Wall.NAMESPACES:
                return needs_nothing(program) or bool(landlock())
            case Wall.LANDLOCK:
                return True
            case Wall.BUBBLEWRAP | Wall.NONE:
                return False

    def command_prefix(self, readable: Sequence[Path | str], program: Path) -> list[str]:
        """The words before a program that may read ``readable`` and write the jail's folders for temporary files."""
        if self.wall is Wall.NONE:
            return []
        argv = list(namespaces()) if self.wall is Wall.NAMESPACES else []
        if landlock():
            libraries = [] if needs_nothing(program) else LIBRARIES
            writable = [self.root / "tmp", self.root / "home"]
            argv += [*landlock(), *map(str, readable), *libraries, "--", *map(str, writable), "--"]
        return argv


def write_files(top: Path, files: Mapping[str, bytes]) -> None:
    """``files`` below ``top``. Their paths come from Git trees, which hold neither ``..`` nor absolute ones; anything else
    is left out.
    """
    made_folders = {top}
    for path, data in files.items():
        if path.startswith("/") or ".." in path.split("/"):
            continue
        target = top / path
        if target.parent not in made_folders:
            target.parent.mkdir(parents=True, exist_ok=True)
            made_folders.add(target.parent)
        target.write_bytes(data)
