"""``clockwork apply`` on a cluster: order, approval, resuming, the lease, and what stops it before anything is done."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bot.errors import Refused, Stale
from bot.flows import merged_changes
from bot.flows.apply_journal import ApplyJournal, Holder
from bot.flows.applying import STEPS
from bot.flows.commands import Orders, halt
from bot.model.action import AppliedPlan, NotPlanned, Operation, Work
from bot.model.codehost import CheckState
from bot.model.ledger import Actor, EntryKind, Result
from bot.plans.document import check_plans, read_plans, to_json
from bot.wiring.accepted import accept_here
from bot.wiring.applying import journal_of, open_application
from bot.wiring.local_guard import Compared
from bot.wiring.reconcile import declarer, run_context
from bot.wiring.repository import SystemClock, open_repository
from tests.appliers.apiserver import ApiServer
from tests.flows.site import CONFIG, SPACE, WEB, Site, changed, documents
from tests.flows.stage import MovableClock


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ApiServer() as server:
        yield Site.open(tmp_path, server)


def brief(plan: AppliedPlan) -> list[str]:
    return [f"{ended.action.operation} {ended.action.resource}" for ended in plan.applied]


def test_what_git_declares_runs_and_then_there_is_nothing_to_do(site: Site) -> None:
    """Namespaces come first, all of it becomes healthy, and a second run writes nothing."""
    ended = site.apply()
    assert brief(ended) == ["create Namespace/shop", "create ConfigMap/shop/settings", "create Deployment/shop/web"]
    assert ended.is_complete
    assert all(each.health is not None and each.health.state.value != "failed" for each in ended.applied)
    written = site.writes()
    again = site.application()
    assert again.plans[0].actions.actions == ()
    assert site.writes() == written
    assert again.verify().last_look.state is CheckState.SUCCESS
    assert site.git("ls-remote", "origin", "refs/clockwork/applied").split()[0] == site.git("rev-parse", "HEAD")


def test_a_target_that_is_applied_by_itself_is_remembered_by_itself(tmp_path: Path) -> None:
    """So that a removal from Git is told from an addition made live, and nothing is said about the rest."""
    with ApiServer() as server:
        site = Site.open(tmp_path, server, "targets: [{name: prod, path: k8s}]\n")
        options = replace(site.options(), target="prod")
        application = open_application(options)
        application.carry_out(application.plans[0], approved=True)
        done = open_application(options).verify()
        head = site.git("rev-parse", "HEAD")
        assert f"Remembered as applied to prod: {head}" in done.written
        refs = site.git("ls-remote", "origin", "refs/clockwork/applied*").splitlines()
        assert refs == [f"{head}\trefs/clockwork/applied-to/prod"]
        site.declare(SPACE, WEB)
        (plan,) = open_application(options).plans
        assert [f"{each.operation} {each.resource.local}" for each in plan.actions.actions] == [
            "delete ConfigMap/shop/settings"
        ]


def test_a_change_is_applied_and_what_others_own_stays(site: Site) -> None:
    """The field that Git changed is changed; what an autoscaler or a person owns beside it is not touched."""
    site.apply()
    site.server.edit("v1", "ConfigMap", "shop", "settings", metadata__labels={"team": "red"}, manager="labeller")
    site.declare(SPACE, changed(CONFIG, MODE="slow"), WEB)
    assert brief(site.apply()) == ["update ConfigMap/shop/settings"]
    live = site.live(CONFIG)
    assert live is not None
    assert (live["data"], live["metadata"]["labels"]) == ({"MODE": "slow"}, {"team": "red"})


def test_what_is_gone_from_git_is_deleted_only_with_a_yes(site: Site) -> None:
    """Deleting waits for somebody; what was never applied from Git is never deleted."""
    site.apply()
    site.application().verify()
    other = {**CONFIG, "metadata": {"name": "other", "namespace": "shop"}}
    site.server.put(other)
    site.declare(SPACE, WEB)
    waiting = site.apply(approved=False)
    assert (brief(waiting), [action.operation for action in waiting.waiting]) == ([], [Operation.DELETE])
    assert site.live(CONFIG) is not None
    assert brief(site.apply()) == ["delete ConfigMap/shop/settings"]
    assert site.live(CONFIG) is None
    assert site.live(other) is not None


def test_a_conflict_is_refused_before_anything_is_done(site: Site) -> None:
    """Who owns the field is named, and nothing of the plan was written."""
    site.apply()
    site.server.edit("apps/v1", "Deployment", "shop", "web", spec__replicas=5, manager="scaler")
    site.declare(SPACE, changed(CONFIG, MODE="slow"), changed(WEB, replicas=3))
    written = site.writes()
    with pytest.raises(Refused, match=r"(?s)Nothing was done.*web.*spec\.replicas belongs to scaler"):
        site.apply()
    assert site.writes() == written


def test_what_does_not_become_healthy_stops_the_waves_after_it(site: Site) -> None:
    """The first wave that fails is the last; what was not begun is told."""
    site.server.controllers.failing.add("Deployment/web")
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }
    ingress = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}},
    }
    site.declare(SPACE, CONFIG, WEB, service, ingress)
    ended = site.apply()
    assert ended.failed
    assert [str(action.resource) for action in ended.left] == ["Ingress/shop/web"]
    assert site.live(ingress) is None
    (failed,) = [each for each in ended.applied if each.failure]
    assert "ProgressDeadlineExceeded" in (failed.failure or "")


class Died(BaseException):
    """The run ends here."""


@pytest.mark.parametrize("step", STEPS)
def test_a_run_that_dies_is_gone_on_with(site: Site, step: str) -> None:
    """Whatever the step: the next run, on another machine, comes to the same end, and creates nothing twice."""
    times = 0

    def die(reached: str) -> None:
        nonlocal times
        if reached == step and (times := times + 1) == 1:
            raise Died

    with pytest.raises(Died):
        site.apply(reached=die)
    application = site.application(cache="other")
    (plan,) = application.plans
    ended = application.carry_out(plan, approved=True)
    assert ended.is_complete
    assert site.application().plans[0].actions.actions == ()
    uids = {str(request.path) for request in site.server.requests if request.method == "DELETE"}
    assert uids == set()
    journal = journal_of(application.opened, "").read()
    intents = {entry.id for entry in journal.entries if entry.kind is EntryKind.INTENT}
    outcomes = [entry for entry in journal.entries if entry.kind is EntryKind.OUTCOME]
    assert {entry.intent for entry in outcomes} == intents
    assert len(outcomes) == len(intents) == 3
    assert {entry.result for entry in outcomes} == {Result.SUCCEEDED}


def test_one_run_at_a_time_holds_a_target(site: Site) -> None:
    """Another run is refused while one is at it, and takes over once that process has ended or its time is over."""
    application = site.application()
    (plan,) = application.plans
    ledger, clock = journal_of(application.opened, ""), MovableClock()
    begin = partial(
        ApplyJournal.begin, plan.actions, clock=clock, actor=Actor("ada"), new_id=lambda: uuid.uuid4().hex, seconds=600
    )
    first = begin(ledger, holder=Holder("first"))
    other = journal_of(site.application("other").opened, "")
    with pytest.raises(Refused, match="ada has been applying this repository since 2026-03-01"):
        begin(other, holder=Holder("second"))
    second = begin(other, holder=Holder("second", lambda name: name == "first"))
    with pytest.raises(Stale, match="another run took this target over"):
        first.intend([Work(plan.actions.actions[0], None, None, uuid.uuid4().hex, clock.now())])
    clock.move(seconds=601)
    begin(journal_of(site.application("third").opened, ""), holder=Holder("third"))
    assert not second.release()


def test_a_halt_stops_it(site: Site) -> None:
    """Whoever halted everything halted applying too."""
    halt(open_orders_of(site), reason="incident")
    with pytest.raises(Refused, match=r"Nothing was applied\. Halted since .*incident"):
        site.apply()
    assert site.writes() == []


def open_orders_of(site: Site) -> Orders:
    opened = open_repository(site.options())
    run = run_context(opened, clock=SystemClock())
    return Orders(run, declarer(opened), run.actor)


def test_what_guardrails_block_is_not_applied(site: Site) -> None:
    """In strict mode what came since the last apply is judged again, whoever merged it."""
    site.push({"clockwork.yaml": (site.folder / "clockwork.yaml").read_text() + "guard: {mode: strict}\n"})
    site.apply()
    site.application().verify()
    pod = WEB["spec"]["template"]["spec"]
    evil = {**pod, "containers": [{**pod["containers"][0], "securityContext": {"privileged": True}}]}
    site.declare(SPACE, CONFIG, changed(WEB, template={**WEB["spec"]["template"], "spec": evil}))
    written = site.writes()
    with pytest.raises(Refused, match=r"guardrails block .*\n.*k8s/shop.yaml:\d+"):
        site.apply()
    assert site.writes() == written


STRICT = "guard: {mode: strict}\n"


@pytest.fixture
def strict(site: Site) -> Site:
    """A site in strict mode that is applied, and remembered as that."""
    site.push({"clockwork.yaml": (site.folder / "clockwork.yaml").read_text() + STRICT})
    site.apply()
    site.application().verify()
    return site


def privileged(replicas: int = 2) -> str:
    pod = WEB["spec"]["template"]["spec"]
    evil = {**pod, "containers": [{**pod["containers"][0], "securityContext": {"privileged": True}}]}
    template = {**WEB["spec"]["template"], "spec": evil}
    return documents(SPACE, CONFIG, changed(WEB, template=template, replicas=replicas))


def relaxed(site: Site) -> str:
    return (site.folder / "clockwork.yaml").read_text().replace(STRICT, "guard: {mode: standard}\n")


def test_a_mode_counts_once_it_was_applied(strict: Site) -> None:
    """Whoever merges a loosened mode before or with what it would let through gains nothing; applied alone, it counts."""
    strict.push({"clockwork.yaml": relaxed(strict), "k8s/shop.yaml": privileged()})
    with pytest.raises(Refused, match="guardrails block"):
        strict.apply()
    strict.push({"k8s/shop.yaml": privileged(3)})
    with pytest.raises(Refused, match="guardrails block"):
        strict.apply()
    strict.declare(SPACE, CONFIG, WEB)
    strict.application().verify()
    strict.push({"k8s/shop.yaml": privileged()})
    assert brief(strict.apply()) == ["update Deployment/shop/web"]


def accepted(site: Site) -> Path:
    """The baseline that accepts everything between what was applied and the newest commit, written into the folder."""
    before = site.git("ls-remote", "origin", "refs/clockwork/applied").split()[0]
    options = replace(site.options(), repo=str(site.folder))
    return accept_here(options, Compared(before, "HEAD"), days=30, reason="a debugging session").file


def test_what_is_accepted_later_is_applied(strict: Site) -> None:
    """The way out that the refusal names is one: a commit of its own that accepts the finding."""
    strict.push({"k8s/shop.yaml": privileged()})
    with pytest.raises(Refused, match="clockwork guard baseline"):
        strict.apply()
    accepted(strict)
    strict.push({})
    assert brief(strict.apply()) == ["update Deployment/shop/web"]


def test_a_change_does_not_accept_itself(strict: Site) -> None:
    """What exempts in the very commit that needs it counts for nothing, also once other commits came."""
    strict.push({"k8s/shop.yaml": privileged()})
    accepted(strict)
    strict.git("add", "-A")
    strict.git("commit", "-q", "--amend", "-m", "Both at once")
    strict.git("push", "-q", "-f", "origin", "HEAD:main")
    with pytest.raises(Refused, match="guardrails block"):
        strict.apply()
    strict.push({"notes.txt": "later"})
    with pytest.raises(Refused, match="guardrails block"):
        strict.apply()


def test_more_commits_than_are_looked_at_are_not_applied(strict: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not looked at is not fine."""
    monkeypatch.setattr(merged_changes, "_MOST", 2)
    for number in range(2):
        strict.push(
            {"notes.txt": str(number), "k8s/shop.yaml": documents(SPACE, CONFIG, changed(WEB, replicas=5 + number))}
        )
    with pytest.raises(Refused, match="2 commits or more"):
        strict.apply()


def test_a_kept_plan_is_refused_once_something_moved(site: Site) -> None:
    """Another commit, or something else that runs, makes a plan that somebody agreed to worthless."""
    plans = [each.actions for each in site.application().plans]
    kept = read_plans(json.dumps(to_json(plans)).encode(), file="plan")
    check_plans(kept, plans)
    site.server.put(SPACE)
    site.server.put(CONFIG)
    with pytest.raises(Stale, match="what runs is no longer what the plan was made from"):
        check_plans(kept, [each.actions for each in site.application().plans])
    site.declare(SPACE, CONFIG)
    with pytest.raises(Stale, match="the branch is at"):
        check_plans(kept, [each.actions for each in site.application().plans])


def test_what_a_dead_run_began_is_called_done_only_where_all_was_planned(site: Site) -> None:
    """An intent that is planned no more: done, unless something could not be planned, of which it may be a part."""
    plan = site.application().plans[0].actions
    gap = replace(plan, actions=(), not_planned=(NotPlanned("Secret/shop/x", "it could not be looked at"),))
    results: list[Result | None] = []
    for later in (replace(plan, actions=()), gap):
        clock = MovableClock()
        ledger = journal_of(site.application().opened, f"t{len(results)}")
        begin = partial(
            ApplyJournal.begin, clock=clock, actor=Actor("ada"), new_id=lambda: uuid.uuid4().hex, seconds=600
        )
        first = begin(plan, ledger, holder=Holder("first"))
        first.intend([Work(plan.actions[0], None, None, uuid.uuid4().hex, clock.now())])
        begin(later, ledger, holder=Holder("second", lambda name: name == "first"))
        results += [entry.result for entry in ledger.read().entries if entry.kind is EntryKind.OUTCOME]
    assert results == [Result.SUCCEEDED, Result.ABANDONED]
