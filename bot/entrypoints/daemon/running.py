"""Starts the daemon's parts and stops them in order. Called by ``clockwork daemon start`` and ``run``."""

from __future__ import annotations

import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from bot import __version__
from bot.entrypoints.daemon.account import one_line_status
from bot.entrypoints.daemon.checkouts import FileWatch, checkouts_of
from bot.entrypoints.daemon.children import end_children
from bot.entrypoints.daemon.consumer import Daemon, Log
from bot.entrypoints.daemon.log import LogFile, logger
from bot.entrypoints.daemon.notify import Notifier
from bot.entrypoints.daemon.state import Runtime, StateFolder
from bot.entrypoints.daemon.status import DaemonStatus
from bot.entrypoints.daemon.steps import Steps
from bot.entrypoints.daemon.surface import Surface
from bot.entrypoints.daemon.watchdog import Watchdog
from bot.entrypoints.daemon.wired import Wired
from bot.entrypoints.daemon.work import ReloadWork
from bot.entrypoints.daemon.workers import WorkerThread
from bot.entrypoints.http import build, listening, serving
from bot.entrypoints.levels import FORMAT, LEVEL
from bot.settings import Settings
from bot.wiring.repository import OpenRepository, Options, SystemClock
from bot.wiring.state import remote_of, state_folder

_STOPPING: Final = "the daemon is stopping"
_ENDING: Final = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class DaemonOptions:
    """How one daemon is started. ``port``, ``state``, ``log`` and ``host`` replace what the settings say; ``watch`` are
    folders in which a change makes a run due.
    """

    options: Options
    port: int | None = None
    watch: tuple[Path, ...] = ()
    state: Path | None = None
    log: Path | None = None
    host: str | None = None


def state_of(folder: Path | None, open_repo: OpenRepository) -> StateFolder:
    """The state folder of a repository: as named on the command line, in the settings, or where the system keeps state."""
    return StateFolder(state_folder(open_repo) if folder is None else folder.expanduser().absolute())


def run(
    started: DaemonOptions,
    *,
    stopping: threading.Event | None = None,
    serving_on: Callable[[Runtime], object] = lambda _runtime: None,
) -> None:
    """Work until SIGTERM, SIGINT or ``stopping``. ``serving_on`` is told how to reach it once the API answers.

    Raises ``Invalid`` or ``Unavailable`` when it cannot start and ``Refused`` while another daemon keeps the repository;
    afterwards failures are logged and the work goes on.
    """
    clock = SystemClock()
    steps = Steps(clock.now)
    wired = Wired(started.options, clock, steps)
    with ExitStack() as stack:
        stack.callback(wired.close)
        if stopping is None:
            stack.callback(end_children)
        folder = state_of(started.state, wired.opened)
        stack.enter_context(folder.hold(wired.opened.name))
        settings = wired.settings.daemon
        file = (
            None
            if started.log is None
            else LogFile(started.log, largest=settings.log_bytes, file_count=settings.log_files)
        )
        if file is not None:
            stack.callback(file.close)
        environment = started.options.environment
        log = logger(file, level=environment.get(LEVEL, "info"), form=environment.get(FORMAT, "json"))
        stack.callback(log.info, "stopped")
        wired.log = log
        notifier = Notifier.of(started.options.environment)
        status = DaemonStatus(clock.now(), pause=folder.pause())
        wired.keep(folder, status)
        daemon = Daemon(
            wired,
            log,
            clock.now,
            status,
            steps,
            stopping=stopping or threading.Event(),
            reloaded=lambda: notifier.ready(one_line_status(daemon)),
            is_ours=wired.is_ours,
        )
        parts = _Parts(started, wired, daemon, folder, file, log, notifier)
        parts.work(stack, in_main_thread=stopping is None, serving_on=serving_on)


@dataclass(frozen=True, slots=True)
class _Parts:
    """The daemon and everything around it."""

    started: DaemonOptions
    wired: Wired
    daemon: Daemon
    folder: StateFolder
    file: LogFile | None
    log: Log
    notifier: Notifier

    def work(self, stack: ExitStack, *, in_main_thread: bool, serving_on: Callable[[Runtime], object]) -> None:
        """Start what goes beside the consumer, be the consumer, and end it all."""
        settings = self.wired.settings.daemon
        port = settings.port if self.started.port is None else self.started.port
        host = settings.host if self.started.host is None else self.started.host
        bound = listening(host, port)
        stack.callback(bound.close)
        runtime = self._runtime(host, bound.getsockname()[1])
        surface = Surface(
            self.daemon,
            runtime,
            self.folder,
            settings=lambda: self.wired.settings,
            limits=lambda: self.wired.loop.run.limits,
            webhooks=lambda: self.wired.webhooks,
            desk=self.wired,
            environment=self.started.options.environment,
        )
        watchdog = self._watchdog(in_main_thread=in_main_thread)
        watchdog.start()
        stack.callback(watchdog.end)
        if in_main_thread:
            stack.enter_context(self._signals(watchdog.wakeup))
        stack.enter_context(serving(build(surface, metrics=self._metrics), bound))
        files = FileWatch(self.daemon.queue, self.started.watch, self._checkouts(self.wired.settings), self.log)
        stack.callback(files.end)
        files.start()
        workers = WorkerThread(self.started.options, self.daemon.status, self.log, meters=self.wired.meters)
        stack.callback(workers.end)
        workers.start()
        self.wired.rewired = partial(self._rewired, watchdog, files, workers)
        stack.callback(self._sign_off)
        self.folder.announce(runtime)
        self.log.info(
            "started", repository=runtime.repository, branch=runtime.branch, port=runtime.port, pid=runtime.pid
        )
        self.notifier.ready(f"keeping {runtime.repository} {runtime.branch}")
        serving_on(runtime)
        self.daemon.run()

    def _runtime(self, host: str, port: int) -> Runtime:
        open_repo = self.wired.opened
        return Runtime(
            pid=os.getpid(),
            host=host,
            port=port,
            token=secrets.token_urlsafe(32),
            version=__version__,
            started=self.daemon.status.started,
            repository=open_repo.name,
            remote=remote_of(open_repo),
            branch=open_repo.branch,
            log=None if self.file is None else str(self.file.path),
        )

    def _metrics(self) -> bytes:
        return self.wired.exposed(len(self.daemon.queue.waiting()))

    def _sign_off(self) -> None:
        self.notifier.stopping()
        self.folder.withdraw()

    def _stop(self) -> None:
        self.daemon.steps.ask(_STOPPING, lasting=True)
        self.daemon.stopping.set()
        self.daemon.queue.wake()

    def _hang_up(self) -> None:
        """What SIGHUP asks for: another log file of the same name, and the settings read again."""
        self.notifier.reloading()
        if self.file is not None:
            self.file.reopen()
        self.daemon.queue.put(ReloadWork())

    def _watchdog(self, *, in_main_thread: bool) -> Watchdog:
        settings = self.wired.settings.daemon
        return Watchdog(
            self.daemon.steps,
            self.daemon.status,
            self.notifier,
            self.log,
            step_timeout=settings.step_timeout,
            stop_timeout=settings.stop_timeout,
            stopping=self.daemon.stopping,
            stop=self._stop,
            hang_up=self._hang_up,
            die=self._die,
            summary=lambda: one_line_status(self.daemon),
            consumer=threading.main_thread().ident if in_main_thread else None,
        )

    def _die(self, code: int) -> None:
        """The process ends at once; the ledger knows what was begun."""
        self.folder.withdraw()
        end_children(grace=0)
        os._exit(code)

    def _rewired(
        self, watchdog: Watchdog, files: FileWatch, workers: WorkerThread, before: Settings, after: Settings
    ) -> None:
        """The settings are others now: every part goes by them."""
        daemon_settings = after.daemon
        watchdog.step_timeout, watchdog.stop_timeout = daemon_settings.step_timeout, daemon_settings.stop_timeout
        if self.file is not None:
            self.file.largest, self.file.backups = daemon_settings.log_bytes, daemon_settings.log_files
        files.set_checkouts(self._checkouts(after))
        for folder in self.daemon.status.checkouts.keys() - set(files.checkouts):
            del self.daemon.status.checkouts[folder]
        workers.rewire(before, after)
        if (before.daemon.host, before.daemon.port, before.daemon.state) != (
            daemon_settings.host,
            daemon_settings.port,
            daemon_settings.state,
        ):
            self.log.warning(
                "restart needed", settings="daemon.host, daemon.port and daemon.state are read at the start"
            )
        self.log.info("settings changed")

    def _checkouts(self, settings: Settings) -> tuple[Path, ...]:
        return checkouts_of(settings.daemon.watch_paths, self.started.options.environment)

    @contextmanager
    def _signals(self, wakeup: int) -> Iterator[None]:
        """Signals reach the watchdog by ``wakeup``, and the consumer where it may be left."""
        steps = self.daemon.steps

        def requested(_number: int, _frame: object) -> None:
            steps.ask(_STOPPING, lasting=True)
            steps.leave()

        def nothing(_number: int, _frame: object) -> None:
            return

        handlers = {
            **dict.fromkeys(_ENDING, requested),
            signal.SIGHUP: nothing,
            signal.SIGALRM: lambda *_: steps.leave(),
        }
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        old = signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(old)
            for number, handler in before.items():
                signal.signal(number, handler)
