"""``.cw`` configuration end to end: overlay, pull request, configuration that wins, and artifacts that nobody rendered."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.assembly.assemble import assemble
from bot.edits.overlays import Overlays
from bot.forge.bundle import ArtifactBundle
from bot.forge.render import render
from bot.model.proposal import Effect, TakenAction
from bot.model.resource import Platform
from bot.sandbox.server import Sandbox
from bot.shipped import folder
from tests.flows.stage import NAME, Stage, by_lane

FRONT, RELAY = "infra/storefront.cw", "mail/relay.cw"
FRONT_ARTIFACT, RELAY_ARTIFACT = ".clockwork/build/storefront/storefront.yaml", ".clockwork/build/mail/compose.yaml"
RELAY_SOURCE = b"""\
# Mail leaves through here.
variable "release" {
  default = "1.4" # since March
}

provider "docker" { stack = "mail" }

resource "service" "relay" {
  image   = "registry.example.com/relay:${var.release}"
  restart = "unless-stopped"

  environment = {
    DOMAIN = "example.com"
    QUEUE  = "small"
  }

  port {
    container = 25
    host      = 2525
  }

  healthcheck {
    command  = ["relay", "--check"]
    interval = "30s"
    retries  = 3 # three misses
  }
}
"""


@dataclass
class CwStage(Stage):
    """A repository written in ``.cw``: the shipped storefront on Kubernetes and a mail relay on Docker, both running."""

    containers: dict[str, Any] = field(default_factory=dict)

    def show(self) -> None:
        live = {"kubernetes": list(self.objects.values()), "docker": list(self.containers.values())}
        self.live.write_text(json.dumps(live))

    def front(self) -> Any:
        """The live container of the storefront."""
        return self.objects["Deployment"]["spec"]["template"]["spec"]["containers"][0]

    def diff(self, files: list[Any]) -> dict[str, list[str]]:
        """The removed and added lines by path, without indentation."""
        return {
            file["filename"]: [
                line[0] + " ".join(line[1:].split())
                for line in file["patch"].splitlines()
                if line[:1] in {"+", "-"} and line[:3] not in {"+++", "---"}
            ]
            for file in files
        }

    def pull_diff(self, action: TakenAction) -> dict[str, list[str]]:
        return self.diff(self.api("GET", f"/pulls/{action.number}/files"))

    def commit_diff(self, sha: str | None) -> dict[str, list[str]]:
        return self.diff(self.api("GET", f"/commits/{sha}")["files"])

    def message(self) -> str:
        """The message of the newest commit."""
        return str(self.commits()[0]["commit"]["message"])

    def paths(self, under: str) -> list[str]:
        """The files of the branch below a folder."""
        tree = self.api("GET", "/git/trees/main?recursive=1")["tree"]
        return [entry["path"] for entry in tree if entry["type"] == "blob" and entry["path"].startswith(under)]


def rendered(files: dict[str, bytes]) -> ArtifactBundle:
    """What the forge makes of ``files``."""
    assembly = assemble(files, variables={}, environment={})
    assert not assembly.errors
    return render(assembly.config, Overlays())


def inspected(tree: Any) -> dict[str, Any]:
    """The relay as ``docker inspect`` shows it."""
    check = tree["healthcheck"]
    ports = {f"{p['target']}/{p['protocol']}": [{"HostIp": "", "HostPort": p["published"]}] for p in tree["ports"]}
    labels = {"com.docker.compose.project": "mail", "com.docker.compose.service": "relay"}
    return {
        "Id": "f" * 64,
        "Name": "/mail-relay-1",
        "Image": "sha256:" + "e" * 64,
        "State": {"Status": "running", "Running": True, "StartedAt": "2026-02-01T00:00:00Z"},
        "Config": {
            "Image": tree["image"],
            "Env": [f"{key}={value}" for key, value in tree["environment"].items()],
            "ExposedPorts": {port: {} for port in ports},
            "Labels": labels,
            "Healthcheck": {"Test": check["test"], "Interval": 30_000_000_000, "Retries": check["retries"]},
        },
        "HostConfig": {
            "NetworkMode": "mail_default",
            "PortBindings": ports,
            "RestartPolicy": {"Name": tree["restart"], "MaximumRetryCount": 0},
            "LogConfig": {"Type": "json-file", "Config": {}},
        },
        "Mounts": [],
        "NetworkSettings": {"Networks": {"mail_default": {"Aliases": ["relay"]}}},
    }


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[CwStage]:
    """Nothing has drifted, everything is rendered."""
    sources = {FRONT: (folder("templates") / "shop" / FRONT).read_bytes(), RELAY: RELAY_SOURCE}
    bundle = rendered(sources)
    objects = {
        desired.id.kind: copy.deepcopy(dict(desired.tree))
        for desired in bundle.desired
        if desired.id.platform is Platform.KUBERNETES
    }
    (relay,) = [desired.tree for desired in bundle.desired if desired.id.platform is Platform.COMPOSE]
    settings = b"version: 1\ngithub: {min_write_interval: 0}\n"
    with Sandbox.start(tmp_path / "sandbox") as box:
        token, human = box.create_user("clockwork[bot]", bot=True), box.create_user("rosa", admin=True)
        box.create_repository(NAME, files={**sources, **bundle.files, "clockwork.yaml": settings})
        yield CwStage(box, tmp_path, token, human, objects, containers={"relay": inspected(relay)})


def test_what_is_rendered_and_runs_is_quiet(stage: CwStage) -> None:
    """Both providers: what the forge renders, running, is no drift."""
    done = stage.tick()
    assert not done.report.drift
    assert not done.report.errors
    assert done.report.resources == 3
    assert not done.actions


def test_a_safe_value_becomes_an_overlay_and_its_artifact_in_one_commit(stage: CwStage) -> None:
    """The ``.cw`` file stays as people wrote it; the next look, also on a fresh runner, has nothing to do."""
    stage.front()["livenessProbe"]["failureThreshold"] = 5
    stage.containers["relay"]["Config"]["Healthcheck"]["Retries"] = 6
    before = len(stage.commits())
    actions = stage.tick().actions
    assert [action.effect for action in actions] == [Effect.COMMITTED] * 2
    assert len(stage.commits()) == before + 1
    changed = stage.commit_diff(actions[0].sha)
    assert changed[FRONT_ARTIFACT] == ["-failureThreshold: 3", "+failureThreshold: 5"]
    assert changed[RELAY_ARTIFACT] == ["-retries: 3", "+retries: 6"]
    overlays = {".clockwork/overlays/relay.yaml", ".clockwork/overlays/storefront.yaml"}
    assert set(changed) == {FRONT_ARTIFACT, RELAY_ARTIFACT} | overlays
    for fresh in (False, True):
        again = stage.tick(fresh=fresh)
        assert not again.report.drift
        assert not again.actions


def image(stage: CwStage) -> None:
    stage.front()["image"] = "registry.example.com/shop/storefront:5.3.0"


def replicas(stage: CwStage) -> None:
    stage.objects["Deployment"]["spec"]["replicas"] = 3


def theme(stage: CwStage) -> None:
    (entry,) = [variable for variable in stage.front()["env"] if variable["name"] == "THEME"]
    entry["value"] = "winter"


def service_port(stage: CwStage) -> None:
    stage.objects["Service"]["spec"]["ports"][0]["port"] = 8080


def release(stage: CwStage) -> None:
    stage.containers["relay"]["Config"]["Image"] = "registry.example.com/relay:1.5"


def queue(stage: CwStage) -> None:
    stage.containers["relay"]["Config"]["Env"] = ["DOMAIN=example.com", "QUEUE=large"]


def host_port(stage: CwStage) -> None:
    stage.containers["relay"]["HostConfig"]["PortBindings"]["25/tcp"][0]["HostPort"] = "2526"


FRONT_IMAGE, RELAY_IMAGE = "image: registry.example.com/shop/storefront", "image: registry.example.com/relay"


@pytest.mark.parametrize(
    ("drift", "source", "lines", "artifact"),
    [
        (
            image,
            FRONT,
            ['-default = "5.2.0"', '+default = "5.3.0"'],
            [f"-{FRONT_IMAGE}:5.2.0", f"+{FRONT_IMAGE}:5.3.0"],
        ),
        (replicas, FRONT, ["-replicas = 2", "+replicas = 3"], ["-replicas: 2", "+replicas: 3"]),
        (
            theme,
            FRONT,
            ['-THEME = "autumn" # until the winter sale', '+THEME = "winter" # until the winter sale'],
            ["-value: autumn", "+value: winter"],
        ),
        (service_port, FRONT, ["-host = 80", "+host = 8080"], ["-port: 80", "+port: 8080"]),
        (
            release,
            RELAY,
            ['-default = "1.4" # since March', '+default = "1.5" # since March'],
            [f"-{RELAY_IMAGE}:1.4", f"+{RELAY_IMAGE}:1.5"],
        ),
        (queue, RELAY, ['-QUEUE = "small"', '+QUEUE = "large"'], ["-QUEUE: small", "+QUEUE: large"]),
        (host_port, RELAY, ["-host = 2525", "+host = 2526"], ['-published: "2525"', '+published: "2526"']),
    ],
)
def test_configuration_is_proposed_as_one_line_and_its_artifact(
    stage: CwStage, drift: Any, source: str, lines: list[str], artifact: list[str]
) -> None:
    """The pull request changes the line that gives the value and what is rendered from it; merged, all is quiet."""
    drift(stage)
    action = by_lane(stage.tick())["config-pull-request"]
    assert action.effect is Effect.OPENED
    rendered_to = FRONT_ARTIFACT if source == FRONT else RELAY_ARTIFACT
    assert stage.pull_diff(action) == {source: lines, rendered_to: artifact}
    stage.api("PUT", f"/pulls/{action.number}/merge")
    after = stage.tick()
    assert not after.report.drift
    assert not stage.pulls("open")
    assert {action.effect for action in after.actions} <= {Effect.CLOSED}


def test_several_values_of_a_task_are_one_pull_request(stage: CwStage) -> None:
    """What is written first moves what follows it, also where two resources come from one file."""
    stage.front()["image"] = "registry.example.com/shop/storefront:5.10.0-hotfix"
    for drift in (replicas, theme, service_port):
        drift(stage)
    action = by_lane(stage.tick())["config-pull-request"]
    assert action.effect is Effect.OPENED
    assert stage.pull_diff(action)[FRONT] == [
        '-default = "5.2.0"',
        '+default = "5.10.0-hotfix"',
        "-replicas = 2",
        "+replicas = 3",
        '-THEME = "autumn" # until the winter sale',
        '+THEME = "winter" # until the winter sale',
        "-host = 80",
        "+host = 8080",
    ]
    stage.api("PUT", f"/pulls/{action.number}/merge")
    assert not stage.tick().report.drift


def test_configuration_that_changes_a_patched_value_wins(stage: CwStage) -> None:
    """The overlay's entry goes away in the commit that renders what the person wrote, and the message says so."""
    stage.front()["livenessProbe"]["failureThreshold"] = 5
    stage.tick()
    stage.clock.move(hours=2)
    stage.edit(FRONT, lambda text: text.replace("retries  = 3", "retries  = 4"))
    stage.front()["livenessProbe"]["failureThreshold"] = 4
    done = stage.tick()
    assert [action.effect for action in done.actions] == [Effect.COMMITTED]
    assert stage.commit_diff(done.actions[0].sha)[FRONT_ARTIFACT] == ["-failureThreshold: 5", "+failureThreshold: 4"]
    assert not stage.paths(".clockwork/overlays/")
    assert "Configuration wins for storefront" in stage.message()
    assert "livenessProbe.failureThreshold" in stage.message()
    after = stage.tick()
    assert not after.report.drift
    assert not after.actions


def test_an_artifact_that_nobody_rendered_is_rendered(stage: CwStage) -> None:
    """Somebody edits the ``.cw`` file only; one commit renders it, and what runs now differs is asked for as ever."""
    stage.edit(RELAY, lambda text: text.replace('"small"', '"large"'))
    queue(stage)
    done = stage.tick()
    assert [action.effect for action in done.actions] == [Effect.COMMITTED]
    assert stage.commit_diff(done.actions[0].sha) == {RELAY_ARTIFACT: ["-QUEUE: small", "+QUEUE: large"]}
    assert stage.message().startswith(f"Render {RELAY_ARTIFACT}")
    after = stage.tick()
    assert not after.report.drift
    assert not after.actions


def test_a_service_that_is_no_longer_declared_loses_its_artifact(stage: CwStage) -> None:
    """The stale file is deleted, never left to be deployed again."""
    source = stage.api("GET", f"/contents/{FRONT}")
    stage.api("DELETE", f"/contents/{FRONT}", message="Close the shop", sha=source["sha"], branch="main")
    stage.objects = {}
    done = stage.tick()
    assert Effect.COMMITTED in {action.effect for action in done.actions}
    assert stage.paths(".clockwork/build/") == [RELAY_ARTIFACT]
    assert not stage.tick().wrote
