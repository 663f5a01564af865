"""The host adapter against a running sandbox: exactly one of everything, whatever goes wrong on the way."""

from __future__ import annotations

import pytest

from bot.errors import Invalid, Refused, Stale
from bot.github import marker as markers
from bot.github.host import ACTIONS_LOGIN, GitHubHost
from bot.model.codehost import ItemState, Marker
from tests.github.bots import LABELS, SECRET, tie
from tests.github.conftest import World

ISSUES = r"/issues$"
PULLS = r"/pulls$"


def open_pull(host: GitHubHost, marker: Marker | None = None, **more: str) -> int:
    proposal = {"title": "web: image differs", "body": "Please **decide**.", "head": "clockwork/web", "base": "main"}
    told = proposal | more
    made = host.open_pull(
        marker=marker or tie(),
        labels=LABELS,
        title=told["title"],
        body=told["body"],
        head=told["head"],
        base=told["base"],
    )
    return made.number


def open_issue(host: GitHubHost, marker: Marker | None = None, body: str = "Steps.") -> int:
    made = host.open_issue(
        marker=marker or tie(kind="runbook-issue"),
        title="web: a person must act",
        body=body,
        labels=("clockwork/runbook",),
    )
    return made.number


def test_a_pull_request_is_opened_once(world: World) -> None:
    """Opening the same proposal again finds the pull request, also from a fresh process, and writes nothing."""
    world.branch("clockwork/web")
    number = open_pull(world.host())
    world.box.requests.clear()
    assert open_pull(world.host()) == number
    assert world.writes() == []
    (pull,) = world.host().pulls()
    assert pull.marker == tie()
    assert (pull.state, pull.head_ref, pull.base_ref) == (ItemState.OPEN, "clockwork/web", "main")
    assert set(pull.labels) >= set(LABELS)
    assert pull.body == "Please **decide**.\n"
    assert pull.head_sha


def test_an_issue_is_filed_once(world: World) -> None:
    """Filing the same issue again finds it, and another key makes another issue."""
    number = open_issue(world.host())
    world.box.requests.clear()
    assert open_issue(world.host()) == number
    assert world.writes() == []
    other = open_issue(world.host(), tie("shop/db", kind="runbook-issue"))
    assert [issue.number for issue in world.host().issues()] == [other, number]
    assert world.host().pulls() == ()


@pytest.mark.parametrize("fault", ["lost", "502 after", "502 before"])
def test_a_lost_reply_never_makes_two(world: World, fault: str) -> None:
    """After a reply that never came, the adapter looks before it creates: one issue, one pull request, one comment."""
    world.branch("clockwork/web")
    for path in (ISSUES, PULLS, r"/comments$"):
        if fault == "lost":
            world.box.faults.lose_reply(path)
        else:
            world.box.faults.fail(502, path, method="POST", after=fault.endswith("after"))
    host = world.host()
    issue, pull = open_issue(host), open_pull(host)
    comment = host.comment(issue, marker=tie(kind="status"), body="Hello")
    assert [item.number for item in host.issues()] == [issue]
    assert [item.number for item in host.pulls()] == [pull]
    assert [item.id for item in host.comments(issue)] == [comment.id]
    assert world.box.faults.pending == 0


def test_a_list_that_lags_never_makes_two(world: World) -> None:
    """A reply is lost and the new issue is not visible for some requests: still one issue."""
    world.box.faults.lag(ISSUES, requests=3)
    world.box.faults.lose_reply(ISSUES)
    host = world.host()
    number = open_issue(host)
    world.box.faults.clear()
    assert [item.number for item in host.issues()] == [number]


def test_an_issue_that_cannot_be_read_at_once_is_no_other_issue(world: World) -> None:
    """Right after creation the issue itself may answer 404 for a moment: it is not asked for, its list is enough."""
    world.box.faults.fail(404, r"/issues/\d+$", method="GET", times=2)
    host = world.host()
    number = open_issue(host)
    assert open_issue(world.host()) == number
    assert [item.number for item in host.issues()] == [number]


def test_duplicates_are_closed_and_the_oldest_stays(world: World) -> None:
    """Of several issues about one thing the lowest number stays open; the others say of which they are duplicates."""
    hosts = [world.host(), world.host()]
    world.box.faults.lag(ISSUES, requests=200)
    first, second = open_issue(hosts[0]), open_issue(hosts[1])
    assert first != second
    world.box.faults.clear()
    for host in hosts:
        host.flush()
    assert open_issue(world.host()) == first
    assert [issue.number for issue in world.host().issues()] == [first]
    twin = world.host().item(second)
    assert twin is not None
    assert twin.state is ItemState.CLOSED
    assert twin.body.startswith(f"Duplicate of #{first}.")
    assert twin.marker is not None
    assert twin.marker.kind == "duplicate"


def test_a_pull_request_without_its_label_is_found_by_its_branch(world: World) -> None:
    """A label that is refused, or that nobody lived to put on, leaves a pull request that the next run finds and keeps."""
    world.branch("clockwork/web")
    world.box.faults.fail(502, r"/labels$", method="POST", times=10)
    first = open_pull(world.host())
    world.box.faults.clear()
    assert world.host().pulls()[0].labels == ()
    number = open_pull(world.host())
    assert number == first
    (pull,) = world.host().pulls()
    assert pull.number == number
    assert set(pull.labels) >= set(LABELS)


def test_a_new_digest_updates_the_open_one(world: World) -> None:
    """Another observation changes title, body and marker of the open pull request instead of opening a second."""
    world.branch("clockwork/web")
    host = world.host()
    number = open_pull(host)
    updated = host.update_pull(number, marker=tie(digest="d2"), title="web: port differs", body="Now this.")
    assert updated.number == number
    (pull,) = host.pulls()
    assert (pull.marker, pull.title, pull.body) == (tie(digest="d2"), "web: port differs", "Now this.\n")
    world.box.requests.clear()
    host.update_pull(number, marker=tie(digest="d2"), title="web: port differs", body="Now this.")
    assert world.writes() == []


def test_closing_comments_once_and_says_that_it_was_us(world: World) -> None:
    """Closing twice, and after a lost reply, leaves one comment; what a person closes is not ours."""
    world.branch("clockwork/web")
    world.branch("clockwork/db")
    host = world.host()
    number, other = open_pull(host), open_pull(host, tie("shop/db"), head="clockwork/db")
    world.box.faults.lose_reply(r"/comments$")
    world.box.faults.lose_reply(rf"/pulls/{number}$", method="PATCH")
    for _ in range(2):
        host.close_pull(number, comment="The drift is gone.", marker=tie(kind="gone"))
    world.host(world.person_token).close_pull(other, comment=None)
    assert world.host().pulls() == ()
    ours, theirs = world.host().item(number), world.host().item(other)
    assert ours is not None
    assert theirs is not None
    assert (ours.state, ours.closed_by_us) == (ItemState.CLOSED, True)
    assert (theirs.state, theirs.closed_by_us) == (ItemState.CLOSED, False)
    assert ours.marker == tie()
    assert {item.number: item.closed_by_us for item in world.host().closed()} == {number: True, other: False}
    (comment,) = host.comments(number)
    assert comment.body == "The drift is gone.\n"
    assert comment.marker == tie(kind="gone")


def test_a_closed_issue_stays_closed(world: World) -> None:
    """A runbook issue is closed with one comment, and new words for it do not open it again."""
    host = world.host()
    number = open_issue(host)
    host.close_issue(number, comment="Gone.", marker=tie(kind="gone"))
    assert host.issues() == ()
    again = host.update_issue(number, marker=tie(kind="runbook-issue"), title="Back", body="Again.")
    assert (again.number, again.title, again.state) == (number, "Back", ItemState.CLOSED)


def test_nobody_else_can_write_our_marker(world: World) -> None:
    """A copied marker of another author, and a forged one of our own account, are no markers."""
    copied = markers.attach(tie(kind="runbook-issue"), "Copied", repository=world.name, secret=SECRET)
    forged = copied.replace("key=shop", "key=shup")
    for token, body in ((world.person_token, copied), (world.bot_token, forged)):
        _raw_issue(world, token, body)
    host = world.host()
    assert [item.marker for item in host.issues()] == [None, None]
    assert [item.claim is not None for item in host.issues()] == [True, False]
    number = open_issue(host)
    assert [item.number for item in host.issues() if item.marker] == [number]


def test_somebody_elses_pull_request_is_not_taken_over(world: World) -> None:
    """A person's pull request from the branch we want is refused by name, not edited."""
    world.branch("clockwork/web")
    person = world.host(world.person_token)
    number = open_pull(person, title="Mine")
    with pytest.raises(Refused, match=f"#{number} already proposes"):
        open_pull(world.host())
    assert person.pull(number).title == "Mine"


def test_a_branch_without_commits_is_stale(world: World) -> None:
    """Nothing to propose is a lost race, not a crash."""
    with world.api(world.bot_token) as api:
        repo = api.get_repo(world.name)
        repo.create_git_ref("refs/heads/clockwork/web", repo.get_branch("main").commit.sha)
    with pytest.raises(Stale, match="nothing to propose"):
        open_pull(world.host())


def test_hostile_titles_and_bodies_arrive_harmless(world: World) -> None:
    """A title cannot mention anybody and is cut; a body that is too long is cut with its marker whole."""
    host = world.host()
    marker = tie(kind="runbook-issue")
    made = host.open_issue(
        marker=marker, title="@dana fixes #1\n" + "x" * 400, body="```\n" + "y\n" * 70_000, labels=()
    )
    (issue,) = host.issues()
    assert issue.number == made.number
    assert issue.marker == marker
    assert issue.title.startswith("＠dana fixes “＃1 xxx")
    assert len(issue.title) <= 256
    assert len(issue.body) <= 65_535
    assert issue.body.count("```") == 2
    world.box.requests.clear()
    host.open_issue(marker=marker, title="@dana fixes #1\n" + "x" * 400, body="```\n" + "y\n" * 70_000, labels=())
    assert world.writes() == []


def test_a_look_at_an_unchanged_repository_is_cheap(world: World) -> None:
    """The second look writes nothing and asks only questions that the host answers with "unchanged"."""
    world.branch("clockwork/web")
    host = world.host()
    open_pull(host)
    for number in range(5):
        open_issue(host, tie(f"task-{number}", kind="runbook-issue"))

    def look() -> list[int]:
        world.box.requests.clear()
        host.facts()
        host.pulls()
        host.issues()
        host.flush()
        return [line.status for line in world.box.requests.lines()]

    look()
    assert world.writes() == []
    assert look() == [304, 304, 304]


def test_lists_are_read_to_the_last_page(world: World) -> None:
    """More than a page of issues of ours is found whole, newest first."""
    host = world.host()
    body = "Steps."
    for number in range(103):
        content = markers.attach(tie(f"t{number}", kind="runbook-issue"), body, repository=world.name, secret=SECRET)
        _raw_issue(world, world.bot_token, content)
    assert [issue.number for issue in host.issues()] == list(range(103, 0, -1))


def test_permissions(world: World) -> None:
    """Writers may command, strangers and odd names may not."""
    world.box.create_user("eve")
    host = world.host()
    assert host.may_write("dana")
    assert not host.may_write("eve")
    assert not host.may_write("nobody-at-all")
    assert not host.may_write("../../user")


def test_who_we_are(world: World) -> None:
    """A user's token tells its account; an installation's token is refused that and is GitHub Actions."""
    me = world.host(world.person_token).whoami()
    assert me.login == "dana"
    assert me.id
    actions = world.box.create_user(ACTIONS_LOGIN, bot=True, installation=True)
    assert world.host(actions).whoami().login == ACTIONS_LOGIN
    world.box.faults.fail(502, "/graphql$", times=9)
    assert (world.host(actions).whoami().login, world.host(actions).whoami().id) == (ACTIONS_LOGIN, 0)
    world.box.faults.clear()
    app = world.box.create_user("clockwork[bot]", bot=True, installation=True)
    host = world.host(app)
    assert host.whoami().login == "clockwork[bot]"
    number = open_issue(host)
    assert [item.number for item in host.issues()] == [number]


def test_absent_things_are_named(world: World) -> None:
    """A pull request that is not there, a repository that is not there, and a token that is none say so."""
    with pytest.raises(Invalid, match="no pull request #99"):
        world.host().pull(99)
    with pytest.raises(Invalid, match="no issue #99"):
        world.host().close_issue(99, comment=None)
    with pytest.raises(Refused, match="401") as caught:
        world.host("wrong-token").issues()
    assert "CLOCKWORK_TOKEN" in str(caught.value)


def _raw_issue(world: World, token: str, body: str) -> None:
    with world.api(token) as api:
        api.get_repo(world.name).create_issue("Raw", body, labels=["clockwork"])
