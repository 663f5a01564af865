"""A value of a generated ConfigMap that somebody changed live: Git takes it over where it is written, as one change."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.flows.reconcile import tick
from bot.model.proposal import Effect, Tick
from bot.sandbox.server import Sandbox
from bot.wiring.guard import review
from bot.wiring.reconcile import open_assessment, open_loop
from tests.flows.stage import NAME, Stage, by_lane
from tests.flows.test_guard_rendered import comments, guard
from tests.flows.test_targets import BASE, has_kustomize

pytestmark = pytest.mark.skipif(not has_kustomize(), reason="neither kustomize nor kubectl is installed")

DEPLOYMENT = BASE + b"          envFrom:\n            - configMapRef: {name: words}\n"
OVERLAY = "overlays/prod/kustomization.yaml"
FILES: Mapping[str, bytes] = {
    "base/deployment.yaml": DEPLOYMENT,
    "base/kustomization.yaml": b"resources: [deployment.yaml]\n",
    OVERLAY: (
        b"namespace: shop\nnamePrefix: eu-\nresources: [../../base]\nconfigMapGenerator:\n- name: words\n"
        b"  envs: [words.env]\n  literals:\n  - LEVEL=info # for now\n"
    ),
    "overlays/prod/words.env": b"# words\nMODE=calm\nTIMES=3\n",
}


@pytest.fixture
def prod(tmp_path: Path) -> Iterator[Stage]:
    """One overlay that generates a ConfigMap, and a snapshot of its cluster."""
    with Sandbox.start(tmp_path / "box") as box:
        token, human = box.create_user("clockwork[bot]", bot=True), box.create_user("rosa", admin=True)
        settings = (
            "version: 1\ngithub: {min_write_interval: 0}\ntargets:\n"
            f"- {{name: prod, path: overlays/prod, observe: {{snapshot: {{file: {tmp_path}/prod.json}}}}}}\n"
        )
        box.create_repository(NAME, files={**FILES, "clockwork.yaml": settings.encode()})
        yield Stage(box, tmp_path, token, human, {})


def running(stage: Stage, objects: list[dict[str, Any]]) -> None:
    """The cluster runs these objects."""
    (stage.directory / "prod.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": objects}))


def declared(stage: Stage) -> list[dict[str, Any]]:
    """The objects that the branch declares, as a cluster that applied them runs them."""
    running(stage, [])
    declaration = open_assessment(options(stage))().declaration
    return [json.loads(json.dumps(each.tree, default=dict)) for each in declaration.resources]


def options(stage: Stage) -> Any:
    return replace(stage.options(), live=None)


def run(stage: Stage) -> Tick:
    return tick(open_loop(options(stage), clock=stage.clock))


def edited(objects: list[dict[str, Any]], **data: str) -> list[dict[str, Any]]:
    """The objects after somebody edited the ConfigMap."""
    changed = copy.deepcopy(objects)
    for each in changed:
        if each["kind"] == "ConfigMap":
            each["data"].update(data)
    return changed


@pytest.mark.parametrize(
    ("key", "file", "line"),
    [("LEVEL", OVERLAY, "+  - LEVEL=debug # for now"), ("MODE", "overlays/prod/words.env", "+MODE=debug")],
)
def test_a_live_value_becomes_one_line_of_the_generator(prod: Stage, key: str, file: str, line: str) -> None:
    """The literal, or the line of the env file; what is only renamed by it is told as such, and nothing else."""
    objects = edited(declared(prod), **{key: "debug"})
    running(prod, objects)
    done = run(prod)
    assert [(each.resource.kind, each.where) for each in done.report.drift] == [("ConfigMap", f"data.{key}")]
    assert by_lane(done)["config-pull-request"].effect is Effect.OPENED
    (pull,) = prod.pulls("open")
    (changed,) = prod.api("GET", f"/pulls/{pull['number']}/files")
    assert (changed["filename"], changed["additions"], changed["deletions"]) == (file, 1, 1)
    assert line in changed["patch"]
    assert "because what it holds is part of its name" in pull["body"]
    assert "Deployment/shop/eu-web follows, so its pods are replaced" in pull["body"]
    assert "which changes too" not in pull["body"]


def test_the_check_shows_one_changed_object_and_the_pods_that_follow(prod: Stage) -> None:
    """In the rendered difference the ConfigMap is one object that changed; the workload is repointed, and comes after it."""
    running(prod, edited(declared(prod), LEVEL="debug"))
    run(prod)
    (pull,) = prod.pulls("open")
    (difference,) = review(guard(prod), pull["number"]).rendered
    assert difference.counts == "1 changed, 1 repointed"
    first, second = difference.objects
    assert first.headline.startswith("changed ConfigMap/shop/eu-words-")
    assert "-  LEVEL: info\n+  LEVEL: debug" in first.diff
    assert second.headline == "repointed Deployment/shop/eu-web"
    (body,) = comments(prod, pull["number"])
    assert "**`prod`**: 1 changed, 1 repointed" in body


def test_what_was_adopted_is_in_sync_before_and_after_it_is_applied(prod: Stage) -> None:
    """After the merge Git declares another name; the same value under the earlier one is no drift, nor is the new one."""
    before = declared(prod)
    running(prod, edited(before, LEVEL="debug"))
    run(prod)
    (pull,) = prod.pulls("open")
    prod.api("PUT", f"/pulls/{pull['number']}/merge", merge_method="merge")
    after = declared(prod)
    assert {each["metadata"]["name"] for each in after} != {each["metadata"]["name"] for each in before}
    for objects in (edited(before, LEVEL="debug"), after, [*after, *edited(before, LEVEL="debug")[:1]]):
        running(prod, objects)
        assert not run(prod).report.drift


def test_what_git_is_ahead_of_is_one_difference(prod: Stage) -> None:
    """A literal changed in Git and not applied yet: the ConfigMap differs in it; nothing is missing, no reference differs."""
    before = declared(prod)
    prod.edit(OVERLAY, lambda text: text.replace("LEVEL=info", "LEVEL=debug"))
    running(prod, before)
    report = open_assessment(options(prod))().report
    assert [(each.kind, each.where, each.desired, each.observed) for each in report.drift] == [
        ("changed", "data.LEVEL", "debug", "info")
    ]
