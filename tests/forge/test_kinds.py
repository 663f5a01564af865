"""Jobs, CronJobs and Ingresses: their manifests, what is refused, and edits that lead back into the file."""

from __future__ import annotations

import pytest
import yaml

from bot.assembly.assemble import assemble
from bot.edits.adopt import adopt
from bot.edits.overlays import Overlays
from bot.forge.render import render
from bot.intake.read import read
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import JSON, Pointer
from bot.model.paths import format_path
from tests.forge.round import came_back, configured, rendered, written
from tests.table import table

MAIN = """provider "kubernetes" {
  stack     = "shop"
  namespace = "prod"
}
variable "token" {
  sensitive = true
  default   = "hunter2"
}
resource "service" "web" {
  image = "web:1"
  port {
    container = 8080
    host      = 80
  }
}
resource "job" "migrate" {
  image              = "migrate:1"
  command            = ["migrate", "up"]
  environment        = { LEVEL = "info", TOKEN = var.token }
  active_deadline    = "10m"
  backoff_limit      = 2
  completions        = 3
  parallelism        = 4
  ttl_after_finished = "1h"
  suspend            = true
  init_container {
    name  = "wait"
    image = "wait:1"
  }
}
resource "cron_job" "report" {
  image              = "report:1"
  schedule           = "0 4 * * *"
  time_zone          = "Europe/Berlin"
  concurrency        = "Forbid"
  starting_deadline  = "90s"
  successful_history = 5
  failed_history     = 6
  backoff_limit      = 7
  restart            = "on-failure"
  annotations        = { team = "data" }
  limits { memory = "64m" }
}
resource "ingress" "shop" {
  class = "nginx"
  default {
    service = "fallback"
    port    = 81
  }
  rule {
    host = "shop.example.com"
    path {
      service = service.web
      port    = 80
    }
    path {
      path    = "/api"
      type    = "Exact"
      service = "api"
      port    = 8081
    }
  }
  rule {
    path {
      path    = "/all"
      service = service.web
      port    = 82
    }
  }
  tls {
    hosts  = ["shop.example.com"]
    secret = "shop-tls"
  }
}
"""
NAMES = ("Job/prod/migrate", "CronJob/prod/report", "Ingress/prod/shop")


def manifests() -> dict[str, JSON]:
    """What the committed files say, by path below the stack's folder."""
    files = render(configured(MAIN), Overlays()).files
    return {
        path.removeprefix(".clockwork/build/shop/"): yaml.safe_load(files[path]) for path in files if "web" not in path
    }


def test_each_resource_is_a_manifest() -> None:
    """Durations are seconds, the pods of jobs end and are no Service's, and a path that does not say is / and Prefix."""
    made = manifests()
    assert set(made) == {"jobs/migrate.yaml", "cron_jobs/report.yaml", "ingresses/shop.yaml"}
    labels = {"app.kubernetes.io/name": "migrate", "app.kubernetes.io/part-of": "shop"}
    secret = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "migrate-secrets", "key": "TOKEN"}}}
    assert made["jobs/migrate.yaml"] == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "migrate", "namespace": "prod", "labels": labels},
        "spec": {
            "activeDeadlineSeconds": 600,
            "backoffLimit": 2,
            "completions": 3,
            "parallelism": 4,
            "ttlSecondsAfterFinished": 3600,
            "suspend": True,
            "template": {
                "metadata": {"labels": {"app.kubernetes.io/part-of": "shop"}},
                "spec": {
                    "initContainers": [{"name": "wait", "image": "wait:1"}],
                    "containers": [
                        {
                            "name": "migrate",
                            "image": "migrate:1",
                            "args": ["migrate", "up"],
                            "env": [{"name": "LEVEL", "value": "info"}, secret],
                        }
                    ],
                    "restartPolicy": "Never",
                },
            },
        },
    }
    assert made["cron_jobs/report.yaml"]["spec"] == {  # type: ignore[index,call-overload]  # parsed YAML
        "schedule": "0 4 * * *",
        "timeZone": "Europe/Berlin",
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 90,
        "successfulJobsHistoryLimit": 5,
        "failedJobsHistoryLimit": 6,
        "jobTemplate": {
            "spec": {
                "backoffLimit": 7,
                "template": {
                    "metadata": {"labels": {"app.kubernetes.io/part-of": "shop"}},
                    "spec": {
                        "containers": [
                            {"name": "report", "image": "report:1", "resources": {"limits": {"memory": "64Mi"}}}
                        ],
                        "restartPolicy": "OnFailure",
                    },
                },
            }
        },
    }
    assert made["ingresses/shop.yaml"]["spec"] == {  # type: ignore[index,call-overload]  # parsed YAML
        "ingressClassName": "nginx",
        "defaultBackend": backend("fallback", 81),
        "tls": [{"hosts": ["shop.example.com"], "secretName": "shop-tls"}],
        "rules": [
            {
                "host": "shop.example.com",
                "http": {
                    "paths": [
                        {"path": "/", "pathType": "Prefix", "backend": backend("web", 80)},
                        {"path": "/api", "pathType": "Exact", "backend": backend("api", 8081)},
                    ]
                },
            },
            {"http": {"paths": [{"path": "/all", "pathType": "Prefix", "backend": backend("web", 82)}]}},
        ],
    }


def backend(service: str, port: int) -> JSON:
    return {"service": {"name": service, "port": {"number": port}}}


def test_the_files_are_read_as_what_render_says_they_declare() -> None:
    """Intake finds the same identities and trees in the committed files."""
    bundle = render(configured(MAIN), Overlays())
    contents = read({path.removeprefix(".clockwork/build/"): data for path, data in bundle.files.items()}, project="x")
    assert not contents.errors
    assert {resource.id: resource.tree for resource in contents.resources} == {
        resource.id: resource.tree for resource in bundle.desired
    }


WRITTEN = [(name, pointer) for name in NAMES for pointer in written(rendered(MAIN)[name])]


@table(("name", "pointer"), WRITTEN, ids=lambda part: part if isinstance(part, str) else format_path(part))
def test_a_live_change_is_drift_and_comes_back(name: str, pointer: Pointer) -> None:
    """Every literal of the three kinds is compared, and its edit renders to what is live."""
    assert came_back(MAIN, name, pointer) != MAIN


@table(
    ("name", "edit", "before", "after"),
    [
        (
            NAMES[2],
            RemoveEntry(("spec", "defaultBackend")),
            '  default {\n    service = "fallback"\n    port    = 81\n  }\n',
            "",
        ),
        (
            NAMES[2],
            AddEntry(("spec", "tls", 0, "hosts"), None, "b"),
            '["shop.example.com"]',
            '["shop.example.com", "b"]',
        ),
        (
            NAMES[2],
            AddEntry(("metadata", "annotations"), "a", "b"),
            '  class = "nginx"\n',
            '  class = "nginx"\n  annotations = {\n    a = "b"\n  }\n',
        ),
        (NAMES[1], AddEntry(("metadata", "annotations"), "a", "b"), '{ team = "data" }', '{ team = "data", a = "b" }'),
        (
            NAMES[0],
            AddEntry(("spec", "template", "spec", "containers", 0, "env"), None, {"name": "MORE", "value": "1"}),
            "TOKEN = var.token }",
            'TOKEN = var.token, MORE = "1" }',
        ),
        (
            NAMES[1],
            AddEntry(
                ("spec", "jobTemplate", "spec", "template", "spec", "containers", 0, "env"),
                None,
                {"name": "X", "value": "1"},
            ),
            '{ team = "data" }\n',
            '{ team = "data" }\n  environment        = {\n    X = "1"\n  }\n',
        ),
        (NAMES[0], RemoveEntry(("spec", "suspend")), "  suspend            = true\n", ""),
        (
            NAMES[2],
            RemoveEntry(("spec", "rules", 0, "http", "paths", 1)),
            '    path {\n      path    = "/api"\n      type    = "Exact"\n      service = "api"\n      port    = 8081\n    }\n',
            "",
        ),
        (NAMES[2], SetValue(("spec", "defaultBackend", "service", "name"), "b"), '"fallback"', '"b"'),
    ],
)
def test_an_entry_is_added_and_removed_where_it_is_written(name: str, edit: Edit, before: str, after: str) -> None:
    """What is new or gone in a manifest changes its own block alone."""
    assert MAIN.count(before) == 1
    adoption = adopt(rendered(MAIN)[name], [edit], {"main.cw": MAIN.encode()}, cw=configured(MAIN))
    assert adoption.files["main.cw"].decode() == MAIN.replace(before, after)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('resource "job" "a" {\n  image = "a"\n}\n', 1, "Docker has no 'job'"),
        ('provider "kubernetes" {}\nresource "job" "a" {}\n', 2, "this resource block has no 'image'"),
        (
            'provider "kubernetes" {}\nresource "cron_job" "a" {\n  image = "a"\n}\n',
            2,
            "this resource block has no 'schedule'",
        ),
        ('provider "kubernetes" {}\nresource "ingress" "a" {\n  rule {\n  }\n}\n', 3, "this rule block has no 'path'"),
        (
            'provider "kubernetes" {}\nresource "job" "a" {\n  image   = "a"\n  restart = "always"\n}\n',
            4,
            "'always' is not possible here",
        ),
        (
            'variable "s" {\n  sensitive = true\n  default = "x"\n}\nresource "job" "a" {\n  image = "a"\n  user = var.s\n}\n',
            7,
            "a sensitive value would be written into a committed file here",
        ),
    ],
)
def test_mistakes_have_their_line(text: str, line: int, message: str) -> None:
    """What cannot be rendered is told where it is written."""
    assembly = assemble({"main.cw": text.encode()}, variables={}, environment={})
    assert [(error.line, error.message.split(":")[-1].strip()) for error in assembly.errors] == [(line, message)]
