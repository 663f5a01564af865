"""Charts are rendered for the cluster that is looked at, as far as it tells what it serves; settings count first."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from bot.model.drift import Report
from bot.renderers import tools
from bot.wiring.reconcile import open_assessment
from bot.wiring.repository import Options

pytestmark = pytest.mark.skipif(
    find_spec("helm_python") is None and tools.helm() is None, reason="Helm is not installed"
)

TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: facts, namespace: shop}
data:
  version: "{{ .Capabilities.KubeVersion.Version }}"
  monitors: "{{ .Capabilities.APIVersions.Has "monitoring.coreos.com/v1/ServiceMonitor" }}"
"""
VERSION = {"serverVersion": {"gitVersion": "v1.27.3"}}
KINDS = {
    "kind": "APIResourceList",
    "groupVersion": "monitoring.coreos.com/v1",
    "resources": [{"name": "servicemonitors", "kind": "ServiceMonitor"}],
}


def drift(root: Path, *facts: object, version: str, monitors: str) -> Report:
    """What differs from a live object with these values, in a cluster that tells ``facts`` of itself."""
    (root / "chart" / "templates").mkdir(parents=True, exist_ok=True)
    (root / "chart" / "Chart.yaml").write_text("apiVersion: v2\nname: facts\nversion: 1.0.0\n")
    (root / "chart" / "templates" / "facts.yaml").write_text(TEMPLATE)
    live = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "facts",
            "namespace": "shop",
            "managedFields": [{"manager": "kubectl", "operation": "Update"}],
        },
        "data": {"version": version, "monitors": monitors},
    }
    snapshot = root / "live.json"
    snapshot.write_text("".join(map(json.dumps, [live, *facts])))
    return open_assessment(Options(repo=str(root), live=str(snapshot), environment={}))().report


def test_a_chart_gets_the_version_and_the_kinds_of_the_cluster_that_is_looked_at(tmp_path: Path) -> None:
    """So what it renders for that cluster is no drift."""
    report = drift(tmp_path, VERSION, KINDS, version="v1.27.3", monitors="true")
    assert (report.resources, report.drift) == (1, ())
    assert {note.state for note in report.notes} <= {"incomplete"}  # nobody is recorded to have written the snapshot


def test_settings_count_first(tmp_path: Path) -> None:
    """Each for itself: the version is that of the settings, the kinds are those of the cluster."""
    (tmp_path / "clockwork.yaml").write_text("version: 1\nhelm: {kube_version: v1.25.0}\n")
    assert drift(tmp_path, VERSION, KINDS, version="v1.25.0", monitors="true").drift == ()
    (tmp_path / "clockwork.yaml").write_text("version: 1\nhelm: {api_versions: [other.example.com/v1]}\n")
    assert drift(tmp_path, VERSION, KINDS, version="v1.27.3", monitors="false").drift == ()


def test_without_a_word_of_the_cluster_helm_takes_what_it_takes(tmp_path: Path) -> None:
    """Objects alone tell no version."""
    (difference,) = drift(tmp_path, version="v0.0.1", monitors="false").drift
    assert difference.path == ("data", "version")
    assert difference.desired != "v0.0.1"
