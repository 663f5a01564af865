"""The options of an Argo CD source, each as its repository server obeys it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from bot.model.target import Rendering, Unit, UnitKind
from bot.renderers.renderers import Renderers
from bot.targets.argo_source import filled
from tests.gitops import at, by_name, tree_of
from tests.renderers import needs
from tests.table import table

pytestmark = [needs.KUSTOMIZE, needs.HELM]

URL = "https://github.com/example/apps"
CHART = {
    "chart/Chart.yaml": "apiVersion: v2\nname: chart\nversion: 0.1.0\n",
    "chart/values.yaml": "from: chart\n",
    "chart/templates/all.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"
        "data:\n  values: {{ .Values | toJson | quote }}\n  release: {{ .Release.Name }}/{{ .Release.Namespace }}\n"
    ),
    "chart/a.yaml": "from: a\na: 1\n",
    "chart/b.yaml": "from: b\nb: 1\n",
    "chart/env/c.yaml": "from: c\nc: 1\n",
    "chart/env/d.yaml": "from: d\nd: 1\n",
    "chart/motd.txt": "hello, {you}\n",
    "top/e.yaml": "from: e\ne: 1\n",
}
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: a}, {name: b, image: 'b:1'}]}\n"
OVERLAY = {
    "over/kustomization.yaml": (
        "resources: [pod.yaml]\nimages: [{name: a, newName: mirror/a, newTag: '1'}]\n"
        "commonAnnotations: {own: kept}\nlabels: [{pairs: {own: kept}}]\n"
    ),
    "over/pod.yaml": POD,
}
MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\n"


def rendered(
    renderers: Renderers, files: Mapping[str, str], *sources: Mapping[str, Any], name: str = "shop", **spec: Any
) -> Rendering:
    """An application of the named sources, of this repository unless they say otherwise."""
    listed = [{"repoURL": URL, **each} for each in sources]
    application = {"name": name, "namespace": "argocd"}
    whole = {"sources": listed, "application": application, "own": [URL], "project": "default", **spec}
    unit = Unit(UnitKind.ARGO_APPLICATION, name, "", "space", whole, "apps/shop.yaml", 1, f"Application {name}")
    return renderers.render(unit, tree_of(files))


def values(rendering: Rendering) -> Any:
    """The values that the chart was rendered with."""
    return json.loads(str(at(by_name(rendering)["ConfigMap/c"], "data", "values")))


HELM = {
    "an object of values takes the place of the text": (
        {"values": "from: text\nonly: text\n", "valuesObject": {"from": "object"}}, {"from": "object"},
    ),
    "even where it is empty": ({"values": "from: text\n", "valuesObject": {}}, {"from": "chart"}),
    "the text counts where there is no object": ({"values": "from: text\n"}, {"from": "text"}),
    "files lie below values, the later over the earlier": (
        {"valueFiles": ["a.yaml", "b.yaml"], "values": "x: 1\n"}, {"from": "b", "a": 1, "b": 1, "x": 1},
    ),
    "a file counts once, at its first place": ({"valueFiles": ["a.yaml", "b.yaml", "a.yaml"]}, {"from": "b", "a": 1, "b": 1}),
    "a pattern takes files in order": ({"valueFiles": ["env/*.yaml"]}, {"from": "d", "c": 1, "d": 1}),
    "but for those that are named": ({"valueFiles": ["env/*.yaml", "env/c.yaml"]}, {"from": "c", "c": 1, "d": 1}),
    "a file may be named from the top": ({"valueFiles": ["/top/e.yaml"]}, {"from": "e", "e": 1}),
    "a missing one may be ignored": (
        {"valueFiles": ["none.yaml", "none/*.yaml", "a.yaml"], "ignoreMissingValueFiles": True}, {"from": "a", "a": 1},
    ),
    "paths know the environment": ({"valueFiles": ["$ARGOCD_APP_SOURCE_PATH/../a.yaml"]}, {"from": "a", "a": 1}),
    "parameters lie over values": (
        {"values": "n: {x: 1}\n", "parameters": [{"name": "n.x", "value": "2"}, {"name": "n.y", "value": "t,u"}]},
        {"from": "chart", "n": {"x": 2, "y": "t,u"}},
    ),
    "those that are text by force over the others": (
        {"parameters": [{"name": "x", "value": "1", "forceString": True}, {"name": "x", "value": "2"}]},
        {"from": "chart", "x": "1"},
    ),
    "a list is one": ({"parameters": [{"name": "x", "value": "{a,1}"}]}, {"from": "chart", "x": ["a", 1]}),
    "parameters know the environment": (
        {"parameters": [{"name": "x", "value": "$ARGOCD_APP_NAME-${ARGOCD_APP_NAMESPACE}-$$-$NONE."}]},
        {"from": "chart", "x": "shop-space-$-."},
    ),
    "a file of a parameter is text as it is": (
        {"fileParameters": [{"name": "x", "path": "motd.txt"}], "parameters": [{"name": "x", "value": "1"}]},
        {"from": "chart", "x": "hello, {you}\n"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HELM)
def test_values_are_put_together_as_argo_cd_does(renderers: Renderers, case: str) -> None:
    """Files, values and parameters lie over one another in Argo CD's order."""
    options, expected = HELM[case]
    assert values(rendered(renderers, CHART, {"path": "chart", "helm": options})) == expected


REFUSED = {
    "not there": ({"valueFiles": ["none.yaml"]}, "the values file none.yaml is not in this repository"),
    "nothing taken": ({"valueFiles": ["none/*.yaml"]}, "the values file none/*.yaml is not in this repository"),
    "elsewhere, ignored or not": (
        {"valueFiles": ["https://example.com/x.yaml"], "ignoreMissingValueFiles": True},
        "the values file https://example.com/x.yaml is on the network, from where nothing is fetched",
    ),
    "out of the repository": (
        {"valueFiles": ["../../x.yaml"], "ignoreMissingValueFiles": True},
        "the values file ../../x.yaml leads out of the repository",
    ),
    "of another repository": (
        {"valueFiles": ["$other/x.yaml"], "ignoreMissingValueFiles": True},
        "the values file $other/x.yaml is in another repository, https://github.com/example/other",
    ),
    "no path": ({"parameters": [{"name": "a[", "value": "1"}]}, "'a[=1' sets no Helm value: '=1' is no index"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_values_that_cannot_be_told_stop_the_application(renderers: Renderers, case: str) -> None:
    """A file that is elsewhere is never taken to be missing."""
    options, reason = REFUSED[case]
    other = {"repoURL": "https://github.com/example/other", "ref": "other"}
    error = rendered(renderers, CHART, {"path": "chart", "helm": options}, other).error
    assert error is not None
    assert error.reason == reason


def test_a_repository_that_may_be_another_one_is_not_taken_for_this_one(renderers: Renderers) -> None:
    """Where nobody knows this repository's URL, a file that is not there may be in another one, ignored or not; unless
    another source of that URL lies here.
    """
    options = {"valueFiles": ["$other/x.yaml"], "ignoreMissingValueFiles": True}
    other = {"repoURL": "https://github.com/example/other", "ref": "other"}
    error = rendered(renderers, CHART, {"path": "chart", "helm": options}, other, own=[]).error
    assert error is not None
    assert error.reason == (
        "the values file $other/x.yaml is not in this repository, and https://github.com/example/other may be another one"
    )
    ours = {"repoURL": f"{URL}.git", "ref": "other"}
    assert values(rendered(renderers, CHART, {"path": "chart", "helm": options}, ours, own=[])) == {"from": "chart"}


def test_a_release_is_called_after_its_application(renderers: Renderers) -> None:
    """Name and namespace are the application's, unless options say otherwise."""
    for options, expected in (
        ({}, "shop/space"),
        ({"releaseName": "site", "namespace": "own", "passCredentials": True, "version": "v3"}, "site/own"),
    ):
        made = by_name(rendered(renderers, CHART, {"path": "chart", "helm": options}))["ConfigMap/c"]
        assert at(made, "data", "release") == expected


def test_a_schema_may_be_left_aside(renderers: Renderers) -> None:
    """Values that a chart's schema refuses stop it, unless the source says to skip that."""
    files = {**CHART, "chart/values.schema.json": '{"type": "object", "required": ["needed"]}'}
    error = rendered(renderers, files, {"path": "chart"}).error
    assert error is not None
    assert "needed" in error.reason
    rendering = rendered(renderers, files, {"path": "chart", "helm": {"skipSchemaValidation": True}})
    assert values(rendering) == {"from": "chart"}


def test_crds_are_applied_unless_they_are_skipped(renderers: Renderers) -> None:
    """``skipCrds`` leaves those of a chart's folder out."""
    crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.com}\n"
    files = {**CHART, "chart/crds/things.yaml": crd}
    for skipped in (True, False):
        made = by_name(rendered(renderers, files, {"path": "chart", "helm": {"skipCrds": skipped}}))
        assert ("CustomResourceDefinition/things.example.com" in made) != skipped


KUSTOMIZE = {
    "an image takes the place of one of its name": ({"images": ["a:2"]}, ["a:2", "b:1"]),
    "and keeps of it what a star stands for": ({"images": ["a=*:2"]}, ["mirror/a:2", "b:1"]),
    "another one is added": ({"images": ["b=mirror/b"]}, ["mirror/a:1", "mirror/b:1"]),
    "images know the environment": ({"images": ["b:$ARGOCD_APP_NAME"]}, ["mirror/a:1", "b:shop"]),
    "a digest takes the place of a tag": ({"images": ["a@sha256:0"]}, ["a@sha256:0", "b:1"]),
}


@pytest.mark.parametrize("case", KUSTOMIZE)
def test_images_are_set_as_kustomize_edit_does(renderers: Renderers, case: str) -> None:
    """``kustomize edit set image`` replaces an entry of the same name as a whole."""
    options, expected = KUSTOMIZE[case]
    made = by_name(rendered(renderers, OVERLAY, {"path": "over", "kustomize": options}))["Pod/p"]
    assert [at(made, "spec", "containers", n, "image") for n in (0, 1)] == expected


METADATA = {
    "annotations are added to those there are": (
        {"commonAnnotations": {"a": "$ARGOCD_APP_NAME"}},
        {"labels": {"own": "kept"}, "annotations": {"own": "kept", "a": "$ARGOCD_APP_NAME"}},
    ),
    "and know the environment where that is asked for": (
        {"commonAnnotations": {"a": "$ARGOCD_APP_NAME"}, "commonAnnotationsEnvsubst": True},
        {"labels": {"own": "kept"}, "annotations": {"own": "kept", "a": "shop"}},
    ),
    "they take the place of others by force": (
        {"commonAnnotations": {"own": "new"}, "forceCommonAnnotations": True},
        {"labels": {"own": "kept"}, "annotations": {"own": "new"}},
    ),
    "labels know the environment": (
        {"commonLabels": {"a": "$ARGOCD_APP_NAME"}}, {"labels": {"own": "kept", "a": "shop"}, "annotations": {"own": "kept"}},
    ),
    "labels may leave selectors alone": (
        {"commonLabels": {"own": "new"}, "labelWithoutSelector": True, "forceCommonLabels": True},
        {"labels": {"own": "new"}, "annotations": {"own": "kept"}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", METADATA)
def test_labels_and_annotations_are_added(renderers: Renderers, case: str) -> None:
    """``kustomize edit add label`` and ``annotation`` leave what is there."""
    options, expected = METADATA[case]
    made = by_name(rendered(renderers, OVERLAY, {"path": "over", "kustomize": options}))["Pod/p"]
    assert at(made, "metadata") == {"name": "p", **expected}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"commonAnnotations": {"own": "new"}},
         "the annotation own is in the kustomization already, which Argo CD refuses without forceCommonAnnotations"),
        ({"commonLabels": {"own": "new"}, "labelWithoutSelector": True},
         "the label own is in the kustomization already, which Argo CD refuses without forceCommonLabels"),
        ({"commonLabels": {"a": "b"}, "labelIncludeTemplates": True},
         "kustomize.labelIncludeTemplates needs labelWithoutSelector"),
        ({"images": ["nginx"]}, "kustomize.images has 'nginx', and not name=new, name:tag or name@digest"),
        ({"replicas": [{"name": "p", "count": "many"}]},
         "kustomize.replicas has the count 'many' for p, which is no whole number"),
    ],
)  # fmt: skip
def test_what_argo_cd_refuses_is_said(renderers: Renderers, options: Mapping[str, Any], reason: str) -> None:
    """Options that ``kustomize edit`` would not take stop the application with their name."""
    error = rendered(renderers, OVERLAY, {"path": "over", "kustomize": options}).error
    assert error is not None
    assert error.reason == reason


def test_counts_may_be_texts(renderers: Renderers) -> None:
    """``replicas`` counts are numbers or texts, and take the place of those of the kustomization."""
    deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1}\n"
    files = {"o/kustomization.yaml": "resources: [d.yaml]\nreplicas: [{name: web, count: 2}]\n", "o/d.yaml": deployment}
    rendering = rendered(renderers, files, {"path": "o", "kustomize": {"replicas": [{"name": "web", "count": "5"}]}})
    assert at(by_name(rendering)["Deployment/web"], "spec", "replicas") == 5


def test_components_are_added_once(renderers: Renderers) -> None:
    """Those that are there already or missing are passed over; a missing one is an error where it is not to be ignored."""
    component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: x-\n"
    files = {**OVERLAY, "part/kustomization.yaml": component}
    files["over/kustomization.yaml"] += "components: [../part]\n"
    options = {"components": ["../part", "../gone"], "ignoreMissingComponents": True}
    assert "Pod/x-p" in by_name(rendered(renderers, files, {"path": "over", "kustomize": options}))
    error = rendered(renderers, files, {"path": "over", "kustomize": {"components": ["../gone"]}}).error
    assert error is not None
    assert error.reason == "../gone is not there"


def test_the_commit_is_not_compared(renderers: Renderers) -> None:
    """A value that the deployed commit is a part of is marked; everything else of the object is compared."""
    options = {"images": ["b:$ARGOCD_APP_REVISION_SHORT"]}
    made = by_name(rendered(renderers, OVERLAY, {"path": "over", "kustomize": options}))["Pod/p"]
    assert list(made.opaque) == [("spec", "containers", 1, "image")]


TOOLS: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "a kustomization comes before a chart": ({"path": "both"}, "ConfigMap/k"),
    "options of Helm make it a chart": ({"path": "both", "helm": {}}, "ConfigMap/c"),
    "options of kustomize a kustomization": ({"path": "both", "kustomize": {}}, "ConfigMap/k"),
    "options of a directory plain manifests": ({"path": "both", "directory": {"include": "k.yaml"}}, "ConfigMap/k"),
}


@pytest.mark.parametrize("case", TOOLS)
def test_a_tool_is_chosen_as_argo_cd_chooses_it(renderers: Renderers, case: str) -> None:
    """By the options of a source, else by what lies in its folder."""
    source, expected = TOOLS[case]
    files = {f"both/{path.partition('/')[2]}": text for path, text in CHART.items() if path.startswith("chart/")}
    files |= {"both/kustomization.yaml": "resources: [k.yaml]\n", "both/k.yaml": MANIFEST.replace("NAME", "k")}
    assert list(by_name(rendered(renderers, files, source))) == [expected]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"path": "over", "helm": {}, "kustomize": {}},
         "it has options for several tools (kustomize, helm), which Argo CD refuses"),
        ({"path": "plain", "kustomize": {"namePrefix": "x-"}}, "it has kustomize options, and plain holds no kustomization"),
        ({"path": "plain", "plugin": {}}, "configuration management plug-ins are not run"),
    ],
)  # fmt: skip
def test_a_source_that_argo_cd_would_not_render_says_so(
    renderers: Renderers, source: Mapping[str, Any], reason: str
) -> None:
    """It never comes to nothing, which would read as removed."""
    error = rendered(renderers, {**OVERLAY, "plain/a.yaml": MANIFEST}, source).error
    assert error is not None
    assert error.reason == reason


def test_files_beside_a_source_change_its_options(renderers: Renderers) -> None:
    """``.argocd-source.yaml``, and that of the application over it, are laid over the source as merge patches."""
    files = {
        **OVERLAY,
        "over/.argocd-source.yaml": "path: elsewhere\nkustomize: {images: ['a:7'], namePrefix: x-}\n",
        "over/.argocd-source-shop.yaml": "kustomize: {images: ['a:8']}\n",
        "over/.argocd-source-other.yaml": "kustomize: {images: ['a:9']}\n",
    }
    rendering = rendered(renderers, files, {"path": "over"})
    assert at(by_name(rendering)["Pod/x-p"], "spec", "containers", 0, "image") == "a:8"
    assert {"over/.argocd-source.yaml", "over/.argocd-source-shop.yaml"} <= rendering.inputs
    broken = {**files, "over/.argocd-source.yaml": "kustomize: [\n"}
    error = rendered(renderers, broken, {"path": "over"}).error
    assert error is not None
    assert error.reason.startswith("over/.argocd-source.yaml:")


DIRECTORY = {
    "only the folder itself": ({}, ["a", "b", "c"]),
    "everything below": ({"recurse": True}, ["a", "b", "c", "d"]),
    "what a pattern takes": ({"include": "{a,b}.yaml"}, ["a", "b"]),
    "a star crosses folders": ({"recurse": True, "include": "*d.yaml"}, ["d"]),
    "but for what another leaves out": ({"recurse": True, "include": "*.yaml", "exclude": "{sub/*,b*}"}, ["a"]),
    "files of any name": ({"disableExtensionFilter": True, "include": "*.txt"}, ["e"]),
}


@pytest.mark.parametrize("case", DIRECTORY)
def test_files_of_a_folder_are_chosen_by_patterns(renderers: Renderers, case: str) -> None:
    """``recurse``, ``include`` and ``exclude``, with braces; a file that says to be skipped is."""
    options, expected = DIRECTORY[case]
    paths = {"a": "m/a.yaml", "b": "m/b.yaml", "c": "m/c.yml", "d": "m/sub/d.yaml", "e": "m/e.txt"}
    files = {path: MANIFEST.replace("NAME", name) for name, path in paths.items()}
    files |= {
        "m/skipped.yaml": "# +argocd:skip-file-rendering\n" + MANIFEST,
        "m/lib.libsonnet": "{}",
        "m/values.yaml": "a: 1\n",
    }
    rendering = rendered(renderers, files, {"path": "m", "directory": options})
    assert sorted(each.partition("/")[2] for each in by_name(rendering)) == expected
    assert rendering.left_out == ()


def test_a_document_that_is_no_object_stops_its_file(renderers: Renderers) -> None:
    """Behind an object Argo CD refuses the file; a file of nothing else it passes over."""
    files = {"m/a.yaml": MANIFEST, "m/values.yaml": "a: 1\n---\nb: 2\n"}
    assert rendered(renderers, files, {"path": "m"}).error is None
    error = rendered(renderers, {**files, "m/b.yaml": f"{MANIFEST}---\na: 1\n"}, {"path": "m"}).error
    assert error is not None
    assert (error.file, error.line) == ("m/b.yaml", 5)


def test_the_last_source_of_an_object_counts(renderers: Renderers) -> None:
    """An object that two sources bring is taken from the last; the namespace may be written or the application's."""
    files = {
        "one/c.yaml": MANIFEST.replace("NAME", "c") + "data: {from: one}\n",
        "two/c.yaml": MANIFEST.replace("NAME}", "c, namespace: space}") + "data: {from: two}\n",
    }
    rendering = rendered(renderers, files, {"path": "one"}, {"path": "two"})
    assert [at(each, "data", "from") for each in rendering.objects] == ["two"]


def test_hooks_are_what_argo_cd_takes_for_hooks(renderers: Renderers) -> None:
    """A skipped object is not applied, and Helm 2's hook for CRDs is none."""
    notes = {
        "a": "argocd.argoproj.io/hook: PreSync", "b": "argocd.argoproj.io/hook: Skip",
        "c": "helm.sh/hook: crd-install", "d": "helm.sh/hook: pre-install",
    }  # fmt: skip
    files = {
        f"m/{name}.yaml": MANIFEST.replace("NAME", f"{name}, annotations: {{{note}}}") for name, note in notes.items()
    }
    rendering = rendered(renderers, files, {"path": "m"})
    assert list(by_name(rendering)) == ["ConfigMap/c"]
    assert [left.reason for left in rendering.left_out] == [
        "a hook runs once and is not kept",
        "argocd.argoproj.io/hook: Skip, so it is not applied",
        "a hook runs once and is not kept",
    ]


@table(
    ("written", "expected"),
    [
        ("$A-${A}", "x-x"),
        ("$$A", "$A"),
        ("$B", ""),
        ("$", "$"),
        ("a$ b", "a$ b"),
        ("${}", ""),
        ("$1a", "a"),
        ("${A", "A"),
    ],
)
def test_variables_are_filled_in_as_go_does(written: str, expected: str) -> None:
    """Unknown ones become nothing, and a lone dollar stays."""
    assert filled(written, {"A": "x"}) == expected
