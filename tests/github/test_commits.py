"""Commits that the host makes and signs, against a running sandbox: exactly one, on the head that was expected."""

from __future__ import annotations

import pytest
from github.Repository import Repository

from bot.errors import Refused, Stale, Unavailable
from bot.model.codehost import CommitDraft
from bot.safety.trailers import INTENT, compose
from tests.github.conftest import World

GRAPHQL = r"/graphql$"
INTENT_ID = "0123456789abcdef" * 2
MESSAGE = compose("Keep what runs for web", body="Why it is so.", trailers=[(INTENT, INTENT_ID), ("Severity", "LOW")])


def repository(world: World) -> Repository:
    return world.api(world.person_token).get_repo(world.name)


def tip(world: World) -> str:
    return repository(world).get_branch("main").commit.sha


def draft(expected: str, message: str = MESSAGE) -> CommitDraft:
    return CommitDraft("main", expected, message, {"k8s/é.yaml": b"\x00\xffbytes\r\n"}, ("a.txt",))


def messages(world: World) -> list[str]:
    """Newest first."""
    return [entry.commit.message for entry in repository(world).get_commits("main")]


def test_a_commit_is_made_with_its_files_and_message(world: World) -> None:
    """One request adds, deletes and commits; bytes and trailers arrive as they were."""
    before = tip(world)
    world.box.requests.clear()
    made = world.host().commits().make(draft(before))
    assert world.writes() == ["POST /api/graphql"]
    assert made == tip(world) != before
    commit = repository(world).get_commit(made)
    assert [parent.sha for parent in commit.parents] == [before]
    assert commit.commit.message.strip() == MESSAGE.strip()
    assert {file.filename: file.status for file in commit.files} == {"a.txt": "removed", "k8s/é.yaml": "added"}
    assert repository(world).get_contents("k8s/é.yaml").decoded_content == b"\x00\xffbytes\r\n"  # type: ignore[union-attr]


def test_a_moved_head_is_stale_and_nothing_is_written(world: World) -> None:
    """Whoever expects a head that has moved writes nothing and is told to look again, without another attempt."""
    before = tip(world)
    repository(world).create_file("new.txt", "By hand", "x", branch="main")
    moved = tip(world)
    world.box.requests.clear()
    with pytest.raises(Stale, match=r"main is no longer at [0-9a-f]{7}"):
        world.host().commits().make(draft(before))
    assert tip(world) == moved
    assert len(world.writes()) == 1


@pytest.mark.parametrize("fault", ["lost", "502 after", "502 before", "lost twice"])
def test_a_lost_reply_never_makes_two(world: World, fault: str) -> None:
    """After a reply that never came the branch is looked at before the mutation is sent again: exactly one commit."""
    before = tip(world)
    if fault.startswith("lost"):
        world.box.faults.lose_reply(GRAPHQL)
    else:
        world.box.faults.fail(502, GRAPHQL, method="POST", after=fault.endswith("after"))
    if fault == "lost twice":
        world.box.faults.fail(502, r"/commits$", method="GET", times=2)
    made = world.host().commits().make(draft(before))
    assert made == tip(world)
    assert messages(world).count(MESSAGE.strip()) + messages(world).count(MESSAGE) == 1
    assert len(messages(world)) == 2
    assert world.box.faults.pending == 0


def test_a_lost_commit_is_found_below_a_newer_one(world: World) -> None:
    """Somebody commits on top between the lost reply and the look: ours is still recognised by its intent."""
    before = tip(world)
    host = world.host()
    made = host.commits().make(draft(before))
    repository(world).create_file("new.txt", "By hand", "x", branch="main")
    world.box.faults.fail(502, GRAPHQL, method="POST")
    assert host.commits().make(draft(before)) == made
    assert len(messages(world)) == 3


def test_another_bots_commit_is_not_taken_for_ours(world: World) -> None:
    """A reply is lost before anything was done and another intent is committed meanwhile: stale, not success."""
    before = tip(world)
    other = MESSAGE.replace(INTENT_ID, INTENT_ID[::-1])
    world.host().commits().make(draft(before, other))
    world.box.faults.fail(502, GRAPHQL, method="POST")
    with pytest.raises(Stale):
        world.host().commits().make(draft(before))
    assert len(messages(world)) == 2


def test_a_commit_without_an_intent_is_looked_at_again_by_the_caller(world: World) -> None:
    """Nothing tells whose a commit without an intent is, so a lost reply ends as a lost race and never as two commits."""
    world.box.faults.lose_reply(GRAPHQL)
    with pytest.raises(Stale):
        world.host().commits().make(draft(tip(world), "Plain\n"))
    assert len(messages(world)) == 2


def test_a_host_that_never_answers_is_unavailable(world: World) -> None:
    """Three attempts, then the next run has to try; no commit and no token in the message."""
    world.box.faults.fail(502, GRAPHQL, method="POST", times=3)
    with pytest.raises(Unavailable, match="several times") as caught:
        world.host().commits().make(draft(tip(world)))
    assert world.bot_token not in str(caught.value)
    assert len(messages(world)) == 1


def test_missing_permission_is_refused(world: World) -> None:
    """An account that may only read is told which permission it lacks, and nothing is written."""
    stranger = world.box.create_user("stranger")
    with pytest.raises(Refused, match="contents") as caught:
        world.host(stranger).commits().make(draft(tip(world)))
    assert stranger not in str(caught.value)
    assert len(messages(world)) == 1
