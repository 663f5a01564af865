"""What is applied from a checkout is what the commit holds, whatever lies there."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.appliers.compose import ComposeApplier
from bot.errors import Refused
from bot.model.resource import Platform, ResourceId
from bot.ports import Applier
from bot.wiring.appliers import appliers_of
from bot.wiring.reconcile import declarer, open_pushed
from bot.wiring.repository import Options
from tests.appliers.apiserver import ApiServer
from tests.flows.site import Site

COMPOSE = """\
name: shop
services:
  web:
    image: nginx:1.27
    env_file: [web.env, {path: own.env, required: false}]
    volumes: [./conf/app.conf:/etc/app.conf, ./static:/srv]
"""
FILES = {
    "clockwork.yaml": "version: 1\nobserve: {docker: {host: 'unix:///nowhere.sock'}}\n",
    "k8s/shop.yaml": None,
    "compose.yaml": COMPOSE,
    "web.env": "A=1\n",
    "conf/app.conf": "listen 80\n",
    "static/a/b.html": "<p>\n",
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    with ApiServer() as server:
        site = Site.open(tmp_path, server)
    site.push(FILES)
    return site


def applier(site: Site) -> Applier | None:
    """What would apply the service from the checkout."""
    opened = open_pushed(Options(repo=str(site.folder), environment={"PATH": "/usr/bin"}, cache=site.root / "cache"))
    head = opened.repository.head("main")
    assert head is not None
    return appliers_of(opened, declarer(opened).at(head), "")(ResourceId(Platform.COMPOSE, "service", "shop", "web"))


@pytest.mark.parametrize("name", ["compose.yaml", "web.env", "conf/app.conf", "static/a/b.html"])
def test_a_file_that_is_not_as_committed_is_refused(site: Site, name: str) -> None:
    """The files of the project, and all of the commit that they name: containers would see what nobody merged."""
    (site.folder / name).write_text("something else\n")
    with pytest.raises(Refused, match=rf"{name} is not as it is on main"):
        applier(site)


def test_what_is_not_of_the_commit_is_the_machines_own(site: Site) -> None:
    """A checkout as it was committed is applied from, with files of variables that were never committed."""
    (site.folder / "own.env").write_text("TOKEN=x\n")
    assert isinstance(applier(site), ComposeApplier)
