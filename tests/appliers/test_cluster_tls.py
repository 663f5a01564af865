"""How the API of a cluster proves itself: by its certificate, under the name that the kubeconfig says, or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.errors import Unavailable
from bot.kubeapi.access import access
from bot.kubeapi.api import ClusterApi
from tests.appliers.apiserver import ApiServer


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    with ApiServer(tls=True) as made:
        yield made


def asked(server: ApiServer, folder: Path, **cluster: Any) -> object:
    """What the API answers to whoever has this in the kubeconfig; None takes an entry out."""
    path = server.kubeconfig(folder)
    config = json.loads(path.read_text())
    entry = config["clusters"][0]["cluster"] | cluster
    config["clusters"][0]["cluster"] = {key: value for key, value in entry.items() if value is not None}
    path.write_text(json.dumps(config))
    api = ClusterApi(access(str(path), None, {"HOME": str(folder)}), 10)
    try:
        return api.get("/api/v1/namespaces/default/configmaps")
    finally:
        api.close()


def test_a_certificate_of_its_authority_is_taken(server: ApiServer, tmp_path: Path) -> None:
    """By the address, and by another name of it that the kubeconfig says."""
    assert asked(server, tmp_path) is not None
    assert asked(server, tmp_path, **{"tls-server-name": "kubernetes.default.svc"}) is not None


@pytest.mark.parametrize(
    "cluster", [{"tls-server-name": "elsewhere.example.com"}, {"certificate-authority-data": None}], ids=str
)
def test_who_cannot_prove_it_is_told_nothing(server: ApiServer, tmp_path: Path, cluster: dict[str, Any]) -> None:
    """Another name, or a certificate that nobody signed whom we know: no request is sent, so no token is shown."""
    before = len(server.requests)
    with pytest.raises(Unavailable, match=r"(?i)certificate"):
        asked(server, tmp_path, **cluster)
    assert len(server.requests) == before


def test_a_cluster_that_need_not_prove_itself(server: ApiServer, tmp_path: Path) -> None:
    """Where the kubeconfig says so, nothing is verified."""
    insecure = {"certificate-authority-data": None, "insecure-skip-tls-verify": True}
    assert asked(server, tmp_path, **insecure) is not None
