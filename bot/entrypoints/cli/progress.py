"""How far observers are, as lines on a terminal that are gone when everything has been seen."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bot.ports import ObserverStep, Tell, silent
from bot.report.console import open_console

if TYPE_CHECKING:
    from rich.progress import TaskID


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Tell]:
    """A line for each observer on standard error while the block runs; nothing where nobody sits before it."""
    if quiet or not sys.stderr.isatty():
        yield silent
        return
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.fields[observer]}", style="bold"),
        BarColumn(20),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    lines: dict[str, TaskID] = {}
    doing: dict[str, str] = {}
    with Progress(*columns, console=open_console(stderr=True), transient=True) as bar:

        def tell(step: ObserverStep) -> None:
            if step.observer not in lines:
                lines[step.observer] = bar.add_task("", total=None, observer=escape(step.observer))
            line = lines[step.observer]
            description = escape(f"{step.doing}, {step.objects:,} objects" if step.objects else step.doing)
            change = bar.update if doing.get(step.observer) == step.doing else bar.reset
            doing[step.observer] = step.doing
            change(line, description=description, completed=step.done, total=step.total or None)

        yield tell
