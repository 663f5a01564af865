"""The verdicts on real pairs of declared and live objects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.drift.diff import diff
from bot.drift.options import ComparisonOptions
from bot.model.drift import Pair
from bot.model.resource import Desired, Observed, Platform, ResourceId, SourceKind

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "kubernetes-drift"
VERDICTS: list[dict[str, Any]] = (
    json.loads((CORPUS / "verdicts.json").read_text()) if (CORPUS / "verdicts.json").exists() else []
)


def load(name: str) -> dict[str, Any]:
    document = yaml.safe_load((CORPUS / name).read_text())
    assert isinstance(document, dict)
    return document


def pair(config: Mapping[str, Any], live: Mapping[str, Any]) -> Pair:
    metadata = live["metadata"]
    group = str(config["apiVersion"]).rpartition("/")[0]
    id_ = ResourceId(Platform.KUBERNETES, config["kind"], metadata.get("namespace", ""), metadata["name"], group)
    desired = Desired(id_, str(id_), SourceKind.KUBERNETES, config, "config", 1)
    return Pair(desired, Observed(id_, live))


def edited(config: dict[str, Any], edit: str | None) -> dict[str, Any]:
    if edit is None:
        return config
    if "label" in edit:
        labels = config["metadata"]["labels"]
        labels |= {"added": "yes", "app": "another"}
        del labels["chart"]
    else:
        config["data"]["added"] = "eWVz"
    return config


@pytest.mark.skipif(not VERDICTS, reason="the corpus is not beside this checkout")
@pytest.mark.parametrize(
    "verdict", VERDICTS, ids=lambda case: f"{case['config']}-{case.get('option') or case.get('edit') or case['drift']}"
)
def test_a_real_pair_gets_its_verdict(verdict: dict[str, Any]) -> None:
    """Exactly the paths that a verdict names are found, and nothing where it says there is no drift."""
    config = edited(load(verdict["config"]), verdict.get("edit"))
    options = ComparisonOptions(mask_key=b"test", ignore_aggregated_roles="option" in verdict)
    drifts = diff(pair(config, load(verdict["live"])), options)
    paths = {drift.where for drift in drifts}
    expected = verdict.get("paths", [])
    assert bool(drifts) is verdict["drift"]
    assert all(any(path.startswith(prefix) for prefix in expected) for path in paths)
    assert all(any(path.startswith(prefix) for path in paths) for prefix in expected)
