"""A repository on this disk that real daemon processes keep: started, asked and killed as people and systems do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Final

import yaml

from bot.entrypoints.daemon.state import StateFolder
from tests.entry import begun, clockwork
from tests.flows.stage import FILES, running

SETTINGS: Final = "version: 1\nworkers: {export: false}\n"
PATIENCE: Final = 150.0


def eventually(condition: Callable[[], object], *, seconds: float = PATIENCE) -> Any:
    """What ``condition`` comes to as soon as that is something; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (outcome := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return outcome


def git(folder: Path, *words: str) -> str:
    """Git's output in a folder."""
    me = ["-c", "user.name=Rosa", "-c", "user.email=rosa@example.org"]
    done = subprocess.run(["git", "-C", str(folder), *me, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@dataclass
class Keeping:
    """A checkout, the bare repository that it is pushed to, and live state in a file."""

    directory: Path
    children: list[int] = field(default_factory=list)

    @classmethod
    def made(cls, directory: Path, settings: str = SETTINGS) -> Keeping:
        """Nothing has drifted yet."""
        keeping = cls(directory)
        for path, data in {**FILES, "clockwork.yaml": settings.encode()}.items():
            file = keeping.checkout / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        git(keeping.checkout, "init", "-q", "-b", "main")
        git(keeping.checkout, "add", "-A")
        git(keeping.checkout, "commit", "-qm", "First")
        git(directory, "clone", "-q", "--bare", str(keeping.checkout), str(keeping.remote))
        git(keeping.checkout, "remote", "add", "origin", str(keeping.remote))
        keeping.show(running())
        return keeping

    @property
    def checkout(self) -> Path:
        """Where Rosa works."""
        return self.directory / "shop"

    @property
    def remote(self) -> Path:
        """What the daemon keeps."""
        return self.directory / "shop.git"

    @property
    def live(self) -> Path:
        """What runs."""
        return self.directory / "live.json"

    @property
    def state(self) -> StateFolder:
        """The daemon's own folder."""
        return StateFolder(self.directory / "state")

    def show(self, objects: Mapping[str, Any]) -> None:
        """That is what runs now."""
        fresh = self.live.with_suffix(".new")
        fresh.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": list(objects.values())}))
        fresh.replace(self.live)

    def drift(self, misses: int) -> None:
        """Somebody changes how many misses the probe of what runs allows."""
        objects = running()
        container = objects["Deployment"]["spec"]["template"]["spec"]["containers"][0]
        container["readinessProbe"]["failureThreshold"] = misses
        self.show(objects)

    def push(self, path: str, change: Callable[[str], str]) -> str:
        """Rosa changes a file and pushes it; the commit."""
        file = self.checkout / path
        file.write_text(change(file.read_text()))
        git(self.checkout, "commit", "-qam", "By hand")
        git(self.checkout, "pull", "-q", "--rebase", "origin", "main")
        git(self.checkout, "push", "-q", "origin", "HEAD:main")
        return git(self.checkout, "rev-parse", "HEAD")

    def settings(self, **daemon: object) -> Path:
        """A settings file with these settings of the daemon."""
        file = self.directory / "settings.yaml"
        file.write_text(SETTINGS + yaml.safe_dump({"daemon": daemon}))
        return file

    def call(self, verb: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """``clockwork daemon VERB`` about this repository."""
        given = ("--repo", str(self.remote), "--state", str(self.state.path))
        return clockwork("daemon", verb, *given, *words, folder=self.directory, **environment)

    def start(self, *words: str, **environment: str) -> int:
        """A daemon with a log file, as one in the background has it; its pid."""
        log = self.state.log
        self.state.make()
        child = self._begun(*words, "--log", str(log), live=("--live", str(self.live)), output=log, **environment)
        assert child.exitcode is None, log.read_text()
        return child.ident or 0

    def run(self, *words: str, live: tuple[str, ...] | None = None, **environment: str) -> ForkServerProcess:
        """A daemon in the foreground, once its API answers; its standard error is in ``stderr``."""
        sees = ("--live", str(self.live)) if live is None else live
        return self._begun(*words, live=sees, output=self.directory / "stderr", **environment)

    def _begun(self, *words: str, live: tuple[str, ...], output: Path, **environment: str) -> ForkServerProcess:
        """Forked from a process that has the bot imported; tests of the start itself call ``start --background``."""
        given = ("--repo", str(self.remote), "--port", "0", *live, "--state", str(self.state.path))
        child = begun("daemon", "run", *given, *words, folder=self.directory, output=output, **environment)
        pid = child.ident or 0
        self.children.append(pid)
        eventually(lambda: child.exitcode is not None or self._announced(pid))
        return child

    def status(self) -> Any:
        """What the daemon tells of itself."""
        done = self.call("status", "--json")
        return json.loads(done.stdout)

    def events(self, name: str, file: Path | None = None) -> list[Any]:
        """The events of that name in the log."""
        lines = (file or self.state.log).read_text().splitlines()
        parsed = [json.loads(line) for line in lines if line.startswith("{")]
        return [event for event in parsed if event["event"] == name]

    def end(self) -> None:
        """No daemon of ours is left."""
        for child in self.children:
            if self.state.holder() == child:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)

    def _announced(self, pid: int) -> bool:
        runtime = self.state.runtime()
        return runtime is not None and runtime.pid == pid
