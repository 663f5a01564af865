"""Charts as Helm renders them."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bot.confinement.walls import Wall
from bot.model.json import JSON, Tree, text
from bot.model.target import Target, Unit, UnitKind
from bot.renderers import confined, tools
from bot.renderers.confined import Jail
from bot.renderers.helm import Helm, by_source
from bot.renderers.renderers import Renderers
from bot.targets.documents import Documents
from bot.targets.expansion import RenderContext, expand
from tests.gitops import HERE, at, by_name, called, repository, tree_of
from tests.renderers import needs

pytestmark = needs.HELM

SHOP = "charts/shop"


def unit(path: str, *files: str, namespace: str = "", values: Tree | None = None, **more: JSON) -> Unit:
    """A chart with values files and values."""
    spec: Tree = {
        "releaseName": "eu",
        "valueFiles": [f"{path}/{file}" for file in files],
        "values": values or {},
        **more,
    }
    return Unit(UnitKind.HELM, "shop", path, namespace, spec, file=f"{path}/Chart.yaml", line=1, how="chart")


def chart(**templates: str) -> dict[str, str]:
    """A chart of some templates, at the top of a repository."""
    made = {f"templates/{name}.yaml": written for name, written in templates.items()}
    return {"Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n", **made}


@pytest.mark.skipif(not tools.helm_library(), reason="helm-python-sdk is not installed")
def test_objects_are_what_helm_renders(renderers: Renderers) -> None:
    """A chart comes to the texts that Helm's library renders for its folder."""
    program = (
        "import sys, json; from helm_python import Chart; print(json.dumps(Chart.load(sys.argv[1]).render(name='a')))"
    )
    folder = HERE / "kustomize-helm/vendor/web"
    words = [sys.executable, "-c", program, str(folder)]
    done = subprocess.run(words, check=True, capture_output=True, timeout=120)
    rendered = json.loads(done.stdout)["web/templates/deployment.yaml"]
    release = Unit(UnitKind.HELM, "a", "vendor/web", spec={"releaseName": "a"})
    (made,) = renderers.render(release, repository("kustomize-helm")).objects
    lines = rendered.splitlines()
    assert f"name: {at(made, 'metadata', 'name')}" in lines[2]
    assert str(at(made, "spec", "template", "spec", "containers", 0, "args", 0)) in rendered


def test_values_files_lie_over_the_chart_s_own(renderers: Renderers) -> None:
    """A chart's values, then its values files in order, then values: the later wins, the rest stays."""
    web = by_name(renderers.render(unit(SHOP, "values-dev.yaml", "values-prod.yaml"), repository("charts")))[
        "Deployment/eu-shop"
    ]
    container = at(web, "spec", "template", "spec", "containers", 0)
    assert container == {
        "name": "shop",
        "image": "example.com/shop:1.5.0",
        "env": [{"name": "LOG_LEVEL", "value": "debug"}],
    }
    assert at(web, "spec", "replicas") == 3
    web = by_name(renderers.render(unit(SHOP, "values-prod.yaml", values={"replicas": 9}), repository("charts")))[
        "Deployment/eu-shop"
    ]
    assert at(web, "spec", "replicas") == 9


def test_dependencies_of_the_repository_are_part_of_a_chart(renderers: Renderers) -> None:
    """Charts in the charts folder and beside it (``file://``) are rendered; one that is switched off need not be there."""
    rendering = renderers.render(unit(SHOP, "values-prod.yaml"), repository("charts"))
    objects = by_name(rendering)
    claim = objects["PersistentVolumeClaim/eu-cache"]
    assert at(claim, "spec", "resources", "requests", "storage") == "2Gi"
    assert claim.file == "charts/shop/charts/cache/templates/claim.yaml"
    labels = at(objects["Deployment/eu-shop"], "metadata", "labels")
    assert labels == {"app.kubernetes.io/name": "shop", "app.kubernetes.io/managed-by": "Helm"}
    assert "charts/common/templates/_labels.tpl" in rendering.inputs


@pytest.mark.parametrize(
    ("path", "values", "needed"),
    [("charts/lonely", {}, "wordpress"), (SHOP, {"tracing": {"enabled": True}}, "tracing")],
)
def test_a_missing_dependency_is_not_compared(
    renderers: Renderers, path: str, values: dict[str, JSON], needed: str
) -> None:
    """A chart that needs what is not in the repository is not rendered without it."""
    rendering = renderers.render(unit(path, values=values), repository("charts"))
    assert rendering.objects == ()
    assert rendering.error is not None
    assert rendering.error.reason.startswith(f"its chart needs {needed}, which is not in its charts folder")
    assert rendering.error.file == f"{path}/Chart.yaml"


def test_hooks_tests_and_crds_are_left_out_with_their_reasons(renderers: Renderers) -> None:
    """What Helm runs or installs once is no part of what a release keeps."""
    rendering = renderers.render(unit(SHOP), repository("charts"))
    assert {text(made.tree["kind"]) for made in rendering.objects}.isdisjoint(
        {"Job", "Pod", "CustomResourceDefinition"}
    )
    reasons = {left.file.rpartition("/")[2]: left.reason for left in rendering.left_out}
    assert reasons == {
        "migrate.yaml": "a hook runs once and is not kept",
        "works.yaml": "a hook runs once and is not kept",
        "shelves.yaml": "Helm installs what is in a chart's crds folder once and never updates it",
    }
    assert rendering.cluster_kinds == {("shop.example.com", "Shelf")}


def test_values_that_change_by_themselves_cannot_be_compared(renderers: Renderers) -> None:
    """What a template makes anew each time is marked; what stands beside it is not."""
    secret = by_name(renderers.render(unit(SHOP), repository("charts")))["Secret/session"]
    assert dict(secret.opaque) == {("stringData", "key"): "its template makes a new value each time it is rendered"}


def test_objects_whose_names_change_by_themselves_are_left_out(renderers: Renderers) -> None:
    """An object of another name each time is no declaration of anything."""
    files = chart(one='apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "a-{{ uuidv4 }}"}\n')
    rendering = renderers.render(unit(""), tree_of(files))
    assert rendering.objects == ()
    assert [left.reason for left in rendering.left_out] == ["its name or kind is another one each time it is rendered"]


def test_the_cluster_is_the_one_of_the_settings(renderers: Renderers) -> None:
    """``.Capabilities`` are what settings say of a target, else of all; ``lookup`` finds nothing."""
    clusters: dict[str, Tree] = {
        "": {"kubeVersion": "1.27", "apiVersions": []},
        "prod": {"kubeVersion": "v1.27.4", "apiVersions": ["monitoring.coreos.com/v1"]},
    }
    seen = {}
    for name in ("dev", "prod"):
        around = RenderContext(capabilities=clusters)
        expansion = expand(Target(name, (unit(SHOP),)), repository("charts"), renderers.render_all, around)
        (made,) = (made for _, made in expansion.objects() if called(made) == "ConfigMap/cluster")
        seen[name] = at(made, "data")
    assert seen == {
        "dev": {"version": "v1.27.0", "monitoring": "false", "looked-up": "{}"},
        "prod": {"version": "v1.27.4", "monitoring": "true", "looked-up": "{}"},
    }


def test_only_what_lives_in_a_namespace_gets_that_of_its_release(renderers: Renderers) -> None:
    """Built-in kinds without namespace, and those that the chart's CRDs declare so, stay without one."""
    target = Target("shop", (unit(SHOP, namespace="eu"),))
    expansion = expand(target, repository("charts"), renderers.render_all, RenderContext())
    spaces = {called(made): at(made, "metadata", "namespace") for _, made in expansion.objects()}
    assert spaces == {
        "Deployment/eu-shop": "eu",
        "ConfigMap/cluster": "eu",
        "ClusterRole/eu": None,
        "Shelf/first": None,
        "Secret/session": "eu",
        "PersistentVolumeClaim/eu-cache": "eu",
    }


@pytest.mark.parametrize(
    ("template", "line", "words"),
    [
        ('a: 1\n{{ fail "not like this" }}\n', 2, "not like this"),
        ("a: 1\n\n{{ .Values.missing.key }}\n", 3, "nil pointer evaluating"),
        ('{{ include "nobody" . }}\n', 1, 'no template "nobody"'),
        ("a: 1\n{{ if }}\n", 2, "missing value for if"),
        ("kind: [\n", 1, "is not valid YAML"),
    ],
)
def test_a_broken_template_is_named_with_its_line(renderers: Renderers, template: str, line: int, words: str) -> None:
    """What a template does wrong is told in Helm's words, at the template and its line."""
    rendering = renderers.render(unit(""), tree_of(chart(bad=template)))
    assert rendering.error is not None
    assert words in rendering.error.reason
    assert (rendering.error.file, rendering.error.line) == ("templates/bad.yaml", line)


def test_values_that_a_schema_refuses_are_told(renderers: Renderers) -> None:
    """``values.schema.json`` is obeyed."""
    files = {**chart(), "values.schema.json": '{"properties": {"replicas": {"type": "integer"}}}'}
    error = renderers.render(unit("", values={"replicas": "many"}), tree_of(files)).error
    assert error is not None
    assert "/replicas" in error.reason


def test_a_values_file_that_is_no_mapping_is_an_error_of_its_own(renderers: Renderers) -> None:
    """A broken values file is named with its line, and a missing one by its path."""
    files = {**chart(), "bad.yaml": "a: 1\nb: [\n", "list.yaml": "- 1\n"}
    reasons = []
    for file in ("bad.yaml", "list.yaml", "missing.yaml"):
        broken = Unit(UnitKind.HELM, "a", "", spec={"valueFiles": [file]}, file="Chart.yaml", line=1)
        error = renderers.render(broken, tree_of(files)).error
        assert error is not None
        reasons.append(error.reason)
    assert reasons[0].startswith("bad.yaml:3: not valid YAML")
    assert reasons[1:] == ["list.yaml:1: values are a mapping", "the values file missing.yaml is not there"]


def test_what_the_program_prints_is_told_apart_by_template() -> None:
    """``helm template`` prints all documents in one; each says which template it comes from, CRDs too."""
    text = (
        "---\n# Source: web/crds/a.yaml\nkind: CustomResourceDefinition\n"
        "---\n# Source: web/templates/b.yaml\nkind: B\n---\n# Source: web/templates/b.yaml\nkind: C\n"
    )
    manifests = by_source(text)
    assert list(manifests.templates) == ["output/0.yaml", "web/templates/b.yaml"]
    assert manifests.templates["web/templates/b.yaml"].count("kind:") == 2
    assert [file for file, _ in manifests.crds] == ["web/crds/a.yaml"]


def test_packed_charts_are_read(renderers: Renderers, tmp_path: Path) -> None:
    """A dependency may lie in the charts folder as an archive; its objects are said to come from that."""
    packed = subprocess.run(
        ["tar", "-cz", "-C", str(HERE / "charts/charts/shop/charts"), "cache"],
        check=True,
        capture_output=True,
        timeout=60,
    ).stdout
    needed = "dependencies:\n- {name: cache, version: 1.0.0, repository: ''}\n"
    files: dict[str, str | bytes] = {
        "Chart.yaml": f"apiVersion: v2\nname: web\nversion: 0.1.0\n{needed}",
        "charts/cache-1.0.0.tgz": packed,
    }
    claim = by_name(renderers.render(unit(""), tree_of(files)))["PersistentVolumeClaim/eu-cache"]
    assert claim.file == "charts/cache-1.0.0.tgz"


def test_the_program_is_called_as_helm_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the library the ``helm`` program renders: with the release, its namespace, values, cluster and CRDs."""
    program = tmp_path / "helm"
    program.write_text(
        "#!/bin/sh\necho '---'\necho '# Source: web/templates/a.yaml'\n"
        "echo 'apiVersion: v1'\necho 'kind: ConfigMap'\necho 'metadata: {name: a}'\necho 'data:'\n"
        'for word in "$@"; do i=$((i + 1)); echo "  w$i: \'$word\'"; done\n'
    )
    program.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(tools, "find_spec", lambda _name: None)
    for cached in (tools.helm, tools.helm_library):
        cached.cache_clear()
    try:
        helm = Helm(Jail(Wall.NONE), Documents(tree_of({})))
        asked = unit(
            "", namespace="n", values={"x": 1}, capabilities={"kubeVersion": "1.30", "apiVersions": ["a/v1", "b/v1"]}
        )
        (made,) = by_name(helm.render(asked, tree_of(chart(a="")))).values()
    finally:
        for cached in (tools.helm, tools.helm_library):
            cached.cache_clear()
    data = at(made, "data")
    assert isinstance(data, dict)
    words = [text(word) for word in data.values()]
    assert words[:2] == ["template", "eu"]
    assert words[3:7] == ["--namespace", "n", "--include-crds", "--values"]
    assert words[8:] == ["--kube-version", "v1.30.0", "--api-versions", "a/v1", "--api-versions", "b/v1"]
    assert made.file == "templates/a.yaml"


@pytest.mark.parametrize("wall", [Wall.NAMESPACES, Wall.LANDLOCK, Wall.NONE])
def test_charts_render_behind_every_wall(wall: Wall) -> None:
    """The library works in its process whatever keeps that inside."""
    if {Wall.NAMESPACES: not confined.namespaces(), Wall.LANDLOCK: not confined.landlock(), Wall.NONE: False}[wall]:
        pytest.skip(f"this machine has no {wall.value}")
    helm = Helm(Jail(wall), Documents(tree_of({})))
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    assert list(by_name(helm.render(unit(""), tree_of(chart(a=template))))) == ["ConfigMap/a"]
