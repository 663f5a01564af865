"""Issues, comments, labels and reactions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import github.Repository
import pytest
from github import GithubException

from tests.sandbox.people import BOT, Box, client, propose

Repo = github.Repository.Repository


def test_an_issue_lives(repo: Repo) -> None:
    """Opened, edited, closed with a reason, reopened; its events tell the story."""
    issue = repo.create_issue("Broken", body="It is", labels=["bug"], assignees=["you"])
    issue.edit(title="Very broken", body="It really is")
    issue.edit(state="closed", state_reason="not_planned")
    fresh = repo.get_issue(issue.number)
    assert (fresh.title, fresh.state, fresh.state_reason) == ("Very broken", "closed", "not_planned")
    assert (fresh.raw_data["closed_by"]["login"], [user.login for user in fresh.assignees]) == (BOT, ["you"])
    fresh.edit(state="open")
    assert [event.event for event in fresh.get_events()] == ["closed", "reopened"]


def test_lists_hold_pull_requests_and_filter(box: Box, repo: Repo) -> None:
    """As on GitHub, pull requests are issues, too; labels must all match; creator and since narrow."""
    pull = propose(repo)
    pull.add_to_labels("clockwork", "drift")
    own = repo.create_issue("One", labels=["clockwork"])
    with client(box.server, box.personal) as other:
        theirs = other.get_repo(repo.full_name).create_issue("Theirs", labels=["clockwork"])
    two = repo.create_issue("Two")
    two.edit(state="closed")
    assert theirs.labels == []
    assert [issue.number for issue in repo.get_issues()] == [theirs.number, own.number, pull.number]
    assert [issue.number for issue in repo.get_issues(state="all", labels=["clockwork", "drift"])] == [pull.number]
    assert [issue.number for issue in repo.get_issues(creator=theirs.user)] == [theirs.number]
    later = datetime.now(UTC) + timedelta(hours=1)
    assert list(repo.get_issues(state="all", since=later)) == []


def test_labels_are_managed(repo: Repo) -> None:
    """422 already_exists; added, set and removed on issues; renamed everywhere."""
    label = repo.create_label("drift", "ff8800", "Something differs")
    with pytest.raises(GithubException) as caught:
        repo.create_label("DRIFT", "ff8800")
    assert caught.value.data["errors"] == [{"resource": "Label", "code": "already_exists", "field": "name"}]
    issue = repo.create_issue("One")
    issue.add_to_labels(label, "new")
    issue.remove_from_labels("new")
    label.edit("drifted", "00ff88")
    assert [item.name for item in issue.get_labels()] == ["drifted"]
    issue.set_labels("a", "b")
    assert [item.name for item in issue.get_labels()] == ["a", "b"]
    with pytest.raises(GithubException) as missing:
        issue.remove_from_labels("drifted")
    assert (missing.value.status, missing.value.data["message"]) == (404, "Label does not exist")


def test_comments_are_written_edited_and_deleted(box: Box, repo: Repo) -> None:
    """Comments on issues and pull requests; a stranger may not edit another's."""
    issue = repo.create_issue("One")
    comment = issue.create_comment("First")
    issue.create_comment("Second")
    comment.edit("Edited")
    assert [item.body for item in issue.get_comments()] == ["Edited", "Second"]
    with client(box.server, box.personal) as other, pytest.raises(GithubException) as caught:
        other.get_repo(repo.full_name).get_issue(issue.number).get_comment(comment.id).edit("Mine")
    assert caught.value.status == 403
    comment.delete()
    assert [item.body for item in issue.get_comments()] == ["Second"]
    assert issue.update() is True
    assert issue.comments == 1


def test_author_association_tells_strangers_apart(box: Box, repo: Repo) -> None:
    """Commands are obeyed by association: NONE for strangers, COLLABORATOR for writers."""
    issue = repo.create_issue("One")
    issue.create_comment("from the bot")
    with client(box.server, box.personal) as other:
        other.get_repo(repo.full_name).get_issue(issue.number).create_comment("/clockwork resume")
    associations = [comment.raw_data["author_association"] for comment in issue.get_comments()]
    assert associations == ["COLLABORATOR", "NONE"]


def test_reactions_count_once_per_person(repo: Repo) -> None:
    """The same reaction twice is one reaction."""
    issue = repo.create_issue("One")
    comment = issue.create_comment("Good?")
    comment.create_reaction("+1")
    comment.create_reaction("+1")
    reaction = issue.create_reaction("eyes")
    assert [item.content for item in comment.get_reactions()] == ["+1"]
    assert issue.delete_reaction(reaction.id)
    assert list(issue.get_reactions()) == []


@pytest.mark.parametrize("body", ["x" * 65_537, "   "])
def test_texts_have_githubs_limits(repo: Repo, body: str) -> None:
    """Comments are neither blank nor longer than 65,536 characters."""
    issue = repo.create_issue("One")
    with pytest.raises(GithubException) as caught:
        issue.create_comment(body)
    assert caught.value.status == 422


def test_graphql_tells_who_edited_a_body(box: Box, repo: Repo) -> None:
    """The last edit first, each with the whole text; the first one keeps what the author wrote. Apps go by their short name."""
    issue = repo.create_issue("Board", body="- [ ] One")
    token = box.server.create_user("writer")
    box.server.add_collaborator(repo.full_name, "writer")
    with client(box.server, token) as other:
        other.get_repo(repo.full_name).get_issue(issue.number).edit(body="- [x] One")
    issue.edit(title="Dashboard")
    query = "query($id: ID!) { node(id: $id) { ... on Issue { userContentEdits(first: 100) { nodes { editedAt } } } } }"
    _, asked = repo.requester.graphql_query(query, {"id": issue.raw_data["node_id"]})
    edits = asked["data"]["node"]["userContentEdits"]["nodes"]
    assert [(edit["editor"]["login"], edit["diff"]) for edit in edits] == [
        ("writer", "- [x] One"),
        (BOT.removesuffix("[bot]"), "- [ ] One"),
    ]
    with pytest.raises(GithubException, match="Could not resolve"):
        repo.requester.graphql_query(query, {"id": "bm9uZQ=="})
