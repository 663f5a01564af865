"""Whoever dies at any request, before or after the server did what was asked, is followed by somebody who ends the work."""

from __future__ import annotations

import copy
import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.appliers.kubernetes import KubernetesApplier
from bot.errors import Unavailable
from bot.model.action import Operation, Work
from tests.appliers.kube.faults import Request
from tests.appliers.kubernetes_stage import Stage, config, deployment, job, secret, service, stage

FOREVER = 1_000_000
NEVER_THE_SAME = frozenset({"uid", "resourceVersion", "creationTimestamp", "managedFields"})


@dataclass(frozen=True)
class Case:
    """What runs before, and the work that is planned then."""

    name: str
    before: Callable[[Stage], None]
    work: Callable[[Stage], Work]


def put(*trees: dict[str, Any]) -> Callable[[Stage], None]:
    def prepare(cluster: Stage) -> None:
        for tree in trees:
            cluster.server.put(tree)

    return prepare


def with_stranger(cluster: Stage) -> None:
    """What Git declares, as we applied it, with a container of somebody else and another image."""
    cluster.applier.carry_out(cluster.work(Operation.CREATE, deployment()))
    live = copy.deepcopy(cluster.live(deployment())) or {}
    live["spec"]["template"]["spec"]["containers"].append({"name": "miner", "image": "evil:1"})
    cluster.server.put(live)


def with_another_port(cluster: Stage) -> None:
    """A Service as we applied it, of which somebody exchanged the port."""
    cluster.applier.carry_out(cluster.work(Operation.CREATE, service(80)))
    cluster.server.put(service(8080))


CASES = (
    Case("create", put(), lambda cluster: cluster.work(Operation.CREATE, deployment())),
    Case("create a secret", put(), lambda cluster: cluster.work(Operation.CREATE, secret(password="a"))),
    Case("update", with_stranger, lambda cluster: cluster.work(Operation.UPDATE, deployment(image="nginx:1.28"))),
    Case(
        "restore",
        put(deployment(replicas=7, env=[{"name": "LEVEL", "value": "debug"}])),
        lambda cluster: cluster.work(Operation.UPDATE, deployment(args=["--quiet"]), partial=True),
    ),
    Case("exchange", with_another_port, lambda cluster: cluster.work(Operation.UPDATE, service(80))),
    Case("restart", with_stranger, lambda cluster: cluster.work(Operation.RESTART, deployment())),
    Case("delete", put(config(a="b")), lambda cluster: cluster.work(Operation.DELETE, config(), delete=True)),
    Case("replace", put(job()), lambda cluster: cluster.work(Operation.REPLACE, job(image="busybox:1.38"))),
    Case("run", put(), lambda cluster: cluster.work(Operation.RUN, job())),
)


def end_state(cluster: Stage) -> list[dict[str, Any]]:
    """Everything that is stored, without what is another one each time; a Job's labels have its uid in them."""
    trees = [json.loads(json.dumps(tree).replace(tree["metadata"]["uid"], "UID")) for tree in cluster.server.objects]
    for tree in trees:
        for key in NEVER_THE_SAME:
            tree["metadata"].pop(key, None)
        tree.pop("status", None)
    return [tree for tree in trees if tree["kind"] not in {"Namespace", "Event"}]


@contextmanager
def silent_from(cluster: Stage, request: int, *, after: bool) -> Iterator[None]:
    """Nothing is heard from the ``request``-th request on, which itself is done where ``after``."""
    begun = len(cluster.server.requests)

    def at(_: Request) -> bool:
        return len(cluster.server.requests) - begun == request

    def beyond(_: Request) -> bool:
        return len(cluster.server.requests) - begun > request

    faults = [cluster.server.fail(at, drop=True, after=after, times=FOREVER)]
    faults.append(cluster.server.fail(beyond, drop=True, times=FOREVER))
    yield
    for fault in faults:
        fault.times = 0


def again(cluster: Stage) -> KubernetesApplier:
    """An applier that remembers nothing."""
    cluster.applier.close()
    cluster.applier = KubernetesApplier(environment=cluster.applier.environment, sleep=cluster.slept.append)
    return cluster.applier


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_end_is_the_same_wherever_the_first_attempt_ended(case: Case, tmp_path: Path) -> None:
    """For every request of the work, lost before or after it was done: another attempt comes to the state that an
    undisturbed one comes to, makes and restarts nothing twice, and a third one changes nothing.
    """
    with stage(tmp_path) as cluster:
        case.before(cluster)
        work, begun = case.work(cluster), len(cluster.server.requests)
        again(cluster).carry_out(work)
        expected, requests = end_state(cluster), len(cluster.server.requests) - begun
        creations = _creations(cluster)
    assert requests
    for number in range(1, requests + 1):
        for after in (False, True):
            with stage(tmp_path) as cluster:
                case.before(cluster)
                work = case.work(cluster)
                again(cluster)
                with silent_from(cluster, number, after=after), pytest.raises(Unavailable):
                    cluster.applier.carry_out(work)
                again(cluster).carry_out(work)
                assert end_state(cluster) == expected, (number, after)
                assert _creations(cluster) <= creations + 1
                objects = cluster.server.objects
                again(cluster).carry_out(work)
                assert cluster.server.objects == objects, (number, after)


def _creations(cluster: Stage) -> int:
    """How often something was asked to be made, or was made and its answer lost."""
    return sum("dryRun" not in line for line in cluster.lines("POST"))


SCRIPT = """
import os, pickle, sys
from bot.appliers.kubernetes import KubernetesApplier
work = pickle.load(sys.stdin.buffer)
print(KubernetesApplier(environment=dict(os.environ)).carry_out(work).message)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("method", "after"), [("DELETE", False), ("DELETE", True), ("POST", True)])
def test_a_killed_process_is_followed_by_another(method: str, tmp_path: Path, *, after: bool) -> None:
    """Kill -9 at a request of a replacement, whether it was done or not: the next process ends the work, and of the object
    there is one, made once.
    """
    with stage(tmp_path) as cluster:
        cluster.server.put(job())
        before = (cluster.live(job()) or {})["metadata"]["uid"]
        work = cluster.work(Operation.REPLACE, job(image="busybox:1.38"))
        environment = {**os.environ, "KUBECONFIG": cluster.applier.environment["KUBECONFIG"]}
        running: list[subprocess.Popen[bytes]] = []

        def kill(request: Request) -> bool:
            if (
                request.method == method
                and "dryRun" not in request.query
                and "migrate" in request.path + str(request.body)
            ):
                running[0].send_signal(signal.SIGKILL)
                running[0].wait()
                return True
            return False

        cluster.server.fail(kill, drop=True, after=after)
        argv = [sys.executable, "-c", SCRIPT]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
            running.append(process)
            process.communicate(pickle.dumps(work))
        assert process.returncode == -signal.SIGKILL
        done = subprocess.run(argv, input=pickle.dumps(work), capture_output=True, env=environment, check=True)
        assert done.stdout.decode().strip() == "Job/shop/migrate was created"
        live = cluster.live(job()) or {}
        assert live["metadata"]["uid"] != before
        assert not cluster.drifts(job(image="busybox:1.38"))
