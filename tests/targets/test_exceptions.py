"""What Argo CD and Flux are told to leave alone is hidden here too, with their reason, and nothing else is."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.model.drift import Report
from bot.model.json import Tree
from bot.model.resource import ResourceId
from bot.model.target import RenderedObject, Rendering, Target, Unit, UnitKind
from bot.targets.exceptions import exceptions
from bot.targets.expansion import Expansion, RenderedUnit
from tests.flows.folders import assessed, folder, snapshot
from tests.table import table
from tests.targets.test_defaults import HELM, REPOSITORIES, cluster, declaration, pytestmark

__all__ = ["pytestmark"]

WEB: Tree = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
    "spec": {
        "replicas": 2,
        "template": {
            "spec": {
                "containers": [{"name": "log", "image": "log:1"}, {"name": "web", "image": "web:1"}],
                "volumes": [{"name": "data"}],
            }
        },
    },
}
CONFIG: Tree = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "namespace": "shop"}, "data": {}}
CUSTOM: Tree = {
    "apiVersion": "example.com/v1",
    "kind": "Thing",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"parts": [{"name": "a"}]},
}


def taken(spec: Tree, kind: UnitKind = UnitKind.ARGO_APPLICATION, **notes: Mapping[str, str]) -> Any:
    """What is taken over from one unit with this spec, which deploys the three objects."""
    unit = Unit(kind, "shop", "shop", spec=spec, file="apps/shop.yaml", line=3, how="Application shop")
    web = {**WEB, "metadata": {**WEB["metadata"], **notes}}  # type: ignore[dict-item]  # a mapping, as above
    objects = tuple(RenderedObject(tree) for tree in (web, CONFIG, CUSTOM))
    return exceptions(Expansion(Target("prod"), (RenderedUnit(unit, Rendering(objects)),)))


def argo(**entry: object) -> list[tuple[str, str]]:
    """Resource and path of what one entry of ``ignoreDifferences`` comes to."""
    from bot.model.paths import format_path

    rules = taken({"ignoreDifferences": [{"group": "apps", "kind": "Deployment", **entry}]}).rules  # type: ignore[dict-item]
    return [(rule.resource, format_path(rule.path)) for rule in rules]


DEPLOYMENT = "Deployment/shop/web"
POD = "spec.template.spec"


@pytest.mark.parametrize(
    ("pointer", "paths"),
    [
        ("/spec/replicas", ["spec.replicas"]),
        ("/metadata/annotations/example.com~1note", ['metadata.annotations["example.com/note"]']),
        ("/spec/template/spec/containers/1/image", [f"{POD}.containers[web].image"]),
        ("/data/a~0b", ['data["a~b"]']),
        ("", [""]),
    ],
)
def test_a_json_pointer_is_a_path(pointer: str, paths: list[str]) -> None:
    """Elements of keyed lists are named by their keys, as differences name them."""
    assert argo(jsonPointers=[pointer]) == [(DEPLOYMENT, path) for path in paths]


@table(
    ("expression", "path"),
    [
        (".spec.replicas", "spec.replicas"),
        (".spec.template.spec.containers[].image", f"{POD}.containers.*.image"),
        (".webhooks[]?.clientConfig.caBundle", "webhooks.*.clientConfig.caBundle"),
        (".spec.template.spec.containers[0].image", f"{POD}.containers[log].image"),
        ('.metadata.annotations["example.com/note"]', 'metadata.annotations["example.com/note"]'),
        ('.metadata.labels."a.b/c"', 'metadata.labels["a.b/c"]'),
        ('.spec.template.spec.initContainers[] | select(.name == "injected")', f"{POD}.initContainers[injected]"),
        ('.spec.template.spec.containers[] | select(.name == "web") | .image', f"{POD}.containers[web].image"),
    ],
)
def test_a_path_of_jq_is_a_path(expression: str, path: str) -> None:
    """``[]`` is any element."""
    assert argo(jqPathExpressions=[expression]) == [(DEPLOYMENT, path)]


@table(
    "expression",
    [".", ".spec | keys", ".data | map(.x)", "..", ".spec[1:2]", '.a | select(.name == "x")', "$__loc__", ""],
)
def test_what_is_more_than_a_path_is_noted_and_hides_nothing(expression: str) -> None:
    """With where it stands."""
    found = taken({"ignoreDifferences": [{"kind": "*", "group": "*", "jqPathExpressions": [expression]}]})
    assert not found.rules
    (note,) = found.notes
    assert (note.rule, note.state) == ("Application shop (apps/shop.yaml:3)", "not taken over")
    assert repr(expression) in note.detail


def test_a_pointer_without_a_slash_is_noted() -> None:
    """The field of Argo CD that takes dots is another one."""
    (note,) = taken({"ignoreDifferences": [{"group": "apps", "kind": "*", "jsonPointers": ["spec.replicas"]}]}).notes
    assert "no JSON pointer" in note.detail


@pytest.mark.parametrize(
    ("entry", "resources"),
    [
        ({"group": "apps", "kind": "Deployment"}, {DEPLOYMENT}),
        ({"group": "", "kind": "Deployment"}, set()),
        ({"kind": "ConfigMap"}, {"ConfigMap/shop/web"}),
        ({"group": "*", "kind": "*"}, {DEPLOYMENT, "ConfigMap/shop/web", "Thing/shop/web"}),
        ({"group": "apps", "kind": "Deploy*", "name": "web", "namespace": "shop"}, {DEPLOYMENT}),
        ({"group": "apps", "kind": "Deployment", "name": "api"}, set()),
        ({"group": "apps", "kind": "Deployment", "namespace": "other"}, set()),
    ],
)
def test_argo_s_entries_name_their_objects(entry: Tree, resources: set[str]) -> None:
    """Group and kind by glob, the empty group is the core one, name and namespace exactly."""
    rules = taken({"ignoreDifferences": [{**entry, "jsonPointers": ["/spec"]}]}).rules
    assert {rule.resource for rule in rules} == resources
    assert all(
        rule.target == "prod" and rule.reason == "Argo CD ignoreDifferences of Application shop" for rule in rules
    )


@pytest.mark.parametrize(
    ("target", "resources"),
    [
        ({}, {DEPLOYMENT, "ConfigMap/shop/web", "Thing/shop/web"}),
        ({"kind": "Deployment"}, {DEPLOYMENT}),
        ({"kind": "Deploy"}, set()),
        ({"kind": "Deployment|ConfigMap"}, {DEPLOYMENT, "ConfigMap/shop/web"}),
        ({"kind": "^Th.*$", "version": "v1"}, {"Thing/shop/web"}),
        ({"group": "apps", "name": "web", "namespace": "shop"}, {DEPLOYMENT}),
        ({"labelSelector": "app=web"}, {DEPLOYMENT}),
        ({"annotationSelector": "app=web"}, set()),
    ],
)
@pytest.mark.parametrize("kind", [UnitKind.FLUX_HELM_RELEASE, UnitKind.FLUX_KUSTOMIZATION])
def test_flux_s_entries_name_their_objects(kind: UnitKind, target: Tree, resources: set[str]) -> None:
    """By anchored regular expressions and selectors; all objects without a target."""
    entries = [{"paths": ["/spec/replicas"], "target": target}]
    spec = {"driftDetection": {"ignore": entries}} if kind is UnitKind.FLUX_HELM_RELEASE else {"ignore": entries}
    assert {rule.resource for rule in taken(spec, kind).rules} == resources  # type: ignore[arg-type]  # plain data


@pytest.mark.parametrize("target", [{"kind": "(a+)+"}, {"name": ".*.*.*"}, {"labelSelector": "app ~ web"}])
def test_a_flux_target_that_cannot_be_asked_is_noted(target: Tree) -> None:
    """No pattern of a repository takes long, and nothing is hidden by guessing."""
    spec: Tree = {"ignore": [{"paths": ["/spec"], "target": target}]}
    found = taken(spec, UnitKind.FLUX_KUSTOMIZATION)
    assert not found.rules
    assert len(found.notes) == 1


@pytest.mark.parametrize(
    ("kind", "note", "kinds"),
    [
        (UnitKind.FLUX_KUSTOMIZATION, {"kustomize.toolkit.fluxcd.io/ssa": "Merge"}, {"added"}),
        (UnitKind.FLUX_HELM_RELEASE, {"helm.toolkit.fluxcd.io/driftDetection": "disabled"}, set()),
    ],
)
@pytest.mark.parametrize("where", ["annotations", "labels"])
def test_an_object_s_own_mark_is_a_rule(kind: UnitKind, note: Mapping[str, str], kinds: set[str], where: str) -> None:
    """What Flux leaves to others on one object, by annotation or label."""
    (rule,) = taken({}, kind, **{where: note}).rules
    assert (rule.resource, {kind.value for kind in rule.kinds}) == (DEPLOYMENT, kinds)
    assert not taken({}, UnitKind.KUSTOMIZE, **{where: note}).rules


ARGO = REPOSITORIES["argo"]
IGNORING = (
    ARGO["apps/shop.yaml"]
    + b"""\
  ignoreDifferences:
    - {group: apps, kind: Deployment, jsonPointers: [/spec/replicas], managedFieldsManagers: [scaler]}
    - {group: apps, kind: Deployment, jqPathExpressions: ['.spec.template.spec.containers[].image', '.spec | keys']}
"""
)


def looked(root: Path, tmp_path: Path, live: list[dict[str, Any]]) -> Report:
    """The report of the applications' one target with this live state."""
    return assessed(root, live=snapshot(tmp_path / "live.json", live), target="root").report


@HELM
def test_argo_s_exceptions_hold_for_the_application_s_objects(tmp_path: Path) -> None:
    """Of two applications with the same objects, the one with ``ignoreDifferences`` is quiet, and counted."""
    root = folder(tmp_path / "repo", {**ARGO, "apps/shop.yaml": IGNORING})
    live = cluster(declaration(root), "root", managed=False)
    for tree in live:
        if tree["kind"] == "Deployment" and tree["metadata"]["namespace"] in {"shop", "over"}:
            tree["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example.com/web:9"
    report = looked(root, tmp_path, live)
    changed = {"Deployment/over/over-web", "Deployment/shop/chart-web"}
    assert {str(drift.resource) for drift in report.drift} == changed
    (hidden,) = [each for each in report.suppressed if each.by.startswith("ignore:")]
    assert (str(hidden.drift.resource), hidden.by) == ("Deployment/shop/web", "ignore:Application shop")
    assert hidden.reason == "Argo CD ignoreDifferences of Application shop"
    assert [note.state for note in report.notes if "keys" in note.detail] == ["not taken over"]
    assert not [note for note in report.notes if note.state == "unused"]


@HELM
def test_what_a_trusted_manager_wrote_is_argo_s_exception_too(tmp_path: Path) -> None:
    """And what another one wrote at the same place is not."""
    root = folder(tmp_path / "repo", {**ARGO, "apps/shop.yaml": IGNORING})
    live = cluster(declaration(root), "root", managed=True)
    (web,) = [tree for tree in live if tree["kind"] == "Deployment" and tree["metadata"]["name"] == "web"]
    web["spec"]["paused"] = True
    fields: dict[str, Any] = {"f:spec": {"f:paused": {}}}
    entry = {"manager": "scaler", "operation": "Update", "apiVersion": "apps/v1", "fieldsType": "FieldsV1"}
    web["metadata"]["managedFields"].append({**entry, "time": "2026-02-02T08:00:00Z", "fieldsV1": fields})
    assert not looked(root, tmp_path, live).drift
    web["metadata"]["managedFields"][-1]["manager"] = "kubectl-edit"
    assert [drift.where for drift in looked(root, tmp_path, live).drift] == ["spec.paused"]


@HELM
def test_no_exception_hides_what_is_critical(tmp_path: Path) -> None:
    """An ignore rule that does not say so cannot, wherever it comes from."""
    ignoring = IGNORING.replace(b"/spec/replicas", b"/spec/template")
    root = folder(tmp_path / "repo", {**ARGO, "apps/shop.yaml": ignoring})
    live = cluster(declaration(root), "root", managed=False)
    (web,) = [tree for tree in live if tree["kind"] == "Deployment" and tree["metadata"]["name"] == "web"]
    web["spec"]["template"]["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    report = looked(root, tmp_path, live)
    assert [drift.severity.value for drift in report.drift] == ["CRITICAL"]
    assert [note.state for note in report.notes if note.rule == "Application shop"] == ["overruled"]


LABELS = ("app.kubernetes.io/instance", "app.kubernetes.io/managed-by")


@HELM
@pytest.mark.parametrize(
    ("name", "label", "value", "drifts"),
    [
        ("web", LABELS[0], "shop", False),
        ("web", LABELS[0], "argocd_shop", False),
        ("web", LABELS[0], "another", True),
        ("web", "example.com/instance", "shop", True),
        ("web", LABELS[1], "Helm", True),
    ],
)
def test_a_tracking_label_is_the_application_s_name(
    tmp_path: Path, name: str, label: str, value: str, *, drifts: bool
) -> None:
    """Only that value, at the keys that Argo CD tracks by, is its own; a person's is told."""
    root = folder(tmp_path / "repo", ARGO)
    live = cluster(declaration(root), "root", managed=True)
    (web,) = [tree for tree in live if tree["kind"] == "Deployment" and tree["metadata"]["name"] == name]
    web["metadata"]["labels"][label] = value
    entry = {"manager": "kubectl-edit", "operation": "Update", "apiVersion": "apps/v1", "fieldsType": "FieldsV1"}
    fields: dict[str, Any] = {"f:metadata": {"f:labels": {f"f:{label}": {}}}}
    web["metadata"]["managedFields"].append({**entry, "time": "2026-02-02T08:00:00Z", "fieldsV1": fields})
    assert bool(looked(root, tmp_path, live).drift) is drifts


@HELM
def test_a_tracking_label_by_setting_is_argo_s_where_argo_wrote_it(tmp_path: Path) -> None:
    """Settings of Argo CD name another label; its manager's name tells."""
    root = folder(tmp_path / "repo", ARGO)
    live = cluster(declaration(root), "root", managed=True)
    (web,) = [tree for tree in live if tree["kind"] == "Deployment" and tree["metadata"]["name"] == "web"]
    web["metadata"]["labels"]["example.com/instance"] = "shop"
    web["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"]["f:labels"]["f:example.com/instance"] = {}
    assert not looked(root, tmp_path, live).drift


def test_helm_s_record_of_a_release_is_nobody_s_to_declare(tmp_path: Path) -> None:
    """A Secret of Helm's storage is no unmanaged drift, whatever labels it carries; any other Secret would be."""
    root = folder(tmp_path / "repo", REPOSITORIES["kustomization"])
    live = cluster(declaration(root), "prod", managed=True)
    record: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "helm.sh/release.v1",
        "metadata": {
            "name": "sh.helm.release.v1.web.v1",
            "namespace": "shop",
            "labels": {"clockwork.dev/managed": "true"},
        },
        "data": {"release": "SDRzSUFB"},
    }
    settings = f"targets: [{{name: prod, path: prod, observe: {{snapshot: {{file: {tmp_path / 'live.json'}}}}}}}]\n"
    (root / "clockwork.yaml").write_text(settings)
    snapshot(tmp_path / "live.json", [*live, record])
    assert not assessed(root).report.drift
    other = copy.deepcopy(record)
    other.update(type="Opaque")
    snapshot(tmp_path / "live.json", [*live, other])
    assert [drift.resource.name for drift in assessed(root).report.drift] == ["sh.helm.release.v1.web.v1"]


def test_an_object_in_two_versions_is_blocked(tmp_path: Path) -> None:
    """Two applications that deploy the same object differently: an error with both places, and nothing about it."""
    other = ARGO["apps/shop.yaml"].replace(b"name: shop,", b"name: twin,").replace(b"path: shop", b"path: twin")
    files = {
        "apps/shop.yaml": ARGO["apps/shop.yaml"],
        "apps/twin.yaml": other,
        "root/root.yaml": ARGO["root/root.yaml"],
        "shop/a.yaml": b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: one}\n",
        "twin/a.yaml": b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: two}\n",
    }
    declared = declaration(folder(tmp_path / "repo", files))
    (error,) = declared.errors
    assert (error.file, "shop/a.yaml:1" in error.message) == ("twin/a.yaml", True)
    blocked = [desired.id for desired in declared.resources if desired.id.kind == "ConfigMap"]
    assert blocked == list[ResourceId]()
