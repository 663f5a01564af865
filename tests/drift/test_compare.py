"""A whole comparison: pairing, absence, orphans, what nobody looked at, and the memo."""

from __future__ import annotations

import copy
import random
from dataclasses import replace
from typing import Any

import pytest

from bot.drift.cache import Memo
from bot.drift.compare import compare
from bot.drift.kubernetes.crds import shapes_of_crd
from bot.drift.options import ComparisonOptions
from bot.drift.shapes import Form
from bot.model.drift import AddEntry, Drift, DriftKind, RemoveEntry, Report, SetValue
from bot.model.observation import Observation
from bot.model.resource import Desired, Observed, Platform, Problem, ResourceId, SourceKind, Unreachable
from bot.model.severity import Severity
from tests.drift.makers import NOW, OPTIONS, Pair, declared, deployment, diff, kubernetes_id, live, running, service

KUBERNETES = frozenset({Platform.KUBERNETES})
COMPOSE = frozenset({Platform.COMPOSE})


def seen(*objects: Observed, covered: frozenset[Platform] = KUBERNETES, **fields: Any) -> Observation:
    return Observation(NOW, resources={observed.id: observed for observed in objects}, covered=covered, **fields)


def run(desired: list[Desired], what: Observation, **fields: Any) -> Report:
    return compare(desired, what, **{"options": OPTIONS, **fields})


def config_map(name: str = "settings", namespace: str = "shop", **data: str) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def kinds(report: Report) -> list[tuple[str, DriftKind]]:
    return [(str(drift.resource), drift.kind) for drift in report.drift]


def test_what_is_declared_and_not_live_is_missing() -> None:
    """A declared object of a platform that was looked at, and that is not there, is one drift on the whole resource."""
    report = run([declared(deployment())], seen())
    assert kinds(report) == [("Deployment/shop/web", DriftKind.MISSING)]
    assert report.drift[0].path == ()
    assert report.drift[0].severity is Severity.HIGH


@pytest.mark.parametrize(
    "what",
    [
        seen(covered=frozenset()),
        seen(covered=COMPOSE),
        seen(kinds=frozenset({("", "ConfigMap")})),
        seen(covered=frozenset(), unreachable=(Unreachable("kubernetes", "cluster", "timed out"),)),
    ],
)
def test_what_nobody_looked_at_is_neither_missing_nor_fine(what: Observation) -> None:
    """A platform or kind that was not listed gives no drift; being unreachable is passed on as its own answer."""
    report = run([declared(deployment())], what)
    assert report.drift == ()
    assert report.unreachable == what.unreachable


@pytest.mark.parametrize(
    ("namespaces", "matches"),
    [(["default"], True), (["other"], True), (["default", "other"], True), (["a", "b"], False)],
)
def test_a_manifest_without_namespace_means_the_default_or_the_only_one(
    namespaces: list[str], *, matches: bool
) -> None:
    """With several of one name and none in default, nobody can tell which is meant."""
    objects = [live(config_map(namespace=namespace, a="1")) for namespace in namespaces]
    report = run([declared(config_map(namespace="", a="1"))], seen(*objects))
    assert (report.drift == ()) is matches


def test_a_live_object_that_is_declared_by_name_is_nobody_else_s() -> None:
    """A manifest without a namespace takes no object that another manifest names: counted as suppressed, not as drift."""
    base, prod = declared(config_map(namespace="", a="base")), declared(config_map(namespace="prod", a="1"))
    for order in ([base, prod], [prod, base]):
        report = run(order, seen(live(config_map(namespace="prod", a="1"))))
        assert report.drift == ()
        (hidden,) = report.suppressed
        assert (hidden.drift.resource, hidden.drift.kind) == (base.id, DriftKind.MISSING)
        assert "ConfigMap/prod/settings" in hidden.reason


def test_a_namespace_that_is_named_is_the_one_that_is_meant() -> None:
    """The same name elsewhere is another object."""
    report = run([declared(config_map(a="1"))], seen(live(config_map(namespace="other", a="1"))))
    assert kinds(report) == [("ConfigMap/shop/settings", DriftKind.MISSING)]


def test_earlier_generations_of_a_generated_object_are_counted_and_quiet() -> None:
    """Applied earlier or marked as ours: Git declares it under the hash of another content. What ends in no hash, lies
    elsewhere, or is of another kind or stem is told.
    """
    current = config_map("words-8f2ct4g56h", a="2")
    old, older, secret = (
        config_map("words-mt5h8f42kb", a="1"),
        config_map("words-2222222222"),
        config_map("words-mt5h8f42kb"),
    )
    older["metadata"]["labels"] = {"clockwork.dev/managed": "true"}
    secret["kind"] = "Secret"
    others = [config_map("words-mt5h8f42kz"), config_map("phrases-mt5h8f42kb"), config_map("words"), secret]
    others.append(config_map("words-mt5h8f42kb", namespace="other"))
    bases = {kubernetes_id(tree): tree for tree in (old, *others)}
    report = run([declared(current)], seen(*map(live, (current, old, older, *others))), bases=bases)
    hidden = {str(each.drift.resource): (each.by, each.reason) for each in report.suppressed}
    why = ("previous-generation", "previous generation of ConfigMap/shop/words-8f2ct4g56h, which Git declares now")
    assert hidden == {"ConfigMap/shop/words-mt5h8f42kb": why, "ConfigMap/shop/words-2222222222": why}
    assert {drift.resource for drift in report.drift} == {kubernetes_id(tree) for tree in others}


@pytest.mark.parametrize(("kind", "version"), [("Service", "v1"), ("ConfigMap", "example.org/v1"), ("Job", "batch/v1")])
def test_only_generated_kinds_have_earlier_generations(kind: str, version: str) -> None:
    """A name of any other kind may end so by chance: what is no longer in Git is told."""
    current, old = (
        {**config_map(name), "kind": kind, "apiVersion": version} for name in ("words-8f2ct4g56h", "words-mt5h8f42kb")
    )
    report = run([declared(current)], seen(live(current), live(old)), bases={kubernetes_id(old): old})
    assert not report.suppressed
    assert [drift.resource for drift in report.drift] == [kubernetes_id(old)]


def test_only_what_was_ours_is_told() -> None:
    """Live objects that Git never declared are nobody's business, unless they were applied earlier or bear our label."""
    ours = config_map("ours")
    marked = config_map("marked")
    marked["metadata"]["labels"] = {"clockwork.dev/managed": "yes"}
    bases = {declared(ours).id: ours}
    report = run([], seen(live(ours), live(marked), live(config_map("stranger"))), bases=bases)
    assert sorted(kinds(report)) == [
        ("ConfigMap/shop/marked", DriftKind.UNMANAGED),
        ("ConfigMap/shop/ours", DriftKind.REMOVED),
    ]


def test_an_orphan_of_a_declared_compose_project_is_unmanaged() -> None:
    """A container of a project that Git declares, under a service that it does not, is an orphan; other projects are not."""
    web = running({"image": "x"})
    what = seen(web, running({}, name="old"), running({}, project="elsewhere"), covered=COMPOSE)
    assert kinds(run([service({"image": "x"})], what)) == [("service/shop/old", DriftKind.UNMANAGED)]


def test_a_service_is_found_under_another_project_name_and_by_container_name() -> None:
    """A folder's name is not always the project's, and podman run knows no project."""
    named = replace(running({"image": "x:1"}, project="renamed"))
    assert run([service({"image": "x:1"})], seen(named, covered=COMPOSE)).drift == ()
    alone = running({"image": "x:1", "container_name": "shop-web"}, name="shop-web", project="")
    assert run([service({"image": "x:1", "container_name": "shop-web"})], seen(alone, covered=COMPOSE)).drift == ()


def test_a_service_of_another_stack_is_not_taken_for_ours() -> None:
    """One shared name makes no renamed project."""
    declared_ = [service({"image": "x"}, name=name) for name in ("web", "db", "queue")]
    what = seen(running({"image": "other"}, project="blog"), covered=COMPOSE)
    assert {drift.kind for drift in run(declared_, what).drift} == {DriftKind.MISSING}


@pytest.mark.parametrize(
    "tree",
    [
        {"image": "x", "profiles": ["debug"]},
        {"image": "x", "scale": 0},
        {"image": "x", "deploy": {"replicas": 0}},
    ],
)
def test_a_service_that_need_not_run_is_not_missing(tree: dict[str, Any]) -> None:
    """Profiles and zero replicas mean that absence is right."""
    assert run([service(tree)], seen(running({}, name="db", project="other"), covered=COMPOSE)).drift == ()


def test_declared_volumes_are_missing_only_where_volumes_were_seen() -> None:
    """A list of containers says nothing about volumes."""
    volume = Desired(ResourceId(Platform.COMPOSE, "volume", "shop", "data"), "t", SourceKind.COMPOSE, {}, "c.yaml", 1)
    assert run([volume], seen(running({}, project="x"), covered=COMPOSE)).drift == ()
    other = Observed(ResourceId(Platform.COMPOSE, "volume", "shop", "other"), {})
    drifts = run([volume], seen(other, covered=COMPOSE)).drift
    assert [(drift.kind, drift.severity) for drift in drifts] == [(DriftKind.MISSING, Severity.CRITICAL)]


def test_helm_hooks_and_kustomizations_are_never_missing() -> None:
    """Hooks come and go, and a Kustomization file is no object of a cluster."""
    hook = config_map("hook")
    hook["metadata"]["annotations"] = {"helm.sh/hook": "pre-install"}
    file = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "metadata": {"name": "x"}}
    assert run([declared(hook), declared(file)], seen(live(config_map("other")))).drift == ()


def test_problems_of_a_live_resource_are_unhealthy_with_evidence() -> None:
    """Each problem is a drift on the whole resource whose texts hold no secret of it."""
    tree = deployment(env=[{"name": "DB_PASSWORD", "value": "hunter2hunter2"}])
    problem = Problem("CrashLoopBackOff", "exits", ("login with hunter2hunter2 failed",), since=NOW)
    observed = replace(live(tree), problems=(problem,))
    drift = run([declared(tree)], seen(observed)).drift[0]
    assert (drift.kind, drift.observed, drift.severity) == (DriftKind.UNHEALTHY, "CrashLoopBackOff", Severity.HIGH)
    assert "hunter2" not in repr(drift)
    assert drift.evidence[0].startswith("login with hmac-sha256:")


def test_differences_of_observers_get_their_place_in_git_and_the_mask() -> None:
    """What an observer compared itself is reported like everything else."""
    id_ = ResourceId(Platform.TERRAFORM, "db", "", "main")
    desired = Desired(id_, "db/main", SourceKind.TERRAFORM, {}, "tf/main.tf", 7)
    own = Drift(id_, "", DriftKind.CHANGED, ("password",), "old-secret", "new-secret", Severity.HIGH, "x")
    drift = run([desired], seen(differences=(own,))).drift[0]
    assert (drift.file, drift.line, drift.task, drift.sensitive) == ("tf/main.tf", 7, "db/main", True)
    assert "secret" not in f"{drift.desired}{drift.observed}"


def test_the_report_does_not_depend_on_order() -> None:
    """The same state gives the same report in whatever order it was read; the worst comes first."""
    trees = [config_map(f"c{number}", a=str(number)) for number in range(8)] + [deployment()]
    lives = [config_map(f"c{number}", a="x") for number in range(8)]
    reports = []
    for seed in range(3):
        desired, objects = [declared(tree) for tree in trees], [live(tree) for tree in lives]
        random.Random(seed).shuffle(desired)
        random.Random(seed + 9).shuffle(objects)
        reports.append(run(desired, seen(*objects)))
    assert reports[0] == reports[1] == reports[2]
    ranks = [drift.severity.rank for drift in reports[0].drift]
    assert ranks == sorted(ranks, reverse=True)
    assert reports[0].resources == 9


def test_a_memo_answers_for_unchanged_pairs_and_only_for_those() -> None:
    """The same blob and version give the same answer without a new comparison; any change on a side is compared."""
    tree, other = config_map(a="1"), config_map(a="2")
    memo = Memo()
    desired = declared(tree, blob="b1")
    first = run([desired], seen(live(other, version="1")), memo=memo)
    # the memo trusts the version: a tree that changed without one would go unseen
    second = run([desired], seen(live(tree, version="1")), memo=memo)
    assert second.drift == first.drift
    assert len(memo) == 1
    assert run([desired], seen(live(tree, version="2")), memo=memo).drift == ()
    assert run([declared(other, blob="b2")], seen(live(tree, version="2")), memo=memo).drift != ()
    assert len(memo) == 1


def test_a_memo_forgets_when_the_question_changes() -> None:
    """Another base or other options are another question."""
    tree, grown = config_map(a="1"), config_map(a="1", b="2")
    memo = Memo()
    desired, what = declared(tree, blob="b"), seen(live(grown, version="1"))
    assert [drift.kind for drift in run([desired], what, memo=memo).drift] == [DriftKind.ADDED]
    assert [drift.kind for drift in run([desired], what, memo=memo, bases={desired.id: grown}).drift] == [
        DriftKind.REMOVED
    ]
    assert [drift.kind for drift in run([desired], what, memo=memo).drift] == [DriftKind.ADDED]
    other = ComparisonOptions(mask_key=b"another")
    assert [drift.kind for drift in run([desired], what, memo=memo, options=other).drift] == [DriftKind.ADDED]


def test_objects_without_blob_or_version_are_always_compared() -> None:
    """What cannot be told apart from its next version is not remembered."""
    memo = Memo()
    run([declared(config_map(a="1"))], seen(live(config_map(a="2"), version="1")), memo=memo)
    run([declared(config_map(a="1"), blob="b")], seen(live(config_map(a="2"))), memo=memo)
    assert len(memo) == 0


def definition(**extra: Any) -> dict[str, Any]:
    items = {
        "type": "object",
        "properties": {"port": {"type": "integer"}, "mode": {"type": "string", "default": "http"}},
    }
    listeners = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["port"],
        "items": items,
    }
    spec = {"type": "object", "properties": {"listeners": listeners, **extra}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "gates.example.com"},
        "spec": {
            "group": "example.com",
            "names": {"kind": "Gate"},
            "versions": [
                {"name": "v1", "storage": True, "schema": {"openAPIV3Schema": {"properties": {"spec": spec}}}}
            ],
        },
    }


def gate(*listeners: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": "g", "namespace": "shop"}
    return {"apiVersion": "example.com/v1", "kind": "Gate", "metadata": metadata, "spec": {"listeners": [*listeners]}}


def test_a_definition_tells_how_its_resources_compare() -> None:
    """List keys and defaults come from the CustomResourceDefinition, wherever it is in sight."""
    tree = gate({"port": 80}, {"port": 81, "mode": "tls"})
    changed = gate({"port": 81, "mode": "tcp"}, {"port": 80, "mode": "http"})
    report = run([declared(tree)], seen(live(changed), live(definition())))
    assert [drift.where for drift in report.drift] == ["spec.listeners[81].mode"]
    assert dict(shapes_of_crd(definition()))["example.com", "Gate"].child("spec").child("listeners").form is Form.KEYED


def test_options_name_list_keys_where_no_definition_is_at_hand() -> None:
    """The same, told by settings."""
    options = replace(OPTIONS, list_map_keys={("example.com", "Gate"): {"spec.listeners": ("port",)}})
    tree, changed = gate({"port": 80, "m": 1}, {"port": 81}), gate({"port": 81}, {"port": 80, "m": 2})
    drifts = diff(Pair(declared(tree), live(changed)), options)
    assert [drift.where for drift in drifts] == ["spec.listeners[80].m"]


EDITS = [
    (
        "image",
        lambda web, pod: web.update(image="x:2"),
        (SetValue((*("spec", "template", "spec", "containers"), 0, "image"), "x:2"),),
    ),
    (
        "variable",
        lambda web, pod: web["env"].append({"name": "B", "value": "2"}),
        (AddEntry(("spec", "template", "spec", "containers", 0, "env"), None, {"name": "B", "value": "2"}),),
    ),
    (
        "gone",
        lambda web, pod: web["env"].clear(),
        (RemoveEntry(("spec", "template", "spec", "containers", 0, "env", 0)),),
    ),
    (
        "first volume",
        lambda web, pod: pod.update(volumes=[{"name": "v", "hostPath": {"path": "/x"}}]),
        (AddEntry(("spec", "template", "spec"), "volumes", [{"name": "v", "hostPath": {"path": "/x"}}]),),
    ),
]


@pytest.mark.parametrize(("name", "mutate", "edits"), EDITS, ids=[row[0] for row in EDITS])
def test_a_drift_carries_the_edit_that_adopts_it(name: str, mutate: Any, edits: tuple[object, ...]) -> None:
    """Edits speak of the declared tree by its own indexes, whatever the order live."""
    tree = deployment(env=[{"name": "A", "value": "1"}])
    changed = copy.deepcopy(tree)
    pod = changed["spec"]["template"]["spec"]
    mutate(pod["containers"][0], pod)
    drifts = diff(Pair(declared(tree), live(changed)), OPTIONS)
    assert [drift.adopt for drift in drifts] == [edits]


def test_the_order_of_variables_matters_only_where_one_uses_another() -> None:
    """``$(A)`` resolves only behind A; otherwise order means nothing."""
    plain = deployment(env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])
    using = deployment(env=[{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)/x"}])
    for tree, expected in ((plain, 0), (using, 1)):
        turned = copy.deepcopy(tree)
        turned["spec"]["template"]["spec"]["containers"][0]["env"].reverse()
        assert len(diff(Pair(declared(tree), live(turned)), OPTIONS)) == expected


def test_one_unknown_field_switches_nothing_off() -> None:
    """Beside a field that nobody knows, quantities and defaults still compare by meaning, and a real change is found."""
    tree = deployment(resources={"limits": {"cpu": "1000m"}}, fromTheFuture={"a": [{"b": 1}]}, workingDir="/a")
    changed = deployment(
        resources={"limits": {"cpu": "1"}},
        fromTheFuture={"a": [{"b": 2}]},
        workingDir="/b",
        imagePullPolicy="IfNotPresent",
    )
    drifts = diff(Pair(declared(tree), live(changed)), OPTIONS)
    names = {drift.where.rpartition(".containers[web].")[2] for drift in drifts}
    assert names == {"fromTheFuture.a[#0].b", "workingDir"}


def test_an_autoscaler_is_the_same_in_both_forms() -> None:
    """``kubectl get`` shows ``autoscaling/v2`` for what Git writes as ``v1``."""
    metadata = {"name": "web", "namespace": "shop"}
    spec = {"maxReplicas": 5, "scaleTargetRef": {"kind": "Deployment", "name": "web"}}
    kind = "HorizontalPodAutoscaler"
    first = {"apiVersion": "autoscaling/v1", "kind": kind, "metadata": metadata}
    first |= {"spec": {**spec, "targetCPUUtilizationPercentage": 80}}
    metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    second = {"apiVersion": "autoscaling/v2", "kind": kind, "metadata": metadata}
    second |= {"spec": {**spec, "minReplicas": 1, "metrics": [{"type": "Resource", "resource": metric}]}}
    assert diff(Pair(declared(first), live(second)), OPTIONS) == ()
    second["spec"] = {**spec, "metrics": []}
    assert len(diff(Pair(declared(first), live(second)), OPTIONS)) == 1


def test_what_admission_fills_into_a_pod_is_no_drift() -> None:
    """Token volumes, tolerations, service account and limits of a bare pod come from the cluster."""
    pod: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop"}}
    pod["spec"] = {"containers": [{"name": "a", "image": "a:1"}], "tolerations": [{"key": "x", "operator": "Exists"}]}
    admitted = copy.deepcopy(pod)
    admitted["spec"] |= {"serviceAccountName": "default", "serviceAccount": "default", "nodeName": "n1", "priority": 0}
    admitted["spec"]["tolerations"].append({"key": "node.kubernetes.io/not-ready", "operator": "Exists"})
    token = "kube-api-access-x1"
    admitted["spec"]["volumes"] = [{"name": token, "projected": {}}]
    admitted["spec"]["containers"][0] |= {
        "volumeMounts": [{"name": token, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}],
        "resources": {"limits": {"cpu": "1"}},
    }
    assert diff(Pair(declared(pod), live(admitted)), OPTIONS) == ()


def test_string_data_is_the_data_it_becomes() -> None:
    """The API server moves stringData into data, encoded."""
    tree = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "x"}}
    stored = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "eA=="}, "type": "Opaque"}
    assert diff(Pair(declared(tree), live(stored)), OPTIONS) == ()
    stored["data"] = {"a": "eQ=="}
    assert [drift.where for drift in diff(Pair(declared(tree), live(stored)), OPTIONS)] == ["data.a"]
