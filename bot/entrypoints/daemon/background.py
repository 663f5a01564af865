"""Starts a daemon that lives on when its starter ends, and says how to reach it, or why it did not start."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from bot.entrypoints.daemon.control import RunningDaemon, ask
from bot.entrypoints.daemon.running import DaemonOptions, state_of
from bot.entrypoints.daemon.state import Runtime, StateFolder
from bot.errors import BotError, Invalid, Refused, Unavailable
from bot.wiring.repository import open_repository

_POLL: Final = 0.1
_LINES: Final = 10
"""So many last lines of the log say why it did not start."""
_TAIL: Final = 20_000
_KINDS: Final[Mapping[int, type[BotError]]] = {kind.exit_code: kind for kind in (Invalid, Unavailable, Refused)}


def start(started: DaemonOptions, *, wait: float) -> Runtime:
    """How to reach the daemon that now runs in the background.

    Raises what keeps it from starting, with the last lines of its log; ``Unavailable`` when its API does not answer
    within ``wait`` seconds, and then it is ended again.
    """
    folder = state_of(started.state, open_repository(started.options))
    if (pid := folder.holder()) is not None:
        raise Refused(
            f"a daemon is running for {started.options.repo} already: pid {pid}",
            advice="`clockwork daemon status` tells what it does, `clockwork daemon stop` ends it.",
        )
    folder.make()
    log = (started.log or folder.log).absolute()
    begin = log.stat().st_size if log.is_file() else 0
    child = _spawned(replace(started, state=folder.path, log=log), log)
    runtime = _answering(child, folder, log, begin, wait)
    # It lives on and nobody waits for it: with a return code, its object's end is no reason for a warning.
    child.returncode = 0
    return runtime


def _spawned(started: DaemonOptions, log: Path) -> subprocess.Popen[bytes]:
    # -P: what lies in the current folder, such as a repository of strangers, is never imported.
    argv = [sys.executable, "-P", "-m", "bot", "daemon", "run", *arguments(started)]
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
            env=dict(started.options.environment),
        )
    finally:
        os.close(descriptor)


def arguments(started: DaemonOptions) -> tuple[str, ...]:
    """How ``clockwork daemon run`` is called for the same daemon."""
    return tuple(_arguments(started))


def _arguments(started: DaemonOptions) -> Iterator[str]:
    options = started.options
    yield from ("--repo", options.repo)
    for live in options.snapshots:
        yield from ("--live", live)
    option_values: Mapping[str, object] = {
        "--live-command": options.live_command,
        "--settings": options.settings,
        "--branch": options.branch,
        "--policy": options.level,
        "--host": started.host,
        "--port": started.port,
        "--state": started.state,
        "--log": started.log,
    }
    for name, value in option_values.items():
        if value is not None:
            yield from (name, str(value))
    for folder in started.watch:
        yield from ("--watch", str(folder))


def _answering(child: subprocess.Popen[bytes], folder: StateFolder, log: Path, begin: int, wait: float) -> Runtime:
    end = time.monotonic() + wait
    while (code := child.poll()) is None:
        runtime = folder.runtime()
        if runtime is not None and runtime.pid == child.pid and _is_healthy(RunningDaemon(child.pid, folder, runtime)):
            return runtime
        if time.monotonic() > end:
            child.terminate()
            child.wait()
            raise Unavailable(
                f"the daemon did not answer within {wait:g} s{_last_lines(log, begin)}", advice=f"See {log}."
            )
        time.sleep(_POLL)
    kind = _KINDS.get(code, BotError)
    raise kind(
        f"the daemon did not start (exit code {code}){_last_lines(log, begin)}", advice=f"The whole log is {log}."
    )


def _is_healthy(daemon: RunningDaemon) -> bool:
    try:
        ask(daemon, "GET", "/healthz")
    except Unavailable:
        return False
    return True


def _last_lines(log: Path, begin: int) -> str:
    """The last lines since byte ``begin``, each on a line of its own."""
    try:
        data = log.read_bytes()
    except OSError:
        return ""
    fresh = data[begin:] if begin <= len(data) else data
    lines = fresh[-_TAIL:].decode(errors="replace").splitlines()[-_LINES:]
    return "".join(f"\n  {line}" for line in lines)
