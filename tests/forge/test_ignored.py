"""What a resource's ``ignore_changes`` hides: the places of its attributes, whatever they are rendered to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.assembly.assemble import assemble
from bot.assembly.config import Kind, Provider
from bot.assembly.schema import SCHEMAS
from bot.drift import ignore
from bot.drift.diff import examine
from bot.drift.surroundings import ComparisonContext
from bot.edits.values import applied
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import Pointer
from bot.model.resource import Observed
from tests.forge.round import OPTIONS, rendered
from tests.table import table

KUBERNETES = 'provider "kubernetes" { stack = "shop" }\n'
DOCKER = 'provider "docker" { stack = "shop" }\n'
POD: Pointer = ("spec", "template", "spec")
WEB = """resource "service" "web" {
  image       = "web:1"
  environment = { LEVEL = "info", MODE = "a" }
  labels      = { team = "a", tier = "b" }
  limits { memory = "64m" }
  port {
    container = 80
    host      = 8080
  }
  healthcheck {
    command = ["ok"]
    retries = 3
  }
"""
PROXY = '  container {\n    name  = "proxy"\n    image = "p:1"\n  }\n'


def hidden(text: str, name: str, edit: Edit) -> list[str]:
    """The reasons for which the difference that ``edit`` of the live object makes is hidden; it is one at least."""
    desired = rendered(text)[name]
    live = applied(desired.tree, edit)
    assert isinstance(live, dict)
    drift = examine(desired, Observed(desired.id, live), None, OPTIONS, ComparisonContext()).drift
    assert drift
    sorted_ = ignore.apply_ignores(drift, ignore.of_resources([desired]), datetime(2026, 1, 1, tzinfo=UTC))
    assert not sorted_.notes
    assert not (sorted_.reported and sorted_.suppressed)
    return [*dict.fromkeys(each.reason for each in sorted_.suppressed)]


DEPLOYMENT, SERVICE, COMPOSE = "Deployment/web", "Service/web", "service/shop/web"
PROBE: Pointer = (*POD, "containers", 0, "livenessProbe")
ENV: Pointer = (*POD, "containers", 0, "env")


@table(
    ("provider", "name", "changes", "edit", "is_hidden"),
    [
        (KUBERNETES, DEPLOYMENT, "image", SetValue((*POD, "containers", 0, "image"), "web:2"), True),
        (KUBERNETES, DEPLOYMENT, "image", SetValue((*POD, "containers", 1, "image"), "p:2"), False),
        (KUBERNETES, DEPLOYMENT, "container[0].image", SetValue((*POD, "containers", 1, "image"), "p:2"), True),
        (KUBERNETES, DEPLOYMENT, "container[0].image", SetValue((*POD, "containers", 0, "image"), "p:2"), False),
        (KUBERNETES, DEPLOYMENT, "container", SetValue((*POD, "containers", 1, "image"), "p:2"), True),
        (KUBERNETES, DEPLOYMENT, "environment", AddEntry(ENV, None, {"name": "X", "value": "1"}), True),
        (KUBERNETES, DEPLOYMENT, 'environment["LEVEL"]', SetValue((*ENV, 0, "value"), "debug"), True),
        (KUBERNETES, DEPLOYMENT, "environment.LEVEL", SetValue((*ENV, 1, "value"), "debug"), False),
        (KUBERNETES, DEPLOYMENT, "environment.X", AddEntry(ENV, None, {"name": "X", "value": "1"}), True),
        (KUBERNETES, DEPLOYMENT, "environment.Y", AddEntry(ENV, None, {"name": "X", "value": "1"}), False),
        (KUBERNETES, DEPLOYMENT, "labels.team", SetValue(("metadata", "labels", "team"), "c"), True),
        (KUBERNETES, DEPLOYMENT, "labels.team", SetValue(("metadata", "labels", "tier"), "c"), False),
        (KUBERNETES, DEPLOYMENT, "healthcheck.retries", SetValue((*PROBE, "failureThreshold"), 9), True),
        (KUBERNETES, DEPLOYMENT, "limits", SetValue((*POD, "containers", 0, "resources", "limits", "memory"), "1Gi"), True),
        (KUBERNETES, SERVICE, "port", SetValue(("spec", "ports", 0, "port"), 81), True),
        (KUBERNETES, SERVICE, "port[0].host", SetValue(("spec", "ports", 0, "port"), 81), True),
        (KUBERNETES, DEPLOYMENT, "all", RemoveEntry((*POD, "containers", 0, "image")), True),
        (KUBERNETES, SERVICE, "all", SetValue(("spec", "ports", 0, "port"), 81), True),
        (DOCKER, COMPOSE, "image", SetValue(("image",), "web:2"), True),
        (DOCKER, COMPOSE, "command", SetValue(("image",), "web:2"), False),
        (DOCKER, COMPOSE, "limits.memory", SetValue(("mem_limit",), "1g"), True),
        (DOCKER, COMPOSE, "limits", SetValue(("mem_limit",), "1g"), True),
        (DOCKER, COMPOSE, "environment.LEVEL", SetValue(("environment", "LEVEL"), "x"), True),
        (DOCKER, COMPOSE, "healthcheck", SetValue(("healthcheck", "retries"), 9), True),
        (DOCKER, COMPOSE, "port", SetValue(("ports", 0, "published"), "81"), True),
    ],
)  # fmt: skip
def test_an_ignored_attribute_hides_its_places(
    provider: str, name: str, changes: str, edit: Edit, is_hidden: bool
) -> None:
    """The difference is hidden with the line that says so, wherever the attribute is rendered; others are not."""
    listed = changes if changes == "all" else f"[{changes}]"
    proxy = PROXY if provider == KUBERNETES else ""
    text = f"{provider}{WEB}{proxy}  lifecycle {{\n    ignore_changes = {listed}\n  }}\n}}\n"
    line = next(number for number, each in enumerate(text.splitlines(), 1) if "ignore_changes" in each)
    assert hidden(text, name, edit) == ([f"main.cw:{line} ignores changes of {changes}"] if is_hidden else [])


def test_what_is_not_set_can_be_ignored() -> None:
    """Who leaves the replicas to an autoscaler writes none."""
    text = f"{KUBERNETES}{WEB}  lifecycle {{ ignore_changes = [replicas, annotations] }}\n}}\n"
    assert [place.path for place in rendered(text)[DEPLOYMENT].left_alone] == [
        ("spec", "replicas"),
        ("metadata", "annotations"),
    ]


@pytest.mark.parametrize("provider", list(Provider))
def test_every_attribute_of_every_kind_can_be_named(provider: Provider) -> None:
    """No name of the schema is refused, whether it is set or not."""
    blocks = []
    for kind in Kind:
        if kind is not Kind.IMAGE and (
            provider is Provider.KUBERNETES or kind.value not in {"job", "cron_job", "ingress"}
        ):
            names = ", ".join({**SCHEMAS[kind].attributes, **SCHEMAS[kind].blocks})
            own = {"service": 'image = "a"', "job": 'image = "a"', "cron_job": 'image = "a"\n  schedule = "1 1 1 1 1"'}
            body = own.get(kind.value, "")
            blocks.append(
                f'resource "{kind.value}" "a" {{\n  {body}\n  lifecycle {{ ignore_changes = [{names}] }}\n}}\n'
            )
    desired = rendered(f'provider "{provider.value}" {{}}\n{"".join(blocks)}')
    assert all(each.left_alone for each in desired.values())


def test_each_instance_ignores_for_itself() -> None:
    """A resource that is repeated has its lifecycle in each instance."""
    text = f'{DOCKER}resource "service" "w" {{\n  count = 2\n  image = "a"\n  lifecycle {{ ignore_changes = [image] }}\n}}\n'
    assert [len(each.left_alone) for each in rendered(text).values()] == [1, 1]


@pytest.mark.parametrize(
    ("lifecycle", "message"),
    [
        ("ignore_changes = [imge]", "there is no attribute 'imge' here"),
        ("ignore_changes = [limits.cpus]", "there is no attribute 'cpus' here"),
        ("ignore_changes = [image.x]", "parts of 'image' are not ignored one by one"),
        ("ignore_changes = [port.host]", "there are several 'port' blocks"),
        ("ignore_changes = [1 + 1]", "this names no attribute of the resource"),
        ("ignore_changes = image", "'ignore_changes' is no list of attributes"),
        ("prevent_destroy = true", "a lifecycle has no 'prevent_destroy' here"),
    ],
)
def test_mistakes_have_their_line(lifecycle: str, message: str) -> None:
    """A name that the resource cannot have is told, as is what a lifecycle does not have here."""
    text = f"{DOCKER}{WEB}  lifecycle {{\n    {lifecycle}\n  }}\n}}\n"
    assembly = assemble({"main.cw": text.encode()}, variables={}, environment={})
    assert [(error.line, error.message) for error in assembly.errors] == [(16, message)]
