"""The command line: one verb a file, one catch at the top."""

from __future__ import annotations

import gc
import io
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from bot.entrypoints.cli import verbosity
from bot.entrypoints.credentials import credentials
from bot.errors import BotError

if TYPE_CHECKING:
    import typer

_OUTPUT: Final = "the output cannot be written"
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


def _caught(argv: list[str]) -> int:
    try:
        verbosity_found, argv = verbosity.split_verbosity(argv)
        verbosity_found.apply(os.environ)
        os.environ.update(credentials(os.environ))
        code = _run(argv)
        sys.stdout.flush()  # what does not fit on a full disk shows here
    except BotError as exc:
        return _exit_with(str(exc), exc.exit_code)
    except KeyboardInterrupt:
        return _exit_with("interrupted", 130)
    except OSError as exc:
        return _exit_with(_failed(exc), 3)
    except ModuleNotFoundError as exc:
        return _lacking(exc, argv)
    return code


def _lacking(exc: ModuleNotFoundError, argv: Sequence[str]) -> int:
    """Tell which extra brings what is missing; a module that is of none is a defect, and stays one."""
    from bot.extras import lacking

    verb = next((argument for argument in argv if not argument.startswith("-")), "")
    if (mistake := lacking(exc, verb)) is None:
        raise exc
    return _exit_with(str(mistake), mistake.exit_code)


class _Stream(io.FileIO):
    """A standard stream whose failures are told apart from those of every other file, which have no name either (the system
    names a file that cannot be opened, never one that cannot be written).
    """

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as exc:
            exc.filename = _OUTPUT
            raise


def _open_streams() -> None:
    """A stream that was closed before the start (``>&-``) takes everything: its number must not become another file's."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
        elif type(stream) is io.TextIOWrapper:
            stream.flush()
            setattr(sys, name, _marked(stream))


def _marked(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """The same stream, as Python opens it (``create_stdio`` in its pylifecycle.c), on a :class:`_Stream`."""
    raw = _Stream(stream.fileno(), "w", closefd=False)
    is_buffered = isinstance(stream.buffer, io.BufferedWriter)
    return io.TextIOWrapper(
        io.BufferedWriter(raw) if is_buffered else raw,  # as Python does with -u
        encoding=stream.encoding,
        errors=stream.errors,
        newline="\n",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _run(argv: list[str]) -> int:
    from bot.entrypoints.cli.overview import prerendered

    if (text := prerendered(argv)) is not None:
        print(text, end="")
        return 0
    return _parsed(argv)


def _parsed(argv: list[str]) -> int:
    import typer

    from bot.entrypoints.cli import usage

    try:
        code = _built(argv)(args=argv, prog_name="clockwork", standalone_mode=False)
    except usage.UsageMistake as exc:
        mistake = usage.explained(exc)
        if isinstance(mistake, BotError):
            raise mistake from exc
        print(mistake)
        return 2
    except typer.Abort:
        raise KeyboardInterrupt from None
    except SystemExit as exc:
        # Rich and Click end the program with 1 where nobody reads its output any more (rich.console, on_broken_pipe).
        if (cause := _broken_pipe(exc)) is not None:
            raise cause from exc
        code = exc.code
    return code if isinstance(code, int) else 0


def _built(argv: list[str]) -> typer.Typer:
    """The command line for ``argv``; whole where a shell asks what could be written next (``_CLOCKWORK_COMPLETE``)."""
    from bot.entrypoints.cli.app import build

    return build(None if "_CLOCKWORK_COMPLETE" in os.environ else argv)


def _broken_pipe(exc: BaseException | None) -> BrokenPipeError | None:
    while exc is not None:
        if isinstance(exc, BrokenPipeError):
            return exc
        exc = exc.__context__
    return None


def _exit_with(message: str, code: int) -> int:
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


def _failed(exc: OSError) -> str:
    """What the system says no to: the output, a file that it names, or something else, which it does not tell."""
    if exc.filename == _OUTPUT and isinstance(exc, BrokenPipeError):
        return "nobody reads the output any more"
    reason = exc.strerror or str(exc) or type(exc).__name__
    if exc.filename is None or isinstance(exc.filename, int):
        return f"the system refused a step: {reason}"
    return f"{os.fsdecode(exc.filename)}: {reason}"


def entry() -> None:
    """The ``clockwork`` console script."""
    gc.set_threshold(_OBJECTS)
    # Pydantic looks for plug-ins of its own in the metadata of everything that is installed, a tenth of a short run
    # (docs.pydantic.dev, "Plugins"). Whoever uses one sets the variable to nothing.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    code = main()
    gc.freeze()  # what is left goes with the process; to go through it once more takes a tenth of a second
    sys.exit(code)
