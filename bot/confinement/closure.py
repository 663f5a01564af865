"""Which files a program needs to start: itself, what its first line names, the package it lies in, libraries.

Called for programs that people installed themselves: from a distribution, by npm (a package may need its siblings below the
same ``node_modules``; npm documentation, "folders"), in a virtual environment of Python (PEP 405), or one file.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bot.confinement.walls import LIBRARIES

_FIRST_LINE: Final = 256
"""Bytes that Linux reads of a script's first line (execve(2), "Interpreter scripts")."""
TRUST: Final = ("/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/ssl/cert.pem", "/usr/share/ca-certificates")
"""Public certificates of authorities; some tools do not start without any, even where they use none. Go's list of where
systems keep them (crypto/x509, ``root_linux.go``), with what Debian's links lead to."""
_SYSTEM: Final = frozenset({Path("/"), Path("/usr")})
_DEPTH: Final = 4


def closure(program: Path, path: str) -> tuple[Path, ...]:
    """The files and folders that ``program`` needs, with ``path`` as its PATH; what it asks for later is not known."""
    common = (Path(library) for library in (*LIBRARIES, *TRUST) if Path(library).exists())
    return tuple(dict.fromkeys([*_needs(program, path, _DEPTH), *common]))


def _needs(program: Path, path: str, depth: int) -> Iterator[Path]:
    real = program.resolve()
    yield program
    yield real
    yield from _package(real)
    yield from _prefix(program.parent.parent)
    yield from _prefix(real.parent.parent)
    for name in _first_line(real) if depth else ():
        interpreter = shutil.which(name, path=path)
        if interpreter is not None:
            yield from _needs(Path(interpreter), path, depth - 1)


def _package(real: Path) -> Iterator[Path]:
    """The outermost ``node_modules`` that a program lies in."""
    parts = real.parts
    if "node_modules" in parts:
        yield Path(*parts[: parts.index("node_modules") + 1])


def _prefix(prefix: Path) -> Iterator[Path]:
    """The libraries of an installation of its own (Python's, node's), and the one that a virtual environment stands on."""
    configuration = prefix / "pyvenv.cfg"
    if configuration.is_file():
        yield configuration
        for line in configuration.read_text("utf-8", "replace").splitlines():
            name, _, value = line.partition("=")
            if name.strip() == "home":
                yield from _prefix(Path(value.strip()).parent)
    if prefix not in _SYSTEM and (prefix / "bin").is_dir() and (prefix / "lib").is_dir():
        yield prefix / "lib"


def _first_line(real: Path) -> tuple[str, ...]:
    """The programs that a script's first line names: the interpreter and, with env(1), the one that it looks for."""
    try:
        with real.open("rb") as file:
            first = file.read(_FIRST_LINE).partition(b"\n")[0]
    except OSError:
        return ()
    if not first.startswith(b"#!"):
        return ()
    command = first[2:].decode("utf-8", "replace").split()
    if len(command) > 1 and Path(command[0]).name == "env":
        names = [argument for argument in command[1:] if not argument.startswith("-") and "=" not in argument]
        return (command[0], *names[:1])
    return tuple(command[:1])
