"""The edits that the search finds in real repositories are those that a person would make: line by line."""

from __future__ import annotations

import base64
import difflib
from collections.abc import Mapping

import pytest

from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import Pointer
from bot.model.resource import ResourceId
from bot.origins.scene import EditPlan, Goal
from bot.origins.search import find_edit
from tests.gitops import tree_of
from tests.origins.repositories import NEEDS, Repository, proof, repository, repository_of

pytestmark = NEEDS

CONTAINER: Pointer = ("spec", "template", "spec", "containers", 0)
IMAGE: Pointer = (*CONTAINER, "image")
ANNOTATIONS: Pointer = ("spec", "template", "metadata", "annotations")
ADMIN = base64.b64encode(b"admin").decode()
DIGEST = "sha256:" + "a" * 64
DEV = "overlays/dev/kustomization.yaml"
PROD = "overlays/prod/kustomization.yaml"
RESOURCES = "overlays/prod/web-resources.yaml"
VALUES = "charts/shop/values-prod.yaml"


def find(repo: Repository, target: str, kind: str, name: str) -> ResourceId:
    """The object of a kind whose name is, or (with a dash at the end) begins with, ``name``."""
    return next(
        id_
        for id_ in repo.scene.objects[target]
        if id_.kind == kind and (id_.name == name or (name.endswith("-") and id_.name.startswith(name)))
    )


def planned(repo: Repository, target: str, id_: ResourceId, edit: Edit) -> EditPlan:
    asked = Goal(target, {id_: (edit,)})
    plan = find_edit(asked, repo.scene)
    assert isinstance(plan, EditPlan), plan
    assert proof(asked, plan, repo) == []
    return plan


def differences(repo: Repository, plan: EditPlan) -> Mapping[str, list[str]]:
    """The lines that go and come, by file."""
    changed = {}
    for path, data in plan.files.items():
        before = (repo.tree.read(path) or b"").decode().split("\n")
        lines = difflib.unified_diff(before, data.decode().split("\n"), n=0)
        changed[path] = [line for line in lines if not line.startswith(("---", "+++", "@@")) and len(line) > 1]
    return changed


CASES: list[tuple[tuple[str, str, str, str], Edit, str, list[str]]] = [
    # overlays: what kustomize has its own words for
    (("overlays", "prod", "Deployment", "web"), SetValue(IMAGE, "registry.example.com/shop/web:v1.0.5"), PROD,
     ["-    newTag: v1.0.4 # tested on Monday", "+    newTag: v1.0.5 # tested on Monday"]),
    (("overlays", "dev", "Deployment", "dev-web"), SetValue(IMAGE, "mirror.example.com/web:v1.1.0"), DEV,
     ["-  newTag: v1.1.0-rc.1", "+  newTag: v1.1.0", "+  newName: mirror.example.com/web"]),
    (("overlays", "prod", "Deployment", "web"), SetValue(IMAGE, f"registry.example.com/shop/web@{DIGEST}"), PROD,
     ["-    newTag: v1.0.4 # tested on Monday", f"+    digest: {DIGEST}"]),
    (("overlays", "prod", "Deployment", "worker"), SetValue(IMAGE, "ghcr.io/shop/worker:v1.0.1"), PROD,
     ["+  - name: ghcr.io/shop/worker", "+    newTag: v1.0.1"]),
    (("overlays", "prod", "Deployment", "web"), SetValue(("spec", "replicas"), 5), PROD,
     ["-    count: 3", "+    count: 5"]),
    (("overlays", "dev", "Deployment", "dev-web"), SetValue(("spec", "replicas"), 2), DEV,
     ["+replicas:", "+- name: web", "+  count: 2"]),
    # overlays: patches
    (("overlays", "prod", "Deployment", "worker"), SetValue(("spec", "replicas"), 7),
     "overlays/prod/worker-operations.yaml", ["-  value: 6", "+  value: 7"]),
    (("overlays", "prod", "Deployment", "web"), SetValue((*CONTAINER, "resources", "limits", "memory"), "1Gi"), RESOURCES,
     ["-              memory: 512Mi", "+              memory: 1Gi"]),
    (("overlays", "prod", "Deployment", "web"), AddEntry((*CONTAINER, "resources", "limits"), "cpu", "2"), RESOURCES,
     ['+              cpu: "2"']),
    (("overlays", "prod", "Deployment", "web"), SetValue((*CONTAINER, "env", 1, "value"), "good day"), RESOURCES,
     ["+            - name: GREETING", '+              value: "good day"']),
    (("overlays", "prod", "Deployment", "worker"),
     SetValue(("spec", "template", "spec", "terminationGracePeriodSeconds"), 60), PROD,
     ["-            terminationGracePeriodSeconds: 120", "+            terminationGracePeriodSeconds: 60"]),
    (("overlays", "prod", "Service", "web"), SetValue(("spec", "type"), "NodePort"), PROD,
     ["-        value: LoadBalancer", "+        value: NodePort"]),
    (("overlays", "prod", "Service", "web"), SetValue(("spec", "ports", 0, "port"), 8000), PROD,
     ["+      - op: replace", "+        path: /spec/ports/0/port", "+        value: 8000"]),
    (("overlays", "dev", "Service", "dev-web"), AddEntry(("metadata", "annotations"), "example.com/note", "seen"), DEV,
     ["+patches:", "+- patch: |-", "+    - op: add", "+      path: /metadata/annotations/example.com~1note",
      "+      value: seen", "+  target:", "+    kind: Service", "+    name: web"]),
    (("overlays", "prod", "Ingress", "web"), SetValue(("spec", "rules", 0, "host"), "www.example.com"),
     "overlays/prod/ingress.yaml", ["-    - host: shop.example.com", "+    - host: www.example.com"]),
    # overlays: generators
    (("overlays", "dev", "ConfigMap", "dev-web-settings-"), SetValue(("data", "LOG_LEVEL"), "trace"), DEV,
     ["-  - LOG_LEVEL=debug", "+  - LOG_LEVEL=trace"]),
    (("overlays", "prod", "ConfigMap", "web-settings-"), SetValue(("data", "LOG_LEVEL"), "warn"), PROD,
     ["+configMapGenerator:", "+  - name: web-settings", "+    behavior: merge", "+    literals:",
      "+      - LOG_LEVEL=warn"]),
    (("overlays", "prod", "Secret", "web-login-"), SetValue(("data", "user"), ADMIN), PROD,
     ["+secretGenerator:", "+  - name: web-login", "+    behavior: merge", "+    literals:", "+      - user=admin"]),
    # charts: the values file of the target
    (("chart", "shop-prod", "Deployment", "shop-web"), SetValue(IMAGE, "ghcr.io/shop/web:v1.0.5"), VALUES,
     ["-  tag: v1.0.4", "+  tag: v1.0.5"]),
    (("chart", "shop-prod", "Deployment", "shop-web"), SetValue(IMAGE, "mirror.example.com/team/web:v1.0.5"), VALUES,
     ["-  tag: v1.0.4", "+  tag: v1.0.5", "+  registry: mirror.example.com", "+  repository: team/web"]),
    (("chart", "shop-prod", "Deployment", "shop-web"), SetValue((*CONTAINER, "env", 0, "value"), "warn"), VALUES,
     ["+logLevel: warn"]),
    (("chart", "shop-dev", "Deployment", "shop-web"), SetValue(("spec", "replicas"), 2), "charts/shop/values-dev.yaml",
     ["+replicaCount: 2"]),
    (("chart", "shop-prod", "Deployment", "shop-web"),
     AddEntry(("spec", "template", "spec"), "nodeSelector", {"disk": "ssd"}), VALUES, ["+nodeSelector:", "+  disk: ssd"]),
    (("chart", "shop-prod", "Deployment", "shop-web"), AddEntry(ANNOTATIONS, "prometheus.io/port", "9113"), VALUES,
     ['+  prometheus.io/port: "9113"']),
    (("chart", "shop-dev", "Deployment", "shop-web"),
     AddEntry((*CONTAINER, "env"), None, {"name": "REGION", "value": "north"}), "charts/shop/values-dev.yaml",
     ["+env:", "+  REGION: north"]),
    (("chart", "shop-prod", "Deployment", "shop-web"),
     RemoveEntry(("spec", "template", "metadata", "labels", "team")), VALUES, ["+podLabels:", "+  team: null"]),
    (("chart", "shop-prod", "ConfigMap", "shop-config"), SetValue(("data", "settings"), "workers=4\ncache=200\n"), VALUES,
     ["+config: |", "+  workers=4", "+  cache=200"]),
    # Flux: values in the release, its patch or a new one, and the Kustomization object as a layer
    (("flux", "prod", "StatefulSet", "cache"), SetValue(IMAGE, "redis:7.4"), "apps/prod/cache-values.yaml",
     ['-      tag: "7.2"', '+      tag: "7.4"']),
    (("flux", "prod", "StatefulSet", "cache"), SetValue((*CONTAINER, "args", 1), "6380"), "apps/prod/cache-values.yaml",
     ["+    port: 6380"]),
    (("flux", "dev", "StatefulSet", "cache"), SetValue((*CONTAINER, "resources", "limits", "memory"), "256Mi"),
     "apps/dev/kustomization.yaml",
     ["+patches:", "+  - patch: |-", "+      - op: replace", "+        path: /spec/values/memory",
      "+        value: 256Mi", "+    target:", "+      kind: HelmRelease", "+      name: cache"]),
    (("flux", "prod", "StatefulSet", "queue"), SetValue((*CONTAINER, "args", 1), "6391"), "apps/prod/queue-values.yaml",
     ["-port: 6390", "+port: 6391"]),
    (("flux", "prod", "Deployment", "landing"), SetValue(("spec", "replicas"), 6), "clusters/prod/apps.yaml",
     ["-          value: 4", "+          value: 6"]),
    (("flux", "prod", "Deployment", "landing"), SetValue(("metadata", "labels", "cluster"), "prod-eu"),
     "clusters/prod/apps.yaml", ["-      cluster: prod", "+      cluster: prod-eu"]),
    # Argo CD: parameters, values as an object and as text, values files, images
    (("argo", "cache", "StatefulSet", "cache"), SetValue((*CONTAINER, "resources", "limits", "memory"), "512Mi"),
     "apps/cache.yaml", ["-          value: 256Mi", "+          value: 512Mi"]),
    (("argo", "cache", "StatefulSet", "cache"), SetValue((*CONTAINER, "args", 1), "6380"), "apps/cache.yaml",
     ["+        port: 6380"]),
    (("argo", "sessions", "StatefulSet", "sessions"), SetValue((*CONTAINER, "args", 3), "no"), "apps/sessions.yaml",
     ['-        args: [--appendonly, "yes"]', '+        args: [--appendonly, "no"]']),
    (("argo", "sessions", "StatefulSet", "sessions"), SetValue((*CONTAINER, "resources", "limits", "memory"), "512Mi"),
     "settings/sessions.yaml", ["-memory: 96Mi", "+memory: 512Mi"]),
    (("argo", "guestbook", "Deployment", "guestbook"), SetValue(IMAGE, "gcr.io/heptio-images/ks-guestbook-demo:0.3"),
     "apps/guestbook.yaml",
     ["-        - gcr.io/heptio-images/ks-guestbook-demo:0.2", "+        - gcr.io/heptio-images/ks-guestbook-demo:0.3"]),
]  # fmt: skip


@pytest.mark.parametrize(("subject", "edit", "file", "lines"), CASES)
def test_the_edit_is_the_one_that_a_person_would_make(
    subject: tuple[str, str, str, str], edit: Edit, file: str, lines: list[str]
) -> None:
    """One file changes, in as few lines as its format allows and in its own style, and the edit is proven."""
    name, target, kind, object_name = subject
    repo = repository(name)
    plan = planned(repo, target, find(repo, target, kind, object_name), edit)
    assert differences(repo, plan) == {file: lines}


SET = """apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: shop, namespace: argocd}
spec:
  goTemplate: true
  generators:
    - matrix:
        generators:
          - git: {repoURL: "", revision: HEAD, files: [{path: envs/*/config.json}]}
          - list: {elements: [{app: web}]}
  template:
    metadata: {name: "{{ .app }}-{{ .env }}"}
    spec:
      source:
        path: "{{ .app }}"
        helm: {parameters: [{name: count, value: "{{ .count }}"}]}
      destination: {namespace: "{{ .env }}"}
"""


def test_what_a_generator_reads_is_set_in_its_file() -> None:
    """A parameter of an application that comes from a file of a git generator is changed in that file, for one place alone."""
    repo = repository_of(
        tree_of(
            {
                "set.yaml": SET,
                "envs/dev/config.json": '{"env": "dev", "count": 1}\n',
                "envs/prod/config.json": '{"env": "prod", "count": 3}\n',
                "web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n",
                "web/values.yaml": "count: 1\n",
                "web/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
                'data: {count: "{{ .Values.count }}"}\n',
            }
        )
    )
    config = find(repo, "web-prod", "ConfigMap", "a")
    plan = planned(repo, "web-prod", config, SetValue(("data", "count"), "5"))
    path = "envs/prod/config.json"
    assert differences(repo, plan) == {path: ['-{"env": "prod", "count": 3}', '+{"env": "prod", "count": 5}']}
    assert plan.moves == ()


def test_a_generated_object_keeps_its_users() -> None:
    """A changed literal gives the object another name; the plan says which, and that its users follow."""
    repo = repository("overlays")
    old = find(repo, "dev", "ConfigMap", "dev-web-settings-")
    plan = planned(repo, "dev", old, SetValue(("data", "LOG_LEVEL"), "trace"))
    assert list(plan.renamed) == [old]
    users = ("dev", find(repo, "dev", "Deployment", "dev-web"))
    assert set(plan.moves) == {("dev", old), ("dev", plan.renamed[old]), users}
    assert plan.tried == 1


def test_a_carrier_changes_on_the_way() -> None:
    """The release whose values change is named as the way, not as something that moves."""
    repo = repository("flux")
    plan = planned(repo, "prod", find(repo, "prod", "StatefulSet", "cache"), SetValue(IMAGE, "redis:7.4"))
    assert plan.through == (find(repo, "prod", "HelmRelease", "cache"),)
    assert plan.moves == ()


def test_what_a_wanted_carrier_brings_along_is_named() -> None:
    """A change of a release's own values is wanted as such; the objects that it deploys move with it, and are named."""
    repo = repository("flux")
    release = find(repo, "prod", "HelmRelease", "cache")
    plan = planned(repo, "prod", release, SetValue(("spec", "values", "memory"), "1Gi"))
    assert plan.moves == (("prod", find(repo, "prod", "StatefulSet", "cache")),)
    assert plan.tried == 2  # the release alone, then all of the target


def test_an_image_tag_and_a_count_are_found_together() -> None:
    """Edits of two objects make one plan of one file."""
    repo = repository("overlays")
    web, worker = find(repo, "prod", "Deployment", "web"), find(repo, "prod", "Deployment", "worker")
    asked = Goal(
        "prod",
        {
            web: (SetValue(IMAGE, "registry.example.com/shop/web:v1.0.5"), SetValue(("spec", "replicas"), 4)),
            worker: (SetValue(IMAGE, "ghcr.io/shop/worker:v1.0.1"),),
        },
    )
    plan = find_edit(asked, repo.scene)
    assert isinstance(plan, EditPlan)
    assert proof(asked, plan, repo) == []
    assert plan.moves == ()
    assert list(plan.files) == [PROD]
    assert [spot.line for spot in plan.spots] == [13, 16, 14]


def test_the_spots_say_where_and_what() -> None:
    """A spot leads to the line of the new value in the edited file, also inside of a text."""
    repo = repository("argo")
    sessions = find(repo, "sessions", "StatefulSet", "sessions")
    plan = planned(repo, "sessions", sessions, SetValue((*CONTAINER, "args", 1), "6390"))
    (spot,) = plan.spots
    assert plan.files["apps/sessions.yaml"].decode().split("\n")[spot.line - 1].strip() == "port: 6390"
    assert spot.label == "spec.source.helm.values.port of Application sessions"
