"""Notices that files change on this machine: in checkouts that are compared as they lie, and in folders of live state.

What is noticed is put into the queue once nothing has moved for a moment, so that an editor's saving, or a checkout of
another branch, is one piece of work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

from bot.entrypoints.daemon.consumer import Log
from bot.entrypoints.daemon.work import CheckoutWork, ReconcileWork, Work, WorkQueue
from bot.errors import Invalid
from bot.intake.discover import SUFFIXES

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

QUIET: Final = 0.5
"""Seconds without a change after which it is looked at."""
_HAPPENED: Final = frozenset({"created", "modified", "deleted", "moved"})
_TEMPLATES: Final = (".tpl", ".tfvars", ".hcl")
_NOT_DECLARING: Final = frozenset({".git", ".terraform", "node_modules", "__pycache__", ".venv"})


def may_declare(path: PurePath) -> bool:
    """Whether a file that changed could be a ``.cw`` file, a manifest or what a manifest is rendered from."""
    return path.name.endswith((*SUFFIXES, *_TEMPLATES)) and not _NOT_DECLARING.intersection(path.parts)


@dataclass(slots=True)
class FileWatch:
    """Folders that are watched. ``checkouts`` are compared as they lie, a change in ``folders`` makes a run due."""

    queue: WorkQueue
    folders: tuple[Path, ...] = ()
    checkouts: tuple[Path, ...] = ()
    log: Log | None = None
    observer: BaseObserver | None = None

    def start(self) -> None:
        """Watch, and compare each checkout once. One that cannot be watched is logged, and compared all the same.

        ``Invalid`` for one of ``folders`` that cannot be watched.
        """
        if not self.folders and not self.checkouts:
            return
        from watchdog.observers import Observer

        self.observer = Observer()
        self.observer.start()
        for folder in self.folders:
            try:
                self._watch(folder, ReconcileWork(), lambda _path: True)
            except OSError as exc:
                self.end()
                raise Invalid(
                    f"cannot watch {folder}: {exc.strerror}", advice="Name an existing folder with --watch."
                ) from exc
        for checkout in self.checkouts:
            try:
                self._watch(checkout, CheckoutWork(checkout), may_declare)
            except OSError as exc:
                if self.log is not None:
                    self.log.warning("checkout not watched", folder=str(checkout), error=exc.strerror)
            self.queue.put(CheckoutWork(checkout))

    def end(self) -> None:
        """Nothing is watched any more."""
        if self.observer is not None:
            self.observer.stop()
            self.observer.join()
            self.observer = None

    def set_checkouts(self, checkouts: Iterable[Path]) -> None:
        """Watch these from now on."""
        if tuple(checkouts) != self.checkouts:
            self.end()
            self.checkouts = tuple(checkouts)
            self.start()

    def _watch(self, folder: Path, work: Work, concerns: Callable[[PurePath], bool]) -> None:
        from watchdog.events import FileSystemEvent, FileSystemEventHandler

        queue = self.queue

        class Changed(FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                paths = (PurePath(str(path)) for path in (event.src_path, event.dest_path) if path)
                if event.event_type in _HAPPENED and any(concerns(_below(folder, path)) for path in paths):
                    queue.put_later(work, QUIET)

        if self.observer is not None:
            self.observer.schedule(Changed(), str(folder), recursive=True)


def _below(folder: Path, path: PurePath) -> PurePath:
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def checkouts_of(paths: Iterable[str], environment: Mapping[str, str]) -> tuple[Path, ...]:
    """The folders that settings name, absolute: ``~`` is the home, a relative one is seen from where the daemon started."""
    home = environment.get("HOME", "")
    folders = (
        Path(home + path[1:]) if home and (path == "~" or path.startswith("~/")) else Path(path) for path in paths
    )
    return tuple(dict.fromkeys(path.absolute() for path in folders))
