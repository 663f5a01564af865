"""Units whose source names another branch, tag or commit of this repository than the one that is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.model.filetree import FileTree
from bot.model.revision import Revision
from bot.model.target import RenderedObject, Rendering, Unit
from bot.targets.discovery import Discovery, discover
from bot.targets.documents import Documents
from bot.targets.expansion import RenderContext, expand
from tests.gitops import tree_of

READ, OLD = "a" * 40, "b" * 40
URL = "https://git.example.com/team/shop"
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
KUSTOMIZATION = "resources: [a.yaml]\n"
OTHER = "it deploys revision release, this is branch main"


def on_main(files: dict[str, str]) -> FileTree:
    commits = {"main": READ, "release": OLD, "v1": READ, "refs/tags/v1": READ}
    heads = {"main": READ, "release": OLD}
    return replace(tree_of(files), revision=Revision("main", READ, heads.get, commits.get, lambda: ["v1"]))


def discovered(tree: FileTree) -> Discovery:
    return discover(Documents(tree), own_urls=[URL])


def written(asked: Sequence[tuple[Unit, FileTree]]) -> list[Rendering]:
    """The documents of each unit's folder as they are written."""
    renderings = []
    for unit, tree in asked:
        paths = tree.under(unit.path)
        objects = [RenderedObject(d.tree, path, d.line) for path in paths for d in Documents(tree).of(path)]
        renderings.append(Rendering(tuple(objects), frozenset(paths)))
    return renderings


def application(name: str, path: str, revision: str) -> str:
    return (
        f"apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}, namespace: argocd}}\n"
        f"spec:\n  source: {{repoURL: {URL}.git, path: {path}, targetRevision: {revision}}}\n---\n"
    )


def source(ref: str, name: str = "g") -> str:
    return (
        f"apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: {name}, namespace: f}}\n"
        f"spec: {{url: {URL}, ref: {ref}}}\n---\n"
    )


def deployed(path: str, name: str, of: str = "g") -> str:
    return (
        f"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: f}}\n"
        f"spec: {{path: {path}, sourceRef: {{kind: GitRepository, name: {of}}}}}\n---\n"
    )


@pytest.mark.parametrize("revision", ["main", "HEAD", "''", "v1", READ])
def test_an_application_of_the_commit_that_is_read_is_compared(revision: str) -> None:
    """By the branch, by nothing, or by a pin that leads there."""
    tree = on_main({"apps/a.yaml": application("a", "a", revision), "a/a.yaml": CONFIG_MAP})
    found = discovered(tree)
    assert ([target.name for target in found.targets], found.left_out) == (["a"], ())


@pytest.mark.parametrize("revision", ["release", OLD])
def test_an_application_of_another_commit_is_not_compared(revision: str) -> None:
    """It is named with both, and its folder is no place of its own either: nothing applies this commit's."""
    tree = on_main(
        {
            "apps/a.yaml": application("a", "a", revision),
            "a/kustomization.yaml": KUSTOMIZATION,
            "a/a.yaml": CONFIG_MAP,
        }
    )
    found = discovered(tree)
    assert found.targets == ()
    (out,) = found.left_out
    reason = f"it deploys revision {revision}, this is branch main"
    assert (out.subject, out.reason, out.file, out.line) == ("Application a", reason, "apps/a.yaml", 1)


def test_applications_that_another_commit_holds_are_not_read_from_this_one() -> None:
    """An app of apps takes its applications along."""
    tree = on_main(
        {
            "root.yaml": application("root", "apps", "release"),
            "apps/a.yaml": application("a", "a", "HEAD"),
            "a/a.yaml": CONFIG_MAP,
        }
    )
    found = discovered(tree)
    assert found.targets == ()
    assert [out.subject for out in found.left_out] == ["Application root"]


def test_an_application_below_another_is_compared_by_its_own_revision() -> None:
    """Its siblings go on."""
    apps = application("a", "a", "release") + application("b", "b", "main")
    tree = on_main(
        {
            "root.yaml": application("root", "apps", "HEAD"),
            "apps/a.yaml": apps,
            "a/a.yaml": CONFIG_MAP,
            "b/b.yaml": CONFIG_MAP,
        }
    )
    (target,) = discovered(tree).targets
    result = expand(target, tree, written, RenderContext([URL]))
    assert [each.unit.name for each in result.units] == ["root", "b"]
    assert [(out.subject, out.reason) for out in result.left_out] == [("Application a", OTHER)]


def test_value_files_of_another_commit_are_not_read_from_this_one() -> None:
    """One source of several is enough."""
    spec = (
        f"spec:\n  sources:\n  - {{repoURL: {URL}, path: a, targetRevision: HEAD, helm: {{valueFiles: [$v/a.yaml]}}}}\n"
        f"  - {{repoURL: {URL}, ref: v, targetRevision: release}}\n"
    )
    text = f"apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: a, namespace: argocd}}\n{spec}"
    found = discovered(on_main({"apps/a.yaml": text, "a/Chart.yaml": "name: a\nversion: 1.0.0\n", "a.yaml": "{}\n"}))
    assert found.targets == ()
    assert [out.reason for out in found.left_out] == [OTHER]


def test_a_generator_that_reads_another_commit_makes_no_applications() -> None:
    """Nobody can tell from this one which there are."""
    template = (
        f"{{metadata: {{name: '{{{{path.basename}}}}'}}, spec: {{source: {{repoURL: {URL}, path: '{{{{path}}}}'}}}}}}"
    )
    text = (
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: s, namespace: argocd}\nspec:\n"
        f"  generators: [{{git: {{repoURL: {URL}, revision: release, directories: [{{path: apps/*}}]}}}}]\n"
        f"  template: {template}\n"
    )
    found = discovered(on_main({"set.yaml": text, "apps/a/a.yaml": CONFIG_MAP}))
    assert found.targets == ()
    assert [out.reason for out in found.left_out] == [
        "of its git generator: it reads revision release, this is branch main"
    ]


@pytest.mark.parametrize("ref", ["{branch: main}", "{tag: v1}", f"{{commit: {READ}}}", "{}", "{name: refs/tags/v1}"])
def test_a_cluster_that_flux_deploys_from_the_commit_that_is_read_is_compared(ref: str) -> None:
    """Whichever of its fields says so."""
    tree = on_main({"clusters/a/sync.yaml": source(ref) + deployed("./clusters/a", "flux-system")})
    (target,) = discovered(tree).targets
    assert [unit.path for unit in target.units] == ["clusters/a"]


@pytest.mark.parametrize("ref", ["{branch: release}", f"{{branch: main, commit: {OLD}}}", "{semver: '>=2.0.0'}"])
def test_a_cluster_that_flux_deploys_from_another_commit_is_named_and_not_compared(ref: str) -> None:
    """Its folder at this commit is not what runs there; another cluster is compared as always."""
    tree = on_main(
        {
            "clusters/a/sync.yaml": source(ref) + deployed("./clusters/a", "flux-system"),
            "clusters/a/a.yaml": CONFIG_MAP,
            "clusters/b/sync.yaml": source("{branch: main}") + deployed("./clusters/b", "flux-system"),
        }
    )
    found = discovered(tree)
    assert [(target.name, len(target.units)) for target in found.targets] == [("a", 0), ("b", 1)]
    (out,) = found.left_out
    assert out.reason.startswith("it deploys revision ")
    assert out.reason.endswith(", this is branch main")
    assert "clusters/a/a.yaml" in found.rendered


def test_objects_of_flux_are_compared_by_their_own_source() -> None:
    """A Kustomization, and a release whose chart is in this repository."""
    release = (
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: r, namespace: f}\n"
        "spec: {chart: {spec: {chart: ./charts/r, sourceRef: {kind: GitRepository, name: old}}}}\n"
    )
    tree = on_main(
        {
            "clusters/a/sync.yaml": source("{branch: main}") + deployed("./clusters/a", "flux-system"),
            "clusters/a/apps.yaml": source("{branch: release}", "old")
            + deployed("./apps", "apps", "old")
            + deployed("./infra", "infra")
            + release,
            "apps/a.yaml": CONFIG_MAP,
            "infra/a.yaml": CONFIG_MAP,
            "charts/r/Chart.yaml": "name: r\nversion: 1.0.0\n",
        }
    )
    (target,) = discovered(tree).targets
    result = expand(target, tree, written, RenderContext([URL]))
    assert [each.unit.name for each in result.units] == ["flux-system", "infra"]
    assert {(out.subject, out.reason) for out in result.left_out} == {
        ("Kustomization f/apps", OTHER),
        ("HelmRelease f/r", OTHER),
    }
