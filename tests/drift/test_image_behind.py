"""A container that runs an earlier image than its tag names in the same snapshot."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.model.drift import Drift, DriftKind
from bot.observers.documents import snapshot_contents
from tests.drift.makers import NOW, OPTIONS, Pair, diff, service

OLD, NEW = "sha256:" + "9" * 64, "sha256:" + "1" * 64


def container(image: str = "nginx:1.27", running: str = OLD, **podman: Any) -> dict[str, Any]:
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
    return {
        "Id": "c" * 64,
        "Name": "/shop-web-1",
        "Image": running,
        "State": {"Status": "running"},
        "Config": {"Image": image, "Labels": labels},
        "HostConfig": {},
        **podman,
    }


def image(id_: str = NEW, *tags: str, digests: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"Id": id_, "RepoTags": list(tags), "RepoDigests": list(digests), "RootFS": {}, "Config": {}}


def drifts(declared: str, *snapshot: dict[str, Any]) -> tuple[Drift, ...]:
    seen = snapshot_contents(json.dumps(snapshot).encode(), "live.json", NOW).observation
    (observed,) = [each for each in seen.resources.values() if each.id.kind == "service"]
    return diff(Pair(service({"image": declared}), observed), OPTIONS)


@pytest.mark.parametrize("tag", ["nginx:1.27", "docker.io/library/nginx:1.27"])
def test_a_container_behind_its_tag_is_moved(tag: str) -> None:
    """Whatever form the engine spells the tag in; both ids are told, and no edit of Git would say it."""
    (drift,) = drifts("nginx:1.27", container(), image(NEW, tag))
    assert (drift.kind, drift.where, drift.adopt) == (DriftKind.IMAGE_MOVED, "image", ())
    assert drift.observed == OLD
    assert NEW in (drift.message or "")


def test_podman_leaves_out_the_prefix_of_ids() -> None:
    """And names the image beside the configuration."""
    shown = container(running=OLD.removeprefix("sha256:"), ImageName="docker.io/library/nginx:1.27")
    (drift,) = drifts("nginx:1.27", shown, image(NEW.removeprefix("sha256:"), "docker.io/library/nginx:1.27"))
    assert drift.kind is DriftKind.IMAGE_MOVED


@pytest.mark.parametrize(
    "snapshot",
    [
        [container(running=NEW), image(NEW, "nginx:1.27")],
        [container(), image(OLD, "nginx:1.27")],
        [container(), image(NEW, "nginx:1.28")],
        [container(), image(NEW)],
        [container()],
        [container(), image(NEW, "nginx:1.27", digests=(f"nginx@{OLD}",))],  # containerd calls an image by its manifest
        [container(image=f"nginx:1.27@{OLD}"), image(NEW, "nginx:1.27")],
    ],
)
def test_a_container_of_its_tag_is_not(snapshot: list[dict[str, Any]]) -> None:
    """Nor one whose tag nobody listed, or that was made by digest."""
    assert drifts("nginx:1.27", *snapshot) == ()


def test_another_declared_image_is_changed_and_no_more() -> None:
    """What moved is the tag that Git does not name."""
    (drift,) = drifts("nginx:1.28", container(), image(NEW, "nginx:1.27"))
    assert drift.kind is DriftKind.CHANGED
