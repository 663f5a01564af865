"""What is ours stays known, whatever administrators do to secrets, accounts, names, labels and texts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from bot.flows.reconcile import tick
from bot.model.ledger import EntryKind
from bot.model.observation import Observation
from bot.model.proposal import Effect, Tick
from bot.model.resource import Desired
from bot.wiring.reconcile import open_loop
from tests.flows.stage import NAME, Prepared, Stage, by_lane
from tests.web import WEB


def again(stage: Stage, **environment: str) -> Tick:
    """A run on a fresh clone with another environment."""
    stage.runs += 1
    stage.show()
    options = stage.options(f"cache-{stage.runs}")
    changed = replace(options, environment={**options.environment, **environment})
    return tick(open_loop(changed, clock=stage.clock))


def rotate(stage: Stage) -> dict[str, str]:
    """Another CLOCKWORK_SECRET."""
    return {"CLOCKWORK_SECRET": "rotated"}


def forget(stage: Stage) -> dict[str, str]:
    """No secret any more: its key follows from the name."""
    return {"CLOCKWORK_SECRET": ""}


def another_account(stage: Stage) -> dict[str, str]:
    """The token of another app, which may not ask who it is."""
    return {"CLOCKWORK_TOKEN": stage.box.create_user("gitops[bot]", bot=True, installation=True)}


def another_name(stage: Stage) -> dict[str, str]:
    """The repository was transferred; the bot still has its old address."""
    stage.box.admin.rename(NAME, "umbrella/store")
    return {}


def no_label(stage: Stage) -> dict[str, str]:
    """Somebody takes our labels off."""
    for item in (*stage.pulls(), *stage.issues()):
        stage.api("DELETE", f"/issues/{item['number']}/labels")
    return {}


def another_label(stage: Stage) -> dict[str, str]:
    """Somebody renames our label."""
    stage.api("PATCH", "/labels/clockwork", new_name="gitops")
    return {}


def another_text(stage: Stage) -> dict[str, str]:
    """Somebody writes the descriptions anew."""
    for item in (*stage.pulls(), *stage.issues()):
        stage.api("PATCH", f"/issues/{item['number']}", body="See the wiki.", title="Ours now")
    return {}


CHANGES = (rotate, forget, another_account, another_name, no_label, another_label, another_text)
Change = Callable[[Stage], dict[str, str]]


def opened(stage: Stage) -> None:
    """A pull request and an issue of ours."""
    stage.config_drift(8081)
    stage.destructive_drift()
    stage.tick()


def closed(stage: Stage) -> None:
    """The same, and somebody closes both."""
    opened(stage)
    for item in (*stage.pulls(), *stage.issues()):
        stage.api("PATCH", f"/issues/{item['number']}", state="closed")


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_an_open_item_stays_the_one_about_its_drift(prepared: Prepared, tmp_path: Path, change: Change) -> None:
    """No second pull request or issue; a new value still updates the first, and a drift that is gone closes both."""
    with prepared.of(opened, tmp_path) as stage:
        environment = change(stage)
        assert {action.effect for action in again(stage, **environment).actions} == {Effect.UNCHANGED}
        stage.config_drift(8082)
        assert by_lane(again(stage, **environment))["config-pull-request"].effect is Effect.UPDATED
        assert (len(stage_items(stage, "pulls")), len(stage_items(stage, "issues"))) == (1, 1)
        stage.restore()
        done = again(stage, **environment)
        assert {action.effect for action in done.actions} == {Effect.CLOSED}
        states = {item["state"] for item in (*stage_items(stage, "pulls"), *stage_items(stage, "issues"))}
        assert states == {"closed"}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_somebody_closed_stays_closed(prepared: Prepared, tmp_path: Path, change: Change) -> None:
    """A rejected proposal is not made again, also where nobody recorded the rejection before the change."""
    with prepared.of(closed, tmp_path) as stage:
        environment = change(stage)
        for _ in range(2):
            assert {action.effect for action in again(stage, **environment).actions} == {Effect.REJECTED}
        assert (len(stage_items(stage, "pulls")), len(stage_items(stage, "issues"))) == (1, 1)


def test_the_number_of_an_item_means_nothing_in_another_repository(stage: Stage) -> None:
    """In a copy that brought the ledger along, somebody's pull request with the number of ours is left alone."""
    stage.config_drift()
    stage.tick()
    stage.box.create_repository("acme/copy", files={"a.txt": b"a"})
    theirs, ours = (stage.box.hub.repositories.open(name) for name in ("acme/copy", NAME))
    theirs.remotes.create_anonymous(ours.path).fetch(
        ["+refs/heads/main:refs/heads/main", "+refs/clockwork/*:refs/clockwork/*"]
    )
    copied = replace(stage, runs=stage.runs + 1)
    headers, address = {"Authorization": f"Bearer {stage.human}"}, f"{stage.box.api_url}/repos/acme/copy"
    content = {"message": "Mine", "content": "eA==", "branch": "mine"}
    made = {"ref": "refs/heads/mine", "sha": str(theirs.references["refs/heads/main"].target)}
    assert WEB.post(f"{address}/git/refs", json=made, headers=headers).status_code == 201
    assert WEB.put(f"{address}/contents/mine.txt", json=content, headers=headers).status_code == 201
    proposal = {"title": "Mine", "head": "mine", "base": "main"}
    assert WEB.post(f"{address}/pulls", json=proposal, headers=headers).json()["number"] == 1
    options = replace(copied.options("cache-copy"), repo=stage.box.git_url("acme/copy"))
    (action,) = tick(open_loop(options, clock=stage.clock)).actions
    assert (action.effect, action.number) == (Effect.OPENED, 2)
    copied.restore()
    copied.show()
    (action,) = tick(open_loop(options, clock=stage.clock)).actions
    assert (action.effect, action.number) == (Effect.CLOSED, 2)
    assert WEB.get(f"{address}/pulls/1", headers=headers).json()["state"] == "open"


def test_what_we_closed_is_nobodys_no(stage: Stage) -> None:
    """An item that an earlier account of ours closed under an earlier secret rejects nothing."""
    stage.config_drift()
    stage.tick()
    stage.restore()
    stage.tick()
    stage.config_drift()
    opened = again(stage, **rotate(stage), **another_account(stage))
    assert [action.effect for action in opened.actions] == [Effect.OPENED]


def test_what_another_run_closes_while_ours_looks_is_nobodys_no(stage: Stage) -> None:
    """Who saw the drift before it went away, and the ledger before that was noted, rejects nothing, although it cannot tell
    by account or comment whose closing it is; it is proposed again.
    """
    stage.config_drift()
    stage.tick()
    theirs = stage.loop(fresh=True)
    options = stage.options("cache-rotated")
    environment = {**options.environment, **rotate(stage), **another_account(stage)}
    ours = open_loop(replace(options, environment=environment), clock=stage.clock)
    tick(ours)
    seen = copy.deepcopy(stage.objects)

    def observe(target: str, declared: Sequence[Desired], now: datetime) -> Observation:
        observation = ours.observe(target, declared, now)
        stage.restore()
        stage.show()
        tick(theirs)
        return observation

    tick(replace(ours, observe=observe))
    assert [pull["state"] for pull in stage_items(stage, "pulls")] == ["closed"]
    assert not [entry for entry in ours.run.ledger.read().entries if entry.kind is EntryKind.REJECT]
    stage.objects = seen
    assert [action.effect for action in stage.tick(fresh=True).actions] == [Effect.OPENED]


def test_an_order_is_carried_out_once_whoever_signs(stage: Stage) -> None:
    """After the secret was changed an old halt is not obeyed again, though its answer no longer verifies."""
    from bot.flows.commands import Orders
    from bot.flows.comments import answer_comments

    stage.destructive_drift()
    (action,) = stage.tick().actions
    assert action.number is not None
    stage.api("POST", f"/issues/{action.number}/comments", body="/clockwork halt maintenance")
    for number, environment in enumerate(({}, rotate(stage))):
        options = stage.options(f"orders-{number}")
        loop = open_loop(replace(options, environment={**options.environment, **environment}), clock=stage.clock)
        answers = answer_comments(action.number, Orders(loop.run, loop.declarer, loop.run.actor))
        assert len(answers) == 1
        halts = [entry for entry in loop.run.ledger.read().entries if entry.kind == "halt"]
        assert len(halts) == 1


def stage_items(stage: Stage, kind: str) -> list[dict[str, object]]:
    """All pull requests or issues, by whatever name the repository has."""
    headers = {"Authorization": f"Bearer {stage.human}"}
    for name in (NAME, "umbrella/store"):
        answer = WEB.get(f"{stage.box.api_url}/repos/{name}/{kind}?state=all&per_page=100", headers=headers)
        if answer.status_code == 200:
            return [item for item in answer.json() if kind == "pulls" or "pull_request" not in item]
    raise AssertionError("the repository is gone")
