"""The image, built by podman from Debian packages of this machine, keeps a repository on the sandbox as anybody's container."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from bot import __version__
from bot.sandbox.server import Sandbox
from tests.deploy import base
from tests.deploy.indexed import may_be_asked, pip_files
from tests.deploy.wheelhouse import same_python, wheelhouse
from tests.distributions import ROOT
from tests.entrypoints.keeping import eventually
from tests.flows.stage import NAME, Stage, open_stage
from tests.observers.podman_engine import Podman, configured

DOCKERFILE: Final = ROOT / "templates" / "deploy" / "Dockerfile"
HARDENED: Final = (
    *("--read-only", "--read-only-tmpfs=false", "--tmpfs", "/tmp", "--cap-drop", "all"),
    *("--security-opt", "no-new-privileges", "--network", "host"),
)


@dataclass(frozen=True)
class Kept:
    """An image and what its containers are given: a sandbox's repository, live state, a token as a file."""

    podman: Podman
    stage: Stage

    def options(self) -> tuple[str, ...]:
        credentials = self.stage.directory / "credentials"
        credentials.mkdir(exist_ok=True)
        (credentials / "CLOCKWORK_TOKEN").write_text(self.stage.token)
        environment = {"CLOCKWORK_CREDENTIALS": "/credentials", "GITHUB_API_URL": self.stage.box.api_url}
        variables = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
        mounts = (f"{credentials}:/credentials:ro", f"{self.stage.live}:/live.json:ro")
        return (*HARDENED, *variables, *(word for mount in mounts for word in ("--volume", mount)))

    def once(self, *words: str) -> str:
        """The output of a command in a container of its own."""
        return self.podman.run("run", "--rm", *self.options(), "clockwork:test", *words)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    with tempfile.TemporaryDirectory(prefix="cw-", ignore_cleanup_errors=True) as path:
        podman = configured(Path(path), driver="overlay")
        built(podman)
        with Sandbox.start(tmp_path / "sandbox") as box:
            stage = open_stage(tmp_path, box)
            stage.safe_drift()
            stage.show()
            for file in (tmp_path, stage.live):
                file.chmod(0o755)
            yield Kept(podman, stage)
        podman.run("rm", "--all", "--force", "--time", "0")
        podman.run("rmi", "--all", "--force")


def built(podman: Podman) -> None:
    """The image ``clockwork:test`` of this checkout."""
    base.write(podman.folder / "base.tar")
    podman.run("import", str(podman.folder / "base.tar"), "localhost/base:1")
    arguments = {"BASE": "localhost/base:1", "PACKAGES": "", "EXTRAS": "daemon", "VERSION": __version__}
    podman.run(
        *("build", "--layers=false", "--format", "docker", "--network", "host"),  # nothing is built a second time
        *("--file", str(DOCKERFILE), "--tag", "clockwork:test"),
        *(word for path, inside in found(podman.folder) for word in ("--volume", f"{path}:{inside}:ro")),
        *(word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")),
        str(ROOT),
    )


def found(folder: Path) -> Iterator[tuple[Path, Path]]:
    """What pip reads while the image is built: wheels of what is installed here and, since a build's environment would be the
    image's too, a file that names them (pip.pypa.io, "Configuration"). Another Python needs other wheels, of an index.
    """
    if not same_python(base.PYTHON):
        may_be_asked()
        certificates = Path("/etc/ssl/certs")
        yield from ((path, path) for path in (*pip_files(), *([certificates] if certificates.is_dir() else ())))
        return
    wheels, told = folder / "wheels", folder / "pip.conf"
    wheelhouse(wheels, "daemon")
    told.write_text(f"[global]\nno-index = true\nfind-links = {wheels}\n")
    yield from ((wheels, wheels), (told, Path("/etc/pip.conf")))


@pytest.mark.podman
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(shutil.which("podman") is None, reason="podman is not installed")
@pytest.mark.skipif(bool(base.lacking()), reason=base.lacking() or "a base can be made")
def test_a_hardened_container_keeps_a_repository(kept: Kept) -> None:
    """By number and without rights, on a root that is read-only: doctor and a run against the sandbox, then a daemon that is
    healthy, runs when it is told to, and ends when it is told to.
    """
    assert_image(json.loads(kept.podman.run("inspect", "clockwork:test"))[0])
    repository = ("--repo", kept.stage.box.git_url(NAME), "--live", "/live.json")
    assert "Nothing would fail" in kept.once("doctor", *repository)
    done = json.loads(kept.once("reconcile", *repository, "--json"))
    assert [action["effect"] for action in done["actions"]] == ["committed"]
    assert "failureThreshold: 6" in kept.stage.file("k8s/web.yaml")
    run = ("daemon", "run", *repository, "--host", "0.0.0.0", "--port", "0")  # noqa: S104 - as the chart starts it
    name = kept.podman.run("run", "--detach", *kept.options(), "clockwork:test", *run)
    eventually(lambda: healthy(kept.podman, name))
    told = json.loads(kept.podman.run("exec", name, "clockwork", "daemon", "check", "--json"))
    assert (told["actions"], told["blocked"]) == ([], None)
    kept.podman.run("stop", "--time", "60", name)
    assert json.loads(kept.podman.run("inspect", name))[0]["State"]["ExitCode"] == 0


def assert_image(image: Any) -> None:
    """What the image says of itself."""
    assert image["Config"]["User"] == "10001:10001"
    assert image["Labels"]["org.opencontainers.image.version"] == __version__
    assert image["Config"]["Volumes"] == {"/var/lib/clockwork": {}}


def healthy(podman: Podman, name: str) -> bool:
    """Whether the image's own health check says yes of a container, which must still run."""
    assert json.loads(podman.run("inspect", name))[0]["State"]["Running"], podman.run("logs", name)
    return podman.succeeds("healthcheck", "run", name)


STAGES: Final = re.split(r"(?m)^FROM ", DOCKERFILE.read_text())[1:]


def test_the_last_stage_builds_nothing() -> None:
    """Compilers, pip and sources stay in the first stage; what runs is neither root nor a name that hides who it is."""
    first, last = STAGES
    assert re.search(r"-m pip .*install", first)
    assert not re.search(r"pip3? (wheel|install)|build-essential|gcc|COPY (?!--from=build)", last)
    assert re.findall(r"(?m)^USER (.*)$", last) == ["10001:10001"]
    assert "HEALTHCHECK" in last


def test_a_base_is_never_whatever_is_newest() -> None:
    """The base has a version, and a release can give a digest; packages bring no recommendations along."""
    assert re.findall(r"(?m)^ARG BASE=(\S+)$", DOCKERFILE.read_text()) == [
        "docker.io/library/python:3.13-slim-bookworm"
    ]
    assert all(stage.startswith("${BASE}") for stage in STAGES)
    assert re.findall(r"apt-get install (-y --no-install-recommends)?", DOCKERFILE.read_text()) == [
        "-y --no-install-recommends"
    ]
