"""The edit that renders to a wanted value, on a templater of a few lines: files in, objects out, and nobody to ask but it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
import yaml

from bot.edits.values import applied
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.filetree import FileTree, content_id
from bot.model.json import JSON, Tree
from bot.model.resource import Platform, ResourceId
from bot.origins.scene import EditPlan, Goal, Layer, NoEdit, Objects, Scene
from bot.origins.search import find_edit, trace

WEB = ResourceId(Platform.KUBERNETES, "Deployment", "shop", "web", "apps")
JOB = ResourceId(Platform.KUBERNETES, "Job", "shop", "import", "batch")

FILES: Mapping[str, bytes] = {
    "base.yaml": b"# everybody's\nlogLevel: info\nimage: registry/web\ntag: 1.0.0\n",
    "dev.yaml": b"replicas: 1\n",
    "prod.yaml": b"# prod\nreplicas: 4\ntag: 1.4.2 # pinned\nlabels: {tier: front}\n",
}
TARGETS: Mapping[str, tuple[str, ...]] = {"dev": ("base.yaml", "dev.yaml"), "prod": ("base.yaml", "prod.yaml")}


def objects_of(values: Mapping[str, JSON]) -> Mapping[ResourceId, Tree]:
    """What the templater makes of the values: a deployment, and a job of the same image."""
    image = f"{values['image']}:{values['tag']}"
    container: Tree = {"name": "web", "image": image, "args": [f"--level={values['logLevel']}"], "ports": [8080]}
    labels = values.get("labels") or {}
    web: Tree = {
        "kind": "Deployment",
        "metadata": {"labels": labels},
        "spec": {"replicas": values["replicas"], "of": container},
    }
    return {WEB: web, JOB: {"kind": "Job", "spec": {"image": image}}}


def rendered(tree: FileTree, changed: frozenset[str] | None = None) -> Objects | None:
    """Each target's files over one another, rendered; None where they are no YAML or lack a value."""
    made = {}
    for target, files in TARGETS.items():
        if changed is not None and not changed & set(files):
            continue
        values: dict[str, JSON] = {}
        try:
            for file in files:
                values |= yaml.safe_load(tree.read(file) or b"") or {}
            made[target] = objects_of(values)
        except (yaml.YAMLError, KeyError, TypeError):
            return None
    return made


def scene(files: Mapping[str, bytes] = FILES) -> Scene:
    """The commit with these files."""
    blobs = {content_id(data): data for data in files.values()}
    tree = FileTree({path: content_id(data) for path, data in files.items()}, blobs.__getitem__)
    objects = rendered(tree)
    assert objects is not None
    defaults: Tree = yaml.safe_load(files["base.yaml"])
    return Scene(
        tree,
        objects,
        rendered,
        {target: frozenset(paths) for target, paths in TARGETS.items()},
        layers=(Layer("prod.yaml", values=True, defaults=defaults),),
        fast=True,
    )


def found(*edits: Edit, files: Mapping[str, bytes] = FILES, id_: ResourceId = WEB) -> EditPlan:
    """The plan for prod, which must exist; it renders to exactly what was wanted, beside what it says it moves."""
    before = scene(files)
    plan = find_edit(Goal("prod", {id_: edits}), before)
    assert isinstance(plan, EditPlan), plan
    after = rendered(before.tree.with_changes(plan.files))
    assert after is not None
    wanted: JSON = before.objects["prod"][id_]
    for edit in edits:
        wanted = applied(wanted, edit)
    moved = {(t, i) for t, objects in after.items() for i in objects if objects[i] != before.objects[t][i]}
    assert json.dumps(after["prod"][id_]) == json.dumps(wanted)
    assert moved - {("prod", id_)} == set(plan.moves)
    return plan


def test_a_leaf_of_the_target_is_changed_in_its_line() -> None:
    """The number stands in prod's file: one line of it changes, and the comment above stays."""
    plan = found(SetValue(("spec", "replicas"), 6))
    assert plan.files == {"prod.yaml": FILES["prod.yaml"].replace(b"replicas: 4", b"replicas: 6")}
    assert not plan.moves
    assert (plan.spots[0].file, plan.spots[0].line) == ("prod.yaml", 2)


def test_a_part_of_a_text_is_found() -> None:
    """The image is put together from two leaves: the tag alone changes, and what else takes it is named."""
    plan = found(SetValue(("spec", "of", "image"), "registry/web:1.4.3"))
    assert plan.files == {"prod.yaml": FILES["prod.yaml"].replace(b"1.4.2 #", b"1.4.3 #")}
    assert plan.moves == (("prod", JOB),)


def test_what_others_read_is_overridden_nearby() -> None:
    """The level stands in everybody's file: prod gets an entry of its own, and dev does not move."""
    plan = found(SetValue(("spec", "of", "args", 0), "--level=debug"))
    assert set(plan.files) == {"prod.yaml"}
    assert b"logLevel: debug" in plan.files["prod.yaml"]


def test_an_edit_that_moves_others_names_them() -> None:
    """Where nothing can be overridden nearby, everybody's line changes, and all that moves is told."""
    before = replace(scene(), layers=(), fast=False)
    plan = find_edit(Goal("prod", {WEB: (SetValue(("spec", "of", "args", 0), "--level=debug"),)}), before)
    assert isinstance(plan, EditPlan)
    assert set(plan.files) == {"base.yaml"}
    assert plan.moves == (("dev", WEB),)


def test_entries_are_added_and_taken_out() -> None:
    """A label more, and a label less, in the mapping that the template copies."""
    more = found(AddEntry(("metadata", "labels"), "team", "shop"))
    assert b"team: shop" in more.files["prod.yaml"]
    less = found(RemoveEntry(("metadata", "labels", "tier")))
    assert b"tier" not in less.files["prod.yaml"]


def test_what_is_wanted_together_is_found_together() -> None:
    """Two edits of one object are both in the plan."""
    plan = found(SetValue(("spec", "replicas"), 2), SetValue(("spec", "of", "args", 0), "--level=warn"))
    assert len(plan.spots) == 2


def test_what_is_so_already_needs_no_edit() -> None:
    """The plan is empty, and nothing was tried."""
    plan = find_edit(Goal("prod", {WEB: (SetValue(("spec", "replicas"), 4),)}), scene())
    assert plan == EditPlan({}, ())


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (SetValue(("spec", "of", "name"), "other"), "no file of this repository sets spec.of.name"),
        (SetValue(("spec", "of", "ports", 0), 9090), "no file of this repository sets spec.of.ports[#0]"),
        (SetValue(("spec", "absent", "deep", 0), 1), "nothing at"),
    ],
)
def test_what_no_file_sets_is_said(edit: Edit, reason: str) -> None:
    """A value that the template itself holds cannot be set by any file, and the search says so and ends."""
    answer = find_edit(Goal("prod", {WEB: (edit,)}), scene())
    assert isinstance(answer, NoEdit)
    assert reason in answer.reason
    assert answer.tried < 100


def test_an_object_that_is_not_rendered_is_said() -> None:
    """Nothing is searched for it."""
    answer = find_edit(Goal("prod", {WEB._replace(name="gone"): (SetValue(("spec",), 1),)}), scene())
    assert isinstance(answer, NoEdit)
    assert answer.tried == 0


def test_a_trace_finds_the_line_that_sets_a_value_now() -> None:
    """Not where an entry could be added, but where the value stands, and what else that line feeds."""
    plan = trace("prod", WEB, ("spec", "of", "args", 0), scene())
    assert isinstance(plan, EditPlan)
    assert [(spot.file, spot.line) for spot in plan.spots] == [("base.yaml", 2)]
    assert plan.moves == (("dev", WEB),)
