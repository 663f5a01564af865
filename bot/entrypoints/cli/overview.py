"""The help of the whole program, which is kept as text: to build it from sixty verbs takes most of a tenth of a second.

``python -m bot.entrypoints.cli.overview > bot/entrypoints/cli/help.txt`` renews it; a test compares it with the verbs.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bot import __version__

_FILE: Final = Path(__file__).with_name("help.txt")
_COLUMNS: Final = 80
"""No help text is wider; on a narrower terminal it is wrapped for that."""


def prerendered(argv: Sequence[str]) -> str | None:
    """What a command line of one word prints that asks for the program's help or version; None for every other."""
    if len(argv) != 1 or "_CLOCKWORK_COMPLETE" in os.environ:
        return None
    if argv[0] == "--version":
        return f"clockwork {__version__}\n"
    if argv[0] in {"--help", "-h"} and shutil.get_terminal_size().columns >= _COLUMNS and _FILE.is_file():
        return _FILE.read_text("utf-8")
    return None


def rendered() -> str:
    """The help as the verbs say it, as wide as it gets."""
    import typer

    from bot.entrypoints.cli.app import build

    command = typer.main.get_command(build(["--help"]))
    with command.make_context("clockwork", [], resilient_parsing=True, terminal_width=_COLUMNS) as context:
        return f"{command.get_help(context)}\n"


if __name__ == "__main__":
    print(rendered(), end="")
