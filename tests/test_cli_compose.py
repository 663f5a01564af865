"""Compose projects on the command line: which files are read, and what is told of those that are not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.entry import clockwork

SERVICE = "services:\n  a:\n    image: x\n"


def inspected(image: str = "x", restart: str = "no", environment: tuple[str, ...] = ()) -> dict[str, Any]:
    """The container of the service ``a`` as an engine prints it."""
    labels = {
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": "a",
        "com.docker.compose.config-hash": "1",
    }
    return {
        "Id": "1",
        "Name": "/shop-a-1",
        "Image": "sha256:1",
        "Config": {"Image": image, "Labels": labels, "Env": list(environment)},
        "State": {"Status": "running", "Running": True},
        "HostConfig": {"RestartPolicy": {"Name": restart}},
        "NetworkSettings": {"Networks": {"shop_default": {}}},
    }


@pytest.mark.parametrize(
    ("files", "live", "told"),
    [
        (
            {
                "compose.yaml": SERVICE + "    extends: {file: parts/common.config, service: base}\n",
                "parts/common.config": "services: {base: {restart: always, env_file: more.vars}}\n",
                "parts/more.vars": "B=1\n",
            },
            inspected(restart="always", environment=("B=1",)),
            [],
        ),
        (
            {
                "docker-compose.yml": SERVICE,
                "docker-compose.prod.yml": "services: {a: {image: y, restart: always}}\n",
                "clockwork.yaml": "compose: [{files: [docker-compose.yml, docker-compose.prod.yml]}]\n",
            },
            inspected("y", "always"),
            [],
        ),
        (
            {
                "docker-compose.yml": SERVICE,
                "over.yml": "services: {a: {restart: always}}\n",
                "docker-compose.web.yml": "services: {b: {image: b, profiles: [web]}}\n",
                "clockwork.yaml": "compose: [{files: [docker-compose.yml, over.yml], profiles: [], name: shop}]\n",
            },
            inspected(restart="always"),
            ["docker-compose.web.yml:1: not read: the project of docker-compose.yml does not name this file"],
        ),
        (
            {
                "compose.yaml": SERVICE,
                "compose.prod.yaml": "services: {a: {image: y}}\n",
                ".env": "COMPOSE_FILE=compose.yaml:compose.prod.yaml\n",
            },
            inspected("y"),
            [],
        ),
        (
            {"compose.yaml": SERVICE + "    environment: {A: '${FROM_THE_SHELL}'}\n    env_file: gone.env\n"},
            inspected(environment=("A=b", "C=d")),
            [
                "compose.yaml:4: the variable FROM_THE_SHELL is not set in the repository",
                "compose.yaml:5: gone.env is not in the repository: what it alone sets is not compared",
            ],
        ),
    ],
)
def test_projects_are_the_files_that_are_named(
    tmp_path: Path, files: dict[str, str], live: dict[str, Any], told: list[str]
) -> None:
    """By the usual names, by settings, by COMPOSE_FILE; what they refer to is read however it is called."""
    root = tmp_path / "shop"
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", str(root)]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "x"], check=True)
    (tmp_path / "live.json").write_text(json.dumps([live]))
    done = clockwork("drift", "--repo", str(root), "--live", str(tmp_path / "live.json"), "--json", folder=tmp_path)
    report = json.loads(done.stdout)
    drifts = {drift["path"] for drift in report["drift"]} - {"container_name"}
    notes = [f"{note['rule']}: {note['detail']}" for note in report["ignores"]]
    assert (drifts, report["errors"], notes) == (set(), [], told)
