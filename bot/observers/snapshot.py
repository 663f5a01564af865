"""The snapshot observer: live state that somebody else already wrote down, in a file, at a URL or as a command's output.

Settings: ``source`` (path, ``http(s)://`` URL or command line), ``kind`` (file, url, command; guessed for URLs),
``timeout`` in seconds for the whole look, ``cap`` in bytes.

A file that is not there or text that is neither JSON nor YAML is bad input (``Invalid``); a server that does not
answer, a command that fails and an answer that is too large are ``Unreachable``. A command is an argument list and is
never given to a shell.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from bot.errors import Invalid, Unavailable
from bot.model.cluster import ServedApi
from bot.model.observation import Observation
from bot.model.resource import Desired, Platform, Unreachable
from bot.observers.documents import SnapshotContents, snapshot_contents
from bot.observers.placement import placed, spelled
from bot.observers.plans import PlanReader
from bot.observers.process import run
from bot.secrecy.sanitize import shown_url, tail
from bot.trust import web_authorities

DEFAULT_CAP: Final = 512 * 1024 * 1024
_FRESH: Final = timedelta(minutes=2)
"""How long what was read to learn about the cluster is what runs."""


class SourceForm(StrEnum):
    """Where a snapshot comes from."""

    FILE = "file"
    URL = "url"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class SnapshotObserver:
    """Reads one snapshot. ``source`` of a command is an argument list, or a line that is split as a shell would."""

    source: str | Path | Sequence[str]
    kind: SourceForm | None = None
    timeout: float = 30.0
    cap: int = DEFAULT_CAP
    name: str = "snapshot"
    platforms: frozenset[Platform] = frozenset(Platform)
    mask_key: bytes = field(default=b"", repr=False)
    """Keys the digests of secrets in a Terraform plan."""
    data: bytes | None = field(default=None, repr=False)
    """What was read already, such as standard input."""
    _contents: list[SnapshotContents] = field(default_factory=list, compare=False, repr=False)

    def served(self, *, now: datetime) -> ServedApi:
        """What the snapshot tells of the cluster. It is kept for :meth:`observe`, which comes next."""
        self._contents[:] = [snapshot_contents(self._read(), self._shown, now)]
        return self._contents[0].observation.served

    def observe(self, declared: Sequence[Desired], *, now: datetime) -> Observation:
        fresh_contents = [contents for contents in self._contents if now - contents.observation.at < _FRESH]
        self._contents.clear()
        try:
            snapshot = fresh_contents[0] if fresh_contents else snapshot_contents(self._read(), self._shown, now)
            differences = [
                drift for plan in snapshot.plans for drift in PlanReader(declared, self.mask_key).drifts(plan)
            ]
        except Unavailable as exc:
            return Observation(now, unreachable=(Unreachable(self.name, self._shown, exc.message),))
        return replace(
            snapshot.observation,
            resources=spelled(placed(snapshot.observation.resources, declared, "default"), declared),
            differences=tuple(differences),
            compared=frozenset({Platform.TERRAFORM}) if snapshot.plans else frozenset(),
        )

    @property
    def _form(self) -> SourceForm:
        """As it was said, else ``url`` for ``http://`` and ``https://``: a command in one line is never guessed."""
        if self.kind is not None:
            return self.kind
        if not isinstance(self.source, str | Path):
            return SourceForm.COMMAND
        return SourceForm.URL if str(self.source).lower().startswith(("http://", "https://")) else SourceForm.FILE

    @property
    def _argv(self) -> list[str]:
        if not isinstance(self.source, str | Path):
            return list(self.source)
        try:
            return shlex.split(str(self.source))
        except ValueError as exc:
            raise Invalid(f"the snapshot command cannot be split into words: {exc}") from exc

    @property
    def _shown(self) -> str:
        """The source as messages name it: a command by its program only, its arguments may hold secrets."""
        if self.data is not None:
            return "standard input"
        match self._form:
            case SourceForm.FILE:
                return str(self.source)
            case SourceForm.URL:
                return shown_url(str(self.source))
            case SourceForm.COMMAND:
                return f"output of {(self._argv or ['an empty command'])[0]}"

    def _read(self) -> bytes:
        if self.data is not None:
            return self.data
        match self._form:
            case SourceForm.FILE:
                return _from_file(Path(str(self.source)), self.cap)
            case SourceForm.URL:
                return _from_url(str(self.source), self.timeout, self.cap)
            case SourceForm.COMMAND:
                return _from_command(self._argv, self.timeout, self.cap)


def _from_file(path: Path, cap: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(cap + 1)
    except OSError as exc:
        raise Invalid(f"cannot read the snapshot {path}: {exc.strerror or exc}") from exc
    if len(data) > cap:
        raise Unavailable(f"larger than {cap} bytes")
    return data


def _from_command(argv: list[str], timeout: float, cap: int) -> bytes:
    finished = run(argv, timeout=timeout, cap=cap)
    if finished.exit_code != 0:
        message = tail(finished.stderr)
        raise Unavailable(f"exit code {finished.exit_code}" + (f": {message}" if message else ""))
    return finished.stdout


def _from_url(url: str, timeout: float, cap: int) -> bytes:
    import httpx

    deadline = time.monotonic() + timeout
    try:
        with (
            httpx.Client(verify=web_authorities(), timeout=timeout, follow_redirects=True) as client,
            client.stream("GET", url) as answer,
        ):
            if not answer.is_success:
                raise Unavailable(f"the server answered {answer.status_code} {answer.reason_phrase}")
            return b"".join(_bounded(answer.iter_bytes(65536), deadline, cap))
    except httpx.TimeoutException as exc:
        raise Unavailable(f"no answer within {timeout:g} s") from exc
    except httpx.InvalidURL as exc:
        raise Invalid(f"the snapshot URL {shown_url(url)} is not a URL: {exc}") from exc
    except httpx.HTTPError as exc:
        raise Unavailable(tail(str(exc)) or type(exc).__name__) from exc


def _bounded(chunks: Iterator[bytes], deadline: float, cap: int) -> Iterator[bytes]:
    """The chunks while they are in time and together no more than ``cap`` bytes."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > cap:
            raise Unavailable(f"larger than {cap} bytes")
        if time.monotonic() > deadline:
            raise Unavailable("the answer did not end in time")
        yield chunk
