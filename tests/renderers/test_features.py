"""What Kustomize, Helm and Flux can be told, each on a repository as small as it gets, rendered to the end."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from bot.model.json import JSON, value_at
from bot.model.target import NotCompared, RenderedObject
from bot.renderers.helm import Capabilities
from bot.renderers.renderers import Renderers
from bot.targets.discovery import Named, discover
from bot.targets.documents import Documents
from bot.targets.expansion import RenderContext, expand
from tests.gitops import called, tree_of
from tests.renderers import needs

pytestmark = [needs.KUSTOMIZE, needs.HELM]

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {x: y}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "nginx:1", env: [{name: A, value: b}]}]}
"""
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\ndata: {host: example.com}\n"
COMPONENT = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
CHART = "apiVersion: v2\nname: NAME\nversion: 0.1.0\n"
TEMPLATE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\ndata: {v: {{ .Values | toJson | quote }}}\n"
ENV = ("spec", "template", "spec", "containers", 0, "env", 0, "value")
IMAGE = ("spec", "template", "spec", "containers", 0, "image")

Files = dict[str, str | bytes]
Expected = Mapping[str, Mapping[tuple[str | int, ...], JSON]]


def named(text: str, name: str) -> str:
    return text.replace("NAME", name)


def rendered(
    renderers: Renderers, files: Files, *settings: Named
) -> tuple[dict[str, RenderedObject], list[NotCompared]]:
    """The objects of the only target, and what is left out of it."""
    tree = tree_of(files)
    (target,) = discover(Documents(tree), named_targets=settings).targets
    expansion = expand(target, tree, renderers.render_all, RenderContext())
    return {called(made): made for _, made in expansion.objects()}, list(expansion.left_out)


def values(made: RenderedObject, pointers: Mapping[tuple[str | int, ...], JSON]) -> dict[tuple[str | int, ...], JSON]:
    return {pointer: value_at(made.tree, pointer) for pointer in pointers}


KUSTOMIZE: Mapping[str, tuple[Files, Expected]] = {
    "components": (
        {
            "kustomization.yaml": "resources: [d.yaml]\ncomponents: [parts]\n", "d.yaml": DEPLOYMENT,
            "parts/kustomization.yaml": COMPONENT + "patches: [{path: p.yaml, target: {kind: Deployment}}]\n",
            "parts/p.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: any}\nspec: {replicas: 3}\n",
        },
        {"Deployment/web": {("spec", "replicas"): 3}},
    ),
    "replacements, in line and by path": (
        {
            "kustomization.yaml": (
                "resources: [d.yaml, c.yaml]\nreplacements:\n- path: r.yaml\n"
                "- source: {kind: ConfigMap, name: cm, fieldPath: data.host}\n  targets:\n  - select: {kind: Deployment}\n"
                "    fieldPaths: ['spec.template.spec.containers.[name=web].env.[name=A].value']\n"
            ),
            "r.yaml": (
                "source: {kind: ConfigMap, name: cm, fieldPath: metadata.name}\ntargets:\n- select: {kind: Deployment}\n"
                "  fieldPaths: [metadata.annotations.from]\n  options: {create: true}\n"
            ),
            "d.yaml": DEPLOYMENT, "c.yaml": named(CONFIG, "cm"),
        },
        {"Deployment/web": {ENV: "example.com", ("metadata", "annotations", "from"): "cm"}, "ConfigMap/cm": {}},
    ),
    "labels, for all and for templates and selectors": (
        {
            "kustomization.yaml": (
                "resources: [d.yaml]\nlabels:\n- pairs: {a: b}\n- {pairs: {c: d}, includeSelectors: true}\n"
                "- {pairs: {e: f}, includeTemplates: true}\ncommonAnnotations: {note: m}\n"
            ),
            "d.yaml": DEPLOYMENT,
        },
        {"Deployment/web": {
            ("metadata", "labels"): {"x": "y", "a": "b", "c": "d", "e": "f"},
            ("spec", "selector", "matchLabels"): {"app": "web", "c": "d"},
            ("spec", "template", "metadata", "labels"): {"app": "web", "c": "d", "e": "f"},
            ("metadata", "annotations"): {"note": "m"},
        }},
    ),
    "patches of every kind": (
        {
            "kustomization.yaml": (
                "resources: [d.yaml]\npatches:\n- path: p.json\n  target: {kind: Deployment}\n"
                "- target: {kind: Deployment, labelSelector: x=y}\n"
                "  patch: '[{\"op\": \"replace\", \"path\": \"/spec/replicas\", \"value\": 5}]'\n"
                "- patch: |-\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: web}\n"
                "    spec: {template: {spec: {containers: [{name: web, image: 'nginx:2'}]}}}\n"
                "patchesStrategicMerge:\n- s.yaml\n- |-\n  apiVersion: apps/v1\n  kind: Deployment\n"
                "  metadata: {name: web, annotations: {in: line}}\n"
                "patchesJson6902:\n- {path: j.yaml, target: {group: apps, version: v1, kind: Deployment, name: web}}\n"
            ),
            "p.json": '[{"op": "add", "path": "/spec/minReadySeconds", "value": 7}]',
            "s.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {revisionHistoryLimit: 2}\n",
            "j.yaml": "- {op: add, path: /metadata/annotations/j, value: k}\n", "d.yaml": DEPLOYMENT,
        },
        {"Deployment/web": {
            ("spec", "replicas"): 5, ("spec", "minReadySeconds"): 7, ("spec", "revisionHistoryLimit"): 2, IMAGE: "nginx:2",
            ("metadata", "annotations"): {"in": "line", "j": "k"},
        }},
    ),
    "generators over those of a base": (
        {
            "kustomization.yaml": (
                "resources: [base]\nnamePrefix: p-\nnameSuffix: -s\nconfigMapGenerator:\n"
                "- {name: cm, behavior: merge, literals: [b=2], envs: [x.env]}\n"
                "- {name: files, files: [k=x.env], options: {disableNameSuffixHash: true, labels: {q: r}}}\n"
                "generatorOptions: {annotations: {gen: 'yes'}}\n"
            ),
            "x.env": "E=1\n", "base/kustomization.yaml": "configMapGenerator: [{name: cm, literals: [a=1]}]\n",
        },
        {
            "ConfigMap/p-cm-s-d56mc9hh4t": {("data",): {"a": "1", "b": "2", "E": "1"}},
            "ConfigMap/p-files-s": {
                ("data",): {"k": "E=1\n"}, ("metadata", "labels"): {"q": "r"}, ("metadata", "annotations"): {"gen": "yes"},
            },
        },
    ),
    "variables of old, and where they may stand": (
        {
            "kustomization.yaml": (
                "resources: [d.yaml, c.yaml]\nconfigurations: [conf.yaml]\nvars:\n"
                "- {name: HOST, objref: {kind: ConfigMap, name: cm, apiVersion: v1}, fieldref: {fieldpath: data.host}}\n"
            ),
            "conf.yaml": "varReference: [{path: spec/template/spec/containers/env/value, kind: Deployment}]\n",
            "d.yaml": DEPLOYMENT.replace("value: b", "value: $(HOST)"), "c.yaml": named(CONFIG, "cm"),
        },
        {"Deployment/web": {ENV: "example.com"}, "ConfigMap/cm": {}},
    ),
    "transformers and generators in files of their own": (
        {
            "kustomization.yaml": "resources: [d.yaml]\ntransformers: [t.yaml]\ngenerators: [g.yaml]\n",
            "t.yaml": (
                "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\nlabels: {t: u}\n"
                "fieldSpecs: [{path: metadata/labels, create: true}]\n"
            ),
            "g.yaml": "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: gen}\nliterals: [a=b]\n",
            "d.yaml": DEPLOYMENT,
        },
        {"Deployment/web": {("metadata", "labels", "t"): "u"}, "ConfigMap/gen-4h2mbtbbt6": {("data",): {"a": "b"}}},
    ),
    "bases of old, and every name of the file": (
        {"o/Kustomization": "bases: [../b/]\n", "b/kustomization.yml": "resources: [./d.yaml]\n", "b/d.yaml": DEPLOYMENT},
        {"Deployment/web": {("spec", "replicas"): 1}},
    ),
    "lists, JSON and several documents": (
        {
            "kustomization.yaml": "resources: [a.json, l.yaml]\n",
            "a.json": '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "j"}}',
            "l.yaml": (
                "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: l}}\n---\n---\n"
                + named(CONFIG, "m")
            ),
        },
        {"ConfigMap/j": {}, "ConfigMap/l": {}, "ConfigMap/m": {}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", KUSTOMIZE)
def test_a_kustomization_does_what_it_says(renderers: Renderers, case: str) -> None:
    """Exactly the objects that it makes, with what each feature sets in them."""
    files, expected = KUSTOMIZE[case]
    objects, left = rendered(renderers, files)
    assert not left
    assert sorted(objects) == sorted(expected)
    for name, pointers in expected.items():
        assert values(objects[name], pointers) == pointers


def test_objects_of_a_list_begin_at_its_document(renderers: Renderers) -> None:
    """Each object is said to begin at the line of the document that it stands in."""
    objects, _ = rendered(renderers, KUSTOMIZE["lists, JSON and several documents"][0])
    places = {name: (made.file, made.line) for name, made in objects.items()}
    assert places == {"ConfigMap/j": ("a.json", 1), "ConfigMap/l": ("l.yaml", 1), "ConfigMap/m": ("l.yaml", 7)}


@pytest.mark.parametrize(
    "kustomization",
    [
        "resources: [https://github.com/org/repo//base?ref=v1]", "resources: ['git@github.com:org/repo.git//x']",
        "resources: [https://example.com/x.yaml]", "resources: [github.com/org/repo/base]",
        "resources: ['ssh://git@host/x.git']", "components: ['https://github.com/org/repo//c?ref=1']",
        "patches: [{path: https://example.com/p.yaml}]", "openapi: {path: https://example.com/s.json}",
    ],
)  # fmt: skip
def test_what_lies_on_the_network_is_said(renderers: Renderers, kustomization: str) -> None:
    """A remote base, component or patch leaves the target out; it never comes to a part of itself."""
    objects, (left,) = rendered(renderers, {"a/kustomization.yaml": kustomization})
    assert not objects
    assert left.subject == "a (kustomization that nothing refers to)"
    assert re.search(r"is on the network|is not fetched: \S+ is not among fetch\.hosts", left.reason)


def test_a_message_of_kustomize_begins_with_what_is_wrong(renderers: Renderers) -> None:
    """What it only warns of, such as fields of old, is not in the way."""
    files: Files = {
        "kustomization.yaml": "resources: [d.yaml]\npatchesStrategicMerge: [p.yaml]\n",
        "d.yaml": DEPLOYMENT,
        "p.yaml": DEPLOYMENT.replace("name: web,", "name: none,"),
    }
    _, (left,) = rendered(renderers, files)
    assert left.reason.startswith("kustomize: no matches for Id Deployment")


# -- Helm --------------------------------------------------------------------------------------------------------------


def packed(files: Mapping[str, str], top: str) -> bytes:
    """A chart as ``helm package`` makes it."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(f"{top}/{path}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return target.getvalue()


def chart(name: str, **more: str) -> dict[str, str]:
    return {"Chart.yaml": named(CHART, name), "templates/all.yaml": named(TEMPLATE, name), **more}


def at(folder: str, files: Mapping[str, str | bytes]) -> Files:
    return {f"{folder}/{path}": text for path, text in files.items()}


NEEDS = "dependencies:\n- {name: a, version: 0.1.0, repository: 'https://x', condition: a.enabled}\n"
HELM: Mapping[str, tuple[Files, Mapping[str, str]]] = {
    "a condition switches a dependency off": (
        {**at("c", chart("c", **{"values.yaml": "a: {enabled: false}\n"})), "c/Chart.yaml": named(CHART, "c") + NEEDS,
         "c/charts/a-0.1.0.tgz": packed(chart("a"), "a")},
        {"ConfigMap/c": "c/templates/all.yaml"},
    ),
    "and leaves it on": (
        {**at("c", chart("c", **{"values.yaml": "a: {enabled: true}\n"})), "c/Chart.yaml": named(CHART, "c") + NEEDS,
         "c/charts/a-0.1.0.tgz": packed(chart("a"), "a")},
        {"ConfigMap/c": "c/templates/all.yaml", "ConfigMap/a": "c/charts/a-0.1.0.tgz"},
    ),
    "tags do the same": (
        {**at("c", chart("c", **{"values.yaml": "tags: {x: false}\n"})),
         "c/Chart.yaml": named(CHART, "c") + NEEDS.replace("condition: a.enabled", "tags: [x]"),
         **at("c/charts/a", chart("a"))},
        {"ConfigMap/c": "c/templates/all.yaml"},
    ),
    "an alias gives a dependency another name": (
        {**at("c", chart("c")), "c/Chart.yaml": named(CHART, "c") + NEEDS.replace("condition: a.enabled", "alias: other"),
         **at("c/charts/a", chart("a"))},
        {"ConfigMap/c": "c/templates/all.yaml", "ConfigMap/a": "c/charts/a/templates/all.yaml"},
    ),
    "a library gives templates and no objects": (
        {"c/Chart.yaml": named(CHART, "c") + "dependencies: [{name: lib, version: 0.1.0, repository: 'file://../lib'}]\n",
         "c/templates/all.yaml": '{{ include "lib.all" . }}\n', "lib/Chart.yaml": named(CHART, "lib") + "type: library\n",
         "lib/templates/_all.tpl": '{{ define "lib.all" }}' + named(CONFIG, "made") + "{{ end }}"},
        {"ConfigMap/made": "c/templates/all.yaml"},
    ),
    "the older form names dependencies in a file of their own": (
        {**at("c", chart("c", **{"values.yaml": "a: {enabled: false}\n"})),
         "c/Chart.yaml": named(CHART, "c").replace("v2", "v1"), "c/requirements.yaml": NEEDS},
        {"ConfigMap/c": "c/templates/all.yaml"},
    ),
    "what is ignored is no template": (
        {**at("c", chart("c")), "c/templates/no.yaml": named(TEMPLATE, "no"), "c/.helmignore": "templates/no.yaml\n"},
        {"ConfigMap/c": "c/templates/all.yaml"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HELM)
def test_a_chart_comes_to_its_objects_and_their_templates(renderers: Renderers, case: str) -> None:
    """One target, however many charts it is made of; each object with the file that it comes from."""
    files, expected = HELM[case]
    objects, left = rendered(renderers, files)
    assert not left
    assert {name: made.file for name, made in objects.items()} == expected


def test_a_missing_dependency_of_the_older_form_is_told(renderers: Renderers) -> None:
    """It is named at the file that asks for it."""
    _, (left,) = rendered(
        renderers,
        {**at("c", chart("c")), "c/Chart.yaml": named(CHART, "c").replace("v2", "v1"), "c/requirements.yaml": NEEDS},
    )
    assert (left.file, left.line) == ("c/requirements.yaml", 1)
    assert left.reason.startswith("its chart needs a, which is not in its charts folder")


def test_a_packed_chart_may_be_a_target(renderers: Renderers) -> None:
    """Settings name an archive, with values beside it."""
    files: Files = {"charts/shop-0.1.0.tgz": packed(chart("shop"), "shop"), "prod.yaml": "a: 1\n"}
    objects, _ = rendered(renderers, files, Named("prod", "charts/shop-0.1.0.tgz", values=("prod.yaml",)))
    assert values(objects["ConfigMap/shop"], {("data", "v"): ""}) == {("data", "v"): '{"a":1}'}
    assert objects["ConfigMap/shop"].file == "charts/shop-0.1.0.tgz"


@pytest.mark.parametrize(
    ("written", "full"), [("", ""), ("1.30", "v1.30.0"), ("v1.30.2", "v1.30.2"), ("1.30-rc.1+x", "v1.30.0-rc.1+x")]
)
def test_a_version_of_kubernetes_is_given_in_full(written: str, full: str) -> None:
    """Templates compare all three numbers of it."""
    assert Capabilities(written).version == full


# -- Flux --------------------------------------------------------------------------------------------------------------

SOURCE = """\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {url: "https://git.example.com/fleet", ref: {branch: main}}
---
"""
FROM = {"kind": "GitRepository", "name": "flux-system"}


def kustomization(name: str, path: str, **spec: Any) -> str:
    whole = {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": name, "namespace": "flux-system"}, "spec": {"path": path, "sourceRef": FROM, **spec},
    }  # fmt: skip
    return yaml.safe_dump(whole) + "---\n"


def release(**spec: Any) -> str:
    whole = {
        "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
        "metadata": {"name": spec.pop("name", "rel"), "namespace": "flux-system"},
        "spec": {"chart": {"spec": {"chart": "./charts/c", "sourceRef": FROM}}, **spec},
    }  # fmt: skip
    return yaml.safe_dump(whole) + "---\n"


def config(name: str, notes: Mapping[str, str] | None = None, space: str = "", **data: str) -> str:
    metadata = {
        "name": name,
        **({"annotations": dict(notes)} if notes else {}),
        **({"namespace": space} if space else {}),
    }
    return yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}) + "---\n"


def cluster(app: str, *more: str, files: Files | None = None, **spec: Any) -> Files:
    """A cluster that applies the folder ``app``, and ``more`` beside that."""
    sync = SOURCE + kustomization("flux-system", "./clusters/prod") + kustomization("app", "./app", **spec)
    return {"clusters/prod/sync.yaml": sync + "".join(more), "app/a.yaml": app, **(files or {})}


FLUX: Mapping[str, tuple[Files, Expected]] = {
    "variables in line and from objects, the later over the earlier": (
        cluster(
            config("a", a="${A}", b="${B}", c="${C:=def}", d="${D:-def2}", e="${E:=e}", f="x${F}", g="$${A}", h="$A"),
            config("vars", space="flux-system", B="from", A="lost"),
            postBuild={"substitute": {"A": "x", "E": ""}, "substituteFrom": [
                {"kind": "ConfigMap", "name": "vars"}, {"kind": "Secret", "name": "none", "optional": True}]},
        ),
        {"ConfigMap/a": {("data",): {
            "a": "x", "b": "from", "c": "def", "d": "def2", "e": "e", "f": "x", "g": "${A}", "h": "$A"}}},
    ),
    "an unquoted variable may be a number": (
        cluster(DEPLOYMENT.replace("replicas: 1", "replicas: ${N:=3}"), postBuild={"substitute": {"A": "x"}}),
        {"Deployment/web": {("spec", "replicas"): 3}},
    ),
    "nothing is substituted without a variable": (
        cluster(config("a", a="${A:=b}"), postBuild={"substitute": {}}), {"ConfigMap/a": {("data", "a"): "${A:=b}"}},
    ),
    "unless it is always to be": (
        cluster(config("a", a="${A:=b}"), postBuild={"substituteStrategy": "Always"}), {"ConfigMap/a": {("data", "a"): "b"}},
    ),
    "an object may refuse": (
        cluster(config("a", {"kustomize.toolkit.fluxcd.io/substitute": "disabled"}, a="${A}"),
                postBuild={"substitute": {"A": "x"}}),
        {"ConfigMap/a": {("data", "a"): "${A}"}},
    ),
    "what the spec adds": (
        cluster(
            DEPLOYMENT, targetNamespace="shop", namePrefix="p-", nameSuffix="-s", components=["../part"],
            commonMetadata={"labels": {"x": "z"}, "annotations": {"an": "b"}}, images=[{"name": "nginx", "newTag": "2"}],
            patches=[{"patch": "- {op: add, path: /spec/minReadySeconds, value: 7}", "target": {"kind": "Deployment"}}],
            dependsOn=[{"name": "none"}], wait=True,
            files={"part/kustomization.yaml": COMPONENT + "labels: [{pairs: {c: d}}]\n"},
        ),
        {"Deployment/p-web-s": {
            ("metadata",): {"name": "p-web-s", "namespace": "shop", "labels": {"x": "z", "c": "d"}, "annotations": {"an": "b"}},
            IMAGE: "nginx:2", ("spec", "minReadySeconds"): 7,
        }},
    ),
    "origins that the spec asks for": (
        cluster(config("a"), buildMetadata=["originAnnotations"]),
        {"ConfigMap/a": {("metadata", "annotations"): {"config.kubernetes.io/origin": "path: a.yaml\n"}}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FLUX)
def test_a_unit_of_flux_comes_to_what_its_controller_applies(renderers: Renderers, case: str) -> None:
    """Its objects have what each part of its spec sets."""
    files, expected = FLUX[case]
    objects, left = rendered(renderers, files)
    assert not left
    for name, pointers in expected.items():
        assert values(objects[name], pointers) == pointers


@pytest.mark.parametrize(
    ("key", "value", "applied"),
    [
        ("reconcile", "disabled", False), ("reconcile", "Disabled", False), ("reconcile", "enabled", True),
        ("ssa", "IfNotPresent", False), ("ssa", "Ignore", False), ("ssa", "Merge", True), ("prune", "disabled", True),
    ],
)  # fmt: skip
def test_objects_may_be_left_alone(renderers: Renderers, key: str, value: str, *, applied: bool) -> None:
    """Opt-outs are obeyed in whatever case they are written; those that only keep more of an object are no opt-outs."""
    note = f"kustomize.toolkit.fluxcd.io/{key}"
    objects, left = rendered(renderers, cluster(config("a", {note: value})))
    assert ("ConfigMap/a" in objects) == applied
    assert [each.reason for each in left] == ([] if applied else [f"{note}: {value}"])


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"suspend": True}, "it is suspended (spec.suspend), so nothing of it is applied now"),
        ({"kubeConfig": {"secretRef": {"name": "x"}}}, "it is applied to another cluster (spec.kubeConfig)"),
        (
            {"sourceRef": {"kind": "Bucket", "name": "b"}},
            "its source is Bucket b, whose files are not in this repository",
        ),
        ({"postBuild": {"substitute": {"a-b": "x"}}}, "'a-b' is no name of a variable, so Flux substitutes nothing"),
    ],
)
def test_a_unit_that_is_not_applied_from_here_says_why(
    renderers: Renderers, spec: Mapping[str, Any], reason: str
) -> None:
    """It comes to nothing, and is told as not compared."""
    objects, (left,) = rendered(renderers, cluster(config("a", a="${A}"), **spec))
    assert "ConfigMap/a" not in objects
    assert left.reason.startswith(reason)


def test_a_variable_of_an_encrypted_secret_is_unknown_even_where_that_is_optional(renderers: Renderers) -> None:
    """It is there, and nobody can read it here: what uses it is not compared."""
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: flux-system}\n"
    secret += "stringData: {A: 'ENC[x]'}\nsops: {mac: x}\n"
    sources = {"substituteFrom": [{"kind": "Secret", "name": "s", "optional": True}]}
    objects, _ = rendered(renderers, cluster(config("a", a="${A}", b="c"), secret, postBuild=sources))
    assert list(objects["ConfigMap/a"].opaque) == [("data", "a")]


RELEASED: Files = {
    "charts/c/Chart.yaml": named(CHART, "c"), "charts/c/values.yaml": "a: 1\nb: {c: 2}\nl: [u, v]\n",
    "charts/c/values-big.yaml": "a: 9\n",
    "charts/c/templates/all.yaml": (
        named(TEMPLATE, "{{ .Release.Name }}") + "---\n" + named(TEMPLATE, "ns-{{ .Release.Namespace }}")
    ),
}  # fmt: skip
VALUES = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: v, namespace: flux-system}
data: {values.yaml: "a: 7", one: text, two: "'5'", raw: "{x,[y]=1}"}
---
"""


def of(name: str, key: str = "", path: str = "", **more: Any) -> dict[str, Any]:
    """An entry of ``valuesFrom``."""
    return {"kind": "ConfigMap", "name": name, **({"valuesKey": key} if key else {}),
            **({"targetPath": path} if path else {}), **more}  # fmt: skip


RELEASES: Mapping[str, tuple[str, str]] = {
    "values in line": (release(values={"a": 5}), '{"a":5,"b":{"c":2},"l":["u","v"]}'),
    "values of an object, those in line over them": (
        release(valuesFrom=[of("v")], values={"b": {"d": 1}}), '{"a":7,"b":{"c":2,"d":1},"l":["u","v"]}',
    ),
    "an optional one that is not there": (
        release(valuesFrom=[of("none", optional=True), of("v", "none", optional=True)]), '{"a":1,"b":{"c":2},"l":["u","v"]}',
    ),
    "a path lies over what stood before it, in line too": (
        release(valuesFrom=[of("v", "one", "b.c"), of("v")], values={"b": {"c": 1}}), '{"a":7,"b":{"c":"text"},"l":["u","v"]}',
    ),
    "a path into a list": (
        release(valuesFrom=[of("v", "one", "l[0]")], values={"l": ["p", "q"]}), '{"a":1,"b":{"c":2},"l":["text","q"]}',
    ),
    "a value in quotes is text": (release(valuesFrom=[of("v", "two", "a")]), '{"a":"5","b":{"c":2},"l":["u","v"]}'),
    "a literal one is taken as it is": (
        release(valuesFrom=[of("v", "raw", "a", literal=True)]), '{"a":"{x,[y]=1}","b":{"c":2},"l":["u","v"]}',
    ),
    "values files of the source in place of the chart's own": (
        release(chart={"spec": {"chart": "./charts/c", "sourceRef": FROM, "valuesFiles": ["charts/c/values-big.yaml"]}}),
        '{"a":9}',
    ),
    "a chart that another object names": (
        release(chart=None, chartRef={"kind": "HelmChart", "name": "hc"})
        + "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmChart\nmetadata: {name: hc, namespace: flux-system}\n"
        "spec: {chart: ./charts/c, valuesFiles: [./charts/c/values-big.yaml],"
        " sourceRef: {kind: GitRepository, name: flux-system}}\n",
        '{"a":9}',
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", RELEASES)
def test_a_release_gets_the_values_that_its_controller_gives_it(renderers: Renderers, case: str) -> None:
    """In Flux's order, from wherever they come."""
    written, expected = RELEASES[case]
    objects, left = rendered(renderers, cluster(config("a"), VALUES, written, files=RELEASED))
    assert not left
    assert value_at(objects["ConfigMap/rel"].tree, ("data", "v")) == expected


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ({}, ["rel", "ns-flux-system"]),
        ({"targetNamespace": "shop"}, ["shop-rel", "ns-shop"]),
        ({"targetNamespace": "shop", "releaseName": "own"}, ["own", "ns-shop"]),
        ({"name": "r" * 40, "targetNamespace": "n" * 20}, [f"{'n' * 20}-{'r' * 19}-9d1747cffe1d", f"ns-{'n' * 20}"]),
    ],
)
def test_a_release_is_called_as_its_controller_calls_it(
    renderers: Renderers, spec: Mapping[str, Any], names: list[str]
) -> None:
    """By its own name, that of its namespace before it; cut and told apart where that is too long for Helm."""
    objects, _ = rendered(renderers, cluster(config("a"), release(**spec), files=RELEASED))
    made = {name for name in objects if name.startswith("ConfigMap/")} - {"ConfigMap/a"}
    assert made == {f"ConfigMap/{name}" for name in names}


def test_post_renderers_and_common_metadata_are_laid_over_a_release(renderers: Renderers) -> None:
    """Patches first, then labels and annotations over whatever is there."""
    patch = {"patch": "- {op: add, path: /metadata/labels, value: {p: q, x: lost}}", "target": {"kind": "ConfigMap"}}
    written = release(
        postRenderers=[{"kustomize": {"patches": [patch]}}],
        commonMetadata={"labels": {"x": "y"}, "annotations": {"n": "m"}},
    )
    objects, _ = rendered(renderers, cluster(config("a"), written, files=RELEASED))
    metadata = {"name": "rel", "namespace": "flux-system", "labels": {"p": "q", "x": "y"}, "annotations": {"n": "m"}}
    assert value_at(objects["ConfigMap/rel"].tree, ("metadata",)) == metadata
    assert objects["ConfigMap/rel"].file == "charts/c/templates/all.yaml"


def test_a_release_of_a_packed_chart_is_rendered(renderers: Renderers) -> None:
    """The chart of a Git source may be an archive; with other values files it is told as not read."""
    archive = {"charts/c-0.1.0.tgz": packed(chart("packed", **{"values.yaml": "a: 1\n"}), "packed")}
    source = {"chart": "./charts/c-0.1.0.tgz", "sourceRef": FROM}
    objects, _ = rendered(
        renderers, cluster(config("a"), release(chart={"spec": source}, values={"b": 2}), files=dict(archive))
    )
    assert value_at(objects["ConfigMap/packed"].tree, ("data", "v")) == '{"a":1,"b":2}'
    other = release(chart={"spec": {**source, "valuesFiles": ["x.yaml"]}})
    _, (left,) = rendered(renderers, cluster(config("a"), other, files={**archive, "x.yaml": "a: 2\n"}))
    assert left.reason == "the chart charts/c-0.1.0.tgz is packed, and valuesFiles of a packed chart are not read"


@pytest.mark.parametrize("skipped", [True, False])
def test_a_release_may_skip_its_schema(renderers: Renderers, *, skipped: bool) -> None:
    """``upgrade.disableSchemaValidation`` renders what the chart's schema refuses."""
    files = {**RELEASED, "charts/c/values.schema.json": '{"type": "object", "required": ["needed"]}'}
    written = release(upgrade={"disableSchemaValidation": skipped})
    objects, _ = rendered(renderers, cluster(config("a"), written, files=files))
    assert ("ConfigMap/rel" in objects) == skipped
