"""Artifacts: their bytes, what they declare, and overlays on them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import yaml

from bot.assembly.assemble import assemble
from bot.assembly.config import AssembledConfig
from bot.edits.overlays import Overlays, dump, load, with_patch
from bot.errors import Refused
from bot.forge.render import ArtifactBundle, render
from bot.intake.read import read
from bot.model.drift import AddEntry, SetValue
from bot.model.json import JSON
from bot.model.resource import Desired, Platform, SourceKind

MAIN = """provider "{provider}" {{
  stack = "shop"
}}
variable "password" {{
  sensitive = true
  default   = "hunter2"
}}
resource "network" "front" {{}}
resource "volume" "data" {{ size = "2g" }}
resource "config" "site" {{ content = "a = $HOME\\n" }}
resource "service" "web" {{
  image       = "nginx:1.27"
  command     = ["nginx", "-g", "daemon off;"]
  replicas    = {replicas}
  environment = {{ LEVEL = "info", PASSWORD = var.password, SIZE = "1e3" }}
  networks    = [network.front]
  port {{
    container = 80
    host      = 8080
  }}
  volume {{
    name   = volume.data.name
    target = "/data"
  }}
  mount {{
    source = "./site"
    target = "/site"
  }}
  healthcheck {{
    command  = "curl -f localhost"
    interval = "10s"
    retries  = {retries}
  }}
  limits {{
    cpu    = 0.5
    memory = "512m"
  }}
}}
"""


def config(provider: str = "docker", *, retries: int = 3, replicas: int = 2) -> AssembledConfig:
    text = MAIN.format(provider=provider, retries=retries, replicas=replicas)
    assembly = assemble({"infra/main.cw": text.encode()}, variables={}, environment={})
    assert not assembly.errors
    return assembly.config


def by_id(bundle: ArtifactBundle) -> dict[str, Desired]:
    return {str(desired.id): desired for desired in bundle.desired}


def test_a_docker_stack_is_one_compose_file() -> None:
    """The file is a Compose project in long syntax; paths lead from the artifact to the repository's files."""
    files = render(config(), Overlays()).files
    tree = yaml.safe_load(files[".clockwork/build/shop/compose.yaml"])
    assert tree["name"] == "shop"
    web = tree["services"]["web"]
    assert web["ports"] == [{"target": 80, "published": "8080", "protocol": "tcp", "mode": "ingress"}]
    assert web["healthcheck"] == {"interval": "10s", "retries": 3, "test": ["CMD-SHELL", "curl -f localhost"]}
    assert web["volumes"][0] == {"type": "bind", "source": "../../../infra/site", "target": "/site"}
    assert (web["cpus"], web["mem_limit"], web["deploy"]) == (0.5, "512m", {"replicas": 2})
    assert tree["configs"]["site"]["content"] == "a = $$HOME\n"


def test_the_rendered_file_is_read_as_what_render_says_it_declares() -> None:
    """Every tree that render declares is what a reader finds at its place in the artifact, secrets aside."""
    bundle = render(config(), Overlays())
    (path,) = bundle.files
    contents = read({"shop/compose.yaml": bundle.files[path], "shop/.env": b"PASSWORD=hunter2\n"}, project="x")
    assert not contents.errors
    assert {str(resource.id): resource.tree for resource in contents.resources} == {
        str(resource.id): resource.tree for resource in bundle.desired
    }
    assert {resource.root for resource in bundle.desired} == {resource.root for resource in contents.resources}


def test_a_kubernetes_stack_is_manifests_per_service() -> None:
    """Deployment, Service, ConfigMap and PersistentVolumeClaim, with sizes and durations in Kubernetes' units."""
    bundle = render(config("kubernetes"), Overlays())
    assert set(bundle.files) == {
        ".clockwork/build/shop/web.yaml",
        ".clockwork/build/shop/configs/site.yaml",
        ".clockwork/build/shop/volumes/data.yaml",
    }
    contents = read({path.removeprefix(".clockwork/build/"): data for path, data in bundle.files.items()}, project="x")
    assert not contents.errors
    assert {str(resource.id): resource.tree for resource in contents.resources} == {
        str(resource.id): resource.tree for resource in bundle.desired
    }
    deployment = by_id(bundle)["Deployment/web"]
    container = _at(deployment.tree, "spec", "template", "spec", "containers", 0)
    assert _at(container, "resources", "limits") == {"cpu": 0.5, "memory": "512Mi"}
    assert _at(container, "livenessProbe", "periodSeconds") == 10
    assert deployment.task == "web"
    assert deployment.id.platform is Platform.KUBERNETES


def _at(tree: JSON, *path: str | int) -> JSON:
    for part in path:
        tree = tree[part]  # type: ignore[index]
    return tree


@pytest.mark.parametrize("provider", ["docker", "kubernetes"])
def test_secret_values_are_never_in_an_artifact(provider: str) -> None:
    """A sensitive variable is left to the environment or to a Secret, and marked in the declared tree."""
    bundle = render(config(provider), Overlays())
    assert not any(b"hunter2" in data for data in bundle.files.values())
    if provider == "docker":
        assert ("environment", "PASSWORD") in by_id(bundle)["service/shop/web"].sensitive


@pytest.mark.parametrize("provider", ["docker", "kubernetes"])
def test_rendering_is_deterministic(provider: str) -> None:
    """The same configuration gives the same bytes."""
    assert render(config(provider), Overlays()).files == render(config(provider), Overlays()).files


def test_origins_lead_into_the_cw_file() -> None:
    """A rendered leaf knows the line of the value that gives it."""
    web = by_id(render(config(), Overlays()))["service/shop/web"]
    lines = MAIN.format(provider="docker", retries=3, replicas=2).splitlines()
    origin = web.origins.at(("healthcheck", "retries"))
    assert origin is not None
    assert lines[origin.line - 1].strip() == "retries  = 3"
    assert (web.source, web.file, web.artifact) == (
        SourceKind.CW,
        "infra/main.cw",
        ".clockwork/build/shop/compose.yaml",
    )


def patched(bundle: ArtifactBundle) -> Overlays:
    web = by_id(bundle)["service/shop/web"]
    return with_patch(
        Overlays(), web, [SetValue(("healthcheck", "retries"), 5), AddEntry(("labels",), "team", "a")], ["d1"]
    )


def test_an_overlay_is_kept_by_the_next_render() -> None:
    """The artifact and what it declares have the patched values; loading what was dumped changes nothing."""
    overlays = patched(render(config(), Overlays()))
    loaded, errors = load(dump(overlays))
    assert (loaded, errors) == (overlays, ())
    bundle = render(config(), loaded)
    tree = by_id(bundle)["service/shop/web"].tree
    assert (_at(tree, "healthcheck", "retries"), tree["labels"], bundle.dropped) == (5, {"team": "a"}, ())
    assert b"retries: 5" in bundle.files[".clockwork/build/shop/compose.yaml"]


def test_configuration_wins_over_an_overlay() -> None:
    """An entry whose replaced value changed in configuration is dropped with a reason; the others stay."""
    overlays = patched(render(config(), Overlays()))
    bundle = render(config(retries=4), overlays)
    (dropped,) = bundle.dropped
    assert "healthcheck.retries" in dropped.reason
    assert _at(by_id(bundle)["service/shop/web"].tree, "healthcheck", "retries") == 4
    assert len(overlays.without([dropped.entry]).tasks["web"]) == 1


def test_a_patch_back_to_the_rendered_value_removes_its_entry() -> None:
    """Patching a patched place keeps the first rendered value; returning to it forgets the entry."""
    first = render(config(), Overlays())
    once = with_patch(Overlays(), by_id(first)["service/shop/web"], [SetValue(("healthcheck", "retries"), 5)], ["a"])
    second = by_id(render(config(), once))["service/shop/web"]
    twice = with_patch(once, second, [SetValue(("healthcheck", "retries"), 6)], ["b"])
    (entry,) = twice.tasks["web"]
    assert (entry.replaced, entry.value, entry.drifts) == (3, 6, ("a", "b"))
    third = by_id(render(config(), twice))["service/shop/web"]
    assert with_patch(twice, third, [SetValue(("healthcheck", "retries"), 3)], ["c"]).tasks == {}


def test_a_secret_is_not_written_into_an_overlay() -> None:
    """A patch of a sensitive value is refused."""
    web = by_id(render(config(), Overlays()))["service/shop/web"]
    with pytest.raises(Refused, match="secret"):
        with_patch(Overlays(), web, [SetValue(("environment", "PASSWORD"), "x")], [])


def test_overlays_of_what_is_gone_are_dropped() -> None:
    """An entry about a resource that configuration no longer declares is dropped."""
    overlays = patched(render(config(), Overlays()))
    gone = Overlays({"old": overlays.tasks["web"]})
    assert {drop.reason for drop in render(config(), gone).dropped} == {"service/shop/web is no longer declared"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("task: web\nentries:\n  - resource: a\n    pth: x\n", 3),
        ("task: web\nentries:\n  - resource: a\n    path: a..b\n", 4),
        ("task: web\nentries: 3\n", 2),
        ("task: [\n", 2),
    ],
)
def test_mistakes_in_overlay_files_have_their_line(text: str, line: int) -> None:
    """Overlay files are strict: unknown keys and bad paths are told, nothing crashes."""
    files: Mapping[str, bytes] = {".clockwork/overlays/web.yaml": text.encode()}
    _, errors = load(files)
    assert errors
    assert errors[0].file == ".clockwork/overlays/web.yaml"
    assert errors[0].line == line
