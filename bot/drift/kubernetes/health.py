"""What a live object's own status says is wrong with it, although its fields may be as declared.

Pure; the snapshot, Kubernetes and container observers call it. Precision first: a rollout that is still within its
deadline and a pod or claim that is only just there are not problems.

Sources: Kubernetes API conventions (conditions), ``DeploymentProgressing``/``DeploymentAvailable``,
``ContainerStateWaiting.reason`` as the kubelet writes it, and the ``State`` of an engine's container inspect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bot.model.json import Tree, elements, get, mapping, mappings, moment, text, whole
from bot.model.resource import Observed, Platform, Problem, ResourceId


@dataclass(frozen=True, slots=True)
class GracePeriods:
    """How long something may take before it counts as a problem.

    ``rollout`` is Kubernetes' default of ``progressDeadlineSeconds`` and is used where a workload names none.
    """

    rollout: timedelta = timedelta(seconds=600)
    claim: timedelta = timedelta(seconds=300)
    restarted: timedelta = timedelta(seconds=3600)
    """How long ago an ending still matters."""
    restarts: int = 3
    """As many, with the last one lately, are a problem even while the container runs."""


DEFAULT_PATIENCE: Final = GracePeriods()

_WAITING: Final = frozenset(
    {
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "ErrImagePull",
        "ErrImageNeverPull",
        "InvalidImageName",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "StartError",
    }
)
_NODE_PRESSURE: Final = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")


def problems(tree: Tree, now: datetime, patience: GracePeriods = DEFAULT_PATIENCE) -> tuple[Problem, ...]:
    """What is wrong with one live Kubernetes object at ``now``; nothing for kinds that report no health."""
    group, slash, _ = text(tree.get("apiVersion")).partition("/")
    look = _LOOKS.get((group if slash else "", text(tree.get("kind"))))
    return () if look is None else tuple(look(tree, now, patience))


def with_pod_problems(resources: Mapping[ResourceId, Observed]) -> dict[ResourceId, Observed]:
    """``resources`` with the problems of every pod also on the workload that owns it, where that is among them.

    Git declares the workload, not its pods: a crash loop must show up where somebody can act on it.
    """
    merged = dict(resources)
    for id_, observed in resources.items():
        if id_.platform is not Platform.KUBERNETES or id_.kind != "Pod" or not observed.problems:
            continue
        owner = top_owner(id_, resources)
        if owner != id_ and owner in merged:
            held = merged[owner]
            added = tuple(_told_of_pod(problem, id_.name) for problem in observed.problems)
            merged[owner] = replace(held, problems=(*held.problems, *added))
    return merged


def _told_of_pod(problem: Problem, pod: str) -> Problem:
    return replace(problem, message=f"pod {pod}: {problem.message}")


def top_owner(id_: ResourceId, resources: Mapping[ResourceId, Observed]) -> ResourceId:
    """The workload at the end of the controller references, through a ReplicaSet even when that was not listed."""
    for _ in range(4):
        observed = resources.get(id_)
        above = _owner_by_reference(id_, observed) if observed is not None else _owner_by_name(id_)
        if above is None:
            return id_
        id_ = above
    return id_


def _owner_by_reference(id_: ResourceId, observed: Observed) -> ResourceId | None:
    for reference in mappings(get(observed.tree, "metadata", "ownerReferences")):
        if reference.get("controller") is True:
            group, slash, _ = text(reference.get("apiVersion")).partition("/")
            return ResourceId(
                Platform.KUBERNETES,
                text(reference.get("kind")),
                id_.scope,
                text(reference.get("name")),
                group if slash else "",
            )
    return None


def _owner_by_name(id_: ResourceId) -> ResourceId | None:
    """A ReplicaSet is called ``<deployment>-<pod template hash>``."""
    name, dash, _ = id_.name.rpartition("-")
    if id_.kind != "ReplicaSet" or not dash:
        return None
    return ResourceId(Platform.KUBERNETES, "Deployment", id_.scope, name, "apps")


def _condition(tree: Tree, type_: str) -> Tree:
    for condition in mappings(get(tree, "status", "conditions")):
        if condition.get("type") == type_:
            return condition
    return {}


def _told(condition: Tree, reason: str) -> Problem:
    why = ": ".join(part for part in (text(condition.get("reason")), text(condition.get("message"))) if part)
    message = f"{text(condition.get('type'))} is {text(condition.get('status'))}" + (f" ({why})" if why else "")
    return Problem(reason, message, since=moment(condition.get("lastTransitionTime")))


def _longer_than(since: datetime | None, now: datetime, allowed: timedelta) -> bool:
    """An unknown beginning counts as long ago."""
    return since is None or now - since >= allowed


def _seen_by_controller(tree: Tree) -> bool:
    """Whether ``status`` is about the present ``spec`` (observedGeneration, where the kind has one)."""
    seen = get(tree, "status", "observedGeneration")
    return seen is None or whole(seen) >= whole(get(tree, "metadata", "generation"))


def _deadline(tree: Tree, patience: GracePeriods) -> timedelta:
    seconds = whole(get(tree, "spec", "progressDeadlineSeconds"))
    return timedelta(seconds=seconds) if seconds else patience.rollout


def _deployment(tree: Tree, now: datetime, patience: GracePeriods) -> Iterable[Problem]:
    if not _seen_by_controller(tree):
        return
    progressing, available = _condition(tree, "Progressing"), _condition(tree, "Available")
    if progressing.get("status") == "False":
        yield _told(progressing, text(progressing.get("reason")) or "NotProgressing")
    if available.get("status") == "False" and (
        progressing.get("status") == "False"
        or progressing.get("reason") == "NewReplicaSetAvailable"
        or _longer_than(moment(available.get("lastTransitionTime")), now, _deadline(tree, patience))
    ):
        yield _told(available, "Unavailable")
    failure = _condition(tree, "ReplicaFailure")
    if failure.get("status") == "True":
        yield _told(failure, text(failure.get("reason")) or "ReplicaFailure")


def _counted(tree: Tree, now: datetime, patience: GracePeriods) -> Iterable[Problem]:
    """StatefulSet, DaemonSet and ReplicaSet have no conditions: only their counts tell, and not since when."""
    status = mapping(tree.get("status"))
    if not _seen_by_controller(tree) or not status:
        return
    if text(tree.get("kind")) == "DaemonSet":
        wanted, ready = whole(status.get("desiredNumberScheduled")), whole(status.get("numberReady"))
    else:
        stated = get(tree, "spec", "replicas")
        wanted, ready = 1 if stated is None else whole(stated), whole(status.get("readyReplicas"))
    changed = max(_change_times(tree), default=None)
    if ready < wanted and _longer_than(changed, now, patience.rollout):
        yield Problem("NotReady", f"{ready} of {wanted} replicas are ready", since=changed)


def _change_times(tree: Tree) -> list[datetime]:
    """When the object was made and when anything but its status was last written."""
    written = [
        moment(entry.get("time"))
        for entry in mappings(get(tree, "metadata", "managedFields"))
        if entry.get("subresource") != "status"
    ]
    return [at for at in (moment(get(tree, "metadata", "creationTimestamp")), *written) if at is not None]


def _pod(tree: Tree, now: datetime, patience: GracePeriods) -> Iterable[Problem]:
    status = mapping(tree.get("status"))
    if get(tree, "metadata", "deletionTimestamp") is not None:
        return
    found = [problem for container in _statuses(status) for problem in _pod_container(container, now, patience)]
    yield from found
    phase = text(status.get("phase"))
    if phase in {"Failed", "Unknown"}:
        why = text(status.get("reason")) or phase
        yield Problem(why, text(status.get("message")) or f"the pod's phase is {phase}")
    scheduled = _condition(tree, "PodScheduled")
    if scheduled.get("status") == "False" and scheduled.get("reason") != "SchedulingGated":
        if _longer_than(moment(scheduled.get("lastTransitionTime")), now, patience.claim):
            yield _told(scheduled, text(scheduled.get("reason")) or "Unschedulable")
    elif not found and phase == "Running":
        ready = _condition(tree, "Ready")
        since = moment(ready.get("lastTransitionTime"))
        if ready.get("status") == "False" and _longer_than(since, now, patience.rollout):
            yield _told(ready, "NotReady")


def _statuses(status: Tree) -> Iterable[Tree]:
    for key in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        yield from mappings(status.get(key))


def _pod_container(container: Tree, now: datetime, patience: GracePeriods) -> Iterable[Problem]:
    name, restarts = text(container.get("name")), whole(container.get("restartCount"))
    waiting = mapping(get(container, "state", "waiting"))
    ended = mapping(get(container, "state", "terminated")) or mapping(get(container, "lastState", "terminated"))
    reason = text(waiting.get("reason"))
    at = moment(ended.get("finishedAt"))
    if reason in _WAITING:
        detail = text(waiting.get("message")) or reason
        yield Problem(reason, f"container {name}: {detail}", _ending(ended, restarts), since=at)
    lately = at is not None and now - at < patience.restarted
    if lately and text(ended.get("reason")) == "OOMKilled":
        yield Problem("OOMKilled", f"container {name} ran out of memory", _ending(ended, restarts), since=at)
    elif lately and restarts >= patience.restarts and reason not in _WAITING:
        yield Problem("Restarting", f"container {name} was restarted {restarts} times", _ending(ended, restarts), at)


def _ending(ended: Tree, restarts: int) -> tuple[str, ...]:
    facts = [f"restarts: {restarts}"] if restarts else []
    if ended:
        facts.append(
            f"last exit code: {whole(ended.get('exitCode'))} ({text(ended.get('reason')) or 'no reason given'})"
        )
    return tuple(facts)


def _job(tree: Tree, now: datetime, patience: GracePeriods) -> Iterable[Problem]:
    del now, patience
    failed = _condition(tree, "Failed")
    if failed.get("status") == "True":
        yield _told(failed, text(failed.get("reason")) or "JobFailed")


def _claim(tree: Tree, now: datetime, patience: GracePeriods) -> Iterable[Problem]:
    phase = text(get(tree, "status", "phase"))
    since = moment(get(tree, "metadata", "creationTimestamp"))
    if phase == "Lost":
        yield Problem("ClaimLost", "the volume behind the claim is gone")
    elif phase == "Pending" and _longer_than(since, now, patience.claim):
        yield Problem("ClaimPending", "the claim has no volume yet", since=since)


def _volume(tree: Tree, now: datetime, patience: GracePeriods) -> Iterable[Problem]:
    del now, patience
    if text(get(tree, "status", "phase")) == "Failed":
        yield Problem("VolumeFailed", text(get(tree, "status", "message")) or "reclaiming the volume failed")


def _node(tree: Tree, now: datetime, patience: GracePeriods) -> Iterable[Problem]:
    del now, patience
    ready = _condition(tree, "Ready")
    if ready and ready.get("status") != "True":
        yield _told(ready, "NodeNotReady")
    for type_ in _NODE_PRESSURE:
        condition = _condition(tree, type_)
        if condition.get("status") == "True":
            yield _told(condition, type_)


def _autoscaler(tree: Tree, now: datetime, patience: GracePeriods) -> Iterable[Problem]:
    del now, patience
    able = _condition(tree, "AbleToScale")
    if able.get("status") == "False":
        yield _told(able, text(able.get("reason")) or "UnableToScale")


def _namespace(tree: Tree, now: datetime, patience: GracePeriods) -> Iterable[Problem]:
    deleted = moment(get(tree, "metadata", "deletionTimestamp"))
    if deleted is not None and _longer_than(deleted, now, patience.rollout):
        yield Problem("Terminating", "the namespace cannot be deleted", since=deleted)


def _balancer(tree: Tree, now: datetime, patience: GracePeriods) -> Iterable[Problem]:
    """A load balancer that never got an address."""
    if get(tree, "spec", "type") != "LoadBalancer" or elements(get(tree, "status", "loadBalancer", "ingress")):
        return
    since = max(_change_times(tree), default=None)
    if since is not None and _longer_than(since, now, patience.rollout):
        yield Problem("NoAddress", "the load balancer has no address", since=since)


_Look = Callable[[Tree, datetime, GracePeriods], Iterable[Problem]]
_LOOKS: Final[Mapping[tuple[str, str], _Look]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _counted,
    ("apps", "DaemonSet"): _counted,
    ("apps", "ReplicaSet"): _counted,
    ("batch", "Job"): _job,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("", "Pod"): _pod,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "PersistentVolume"): _volume,
    ("", "Node"): _node,
    ("", "Namespace"): _namespace,
    ("", "Service"): _balancer,
}
"""By API group and kind: another group's ``Service`` or ``Job`` is another thing."""
