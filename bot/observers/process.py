"""Runs another program for an observer: no shell, a deadline for everything it starts, a cap on what it may say."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import assert_never

from bot import processes
from bot.errors import Invalid, Unavailable
from bot.processes import STDERR_KEPT, ProcessEnd, ProcessResult


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    cap: int,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> ProcessResult:
    """``argv`` run to its end, in this process's folder and environment where none is given.

    Raises :class:`Invalid` when it cannot be started, :class:`Unavailable` after ``timeout`` seconds or when it writes
    more than ``cap`` bytes to its standard output; in both cases whatever it started is gone. What it started and left
    behind counts: its output is whole.
    """
    if not argv:
        raise Invalid("cannot start an empty command")
    folder, name = (cwd or Path()).resolve(), argv[0]
    program = str(folder / name) if os.sep in name else name
    with processes.fresh_workspace() as fresh:
        ended = processes.run(
            [program, *argv[1:]],
            b"",
            env=os.environ if env is None else env,
            deadline_seconds=timeout,
            output_cap=cap,
            workspace=replace(fresh, work=folder),
            to_end_of_output=True,
        )
    match ended.ending:
        case ProcessEnd.EXITED:
            return replace(ended, stderr=_whole_lines(ended.stderr))
        case ProcessEnd.NOT_FOUND:
            cause = ended.stderr.removeprefix(f"{program}: ")
            raise Invalid(f"cannot start {name}: {cause}", advice=f"check that the program is {_expected(name)}")
        case ProcessEnd.TIMEOUT:
            raise Unavailable(f"{name} did not finish within {timeout:g} s")
        case ProcessEnd.TOO_LARGE:
            raise Unavailable(f"{name} wrote more than {cap} bytes")
        case _:
            assert_never(ended.ending)


def _expected(name: str) -> str:
    return "there and may be executed" if os.sep in name else "installed and on PATH"


def _whole_lines(stderr: str) -> str:
    """Without the line that was cut where only the end was kept: half a secret is not known for one. Of a single line, its
    end from a whole word on.
    """
    if len(stderr.encode()) < STDERR_KEPT:
        return stderr
    lines = stderr.partition("\n")[2]
    return lines if lines.strip() else f"(cut) {(stderr.split(maxsplit=1)[1:] or [stderr])[0]}"
