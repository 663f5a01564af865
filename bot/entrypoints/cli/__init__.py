"""The command line: one verb a file, one catch at the top."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from typing import Final

from bot.errors import BotError

__all__ = ["main"]

_OBJECTS: Final = 100_000
"""New objects from which on garbage is looked for. Loading modules makes tens of thousands that all stay."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 done · 1 asked-for failure (``--exit-code``, a blocked change) · 2 bad input · 3 could not reach, try again ·
    4 halted or refused, a person must act · 130 interrupted.
    """
    from bot.entrypoints.cli.app import build

    try:
        build()(args=None if argv is None else list(argv), prog_name="clockwork")
    except BotError as exc:
        from bot.secrecy.redaction import redact_tokens

        print(f"clockwork: {redact_tokens(str(exc))}", file=sys.stderr)
        return exc.exit_code
    except KeyboardInterrupt:
        print("clockwork: interrupted", file=sys.stderr)
        return 130
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else 0
    return 0


def entry() -> None:
    """The ``clockwork`` console script."""
    gc.set_threshold(_OBJECTS)
    sys.exit(main())
