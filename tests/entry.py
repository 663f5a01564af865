"""The command line in a process of its own that begins where every other one is after a second: with the bot imported.

A clean server process imports the bot once and forks for each call, so that every call has its own environment, folder,
output and exit code, and costs a few hundredths of a second. The crash tests use the same server.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import subprocess
import sys
import tempfile
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Final, NoReturn

PRELOADED: Final = [
    "tests.entry",
    "tests.flows.dying",
    "bot.entrypoints.cli.app",
    "bot.entrypoints.daemon.running",
    "bot.wiring.reconcile",
    "bot.github.host",
    "bot.shipped",
    "bot.texts",
    "bot.observers.snapshot",
    "bot.observers.gather",
    "bot.policy.levels",
    "bot.guardrails.rulebook",
    "bot.flows.building",
    "bot.flows.commands",
    "bot.flows.explain",
    "bot.flows.origin",
    "bot.flows.targets",
    "bot.report.terminal",
    "pygit2",
    "yaml",
    "tests.loaded",
]
_LIMIT: Final = 120
"""Seconds for one call."""


def processes() -> ForkServerContext:
    """Processes forked from a clean one that has imported the bot already: real, and quickly there."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def clockwork(*words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the real command in ``folder``, in a process of its own, with an empty home and no tokens."""
    return _called(words, folder, environment, None)


def clockwork_dying(*words: str, folder: Path, step: str, nth: int) -> subprocess.CompletedProcess[str]:
    """The same, where an apply is killed (SIGKILL) right after the ``nth`` time of ``step``."""
    return _called(words, folder, {}, (step, nth))


def begun(*words: str, folder: Path, output: Path, **environment: str) -> ForkServerProcess:
    """The real command in ``folder``, which runs on in a process and a session of its own; ``output`` gets what it says."""
    output.touch()  # who reads it need not wait for it
    given = (words, folder, _environment(folder, environment), output)
    process = processes().Process(target=_begin, args=given, daemon=True)  # ends with these tests at the latest
    process.start()
    return process


def _begin(words: tuple[str, ...], folder: Path, environment: dict[str, str], output: Path) -> NoReturn:
    os.setsid()
    _call(words, folder, environment, (output, output), None)


def _environment(folder: Path, more: dict[str, str]) -> dict[str, str]:
    """What is there to see: no token, and a home in which nothing is."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "GH_", "CLOCKWORK_"))}
    return {**clean, "HOME": str(folder), "CLOCKWORK_CACHE": str(folder / "cache"), "COLUMNS": "200", **more}


def _called(
    words: tuple[str, ...], folder: Path, environment: dict[str, str], dying: tuple[str, int] | None
) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as place:
        outputs = (Path(place) / "stdout", Path(place) / "stderr")
        called = processes().Process(
            target=_call, args=(words, folder, _environment(folder, environment), outputs, dying)
        )
        called.start()
        called.join(_LIMIT)
        if called.exitcode is None:
            called.kill()
            called.join()
            raise TimeoutError(f"clockwork {' '.join(words)} did not end within {_LIMIT} s")
        printed = [output.read_text() for output in outputs]
        return subprocess.CompletedProcess(words, called.exitcode, *printed)


def _call(
    words: tuple[str, ...],
    folder: Path,
    environment: dict[str, str],
    outputs: tuple[Path, Path],
    dying: tuple[str, int] | None,
) -> NoReturn:
    """What the forked process does: become as if it had been started with this environment, and run."""
    import pygit2
    from pygit2.enums import ConfigLevel

    from bot.entrypoints.cli import main

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path[:0] = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    # libgit2 looked for the home once, when the server imported it.
    pygit2.settings.search_path[ConfigLevel.GLOBAL] = environment["HOME"]
    pygit2.settings.search_path[ConfigLevel.XDG] = f"{environment['HOME']}/.config/git"
    for stream, path in zip((1, 2), outputs, strict=True):
        with path.open("ab") as file:
            os.dup2(file.fileno(), stream)
    sys.stdout, sys.stderr = (open(stream, "w", encoding="utf-8", closefd=False) for stream in (1, 2))  # noqa: SIM115
    sys.argv = ["clockwork", *words]
    if dying is not None:
        from tests.flows.dying import let_applying_die

        let_applying_die(*dying)
    try:
        code = main(words)
    finally:
        atexit._run_exitfuncs()  # a process of multiprocessing ends without: temporary folders would stay
        sys.stdout.flush()
        sys.stderr.flush()
    sys.exit(code)
