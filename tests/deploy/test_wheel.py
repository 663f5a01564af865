"""The wheel that is built from a checkout without Git: small, the same each time, and whole enough to run the demo."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Final

import pytest

from bot import __version__, shipped
from tests.deploy.wheelhouse import wheelhouse
from tests.distributions import ROOT
from tests.renderers import needs

LARGEST: Final = 2_300_000
"""Bytes. Six sevenths are the code, compressed file by file; most of the rest are names of files and their digests."""
UNREAD: Final = re.compile(r"(deploy|metrics|workflows)/|README\.md$")
"""What people take from the repository's ``templates/`` and no installed program reads."""
TOP: Final = ("pyproject.toml", "README.md", "LICENSE", "requirements.lock")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the project's own build backend, from files alone: as from a tarball, without history and tags."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in ("bot", "policies", "templates"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in TOP:
        shutil.copy(ROOT / name, source / name)
    return built(source, "wheel", folder / "wheels")


def built(source: Path, target: str, folder: Path) -> Path:
    words = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    subprocess.run(words, cwd=source, check=True, capture_output=True)
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)  # noqa: S202 - ours, of a moment ago
    return folder


def test_the_wheel_is_small_and_has_the_version(wheel: Path) -> None:
    """Its name says the version, and its size has a limit."""
    assert wheel.name == f"clockwork_gitops-{__version__}-py3-none-any.whl"
    assert wheel.stat().st_size <= LARGEST


def test_the_wheel_holds_what_is_read_and_nothing_else(unpacked: Path) -> None:
    """Code, policies and templates byte for byte; neither tests nor what only a reader of the repository uses."""
    data = unpacked / "bot" / "data"
    assert held(data / "policies") == dict(shipped.files("policies"))
    templates = shipped.files("templates")
    assert held(data / "templates") == {path: body for path, body in templates.items() if not UNREAD.match(path)}
    assert {entry.name for entry in unpacked.iterdir()} == {"bot", f"clockwork_gitops-{__version__}.dist-info"}
    assert [page for page in unpacked.rglob("README.md") if data not in page.parents] == []


def held(folder: Path) -> dict[str, bytes]:
    files = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    return {path: (folder / path).read_bytes() for path in files}


def test_the_source_archive_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    """What is published as source builds what is published as wheel, byte for byte."""
    archive = built(ROOT, "sdist", tmp_path / "sdist")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "unpacked")  # noqa: S202 - ours, of a moment ago
    (source,) = (tmp_path / "unpacked").iterdir()
    assert built(source, "wheel", tmp_path / "wheels").read_bytes() == wheel.read_bytes()


@pytest.fixture
def demo(wheel: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """The demo, played by what pip puts into an empty environment, of the wheel and its extra."""
    program = tmp_path / "venv" / "bin"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(program.parent)], check=True)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", str(program / "python"), "install", "-q"),
            *("--constraint", str(ROOT / "requirements.lock"), f"{wheel}[demo]"),
        ],
        check=True,
        cwd=tmp_path,
        env={
            **{name: text for name, text in os.environ.items() if name != "PYTHONPATH"},
            **wheelhouse(tmp_path / "wheels", "demo"),
            "PIP_COMPILE": "0",
        },
    )
    environment = {"HOME": str(tmp_path), "PATH": f"{program}:{os.environ['PATH']}"}
    called = [str(program / "clockwork"), "demo", "--no-serve", "--json"]
    return subprocess.run(called, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.timeout(600)
@needs.HELM
@needs.KUSTOMIZE
def test_the_wheel_runs_the_demo_with_what_its_extra_brings(demo: subprocess.CompletedProcess[str]) -> None:
    """The wheel and the distributions of `[demo]`, and no other, play the whole loop outside of any checkout."""
    assert demo.returncode == 0, demo.stderr
    account = json.loads(demo.stdout)
    assert re.fullmatch(r"[0-9a-f]{40}", account["artifact_commit"]["sha"])
    assert account["pull_request"]["url"]
