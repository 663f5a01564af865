"""What the status of a pod and its containers says is wrong with it.

Called by :mod:`bot.drift.kubernetes.health`. Source: Kubernetes: Pod Lifecycle (phases, container states, conditions).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from bot.drift.kubernetes.conditions import CLAIM, RESTARTED, RESTARTS, ROLLOUT, condition_of, longer_than, problem_of
from bot.model.json import Tree, get, integer, mapping, mappings, moment, text
from bot.model.resource import Problem

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
"""Reasons of waiting that do not pass by themselves, as the kubelet writes them: ``pkg/kubelet/images/types.go``,
``pkg/kubelet/container/sync_result.go`` and ``pkg/kubelet/kuberuntime/kuberuntime_container.go``; StartError is containerd's.
"""


def pod_problems(tree: Tree, now: datetime) -> Iterable[Problem]:
    """What is wrong with one pod at ``now``; nothing for one that is being deleted."""
    status = mapping(tree.get("status"))
    if get(tree, "metadata", "deletionTimestamp") is not None:
        return
    troubles = [problem for container in _statuses(status) for problem in _pod_container(container, now)]
    yield from troubles
    phase = text(status.get("phase"))
    if phase in {"Failed", "Unknown"}:
        reason = text(status.get("reason")) or phase
        yield Problem(reason, text(status.get("message")) or f"the pod's phase is {phase}")
    scheduled = condition_of(tree, "PodScheduled")
    if scheduled.get("status") == "False" and scheduled.get("reason") != "SchedulingGated":
        if longer_than(moment(scheduled.get("lastTransitionTime")), now, CLAIM):
            yield problem_of(scheduled, text(scheduled.get("reason")) or "Unschedulable")
    elif not troubles and phase == "Running":
        ready = condition_of(tree, "Ready")
        since = moment(ready.get("lastTransitionTime"))
        if ready.get("status") == "False" and longer_than(since, now, ROLLOUT):
            yield problem_of(ready, "NotReady")


def _statuses(status: Tree) -> Iterable[Tree]:
    for key in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        yield from mappings(status.get(key))


def _pod_container(container: Tree, now: datetime) -> Iterable[Problem]:
    name, restarts = text(container.get("name")), integer(container.get("restartCount"))
    waiting = mapping(get(container, "state", "waiting"))
    ended = mapping(get(container, "state", "terminated")) or mapping(get(container, "lastState", "terminated"))
    reason = text(waiting.get("reason"))
    at = moment(ended.get("finishedAt"))
    if reason in _WAITING:
        detail = text(waiting.get("message")) or reason
        yield Problem(reason, f"container {name}: {detail}", _ending(ended, restarts), since=at)
    lately = at is not None and now - at < RESTARTED
    if lately and text(ended.get("reason")) == "OOMKilled":
        yield Problem("OOMKilled", f"container {name} ran out of memory", _ending(ended, restarts), since=at)
    elif lately and restarts >= RESTARTS and reason not in _WAITING:
        yield Problem("Restarting", f"container {name} was restarted {restarts} times", _ending(ended, restarts), at)


def _ending(ended: Tree, restarts: int) -> tuple[str, ...]:
    facts = [f"restarts: {restarts}"] if restarts else []
    if ended:
        facts.append(
            f"last exit code: {integer(ended.get('exitCode'))} ({text(ended.get('reason')) or 'no reason given'})"
        )
    return tuple(facts)
