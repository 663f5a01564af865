"""The three lanes end to end: commit, pull request, runbook issue, each exactly once and for as long as it is needed."""

from __future__ import annotations

from dataclasses import replace

from bot.flows.reconcile import tick
from bot.model.proposal import Effect
from bot.wiring.reconcile import open_loop
from tests.flows.stage import Stage, by_lane


def all_three(stage: Stage) -> None:
    """One drift for each lane."""
    stage.safe_drift()
    stage.config_drift()
    stage.destructive_drift()


def test_nothing_to_do_writes_nothing(stage: Stage) -> None:
    """A look without drift makes no commit, no pull request, no issue and no ledger."""
    before = stage.commits()
    done = stage.tick()
    assert not done.actions
    assert done.report.resources == 3
    assert not done.report.drift
    assert stage.commits() == before
    assert not stage.pulls()
    assert not stage.issues()


def test_each_drift_takes_its_lane(stage: Stage) -> None:
    """A probe's number is committed, a port becomes a pull request, a deleted claim an issue."""
    all_three(stage)
    actions = by_lane(stage.tick())
    assert actions["artifact-patch"].effect is Effect.COMMITTED
    assert actions["config-pull-request"].effect is Effect.OPENED
    assert actions["runbook-issue"].effect is Effect.OPENED
    assert stage.commits()[0]["sha"] == actions["artifact-patch"].sha
    assert [pull["number"] for pull in stage.pulls("open")] == [actions["config-pull-request"].number]
    assert [issue["number"] for issue in stage.issues("open")] == [actions["runbook-issue"].number]


def test_the_commit_changes_one_line(stage: Stage) -> None:
    """The patch is a diff of one line, comments and all else survive, and its trailers say why."""
    stage.safe_drift(7)
    sha = by_lane(stage.tick())["artifact-patch"].sha
    commit = stage.api("GET", f"/commits/{sha}")
    (changed,) = commit["files"]
    assert (changed["filename"], changed["additions"], changed["deletions"]) == ("k8s/web.yaml", 1, 1)
    assert "+            failureThreshold: 7   # three misses" in changed["patch"]
    for trailer in ("Clockwork-Intent: ", "Drift: ", "Severity: LOW", "Rule: ", "Reason: "):
        assert trailer in commit["commit"]["message"]


def test_again_and_on_a_fresh_runner_nothing_is_repeated(stage: Stage) -> None:
    """However often it runs, and from whichever clone, there is one of each."""
    all_three(stage)
    stage.tick()
    commits = len(stage.commits())
    for fresh in (False, True, True):
        assert not stage.tick(fresh=fresh).wrote
    assert (len(stage.commits()), len(stage.pulls()), len(stage.issues())) == (commits, 1, 1)


def test_merging_approves(stage: Stage) -> None:
    """After the merge Git says what runs: the next look sees no drift."""
    stage.config_drift()
    number = by_lane(stage.tick())["config-pull-request"].number
    stage.api("PUT", f"/pulls/{number}/merge")
    done = stage.tick()
    assert not done.report.drift
    assert not done.wrote
    assert "port: 8081" in stage.file("k8s/service.yaml")


def test_closing_rejects_until_the_observation_changes(stage: Stage) -> None:
    """A closed proposal stays away, also on a fresh runner; another live value is another proposal."""
    stage.config_drift(8081)
    number = by_lane(stage.tick())["config-pull-request"].number
    stage.api("PATCH", f"/pulls/{number}", state="closed")
    assert by_lane(stage.tick())["config-pull-request"].effect is Effect.REJECTED
    assert by_lane(stage.tick(fresh=True))["config-pull-request"].effect is Effect.REJECTED
    assert len(stage.pulls()) == 1
    stage.config_drift(8082)
    assert by_lane(stage.tick())["config-pull-request"].effect is Effect.OPENED
    assert len(stage.pulls("open")) == 1


def test_another_observation_updates_the_open_pull_request(stage: Stage) -> None:
    """The same pull request shows the new value; no second one appears."""
    stage.config_drift(8081)
    number = by_lane(stage.tick())["config-pull-request"].number
    stage.config_drift(8082)
    action = by_lane(stage.tick())["config-pull-request"]
    assert (action.effect, action.number) == (Effect.UPDATED, number)
    (changed,) = stage.api("GET", f"/pulls/{number}/files")
    assert "+    - name: http\n+      port: 8082" in changed["patch"] or "+      port: 8082" in changed["patch"]
    assert len(stage.pulls()) == 1


def test_drift_that_goes_away_closes_its_items_with_a_comment(stage: Stage) -> None:
    """Pull request and issue close by themselves, with one comment each."""
    stage.config_drift()
    stage.destructive_drift()
    stage.tick()
    stage.restore()
    actions = by_lane(stage.tick())
    assert {action.effect for action in actions.values()} == {Effect.CLOSED}
    assert not stage.pulls("open")
    assert not stage.issues("open")
    for action in actions.values():
        comments = stage.api("GET", f"/issues/{action.number}/comments")
        assert len(comments) == 1
        assert "drift is gone" in comments[0]["body"]


def test_what_we_closed_is_proposed_again_when_it_comes_back(stage: Stage) -> None:
    """Only a person's closing is a no."""
    stage.config_drift()
    stage.destructive_drift()
    stage.tick()
    stage.restore()
    stage.tick()
    stage.config_drift()
    stage.destructive_drift()
    assert {action.effect for action in stage.tick().actions} == {Effect.OPENED}
    assert (len(stage.pulls("open")), len(stage.issues("open"))) == (1, 1)


def test_a_human_commit_on_our_branch_hands_it_over(stage: Stage) -> None:
    """Nobody's work is overwritten: the bot says so once and leaves the branch alone, also when the drift is gone."""
    stage.config_drift(8081)
    action = by_lane(stage.tick())["config-pull-request"]
    branch = stage.api("GET", f"/pulls/{action.number}")["head"]["ref"]
    stage.edit("k8s/service.yaml", lambda text: text + "# by hand\n", branch=branch)
    theirs = stage.api("GET", f"/pulls/{action.number}")["head"]["sha"]
    stage.config_drift(8082)
    for _ in range(2):
        assert by_lane(stage.tick())["config-pull-request"].effect is Effect.HANDED_OVER
    assert stage.api("GET", f"/pulls/{action.number}")["head"]["sha"] == theirs
    assert len(stage.api("GET", f"/issues/{action.number}/comments")) == 1
    stage.restore()
    assert not stage.tick().wrote
    assert len(stage.pulls("open")) == 1


def test_a_dry_run_predicts_what_the_run_does(stage: Stage) -> None:
    """The plan names exactly what the next run writes, and writes nothing itself."""
    all_three(stage)
    planned = stage.tick(dry_run=True)
    assert {action.effect for action in planned.actions} == {Effect.PLANNED}
    assert not stage.pulls()
    assert len(stage.commits()) == 1
    real = stage.tick()
    assert [(a.lane, a.task, a.fingerprint) for a in planned.actions] == [
        (a.lane, a.task, a.fingerprint) for a in real.actions
    ]
    assert all(action.effect.wrote for action in real.actions)


def test_a_snapshot_that_cannot_be_reached_is_never_no_drift(stage: Stage) -> None:
    """Open items stay open when nobody could look."""
    stage.config_drift()
    stage.tick()
    done = tick(open_loop(replace(stage.options(), live="http://127.0.0.1:9/live.json"), clock=stage.clock))
    assert done.report.unreachable
    assert not done.wrote
    assert len(stage.pulls("open")) == 1
