"""A podman of its own for tests: own storage, own service, one image made of a static busybox."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.observers.recorder import recording
from tests.observers.waiting import until
from tests.web import new_client, over_socket

BUSYBOX: Final = Path("/bin/busybox")
CONFIGURATION: Final = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "k8s-file"
[engine]
runtime = "{runtime}"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


@dataclass
class Podman:
    """A podman of its own: own storage, own service. ``requests`` are the request lines that came by the recorder."""

    folder: Path
    requests: list[str] = field(default_factory=list)
    driver: str = "vfs"

    @property
    def socket(self) -> str:
        return f"unix://{self.folder}/recorder.sock"

    @property
    def service(self) -> Path:
        """Where its service listens."""
        return self.folder / "podman.sock"

    def argv(self, *words: str) -> list[str]:
        storage = ["--root", str(self.folder / "root"), "--runroot", str(self.folder / "run")]
        return ["podman", *storage, "--storage-driver", self.driver, *words]

    @property
    def environment(self) -> dict[str, str]:
        path = f"{self.folder}/bin:{os.environ['PATH']}"
        return {**os.environ, "CONTAINERS_CONF": str(self.folder / "containers.conf"), "PATH": path}

    def run(self, *words: str) -> str:
        done = subprocess.run(self.argv(*words), env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def ask(self, method: str, path: str, **parameters: str | bool | int) -> Any:
        """What its service answers, which a program would be started for (docs.podman.io, "Reference", libpod)."""
        with new_client(transport=over_socket(self.service), timeout=60) as client:
            answer = client.request(method, f"http://podman/v4.0.0/libpod/{path}", params=parameters)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def remove(self, container: str) -> None:
        """It is killed and gone."""
        self.ask("DELETE", f"containers/{container}", force=True, timeout=0)

    def succeeds(self, *words: str) -> bool:
        """Whether it ends with exit code 0."""
        return subprocess.run(self.argv(*words), env=self.environment, capture_output=True, check=False).returncode == 0


def configured(folder: Path, driver: str = "vfs") -> Podman:
    """Podman without a service. The name of ``folder`` is short: podman refuses a run root of more than 50 characters."""
    runtime = next((name for name in ("runc", "crun") if shutil.which(name)), "runc")
    (folder / "containers.conf").write_text(CONFIGURATION.format(runtime=runtime))
    # Podman has dpkg look up whose file each of its helpers is, several times a request, only to name their packages
    # (`packageVersion`, https://github.com/containers/podman/blob/v4.3.1/libpod/util.go): two thirds of a test's time.
    (folder / "bin").mkdir()
    (folder / "bin" / "dpkg-query").write_text("#!/bin/sh\nexit 1\n")
    (folder / "bin" / "dpkg-query").chmod(0o755)
    return Podman(folder, driver=driver)


def _image(podman: Podman) -> None:
    archive = podman.folder / "image.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(BUSYBOX, "bin/busybox")
    changes = ["ENV FROM_IMAGE=yes", "LABEL maker=image", "WORKDIR /"]
    podman.run("import", *[word for change in changes for word in ("--change", change)], str(archive), "shop:1")


@contextmanager
def running_podman(folder: Path) -> Iterator[Podman]:
    """Podman with its service, until the block ends."""
    podman = configured(folder)
    _image(podman)
    real = podman.service
    service = subprocess.Popen(
        podman.argv("system", "service", "--time=0", f"unix://{real}"),
        env=podman.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert until(real.exists), "podman's service did not start"
    with recording(podman.folder / "recorder.sock", real) as podman.requests:
        yield podman
    podman.run("rm", "--all", "--force", "--time", "0")
    os.killpg(service.pid, signal.SIGTERM)
    service.wait(20)
