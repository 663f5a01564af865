"""The wall around a rendering tool: a folder that is its whole world, no network, little time and memory.

What is rendered was written by whoever may open a pull request. Where the machine allows it, a tool runs in namespaces
of its own (user, network) with the folder as its root, so that a path that leads out of the repository leads nowhere
(unshare(1), chroot(2)). Where it does not (unprivileged user namespaces are off on some distributions), it runs with an
empty environment on the same folder; which references leave the repository was checked before.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from bot.processes import ProcessEnd, ProcessResult, Workspace, run

SECONDS: Final = 60.0
OUTPUT_CAP: Final = 64 * 1024 * 1024
_MEMORY: Final = 4 * 1024**3
"""Address space in bytes; Go reserves much more than it uses."""
_FILE_SIZE: Final = 256 * 1024**2


@cache
def namespaces() -> tuple[str, ...]:
    """The words that put a program into namespaces without network; none where the machine does not allow it."""
    unshare, true = shutil.which("unshare"), shutil.which("true")
    if unshare is None or true is None:
        return ()
    words = (unshare, "--map-root-user", "--net")
    ended = run([*words, true], b"", env={"PATH": os.defpath}, deadline_seconds=10)
    return words if ended.ending is ProcessEnd.EXITED and ended.exit_code == 0 else ()


@cache
def limits() -> tuple[str, ...]:
    """The words that bound a program's memory, processor time and files (prlimit(1)); none where that is not there."""
    prlimit = shutil.which("prlimit")
    if prlimit is None:
        return ()
    return (prlimit, f"--as={_MEMORY}", f"--cpu={int(SECONDS)}", f"--fsize={_FILE_SIZE}", "--core=0", "--")


@dataclass(slots=True)
class Jail:
    """A folder with copies of tools and of repository files; gone with the process."""

    root: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="clockwork-render-")))
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    __weakref__: object = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        weakref.finalize(self, shutil.rmtree, self.root, ignore_errors=True)
        for name in ("bin", "tmp", "home"):
            (self.root / name).mkdir()

    def tool(self, program: Path) -> str:
        """Where a program stands as seen from inside, copied there once. It must need no library of the machine."""
        inside = self.root / "bin" / program.name
        with self._lock:
            if not inside.exists():
                try:
                    os.link(program.resolve(), inside)
                except OSError:  # another file system, or not ours
                    shutil.copy2(program, inside)
        return self._seen(f"bin/{program.name}")

    @contextmanager
    def files(self, files: Mapping[str, bytes]) -> Iterator[str]:
        """``files`` by repository path in a folder of their own; its path as seen from inside, gone afterwards."""
        name = f"tree-{next(self._numbers)}"
        top = self.root / name
        try:
            top.mkdir()
            for path, data in files.items():
                target = top / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            yield self._seen(name)
        finally:
            shutil.rmtree(top, ignore_errors=True)

    def run(self, argv: Sequence[str], *, seconds: float = SECONDS) -> ProcessResult:
        """``argv`` (paths as seen from inside) run to its end. Never raises for what the program does."""
        walled = [*namespaces(), f"--root={self.root}"] if namespaces() else []
        env = {"PATH": os.defpath, "HOME": self._seen("home"), "TMPDIR": self._seen("tmp")}
        place = Workspace(self.root / "home", self.root, self.root / "tmp")
        command = [*limits(), *walled, *argv]
        return run(command, b"", env=env, deadline_seconds=seconds, output_cap=OUTPUT_CAP, place=place)

    def _seen(self, path: str) -> str:
        return f"/{path}" if namespaces() else str(self.root / path)
