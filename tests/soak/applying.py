"""Random pairs of what Git declares and what runs, applied: ``python -m tests.soak.applying --pairs 1000 --seed 1``.

Each round has a repository, a cluster's stand-in and many objects: what Git declared before is applied, others change what
runs, Git declares something else, and that is planned, applied, verified and planned again. Nothing may be left to do,
looking must change nothing, and neither may an apply that is refused because others own what it would change.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bot.errors import Refused
from bot.model.action import AppliedPlan
from bot.wiring.applying import Application, open_application
from bot.wiring.repository import Options
from tests.appliers.apiserver import ApiServer
from tests.gitrepo.server import git
from tests.soak.pairs import SPACE, Pair, Past, pair

_ROUND: Final = 25
_SETTINGS: Final = """\
observe:
  kubernetes:
    kubeconfig: {kubeconfig}
fixes:
  max_removed: 1000
  max_removed_percent: 100
"""


@dataclass
class Ground:
    """A branch and a cluster. ``server`` runs; ``folder`` is empty at first."""

    server: ApiServer
    folder: Path
    commits: int = 0
    remote: Path = field(init=False)

    def __post_init__(self) -> None:
        self.remote = self.folder / "remote.git"
        git("init", "-q", "--bare", "-b", "main", str(self.remote))
        git("clone", "-q", str(self.remote), str(self.folder / "work"))
        self.server.kubeconfig(self.folder)
        self.server.put(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}, manager="kubectl-create"
        )

    def declare(self, objects: Sequence[dict[str, Any]]) -> None:
        """The branch declares these objects and nothing else."""
        work = self.folder / "work"
        (work / "k8s").mkdir(exist_ok=True)
        settings = _SETTINGS.format(kubeconfig=self.folder / "kubeconfig")
        (work / "clockwork.yaml").write_text(settings, encoding="utf-8")
        text = "---\n".join(f"{json.dumps(each)}\n" for each in objects)
        (work / "k8s" / "all.yaml").write_text(text, encoding="utf-8")
        self.commits += 1
        git("add", "-A", at=work)
        git("commit", "-q", "--allow-empty", "-m", f"Declare {self.commits}", at=work)
        git("push", "-q", "origin", "HEAD:main", at=work)

    @property
    def options(self) -> Options:
        environment = {"HOME": str(self.folder), "PATH": "/usr/bin:/bin"}
        return Options(str(self.remote), environment=environment, cache=self.folder / "cache")

    def look(self, *, force: bool = True) -> Application:
        """What would have to be done now; ``force`` takes over what others own."""
        application = open_application(self.options, force_conflicts=force)
        assert not application.assessment.report.errors, application.assessment.report.errors
        assert not application.assessment.report.unreachable, application.assessment.report.unreachable
        return application

    def apply(self) -> AppliedPlan:
        """Everything is done that is planned, and agreed to."""
        application = self.look()
        (plan,) = application.plans
        application.check()
        return application.carry_out(plan, approved=True)

    def writes(self) -> int:
        """How many requests so far would have changed something."""
        return sum(request.method != "GET" and "dryRun" not in request.query for request in self.server.requests)


@dataclass(frozen=True, slots=True)
class Round:
    """What a round came to: ``actions`` by operation, ``left`` what is wrong in sentences."""

    pairs: int
    actions: Counter[str]
    left: tuple[str, ...]


def round_of(pairs: Sequence[Pair], folder: Path) -> Round:
    """Apply pairs on a ground of their own."""
    with ApiServer() as server:
        ground = Ground(server, folder)
        if bases := [each.base for each in pairs if each.base is not None]:
            ground.declare(bases)
            _check(ground.apply(), "before")
            ground.look().verify()
        _others(server, pairs)
        ground.declare([each.desired for each in pairs if each.desired is not None])
        left = list(_half_done(ground))
        application = ground.look()
        (plan,) = application.plans
        done = application.carry_out(plan, approved=True)
        before = ground.writes()
        left += [*_wrong(done), *_still(ground)]
        if ground.writes() != before:
            left.append("looking changed something")
        return Round(len(pairs), Counter(action.operation.value for action in plan.actions.actions), tuple(left))


def _half_done(ground: Ground) -> Iterator[str]:
    """What an apply did that was refused, because others own what it would change: nothing may be done."""
    application, before = ground.look(force=False), ground.writes()
    (plan,) = application.plans
    try:
        application.carry_out(plan, approved=True)
    except Refused as why:
        if ground.writes() != before:
            yield f"something was done that was refused: {why.message}"
        if " belongs to " not in why.message:
            yield f"refused without an owner: {why.message}"


def _others(server: ApiServer, pairs: Sequence[Pair]) -> None:
    """What others do to what runs."""
    for each in pairs:
        if each.base is not None and each.past is Past.GONE:
            server.remove(each.base["apiVersion"], each.base["kind"], SPACE, each.base["metadata"]["name"])
        if each.made is not None:
            server.put(each.made, manager="kubectl-create")
        if each.live is not None:
            server.put(each.live, manager="kubectl-edit")


def _check(done: AppliedPlan, when: str) -> None:
    wrong = list(_wrong(done))
    assert not wrong, f"{when}: {wrong}"


def _wrong(done: AppliedPlan) -> Iterator[str]:
    for each in done.applied:
        if each.failure is not None:
            yield f"{each.action.operation.value} {each.action.resource.qualified}: {each.failure}"
    for action in (*done.waiting, *done.left):
        yield f"{action.operation.value} {action.resource.qualified}: not done"


def _still(ground: Ground) -> Iterator[str]:
    """What a plan of everything done still holds."""
    for plan in ground.look().plans:
        for action in plan.actions.actions:
            fields = ", ".join(f"{each.where}: {each.before!r} -> {each.after!r}" for each in action.differences)
            yield f"still {action.operation.value} {action.resource.qualified}: {fields}"
        for gap in plan.actions.not_planned:
            yield f"not planned: {gap.subject}: {gap.reason}"


def rounds(count: int, seed: int) -> Iterator[Round]:
    """Rounds with ``count`` pairs together, of a seed."""
    rng = random.Random(seed)
    for start in range(0, count, _ROUND):
        pairs = [pair(rng, number) for number in range(min(_ROUND, count - start))]
        with tempfile.TemporaryDirectory() as folder:
            yield round_of(pairs, Path(folder))


def main() -> int:
    """Print figures; 1 where something was left to do."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    began, total, actions = time.monotonic(), 0, Counter[str]()
    left: list[str] = []
    for ended in rounds(wanted.pairs, wanted.seed):
        total, actions, left = total + ended.pairs, actions + ended.actions, [*left, *ended.left]
        print(f"{total} pairs, {sum(actions.values())} actions, {len(left)} wrong", file=sys.stderr)
    for each in left:
        print(each)
    print(f"{total} pairs in {time.monotonic() - began:.0f} s: {dict(actions)}, {len(left)} wrong")
    return int(bool(left))


if __name__ == "__main__":
    sys.exit(main())
