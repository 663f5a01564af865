"""Checks against a running sandbox: visible early, concluded last, never twice, and as a status where runs are denied."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.errors import Unavailable
from bot.model.codehost import Annotation, AnnotationLevel, Check, CheckState
from tests.github.conftest import World


def remarks(count: int) -> tuple[Annotation, ...]:
    return tuple(
        Annotation("a.txt", line, line, AnnotationLevel.WARNING, f"Title {line}", f"Message {line}")
        for line in range(1, count + 1)
    )


def check(
    world: World, state: CheckState = CheckState.FAILURE, count: int = 0, summary: str = "What was found."
) -> Check:
    with world.api(world.bot_token) as api:
        sha = api.get_repo(world.name).get_branch("main").commit.sha
    return Check("clockwork/guardrails", sha, state, "3 findings", summary, remarks(count), external_id="h:b:r")


def runs(world: World, sha: str) -> list[Any]:
    with world.api(world.bot_token) as api:
        return list(api.get_repo(world.name).get_commit(sha).get_check_runs(filter="all"))


def shown(world: World, sha: str) -> list[str]:
    """The messages of all annotations of the one check run."""
    (run,) = runs(world, sha)
    return [annotation.message for annotation in run.get_annotations()]


@pytest.mark.parametrize("count", [0, 1, 50, 51, 120])
def test_a_check_ends_with_all_its_annotations(world: World, count: int) -> None:
    """In progress first, annotations in batches, the conclusion last; and a second time nothing is written."""
    host, final = world.host(), check(world, count=count)
    begun = host.publish(replace(final, state=CheckState.IN_PROGRESS, annotations=()))
    published = host.publish(final)
    assert (published.id, published.kind) == (begun.id, "check-run")
    assert shown(world, final.head_sha) == [annotation.message for annotation in final.annotations]
    (run,) = runs(world, final.head_sha)
    assert (run.status, run.conclusion) == ("completed", "failure")
    world.box.requests.clear()
    assert world.host().publish(final).id == published.id
    assert world.writes() == []


@pytest.mark.parametrize("fault", ["lost", "before", "after"])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_lost_reply_doubles_nothing(world: World, method: str, fault: str) -> None:
    """Whether the lost write happened or not, there is one check run and each annotation is there once."""
    final = check(world, count=70)
    if fault == "lost":
        world.box.faults.lose_reply(r"/check-runs", method=method)
    else:
        world.box.faults.fail(502, r"/check-runs", method=method, after=fault == "after")
    world.host().publish(final)
    assert shown(world, final.head_sha) == [annotation.message for annotation in final.annotations]
    assert world.box.faults.pending == 0


def test_a_run_that_died_is_finished_by_the_next(world: World) -> None:
    """After a crash between two batches the check is still in progress; the next run adds only what is missing."""
    final = check(world, count=120)
    host = world.host()
    host.publish(replace(final, state=CheckState.IN_PROGRESS, annotations=()))
    world.box.faults.fail(502, r"/check-runs/\d+$", method="PATCH", times=1, after=True)
    world.box.faults.fail(502, r"/check-runs/\d+$", method="", times=50)
    with pytest.raises(Unavailable):
        host.publish(final)
    world.box.faults.clear()
    assert runs(world, final.head_sha)[0].status == "in_progress"
    world.host().publish(final)
    assert shown(world, final.head_sha) == [annotation.message for annotation in final.annotations]


def test_another_result_is_another_run_and_the_old_one_stays_as_it_was(world: World) -> None:
    """A new judgement of the same commit shows as the newest run; a finished one is not rewritten."""
    host, final = world.host(), check(world, count=3)
    first = host.publish(final)
    second = host.publish(replace(final, state=CheckState.SUCCESS, annotations=()))
    assert second.id > first.id
    assert {run.id: run.conclusion for run in runs(world, final.head_sha)} == {
        first.id: "failure",
        second.id: "success",
    }


def test_what_was_left_in_progress_is_retired(world: World) -> None:
    """A half-written run of another result does not stay pending for ever beside the finished one."""
    host, final = world.host(), check(world, count=60)
    world.box.faults.fail(502, r"/check-runs/\d+$", method="PATCH", times=1, after=True)
    world.box.faults.fail(502, r"/check-runs/\d+$", times=50)
    with pytest.raises(Unavailable):
        host.publish(final)
    world.box.faults.clear()
    done = host.publish(replace(final, state=CheckState.SUCCESS, annotations=()))
    assert {run.id: run.conclusion for run in runs(world, final.head_sha)}[done.id] == "success"
    assert all(run.status == "completed" for run in runs(world, final.head_sha))


def test_a_token_without_check_permission_writes_a_status(world: World) -> None:
    """Where GitHub refuses check runs, a commit status of another name tells the same in 140 characters."""
    host = world.host(world.person_token)
    final = replace(check(world), title="x" * 300)
    begun = host.publish(replace(final, state=CheckState.IN_PROGRESS))
    published = host.publish(final)
    assert (begun.kind, published.kind) == ("commit-status", "commit-status")
    with world.api(world.person_token) as api:
        combined = api.get_repo(world.name).get_commit(final.head_sha).get_combined_status()
        (status,) = combined.statuses
    assert (status.context, status.state) == ("clockwork/guardrails (status)", "failure")
    assert len(status.description) == 140
    world.box.requests.clear()
    world.host(world.person_token).publish(final)
    assert [write for write in world.writes() if "/statuses/" in write] == []


def test_a_long_summary_is_cut_and_hostile_text_disarmed(world: World) -> None:
    """A summary beyond the limit is cut with its fence closed; a title mentions nobody."""
    final = replace(check(world, summary="```\n" + "line\n" * 40_000), title="@dana\nfixes #1")
    world.host().publish(final)
    (run,) = runs(world, final.head_sha)
    assert len(run.output.summary) <= 65_535
    assert run.output.summary.count("```") == 2
    assert run.output.title == "＠dana fixes “＃1"


def test_a_verdict_that_exists_is_not_said_again(world: World) -> None:
    """The same result of the same identity, also from a fresh process, is one check run that never goes back to running."""
    sha = world.branch("judged")
    for _ in range(3):
        host = world.host()
        for state in (CheckState.IN_PROGRESS, CheckState.SUCCESS):
            host.publish(Check("guard", sha, state, "Fine", "All of it.", (), "identity"))
            with world.api(world.bot_token) as api:
                runs = list(api.get_repo(world.name).get_commit(sha).get_check_runs(filter="all"))
            assert len(runs) == 1
    assert runs[0].conclusion == "success"
