"""Killed at every named step of an apply to a cluster, the next run goes on: the same end, nothing done twice."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from bot.flows.applying import STEPS
from tests.appliers.apiserver import ApiServer
from tests.entry import clockwork, clockwork_dying
from tests.soak.applying import Ground

_LABELS: Final = {"app": "web"}
_VOLATILE: Final = frozenset(["uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"])


def _thing(api_version: str, kind: str, name: str, **parts: Any) -> dict[str, Any]:
    meta: dict[str, Any] = {"name": name} | ({} if kind == "Namespace" else {"namespace": "shop"})
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **parts}


def _web(image: str, labels: dict[str, str]) -> dict[str, Any]:
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": image}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    return _thing("apps/v1", "Deployment", "web", spec=spec)


def _migration(image: str) -> dict[str, Any]:
    pods = {"restartPolicy": "Never", "containers": [{"name": "main", "image": image}]}
    return _thing("batch/v1", "Job", "migrate", spec={"template": {"spec": pods}})


def _hook(name: str, phase: str) -> dict[str, Any]:
    made = _migration("busybox:1.37")
    metadata = {**made["metadata"], "name": name, "annotations": {"argocd.argoproj.io/hook": phase}}
    return {**made, "metadata": metadata}


BEFORE: Final = (
    _thing("v1", "Namespace", "shop"),
    _thing("v1", "ConfigMap", "settings", data={"colour": "red", "size": "small"}),
    _thing("v1", "ConfigMap", "old", data={"a": "b"}),
    _web("nginx:1.27", _LABELS),
)
AFTER: Final = (
    _thing("v1", "Namespace", "shop"),
    _thing("v1", "Namespace", "side"),
    _thing("v1", "ConfigMap", "settings", data={"colour": "blue"}),
    _thing("v1", "ConfigMap", "new", data={"a": "b"}),
    _web("nginx:1.28", _LABELS | {"tier": "front"}),
    _migration("busybox:1.37"),
    _hook("prepare", "PreSync"),
    _hook("tell", "PostSync"),
)
"""Created, updated, replaced (its selector is immutable), run once, deleted, and hooks before and after all of it."""


@dataclass
class Scene:
    """A branch whose newest commit is not applied yet."""

    ground: Ground
    server: ApiServer

    def apply(self, dying: tuple[str, int] | None = None) -> None:
        """``clockwork plan`` and ``apply`` as a person calls them who agrees to everything."""
        repo, folder = ("--repo", str(self.ground.remote)), self.ground.folder
        words = ("apply", "plan.json", *repo, "--no-verify")
        planned = clockwork("plan", *repo, "--out", "plan.json", folder=folder)
        assert planned.returncode in {0, 1}, planned.stdout + planned.stderr
        if dying is None:
            done = clockwork(*words, folder=folder)
        else:
            done = clockwork_dying(*words, folder=folder, step=dying[0], nth=dying[1])
        assert done.returncode == (0 if dying is None else -signal.SIGKILL), done.stdout + done.stderr

    def left(self) -> int:
        """How many actions a plan holds now."""
        return sum(len(plan.actions.actions) for plan in self.ground.look().plans)

    def end(self) -> list[dict[str, Any]]:
        """What runs, without what no two clusters share."""
        return [_comparable(obj) for obj in self.server.objects if not obj["metadata"]["name"].startswith("kube-")]


def _comparable(obj: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in obj.items() if name not in {"metadata", "status"}}
    meta = {name: value for name, value in obj["metadata"].items() if name not in _VOLATILE}
    meta["annotations"] = sorted(meta.get("annotations", {}))
    if obj["kind"] == "Job":
        told["spec"] = obj["spec"]["template"]["spec"]
    return told | {"metadata": meta}


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """The first commit is applied, the second is not."""
    with ApiServer() as server:
        ground = Ground(server, folder)
        ground.declare(BEFORE)
        assert ground.apply().is_complete
        ground.look().verify()
        ground.declare(AFTER)
        yield Scene(ground, server)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], Counter[tuple[str, str]]]:
    """What runs in the end, and what happened on the way, of an apply that nothing disturbs."""
    with scene(tmp_path_factory.mktemp("undisturbed")) as made:
        made.apply()
        assert made.left() == 0
        return made.end(), Counter(made.server.changes)


POINTS: Final = (
    *(("leased", 1), ("apply-intent", 1), ("action", 1), ("action", 4), ("apply-outcome", 1), ("apply-outcome", 2)),
    *(("healthy", 1), ("released", 1)),
    *(("action", 2), ("action", 8), ("apply-intent", 7), ("apply-outcome", 6), ("healthy", 6)),
)


def test_every_step_of_an_apply_is_died_at() -> None:
    """No step that an apply can die after is left out."""
    assert {step for step, _ in POINTS} == set(STEPS)


def test_the_scene_has_every_sort_of_action(
    undisturbed: tuple[list[dict[str, Any]], Counter[tuple[str, str]]],
) -> None:
    """Something is created, updated, replaced, run and deleted, each once."""
    happened = undisturbed[1]
    expected = {
        ("ADDED", "ConfigMap/shop/new"): 1,
        ("MODIFIED", "ConfigMap/shop/settings"): 1,
        ("DELETED", "ConfigMap/shop/old"): 1,
        ("DELETED", "Deployment/shop/web"): 1,
        ("ADDED", "Deployment/shop/web"): 2,
        ("ADDED", "Job/shop/migrate"): 1,
        ("ADDED", "Namespace/side"): 1,
        ("ADDED", "Job/shop/prepare"): 1,
        ("ADDED", "Job/shop/tell"): 1,
    }
    assert {change: happened[change] for change in expected} == expected


@pytest.mark.parametrize(("step", "nth"), POINTS, ids=[f"{step} {nth}" for step, nth in POINTS])
def test_after_a_kill_the_same_is_done_once(
    tmp_path: Path,
    undisturbed: tuple[list[dict[str, Any]], Counter[tuple[str, str]]],
    step: str,
    nth: int,
) -> None:
    """Killed at the step and run again, it ends as an undisturbed run, and the server saw each change exactly once."""
    with scene(tmp_path) as made:
        made.apply(dying=(step, nth))
        if made.left():
            assert made.ground.apply().is_complete
        assert made.left() == 0
        assert made.end() == undisturbed[0]
        assert Counter(made.server.changes) == undisturbed[1]
