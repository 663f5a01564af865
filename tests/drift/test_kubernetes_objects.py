"""What counts as a drift of a Kubernetes object: who wrote it, what was applied, and what is never there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.drift.kubernetes.last_applied import last_applied
from bot.drift.kubernetes.presence import claim, expected, matching
from bot.drift.live import Live
from bot.model.drift import AddEntry, DriftKind
from bot.model.json import JSON, Tree
from bot.model.resource import Observed, Platform, ResourceId
from tests.drift.makers import Pair, declared, examine, live, thing
from tests.table import table

# -- who wrote it ------------------------------------------------------------------------------------------------------

WORKLOADS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "ReplicationController": "v1",
    "CronJob": "batch/v1",
    "Job": "batch/v1",
}


def workload(kind: str, **pod: Any) -> dict[str, Any]:
    template = {"spec": {"containers": [{"name": "a", "image": "a:1"}], **pod}}
    spec = {"jobTemplate": {"spec": {"template": template}}} if kind == "CronJob" else {"template": template}
    return thing(kind, WORKLOADS[kind], spec=spec)


@pytest.mark.parametrize("kind", WORKLOADS)
def test_what_stands_in_a_template_that_nobody_fills_in_was_added(kind: str) -> None:
    """Even where Git says nothing of the list; in a Job, whose pods are its own, it may have been filled in."""
    changed = workload(kind, readinessGates=[{"conditionType": "a.example.com/b"}])
    drifts = examine(Pair(declared(workload(kind)), live(changed))).drift
    assert [drift.kind for drift in drifts] == ([] if kind == "Job" else [DriftKind.ADDED])


def test_metadata_is_filled_in_by_many() -> None:
    """Labels that are only live are drift only where Git has some."""
    labelled = thing("ConfigMap", metadata={"labels": {"a": "1", "b": "2"}})
    assert examine(Pair(declared(thing("ConfigMap")), live(labelled))).drift == ()
    (drift,) = examine(Pair(declared(thing("ConfigMap", metadata={"labels": {"a": "1"}})), live(labelled))).drift
    assert drift.where == "metadata.labels.b"


@pytest.mark.parametrize(
    ("said", "told"),
    [({"data": {"a": "x"}}, True), ({"binaryData": {"a": "eA=="}}, True), ({"data": {}}, False), ({}, False)],
)
def test_what_others_fill_begins_without_any_data(said: dict[str, Any], *, told: bool) -> None:
    """A map that Git names not at all is drift where Git fills the other one."""
    tree = {**thing("ConfigMap"), **said}
    (part,) = {"data", "binaryData"} - {key for key, value in said.items() if value} - ({"data"} if not told else set())
    result = examine(Pair(declared(tree), live({**tree, part: {"b": "eA=="}})))
    assert [drift.where for drift in result.drift] == ([f"{part}.b"] if told else [])
    assert [each.by for each in result.suppressed] == ([] if told else ["unrecorded"])


MINER: Tree = {"hostNetwork": True}


@pytest.mark.parametrize(
    ("tree", "part", "by"),
    [
        (thing("Pod", spec={"containers": []}), MINER, None),
        (thing("Gate", "example.com/v1", spec={"port": 1}), MINER, None),
        (thing("Gate", "example.com/v1"), MINER, "undeclared"),
    ],
)
def test_what_is_critical_never_goes_unsaid(tree: dict[str, Any], part: Tree, by: str | None) -> None:
    """Of unknown writer it is drift where Git speaks, and counted elsewhere."""
    result = examine(Pair(declared(tree), live({**tree, "spec": {**tree.get("spec", {}), **part}})))
    assert [suppressed.by for suppressed in result.suppressed] == ([by] if by else [])
    assert bool(result.drift) is (by is None)


SIDECAR: dict[str, Any] = {"name": "log", "image": "shop/log:1"}


@table(
    ("part", "told"),
    [
        ({"securityContext": {"runAsUser": 0}}, True),
        ({"volumes": [{"name": "run", "hostPath": {"path": "/run"}}]}, True),
        ({"containers": [{**SIDECAR, "securityContext": {"privileged": True}}]}, True),
        ({"containers": [{**SIDECAR, "image": "other.example.com/log:1"}]}, True),
        ({"ephemeralContainers": [SIDECAR]}, True),
        ({"containers": [SIDECAR]}, False),
        ({"initContainers": [{**SIDECAR, "name": "istio-init", "securityContext": {"runAsUser": 0}}]}, False),
        ({"tolerations": [{"key": "a", "operator": "Exists"}]}, False),
    ],
)
def test_admission_takes_no_guard_off_a_pod(part: Tree, *, told: bool) -> None:
    """What lets something in is drift, unless its name says who adds it; the rest is admission's and counted."""
    pod = thing("Pod", spec={"containers": [{"name": "web", "image": "shop/web:1"}]})
    listed = [*pod["spec"]["containers"], *part.get("containers", ())]  # type: ignore[misc]
    result = examine(Pair(declared(pod), live({**pod, "spec": {**pod["spec"], **part, "containers": listed}})))
    assert bool(result.drift) is told
    assert [each.by for each in result.suppressed] == ([] if told else ["admission"])


@pytest.mark.parametrize(
    ("part", "told"),
    [(MINER, True), ({"hostPort": 80}, True), ({"image": "a:1"}, False), ({"mode": "x"}, False)],
)
def test_of_what_a_stranger_sent_as_a_whole_only_privileges_are_drift(part: Tree, *, told: bool) -> None:
    """Anything else the server may have filled in; it is counted with the name."""
    tree = thing("Gate", "example.com/v1", spec={"port": 1})
    sent: Tree = {"f:spec": {"f:port": {}, **{f"f:{key}": {} for key in part}}}
    writer = {"manager": "okhttp", "operation": "Update", "fieldsV1": sent}
    changed = {**tree, "metadata": {**tree["metadata"], "managedFields": [writer]}, "spec": {"port": 1, **part}}
    result = examine(Pair(declared(tree), live(changed)))
    assert [drift.manager for drift in result.drift] == (["okhttp"] if told else [])
    assert [each.by for each in result.suppressed] == ([] if told else ["manager:okhttp"])


def test_a_stranger_that_sent_the_object_may_have_removed_nothing() -> None:
    """So it is said that nothing tells; who touched a single field added that."""
    tree = thing("Gate", "example.com/v1", spec={"port": 1})
    for sent, message in (({"f:port": {}}, "origin unknown: no last-applied record"), ({}, None)):
        writer = {"manager": "okhttp", "operation": "Update", "fieldsV1": {"f:spec": {**sent, "f:hostNetwork": {}}}}
        metadata = {**tree["metadata"], "managedFields": [writer]}
        (drift,) = examine(
            Pair(declared(tree), live({**tree, "metadata": metadata, "spec": {"port": 1, **MINER}}))
        ).drift
        assert (drift.manager, drift.message) == ("okhttp", message)


def test_what_a_deployer_applied_was_removed_from_git_whoever_wrote_it_since() -> None:
    """Unless what was applied last is recorded, and has it not."""
    fields: Tree = {"f:data": {"f:b": {}}}
    entries = [
        {"manager": "helm", "operation": "Apply", "fieldsV1": fields, "time": "2026-05-01T00:00:00Z"},
        {"manager": "some-operator", "operation": "Update", "fieldsV1": fields, "time": "2026-05-02T00:00:00Z"},
    ]
    tree = thing("ConfigMap", data={"a": "1"})
    changed = thing("ConfigMap", data={"a": "1", "b": "2"}, metadata={"managedFields": entries})
    (drift,) = examine(Pair(declared(tree), live(changed))).drift
    assert (drift.kind, drift.manager) == (DriftKind.REMOVED, "helm")
    assert examine(Pair(declared(tree), live(changed), base=tree)).drift == ()


@pytest.mark.parametrize(
    ("part", "name", "told"),
    [
        ("labels", "pod-template-hash", False),
        ("annotations", "kubernetes.io/change-cause", False),
        ("labels", "team", True),
        ("annotations", "note", True),
    ],
)
def test_a_trace_that_is_only_live_is_nobodys(part: str, name: str, *, told: bool) -> None:
    """Not even a person's."""
    tree, changed = (thing("ConfigMap", metadata={"labels": {"a": "1"}, "annotations": {"a": "1"}}) for _ in range(2))
    changed["metadata"][part][name] = "x"
    fields: Tree = {"f:metadata": {f"f:{part}": {f"f:{name}": {}}}}
    changed["metadata"]["managedFields"] = [{"manager": "kubectl-edit", "operation": "Update", "fieldsV1": fields}]
    assert bool(examine(Pair(declared(tree), live(changed))).drift) is told
    tree["metadata"][part][name] = "y"
    assert bool(examine(Pair(declared(tree), live(changed))).drift) is (told or part == "labels")


def test_what_is_left_to_controllers_is_nobodys_drift_without_a_writer() -> None:
    """A finalizer that is only live is counted."""
    tree, changed = thing("ConfigMap"), thing("ConfigMap", metadata={"finalizers": ["x"]})
    result = examine(Pair(declared(tree), live(changed)))
    assert (result.drift, [hidden.by for hidden in result.suppressed]) == ((), ["controller"])


def test_only_an_image_moves() -> None:
    """A note that reads like one has changed."""
    notes = [{"annotations": {"note": f"nginx@sha256:{digit * 64}"}} for digit in "ab"]
    tree, changed = (thing("ConfigMap", metadata=metadata) for metadata in notes)
    assert [drift.kind for drift in examine(Pair(declared(tree), live(changed))).drift] == [DriftKind.CHANGED]


def test_an_addition_is_written_where_it_stands() -> None:
    """As an entry of its mapping, as an element of its list, or as a list of its own."""
    tree = workload("Deployment")
    changed = workload("Deployment", volumes=[{"name": "v", "emptyDir": {}}])
    changed["spec"]["template"]["spec"]["containers"].append({"name": "b", "image": "b:1"})
    changed["spec"]["paused"] = True
    pod = ("spec", "template", "spec")
    assert {drift.where: drift.adopt for drift in examine(Pair(declared(tree), live(changed))).drift} == {
        "spec.paused": (AddEntry(("spec",), "paused", True),),
        "spec.template.spec.containers[b]": (AddEntry((*pod, "containers"), None, {"name": "b", "image": "b:1"}),),
        "spec.template.spec.volumes[v]": (AddEntry(pod, "volumes", [{"name": "v", "emptyDir": {}}]),),
    }


def test_a_pod_requests_its_limits_on_either_side() -> None:
    """Where the requests are written and where they are not."""
    limits, requests = ({name: {"cpu": "1"}} for name in ("limits", "requests"))
    tree, changed = (
        thing("Pod", spec={"containers": [{"name": "a", "image": "a:1", "resources": resources}]})
        for resources in ({**limits, **requests}, limits)
    )
    assert (
        examine(Pair(declared(tree), live(changed))).drift == examine(Pair(declared(changed), live(tree))).drift == ()
    )


@pytest.mark.parametrize(
    ("written", "applied"),
    [('{"a": 1}', {"a": 1}), ("[1]", None), ("{", None), (5, None), (None, None)],
)
def test_what_kubectl_applied_is_in_its_annotation(written: JSON, applied: JSON) -> None:
    """An object; anything else is nothing."""
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": written, "other": '{"b": 1}'}
    assert last_applied(thing("ConfigMap", metadata={"annotations": annotations})) == applied
    assert last_applied(thing("ConfigMap")) is None


def test_what_was_applied_before_was_removed_from_git() -> None:
    """As the annotation tells, where nothing was recorded."""
    tree = thing("ConfigMap", data={"a": "1"})
    note = {
        "kubectl.kubernetes.io/last-applied-configuration": json.dumps(thing("ConfigMap", data={"a": "1", "b": "2"}))
    }
    changed = thing("ConfigMap", data={"a": "1", "b": "2", "c": "3"}, metadata={"annotations": note})
    drifts = examine(Pair(declared(tree), live(changed))).drift
    assert {drift.where: drift.kind for drift in drifts} == {"data.b": DriftKind.REMOVED, "data.c": DriftKind.ADDED}


@pytest.mark.parametrize(
    ("tree", "changed", "has_edit"),
    [
        (thing("ConfigMap", data={"a": "1"}), thing("ConfigMap", data={"a": "1", "b": "2"}), True),
        (thing("ConfigMap", data={"a": "1"}, stringData={}), thing("ConfigMap", data={"a": "1", "b": "2"}), False),
        (
            thing("HorizontalPodAutoscaler", "autoscaling/v1", spec={"targetCPUUtilizationPercentage": 5}),
            thing("HorizontalPodAutoscaler", "autoscaling/v1", spec={"targetCPUUtilizationPercentage": 6}),
            False,
        ),
        (
            thing("HorizontalPodAutoscaler", "autoscaling/v1", spec={"maxReplicas": 5}),
            thing("HorizontalPodAutoscaler", "autoscaling/v1", spec={"maxReplicas": 6}),
            True,
        ),
    ],
)
def test_what_git_says_in_another_form_has_no_edit(
    tree: dict[str, Any], changed: dict[str, Any], *, has_edit: bool
) -> None:
    """The edit would say it twice."""
    (drift,) = examine(Pair(declared(tree), live(changed))).drift
    assert bool(drift.adopt) is has_edit


def test_the_plain_data_of_a_secret_go_beside_the_encoded() -> None:
    """And replace those of the same name."""
    plain = thing("Secret", data={"a": "MQ==", "b": "Mg=="}, stringData={"b": "3", "c": "4"})
    stored = thing("Secret", data={"a": "MQ==", "b": "Mw==", "c": "NA=="})
    assert examine(Pair(declared(plain), live(stored))).drift == ()
    assert [
        drift.where for drift in examine(Pair(declared(plain), live(thing("Secret", data={"a": "NQ=="})))).drift
    ] == [
        "data.a",
        "data.b",
        "data.c",
    ]


@table("kind", [*WORKLOADS, "Pod"])
def test_on_the_hosts_network_a_port_is_that_of_the_host(kind: str) -> None:
    """Whether that is written or not; another port is another one."""

    def with_port(*, network: bool = True, **port: int) -> dict[str, Any]:
        pod = {"containers": [{"name": "a", "image": "a:1", "ports": [{"containerPort": 80, **port}]}]}
        if kind == "Pod":
            return thing(kind, spec={**pod, "hostNetwork": network})
        return workload(kind, **pod, hostNetwork=network)

    assert examine(Pair(declared(with_port(hostPort=80)), live(with_port()))).drift == ()
    assert examine(Pair(declared(with_port(hostPort=81)), live(with_port()))).drift != ()
    off = with_port(network=False)
    assert examine(Pair(declared(with_port(hostPort=80, network=False)), live(off))).drift != ()


def test_a_workload_without_labels_has_those_of_its_template() -> None:
    """Where the API server copies them: for Jobs and ReplicationControllers."""
    for kind in WORKLOADS.keys() - {"CronJob"}:
        tree = workload(kind)
        tree["spec"]["template"]["metadata"] = {"labels": {"app": "x"}}
        other = {**tree, "metadata": {**tree["metadata"], "labels": {"app": "y"}}}
        drifts = examine(Pair(declared(tree), live(other))).drift
        copied = kind in {"Job", "ReplicationController"}
        assert [drift.where for drift in drifts] == (["metadata.labels.app"] if copied else []), kind


def test_what_is_no_container_is_compared_as_it_is() -> None:
    """On the host's network too."""
    tree, changed = (workload("Deployment", hostNetwork=True, initContainers=[name]) for name in ("a", "b"))
    assert examine(Pair(declared(tree), live(tree))).drift == ()
    assert examine(Pair(declared(tree), live(changed))).drift != ()


# -- what should be there ----------------------------------------------------------------------------------------------


@table(
    ("tree", "missed"),
    [
        (thing("ConfigMap"), True),
        (thing("Kustomization", "kustomize.config.k8s.io/v1beta1"), False),
        (thing("Kustomization", "kustomize.toolkit.fluxcd.io/v1"), True),
        (thing("Config", "skaffold/v4beta1"), False),
        (thing("Cluster", "kind.x-k8s.io/v1alpha4"), False),
        *((thing(kind), False) for kind in ("Event", "TokenReview", "SubjectAccessReview", "Binding", "Eviction")),
        (thing("PodTemplate"), False),
        (thing("ConfigMap", name=""), False),
        (thing("ConfigMap", metadata={"generateName": "x-"}), False),
        (thing("Job", metadata={"annotations": {"helm.sh/hook": "pre-install"}}), False),
        (thing("Job", metadata={"annotations": {"argocd.argoproj.io/hook": "Sync"}}), False),
        (thing("Job", metadata={"annotations": {"other": "x"}}), True),
        (thing("Job", spec={"ttlSecondsAfterFinished": 5}), False),
        (thing("Job", spec={"ttlSecondsAfterFinished": 0}), False),
        (thing("Job", spec={}), True),
        (thing("ConfigMap", spec={"ttlSecondsAfterFinished": 5}), True),
    ],
)
def test_an_absence_counts_where_the_server_would_keep_the_object(tree: dict[str, Any], *, missed: bool) -> None:
    """Not of files for tools, of requests, hooks and names that are made up, and of what is cleaned up."""
    assert expected(declared(tree)) is missed


@pytest.mark.parametrize(
    ("parts", "ours"),
    [
        ({"metadata": {"labels": {"clockwork.dev/managed": ""}}}, True),
        ({"metadata": {"labels": {"other": "x"}}}, False),
        ({"metadata": {"labels": {"clockwork.dev/managed": "x"}, "ownerReferences": [{"name": "o"}]}}, False),
        ({"metadata": {"labels": {"clockwork.dev/managed": "x"}, "ownerReferences": []}}, True),
        ({"metadata": {"labels": {"clockwork.dev/managed": "x"}, "deletionTimestamp": "now"}}, False),
        ({"metadata": {"labels": {"clockwork.dev/managed": "x"}}, "type": "helm.sh/release.v1"}, False),
        ({"metadata": {"labels": {"clockwork.dev/managed": "x"}}, "type": "Opaque"}, True),
    ],
)
def test_our_label_says_that_git_should_declare_an_object(parts: dict[str, Any], *, ours: bool) -> None:
    """Not of what another object owns, of what is going, and of what Helm keeps."""
    assert (claim(live(thing("Secret", **parts))) is not None) is ours


@table(
    ("scope", "scopes", "match"),
    [
        ("", ["default"], 0),
        ("", [""], 0),
        ("", ["shop"], 0),
        ("", ["shop", "default"], 1),
        ("", ["shop", "prod"], None),
        ("", [], None),
        ("shop", ["prod", ""], 1),
        ("shop", ["prod"], None),
        ("shop", ["default"], None),
    ],
)
def test_a_manifest_means_the_object_of_its_name(scope: str, scopes: list[str], match: int | None) -> None:
    """Of the cluster, else in ``default``, else the only one."""
    ids = [ResourceId(Platform.KUBERNETES, "Role", each, "x", "g") for each in scopes]
    observed = [Observed(id_, {}) for id_ in ids]
    id_ = ResourceId(Platform.KUBERNETES, "Role", scope, "x", "g")
    assert matching(Live(dict(zip(ids, observed, strict=True))), id_) is (None if match is None else observed[match])


def test_what_nests_without_end_is_no_record() -> None:
    """Anybody who may write annotations or field managers can send it; the comparison goes on."""
    deep = "[" * 100_000
    after = thing("ConfigMap", data={"k": "w"})
    after["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": deep}
    fields: dict[str, Any] = {"f:data": {f"k:{deep}": {}}}
    after["metadata"]["managedFields"] = [{"manager": "helm", "operation": "Update", "fieldsV1": fields}]
    assert last_applied(after) is None
    result = examine(Pair(declared(thing("ConfigMap", data={"k": "v"})), live(after)))
    assert [drift.where for drift in result.drift] == ["data.k"]
