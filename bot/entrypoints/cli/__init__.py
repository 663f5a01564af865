"""The command line: one verb a file, one catch at the top."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from bot.entrypoints.cli import verbosity
from bot.errors import BotError

__all__ = ["main"]

_OBJECTS: Final = 100_000
"""New objects from which on garbage is looked for. Loading modules makes tens of thousands that all stay."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 done · 1 asked-for failure (``--exit-code``, a blocked change) · 2 bad input · 3 could not reach, read or write, try
    again · 4 halted or refused, a person must act · 130 interrupted.
    """
    _open_streams()
    began = time.monotonic()
    code = _caught(sys.argv[1:] if argv is None else list(argv))
    verbosity.event("ended", exit_code=code, seconds=round(time.monotonic() - began, 3))
    return code


def _caught(words: list[str]) -> int:
    try:
        told, words = verbosity.hoisted(words)
        told.apply(os.environ)
        code = _run(words)
        sys.stdout.flush()  # what does not fit on a full disk shows here
    except BotError as exc:
        return _told(str(exc), exc.exit_code)
    except KeyboardInterrupt:
        return _told("interrupted", 130)
    except OSError as exc:
        return _told(_unwritten(exc), 3)
    return code


def _open_streams() -> None:
    """A stream that was closed before the start (``>&-``) takes everything: its number must not become another file's."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))


def _run(words: list[str]) -> int:
    import typer

    from bot.entrypoints.cli import usage
    from bot.entrypoints.cli.app import build

    try:
        code = build()(args=words, prog_name="clockwork", standalone_mode=False)
    except usage.UsageMistake as exc:
        mistake = usage.told(exc)
        if isinstance(mistake, BotError):
            raise mistake from exc
        print(mistake)
        return 2
    except typer.Abort:
        raise KeyboardInterrupt from None
    except SystemExit as exc:
        # Rich and Click end the program with 1 where nobody reads its output any more (rich.console, on_broken_pipe).
        if _is_broken_pipe(exc):
            raise BrokenPipeError from exc
        code = exc.code
    return code if isinstance(code, int) else 0


def _is_broken_pipe(exc: BaseException | None) -> bool:
    while exc is not None:
        if isinstance(exc, BrokenPipeError):
            return True
        exc = exc.__context__
    return False


def _told(message: str, code: int) -> int:
    """``code``, after one message on standard error, without credentials. Output that cannot be written is not tried again
    at the end.
    """
    from bot.secrecy.redaction import redact_tokens

    message = redact_tokens(message)
    with suppress(OSError):  # nobody may read that either
        if verbosity.speaks_json():
            verbosity.event("failed", "error", error=message, exit_code=code)
            return code
        print(f"clockwork: {message}", file=sys.stderr, flush=True)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return code


def _unwritten(exc: OSError) -> str:
    if isinstance(exc, BrokenPipeError):
        return "nobody reads the output any more"
    where = "the output cannot be written" if exc.filename is None else str(exc.filename)
    return f"{where}: {exc.strerror or exc}"


def entry() -> None:
    """The ``clockwork`` console script."""
    gc.set_threshold(_OBJECTS)
    sys.exit(main())
