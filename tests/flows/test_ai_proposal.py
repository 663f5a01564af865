"""Pull requests with an AI tool's output on the sandbox: one, labelled, within the budgets, and never against a person."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from bot.confinement.walls import Wall, best
from bot.errors import Refused
from bot.flows.ai_proposal import LABEL, AIProposal, propose, task_of, title_of
from bot.flows.context import STEPS, RunContext
from bot.flows.review import change_between, describe
from bot.model.codehost import CheckState
from bot.model.finding import AuthorKind, Mode
from bot.model.guarded import AIRequest, AIResult
from bot.model.ledger import Actor, Entry, EntryKind, Result
from bot.model.proposal import Effect, TakenAction
from bot.wiring.guard import review
from bot.wiring.guarded_run import GuardedRuns
from bot.wiring.reconcile import run_context
from bot.wiring.repository import open_repository
from tests.flows.stage import Stage
from tests.flows.test_guard import guard
from tests.flows.workshop import Workshop

pytestmark = pytest.mark.skipif(best() is Wall.NONE, reason="no wall stands on this machine")

SETTINGS = "guard:\n  assistants:\n    - {kind: command, name: claude, command: [fixer], reviews: false}\n"
REQUEST = AIRequest("claude", "Open port 8081 of the service.\nIt is @team's wish.", None, Mode.STRICT)
EDIT = "p = pathlib.Path('k8s/service.yaml'); p.write_text(p.read_text().replace('port: 80\\n', 'port: {}\\n')); print('Done.')"


class Died(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def shop(stage: Stage, tmp_path: Path) -> Stage:
    """The stage, whose settings name a tool that changes the service's port."""
    stage.edit("clockwork.yaml", lambda text: text + SETTINGS)
    Workshop(tmp_path).program(EDIT.format(8081))
    return stage


def runs(stage: Stage) -> GuardedRuns:
    """Guarded runs on the branch's head, as the command line opens them, with the stage's clock."""
    options = stage.options()
    path = f"{stage.directory / 'bin'}{os.pathsep}{os.environ['PATH']}"
    opened = open_repository(replace(options, environment={**options.environment, "PATH": path}))
    head = opened.repository.head("main")
    assert head is not None
    return GuardedRuns(opened, head, stage.clock)


def proposed(stage: Stage, request: AIRequest = REQUEST) -> tuple[AIResult, TakenAction]:
    """What becomes of the request's pull request."""
    site = runs(stage)
    result = site.process(request)
    assert result.approved
    action = site.propose(result, request)
    assert site.close() == 0
    return result, action


def ledger(stage: Stage) -> list[Entry]:
    """The entries, oldest first."""
    return list(run_context(runs(stage).opened, clock=stage.clock).ledger.read().entries)


def test_one_labelled_pull_request(shop: Stage) -> None:
    """It is opened once whatever often it is asked for, says who wrote it and why, and the ledger knows it."""
    result, action = proposed(shop)
    assert action.effect is Effect.OPENED
    assert proposed(shop)[1].effect is Effect.UNCHANGED
    (pull,) = shop.pulls()
    assert {label["name"] for label in pull["labels"]} == {"clockwork", LABEL}
    assert pull["title"] == "AI-proposed (claude): Open port 8081 of the service."
    for part in ("An AI tool wrote this change", "`claude`", f"`{result.session_id}`", "It is ＠team", "Done."):
        assert part in pull["body"], part
    (commit,) = shop.api("GET", f"/pulls/{pull['number']}/commits")
    assert "Assisted-by: claude" in commit["commit"]["message"]
    (file,) = shop.api("GET", f"/pulls/{pull['number']}/files")
    assert (file["filename"], file["changes"]) == ("k8s/service.yaml", 2)
    intent, outcome = (entry for entry in ledger(shop) if entry.task == task_of(REQUEST))
    assert (intent.kind, outcome.kind, outcome.result) == (EntryKind.INTENT, EntryKind.OUTCOME, Result.SUCCEEDED)
    assert outcome.detail["number"] == str(pull["number"])


def test_the_guard_judges_it_as_an_agents(shop: Stage) -> None:
    """The check on the pull request knows that an agent wrote it; a tool that only writes is not asked to review."""
    number = proposed(shop)[1].number
    assert number is not None
    watch = guard(shop)
    watch.opened.repository.fetch()
    assert review(watch, number).state is CheckState.SUCCESS
    pull = watch.host.pull(number)
    change = describe(change_between(watch.repository, pull.base_sha, pull.head_sha), pull)
    assert (change.author_kind, change.agent) == (AuthorKind.AGENT, "claude")


def test_ticks_leave_it_alone(shop: Stage) -> None:
    """No run of the loop takes it for a drift's, closes it or deletes its branch."""
    proposed(shop)
    shop.clock.move(hours=2)
    done = shop.tick()
    assert done.actions == ()
    (pull,) = shop.pulls()
    assert pull["state"] == "open"


def test_another_output_updates_it(shop: Stage, tmp_path: Path) -> None:
    """The same prompt with another output is the same pull request with new content; another prompt is another one."""
    proposed(shop)
    Workshop(tmp_path).program(EDIT.format(8082))
    assert proposed(shop)[1].effect is Effect.UPDATED
    (pull,) = shop.pulls()
    (file,) = shop.api("GET", f"/pulls/{pull['number']}/files")
    assert "+      port: 8082" in file["patch"]
    assert proposed(shop, replace(REQUEST, prompt="Another"))[1].effect is Effect.OPENED
    assert len(shop.pulls()) == 2


def test_closing_rejects_exactly_this_change(shop: Stage, tmp_path: Path) -> None:
    """A closed pull request is not opened again for the same content; for another it is."""
    number = proposed(shop)[1].number
    shop.api("PATCH", f"/pulls/{number}", state="closed")
    _, action = proposed(shop)
    assert (action.effect, action.number) == (Effect.REJECTED, number)
    Workshop(tmp_path).program(EDIT.format(8082))
    assert proposed(shop)[1].effect is Effect.OPENED


def test_a_persons_commit_keeps_the_branch(shop: Stage, tmp_path: Path) -> None:
    """Whoever commits to the branch has it from then on."""
    proposed(shop)
    branch = shop.pulls()[0]["head"]["ref"]
    shop.edit("k8s/service.yaml", lambda text: text + "# mine\n", branch=branch)
    Workshop(tmp_path).program(EDIT.format(8082))
    _, action = proposed(shop)
    assert action.effect is Effect.HANDED_OVER
    (pull,) = shop.pulls()
    files = shop.api("GET", f"/pulls/{pull['number']}/files")
    assert "+# mine" in files[0]["patch"]


def test_budgets_and_halts_hold(shop: Stage) -> None:
    """A halt refuses it, and a spent budget denies it with the limit; nothing is written then."""
    site = runs(shop)
    result = site.process(REQUEST)
    run = run_context(site.opened, clock=shop.clock)
    narrow = replace(run, limits=replace(run.limits, proposals_per_hour=0))
    proposal = AIProposal(task_of(REQUEST), title_of(REQUEST), REQUEST, result)
    action = propose(proposal, narrow)
    assert (action.effect, action.limit is not None) == (Effect.DENIED, True)
    view = run.ledger.read()
    halt = Entry("f" * 32, EntryKind.HALT, shop.clock.now(), Actor("rosa"), reason="stop")
    run.ledger.append(view, [halt])
    with pytest.raises(Refused, match="Halted"):
        propose(proposal, run)
    assert shop.pulls() == []


def test_blocked_and_empty_outputs_are_never_proposed(shop: Stage) -> None:
    """What is not approved, or changes nothing, never reaches the host."""
    site = runs(shop)
    result = site.process(REQUEST)
    run = run_context(site.opened, clock=shop.clock)
    for wrong in (replace(result, approved=False), replace(result, parsed=replace(result.parsed, files={}))):
        with pytest.raises(Refused):
            propose(AIProposal("prompt/x", "T", REQUEST, wrong), run)
    workflow = replace(result, parsed=replace(result.parsed, files={".github/workflows/x.yml": b"on: push\n"}))
    with pytest.raises(Refused, match="workflow"):
        propose(AIProposal("prompt/x", "T", REQUEST, workflow), run)
    assert (shop.pulls(), ledger(shop)) == ([], [])


@pytest.mark.parametrize("step", ["intent", "branch-commit", "branch-push", "pull", "outcome"])
def test_a_death_anywhere_leaves_one_pull_request(shop: Stage, step: str) -> None:
    """Whatever step a run dies after, a later one ends with exactly one pull request and no open intent."""
    assert step in STEPS
    site = runs(shop)
    result = site.process(REQUEST)
    proposal = AIProposal(task_of(REQUEST), title_of(REQUEST), REQUEST, result)
    with pytest.raises(Died):
        propose(proposal, _dying(run_context(site.opened, clock=shop.clock), step))
    if step not in {"pull", "outcome"}:
        assert proposed(shop)[1].effect is Effect.IN_PROGRESS
    shop.clock.move(minutes=11)
    assert proposed(shop)[1].effect is (Effect.UNCHANGED if step in {"pull", "outcome"} else Effect.OPENED)
    assert len(shop.pulls()) == 1
    entries = [entry for entry in ledger(shop) if entry.task == task_of(REQUEST)]
    intents = {entry.id for entry in entries if entry.kind is EntryKind.INTENT}
    assert intents == {entry.intent for entry in entries if entry.kind is EntryKind.OUTCOME}


def _dying(run: RunContext, step: str) -> RunContext:
    def reached(name: str) -> None:
        if name == step:
            raise Died

    return replace(run, reached=reached)
