"""Kubernetes manifests as resources."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.intake.discover import candidates
from bot.intake.read import read, read_manifest
from bot.model.resource import Platform, ResourceId
from tests.corpus import cases

TWO = b"""apiVersion: v1
kind: Service
metadata:
  name: web
spec: {ports: [{port: 80}]}
---
# nothing here
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
"""


def test_documents_become_resources_with_identity_place_and_origin() -> None:
    """Group, namespace, line, document number and the bytes of a leaf are known."""
    service, deployment = read_manifest("k/web.yaml", TWO).resources
    assert service.id == ResourceId(Platform.KUBERNETES, "Service", "", "web")
    assert deployment.id == ResourceId(Platform.KUBERNETES, "Deployment", "shop", "web", "apps")
    assert deployment.task == "Deployment/shop/web"
    assert (deployment.line, deployment.document, deployment.root) == (9, 2, ())
    origin = deployment.origins.at(("spec", "replicas"))
    assert origin is not None
    assert TWO[origin.start : origin.end] == b"2"
    assert origin.line == 13
    assert deployment.origins.at(("spec", "absent")) is None


@pytest.mark.parametrize("name", ["all.yaml", "all.json"])
def test_items_of_a_list_are_resources_of_their_own(name: str) -> None:
    """A ``List`` declares its items, each with its line and its place in the list."""
    yaml_text = b"""apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: a}
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: b}
"""
    json_text = b"""{"apiVersion": "v1", "kind": "List", "items": [
  {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}},

  {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}}]}"""
    data = yaml_text if name == "all.yaml" else json_text
    one, other = read_manifest(name, data).resources
    assert (one.root, other.root) == (("items", 0), ("items", 1))
    assert (one.line, other.line) == ((4, 7) if name == "all.yaml" else (2, 4))
    origin = other.origins.at(("metadata", "name"))
    assert origin is not None
    assert data[origin.start : origin.end].strip(b'"') == b"b"


def test_items_of_a_typed_list_have_the_type_of_the_list() -> None:
    """``ConfigMapList`` items need not say what they are."""
    data = b"apiVersion: v1\nkind: ConfigMapList\nitems: [{metadata: {name: a}}]\n"
    (found,) = read_manifest("a.yaml", data).resources
    assert str(found.id) == "ConfigMap/a"


def test_values_of_secrets_are_sensitive() -> None:
    """Every value of a Secret, and the annotation that repeats it, is marked."""
    data = b"apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {k: dg==}\nstringData: {l: v}\n"
    (found,) = read_manifest("a.yaml", data).resources
    assert {("data", "k"), ("stringData", "l")} <= found.sensitive


@pytest.mark.parametrize(
    ("path", "data", "message"),
    [
        ("a.yaml", b"apiVersion: v1\nkind: X\nmetadata: {namespace: x}\n", "has no name"),
        ("a.yaml", b"apiVersion: v1\nkind: X\nspec: {}\n", "has no metadata"),
        ("a.yaml", b"a: [\n", "not valid YAML"),
        ("a.json", b'{"apiVersion": }', "not valid JSON"),
        ("a.json", b'{"apiVersion": "v1"} x', "not valid JSON"),
        ("a.yaml", b"a: \xff", "not UTF-8"),
        ("a.yaml", b"apiVersion: v1\nkind: X\nmetadata: {name: x, name: y}\n", "written twice"),
    ],
)
def test_mistakes_are_collected_with_their_place(path: str, data: bytes, message: str) -> None:
    """A file that cannot be read, or an object without a name, is an error that names the file."""
    (error,) = read_manifest(path, data).errors
    assert message in error.message
    assert error.file == path


@pytest.mark.parametrize(
    "data",
    [
        b"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n",
        b"metadata:\n  name: {{ .Values.name }}\nspec: {{ x }}\n",
        b"just: values\n",
        b"",
        b"- a\n- b\n",
        b"{% if x %}\na: [\n",
        b"apiVersion: v1\nkind: Pod\nmetadata: {generateName: x-}\n",
    ],
)
def test_what_is_no_manifest_is_passed_over(data: bytes) -> None:
    """Kustomizations, Helm templates, values files and one-off objects are none of our business."""
    found = read_manifest("a.yaml", data)
    assert (found.resources, found.errors) == ((), ())


def test_a_resource_declared_twice_names_both_files() -> None:
    """Neither is taken for what is meant: the second one is an error that names the first, and both are left alone."""
    data = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    found = read({"a.yaml": data, "b.yaml": data}, project="p")
    assert found.resources == ()
    assert found.errors[0].file == "b.yaml"
    assert "a.yaml:1" in found.errors[0].message


def test_candidates_leave_out_what_cannot_declare_anything() -> None:
    """Folders of tools, charts, rules, rendered files and known configuration files are not read."""
    wanted = [
        "compose.yaml",
        "infra/main.cw",
        "infra/x.auto.cwvars",
        "k8s/a.yml",
        "k8s/b.json",
        "k8s/policies/c.yaml",
        "tf/main.tf",
        "x/.env",
        "y/web.env",
    ]
    others = [
        ".github/workflows/ci.yml", ".clockwork/build/a.yaml", "node_modules/a.json", "vendor/b.yaml", "clockwork.yaml",
        "policies/a.yaml", "k8s/kustomization.yaml", "chart/Chart.yaml", "chart/values.yaml", "chart/templates/a.yaml",
        "package.json", "README.md", "a.py", "mkdocs.yml", "pnpm-lock.yaml", ".pre-commit-config.yaml",
    ]  # fmt: skip
    assert candidates([*others, *wanted]) == tuple(sorted(wanted))


@pytest.mark.parametrize("path", cases("kubernetes", "*.*", beside="kubernetes-drift"))
def test_every_real_object_is_read(path: Path) -> None:
    """Each file of the corpus is one object without mistakes, and every leaf of it has an origin."""
    found = read_manifest(path.name, path.read_bytes())
    assert not found.errors
    if path.name != "verdicts.json":
        (one,) = found.resources
        assert one.origins.at(("metadata", "name")) is not None
