"""Argo CD's applications as its repository server renders them."""

from __future__ import annotations

import json

import pytest

from bot.model.json import Tree, get, text
from bot.model.target import Unit, UnitKind
from bot.renderers.argo_kustomize import image
from bot.renderers.renderers import Renderers
from bot.targets.clusters import ArgoCluster
from bot.targets.discovery import discover
from bot.targets.documents import Documents
from bot.targets.expansion import Expansion, RenderContext, expand
from tests.gitops import at, called, repository, tree_of
from tests.renderers import needs

pytestmark = [needs.KUSTOMIZE, needs.HELM]

OWN = ("https://github.com/example/apps",)
CLUSTERS = {
    "prod": ArgoCluster("prod", "https://prod.example.com", {"env": "prod"}),
    "dev": ArgoCluster("dev", "https://dev.example.com", {"env": "dev"}),
}


@pytest.fixture(scope="module")
def root(renderers: Renderers) -> Expansion:
    """An application of applications, rendered to the end."""
    tree = repository("argo-apps")
    target = discover(Documents(tree), own_urls=OWN, clusters=CLUSTERS).targets[0]
    return expand(target, tree, renderers.render_all, RenderContext(OWN, CLUSTERS))


def objects(root: Expansion, application: str) -> dict[str, Tree]:
    """The objects of one application by ``Kind/name``."""
    return {called(made): made.tree for unit, made in root.objects() if unit.name == application}


def test_one_target_begins_at_the_application_of_applications(root: Expansion) -> None:
    """What an application deploys is no target of its own; sets make the applications that their generators name."""
    assert root.target.name == "root"
    assert sorted(each.unit.name for each in root.units) == [
        "bought",
        "folder-red",
        "gone",
        "helm",
        "kustomized",
        "listed-blue",
        "listed-red",
        "merged-blue",
        "merged-red",
        "other",
        "plain",
        "plugged",
        "root",
    ]


def test_what_is_not_rendered_says_why(root: Expansion) -> None:
    """Plug-ins, charts from elsewhere, other repositories, paths that are not there, hooks and Jsonnet are left out."""
    reasons = {left.subject: left.reason for left in root.left_out}
    assert reasons == {
        "Application plugged": "configuration management plug-ins are not run",
        "Application bought": "its chart bought comes from https://charts.example.com, and is not fetched: "
        "charts.example.com is not among fetch.hosts in clockwork.yaml",
        "Application everywhere-prod": "it goes to another cluster, https://prod.example.com",
        "Application red-prod": "it goes to another cluster, https://prod.example.com",
        "Application other": "its source is another repository, https://github.com/example/other.git, and is not "
        "fetched: github.com is not among fetch.hosts in clockwork.yaml",
        "Application gone": "not/there of git@github.com:example/apps.git is not in this repository",
        "ApplicationSet asked": "its pullRequest generator asks outside of this repository",
        "Application plain: Job": "a hook runs once and is not kept",
        "Job plain/": "the API server names it anew each time it is created (generateName)",
        "manifests/deep/made.jsonnet": "Jsonnet is not evaluated",
    }


def test_a_folder_of_manifests_is_applied_as_it_is(root: Expansion) -> None:
    """Lists are opened, other files passed over, what is excluded is not read, and namespaces go where they belong."""
    made = objects(root, "plain")
    spaces = {name: text(get(tree, "metadata", "namespace")) for name, tree in made.items()}
    assert spaces == {
        "ConfigMap/one": "plain",
        "ConfigMap/three": "plain",
        "Namespace/plain": "",
        "ServiceAccount/two": "own",
    }


def test_kustomize_options_of_a_source_are_applied(root: Expansion) -> None:
    """Prefix, namespace, images, labels, replicas and patches are laid over the kustomization."""
    web = objects(root, "kustomized")["Deployment/eu-web"]
    assert web == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "eu-web", "namespace": "kustomized", "labels": {"tier": "front"}},
        "spec": {
            "minReadySeconds": 7,
            "replicas": 4,
            "selector": {"matchLabels": {"app": "web", "tier": "front"}},
            "template": {
                "metadata": {"labels": {"app": "web", "tier": "front"}},
                "spec": {"containers": [{"name": "web", "image": "mirror.example.com/web:3.1"}]},
            },
        },
    }


def test_helm_values_lie_over_one_another_in_argo_s_order(root: Expansion) -> None:
    """Chart, value files (of another source too), values object, parameters: the later wins. CRDs are applied."""
    made = objects(root, "helm")
    assert sorted(made) == ["ConfigMap/site", "CustomResourceDefinition/things.example.com"]
    data = made["ConfigMap/site"]["data"]
    assert isinstance(data, dict)
    assert data["space"] == "site"
    assert json.loads(str(data["values"])) == {
        "replicas": 6,
        "level": "object",
        "only": "chart",
        "fromSmall": True,
        "fromRef": True,
        "fromObject": True,
        "labels": {"example.com/zone": "8"},
        "motd": "hello\n",
    }
    rendering = next(each.rendering for each in root.units if each.unit.name == "helm")
    assert {"values/site.yaml", "charts/web/values-small.yaml", "charts/web/motd.txt"} <= rendering.inputs


def test_another_cluster_is_another_target(renderers: Renderers) -> None:
    """Applications that go to another cluster than the one that applies them make a target named after that cluster."""
    tree = repository("argo-apps")
    targets = discover(Documents(tree), own_urls=OWN, clusters=CLUSTERS).targets
    assert [(target.name, target.cluster) for target in targets] == [
        ("root", ""),
        ("prod", "argo:https://prod.example.com"),
    ]
    assert sorted((unit.name, unit.path, unit.namespace) for unit in targets[1].units) == [
        ("everywhere-prod", "teams/red", "red"),
        ("red-prod", "teams/red", "prod"),
    ]
    expansion = expand(targets[1], tree, renderers.render_all, RenderContext(OWN, CLUSTERS))
    assert [at(made, "metadata", "namespace") for _, made in expansion.objects()] == ["prod", "red"]


def test_sets_fill_their_templates(root: Expansion) -> None:
    """Parameters of generators stand in names, paths and destinations."""
    destinations = {each.unit.name: (each.unit.path, each.unit.namespace) for each in root.units}
    assert destinations["folder-red"] == ("teams/red", "red")
    assert (destinations["merged-red"][1], destinations["merged-blue"][1]) == ("one", "three")


def test_one_object_of_two_applications_is_a_conflict_where_they_differ(renderers: Renderers) -> None:
    """Two applications that bring one object in two versions are told with both places; the same twice is no conflict."""
    spec = "{source: {path: PATH}, destination: {namespace: n}}"
    application = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: NAME}\nspec: " + spec
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"
    files = {
        "apps/root.yaml": application.replace("NAME", "root").replace("PATH", "apps"),
        "apps/a.yaml": application.replace("NAME", "a").replace("PATH", "a"),
        "apps/b.yaml": application.replace("NAME", "b").replace("PATH", "b"),
        "a/c.yaml": f"{config}data: {{x: one}}\n",
        "b/c.yaml": f"# the other\n{config}data: {{x: two}}\n",
    }
    for contents, messages in ((files["b/c.yaml"], ["ConfigMap n/c is declared in a/c.yaml:1 and differently in b/c.yaml:2"]),
                               (files["a/c.yaml"], [])):  # fmt: skip
        tree = tree_of({**files, "b/c.yaml": contents})
        unit = Unit(
            UnitKind.ARGO_APPLICATION, "root", "apps", spec={"source": {"path": "apps"}}, how="Application root"
        )
        (target,) = discover(Documents(tree)).targets
        expansion = expand(target, tree, renderers.render_all, RenderContext())
        assert unit.name == target.units[0].name
        assert [str(conflict) for conflict in expansion.conflicts] == messages
        assert sum(called(made) == "ConfigMap/c" for _, made in expansion.objects()) == 1


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("nginx:1.2", {"name": "nginx", "newTag": "1.2"}),
        ("a=b/c:1", {"name": "a", "newName": "b/c", "newTag": "1"}),
        ("host:5000/a@sha256:0", {"name": "host:5000/a", "digest": "sha256:0"}),
        ("a=host:5000/b", {"name": "a", "newName": "host:5000/b"}),
        ("a:1@sha256:0", {"name": "a", "newTag": "1", "digest": "sha256:0"}),
    ],
)
def test_images_are_written_as_kustomize_edit_takes_them(written: str, expected: Tree) -> None:
    """``[name=]new[:tag][@digest]``, with ports in registries told from tags."""
    assert image(written) == expected
