"""Real brokers on loopback, each with a folder of its own: Redis, and RabbitMQ where Debian's package is installed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from bot.entrypoints.fleet.celery_queue import broker_problem, open_queue
from bot.settings.fleet import load_fleet

SETTINGS: Final = load_fleet(b"version: 1\nrepositories: [{url: /srv/a}]\n")
_RABBITMQ: Final = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Debian's program on PATH changes to a user of its own, which this one need not."""


def wait_for(is_so: Callable[[], Any], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.2)


@dataclass
class Broker:
    """A server that is started and stopped; its address stays."""

    words: tuple[str, ...]
    url: str
    environment: Mapping[str, str] = field(default_factory=dict)
    last: tuple[str, ...] = ()
    """What ends a helper that it left behind."""
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self.words, env=dict(self.environment), stdout=subprocess.DEVNULL, start_new_session=True
        )
        wait_for(lambda: broker_problem(open_queue(self.url, SETTINGS)) is None)

    def stop(self) -> None:
        """All of its processes are gone."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(60)
        if self.last:
            subprocess.run(self.last, env=dict(self.environment), check=False, capture_output=True)

    @contextmanager
    def running(self) -> Iterator[Broker]:
        self.start()
        try:
            yield self
        finally:
            self.stop()


def redis(folder: Path) -> Broker:
    program = shutil.which("redis-server")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("redis-server is not installed")
        pytest.skip("redis-server is not installed (Debian: apt-get install redis-server)")
    (port,) = free_ports(1)
    words = (program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "")
    return Broker(words, f"redis://127.0.0.1:{port}/0", {"PATH": os.environ["PATH"]})


def rabbitmq(folder: Path) -> Broker:
    """One node with no plug-ins, its own cookie and its own port mapper, all on loopback (rabbitmq.com, "Configuration")."""
    if not _RABBITMQ.exists():
        pytest.skip("RabbitMQ is not installed (Debian: apt-get install rabbitmq-server); CI has no time for it")
    port, between, mapper = free_ports(3)
    told = {
        "NODENAME": f"clockwork{port}@localhost",
        "NODE_IP_ADDRESS": "127.0.0.1",
        "NODE_PORT": str(port),
        "DIST_PORT": str(between),
        "MNESIA_BASE": str(folder / "mnesia"),
        "LOG_BASE": str(folder / "log"),
        "PID_FILE": str(folder / "pid"),
        "ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "CONFIG_FILE": str(folder / "settings"),
    }
    environment = {f"RABBITMQ_{name}": text for name, text in told.items()} | {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(mapper),
    }
    return Broker((str(_RABBITMQ),), f"amqp://guest:guest@127.0.0.1:{port}//", environment, ("epmd", "-kill"))


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on."""
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in held]
    finally:
        for each in held:
            each.close()
