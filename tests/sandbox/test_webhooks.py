"""Webhooks: what is sent when, how it is signed, and what gets lost."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path

import github.Repository
import pytest

from tests.sandbox.people import Box, client, cloned, commit_file, git, propose, tip
from tests.sandbox.receiver import Receiver, receiving

Repo = github.Repository.Repository
SECRET = "whisper"


@pytest.fixture
def heard(box: Box, repo: Repo) -> Iterator[Receiver]:
    """Everything of the repository, delivered to a real HTTP server."""
    with receiving() as receiver:
        box.server.register_webhook(repo.full_name, receiver.url, secret=SECRET)
        box.server.webhooks.settle()
        assert receiver.names == ["ping"]
        receiver.arrivals.clear()
        yield receiver
        box.server.webhooks.settle()
        box.server.backend.store.run("DELETE FROM hook")


def test_deliveries_are_signed(box: Box, repo: Repo, heard: Receiver) -> None:
    """X-Hub-Signature-256 is the HMAC of the body; each delivery has its own id and names sender and repository."""
    repo.create_issue("One").create_comment("Two")
    box.server.webhooks.settle()
    assert heard.names == ["issues.opened", "issue_comment.created"]
    for arrival in heard.arrivals:
        expected = "sha256=" + hmac.new(SECRET.encode(), arrival.body, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(arrival.signature, expected)
        assert arrival.payload["repository"]["full_name"] == repo.full_name
        assert arrival.payload["sender"]["login"] == "clockwork"
    assert len({arrival.guid for arrival in heard.arrivals}) == 2


def test_a_pull_request_tells_its_life(box: Box, repo: Repo, heard: Receiver) -> None:
    """opened, edited, synchronize with both shas, closed and reopened, merged; each push comes first."""
    pull = propose(repo)
    first = pull.head.sha
    pull.edit(title="Better")
    repo.create_file("more", "More", "x", branch="fix")
    pull.edit(state="closed")
    pull.edit(state="open")
    repo.get_pull(pull.number).merge()
    box.server.webhooks.settle()
    assert heard.names == [
        "push",
        "push",
        "pull_request.opened",
        "pull_request.edited",
        "push",
        "pull_request.synchronize",
        "pull_request.closed",
        "pull_request.reopened",
        "pull_request.closed",
        "push",
    ]
    moved, merged = heard.arrivals[5].payload, heard.arrivals[8].payload
    assert (moved["before"], moved["after"]) == (first, tip(repo, "fix"))
    assert merged["pull_request"]["merged"] is True
    assert merged["number"] == pull.number


def test_a_git_push_is_told(box: Box, repo: Repo, heard: Receiver, folder: Path) -> None:
    """ref, before, after, the commits oldest first, and whether it was forced."""
    work = cloned(box, repo.full_name, folder)
    before = tip(repo)
    commit_file(work, "one", "1", "One")
    commit_file(work, "two", "2", "Two")
    git("push", "-q", at=work)
    git("reset", "-q", "--hard", before, at=work)
    git("push", "-q", "--force", at=work)
    git("push", "-q", "origin", "HEAD:refs/heads/side", at=work)
    git("push", "-q", "origin", ":side", at=work)
    box.server.webhooks.settle()
    pushes = [arrival.payload for arrival in heard.arrivals]
    assert [commit["message"] for commit in pushes[0]["commits"]] == ["One\n", "Two\n"]
    assert (pushes[0]["before"], pushes[0]["after"]) == (before, pushes[0]["head_commit"]["id"])
    flags = [(push["ref"], push["created"], push["deleted"], push["forced"]) for push in pushes]
    assert flags == [
        ("refs/heads/main", False, False, False),
        ("refs/heads/main", False, False, True),
        ("refs/heads/side", True, False, False),
        ("refs/heads/side", False, True, False),
    ]


def test_only_refs_that_moved_are_told(box: Box, repo: Repo, heard: Receiver, folder: Path) -> None:
    """Of a push that is carried out in part, whether its report tells what was or hooks do."""
    work = cloned(box, repo.full_name, folder)
    for number, more in enumerate([[], [":gone"]]):
        git("branch", "gone", at=work, check=False)
        git("push", "-q", "origin", "gone", at=work)
        box.server.webhooks.settle()
        heard.arrivals.clear()
        refs = [f"HEAD:refs/heads/new-{number}", "HEAD:refs/pull/77/head", f"HEAD:refs/tags/t{number}", *more]
        done = git("push", "origin", *refs, at=work, check=False)
        assert "deny updating a hidden ref" in done.stderr
        box.server.webhooks.settle()
        names = [arrival.payload["ref"] for arrival in heard.arrivals if arrival.event == "push"]
        told = {f"refs/heads/new-{number}", f"refs/tags/t{number}", *("refs/heads/gone" for _ in more)}
        assert set(names) == told
        assert len(names) == len(told)


def test_checks_are_told(box: Box, repo: Repo, heard: Receiver) -> None:
    """A check run is created and completed, and its suite is completed with it."""
    run = repo.create_check_run("guard", tip(repo), status="in_progress")
    run.edit(conclusion="failure")
    box.server.webhooks.settle()
    assert heard.names == ["check_run.created", "check_run.completed", "check_suite.completed"]
    assert heard.arrivals[-1].payload["check_suite"]["conclusion"] == "failure"


def test_deliveries_get_lost_and_doubled(box: Box, repo: Repo, heard: Receiver) -> None:
    """A lost one is on record and can be sent again under its old id; a doubled one keeps its id."""
    box.server.webhooks.drop()
    repo.create_issue("Lost")
    box.server.webhooks.duplicate()
    repo.create_issue("Doubled")
    repo.create_issue("Plain")
    box.server.webhooks.settle()
    assert [arrival.payload["issue"]["title"] for arrival in heard.arrivals] == ["Doubled", "Doubled", "Plain"]
    assert heard.arrivals[0].guid == heard.arrivals[1].guid
    lost = next(delivery for delivery in box.server.deliveries(repo.full_name) if delivery.status_code == -1)
    with client(box.server, box.server.create_user("you")) as owner:
        hook = owner.get_repo(repo.full_name).get_hooks()[0]
        hook.requester.requestJsonAndCheck("POST", f"{hook.url}/deliveries/{lost.id}/attempts")
    box.server.webhooks.settle()
    assert (heard.arrivals[-1].guid, heard.arrivals[-1].payload["issue"]["title"]) == (lost.guid, "Lost")


def test_a_failing_receiver_is_on_record(box: Box, repo: Repo, heard: Receiver) -> None:
    """Status codes are kept, and what answers nothing counts as -1."""
    heard.status = 500
    repo.create_issue("One")
    box.server.register_webhook(repo.full_name, "http://127.0.0.1:9/closed")
    box.server.webhooks.settle()
    assert sorted(delivery.status_code for delivery in box.server.deliveries(repo.full_name)) == [-1, 200, 500]


def test_hooks_are_managed_through_the_api(box: Box, repo: Repo) -> None:
    """Events narrow what is sent; the secret is never shown; deleting ends it. Only administrators may."""
    with receiving() as heard, client(box.server, box.server.create_user("you")) as owner:
        mine = owner.get_repo(repo.full_name)
        hook = mine.create_hook("web", {"url": heard.url, "secret": SECRET, "content_type": "json"}, ["issues"])
        assert hook.config["secret"] == "********"
        repo.create_issue("One").create_comment("x")
        hook.edit("web", {"url": heard.url}, events=["issue_comment"])
        repo.get_issue(1).create_comment("y")
        hook.ping()
        box.server.webhooks.settle()
        assert heard.names == ["ping", "issues.opened", "issue_comment.created", "ping"]
        assert [delivery.event for delivery in mine.get_hook_deliveries(hook.id)][::-1] == [
            "ping",
            "issues",
            "issue_comment",
            "ping",
        ]
        hook.delete()
        repo.create_issue("Two")
        box.server.webhooks.settle()
        assert len(heard.arrivals) == 4
