"""One pull request about services that share a value through an anchor: the line that gives it changes, once."""

from __future__ import annotations

import json
from pathlib import Path

from bot.flows.changes import config_change
from bot.intake.read import read
from bot.model.decision import Lane
from bot.model.proposal import Proposal
from bot.wiring.reconcile import declarer, open_assessment
from bot.wiring.repository import Options, repository_to_read
from tests.flows.folders import folder

COMPOSE = """name: shop
x-app: &app
  image: shop/app:1 # all of them
services:
  web:
    <<: *app
    restart: always
  api: *app
  worker:
    <<: *app
"""


def container(service: str, image: str) -> dict[str, object]:
    """A container as ``docker inspect`` shows it."""
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": service}
    return {
        "Id": service * 16,
        "Name": f"/shop-{service}-1",
        "Image": "sha256:" + "e" * 64,
        "State": {"Status": "running", "Running": True, "StartedAt": "2026-02-01T00:00:00Z"},
        "Config": {"Image": image, "Env": [], "Labels": labels},
        "HostConfig": {
            "NetworkMode": "shop_default",
            "RestartPolicy": {"Name": "always" if service == "web" else "no", "MaximumRetryCount": 0},
            "LogConfig": {"Type": "json-file", "Config": {}},
        },
        "Mounts": [],
        "NetworkSettings": {"Networks": {"shop_default": {"Aliases": [service]}}},
    }


def changed(tmp_path: Path, **images: str) -> str:
    """The Compose file of a pull request about all that differs where these images run."""
    root = folder(tmp_path / "repo", {"compose.yaml": COMPOSE.encode()})
    live = tmp_path / "live.json"
    live.write_text(json.dumps([container(service, image) for service, image in images.items()]))
    options = Options(repo=str(root), live=str(live), environment={"CLOCKWORK_SECRET": "k"})
    assessment = open_assessment(options)()
    assert {drift.where for drift in assessment.report.drift} == {"image"}
    proposal = Proposal(Lane.CONFIG_PULL_REQUEST, "shop", assessment.decisions, joins=tuple(images))
    written = config_change(assessment.declaration, proposal, declarer(repository_to_read(options)))
    data = written.files["compose.yaml"]
    assert data is not None
    now = read({"compose.yaml": data}, project="shop")
    assert {each.id.name: each.tree["image"] for each in now.resources} == images
    return data.decode()


def test_what_all_of_them_run_is_written_at_the_anchor(tmp_path: Path) -> None:
    """One line for three services."""
    assert changed(tmp_path, web="shop/app:2", api="shop/app:2", worker="shop/app:2") == COMPOSE.replace(
        "app:1", "app:2"
    )


def test_where_one_differs_each_gets_its_own(tmp_path: Path) -> None:
    """The anchor keeps what it said."""
    text = changed(tmp_path, web="shop/app:2", api="shop/app:3", worker="shop/app:2")
    assert "image: shop/app:1 # all of them" in text
    assert (text.count("shop/app:2"), text.count("shop/app:3")) == (2, 1)
