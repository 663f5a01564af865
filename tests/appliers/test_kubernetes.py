"""What is carried out on a cluster: applied, replaced, deleted, run, started again; conflicts, races and refusals told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.appliers.kubernetes_manifests import BY_WORK, RESTARTED
from bot.errors import Refused, Stale, Unavailable
from bot.model.action import HealthState, Operation
from bot.model.json import get, mapping
from bot.model.resource import Observed
from tests.appliers.kube.faults import Request
from tests.appliers.kubernetes_stage import NOW, Stage, config, deployment, id_of, job, secret, service, stage


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path) as made:
        yield made


def test_what_git_declares_is_created(cluster: Stage) -> None:
    """An object that is missing is there afterwards, owned by ``clockwork``, and nothing is left to do."""
    work = cluster.work(Operation.CREATE, deployment())
    cluster.applier.rehearse(work)
    assert cluster.live(deployment()) is None
    evidence = cluster.applier.carry_out(work)
    assert evidence.message == "Deployment/shop/web is as declared"
    assert not cluster.drifts(deployment())
    assert '"clockwork"' in cluster.server.owners("apps/v1", "Deployment", "shop", "web")


def test_a_change_of_git_is_applied(cluster: Stage) -> None:
    """A value that Git changed is live afterwards, and one that Git dropped is gone."""
    cluster.applier.carry_out(cluster.work(Operation.CREATE, config(colour="red", size="small")))
    wanted = config(colour="blue")
    work = cluster.work(Operation.UPDATE, wanted, base=config(colour="red", size="small"))
    cluster.applier.rehearse(work)
    cluster.applier.carry_out(work)
    assert get(cluster.live(wanted) or {}, "data") == {"colour": "blue"}


def test_the_second_time_says_the_same_and_changes_nothing(cluster: Stage) -> None:
    """Work that is done already is told as done, and the object keeps its version."""
    work = cluster.work(Operation.CREATE, config(colour="red"))
    first = cluster.applier.carry_out(work)
    again = cluster.applier.carry_out(work)
    assert again.message == "ConfigMap/shop/settings was as declared"
    assert again.facts == first.facts


def test_a_conflict_names_owner_and_field(cluster: Stage) -> None:
    """What somebody else owns with another value is refused, also by the rehearsal, and stays as it is."""
    cluster.applier.carry_out(cluster.work(Operation.CREATE, deployment(replicas=2)))
    cluster.server.edit("apps/v1", "Deployment", "shop", "web", spec__replicas=7)
    work = cluster.work(Operation.UPDATE, deployment(replicas=3))
    for do in (cluster.applier.rehearse, cluster.applier.carry_out):
        with pytest.raises(Refused, match=r"spec\.replicas belongs to kubectl-edit \(apps/v1\)"):
            do(work)
    assert get(cluster.live(deployment()) or {}, "spec", "replicas") == 7


def test_a_conflict_is_taken_over_where_that_is_allowed(tmp_path: Path) -> None:
    """With ``force_conflicts`` Git's value is live, and the evidence tells who lost which field."""
    with stage(tmp_path, force_conflicts=True) as cluster:
        cluster.applier.carry_out(cluster.work(Operation.CREATE, deployment(replicas=2)))
        cluster.server.edit("apps/v1", "Deployment", "shop", "web", spec__replicas=7)
        evidence = cluster.applier.carry_out(cluster.work(Operation.UPDATE, deployment(replicas=3)))
        assert evidence.facts["taken over"] == "spec.replicas (kubectl-edit (apps/v1))"
        assert get(cluster.live(deployment()) or {}, "spec", "replicas") == 3


def test_our_own_earlier_writing_is_no_conflict(cluster: Stage) -> None:
    """A field that was put back one by one, and so belongs to us twice, changes with Git."""
    cluster.applier.carry_out(cluster.work(Operation.CREATE, deployment(replicas=2)))
    cluster.server.edit("apps/v1", "Deployment", "shop", "web", spec__replicas=7)
    cluster.applier.carry_out(cluster.work(Operation.UPDATE, deployment(replicas=2), partial=True))
    evidence = cluster.applier.carry_out(cluster.work(Operation.UPDATE, deployment(replicas=4)))
    assert "taken over" not in evidence.facts
    assert get(cluster.live(deployment()) or {}, "spec", "replicas") == 4


def test_what_others_added_is_removed_where_it_is_named(cluster: Stage) -> None:
    """A container that somebody added goes, although an apply alone would leave it to its owner."""
    cluster.applier.carry_out(cluster.work(Operation.CREATE, deployment()))
    live = cluster.live(deployment()) or {}
    live["spec"]["template"]["spec"]["containers"].append({"name": "miner", "image": "evil:1"})
    cluster.server.put(live)
    work = cluster.work(Operation.UPDATE, deployment())
    assert [drift.where for drift in work.drifts] == ["spec.template.spec.containers[miner]"]
    cluster.applier.rehearse(work)
    evidence = cluster.applier.carry_out(work)
    assert evidence.facts["removed"] == "spec.template.spec.containers[miner]"
    assert not cluster.drifts(deployment())


def test_another_object_of_the_name_is_left_alone(cluster: Stage) -> None:
    """An object that was deleted and made again since the plan is stale for every operation."""
    cluster.server.put(config(colour="red"))
    works = [
        cluster.work(Operation.UPDATE, config(colour="blue")),
        cluster.work(Operation.UPDATE, config(colour="blue"), partial=True),
        cluster.work(Operation.REPLACE, config(colour="blue")),
        cluster.work(Operation.DELETE, config(), delete=True),
    ]
    cluster.server.remove("v1", "ConfigMap", "shop", "settings")
    before = cluster.server.put(config(colour="green"))
    for work in works:
        for do in (cluster.applier.rehearse, cluster.applier.carry_out):
            with pytest.raises(Stale, match="deleted and made again"):
                do(work)
    assert cluster.live(config()) == before


def test_a_field_that_moved_on_is_stale(cluster: Stage) -> None:
    """A named field with a third value was changed since the plan: nobody agreed to overwrite that."""
    cluster.server.put(config(colour="red"), manager="clockwork")
    work = cluster.work(Operation.UPDATE, config(colour="blue"))
    cluster.server.put(config(colour="green"))
    with pytest.raises(Stale, match=r"data\.colour is neither what was seen when this was planned nor what Git says"):
        cluster.applier.carry_out(work)


def test_an_object_made_by_somebody_else_meanwhile_is_stale(cluster: Stage) -> None:
    """What was missing when it was planned and is there now is not applied over."""
    works = [cluster.work(Operation.CREATE, config(colour="red")), cluster.work(Operation.RUN, job())]
    cluster.server.put(config(colour="green"))
    cluster.server.put(job())
    for work in works:
        with pytest.raises(Stale, match=r"was not there when this was planned|was not made by this"):
            cluster.applier.carry_out(work)


def test_what_is_gone_is_not_updated(cluster: Stage) -> None:
    """An update makes no object anew that somebody deleted since the plan."""
    cluster.server.put(config(colour="red"))
    works = [cluster.work(Operation.UPDATE, config(colour="blue"), partial=partial) for partial in (False, True)]
    cluster.server.remove("v1", "ConfigMap", "shop", "settings")
    for work in works:
        with pytest.raises(Stale, match="is gone since this was planned"):
            cluster.applier.carry_out(work)
    assert cluster.live(config()) is None


def test_a_deletion_names_what_it_deletes(cluster: Stage) -> None:
    """What was seen is deleted, with its uid and version as preconditions; the second time it is gone already."""
    cluster.server.put(config(colour="red"))
    work = cluster.work(Operation.DELETE, config(), delete=True)
    cluster.applier.rehearse(work)
    assert cluster.live(config()) is not None
    cluster.applier.carry_out(work)
    assert cluster.live(config()) is None
    body = next(request.body for request in cluster.server.requests if request.method == "DELETE")
    assert b'"preconditions": {"uid": ' in body
    assert b'"propagationPolicy": "Background"' in body
    assert cluster.applier.carry_out(work).message == "ConfigMap/shop/settings is gone"
    assert cluster.applier.health(work, now=NOW).state is HealthState.HEALTHY


def test_a_deletion_that_waits_is_told(cluster: Stage) -> None:
    """An object with a finalizer is being deleted, and its health says what it waits for."""
    held = config(colour="red")
    held["metadata"]["finalizers"] = ["example.com/backup"]
    cluster.server.put(held)
    work = cluster.work(Operation.DELETE, config(), delete=True)
    cluster.applier.carry_out(work)
    cluster.applier.carry_out(work)
    health = cluster.applier.health(work, now=NOW)
    assert health.state is HealthState.PROGRESSING
    assert health.evidence == ("it is being deleted and waits for example.com/backup",)


def test_what_was_not_seen_is_not_deleted(cluster: Stage) -> None:
    """Without the object that was seen nothing says that this is the one."""
    cluster.server.put(config(colour="red"))
    work = replace(cluster.work(Operation.DELETE, config(), delete=True), live=None)
    with pytest.raises(Stale):
        cluster.applier.carry_out(work)
    assert cluster.live(config()) is not None


def test_replacing_deletes_and_makes_anew_once(cluster: Stage) -> None:
    """The object is another one with Git's values and the token of its work, also after doing it twice."""
    cluster.server.put(job())
    before = cluster.live(job()) or {}
    work = cluster.work(Operation.REPLACE, job(image="busybox:1.38"))
    cluster.applier.rehearse(work)
    assert cluster.live(job()) == before
    cluster.applier.carry_out(work)
    made = cluster.live(job()) or {}
    assert made["metadata"]["uid"] != before["metadata"]["uid"]
    assert get(made, "metadata", "annotations", BY_WORK) == "token-1"
    cluster.applier.carry_out(work)
    assert (cluster.live(job()) or {})["metadata"]["uid"] == made["metadata"]["uid"]
    assert not cluster.drifts(job(image="busybox:1.38"))


def test_nothing_is_deleted_for_what_cannot_be_made(cluster: Stage) -> None:
    """A replacement that the server would not take is refused before the old object goes."""
    cluster.server.put(job())
    broken = job(image="busybox:1.38")
    broken["spec"]["template"]["spec"]["restartPolice"] = "Never"
    work = cluster.work(Operation.REPLACE, broken)
    for do in (cluster.applier.rehearse, cluster.applier.carry_out):
        with pytest.raises(Refused, match="restartPolice"):
            do(work)
    assert cluster.live(job()) is not None


def test_replacing_waits_for_the_end_and_gives_up(tmp_path: Path) -> None:
    """What a finalizer holds back is waited for as long as is allowed; then it is told, and nothing was made."""
    with stage(tmp_path, seconds=3) as cluster:
        held = job()
        held["metadata"]["finalizers"] = ["example.com/backup"]
        cluster.server.put(held)
        work = cluster.work(Operation.REPLACE, job(image="busybox:1.38"))
        with pytest.raises(Unavailable, match=r"still being deleted after 3 s; it waits for example\.com/backup"):
            cluster.applier.carry_out(work)
        assert sum(cluster.slept) == 3


def test_a_job_runs_once(cluster: Stage) -> None:
    """A Job is created once for its token, and is healthy when it has ended."""
    work = cluster.work(Operation.RUN, job())
    cluster.applier.rehearse(work)
    assert cluster.live(job()) is None
    first = cluster.applier.carry_out(work)
    assert cluster.applier.carry_out(work).facts["uid"] == first.facts["uid"]
    assert len([line for line in cluster.lines("POST") if "dryRun" not in line]) == 1


def test_a_workload_is_started_again_once(cluster: Stage) -> None:
    """Its pod template carries the time of the work, which is the same however often the work is attempted."""
    cluster.applier.carry_out(cluster.work(Operation.CREATE, deployment()))
    work = cluster.work(Operation.RESTART, deployment())
    cluster.applier.rehearse(work)
    cluster.applier.carry_out(work)
    once = cluster.live(deployment()) or {}
    assert get(once, "spec", "template", "metadata", "annotations", RESTARTED) == "2026-05-04T12:00:00Z"
    cluster.applier.carry_out(work)
    assert cluster.live(deployment()) == once
    assert not cluster.drifts(deployment())


def test_what_the_server_does_not_know_is_refused(cluster: Stage) -> None:
    """A field that no schema has is a mistake in Git, and is said with its name."""
    work = cluster.work(Operation.CREATE, deployment(imagePullPolice="Always"))
    with pytest.raises(Refused, match="imagePullPolice"):
        cluster.applier.rehearse(work)


def test_a_kind_that_is_not_served_is_refused(cluster: Stage) -> None:
    """A custom resource without its definition says what is missing; carrying it out waits for the definition first."""
    tree: dict[str, Any] = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": "shop"},
    }
    work = cluster.work(Operation.UPDATE, config())
    action = replace(work.action, resource=id_of(tree), operation=Operation.CREATE)
    assert work.desired is not None
    work = replace(work, action=action, live=None, desired=replace(work.desired, id=id_of(tree), tree=tree), drifts=())
    with pytest.raises(Refused, match=r"does not serve example\.com/v1 Widget"):
        cluster.applier.rehearse(work)
    assert not cluster.slept
    with pytest.raises(Refused, match=r"does not serve example\.com/v1 Widget"):
        cluster.applier.carry_out(work)
    assert sum(cluster.slept) == 30


def test_rights_that_are_missing_are_named(cluster: Stage) -> None:
    """403 says which verb has to be allowed."""
    cluster.server.deny("patch", "configmaps")
    with pytest.raises(Refused, match="allow patch to this account"):
        cluster.applier.carry_out(cluster.work(Operation.CREATE, config(colour="red")))


def test_a_missing_namespace_is_told(cluster: Stage) -> None:
    """404 says what has to be there first."""
    tree = config(colour="red")
    tree["metadata"]["namespace"] = "nowhere"
    with pytest.raises(Refused, match="create its namespace"):
        cluster.applier.carry_out(cluster.work(Operation.CREATE, tree))


def test_a_busy_cluster_is_asked_again(cluster: Stage) -> None:
    """429, 503 and broken connections pass by themselves; a cluster that stays so is ``Unavailable``."""
    work = cluster.work(Operation.CREATE, config(colour="red"))
    cluster.server.fail("PATCH", 429, retry_after=0)
    cluster.server.fail("PATCH", 503, retry_after=0)
    cluster.server.fail("PATCH", drop=True)
    cluster.server.fail("PATCH", drop=True, after=True)
    cluster.applier.carry_out(work)
    assert get(cluster.live(config()) or {}, "data") == {"colour": "red"}
    cluster.server.fail("GET", 500, times=1000)
    with pytest.raises(Unavailable, match="500"):
        cluster.applier.carry_out(work)


def test_nothing_is_said_of_a_secret(cluster: Stage) -> None:
    """A refusal about a Secret names fields and no text of the server, which quotes values."""
    cluster.applier.carry_out(cluster.work(Operation.CREATE, secret(password="a")))
    tree = {**secret(password="a"), "type": "correct-horse"}
    with pytest.raises(Refused, match=r"422 Invalid \(type\)") as refused:
        cluster.applier.carry_out(cluster.work(Operation.UPDATE, tree))
    assert "horse" not in str(refused.value)


def test_a_secret_is_applied_as_the_server_keeps_it(cluster: Stage) -> None:
    """``stringData`` becomes ``data`` that belongs to us, so that a key that Git drops goes."""
    cluster.applier.carry_out(cluster.work(Operation.CREATE, secret(password="a", user="b")))
    live = cluster.live(secret()) or {}
    assert live["data"] == {"password": "YQ==", "user": "Yg=="}
    cluster.applier.carry_out(cluster.work(Operation.UPDATE, secret(password="a"), base=secret(password="a", user="b")))
    assert (cluster.live(secret()) or {})["data"] == {"password": "YQ=="}


def test_what_git_cannot_tell_is_not_applied(cluster: Stage) -> None:
    """An object with values that deploying fills in is refused: without them they would be taken away."""
    work = cluster.work(Operation.CREATE, config(colour="${COLOUR}"))
    assert work.desired is not None
    work = replace(work, desired=replace(work.desired, unknown=frozenset({("data", "colour")})))
    with pytest.raises(Refused, match="values that Git alone does not tell"):
        cluster.applier.rehearse(work)


def test_a_generated_object_is_made_beside_the_one_that_runs(cluster: Stage) -> None:
    """Another content has another name: the new one is created, and the one that runs stays."""
    cluster.server.put(config(colour="red"))
    tree = config(colour="blue")
    tree["metadata"]["name"] = "settings-2"
    work = cluster.work(Operation.UPDATE, tree)
    work = replace(work, live=Observed(id_of(config()), cluster.live(config()) or {}))
    cluster.applier.carry_out(work)
    assert get(cluster.live(tree) or {}, "data") == {"colour": "blue"}
    assert get(cluster.live(config()) or {}, "data") == {"colour": "red"}


def test_health_follows_the_controllers(cluster: Stage) -> None:
    """A rollout is waited for, has failed when its deadline is over, and tells how many replicas are ready."""
    cluster.server.controllers.never.add("Deployment/web")
    work = cluster.work(Operation.CREATE, deployment())
    assert cluster.applier.health(work, now=NOW).evidence == ("it does not exist",)
    cluster.applier.carry_out(work)
    assert cluster.applier.health(work, now=NOW).state is HealthState.PROGRESSING
    cluster.server.controllers.never.clear()
    cluster.server.controllers.failing.add("Deployment/web")
    cluster.applier.carry_out(cluster.work(Operation.UPDATE, deployment(replicas=3)))
    assert cluster.applier.health(work, now=NOW).state is HealthState.FAILED
    cluster.server.controllers.failing.clear()
    cluster.applier.carry_out(cluster.work(Operation.UPDATE, deployment(replicas=2)))
    health = cluster.applier.health(work, now=NOW)
    assert health.state is HealthState.HEALTHY
    assert health.evidence == ("2 of 2 replicas are ready",)


def test_pods_that_wait_are_evidence(cluster: Stage) -> None:
    """While a workload is not ready, the reasons for which its pods wait are told."""
    cluster.server.controllers.never.add("Deployment/web")
    work = cluster.work(Operation.CREATE, deployment())
    cluster.applier.carry_out(work)
    waiting = {"reason": "ImagePullBackOff", "message": "no such image nginx:1.27"}
    container = {"name": "web", "image": "nginx:1.27", "imageID": "", "ready": False, "restartCount": 0}
    status = {"phase": "Pending", "containerStatuses": [{**container, "state": {"waiting": waiting}}]}
    metadata = {"name": "web-1", "namespace": "shop", "labels": {"app": "web"}}
    spec = {"containers": [{"name": "web", "image": "nginx:1.27"}]}
    cluster.server.controllers.never.add("Pod/web-1")
    cluster.server.put({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status})
    health = cluster.applier.health(work, now=NOW)
    assert health.state is HealthState.PROGRESSING
    assert "pod web-1: container web: no such image nginx:1.27" in health.evidence


def test_a_block_that_git_drops_falls_back(cluster: Stage) -> None:
    """What Git no longer says of a container is gone, though the server leaves an empty block in its place."""
    before = deployment(resources={"limits": {"memory": "1Gi"}})
    cluster.applier.carry_out(cluster.work(Operation.CREATE, before))
    wanted = deployment()
    evidence = cluster.applier.carry_out(cluster.work(Operation.UPDATE, wanted, base=before))
    assert evidence.message == "Deployment/shop/web is as declared"
    assert not cluster.drifts(wanted, before)


def test_an_account_that_git_drops_goes_under_both_its_names(cluster: Stage) -> None:
    """The server keeps a pod's account as ``serviceAccount`` too, and would fill it in again from there."""
    before = deployment()
    before["spec"]["template"]["spec"]["serviceAccountName"] = "robot"
    cluster.applier.carry_out(cluster.work(Operation.CREATE, before))
    wanted = deployment()
    cluster.applier.carry_out(cluster.work(Operation.UPDATE, wanted, base=before))
    pod = get(cluster.live(wanted) or {}, "spec", "template", "spec")
    assert not {"serviceAccount", "serviceAccountName"} & set(mapping(pod))
    assert not cluster.drifts(wanted, before)


def test_what_an_autoscaler_sets_is_left_to_it(cluster: Stage) -> None:
    """Replicas that an autoscaler chose are no difference: an apply of another field leaves them and takes nothing over."""
    cluster.applier.carry_out(cluster.work(Operation.CREATE, deployment(replicas=2)))
    cluster.server.edit("apps/v1", "Deployment", "shop", "web", spec__replicas=7, manager="kube-controller-manager")
    work = cluster.work(Operation.UPDATE, deployment(image="nginx:1.28", replicas=2))
    work = replace(work, drifts=tuple(drift for drift in work.drifts if drift.where.endswith("image")))
    cluster.applier.rehearse(work)
    evidence = cluster.applier.carry_out(work)
    assert evidence.facts["left to others"] == "spec.replicas (kube-controller-manager (apps/v1))"
    spec = mapping(get(cluster.live(deployment()) or {}, "spec"))
    assert spec["replicas"] == 7
    assert get(spec, "template", "spec", "containers") != get(deployment(), "spec", "template", "spec", "containers")
    assert not [drift for drift in cluster.drifts(deployment(image="nginx:1.28", replicas=7)) if drift.path]


def test_a_field_that_somebody_took_since_is_a_conflict(cluster: Stage) -> None:
    """What no difference names and is not as it was seen was not judged: nobody said that it is to be left."""
    cluster.applier.carry_out(cluster.work(Operation.CREATE, deployment(replicas=2)))
    work = cluster.work(Operation.UPDATE, deployment(image="nginx:1.28", replicas=2))
    cluster.server.edit("apps/v1", "Deployment", "shop", "web", spec__replicas=7)
    with pytest.raises(Refused, match=r"spec\.replicas belongs to kubectl-edit"):
        cluster.applier.carry_out(work)


def test_labels_have_owners_too(cluster: Stage) -> None:
    """A label that somebody changed is theirs, one that Git drops goes, one that somebody added goes where it is named."""
    tree = config(colour="red")
    tree["metadata"]["labels"] = {"team": "a", "old": "yes"}
    cluster.applier.carry_out(cluster.work(Operation.CREATE, tree))
    cluster.server.edit(
        "v1", "ConfigMap", "shop", "settings", metadata__labels={"team": "b", "old": "yes", "new": "yes"}
    )
    wanted = config(colour="red")
    wanted["metadata"]["labels"] = {"team": "a"}
    work = cluster.work(Operation.UPDATE, wanted, base=tree)
    with pytest.raises(Refused, match=r"metadata\.labels\.team belongs to kubectl-edit"):
        cluster.applier.carry_out(work)
    cluster.applier.carry_out(replace(work, partial=True))
    assert get(cluster.live(wanted) or {}, "metadata", "labels") == {"team": "a"}


@pytest.mark.parametrize("operation", [Operation.UPDATE, Operation.DELETE, Operation.REPLACE, Operation.RESTART])
def test_an_object_that_is_exchanged_at_the_last_moment_is_left_alone(cluster: Stage, operation: Operation) -> None:
    """Between looking and writing somebody deletes the object and makes another one: the write does not reach that."""
    cluster.applier.carry_out(cluster.work(Operation.CREATE, deployment()))
    tree = deployment(image="nginx:1.28")
    work = cluster.work(operation, tree, delete=operation is Operation.DELETE)
    exchanged: list[dict[str, Any]] = []

    def exchange(request: Request) -> bool:
        if request.method in {"PATCH", "DELETE"} and "dryRun" not in request.query and not exchanged:
            cluster.server.remove("apps/v1", "Deployment", "shop", "web")
            exchanged.append(cluster.server.put(deployment(image="other:1")))
        return False

    cluster.server.fail(exchange)
    with pytest.raises(Stale, match="deleted and made again"):
        cluster.applier.carry_out(work)
    live = cluster.live(tree) or {}
    assert live["metadata"]["uid"] == exchanged[0]["metadata"]["uid"]
    assert live["spec"] == exchanged[0]["spec"]


def test_a_creation_that_somebody_forestalls_is_stale(cluster: Stage) -> None:
    """Who makes an object of the name at the last moment keeps it."""
    work = cluster.work(Operation.RUN, job())

    def forestall(request: Request) -> bool:
        if request.method == "POST" and cluster.live(job()) is None:
            cluster.server.put(job(image="other:1"))
        return False

    cluster.server.fail(forestall)
    with pytest.raises(Stale, match="was not made by this"):
        cluster.applier.carry_out(work)
    assert get(cluster.live(job()) or {}, "metadata", "annotations") is None


def test_what_was_made_anew_follows_git(cluster: Stage) -> None:
    """An object that a replacement created, and that so belongs to us by another way, changes and shrinks with Git."""
    cluster.server.put(config(colour="red"))
    cluster.applier.carry_out(cluster.work(Operation.REPLACE, config(colour="blue", size="small")))
    work = cluster.work(Operation.UPDATE, config(colour="green"))
    assert {drift.where for drift in work.drifts} == {"data.colour", "data.size"}
    evidence = cluster.applier.carry_out(work)
    assert get(cluster.live(config()) or {}, "data") == {"colour": "green"}
    assert not {"taken over", "left to others"} & set(evidence.facts)
    assert not cluster.drifts(config(colour="green"))


def test_a_renamed_container_is_valid_at_every_moment(cluster: Stage) -> None:
    """Of one container somebody made another: the rehearsal tries the change as a whole, and Git's is there before the other
    goes.
    """
    cluster.server.put(deployment())
    live = cluster.live(deployment()) or {}
    live["spec"]["template"]["spec"]["containers"] = [{"name": "other", "image": "other:1"}]
    cluster.server.put(live)
    work = cluster.work(Operation.UPDATE, deployment())
    assert len(work.drifts) == 2
    before = cluster.live(deployment())
    cluster.applier.rehearse(work)
    assert cluster.live(deployment()) == before
    cluster.applier.carry_out(work)
    assert not cluster.drifts(deployment())


def test_what_is_not_valid_together_is_changed_at_once(cluster: Stage) -> None:
    """Git's port and the one that somebody put in its place have one name: one patch exchanges them, and then it is applied."""
    tree = service(80)
    cluster.applier.carry_out(cluster.work(Operation.CREATE, tree))
    cluster.server.put(service(8080))
    work = cluster.work(Operation.UPDATE, tree)
    assert {drift.where for drift in work.drifts} == {"spec.ports[80/TCP]", "spec.ports[8080/TCP]"}
    before = cluster.live(tree)
    cluster.applier.rehearse(work)
    assert cluster.live(tree) == before
    asked = len(cluster.server.requests)
    cluster.applier.carry_out(work)
    writes = [request.content_type for request in cluster.server.requests[asked:] if request.method == "PATCH"]
    assert [kind.removeprefix("application/") for kind in writes] == [
        "apply-patch+yaml",
        "json-patch+json",
        "apply-patch+yaml",
    ]
    assert not cluster.drifts(tree)
    now = cluster.live(tree)
    cluster.applier.carry_out(work)
    assert cluster.live(tree) == now


def test_a_new_object_without_status_takes_three_requests(cluster: Stage) -> None:
    """Tried, looked for, applied; its health is told from the answer, and what has its name already is noticed."""
    cluster.applier.rehearse(cluster.work(Operation.CREATE, service(80)))  # discovery is asked for once
    work = cluster.work(Operation.CREATE, config(MODE="fast"))
    asked = len(cluster.server.requests)
    cluster.applier.rehearse(work)
    cluster.applier.carry_out(work)
    assert cluster.applier.health(work, now=NOW).state is HealthState.HEALTHY
    assert [request.method for request in cluster.server.requests[asked:]] == ["PATCH", "GET", "PATCH"]
    cluster.server.put(secret(key="theirs"))
    other = replace(cluster.work(Operation.CREATE, secret(key="ours")), live=None)
    with pytest.raises(Stale, match="was not there when this was planned"):
        cluster.applier.rehearse(other)
