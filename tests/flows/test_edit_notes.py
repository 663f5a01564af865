"""What people read of an edit that was found by rendering, and of the line that a difference is about."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.edits.values import applied
from bot.flows.edit_notes import edit_notes
from bot.model.drift import Drift, SetValue
from bot.model.json import JSON, Pointer
from bot.model.resource import Platform, ResourceId
from bot.origins.scene import EditPlan, Spot
from bot.wiring.reconcile import open_origin
from bot.wiring.repository import Options
from tests import gitops
from tests.flows.folders import assessed, snapshot
from tests.flows.live_changes import place
from tests.renderers.needs import KUSTOMIZE

OVERLAYS = gitops.HERE / "origins" / "overlays"
SPOT = Spot("prod/kustomization.yaml", 4, ("images", 0, "newTag"), "images entry web")


def named(kind: str, name: str) -> ResourceId:
    return ResourceId(Platform.KUBERNETES, kind, "shop", name)


def test_one_line_that_moves_nothing_else_needs_no_words() -> None:
    """The change itself shows it."""
    assert list(edit_notes(EditPlan({}, (SPOT,)), "prod")) == []


def test_several_lines_are_named() -> None:
    """Where a name and a tag change apart, both places are."""
    other = replace(SPOT, line=9, label="images entry api")
    assert list(edit_notes(EditPlan({}, (SPOT, other, SPOT)), "prod")) == [
        "prod/kustomization.yaml:4: images entry web",
        "prod/kustomization.yaml:9: images entry api",
    ]


def test_what_else_changes_is_told_with_its_reason() -> None:
    """A generated object gets another name, its users follow, others change too, and an object carries the change."""
    old, new, user = named("ConfigMap", "a-1"), named("ConfigMap", "a-2"), named("Deployment", "web")
    others = [("dev", named("Deployment", f"web-{number}")) for number in range(7)]
    plan = EditPlan(
        {},
        (SPOT,),
        (("prod", old), ("prod", new), ("prod", user), *others),
        {old: new},
        (named("HelmRelease", "web"),),
        followers=frozenset({("prod", old), ("prod", new), ("prod", user)}),
    )
    listed = ", ".join(f"dev/Deployment/shop/web-{number}" for number in range(5))
    assert list(edit_notes(plan, "prod")) == [
        "prod/kustomization.yaml:4: images entry web",
        "ConfigMap/shop/a-1 becomes a-2, because what it holds is part of its name",
        "Deployment/shop/web follows, so its pods are replaced",
        f"{listed} and 2 more change too",
        "HelmRelease/shop/web carries it, so it changes as well",
    ]


def drifts(directory: Path, kind: str, name: str, pointer: Pointer, value: JSON) -> tuple[Drift, ...]:
    """What ``clockwork drift`` tells of prod once somebody set one value live."""
    running = {
        id_: applied(tree, SetValue(pointer, value)) if (id_.kind, id_.name) == (kind, name) else tree
        for id_, tree in place(OVERLAYS, "prod").live.items()
    }
    file = snapshot(directory / "live.json", list(running.values()))  # type: ignore[arg-type]  # objects stay mappings
    return assessed(OVERLAYS, live=file, target="prod").report.drift


@KUSTOMIZE
@pytest.mark.parametrize(
    ("pointer", "value", "line"),
    [
        (("spec", "template", "spec", "containers", 0, "image"), "registry.example.com/shop/web:v2", 13),
        (("spec", "replicas"), 9, 16),
        (("metadata", "labels", "env"), "qa", 9),
    ],
)
def test_a_difference_names_the_line_that_sets_the_value(
    tmp_path: Path, pointer: Pointer, value: JSON, line: int
) -> None:
    """The tag, the count and the label of the overlay, and not the manifest that the object begins in."""
    (drift,) = drifts(tmp_path, "Deployment", "web", pointer, value)
    assert drift.declared_at == f"overlays/prod/kustomization.yaml:{line}"


@KUSTOMIZE
def test_the_answer_for_people_fits_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A generated object is found by its own name; what the edit would change is told in lines of eighty characters."""
    options = Options(repo=str(OVERLAYS), target="prod", environment={})
    text = open_origin(options, "ConfigMap/prod/web-settings", "data.LOG_LEVEL").text()
    first, second, *rows = text.splitlines()
    assert first.startswith("prod/ConfigMap/prod/web-settings-")
    assert second == '  data.LOG_LEVEL = "info"'
    assert rows[:2] == [
        "  ← base/kustomization.yaml:10: configMapGenerator[0].literals[0] of the",
        "    kustomization",
    ]
    follows = rows.index("    Deployment/prod/web")
    assert rows[follows + 1] == "      spec.template.spec.containers[web].envFrom[#0].configMapRef.name"
    assert rows[-1] == "    Deployment/prod/web follows, so its pods are replaced"
    assert all(len(row) <= 80 for row in rows)


@KUSTOMIZE
def test_what_a_line_sets_elsewhere_is_told_once() -> None:
    """A label of all objects: the others are listed as what the line sets, and not again as what the edit changes."""
    origin = open_origin(
        Options(repo=str(OVERLAYS), target="prod", environment={}), "Service/prod/web", "metadata.labels.env"
    )
    assert len(origin.feeds) == 6
    assert origin.effects == ()
    assert json.loads(json.dumps(origin.as_json()))["edit_also_changes"] == []
