"""The verdicts on real pairs of declared and live objects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.drift.options import ComparisonOptions
from bot.model.resource import Desired, Observed, Platform, ResourceId, SourceKind
from tests.corpus import BESIDE, OWN
from tests.drift.makers import Pair, diff


def verdicts() -> list[pytest.ParameterSet]:
    """Each verdict with the folder its objects lie in."""
    rows = []
    for folder, prefix, marks in (
        (OWN / "kubernetes", "", ()),
        (BESIDE / "kubernetes-drift", "beside-", (pytest.mark.extra,)),
    ):
        listed = folder / "verdicts.json"
        for verdict in json.loads(listed.read_text()) if listed.exists() else ():
            what = verdict.get("option") or verdict.get("edit") or verdict["drift"]
            name = f"{prefix}{verdict['config']}-{verdict['live']}-{what}"
            rows.append(pytest.param(folder, verdict, id=name, marks=marks))
    return rows


def load(path: Path) -> dict[str, Any]:
    tree = yaml.safe_load(path.read_text())
    assert isinstance(tree, dict)
    return tree


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


@pytest.mark.parametrize(("folder", "verdict"), verdicts())
def test_a_real_pair_gets_its_verdict(folder: Path, verdict: dict[str, Any]) -> None:
    """Exactly the paths that a verdict names are found, and nothing where it says there is no drift."""
    config = edited(load(folder / verdict["config"]), verdict.get("edit"))
    options = ComparisonOptions(mask_key=b"test", ignore_aggregated_roles="option" in verdict)
    drifts = diff(pair(config, load(folder / verdict["live"])), options)
    paths = {drift.where for drift in drifts}
    expected = verdict.get("paths", [])
    assert bool(drifts) is verdict["drift"]
    assert all(any(path.startswith(prefix) for prefix in expected) for path in paths)
    assert all(any(path.startswith(prefix) for path in paths) for prefix in expected)
