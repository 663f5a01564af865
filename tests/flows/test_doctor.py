"""What would fail is told before it does, each thing with what to do about it; the same answers a run gets."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.flows import doctor
from bot.flows.commands import record_order
from bot.model.codehost import HostFacts, HostRights
from bot.model.diagnosis import Diagnosis, Health
from bot.model.ledger import EntryKind
from bot.wiring.doctor import diagnose
from tests.entry import clockwork
from tests.flows.stage import DEPLOYMENT, NAME, Stage

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def told(stage: Stage, **changes: object) -> dict[str, Diagnosis]:
    """The diagnoses of the stage that are no OK, by message."""
    stage.show()
    options = replace(stage.options(), **changes)  # type: ignore[arg-type]
    return {each.message: each for each in diagnose(options) if each.health is not Health.OK}


def test_a_repository_that_works_has_nothing_that_fails(stage: Stage) -> None:
    """Only notes: nobody made a workflow, and check runs are for apps."""
    messages = told(stage)
    assert {each.health for each in messages.values()} <= {Health.NOTE}
    assert "no workflow runs Clockwork" in messages


def test_nothing_is_written_by_looking(stage: Stage) -> None:
    """Neither issue nor pull request nor ref is there afterwards that was not there before."""
    before = stage.api("GET", "/branches")
    told(stage)
    assert stage.issues() == []
    assert stage.api("GET", "/branches") == before


@pytest.mark.parametrize("lane", ["issues", "pull_requests", "contents"])
def test_a_right_that_is_missing_is_named_by_lane(stage: Stage, lane: str) -> None:
    """Of a token with fine-grained rights the one that it lacks, and what to do."""
    rights = {"contents": "write", "issues": "write", "pull_requests": "write", "checks": "write"}
    rights[lane] = "read"
    stage.token = stage.box.admin.token("clockwork[bot]", permissions=rights)
    what = lane.replace("_", " ")
    diagnosis = told(stage)[f"the token may not write {what}"]
    assert (diagnosis.health, diagnosis.advice) == (Health.FAILS, f"Give it {what}: write.")


def test_a_reader_may_write_nothing(stage: Stage) -> None:
    """An account that may only read is named, with what it needs."""
    stage.token = stage.human = stage.box.create_user("reader")
    messages = told(stage)
    assert "reader may not push: no commit, no pull request, no ledger" in messages


@pytest.mark.parametrize("ruleset", [False, True])
def test_a_branch_that_takes_no_commit_is_a_note(stage: Stage, ruleset: bool) -> None:
    """The rule, and which way safe patches go then."""
    ask = stage.box.admin.add_ruleset if ruleset else stage.box.admin.protect
    where = "refs/heads/main" if ruleset else "main"
    ask(NAME, where, pull_request=True)
    notes = [each for each in told(stage).values() if each.area == "branch"]
    assert [each.health for each in notes] == [Health.NOTE]
    assert "safe patches come as pull requests" in notes[0].message


def test_switches_of_the_host(stage: Stage) -> None:
    """Issues that are off are a note, an archived repository fails."""
    stage.box.admin.switch(NAME, has_issues=False)
    assert told(stage)["issues are switched off: runbooks stay in the report"].health is Health.NOTE
    stage.box.admin.switch(NAME, archived=True)
    assert told(stage)[f"{NAME} is archived: nothing can be written"].health is Health.FAILS


def test_a_halt_is_told_with_the_command_that_lifts_it(stage: Stage) -> None:
    """While everything is halted a run writes nothing."""
    record_order(stage.loop().run, EntryKind.HALT, reason="audit")
    (halted,) = [each for message, each in told(stage).items() if message.startswith("Halted since")]
    assert (halted.health, "audit" in halted.message) == (Health.FAILS, True)
    assert halted.advice.startswith("clockwork resume -m ")


def test_a_lane_that_the_host_closed_is_remembered(stage: Stage) -> None:
    """What a run learnt from a refusal is in the ledger; the doctor reads it there."""
    stage.box.admin.protect(NAME, pull_request=True)
    stage.safe_drift()
    stage.clock.at = datetime.now(UTC)
    stage.tick()
    lanes = [each for each in told(stage).values() if each.area == "lanes"]
    assert ["closed for commits" in each.message for each in lanes] == [True]


def test_live_state_that_cannot_be_read(stage: Stage) -> None:
    """The observer, the reason, and what to do."""
    messages = told(stage, live="http://127.0.0.1:9/live")
    (gap,) = [each for each in messages.values() if each.area == "live state"]
    assert gap.health is Health.FAILS
    assert "127.0.0.1:9" in gap.message
    assert gap.advice


def test_a_repository_that_cannot_be_reached(tmp_path: Path) -> None:
    """Everything that needs it is left out, and the exit code is 1."""
    done = clockwork("doctor", "--repo", "http://127.0.0.1:9/a/b.git", folder=tmp_path)
    assert done.returncode == 1, done
    assert "FAILS  repository" in done.stdout
    assert "Traceback" not in done.stderr


def test_settings_that_name_what_is_not_there(tmp_path: Path) -> None:
    """A variable that nobody set, an assistant without its program, a workflow of another version, an old schema."""
    files = {
        "k8s/web.yaml": DEPLOYMENT.decode(),
        "clockwork.yaml": (
            "notifications: {receivers: {team: {apprise_env: TEAM_CHAT}}}\n"
            "guard: {assistants: [{kind: command, command: [no-such-program]}]}\n"
        ),
        ".github/workflows/c.yml": "run: pipx install 'clockwork-gitops==0.0.1' && clockwork reconcile\n",
        ".clockwork/clockwork.schema.json": "{}\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    done = clockwork("doctor", "--offline", "--json", folder=tmp_path)
    assert done.returncode == 1, done
    diagnoses = {each["message"]: each for each in json.loads(done.stdout)}
    assert diagnoses["notifications.receivers.team names TEAM_CHAT, which is not set"]["health"] == "note"
    assert diagnoses["command: no program no-such-program on PATH"]["health"] == "FAILS"
    assert ".github/workflows/c.yml installs 0.0.1, this is 0.1.0" in diagnoses
    assert diagnoses[".clockwork/clockwork.schema.json is that of another version"]["advice"].startswith(
        "clockwork schema >"
    )
    assert all(each["advice"] for each in diagnoses.values() if each["health"] in {"note", "FAILS"})


def test_settings_that_are_wrong_are_the_first_thing(tmp_path: Path) -> None:
    """They are named with file and line, and nothing else can be told."""
    (tmp_path / "clockwork.yaml").write_text("fixs: {}\n")
    done = clockwork("doctor", "--offline", folder=tmp_path, COLUMNS="80")
    assert done.returncode == 1, done
    assert "clockwork.yaml:1: unknown setting 'fixs'" in " ".join(done.stdout.split())
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("seconds", "health"), [(0, Health.OK), (59, Health.OK), (-61, Health.FAILS), (3600, Health.FAILS)]
)
def test_a_clock_beside_the_hosts(seconds: int, health: Health) -> None:
    """A minute is the most, in both directions; without the host's clock nothing is said."""
    (diagnosis,) = doctor.clock(NOW, NOW + timedelta(seconds=seconds))
    assert diagnosis.health is health
    assert list(doctor.clock(NOW, None)) == []


def test_the_token_of_a_job() -> None:
    """It starts no workflows; whether it may open pull requests is a switch, named where it is off."""
    rights = HostRights("github-actions[bot]", None, actions_propose=False, rules=frozenset({"required_signatures"}))
    diagnoses = list(doctor.rights(rights, HostFacts(1, NAME), labels=["clockwork"], signing="none"))
    assert [each.health for each in diagnoses if "open pull requests" in each.message] == [Health.FAILS]
    assert [each.health for each in diagnoses if "starts no workflow" in each.message] == [Health.NOTE]
    assert any("author.signing" in each.advice for each in diagnoses)
