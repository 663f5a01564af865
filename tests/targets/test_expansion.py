"""What objects bring along, with renderings that are written here: no tool is needed to follow them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest

from bot.model.filetree import FileTree
from bot.model.json import Tree
from bot.model.target import NotCompared, RenderedObject, Rendering, Target, Unit, UnitKind
from bot.targets import expansion as module
from bot.targets.applicationset import applications
from bot.targets.clusters import ArgoCluster
from bot.targets.documents import Documents
from bot.targets.expansion import Expansions, RenderContext, expand
from bot.targets.scopes import CLUSTER_SCOPED, declared, is_namespaced
from tests.gitops import at, called, tree_of
from tests.table import table


class Written:
    """Renders the documents of a unit's folder as they are written, and counts what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def render_all(self, asked: Sequence[tuple[Unit, FileTree]]) -> list[Rendering]:
        self.asked.append([unit.name for unit, _ in asked])
        return [self._render(unit, Documents(tree)) for unit, tree in asked]

    def _render(self, unit: Unit, documents: Documents) -> Rendering:
        paths = documents.tree.under(unit.path)
        if not paths:
            return Rendering(error=NotCompared(unit.name, "there is nothing", again=unit.name == "late"))
        objects = [RenderedObject(d.tree, path, d.line) for path in paths for d in documents.of(path)]
        return Rendering(tuple(objects), frozenset(paths))


def root(path: str = "root", namespace: str = "") -> Target:
    return Target("t", (Unit(UnitKind.KUSTOMIZE, "root", path, namespace),))


def kustomization(name: str, path: str, **spec: str) -> str:
    more = "".join(f"  {key}: {value}\n" for key, value in spec.items())
    return (
        f"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: f}}\nspec:\n"
        f"  path: {path}\n  sourceRef: {{kind: GitRepository, name: g}}\n{more}---\n"
    )


def config(name: str, **data: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: f}}\ndata: {data}\n---\n"


def test_units_that_wait_for_nothing_are_rendered_together() -> None:
    """What one unit brings along is rendered in one go, and each unit once, however often it is named."""
    files = {
        "root/a.yaml": kustomization("a", "a") + kustomization("b", "b"),
        "a/a.yaml": kustomization("c", "c") + kustomization("b", "b"),
        "b/b.yaml": config("b") + kustomization("a", "a"),
        "c/c.yaml": config("c"),
    }
    written = Written()
    result = expand(root(), tree_of(files), written.render_all, RenderContext())
    assert written.asked == [["root"], ["a", "b"], ["c"]]
    assert [each.parent for each in result.units] == [None, 0, 0, 1]
    assert result.inputs == set(files)


def test_a_chain_without_end_is_an_error_and_not_a_problem() -> None:
    """Units that deploy ever more units are stopped."""
    files = {"root/a.yaml": kustomization("n0", "n0")}
    files |= {f"n{n}/a.yaml": kustomization(f"n{m}", f"n{m}") for n, m in pairwise(range(60))}
    result = expand(root(), tree_of(files), Written().render_all, RenderContext())
    assert [left.reason for left in result.left_out] == ["too many units deploy one another"]
    assert len(result.units) < 20


def test_too_many_units_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target of more units than any place has is cut, and says so."""
    monkeypatch.setattr(module, "MOST_UNITS", 5)
    files = {"root/a.yaml": "".join(kustomization(f"n{n}", f"n{n}") for n in range(9))}
    files |= {f"n{n}/a.yaml": config(f"c{n}") for n in range(9)}
    result = expand(root(), tree_of(files), Written().render_all, RenderContext())
    assert len(result.units) == 5
    assert any(left.reason == "too many units deploy one another" for left in result.left_out)


def test_a_second_look_at_an_unchanged_target_asks_for_nothing() -> None:
    """A target is expanded again only when an answer it was made from is another one."""
    files = {"root/a.yaml": kustomization("a", "a"), "a/a.yaml": config("a"), "other/b.yaml": ""}
    written, tree = Written(), tree_of(files)
    expansions = Expansions(written.render_all)
    first = expansions.of(root(), tree)
    assert expansions.of(root(), tree.with_changes({"other/b.yaml": b"x", "other/c.yaml": b""})) is first
    assert len(written.asked) == 2
    changed = expansions.of(root(), tree.with_changes({"a/b.yaml": config("b").encode()}))
    assert [called(made) for _, made in changed.objects()] == ["Kustomization/a", "ConfigMap/a", "ConfigMap/b"]
    assert expansions.of(Target("t", (Unit(UnitKind.KUSTOMIZE, "x", "root"),)), tree).target.units[0].name == "x"


def test_targets_are_rendered_side_by_side() -> None:
    """The units of several targets wait together, and each target remembers its own inputs."""
    files = {"a/a.yaml": kustomization("x", "x"), "b/b.yaml": config("b"), "x/x.yaml": config("x")}
    targets = [Target(name, (Unit(UnitKind.KUSTOMIZE, name, name),)) for name in ("a", "b")]
    written, tree = Written(), tree_of(files)
    expansions = Expansions(written.render_all)
    assert [len(list(each.objects())) for each in expansions.of_all(targets, tree)] == [2, 1]
    expansions.of_all(targets, tree.with_changes({"b/b.yaml": config("c").encode()}))
    assert written.asked == [["a", "b"], ["x"], ["b"]]


def test_what_may_end_otherwise_is_tried_again() -> None:
    """An expansion in which a tool ran out of time is not remembered."""
    written = Written()
    expansions = Expansions(written.render_all)
    tree = tree_of({"root/a.yaml": kustomization("late", "none")})
    expansions.of(root(), tree)
    expansions.of(root(), tree)
    assert written.asked == [["root"], ["late"]] * 2


def test_variables_and_releases_wait_for_what_others_bring() -> None:
    """A unit whose variables are in an object of another comes after that, a release after all of them."""
    substituted = "{substituteFrom: [{kind: ConfigMap, name: vars}]}"
    release = (
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: r, namespace: f}\nspec:\n"
        "  chart: {spec: {chart: ./chart, sourceRef: {kind: GitRepository, name: g}}}\n"
        "  valuesFrom: [{kind: ConfigMap, name: vars, valuesKey: a}]\n---\n"
    )
    files = {
        "root/a.yaml": release
        + kustomization("first", "first", postBuild=substituted)
        + kustomization("second", "second"),
        "first/a.yaml": config("x"),
        "second/a.yaml": config("vars", a="1"),
    }
    written = Written()
    result = expand(root(), tree_of(files), written.render_all, RenderContext())
    assert written.asked == [["root"], ["second"], ["first"], ["r"]]
    units = {each.unit.name: each.unit for each in result.units}
    assert units["first"].spec["variables"] == {"values": {"a": "1"}, "known": True, "on": True}
    assert units["r"].spec["inputs"] == [{"text": "1", "targetPath": "", "literal": False}]
    assert next(each.parent for each in result.units if each.unit.name == "r") == 0


def test_values_that_cannot_be_read_leave_a_release_out() -> None:
    """A release whose values come from the cluster is not compared: anything else would be a guess."""
    release = (
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: r, namespace: f}\n"
        "spec: {valuesFrom: [{kind: Secret, name: s}]}\n"
    )
    result = expand(root(), tree_of({"root/a.yaml": release}), Written().render_all, RenderContext())
    assert [left.reason for left in result.left_out] == ["its values come from Secret s, which cannot be read here"]


def test_a_namespace_goes_to_what_lives_in_one() -> None:
    """CRDs of any unit tell the scope of their kinds, also for objects that were rendered before them."""
    crd = (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: b}\n"
        "spec: {group: g.io, names: {kind: B}, scope: Cluster}\n---\n"
    )
    objects = (
        "apiVersion: g.io/v1\nkind: B\nmetadata: {name: b}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\n---\n"
    )
    files = {"root/a.yaml": objects + kustomization("c", "c"), "c/crd.yaml": crd}
    result = expand(root(namespace="n"), tree_of(files), Written().render_all, RenderContext())
    spaces = {called(made): at(made, "metadata", "namespace") for _, made in result.objects()}
    assert spaces == {"B/b": None, "Pod/p": "n", "Kustomization/c": "f", "CustomResourceDefinition/b": None}


def test_one_object_in_two_versions_is_a_conflict() -> None:
    """Both places are named; the version of the API group does not make another object."""
    one = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n"
    files = {
        "root/a.yaml": f"{one}spec: {{replicas: 1}}\n",
        "root/b.yaml": one.replace("v1", "v1beta1"),
        "root/c.yaml": one,
    }
    result = expand(root(namespace="n"), tree_of(files), Written().render_all, RenderContext())
    (conflict,) = result.conflicts
    assert (
        str(conflict) == "Deployment n/d is declared in root/a.yaml:1 and differently in root/b.yaml:1, root/c.yaml:1"
    )
    assert [made.file for _, made in result.objects()] == ["root/a.yaml"]


# -- scopes -----------------------------------------------------------------------------------------------------------


def test_scopes_are_known_by_group() -> None:
    """A kind of one name in another group may live elsewhere."""
    assert not is_namespaced({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}, {})
    assert is_namespaced({"apiVersion": "example.com/v1", "kind": "ClusterRole"}, {})
    assert not is_namespaced({"apiVersion": "example.com/v1", "kind": "A"}, {("example.com", "A"): False})
    assert is_namespaced({"apiVersion": "v1", "kind": "Namespace"}, {("", "Namespace"): True})
    assert ("", "Node") in CLUSTER_SCOPED
    assert declared({"kind": "ConfigMap"}) is None


# -- application sets -------------------------------------------------------------------------------------------------


def made(spec: Tree, files: dict[str, str] | None = None, clusters: dict[str, ArgoCluster] | None = None) -> list[str]:
    """The names of a set's applications, or why there are none."""
    written = RenderedObject({"kind": "ApplicationSet", "metadata": {"name": "s"}, "spec": spec}, "s.yaml", 1)
    result = applications(written, tree_of(files or {}), (), clusters or {})
    return [
        each.reason if isinstance(each, NotCompared) else str(at(each.written, "metadata", "name")) for each in result
    ]


def template(name: str) -> Tree:
    return {"metadata": {"name": name}}


@table(
    ("expression", "expected"),
    [
        ("{{ .a }}", "Web_One"),
        ("{{.a | lower}}", "web_one"),
        ("{{ normalize .a }}", "web-one"),
        ('{{ .none | default "x" }}', "x"),
        ("{{ index .list 1 }}", "two"),
        ('{{ index .map "k.k" }}', "v"),
        ("{{ .map.inner }}", "i"),
        ("{{- .a | trim | upper -}}", "WEB_ONE"),
        ("{{ .none }}", "its template uses {{ .none }}, which no generator gives"),
        ("{{ range .list }}{{ end }}", "its template uses {{range .list}}, which is not understood"),
    ],
)
def test_go_templates_of_sets_are_filled(expression: str, expected: str) -> None:
    """Fields, ``index`` and functions of text; whatever else there is is said not to be understood."""
    element: Tree = {"a": "Web_One", "list": ["one", "two"], "map": {"k.k": "v", "inner": "i"}}
    spec: Tree = {
        "goTemplate": True,
        "generators": [{"list": {"elements": [element]}}],
        "template": template(expression),
    }
    assert made(spec) == [expected]


def test_matrix_may_use_the_first_generator_in_the_second() -> None:
    """Parameters of the first fill the paths of the second."""
    generators: Tree = {
        "matrix": {
            "generators": [
                {"list": {"elements": [{"env": "dev"}, {"env": "prod"}]}},
                {"git": {"files": [{"path": "{{env}}/**/app.json"}]}},
            ]
        }
    }
    files = {"dev/a/app.json": '{"n": 1}', "prod/b/c/app.json": '[{"n": 2}, {"n": 3}]', "other/app.json": "{}"}
    spec: Tree = {"generators": [generators], "template": template("{{env}}-{{path.basename}}-{{n}}-{{path[1]}}")}
    assert made(spec, files) == ["dev-a-1-a", "prod-c-2-b", "prod-c-3-b"]


def test_clusters_are_those_of_the_settings() -> None:
    """The cluster generator gives names, servers, labels and its own values; without settings it says what it needs."""
    cluster = {
        "a": ArgoCluster("A_1", "https://a", {"env": "prod"}),
        "b": ArgoCluster("b", "https://b", {"env": "dev"}),
    }
    generator: Tree = {"clusters": {"selector": {"matchExpressions": [{"key": "env", "operator": "In", "values": ["prod"]}]},
                                    "values": {"region": "r-{{name}}"}}}  # fmt: skip
    spec: Tree = {
        "generators": [generator],
        "template": template("{{nameNormalized}} {{metadata.labels.env}} {{values.region}}"),
    }
    assert made(spec, clusters=cluster) == ["a-1 prod r-A_1"]
    assert made(spec) == ["its cluster generator needs clusters that settings name (argo.clusters)"]


@pytest.mark.parametrize(
    ("generator", "reason"),
    [
        ({"scmProvider": {}}, "its scmProvider generator asks outside of this repository"),
        ({"list": {"elementsYaml": "x"}}, "its list generator uses elementsYaml, which is not read here"),
        ({"list": {}, "git": {}}, "a generator must have exactly one kind"),
        ({"matrix": {"generators": []}}, "a matrix takes exactly two generators"),
        ({"merge": {"generators": [], "mergeKeys": []}}, "a merge takes generators and mergeKeys"),
        ({"git": {"files": [{"path": "bad.json"}]}}, "bad.json, which its git generator reads, is not valid YAML or JSON"),
        ({"git": {"directories": [{"path": "*"}], "pathParamPrefix": "p"}},
         "its git generator uses pathParamPrefix, which is not read here"),
    ],
)  # fmt: skip
def test_generators_that_cannot_be_read_say_so(generator: Tree, reason: str) -> None:
    """Each reason names what of the set is not understood."""
    assert made({"generators": [generator], "template": template("a")}, {"bad.json": "{", "d/x": ""}) == [reason]


def test_a_generator_without_end_is_stopped() -> None:
    """Two lists of a thousand make no million applications."""
    many: Tree = {"list": {"elements": [{"n": str(n)} for n in range(1000)]}}
    spec: Tree = {"generators": [{"matrix": {"generators": [many, many]}}], "template": template("{{n}}")}
    assert made(spec) == ["a generator makes more than 1000 applications"]


def test_folders_are_chosen_by_pattern() -> None:
    """Hidden folders never, excluded ones not, and deeper ones only where the pattern says so."""
    files = {f"{folder}/x.yaml": "" for folder in ("apps/a", "apps/b", "apps/a/deep", "apps/.git", "other/c")}
    directories: Tree = {"git": {"directories": [{"path": "apps/*"}, {"path": "apps/b", "exclude": True}]}}
    assert made({"generators": [directories], "template": template("{{path}}")}, files) == ["apps/a"]


def test_applications_of_one_name_are_told_apart_by_their_namespaces() -> None:
    """Argo CD takes applications in any namespace: two of one name and one path are two units."""
    application = (
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: web, namespace: TEAM}\nspec:\n"
        "  source: {repoURL: https://example.com/shop, path: web}\n  destination: {namespace: TEAM}\n---\n"
    )
    files = {
        "root/a.yaml": application.replace("TEAM", "a") + application.replace("TEAM", "b"),
        "web/a.yaml": config("c"),
    }
    result = expand(root(), tree_of(files), Written().render_all, RenderContext())
    assert [(each.unit.name, each.unit.space) for each in result.units] == [("root", ""), ("web", "a"), ("web", "b")]
