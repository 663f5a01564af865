"""Which walls this machine can build, and the command line that puts a program behind one.

A wall is asked for by :class:`ConfinedWorld`: what may be read and written, and where the one connection out leads. What the
kernel does is in the two scripts beside this module; here it is only chosen.

- *Namespaces*, made by :mod:`bot.confinement.world` itself, or by bubblewrap, which distributions allow where they refuse
  user namespaces to others (Ubuntu's release notes of 24.04, "Unprivileged user namespace restrictions");
- *Landlock* with seccomp, which needs no privilege: files and ports, but not the addresses behind a port;
- *nothing*: callers decide whether they go on.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import struct
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final, assert_never

from bot.model.choices import Confinement as Confinement  # noqa: PLC0414 - those who confine look for it here
from bot.processes import ProcessEnd, run

_ROOM: Final = Path(__file__).parent
LANDLOCK: Final = _ROOM / "landlock.py"
"""The script, for those who need no more than it does."""
_PYTHON: Final = (sys.executable, "-I", "-S")
LIBRARIES: Final = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store", "/etc/ld.so.cache")
_NOBODY: Final = 65534
_PROBE_SECONDS: Final = 20.0


class Wall(StrEnum):
    """What keeps a program inside, the strongest first."""

    NAMESPACES = "namespaces"
    BUBBLEWRAP = "bubblewrap"
    LANDLOCK = "landlock"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ConfinedWorld:
    """What one program gets. ``folder`` is its working directory, ``root`` an empty one that the new root may cover.

    With ``port`` it reaches ``127.0.0.1:port`` and nothing else: by way of the UNIX socket ``door`` where a wall has a
    network of its own, else directly.
    """

    root: Path
    folder: Path
    readable: tuple[Path, ...]
    writable: tuple[Path, ...]
    port: int | None = None
    door: Path | None = None


def own_network(wall: Wall) -> bool:
    """Whether a program behind ``wall`` has a network of its own, so that it needs a door."""
    return wall in {Wall.NAMESPACES, Wall.BUBBLEWRAP}


def confined_command(wall: Wall, world: ConfinedWorld, command: Sequence[str]) -> list[str]:
    """The command line that runs ``command`` (a program's path and arguments) in ``world``."""
    argv = [*_PYTHON, str(_ROOM / "world.py"), _described_wall(wall, world), "--", *command]
    match wall:
        case Wall.NAMESPACES | Wall.LANDLOCK:
            return argv
        case Wall.BUBBLEWRAP:
            return [*_bubblewrap(world), "--", *argv]
        case Wall.NONE:
            return list(command)
        case _:
            assert_never(wall)


def _inside() -> tuple[int, int]:
    """The user and group that a program has in namespaces: nobody, where this process is root."""
    return os.getuid() or _NOBODY, os.getgid() or _NOBODY


def _user_files() -> dict[str, str]:
    """Programs ask who they run as (getpwuid(3)), and some end when nobody knows."""
    user, group = _inside()
    return {
        "/etc/passwd": f"clockwork:x:{user}:{group}::/:/bin/false\n",
        "/etc/hosts": "127.0.0.1 localhost\n",
    }


def _described_wall(wall: Wall, world: ConfinedWorld) -> str:
    readable = [*world.readable, *map(Path, ("/dev/null", "/dev/urandom") if wall is Wall.LANDLOCK else ())]
    writable = [*world.writable, *map(Path, ("/dev/null",) if wall is Wall.LANDLOCK else ())]
    user, group = _inside()
    return json.dumps(
        {
            "wall": wall.value,
            "root": str(world.root),
            "folder": str(world.folder),
            "readable": [*map(str, readable)],
            "writable": [*map(str, [*writable, *_door(world)])],
            "port": world.port,
            "door": None if world.door is None else str(world.door),
            "user": user,
            "group": group,
            "files": _user_files(),
        }
    )


def _door(world: ConfinedWorld) -> list[Path]:
    return [] if world.door is None else [world.door]


def _bubblewrap(world: ConfinedWorld) -> list[str]:
    """bwrap(1): everything unshared, a /proc and /dev of its own, what the world names, and who the user is."""
    user, group = _inside()
    argv = [shutil.which("bwrap") or "bwrap", "--unshare-all", "--die-with-parent", "--cap-drop", "ALL"]
    argv += ["--uid", str(user), "--gid", str(group), "--proc", "/proc", "--dev", "/dev"]
    argv += ["--tmpfs", "/tmp"]  # noqa: S108 - the program's own, made by bubblewrap
    readable = [bound_path for bound_path in dict.fromkeys([*world.readable, *python_files()]) if bound_path.exists()]
    for link in dict.fromkeys(link for path in readable for link in _links(path)):
        argv += ["--symlink", str(link.readlink()), str(link)]
    for path in dict.fromkeys(path.resolve() for path in readable):
        argv += ["--ro-bind", str(path), str(path)]
    for path in [*world.writable, *_door(world)]:
        argv += ["--bind", str(path), str(path)]
    for path_inside, text in _user_files().items():
        path_outside = world.root / Path(path_inside).name
        path_outside.write_text(text, encoding="ascii")
        argv += ["--ro-bind", str(path_outside), path_inside]
    return argv


def _links(path: Path) -> list[Path]:
    """The symbolic links on the way to a path, the outermost first."""
    links: list[Path] = []
    for ancestor in [*reversed(path.parents), path]:
        if ancestor.is_symlink():
            return [*links, ancestor, *_links((ancestor.parent / ancestor.readlink()) / path.relative_to(ancestor))]
    return links


@cache
def python_files() -> tuple[Path, ...]:
    """What this Python needs to run a script: itself, its libraries, and the scripts of this room."""
    files = {Path(sys.executable), Path(sys.executable).resolve(), Path(os.__file__).parent, _ROOM}
    return tuple(sorted(files)) + tuple(Path(path) for path in LIBRARIES if Path(path).exists())


@cache
def available() -> tuple[Wall, ...]:
    """The walls that stand on this machine, the strongest first, tried with a real program."""
    if not sys.platform.startswith("linux"):
        return ()
    return tuple(wall for wall in (Wall.NAMESPACES, Wall.BUBBLEWRAP, Wall.LANDLOCK) if _holds_a_program(wall))


def _holds_a_program(wall: Wall) -> bool:
    true = shutil.which("true")
    if true is None or (wall is Wall.BUBBLEWRAP and shutil.which("bwrap") is None):
        return False
    with tempfile.TemporaryDirectory(prefix="clockwork-wall-") as name:
        top = Path(name).resolve()
        libraries = [Path(path) for path in LIBRARIES if Path(path).exists()]
        world = ConfinedWorld(top, Path("/"), (Path(true), *libraries), ())
        return works(confined_command(wall, world, [true]))


def best() -> Wall:
    """The strongest wall of this machine."""
    return next(iter(available()), Wall.NONE)


def works(argv: Sequence[str]) -> bool:
    """Whether a command runs here and ends well."""
    ended = run(argv, b"", env={"PATH": os.defpath}, deadline_seconds=_PROBE_SECONDS)
    return ended.ending is ProcessEnd.EXITED and ended.exit_code == 0


@cache
def needs_nothing(program: Path) -> bool:
    """Whether a program runs with no file beside it: an ELF file that asks for no interpreter (elf(5), ``PT_INTERP``)."""
    if platform.system() != "Linux":
        return False
    try:
        with program.open("rb") as file:
            head = file.read(64)
            if head[:6] != b"\x7fELF\x02\x01":
                return False
            (start,), (size, count) = struct.unpack_from("<Q", head, 32), struct.unpack_from("<HH", head, 54)
            file.seek(start)
            table = file.read(size * count)
    except OSError:
        return False
    interpreter = 3
    return all(struct.unpack_from("<I", table, size * index)[0] != interpreter for index in range(count))
