"""What happens in the middle of a run: people at work on our branches, runs that are held up, hosts that fail."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from bot.errors import Stale
from bot.flows.commands import record_order
from bot.flows.reconcile import Loop, tick
from bot.model.ledger import EntryKind, LedgerView, Result
from bot.model.observation import Observation
from bot.model.proposal import Effect
from bot.model.resource import Desired
from bot.safety.state import state
from tests.flows.stage import DEPLOYMENT, NAME, Stage, by_lane


def interrupted(loop: Loop, step: str, work: Callable[[], object]) -> Loop:
    """The loop in which ``work`` happens once, right after the first ``step``."""
    left = [work]

    def reached(name: str) -> None:
        if name == step and left:
            left.pop()()

    return replace(loop, run=replace(loop.run, reached=reached))


def die() -> None:
    """The run ends here."""
    raise KeyboardInterrupt


def ledger(stage: Stage) -> LedgerView:
    return stage.loop().run.ledger.read()


def results(stage: Stage) -> list[Result | None]:
    """How the intents ended, oldest first."""
    return [entry.result for entry in ledger(stage).entries if entry.kind is EntryKind.OUTCOME]


def amend(stage: Stage, branch: str, folder: Path) -> str:
    """A person amends the last commit of ``branch``: its message and author stay. Returns the new tip."""
    url = stage.box.git_url(NAME).replace("http://", f"http://x-access-token:{stage.human}@")
    who = ("-c", "user.name=Rosa", "-c", "user.email=rosa@example.org")

    def git(*words: str) -> str:
        done = subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True, timeout=60)
        return done.stdout.strip()

    git("clone", "-q", "-b", branch, url, "clone")
    (folder / "clone" / "HUMAN.md").write_text("by hand\n")
    git("-C", "clone", "add", ".")
    git("-C", "clone", "commit", "-q", "--amend", "--no-edit")
    git("-C", "clone", "push", "-q", "--force", "origin", branch)
    return git("-C", "clone", "rev-parse", "HEAD")


@pytest.mark.parametrize("died", [False, True])
def test_an_amended_commit_belongs_to_who_amended_it(stage: Stage, tmp_path: Path, *, died: bool) -> None:
    """Neither another value nor the end of the drift overwrites, closes or deletes what a person made of our commit."""
    stage.config_drift(8081)
    if died:
        with pytest.raises(KeyboardInterrupt):
            tick(interrupted(stage.loop(), "pull", die))
    else:
        stage.tick()
    (pull,) = stage.pulls()
    tip = amend(stage, pull["head"]["ref"], tmp_path)
    stage.config_drift(8082)
    stage.clock.move(hours=2)
    assert by_lane(stage.tick(fresh=True))["config-pull-request"].effect is Effect.HANDED_OVER
    stage.restore()
    stage.clock.move(hours=2)
    stage.tick()
    (pull,) = stage.pulls()
    assert (pull["state"], pull["head"]["sha"]) == ("open", tip)


def test_our_own_branch_of_a_run_that_died_is_taken_up(stage: Stage) -> None:
    """A branch that was pushed before its run died is no person's work: the next run goes on with it."""
    stage.config_drift(8081)
    with pytest.raises(KeyboardInterrupt):
        tick(interrupted(stage.loop(), "branch-push", die))
    stage.clock.move(hours=1)
    stage.config_drift(8082)
    assert by_lane(stage.tick(fresh=True))["config-pull-request"].effect is Effect.OPENED
    assert len(stage.pulls()) == 1


@pytest.mark.parametrize("drift", ["safe_drift", "config_drift", "destructive_drift"])
def test_a_run_that_was_held_up_writes_nothing_late(stage: Stage, drift: str) -> None:
    """Who sleeps between intent and write gives up, since another run may have given it up; the work is done once."""
    stage.part_pushes()
    getattr(stage, drift)()
    loop = interrupted(stage.loop(), "intent", lambda: stage.clock.move(minutes=6))
    tick(loop)
    tick(loop)
    assert results(stage) == [Result.ABANDONED, Result.SUCCEEDED]
    assert len(stage.commits()) + len(stage.issues()) + len(stage.pulls()) == 2


@pytest.mark.parametrize(("drift", "step"), [("safe_drift", "commit"), ("config_drift", "branch-commit")])
def test_a_run_that_was_held_up_before_its_intent_is_dated_anew(stage: Stage, drift: str, step: str) -> None:
    """No intent is older than the push that brings it, so nobody gives it up while its work is under way."""
    getattr(stage, drift)()
    assert tick(interrupted(stage.loop(), step, lambda: stage.clock.move(minutes=30))).wrote
    assert results(stage) == [Result.SUCCEEDED]
    assert {entry.at for entry in ledger(stage).entries} == {stage.clock.now()}
    assert len(stage.commits()) + len(stage.pulls()) == 2


def test_an_intent_is_dated_when_it_is_written(stage: Stage) -> None:
    """However long looking took, the intent of the work that follows counts as in hand from then on."""
    stage.safe_drift()
    loop = stage.loop()

    def slow(target: str, declared: Sequence[Desired], now: datetime) -> Observation:
        stage.clock.move(minutes=30)
        return loop.observe(target, declared, now)

    assert tick(replace(loop, observe=slow)).wrote
    entries = ledger(stage).entries
    assert {entry.at for entry in entries} == {stage.clock.now()}


def many(stage: Stage, count: int) -> None:
    """So many more deployments, each with a safe drift."""
    import base64
    import copy

    for number in range(count):
        name = f"web{number}"
        text = DEPLOYMENT.replace(b"name: web\n", f"name: {name}\n".encode(), 1)
        content = base64.b64encode(text).decode()
        stage.api("PUT", f"/contents/k8s/{name}.yaml", message=name, content=content, branch="main")
        live = copy.deepcopy(stage.objects["Deployment"])
        live["metadata"]["name"] = name
        live["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["failureThreshold"] = 6
        stage.objects[name] = live


def test_one_failed_push_is_one_failure(stage: Stage) -> None:
    """Twelve patches in one commit that the server declines stop their tasks some day, not everything at once."""
    many(stage, 12)
    stage.part_pushes()

    def decline() -> None:
        for _ in range(2):  # once as it is spoken here, once by libgit2
            stage.box.faults.decline_push(repository=NAME)

    loop = interrupted(stage.loop(), "intent", decline)
    assert {action.effect for action in tick(loop).actions} == {Effect.FAILED}
    assert results(stage).count(Result.FAILED) == 12
    known = state(ledger(stage), stage.clock.now(), stage.loop().run.limits)
    assert (known.failures, known.emergency) == (1, False)
    stage.clock.move(hours=1)
    assert {action.effect for action in stage.tick(fresh=True).actions} == {Effect.COMMITTED}


def test_a_host_that_is_down_is_asked_once(stage: Stage) -> None:
    """After one write that could not reach the host the others wait for the next look and count as nothing."""
    stage.config_drift()
    stage.destructive_drift()
    stage.box.faults.fail(502, "/(pulls|issues)$", method="POST", times=50)
    done = stage.tick()
    assert [action.effect for action in done.actions] == [Effect.FAILED, Effect.FAILED]
    assert done.actions[1].message.startswith("Not tried: ")
    assert results(stage) == [Result.ABANDONED, Result.ABANDONED]
    assert [line.path for line in stage.box.requests.lines() if line.status == 502] == [f"/repos/{NAME}/issues"] * 2
    stage.box.faults.clear()
    stage.clock.move(hours=1)
    assert {action.effect for action in stage.tick().actions} == {Effect.OPENED}


def test_an_answer_nobody_expects_ends_one_proposal_only(stage: Stage) -> None:
    """A host that says 404 to one write gets the others all the same."""
    stage.config_drift()
    stage.destructive_drift()
    stage.box.faults.fail(404, "/issues$", method="POST", times=50)
    actions = by_lane(stage.tick())
    assert actions["runbook-issue"].effect is Effect.FAILED
    assert actions["config-pull-request"].effect is Effect.OPENED


def test_a_branch_that_keeps_moving_delays_nothing_worse(stage: Stage) -> None:
    """The issue about lost data is filed although somebody pushes during every look and the patch never fits."""
    stage.safe_drift()
    stage.destructive_drift()
    loop = stage.loop()

    def moving(target: str, declared: Sequence[Desired], now: datetime) -> Observation:
        stage.edit("k8s/web.yaml", lambda text: text + "# more\n")
        return loop.observe(target, declared, now)

    with pytest.raises(Stale):
        tick(replace(loop, observe=moving))
    assert len(stage.issues()) == 1


def test_a_halt_ends_closing_too(stage: Stage) -> None:
    """Whoever halts while a run closes what is gone stops it before the next one."""
    stage.config_drift()
    stage.destructive_drift()
    stage.tick()
    stage.restore()
    loop = stage.loop()
    done = tick(interrupted(loop, "closed", lambda: record_order(stage.loop().run, EntryKind.HALT, reason="wait")))
    assert done.blocked is not None
    assert [action.effect for action in done.actions].count(Effect.CLOSED) == 1
    assert len([item for item in (*stage.pulls(), *stage.issues()) if item["state"] == "open"]) == 1


def test_what_is_about_a_suspended_task_stays(stage: Stage) -> None:
    """Nothing of a suspended task is closed or deleted, as its answer promises."""
    stage.config_drift()
    (action,) = stage.tick().actions
    record_order(stage.loop().run, EntryKind.SUSPEND, task=action.task, reason="we look at it")
    stage.restore()
    assert stage.tick().actions == ()
    (pull,) = stage.pulls()
    assert pull["state"] == "open"
    record_order(stage.loop().run, EntryKind.UNSUSPEND, task=action.task, reason="done")
    assert by_lane(stage.tick())["config-pull-request"].effect is Effect.CLOSED


def test_the_breaker_names_everybody_who_writes(stage: Stage) -> None:
    """The issue about a fight has the right number of corrections in the window, and all who wrote the live value."""
    for day, (value, manager) in enumerate([(4, "old-tool"), (5, "kubectl-edit"), (6, "Lens"), (7, "kubectl-edit")]):
        wrote(stage, manager, value)
        assert by_lane(stage.tick())["artifact-patch"].effect is Effect.COMMITTED
        stage.clock.move(hours=2 if day else 30)
    wrote(stage, "k9s", 8)
    stage.tick()
    (issue,) = stage.issues()
    assert "3 times within 24 h" in issue["body"]
    assert "`kubectl-edit`, `Lens`, `k9s`" in issue["body"]
    assert "old-tool" not in issue["body"]


def wrote(stage: Stage, manager: str, value: int) -> None:
    """``manager`` sets how many misses the probe allows."""
    stage.safe_drift(value)
    probe: dict[str, object] = {"f:readinessProbe": {"f:failureThreshold": {}}}
    containers = {"f:containers": {'k:{"name":"web"}': probe}}
    fields = {"f:spec": {"f:template": {"f:spec": containers}}}
    now = stage.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    entry = {"manager": manager, "operation": "Update", "time": now, "fieldsV1": fields}
    stage.objects["Deployment"]["metadata"]["managedFields"] = [entry]


def test_a_simulation_says_that_recovery_will_stop_everything(stage: Stage) -> None:
    """Where closing an interrupted intent is the failure that stops the bot, a dry run says so, as the run does."""
    stage.config_drift()
    stage.destructive_drift()
    loop = stage.loop()
    limits = replace(loop.run.limits, total_failures=1)
    with pytest.raises(KeyboardInterrupt):
        tick(interrupted(loop, "intent", die))
    stage.clock.move(hours=1)
    foretold = stage.loop(fresh=True, dry_run=True)
    real = stage.loop(fresh=True)
    predicted = tick(replace(foretold, run=replace(foretold.run, limits=limits)))
    done = tick(replace(real, run=replace(real.run, limits=limits)))
    assert predicted.blocked is not None
    assert predicted.blocked == done.blocked


def test_a_fresh_runner_notices_that_the_ledger_is_gone(stage: Stage) -> None:
    """The branch remembers what it was written for: without its ledger nothing is written until a person begins anew."""
    stage.safe_drift(4)
    stage.tick()
    record_order(stage.loop().run, EntryKind.HALT, reason="incident")
    stage.box.backend.repositories.open(NAME).references.delete("refs/clockwork/ledger")
    stage.safe_drift(5)
    stage.clock.move(hours=2)
    for dry_run in (True, False):
        done = stage.tick(fresh=True, dry_run=dry_run)
        assert done.blocked is not None
        assert "rewound or is another one" in done.blocked
    record_order(stage.loop(fresh=True).run, EntryKind.RESUME, reason="a new beginning")
    assert by_lane(stage.tick(fresh=True))["artifact-patch"].effect is Effect.COMMITTED
    assert stage.tick(fresh=True).blocked is None


def test_what_was_merged_in_needs_no_entry_of_this_ledger(stage: Stage) -> None:
    """A commit that another ledger's run made on another branch came by a merge: this ledger need not know it."""
    loop = stage.loop()
    repository = loop.run.repository
    repository.fetch()
    head = repository.head("main")
    assert head is not None
    message = "Keep what runs\n\nClockwork-Intent: " + "a" * 32 + "\n"
    stage.clock.move(minutes=1)
    change = {"k8s/other.yaml": b"# promoted\n"}
    made = repository.commit(head, change, message=message, at=stage.clock.now(), author=loop.run.author)
    repository.push("staging", made, expected=None)
    pull = stage.api("POST", "/pulls", title="Promote", head="staging", base="main")
    stage.api("PUT", f"/pulls/{pull['number']}/merge", merge_method="merge")
    stage.safe_drift()
    assert by_lane(stage.tick(fresh=True))["artifact-patch"].effect is Effect.COMMITTED
