"""The dashboard on a real server: it says what stands, ticks are orders of whoever ticked, and nothing people write is lost."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from bot.flows.commands import record_order
from bot.flows.dashboard.board import TITLE
from bot.flows.dashboard.boxes import Box, BoxVerb, ticked
from bot.flows.dashboard.boxes import tick as ticked_in
from bot.flows.kept import NOTES
from bot.flows.reconcile import Loop, tick
from bot.model.codehost import Issue, Marker
from bot.model.ledger import EntryKind
from bot.model.proposal import Effect, Tick
from bot.wiring.reconcile import open_loop
from tests.flows.stage import NAME, Stage
from tests.web import new_client

SETTINGS = "version: 1\ngithub: {min_write_interval: 0, dashboard: true}\n"
BOX = re.compile(r"- \[[ x]\] <!-- clockwork (?P<verb>\w+) (?P<fingerprint>\S+)(?: (?P<task>\S+))? -->")


@pytest.fixture(autouse=True)
def settings(stage: Stage) -> None:
    """The dashboard is on, and there is budget for two pull requests."""
    stage.edit("clockwork.yaml", lambda _text: SETTINGS)


def board(stage: Stage) -> Any:
    """The one dashboard."""
    (issue,) = [issue for issue in stage.issues() if issue["title"] == TITLE]
    return issue


def offered(stage: Stage) -> dict[str, Box]:
    """The boxes on the dashboard by verb."""
    found = [match.groupdict() for match in BOX.finditer(board(stage)["body"])]
    boxes = [
        Box(BoxVerb(each["verb"]), each["task"] or "", "" if each["fingerprint"] == "-" else each["fingerprint"])
        for each in found
    ]
    return {box.verb.value: box for box in boxes}


def press(stage: Stage, verb: str, *, token: str | None = None) -> None:
    """Somebody ticks the box with this order."""
    issue = board(stage)
    body = ticked_in(issue["body"], [offered(stage)[verb]])
    assert body != issue["body"]
    stage.api("PATCH", f"/issues/{issue['number']}", token=token, body=body)


def order_of(stage: Stage, kind: EntryKind) -> tuple[str, str | None]:
    """Who gave the last order of a kind, about which task."""
    entries = [entry for entry in stage.loop(fresh=True).run.ledger.read().entries if entry.kind is kind]
    return entries[-1].actor.login, entries[-1].task


def effects(done: Tick) -> list[Effect]:
    """What became of everything."""
    return [action.effect for action in done.actions]


def without_budget(stage: Stage) -> None:
    """No pull request may be opened."""
    stage.edit("clockwork.yaml", lambda text: f"{text}fixes: {{pull_requests_per_hour: 0}}\n")


def test_it_says_what_stands_and_is_written_when_that_changes(stage: Stage) -> None:
    """Nothing differs; then everything does: by severity, lane and state, with the reason of what is held back."""
    stage.tick()
    assert "**Nothing differs.**" in board(stage)["body"]
    without_budget(stage)
    stage.safe_drift()
    stage.config_drift()
    stage.destructive_drift()
    stage.tick()
    body = board(stage)["body"]
    assert "| without a target | 3 | **1** | **2** | · | · |" in body  # what was committed differs no more
    assert "### Waiting for you: issues (1)" in body
    assert "### Held back for now (1)" in body
    assert "0 of 0 new pull requests were used in the last 60 minutes" in body
    assert "- automatic commits in 60 minutes: 1 of 20" in body
    assert [label["name"] for label in board(stage)["labels"]] == ["clockwork", "clockwork/dashboard"]
    assert len([issue for issue in stage.issues() if issue["title"] == TITLE]) == 1


def test_a_quiet_run_asks_for_nothing_more(stage: Stage) -> None:
    """With the dashboard on, a run with nothing new makes the same conditional requests as without it."""
    stage.config_drift()
    stage.destructive_drift()
    loop = stage.loop()
    for _ in range(3):
        tick(loop)
    written = board(stage)["updated_at"], board(stage)["body"]
    stage.box.requests.clear()
    done = tick(loop)
    asked = [line for line in stage.box.requests.lines() if ".git/" not in line.path]
    assert set(effects(done)) == {Effect.UNCHANGED}
    assert [line.status for line in asked] == [304, 304, 304]
    assert (board(stage)["updated_at"], board(stage)["body"]) == written


def test_approving_opens_the_pull_request_whatever_the_budget(stage: Stage) -> None:
    """In the same run, in the name of whoever ticked; the box is gone, and the order is told."""
    without_budget(stage)
    stage.config_drift()
    assert effects(stage.tick()) == [Effect.DENIED]
    press(stage, "approve")
    assert effects(stage.tick()) == [Effect.OPENED]
    assert order_of(stage, EntryKind.NOTE) == ("rosa", "Service/shop/web")
    body = board(stage)["body"]
    assert "rosa: Open it now (Service/shop/web)" in body
    assert "approve" not in offered(stage)
    assert ticked(body) == ()


def test_restore_takes_the_pull_request_back_for_the_steps_and_adopt_returns_it(stage: Stage) -> None:
    """The pull request is closed, an issue has the steps; adopting proposes it again."""
    stage.config_drift()
    (opened,) = stage.tick().actions
    assert "Restore it instead by hand: an issue has the steps\n" in board(stage)["body"]
    press(stage, "restore")
    done = stage.tick()
    assert sorted(effects(done)) == [Effect.CLOSED, Effect.OPENED]
    assert stage.api("GET", f"/pulls/{opened.number}")["state"] == "closed"
    (issue,) = [issue for issue in stage.issues("open") if issue["title"] != TITLE]
    assert "rosa chose to restore it" in issue["body"]
    assert "kubectl" in issue["body"]
    assert effects(stage.tick()) == [Effect.UNCHANGED]
    press(stage, "adopt")
    assert sorted(effects(stage.tick())) == [Effect.CLOSED, Effect.OPENED]
    assert len(stage.pulls("open")) == 1


def test_ignoring_lasts_seven_days(stage: Stage) -> None:
    """Until then it is told as ignored; afterwards it is proposed again."""
    without_budget(stage)
    stage.config_drift()
    stage.tick()
    press(stage, "ignore")
    (action,) = stage.tick().actions
    assert action.effect is Effect.REJECTED
    assert "rosa ignores this proposal until 2026-03-08 12:00 UTC" in board(stage)["body"]
    stage.clock.move(days=7)
    assert effects(stage.tick()) == [Effect.DENIED]


def test_what_was_closed_is_proposed_again_once_somebody_ticks_it(stage: Stage) -> None:
    """Rejected, still different: a tick forgives."""
    stage.config_drift()
    (opened,) = stage.tick().actions
    stage.api("PATCH", f"/pulls/{opened.number}", state="closed")
    assert effects(stage.tick()) == [Effect.REJECTED]
    assert "### Rejected or ignored, still different (1)" in board(stage)["body"]
    press(stage, "retry")
    assert effects(stage.tick()) == [Effect.OPENED]
    assert order_of(stage, EntryKind.RETRY) == ("rosa", None)
    assert "rosa: Propose it again (Service/shop/web)" in board(stage)["body"]


def test_suspended_tasks_rest_until_somebody_ticks_resume(stage: Stage) -> None:
    """Also while nothing of them differs they are on the dashboard."""
    stage.config_drift()
    stage.tick()
    press(stage, "suspend")
    stage.tick()
    assert order_of(stage, EntryKind.SUSPEND) == ("rosa", "Service/shop/web")
    stage.restore()
    stage.tick()
    assert "rosa suspended it until somebody resumes it" in board(stage)["body"]
    press(stage, "resume")
    stage.tick()
    assert "suspended it" not in board(stage)["body"]


def test_a_halt_is_told_and_lifted_there(stage: Stage) -> None:
    """While everything is halted the dashboard says so; ticking lifts it, and the same run goes on."""
    stage.config_drift()
    record_order(stage.loop().run, EntryKind.HALT, reason="migration")
    done = stage.tick()
    assert (done.actions, done.blocked is not None) == ((), True)
    body = board(stage)["body"]
    assert "> [!WARNING]\n> **Halted since" in body
    assert "Service/shop/web" in body
    press(stage, "resume")
    assert effects(stage.tick()) == [Effect.OPENED]
    assert "Halted" not in board(stage)["body"]


def test_a_tick_of_somebody_who_may_not_write_is_answered_and_undone(stage: Stage) -> None:
    """Who may edit issues alone orders nothing here."""
    stage.config_drift()
    stage.tick()
    guest = stage.box.create_user("guest")
    stage.box.add_collaborator(NAME, "guest", "triage")
    press(stage, "suspend", token=guest)
    stage.tick()
    assert ticked(board(stage)["body"]) == ()
    (comment,) = stage.api("GET", f"/issues/{board(stage)['number']}/comments")
    assert "ticked by guest, was not carried out: only people with write access" in comment["body"]
    assert stage.loop(fresh=True).run.ledger.read().entries[-1].kind is not EntryKind.SUSPEND


def test_each_tick_counts_once_and_for_who_made_it(stage: Stage) -> None:
    """Somebody else's edit after a tick takes it over for nobody, and a run that died before it wrote repeats nothing."""
    stage.config_drift()
    stage.tick()
    guest = stage.box.create_user("guest")
    stage.box.add_collaborator(NAME, "guest", "triage")
    press(stage, "suspend")
    body = board(stage)["body"]
    stage.api("PATCH", f"/issues/{board(stage)['number']}", token=guest, body=f"{body}\nMine, too.")
    stage.tick()
    assert order_of(stage, EntryKind.SUSPEND) == ("rosa", "Service/shop/web")
    left = board(stage)
    stage.api("PATCH", f"/issues/{left['number']}", body=left["body"] + " ")
    stage.tick()
    orders = [e for e in stage.loop(fresh=True).run.ledger.read().entries if e.kind is EntryKind.SUSPEND]
    assert len(orders) == 1


def test_notes_below_the_line_stay(stage: Stage) -> None:
    """Whatever the dashboard says meanwhile."""
    stage.tick()
    issue = board(stage)
    stage.api("PATCH", f"/issues/{issue['number']}", body=f"{issue['body']}\nRosa is on call.\n")
    stage.config_drift()
    stage.tick()
    assert board(stage)["body"].partition(NOTES)[2].strip() == "Rosa is on call."
    assert "Waiting for you" in board(stage)["body"]


class LateHost:
    """A code host whose clients write over an edit that they had no chance to see."""

    def __init__(self, real: Any, stage: Stage, verb: str) -> None:
        self._real, self._stage, self._verb = real, stage, verb

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def edits(self, issue: Issue) -> Any:
        return self._real.edits(issue)

    def rewrite_issue(self, issue: Issue, *, marker: Marker, title: str, body: str) -> Issue:
        if not self._verb:
            return self._real.rewrite_issue(issue, marker=marker, title=title, body=body)  # type: ignore[no-any-return]
        press(self._stage, self._verb)
        self._verb = ""
        return self._real.update_issue(issue.number, marker=marker, title=title, body=body)  # type: ignore[no-any-return]


def late(loop: Loop, stage: Stage, verb: str) -> Loop:
    """The loop on such a host."""
    host: Any = LateHost(loop.run.host, stage, verb)
    return replace(loop, run=replace(loop.run, host=host))


def test_a_tick_in_the_moment_of_a_write_is_not_lost(stage: Stage) -> None:
    """GitHub writes without conditions: what was written over is put back from the history, and the next run obeys it."""
    stage.config_drift()
    stage.tick()
    stage.destructive_drift()
    done = tick(late(stage.loop(), stage, "suspend"))
    assert done.notes == ()
    assert [box.verb for box in ticked(board(stage)["body"])] == [BoxVerb.SUSPEND]
    assert "### Waiting for you: issues (1)" in board(stage)["body"]
    stage.tick()
    assert order_of(stage, EntryKind.SUSPEND) == ("rosa", "Service/shop/web")


def test_closed_it_opens_again_once_it_says_something_else(stage: Stage) -> None:
    """Switched off in the settings, it is closed for good."""
    stage.tick()
    number = board(stage)["number"]
    stage.api("PATCH", f"/issues/{number}", state="closed")
    stage.tick()
    assert board(stage)["state"] == "closed"
    stage.config_drift()
    stage.tick()
    assert (board(stage)["state"], board(stage)["number"]) == ("open", number)
    stage.edit("clockwork.yaml", lambda text: text.replace("dashboard: true", "dashboard: false"))
    stage.tick()
    assert board(stage)["state"] == "closed"
    (comment,) = stage.api("GET", f"/issues/{number}/comments")
    assert "switched off" in comment["body"]


def test_a_run_that_sees_a_part_leaves_it_alone(stage: Stage) -> None:
    """With ``--target`` it is neither written nor closed; a run on another branch has one of its own."""
    stage.tick()
    before = board(stage)
    stage.config_drift()
    stage.show()
    part = open_loop(stage.options(), clock=stage.clock)
    assert part.run.dashboard is True
    confined = open_loop(replace(stage.options(), target="prod"), clock=stage.clock)
    assert confined.run.dashboard is None
    tick(replace(part, run=replace(part.run, dashboard=None)))
    assert board(stage) == before
    head = stage.api("GET", "/git/ref/heads/main")["object"]["sha"]
    stage.api("POST", "/git/refs", ref="refs/heads/next", sha=head)
    tick(open_loop(replace(stage.options("next"), branch="next"), clock=stage.clock))
    assert [issue["title"] for issue in stage.issues("open")].count(TITLE) == 2


def test_it_is_known_under_another_secret(stage: Stage) -> None:
    """By the ledger: a new secret makes no second dashboard."""
    stage.tick()
    stage.config_drift()
    options = stage.options("other")
    changed = replace(options, environment={**options.environment, "CLOCKWORK_SECRET": "another"})
    stage.show()
    tick(open_loop(changed, clock=stage.clock))
    assert "Waiting for you: pull requests (1)" in board(stage)["body"]


def test_a_box_is_ticked_on_the_page(stage: Stage) -> None:
    """As a person does it in a browser: the form that the page draws for a box."""
    stage.config_drift()
    stage.tick()
    issue = board(stage)
    address = f"/{NAME}/issues/{issue['number']}"
    line = next(n for n, text in enumerate(issue["body"].splitlines()) if "clockwork suspend" in text)
    with new_client(base_url=stage.box.url) as web:
        page = web.get(address).text
        token = re.search(r'name="token" value="([^"]+)"', page)
        assert token is not None
        assert "clockwork suspend" not in page
        form = {"token": token[1], "line": str(line), "was": "false"}
        assert web.post(f"{address}/task", data=form).status_code == 303
    stage.tick()
    assert order_of(stage, EntryKind.SUSPEND) == ("you", "Service/shop/web")
    assert "### Suspended or stopped (1)" in board(stage)["body"]
