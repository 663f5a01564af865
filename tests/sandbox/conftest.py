"""One running sandbox for all of these tests; every test gets a repository of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import github
import github.Repository
import pytest

from bot.sandbox.server import Sandbox
from tests.sandbox.people import BOT, Box, client

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with Sandbox.start(tmp_path_factory.mktemp("sandbox")) as box:
        yield Box(box, token=box.create_user(BOT, bot=True), personal=box.create_user("mallory"))


@pytest.fixture
def box(running: Box) -> Iterator[Box]:
    yield running
    running.server.faults.clear()
    running.server.requests.clear()


@pytest.fixture
def name(box: Box) -> str:
    """A fresh repository with a README and two manifests on ``main``."""
    full_name = f"acme/shop-{next(_numbers)}"
    files = {"README.md": b"# Shop\n", "k8s/web.yaml": b"replicas: 3\nimage: web:1\n", "k8s/api.yaml": b"replicas: 1\n"}
    box.server.create_repository(full_name, files=files)
    return full_name


@pytest.fixture
def gh(box: Box) -> Iterator[github.Github]:
    """PyGithub with the bot's token, without retries and without its own pauses."""
    with client(box.server, box.token) as api:
        yield api


@pytest.fixture
def repo(gh: github.Github, name: str) -> github.Repository.Repository:
    return gh.get_repo(name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
