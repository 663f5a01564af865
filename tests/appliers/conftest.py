"""A running stand-in for the API server, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.appliers.apiserver import ApiServer
from tests.appliers.asking import asking


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer() as server:
        yield server


@pytest.fixture
def client(server: ApiServer) -> Iterator[httpx.Client]:
    with asking(server) as client:
        yield client
