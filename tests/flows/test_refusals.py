"""What the host turns down by its rules, switches, rights and limits: the next way is taken, and nothing counts as failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.entrypoints.outcome import exit_code
from bot.model.ledger import Result
from bot.model.proposal import Effect
from bot.safety.state import state
from tests.flows.stage import NAME, Stage, by_lane

ACTIONS = "github-actions[bot]"


def failures(stage: Stage) -> tuple[int, Sequence[str]]:
    """How many failures the ledger counts, and the tasks that it stopped."""
    loop = stage.loop()
    known = state(loop.run.ledger.read(), stage.clock.now(), loop.run.limits)
    return known.failures, sorted(known.stopped)


def written(stage: Stage) -> int:
    """How many entries the ledger has."""
    return len(stage.loop().run.ledger.read().entries)


@pytest.mark.parametrize("ruleset", [False, True])
def test_a_branch_that_takes_no_commit_gets_a_pull_request(stage: Stage, ruleset: bool) -> None:
    """The safe patch is proposed in the same run, labelled so; further runs leave it, write nothing and stop nothing."""
    ask = stage.box.admin.add_ruleset if ruleset else stage.box.admin.protect
    ask(NAME, "main", pull_request=True)
    stage.safe_drift()
    done = stage.tick()
    (action,) = done.actions
    assert (action.effect, exit_code(done)) == (Effect.OPENED, 0)
    (pull,) = stage.pulls()
    assert {label["name"] for label in pull["labels"]} == {"clockwork", "clockwork/safe"}
    assert "takes no direct commit" in pull["body"]
    before = written(stage)
    for _ in range(4):
        stage.clock.move(minutes=10)
        assert [action.effect for action in stage.tick(fresh=True).actions] == [Effect.UNCHANGED]
    assert (written(stage), failures(stage)) == (before, (0, []))
    assert any("The branch takes no direct commit" in note for note in stage.tick().notes)


def test_a_branch_that_opens_again_is_committed_to(stage: Stage) -> None:
    """Once the rule is lifted and a while has passed the patch is committed, and its pull request is closed."""
    stage.box.admin.protect(NAME, pull_request=True)
    stage.safe_drift()
    stage.tick()
    stage.box.admin.lift_rules(NAME)
    stage.clock.move(hours=2)
    done = stage.tick()
    assert by_lane(done)["artifact-patch"].effect is Effect.COMMITTED
    assert {pull["state"] for pull in stage.pulls()} == {"closed"}


def test_a_safe_patch_merges_by_itself_where_that_is_allowed(stage: Stage) -> None:
    """With auto-merge on and a check required, the pull request merges once that check is green."""
    stage.box.admin.switch(NAME, auto_merge=True)
    stage.box.admin.protect(NAME, pull_request=True, checks=("ci",))
    stage.safe_drift()
    (action,) = stage.tick().actions
    (pull,) = stage.pulls()
    assert pull["auto_merge"] is not None
    stage.api("POST", f"/statuses/{pull['head']['sha']}", state="success", context="ci")
    assert stage.api("GET", f"/pulls/{action.number}")["merged"] is True
    assert not stage.tick().report.drift


def as_actions(stage: Stage) -> None:
    """The bot is a job of Actions, which may not propose."""
    stage.token = stage.box.create_user(ACTIONS, bot=True, installation=True)
    stage.box.admin.switch(NAME, actions_propose=False)


def test_proposals_wait_on_one_issue_that_names_the_switch(stage: Stage) -> None:
    """One issue for all of them; safe patches and runbooks go on; the switch set, they are opened and the issue closes."""
    as_actions(stage)
    stage.safe_drift()
    stage.config_drift()
    stage.destructive_drift()
    done = stage.tick()
    effects = {action.lane.value: action.effect for action in done.actions if action.task != "the whole repository"}
    assert effects == {
        "artifact-patch": Effect.COMMITTED,
        "config-pull-request": Effect.WAITING,
        "runbook-issue": Effect.OPENED,
    }
    assert exit_code(done) == 0
    (asking,) = [issue for issue in stage.issues() if issue["title"].startswith("Pull requests cannot be opened")]
    assert "Allow GitHub Actions to create and approve pull requests" in asking["body"]
    before = written(stage)
    stage.tick(fresh=True)
    assert (written(stage), len(stage.issues()), failures(stage)) == (before, 2, (0, []))
    stage.box.admin.switch(NAME, actions_propose=True)
    stage.clock.move(hours=2)
    assert by_lane(stage.tick())["config-pull-request"].effect is Effect.OPENED
    stage.tick()
    assert stage.api("GET", f"/issues/{asking['number']}")["state"] == "closed"


def test_without_issues_a_runbook_waits_in_the_report(stage: Stage) -> None:
    """The run is red with one line that names the switch; nothing is written, counted or stopped."""
    stage.box.admin.switch(NAME, has_issues=False)
    stage.destructive_drift()
    for _ in range(3):
        done = stage.tick(fresh=True)
        (action,) = done.actions
        assert (action.effect, exit_code(done)) == (Effect.UNDELIVERED, 4)
        assert [("Switch on" in note, "Issues" in note) for note in done.notes] == [(True, True)]
    assert failures(stage) == (0, [])
    stage.box.admin.switch(NAME, has_issues=True)
    assert [action.effect for action in stage.tick().actions] == [Effect.OPENED]


def test_an_archived_repository_is_only_reported_about(stage: Stage) -> None:
    """Nothing is tried: every lane is closed, and the report says why."""
    stage.box.admin.switch(NAME, archived=True)
    stage.safe_drift()
    stage.destructive_drift()
    stage.box.requests.clear()
    done = stage.tick()
    assert {action.effect for action in done.actions} == {Effect.UNDELIVERED}
    assert (exit_code(done), stage.box.requests.writes()) == (4, ())
    assert all("archived" in note for note in done.notes)


def test_a_limit_is_waited_for_by_the_next_runs(stage: Stage) -> None:
    """The wait is in the ledger: fresh runners ask for nothing before its end, nothing counts, and then it goes on."""
    stage.config_drift()
    stage.destructive_drift()
    stage.box.faults.secondary_limit(r"/(pulls|issues)$", method="POST", times=9, retry_after=300)
    first = stage.tick()
    assert {action.effect for action in first.actions} == {Effect.DENIED}
    assert {action.limit for action in first.actions} == {"host-limit"}
    stage.box.requests.clear()
    assert {action.limit for action in stage.tick(fresh=True).actions} == {"host-limit"}
    assert stage.box.requests.writes() == ()
    stage.box.faults.clear()
    stage.clock.move(minutes=6)
    assert {action.effect for action in stage.tick(fresh=True).actions} == {Effect.OPENED}
    assert failures(stage) == (0, [])


def test_content_that_comes_too_quickly_is_waited_for(stage: Stage) -> None:
    """The limit that looks like a mistake of ours is none: three runs meet it, no failure counts, and the next one proposes."""
    said = "Validation Failed: was submitted too quickly"
    stage.box.faults.fail(422, r"/pulls$", method="POST", times=3, message=said)
    stage.config_drift()
    for _ in range(3):
        (action,) = stage.tick(fresh=True).actions
        assert (action.effect, action.limit) == (Effect.DENIED, "host-limit")
        stage.clock.move(minutes=20)
    assert [action.effect for action in stage.tick(fresh=True).actions] == [Effect.OPENED]
    assert (len(stage.pulls()), failures(stage)) == (1, (0, []))


def test_a_conversation_that_takes_no_words_is_closed_without(stage: Stage) -> None:
    """Where nobody of us may comment, what is over is closed all the same, and what somebody continued stays theirs."""
    stage.config_drift(8081)
    stage.destructive_drift()
    stage.tick()
    said = "Unable to create comment because issue is locked."
    stage.box.faults.fail(403, r"/comments$", method="POST", times=99, message=said)
    (pull,) = stage.pulls()
    stage.edit("k8s/service.yaml", lambda text: text + "# by hand\n", branch=pull["head"]["ref"])
    stage.config_drift(8082)
    done = stage.tick(fresh=True)
    assert by_lane(done)["config-pull-request"].effect is Effect.HANDED_OVER
    stage.restore()
    done = stage.tick(fresh=True)
    assert [(action.effect, action.lane) for action in done.actions] == [(Effect.CLOSED, "runbook-issue")]
    assert [issue["state"] for issue in stage.issues()] == ["closed"]
    assert exit_code(done) == 0


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_the_moment_loses_no_last_words(stage: Stage, status: int) -> None:
    """It says nothing about the conversation: nothing is closed without its reason, and the next run says it and closes."""
    stage.destructive_drift()
    stage.tick()
    stage.restore()
    stage.box.faults.fail(status, r"/comments$", method="POST", times=1, message="Resource not accessible")
    assert [action.effect for action in stage.tick(fresh=True).actions] == [Effect.WAITING]
    assert [issue["state"] for issue in stage.issues()] == ["open"]
    assert [action.effect for action in stage.tick(fresh=True).actions] == [Effect.CLOSED]
    (issue,) = stage.issues()
    assert (issue["state"], issue["comments"]) == ("closed", 1)


def test_a_repository_that_is_unarchived_is_written_to_again(stage: Stage) -> None:
    """What waited in the report is delivered by the next run, without anybody lifting a stop."""
    stage.box.admin.switch(NAME, archived=True)
    stage.safe_drift()
    stage.config_drift()
    for _ in range(3):
        stage.tick(fresh=True)
    stage.box.admin.switch(NAME, archived=False)
    assert {action.effect for action in stage.tick(fresh=True).actions} == {Effect.COMMITTED, Effect.OPENED}
    assert failures(stage) == (0, [])


def test_branches_that_nobody_may_create_keep_proposals_waiting(stage: Stage) -> None:
    """One issue tells of it, however many runs meet it; once the rule is lifted the proposal is made and the issue closed."""
    stage.box.admin.add_ruleset(NAME, "clockwork/**", creation=True)
    stage.config_drift()
    for _ in range(4):
        done = stage.tick(fresh=True)
        assert by_lane(done)["config-pull-request"].effect is Effect.WAITING
        stage.clock.move(hours=2)
    assert (len(stage.issues("open")), failures(stage)) == (1, (0, []))
    stage.box.admin.lift_rules(NAME)
    done = stage.tick(fresh=True)
    assert [action.effect for action in done.actions] == [Effect.OPENED, Effect.CLOSED]
    assert (len(stage.pulls("open")), stage.issues("open")) == (1, [])


def test_a_branch_in_the_way_is_named(stage: Stage) -> None:
    """Beside a branch ``clockwork`` no ``clockwork/x`` can be: it is said without a try, and another prefix goes round it."""
    stage.api("POST", "/git/refs", ref="refs/heads/clockwork", sha=stage.commits()[0]["sha"])
    stage.config_drift()
    before = written(stage)
    done = stage.tick()
    assert by_lane(done)["config-pull-request"].effect is Effect.WAITING
    assert any("the branch clockwork is in the way" in note for note in done.notes)
    stage.tick(fresh=True)
    assert written(stage) == before + 2, "the issue that names the branch, and nothing else"
    stage.edit("clockwork.yaml", lambda text: text.replace("{min", "{branch_prefix: bot/clockwork-, min"))
    assert by_lane(stage.tick())["config-pull-request"].effect is Effect.OPENED
    (pull,) = stage.pulls()
    assert pull["head"]["ref"].startswith("bot/clockwork-")


def test_a_label_that_is_refused_leaves_the_pull_request(stage: Stage) -> None:
    """A token without the right to label opens one pull request and knows it in the next run."""
    stage.box.faults.fail(403, r"/labels", times=99, message="Resource not accessible by integration")
    stage.config_drift()
    assert [action.effect for action in stage.tick().actions] == [Effect.OPENED]
    assert [action.effect for action in stage.tick(fresh=True).actions] == [Effect.UNCHANGED]
    assert len(stage.pulls()) == 1


def test_a_conflict_is_made_again_from_the_new_head(stage: Stage) -> None:
    """A base that changed beside the proposed line makes the pull request again; one that changed elsewhere does not."""
    stage.config_drift()
    (opened,) = stage.tick().actions
    stage.edit("k8s/web.yaml", lambda text: text + "# elsewhere\n")
    assert [action.effect for action in stage.tick().actions] == [Effect.UNCHANGED]
    stage.edit("k8s/service.yaml", lambda text: text.replace("name: http\n", "name: http   # ours\n"))
    assert stage.api("GET", f"/pulls/{opened.number}")["mergeable_state"] == "dirty"
    assert [action.effect for action in stage.tick().actions] == [Effect.UPDATED]
    assert stage.api("GET", f"/pulls/{opened.number}")["mergeable_state"] == "clean"
    assert [action.effect for action in stage.tick().actions] == [Effect.UNCHANGED]


def test_a_disabled_level_writes_nothing_at_all(stage: Stage) -> None:
    """Neither for a drift nor for one that is gone: what is open stays open until somebody decides."""
    stage.config_drift()
    stage.destructive_drift()
    stage.tick()
    stage.edit("clockwork.yaml", lambda text: text + "fixes: {level: disabled}\n")
    stage.box.requests.clear()
    assert stage.tick().actions == ()
    stage.restore()
    assert stage.tick().actions == ()
    assert stage.box.requests.writes() == ()
    assert {item["state"] for item in (*stage.pulls(), *stage.issues())} == {"open"}


def test_a_rule_that_does_nothing_closes_nothing(stage: Stage) -> None:
    """With ``remedy: nothing`` the drift is still there, so its issue stays; once it is gone the issue closes."""
    stage.destructive_drift()
    (opened,) = stage.tick().actions
    rules = (
        "version: 1\nrules:\n  - id: quiet\n    match: {destructive: true}\n    remedy: nothing\n"
        "    direction: restore\n    risk: low\n    reason: Known.\n"
    )
    stage.api("PUT", "/contents/policies/quiet.yaml", message="Quiet", content=_base64(rules), branch="main")
    assert stage.tick().actions == ()
    assert stage.api("GET", f"/issues/{opened.number}")["state"] == "open"
    stage.restore()
    assert [action.effect for action in stage.tick().actions] == [Effect.CLOSED]


def _base64(text: str) -> str:
    import base64

    return base64.b64encode(text.encode()).decode()


def test_a_right_that_is_missing_is_named(stage: Stage) -> None:
    """A token that may not write pull requests: the permission stands in the note, and nothing is counted."""
    rights = {"contents": "write", "issues": "write", "checks": "write"}
    stage.token = stage.box.admin.token("clockwork[bot]", permissions=rights)
    stage.config_drift()
    done = stage.tick()
    assert by_lane(done)["config-pull-request"].effect is Effect.WAITING
    assert any("pull_requests=write" in note for note in done.notes)
    assert failures(stage) == (0, [])
    assert Result.FAILED not in {entry.result for entry in stage.loop().run.ledger.read().entries}


@pytest.mark.parametrize("rights", [{"issues": "write", "pull_requests": "write"}, {}])
def test_a_token_that_may_not_push_writes_nothing_and_says_which_right(stage: Stage, rights: dict[str, str]) -> None:
    """Without the ledger nothing is written; the report says what differs, and the run that a right is missing."""
    granted = {"metadata": "read", "contents": "read", "issues": "read", "pull_requests": "read", **rights}
    token = stage.box.admin.token("clockwork[bot]", permissions=granted)
    stage.safe_drift()
    stage.config_drift()
    stage.destructive_drift()
    stage.box.requests.clear()
    done = replace(stage, token=token).tick()
    assert done.blocked is not None
    assert "contents: write" in done.blocked
    assert "\n" not in done.blocked
    assert (len(done.report.drift), exit_code(done)) == (4, 4)
    assert [line for line in stage.box.requests.writes() if line.status < 300] == []
