"""Kustomizations as kustomize builds them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bot.intake.scalars import Dialect
from bot.intake.text import Text
from bot.intake.yamltree import load
from bot.model.json import JSON
from bot.model.target import Unit, UnitKind
from bot.renderers import tools
from bot.renderers.kustomize import blamed
from bot.renderers.renderers import Renderers
from tests.gitops import HERE, at, by_name, repository, tree_of
from tests.renderers import needs

pytestmark = needs.KUSTOMIZE

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n"


def unit(path: str) -> Unit:
    """A kustomization."""
    return Unit(UnitKind.KUSTOMIZE, "here", path, file=f"{path}/kustomization.yaml".lstrip("/"), line=1)


def printed(folder: Path) -> list[JSON]:
    """What kustomize prints for a folder when somebody runs it there."""
    program = tools.kustomize()
    done = subprocess.run([program.path, *program.arguments, folder], check=True, capture_output=True, timeout=60)
    return [each.value for each in load(Text.of("printed", done.stdout), Dialect.KUBERNETES) if each is not None]


@pytest.mark.parametrize("folder", ["base", "overlays/dev", "overlays/prod"])
def test_objects_are_what_kustomize_prints(renderers: Renderers, folder: str) -> None:
    """A kustomization comes to exactly what ``kustomize build`` prints for its folder."""
    rendering = renderers.render(unit(folder), repository("kustomize-shop"))
    assert rendering.error is None
    assert [made.tree for made in rendering.objects] == printed(HERE / "kustomize-shop" / folder)


def test_objects_know_where_they_began(renderers: Renderers) -> None:
    """Each object names the file and line that it was written at, generated ones the kustomization."""
    objects = by_name(renderers.render(unit("overlays/prod"), repository("kustomize-shop")))
    origins = {made.tree["kind"]: (made.file, made.line) for made in objects.values()}
    assert origins == {
        "Deployment": ("base/deployment.yaml", 1),
        "Service": ("base/service.yaml", 2),
        "Namespace": ("overlays/prod/namespace.yaml", 1),
        "ConfigMap": ("base/kustomization.yaml", 1),
        "Secret": ("overlays/prod/kustomization.yaml", 1),
    }
    assert not any("config.kubernetes.io/origin" in str(made.tree) for made in objects.values())


def test_every_file_that_was_read_is_an_input(renderers: Renderers) -> None:
    """Inputs are the files of the overlay, its base and its component, and none of another overlay."""
    inputs = renderers.render(unit("overlays/prod"), repository("kustomize-shop")).inputs
    files = {path for path in repository("kustomize-shop") if not path.startswith("overlays/dev")} - {"README.md"}
    assert inputs == files


def test_own_wish_for_origins_is_kept(renderers: Renderers) -> None:
    """Annotations about origins stay where the repository itself asks for them."""
    files = {"kustomization.yaml": "resources: [a.yaml]\nbuildMetadata: [originAnnotations]\n", "a.yaml": CONFIG_MAP}
    (made,) = renderers.render(unit(""), tree_of(files)).objects
    assert at(made, "metadata", "annotations", "config.kubernetes.io/origin") == "path: a.yaml\n"


@needs.HELM
def test_charts_become_resources(renderers: Renderers) -> None:
    """Charts of ``helmCharts`` are rendered with their values in kustomize's order, then changed like any resource."""
    objects = by_name(renderers.render(unit(""), repository("kustomize-helm")))
    assert sorted(objects) == ["CustomResourceDefinition/posts.blog.example.com", "Deployment/my-blog"]
    web = objects["Deployment/my-blog"]
    assert (at(web, "metadata", "namespace"), at(web, "metadata", "labels")) == ("web", {"patched": "yes"})
    assert (at(web, "spec", "replicas"), web.file) == (4, "vendor/web/templates/deployment.yaml")
    container = at(web, "spec", "template", "spec", "containers", 0)
    assert container == {"name": "web", "image": "example.com/blog:7", "args": ["--level=warn"]}
    assert at(web, "spec", "template", "metadata", "labels", "kube") == "v1.29.3"


@needs.HELM
@pytest.mark.parametrize(
    ("merge", "replicas", "level"), [("override", "4", "info"), ("merge", "2", "info"), ("replace", "4", "info")]
)
def test_inline_values_merge_as_they_say(renderers: Renderers, merge: str, replicas: str, level: str) -> None:
    """``valuesMerge`` says whether inline values or those of the file win, or whether there is no file."""
    tree = repository("kustomize-helm")
    chart = (tree.read("kustomization.yaml") or b"").decode().replace("includeCRDs: true", f"valuesMerge: {merge}")
    chart = chart.replace("    additionalValuesFiles: [more.yaml]\n", "")
    rendering = renderers.render(unit(""), tree.with_changes({"kustomization.yaml": chart.encode()}))
    web = by_name(rendering)["Deployment/my-blog"]
    assert str(at(web, "spec", "replicas")) == replicas
    assert at(web, "spec", "template", "spec", "containers", 0, "args") == [f"--level={level}"]
    image = "example.com/web:1" if merge == "replace" else "example.com/blog:7"
    assert at(web, "spec", "template", "spec", "containers", 0, "image") == image


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (
            "{name: web, repo: https://charts.example.com, version: 1.0.0, releaseName: a}",
            (
                "the chart web of https://charts.example.com is not in charts/web-1.0.0/web, and is not fetched: "
                "charts.example.com is not among fetch.hosts in clockwork.yaml"
            ),
        ),
        ("{name: ../../../web, releaseName: a}", "the chart ../../../web leads out of the repository"),
        ("{name: there}", "the chart there has no releaseName, so Helm makes up another one each time"),
    ],
)
def test_charts_that_cannot_be_rendered_are_not_compared(renderers: Renderers, entry: str, reason: str) -> None:
    """A chart that is not in the repository, or is another one each time, says so with file and line."""
    files = {
        "kustomization.yaml": f"\nhelmCharts: [{entry}]\n",
        "charts/there/Chart.yaml": "name: there\nversion: 1.0.0\n",
    }
    error = renderers.render(unit(""), tree_of(files)).error
    assert error is not None
    assert (error.reason, error.file, error.line) == (reason, "kustomization.yaml", 2)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("accumulating resources from 'web.yaml': open a/web.yaml: no such file", ("a/web.yaml", 1)),
        ("map[string]interface {}(nil): yaml: unmarshal errors:\n line 3: nothing named", None),
        ("missing metadata.name in object at web.yaml, line 7: field", ("a/web.yaml", 7)),
        ("accumulating resources from '../base': read b/base.yaml", None),
        ("error in 'kustomization.yaml' of '../base/kustomization.yaml'", ("base/kustomization.yaml", 1)),
    ],
)
def test_messages_name_the_file_that_is_to_blame(said: str, expected: tuple[str, int] | None) -> None:
    """The file that a message names last is to blame, with a line where it says one."""
    inputs = frozenset({"a/web.yaml", "a/kustomization.yaml", "base/kustomization.yaml"})
    assert blamed(said, "a", inputs) == expected


def test_an_object_whose_annotations_are_replaced_keeps_its_origin(renderers: Renderers) -> None:
    """Where a patch takes all annotations away, the one file that declares the object is its origin."""
    operation = '[{"op": "add", "path": "/metadata/annotations", "value": {"a": "b"}}]'
    patch = f"patches: [{{target: {{kind: ConfigMap}}, patch: '{operation}'}}]\n"
    files = {"kustomization.yaml": f"resources: [a.yaml]\n{patch}", "a.yaml": f"# one\n{CONFIG_MAP}"}
    (made,) = renderers.render(unit(""), tree_of(files)).objects
    assert (made.file, made.line, at(made, "metadata", "annotations")) == ("a.yaml", 2, {"a": "b"})
