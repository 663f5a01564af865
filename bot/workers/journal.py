"""What is remembered of the workers on this machine: their last runs, which of them a person stopped, what they found out.

A folder with ``workers.json`` (the state of each), ``runs.jsonl`` (a line a run) and ``insights.json`` (saved trends). It is
memory of this machine alone: losing it costs that every worker runs once at once. Who writes holds ``workers.lock``, and
who runs a worker holds ``NAME.lock`` meanwhile (flock(2): the kernel lets go of a lock with its process).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from bot.errors import Invalid, Refused, Unavailable
from bot.workers.analysis import SavedTrends
from bot.workers.names import Worker

STATES: Final = "workers.json"
RUNS: Final = "runs.jsonl"
INSIGHTS: Final = "insights.json"
_Content = TypeVar("_Content")


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """One run of a worker: when it began, how long it took in seconds, and a sentence about it or why it failed.

    ``missed`` counts the times before it that nobody was there for: the machine slept, or nothing ran the workers.
    """

    at: datetime
    seconds: float
    summary: str = ""
    error: str | None = None
    missed: int = 0


@dataclass(frozen=True, slots=True)
class WorkerState:
    """One worker. ``stopped`` is since when a person wants it not to run, ``reason`` their words for it."""

    last: RecordedRun | None = None
    stopped: datetime | None = None
    reason: str = ""
    failures: int = 0
    """Failed runs since the last one that was not."""

    def after(self, run: RecordedRun) -> WorkerState:
        """The state once ``run`` is over."""
        return replace(self, last=run, failures=0 if run.error is None else self.failures + 1)


class WorkerMemory(Protocol):
    """Where the states of workers are kept. Every method raises ``BotError`` when it cannot be done."""

    def states(self) -> Mapping[Worker, WorkerState]:
        """What is known; a worker without an entry never ran and was not stopped."""
        ...

    def change(self, name: Worker, change: Callable[[WorkerState], WorkerState]) -> None:
        """Change one worker's state; nobody else changes it meanwhile."""
        ...

    def hold(self, name: Worker) -> contextlib.AbstractContextManager[None]:
        """Nobody else runs the worker while the context lasts. ``Refused`` while somebody does."""
        ...

    def save(self, trends: SavedTrends) -> None:
        """Keep what the analysis found out."""
        ...

    def saved(self) -> SavedTrends | None:
        """What the analysis kept; None before it ever ran."""
        ...


@dataclass(slots=True)
class TransientJournal:
    """A memory for as long as the process lives."""

    worker_states: dict[Worker, WorkerState] = field(default_factory=dict)
    trends: SavedTrends | None = None

    def states(self) -> Mapping[Worker, WorkerState]:
        return dict(self.worker_states)

    def change(self, name: Worker, change: Callable[[WorkerState], WorkerState]) -> None:
        self.worker_states[name] = change(self.worker_states.get(name, WorkerState()))

    def hold(self, name: Worker) -> contextlib.AbstractContextManager[None]:
        del name
        return contextlib.nullcontext()

    def save(self, trends: SavedTrends) -> None:
        self.trends = trends

    def saved(self) -> SavedTrends | None:
        return self.trends


_STATES: Final = TypeAdapter(dict[Worker, WorkerState])
_SAVED: Final = TypeAdapter(SavedTrends)


@dataclass(frozen=True, slots=True)
class WorkerJournal:
    """The memory in a folder, which is made when something is first written."""

    folder: Path

    @property
    def runs(self) -> Path:
        """The log of runs."""
        return self.folder / RUNS

    def states(self) -> Mapping[Worker, WorkerState]:
        data = self._read(STATES)
        return _parsed(_STATES, b"{}" if data is None else data, self.folder / STATES)

    def change(self, name: Worker, change: Callable[[WorkerState], WorkerState]) -> None:
        with self._locked("workers.lock", wait=True):
            states = dict(self.states())
            before = states.get(name, WorkerState())
            states[name] = change(before)
            self._write(STATES, _STATES.dump_json(states, indent=1))
            if states[name].last is not before.last:
                self._log(name, states[name])

    @contextmanager
    def hold(self, name: Worker) -> Iterator[None]:
        with self._locked(f"{name.value}.lock", wait=False):
            yield

    def save(self, trends: SavedTrends) -> None:
        self._write(INSIGHTS, _SAVED.dump_json(trends, indent=1))

    def saved(self) -> SavedTrends | None:
        data = self._read(INSIGHTS)
        return None if data is None else _parsed(_SAVED, data, self.folder / INSIGHTS)

    def _log(self, name: Worker, state: WorkerState) -> None:
        """Opened for each line, so that whoever rotates the log may rename it at any time."""
        run = state.last
        if run is not None:
            line = {"worker": name.value, **_STATES.dump_python({name: state}, mode="json")[name.value]["last"]}
            with _written(self.runs), self.runs.open("a", encoding="utf-8") as log:
                log.write(f"{json.dumps(line)}\n")

    def _read(self, name: str) -> bytes | None:
        path = self.folder / name
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise Unavailable(f"{path} cannot be read: {exc.strerror}") from exc

    def _write(self, name: str, data: bytes) -> None:
        """The file is whole at any time: readers see the old one or the new one."""
        path = self.folder / name
        with _written(path):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = path.with_name(f".{name}.{os.getpid()}")
            temporary.write_bytes(data + b"\n")
            temporary.replace(path)

    @contextmanager
    def _locked(self, name: str, *, wait: bool) -> Iterator[None]:
        path = self.folder / name
        with _written(path):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            os.close(descriptor)
            worker = name.removesuffix(".lock")
            raise Refused(
                f"the {worker} worker is running already", advice="`clockwork worker status` shows it."
            ) from exc
        try:
            yield
        finally:
            os.close(descriptor)


def running(folder: Path, name: Worker) -> bool:
    """Whether some process runs the worker now."""
    try:
        descriptor = os.open(folder / f"{name.value}.lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _parsed(adapter: TypeAdapter[_Content], data: bytes, path: Path) -> _Content:
    try:
        return adapter.validate_json(data)
    except ValidationError as exc:
        raise Invalid(
            f"{path} is not what the workers wrote",
            advice="Delete it: every worker then runs once, and none counts as stopped.",
        ) from exc


@contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise Unavailable(f"{path} cannot be written: {exc.strerror}") from exc
