"""One object that several places of a repository declare, while one live state stands for all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.errors import Invalid
from bot.flows.explain import explain
from bot.model.drift import Report
from bot.wiring.reconcile import open_assessment, open_loop, open_origin, open_targets
from bot.wiring.repository import Options

SETTINGS = """\
version: 1
targets:
  - {name: dev, path: clusters/dev}
  - {name: prod, path: clusters/prod}
"""


def config(value: str, name: str = "web") -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: shop}}\ndata: {{a: {value}}}\n"


def drift(root: Path, target: str | None = None) -> Report:
    """What differs where the ConfigMap of prod runs."""
    metadata = {"name": "web", "namespace": "shop"}
    live = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "prod"}}
    snapshot = root / "live.json"
    snapshot.write_text(json.dumps(live))
    return open_assessment(Options(repo=str(root), live=str(snapshot), target=target, environment={}))().report


def written(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.mark.parametrize("settings", [SETTINGS, "version: 1\n"])
def test_folders_of_two_clusters_are_not_compared_with_one(tmp_path: Path, settings: str) -> None:
    """Whether settings name them or not; each is, where it is asked for."""
    files = {"clusters/dev/web.yaml": config("dev"), "clusters/prod/web.yaml": config("prod")}
    written(tmp_path, {"clockwork.yaml": settings, **files})
    report = drift(tmp_path)
    assert (report.resources, report.drift, report.errors) == (0, (), ())
    told = [note for note in report.notes if note.state == "not compared"]
    assert [note.rule for note in told] == ["dev", "prod"]
    assert "both declare ConfigMap/shop/web" in told[0].detail
    prod = drift(tmp_path, "prod")
    assert (prod.resources, prod.drift) == (1, ())
    assert {note.state for note in prod.notes} <= {"incomplete"}
    assert [each.task for each in drift(tmp_path, "dev").drift] == ["dev/ConfigMap/shop/web"]
    with pytest.raises(Invalid, match="did you mean 'prod'"):
        drift(tmp_path, "pro")


def test_a_plain_file_and_a_target_that_declare_one_object_block_it(tmp_path: Path) -> None:
    """Nobody can tell which of them holds; everything else is compared."""
    written(
        tmp_path,
        {
            "clockwork.yaml": "version: 1\ntargets: [{name: prod, path: prod}]\n",
            "prod/web.yaml": config("prod"),
            "prod/more.yaml": config("prod", "more"),
            "old.yaml": config("old"),
        },
    )
    report = drift(tmp_path)
    (error,) = report.errors
    assert (error.file, error.line) == ("old.yaml", 1)
    assert error.message == (
        "ConfigMap/shop/web is also declared for target prod, in prod/web.yaml:1; "
        "it is left alone until one of them is gone"
    )
    assert [(each.task, each.path) for each in report.drift] == [("prod/ConfigMap/shop/more", ())]


def options(root: Path, **more: Any) -> Options:
    return Options(repo=str(root), environment={}, **more)


def test_who_asks_for_what_is_not_compared_is_told_which_target_to_choose(tmp_path: Path) -> None:
    """By ``origin`` and by ``explain``; ``targets`` lists the one that was chosen."""
    written(tmp_path, {"clusters/dev/web.yaml": config("dev"), "clusters/prod/web.yaml": config("prod")})
    with pytest.raises(Invalid) as unknown:
        open_origin(options(tmp_path), "ConfigMap/shop/web", "data.a")
    assert unknown.value.advice == "Not compared are also dev, prod: choose one with --target."
    origin = open_origin(options(tmp_path, target="prod"), "ConfigMap/shop/web", "data.a")
    assert origin.lines == ("clusters/prod/web.yaml:4: written there",)
    drift(tmp_path)
    loop = open_loop(options(tmp_path, live=str(tmp_path / "live.json")))
    with pytest.raises(Invalid) as left:
        explain(loop, "prod/ConfigMap/shop/web")
    assert str(left.value.advice).startswith("Target prod is not compared: targets prod and dev both declare")
    listing = open_targets(options(tmp_path, target="prod"))
    assert [(target.name, target.resources, target.compared) for target in listing.targets] == [("prod", 1, True)]
