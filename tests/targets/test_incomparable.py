"""What is told of an object that holds values which Git does not show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.flows.quiet import without_opaque
from bot.model.resource import Desired, Observed, Platform, ResourceId, SourceKind
from bot.renderers.opaque import opaque, unresolved
from tests.drift.makers import OPTIONS, Pair, diff
from tests.flows.folders import assessed, folder, snapshot
from tests.flows.test_targets import has_kustomize
from tests.table import table

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: web
          ENTRIES
"""
INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec: {ENTRIES}
"""
CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: web, namespace: shop, annotations: {a: b}}
data: {ENTRIES}
"""
ROLE = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: web, namespace: shop}
rules: [{apiGroups: [""], resources: [pods], ENTRIES}]
"""
WEB = "spec.template.spec.containers[web]"
PATH = "<path:kv/data/web#key>"

CASES = {
    "an element that came is told, whatever its neighbours hold": (
        DEPLOYMENT, f"env: [{{name: A, value: '{PATH}'}}]",
        "env: [{name: A, value: s3}, {name: B, value: '1'}]", [("added", f"{WEB}.env[B]", True)],
    ),
    "a value that is filled in is not told": (
        DEPLOYMENT, f"env: [{{name: A, value: '{PATH}'}}]", "env: [{name: A, value: s3}]", [],
    ),
    "nor where its name says that it is secret": (
        DEPLOYMENT, f"env: [{{name: DB_PASSWORD, value: '{PATH}'}}]", "env: [{name: DB_PASSWORD, value: s3}]", [],
    ),
    "an element that went is told, whatever it held": (
        DEPLOYMENT, f"env: [{{name: A, value: '{PATH}'}}, {{name: B, value: '1'}}]",
        "env: [{name: B, value: '1'}]", [("missing", f"{WEB}.env[A]", True)],
    ),
    "a key that went is told": (CONFIG, f"a: '{PATH}', b: c", "b: c", [("missing", "data.a", True)]),
    "a key that came is told": (CONFIG, f"a: '{PATH}'", "a: s3, b: c", [("added", "data.b", True)]),
    "a variable may be nothing": (CONFIG, "a: '${A}', b: c", "b: c", []),
    "elements that are known by such a value are not told apart": (
        DEPLOYMENT, "env: [{name: '${P}_A', value: x}, {name: B, value: '1'}]",
        "env: [{name: DEV_A, value: x}, {name: B, value: '1'}]", [],
    ),
    "those beside them are": (
        DEPLOYMENT, "env: [{name: '${P}_A', value: x}, {name: B, value: '1'}]", "env: [{name: DEV_A, value: x}]",
        [("missing", f"{WEB}.env[B]", True)],
    ),
    "a list without keys is compared as a whole": (
        INGRESS, "rules: [{host: 'web.${DOMAIN}'}, {host: b.example.com}]", "rules: [{host: web.example.com}]",
        [("changed", "spec.rules", False)],
    ),
    "the rest of a list is compared": (
        DEPLOYMENT, f"args: [--level=info, '--key={PATH}']", "args: [--level=info, --key=s3]", [],
    ),
    "and told without what is live": (
        DEPLOYMENT, f"args: [--level=info, '--key={PATH}']", "args: [--level=debug, --key=s3]",
        [("changed", f"{WEB}.args", False)],
    ),
    "so is what was added to it": (
        DEPLOYMENT, f"args: ['--key={PATH}']", "args: [--key=s3, --insecure]", [("changed", f"{WEB}.args", False)],
    ),
    "and taken from it": (
        DEPLOYMENT, f"args: ['--key={PATH}', --safe]", "args: [--key=s3]", [("changed", f"{WEB}.args", False)],
    ),
    "a set is compared without order": (ROLE, "verbs: [get, '${VERB}', list]", "verbs: [list, watch, get]", []),
    "a set that grew is told": (
        ROLE, "verbs: [get, '${VERB}']", "verbs: [get, list, delete]", [("changed", "rules", False)],
    ),
}  # fmt: skip


def compared(declared: dict[str, Any], live: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """What is told: kind, place, and whether there is an edit that adopts it."""
    group = declared["apiVersion"].rpartition("/")[0]
    id_ = ResourceId(Platform.KUBERNETES, declared["kind"], "shop", "web", group)
    unknown = frozenset([*opaque(declared), *unresolved(declared)])
    desired = Desired(id_, str(id_), SourceKind.RENDERED, declared, "a.yaml", 1, unknown=unknown)
    drifts = diff(Pair(desired, Observed(id_, live)), OPTIONS)
    told, notes = without_opaque(drifts, [desired])
    assert len(notes) == bool(unknown)
    assert "s3" not in json.dumps([each.observed for each in told])
    return [(each.kind.value, each.where, bool(each.adopt)) for each in told]


@table("case", CASES)
def test_only_what_git_shows_is_compared(case: str) -> None:
    """Presence is compared and values are not; neighbours are not hidden by them, and no live value of them shows."""
    template, declared, live, expected = CASES[case]
    trees = [yaml.safe_load(template.replace("ENTRIES", each)) for each in (declared, live)]
    assert compared(*trees) == expected


def test_what_an_encrypted_file_says_of_itself_is_not_live() -> None:
    """SOPS's own entry is gone once a file is decrypted; a key of the Secret that went is told."""
    declared = {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web", "namespace": "shop"}, "type": "Opaque",
        "stringData": {"a": "ENC[AES256_GCM,data:x]", "b": "ENC[AES256_GCM,data:y]"}, "sops": {"mac": "ENC[AES256_GCM]"},
    }  # fmt: skip
    live = {key: value for key, value in declared.items() if key not in {"stringData", "sops"}}
    assert compared(declared, {**live, "data": {"a": "eA==", "b": "eQ=="}}) == []
    assert compared(declared, {**live, "data": {"a": "eA=="}}) == [("missing", "data.b", False)]


@pytest.mark.skipif(not has_kustomize(), reason="neither kustomize nor kubectl is installed")
def test_an_added_variable_is_drift_beside_a_placeholder(tmp_path: Path) -> None:
    """``clockwork drift`` tells of a variable that somebody added to a container with a secret from a vault."""
    written = DEPLOYMENT.replace("ENTRIES", f"env: [{{name: A, value: '{PATH}'}}]")
    running = yaml.safe_load(DEPLOYMENT.replace("ENTRIES", "env: [{name: A, value: s3}, {name: B, value: b}]"))
    root = folder(
        tmp_path / "repo", {"web/kustomization.yaml": b"resources: [web.yaml]\n", "web/web.yaml": written.encode()}
    )
    report = assessed(root, live=snapshot(tmp_path / "live.json", [running])).report
    assert [(each.where, each.observed) for each in report.drift] == [(f"{WEB}.env[B]", {"name": "B", "value": "b"})]
    notes = [
        note.detail for note in report.notes if note.state != "incomplete"
    ]  # the snapshot does not say who wrote it
    assert notes == ["1 value that is encrypted or filled in later"]
