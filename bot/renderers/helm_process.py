"""The process that Helm's library runs in, from the outside: one request and one answer at a time, lines of JSON.

Apart from :mod:`bot.renderers.helm` because it lives from one rendering to the next: starting it costs a hundred times
what a rendering does.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from bot.model.json import JSON
from bot.renderers.confined import OUTPUT_CAP, Jail, limits
from bot.renderers.objects import as_json, one_line

SECONDS: Final = 20.0
_START_SECONDS: Final = 30.0
_GO: Final = {"GOGC": "400", "GOMEMLIMIT": "1GiB"}
"""This process stays: what it does not collect, it keeps."""
_ANSWER_CAP: Final = 2 * OUTPUT_CAP
"""Bytes of one answer: JSON writes a line break as two characters."""


@dataclass(frozen=True, slots=True)
class Manifests:
    """What Helm rendered: text by template, and the CRDs beside the templates as file and text."""

    templates: Mapping[str, str]
    crds: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RenderFailure:
    """Why Helm rendered nothing. ``missing``: it is not installed; ``again``: it ran out of time or memory."""

    reason: str
    missing: bool = False
    again: bool = False


class HelmProcess:
    """The process. Not for two threads at once; it reads nothing but Python, the library and the charts in the jail."""

    def __init__(self, jail: Jail) -> None:
        paths = [path for path in sys.path if path and Path(path).exists()]
        readable: list[Path | str] = [*paths, sys.prefix, sys.base_prefix, sys.exec_prefix]
        readable += [os.path.realpath(sys.executable), jail.root]
        argv = [*limits(seconds=None), *jail.command_prefix(readable, Path(sys.executable))]
        argv += [sys.executable, "-m", "bot.renderers.helm_worker"]
        env = {
            "PATH": str(jail.root / "bin"),
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(jail.root / "home"),
            "TMPDIR": str(jail.root / "tmp"),
            "LC_ALL": "C.UTF-8",
            **_GO,
        }
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env,
            cwd=jail.root,
            start_new_session=True,
        )
        self._ready = False
        self._finalizer = weakref.finalize(self, _end, self._process)

    @property
    def alive(self) -> bool:
        """Whether it still answers."""
        return self._process.poll() is None

    def close(self) -> None:
        """The process is gone."""
        self._finalizer()

    def ask(self, request: Mapping[str, JSON]) -> Manifests | RenderFailure:
        """One chart rendered. A process that takes too long or says too much is ended."""
        pipe, stdin = self._process.stdout, self._process.stdin
        assert pipe is not None  # noqa: S101 - asked for as a pipe
        assert stdin is not None  # noqa: S101 - asked for as a pipe
        try:
            self._ready = self._ready or _line(pipe, time.monotonic() + _START_SECONDS) is not None
            stdin.write(as_json(request).encode() + b"\n")
            stdin.flush()
            line = _line(pipe, time.monotonic() + SECONDS)
        except (OSError, ValueError):
            line = None
        if line is None:
            self.close()
            return RenderFailure(
                f"helm did not finish: it was stopped after {SECONDS:g} s, at its memory limit or for its output",
                again=True,
            )
        answer = json.loads(line)
        if "error" in answer:
            return RenderFailure(f"helm: {one_line(str(answer['error']))}")
        return Manifests(answer["manifests"], tuple((file, data) for file, data in answer["crds"]))


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    process.wait()


def _line(pipe: IO[bytes], deadline: float) -> bytes | None:
    """One line; None when the other side ends, is late or says too much."""
    collected = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while not collected.endswith(b"\n"):
            if len(collected) > _ANSWER_CAP or not selector.select(max(deadline - time.monotonic(), 0)):
                return None
            chunk = os.read(pipe.fileno(), 1 << 20)
            if not chunk:
                return None
            collected += chunk
    return bytes(collected)
