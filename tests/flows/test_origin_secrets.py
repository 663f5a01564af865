"""``clockwork origin`` names the line that sets a secret, and tells neither its value nor that of any line beside it."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bot.entrypoints.cli import targets as targets_command
from bot.wiring.repository import Options
from tests.flows.folders import folder
from tests.renderers.needs import HELM, KUSTOMIZE

WORD = "".join(random.Random(5).choices(string.ascii_lowercase, k=12))
"""A password as people choose them, which only its place gives away; made here so that no file has it."""
TOKEN = "ghp_" + "".join(random.Random(6).choices(string.ascii_letters + string.digits, k=36))
ENCODED = base64.b64encode(WORD.encode()).decode()

DEPLOYMENT = f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: shop}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
        - name: web
          image: registry.example.com/web:1.0
          args: [serve, --password, {WORD}]
          env:
            - {{name: GREETING, value: {TOKEN}}}
            - {{name: DB_PASSWORD, value: {WORD}}}
            - {{name: CALLED, value: {TOKEN}}}
            - {{name: PLAIN, value: hello}}
"""
SECRET = f"""\
apiVersion: v1
kind: Secret
metadata: {{name: db, namespace: shop}}
data: {{conn: {ENCODED}}}
stringData: {{user: {WORD}}}
"""
OVERLAY = f"""\
resources: [../../base]
secretGenerator:
- name: made
  namespace: shop
  literals:
  - conn={WORD}
images:
- {{name: registry.example.com/web, newTag: "1.1"}}
configMapGenerator:
- {{name: words, namespace: shop, literals: [port=8080, password={WORD}]}}
patches:
- target: {{kind: Deployment, name: web}}
  patch: |-
    - {{op: replace, path: /spec/template/spec/containers/0/env/2/value, value: friend}}
"""
KUSTOMIZED: Mapping[str, bytes] = {
    "base/deployment.yaml": DEPLOYMENT.encode(),
    "base/secret.yaml": SECRET.encode(),
    "base/kustomization.yaml": b"resources: [deployment.yaml, secret.yaml]\n",
    "overlays/prod/kustomization.yaml": OVERLAY.encode(),
}
CHART: Mapping[str, bytes] = {
    "charts/web/Chart.yaml": b"apiVersion: v2\nname: web\nversion: 0.1.0\n",
    "charts/web/values.yaml": f"greeting: hello\ndatabase: {{password: {WORD}, host: db}}\n".encode(),
    "charts/web/templates/config.yaml": b"""\
apiVersion: v1
kind: ConfigMap
metadata: {name: words, namespace: shop}
data:
  greeting: {{ .Values.greeting }}
  conn: {{ .Values.database.password }}
  host: {{ .Values.database.host }}
  PASSWORD: {{ .Values.database.password }}
""",
}
CONTAINER = "spec.template.spec.containers[web]"


def origin(root: Path, resource: str, path: str) -> tuple[str, dict[str, Any]]:
    """What is printed for people, and for programs. No form of a planted secret is in either."""
    app = typer.Typer()
    targets_command.register(app)
    printed = []
    for more in ([], ["--json"]):
        done = CliRunner().invoke(app, ["origin", resource, path, "--repo", str(root), *more], catch_exceptions=False)
        assert done.exit_code == 0
        printed.append(done.output)
        for form in (WORD, TOKEN, ENCODED):
            assert form not in done.output
    return printed[0], json.loads(printed[1])


@pytest.fixture
def kustomized(tmp_path: Path) -> Path:
    return folder(tmp_path / "repo", KUSTOMIZED)


@pytest.fixture
def charted(tmp_path: Path) -> Path:
    return folder(tmp_path / "repo", CHART)


@KUSTOMIZE
@pytest.mark.parametrize(
    ("resource", "path", "line"),
    [
        ("Secret/shop/db", "data.conn", "base/secret.yaml:4:"),
        ("Secret/shop/db", "stringData.user", "base/secret.yaml:5:"),
        ("Secret/shop/db", "data", "base/secret.yaml:1"),
        ("Deployment/shop/web", f"{CONTAINER}.env[GREETING].value", "base/deployment.yaml:15:"),
        ("Deployment/shop/web", f"{CONTAINER}.env[DB_PASSWORD].value", "base/deployment.yaml:16:"),
        ("Deployment/shop/web", f"{CONTAINER}.args[#2]", "base/deployment.yaml:13:"),
    ],
)
def test_a_secret_of_a_base_is_not_told(kustomized: Path, resource: str, path: str, line: str) -> None:
    """A Secret's data in either notation, a token under a neutral name, a password by its name or by the argument before
    it: the line is named, value and edit are not.
    """
    text, answer = origin(kustomized, resource, path)
    assert answer["origin"][0].startswith(line)
    assert answer["value"] == "(hidden)"
    assert answer["edit"] is None
    assert '= "(hidden)"' in text


@KUSTOMIZE
@pytest.mark.parametrize(
    ("kind", "name", "path"), [("Secret", "made", "data.conn"), ("ConfigMap", "words", "data.password")]
)
def test_a_generated_secret_is_not_told(kustomized: Path, kind: str, name: str, path: str) -> None:
    """The literal of a generator is a line like others."""
    (resource,) = named(kustomized, kind, name)
    _, answer = origin(kustomized, resource, path)
    assert answer["origin"][0].startswith("overlays/prod/kustomization.yaml:")
    assert (answer["value"], answer["edit"]) == ("(hidden)", None)


def named(root: Path, kind: str, name: str) -> list[str]:
    """The declared resources whose names begin so."""
    from bot.wiring.reconcile import declarer
    from bot.wiring.repository import repository_to_read

    opened = repository_to_read(Options(repo=str(root)))
    declared = declarer(opened).at(opened.repository.head("") or "").resources
    return [str(each.id) for each in declared if each.id.kind == kind and each.id.name.startswith(f"{name}-")]


@KUSTOMIZE
def test_what_a_line_overrides_is_not_told_either(kustomized: Path) -> None:
    """The overlay says a harmless word over a token of the base: the word is shown, the base's line without what it
    says.
    """
    text, answer = origin(kustomized, "Deployment/shop/web", f"{CONTAINER}.env[CALLED].value")
    assert answer["value"] == "friend"
    (base,) = [line for line in answer["origin"] if line.startswith("base/deployment.yaml:17:")]
    assert base.endswith('which says "(hidden)"')
    assert "friendx" in text


@KUSTOMIZE
@pytest.mark.parametrize("path", [f"{CONTAINER}.image", f"{CONTAINER}.env[PLAIN].value", "spec.replicas"])
def test_an_edit_shows_no_line_beside_it(kustomized: Path, path: str) -> None:
    """The line above a tag is a secret literal, the line above a variable a password: only what changes is shown."""
    _, answer = origin(kustomized, "Deployment/shop/web", path)
    assert answer["value"] != "(hidden)"
    assert [line[:1] for line in answer["edit"].splitlines()[2:] if line[:1] not in "@+-"] == []


@KUSTOMIZE
def test_an_edit_hides_what_else_stands_on_its_line(kustomized: Path) -> None:
    """Two literals on one line: one is changed, the other is the password of a Secret."""
    (resource,) = named(kustomized, "ConfigMap", "words")
    _, answer = origin(kustomized, resource, "data.port")
    assert answer["value"] == "8080"
    assert "8080x" in answer["edit"]
    assert "(hidden)" in answer["edit"]


@HELM
@pytest.mark.parametrize("key", ["PASSWORD", "conn"])
def test_a_value_that_a_values_file_calls_secret_is_not_told(charted: Path, key: str) -> None:
    """Wherever the template puts it, under whatever name."""
    _, answer = origin(charted, "ConfigMap/shop/words", f"data.{key}")
    assert answer["origin"][0].startswith("charts/web/values.yaml:2: values key database.password")
    assert (answer["value"], answer["edit"]) == ("(hidden)", None)


@HELM
def test_a_value_beside_a_secret_is_told_without_it(charted: Path) -> None:
    """The host stands on the password's line: its edit shows that line, without the password."""
    _, answer = origin(charted, "ConfigMap/shop/words", "data.host")
    assert answer["value"] == "db"
    assert "dbx" in answer["edit"]
    greeting, _ = origin(charted, "ConfigMap/shop/words", "data.greeting")
    assert "+greeting: hellox" in greeting


@KUSTOMIZE
def test_a_secret_in_no_encoding_is_said_and_no_failure(tmp_path: Path) -> None:
    """The data of a Secret that is not base64 has no line that could be tried with another value."""
    files = {**KUSTOMIZED, "base/secret.yaml": SECRET.replace(ENCODED, "abcde").encode()}
    _, answer = origin(folder(tmp_path / "repo", files), "Secret/shop/db", "data.conn")
    assert answer["value"] == "(hidden)"
    assert answer["reason"] == "data.conn of Secret/shop/db is not in base64"
