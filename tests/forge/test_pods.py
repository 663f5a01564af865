"""Pods of several containers: their manifests, what is refused, and edits that lead back into their blocks."""

from __future__ import annotations

import pytest
import yaml

from bot.assembly.assemble import assemble
from bot.edits.adopt import adopt
from bot.edits.overlays import Overlays
from bot.errors import Refused
from bot.forge.render import render
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import Pointer
from bot.model.paths import format_path
from bot.model.resource import Desired
from tests.forge.round import came_back, written
from tests.table import table

POD: Pointer = ("spec", "template", "spec")
MAIN = """provider "kubernetes" { stack = "shop" }
variable "token" {
  sensitive = true
  default   = "hunter2"
}
resource "service" "web" {
  image = "web:1"
  mount {
    type   = "tmpfs"
    source = "scratch"
    target = "/tmp"
  }
  liveness {
    path     = "/alive"
    port     = 8080
    interval = "10s"
  }
  readiness {
    port      = 8080
    successes = 2
  }
  startup {
    command = ["web", "--ready"]
    retries = 30
  }
  init_container {
    name    = "migrate"
    image   = "migrate:3"
    command = ["migrate", "up"]
  }
  init_container {
    name    = "logs"
    image   = "logs:2"
    restart = "always"
    environment = { LEVEL = "info", TOKEN = var.token }
  }
  container {
    name  = "proxy"
    image = "proxy:4"
    mount {
      type   = "tmpfs"
      source = "scratch"
      target = "/shared"
    }
    limits { memory = "64m" }
    readiness { port = 9000 }
  }
}
"""


def deployment(text: str = MAIN) -> Desired:
    assembly = assemble({"main.cw": text.encode()}, variables={}, environment={})
    assert not assembly.errors
    (desired,) = render(assembly.config, Overlays()).desired
    return desired


def adopted(*edits: Edit) -> str:
    assembly = assemble({"main.cw": MAIN.encode()}, variables={}, environment={})
    return adopt(deployment(), edits, {"main.cw": MAIN.encode()}, cw=assembly.config).files["main.cw"].decode()


def test_each_block_is_a_container_in_its_list() -> None:
    """Init containers run in the order they are written, further ones stand behind the service's own; probes are three."""
    assembly = assemble({"main.cw": MAIN.encode()}, variables={}, environment={})
    (data,) = render(assembly.config, Overlays()).files.values()
    pod = yaml.safe_load(data)["spec"]["template"]["spec"]
    assert b"hunter2" not in data
    secret = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "web-secrets", "key": "TOKEN"}}}
    assert pod["initContainers"] == [
        {"name": "migrate", "image": "migrate:3", "args": ["migrate", "up"]},
        {
            "name": "logs",
            "image": "logs:2",
            "env": [{"name": "LEVEL", "value": "info"}, secret],
            "restartPolicy": "Always",
        },
    ]
    web, proxy = pod["containers"]
    assert web["livenessProbe"] == {"httpGet": {"path": "/alive", "port": 8080}, "periodSeconds": 10}
    assert web["readinessProbe"] == {"tcpSocket": {"port": 8080}, "successThreshold": 2}
    assert web["startupProbe"] == {"exec": {"command": ["web", "--ready"]}, "failureThreshold": 30}
    assert proxy == {
        "name": "proxy",
        "image": "proxy:4",
        "readinessProbe": {"tcpSocket": {"port": 9000}},
        "resources": {"limits": {"memory": "64Mi"}},
        "volumeMounts": [{"name": "scratch", "mountPath": "/shared"}],
    }
    assert pod["volumes"] == [{"name": "scratch", "emptyDir": {}}]


def test_a_healthcheck_is_the_liveness_probe_unless_there_is_one() -> None:
    """A service for both providers keeps its healthcheck; one that writes a liveness probe has that."""
    check = '  healthcheck { command = ["ok"] }\n'
    both = deployment(MAIN.replace('  image = "web:1"\n', f'  image = "web:1"\n{check}'))
    alone = deployment(f'provider "kubernetes" {{}}\nresource "service" "web" {{\n  image = "a"\n{check}}}\n')
    at: Pointer = (*POD, "containers", 0, "livenessProbe", "exec", "command", 0)
    assert (both.origins.at(at), alone.origins.at(at) is not None) == (None, True)


@table(
    ("edit", "before", "after"),
    [
        (SetValue((*POD, "initContainers", 0, "image"), "migrate:4"), "migrate:3", "migrate:4"),
        (SetValue((*POD, "initContainers", 1, "env", 0, "value"), "debug"), '"info"', '"debug"'),
        (SetValue((*POD, "containers", 1, "resources", "limits", "memory"), "96Mi"), '"64m"', '"96Mi"'),
        (SetValue((*POD, "containers", 0, "livenessProbe", "periodSeconds"), 15), '"10s"', '"15s"'),
        (SetValue((*POD, "containers", 0, "startupProbe", "failureThreshold"), 9), "30", "9"),
        (SetValue((*POD, "containers", 1, "readinessProbe", "tcpSocket", "port"), 9001), "9000", "9001"),
        (RemoveEntry((*POD, "containers", 1, "readinessProbe")), "    readiness { port = 9000 }\n", ""),
        (
            RemoveEntry((*POD, "containers", 0, "readinessProbe")),
            "  readiness {\n    port      = 8080\n    successes = 2\n  }\n",
            "",
        ),
        (
            AddEntry((*POD, "initContainers", 1, "env"), None, {"name": "MORE", "value": "1"}),
            "TOKEN = var.token }",
            'TOKEN = var.token, MORE = "1" }',
        ),
        (
            AddEntry((*POD, "containers", 1, "env"), None, {"name": "MORE", "value": "1"}),
            '    image = "proxy:4"\n',
            '    image = "proxy:4"\n    environment = {\n      MORE = "1"\n    }\n',
        ),
    ],
)
def test_an_edit_leads_into_the_block_of_its_container(edit: Edit, before: str, after: str) -> None:
    """What differs in a container is written into that container's block, and nothing else moves."""
    assert MAIN.count(before) == 1
    assert adopted(edit) == MAIN.replace(before, after)


WRITTEN = list(written(deployment()))


def test_all_that_can_be_written_is_tried() -> None:
    """The table below reaches into every container and probe."""
    assert {pointer[3:5] for pointer in WRITTEN} == {
        ("containers", 0),
        ("containers", 1),
        ("initContainers", 0),
        ("initContainers", 1),
    }
    assert {part for pointer in WRITTEN for part in pointer} >= {
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
        "env",
    }


@table("pointer", WRITTEN, ids=format_path)
def test_a_live_change_is_drift_and_comes_back(pointer: Pointer) -> None:
    """Every literal of a pod is compared, and its edit renders to what is live."""
    assert came_back(MAIN, "Deployment/web", pointer) != MAIN


def test_the_first_container_is_not_removed_with_its_service() -> None:
    """A live pod without the service's own container does not take the service out of the file."""
    with pytest.raises(Refused, match="by hand"):
        adopted(RemoveEntry((*POD, "containers", 0)))


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (MAIN.replace("kubernetes", "docker"), 13, "Docker has no 'liveness'"),
        (MAIN.replace('"proxy"', '"web"'), 38, "there is already a container 'web' here"),
        (MAIN.replace('"proxy"', '"logs"'), 38, "there is already a container 'logs' here"),
        (MAIN.replace('"migrate:3"', "var.token"), 28, "a sensitive value would be written into a committed file here"),
        (MAIN.replace('    image = "proxy:4"\n', ""), 37, "this container block has no 'image'"),
    ],
)
def test_mistakes_have_their_line(text: str, line: int, message: str) -> None:
    """What cannot be rendered is told where it is written; nothing is left out without a word."""
    assembly = assemble({"main.cw": text.encode()}, variables={}, environment={})
    assert [(error.line, error.message) for error in assembly.errors] == [(line, message)]
