"""What GitHub says when it has had enough, and everything else that no server answers on request."""

from __future__ import annotations

import itertools
import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests
import responses
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import BotError, Invalid, Refused, Stale, Unavailable
from bot.github.host import GitHubHost
from bot.github.limits import Pace, asked_wait
from bot.github.rest import RetryPolicy
from tests.github.bots import SECRET, tie
from tests.github.conftest import Ticking, World
from tests.table import table

API = "https://api.github.example:443"
TOKEN = "ghp_" + "k" * 36
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ISSUES = f"{API}/repos/acme/shop/issues"


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def host(clock: Ticking) -> Iterator[GitHubHost]:
    patience = RetryPolicy(reads=(0.5, 2.0), looks=(0.1,), max_wait=10)
    made = GitHubHost("acme/shop", TOKEN, api_url=API, marker_secret=SECRET, clock=clock, patience=patience)
    yield made
    made.close()


@pytest.fixture
def replies() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(f"{API}/user", json={"login": "clockwork-bot", "id": 7})
        yield mock


@table(
    ("status", "headers", "message", "wait"),
    [
        (200, {"retry-after": "5"}, "", None),
        (403, {"retry-after": "5"}, "anything", 5.0),
        (429, {"retry-after": "Sun, 01 Mar 2026 12:01:00 GMT"}, "", 60.0),
        (429, {}, "", 60.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW.timestamp()) + 90)}, "", 91.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, "", 1.0),
        (403, {"x-ratelimit-remaining": "7"}, "You have exceeded a secondary rate limit.", 60.0),
        (403, {"x-ratelimit-remaining": "7"}, "Resource not accessible by integration", None),
        (403, {"retry-after": "soon"}, "Must have admin rights", None),
        (422, {}, "Validation Failed; was submitted too quickly", 60.0),
        (422, {"retry-after": "5"}, "Validation Failed; No commits between main and x", None),
        (404, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, "", None),
    ],
)
def test_how_long_to_wait(status: int, headers: dict[str, str], message: str, wait: float | None) -> None:
    """The named time counts first, then the reset, then a minute for a limit without either; a denial is no limit."""
    assert asked_wait(status, headers, message, NOW) == wait


def test_a_short_wait_is_slept_and_the_work_goes_on(
    host: GitHubHost, clock: Ticking, replies: responses.RequestsMock
) -> None:
    """``Retry-After: 3`` costs three seconds and nothing else."""
    replies.get(ISSUES, status=403, headers={"Retry-After": "3"}, json={"message": "secondary rate limit"})
    replies.get(ISSUES, json=[])
    assert host.issues() == ()
    assert clock.pauses == [3.0]


def test_a_long_wait_is_left_to_the_next_run(host: GitHubHost, clock: Ticking, replies: responses.RequestsMock) -> None:
    """``Retry-After: 1800`` raises at once, and until then not a single further request is sent."""
    replies.get(ISSUES, status=429, headers={"Retry-After": "1800"}, json={"message": "slow down"})
    with pytest.raises(Unavailable) as caught:
        host.issues()
    assert caught.value.retry_after == 1800
    sent = len(replies.calls)
    with pytest.raises(Unavailable, match="asks to wait"):
        host.issues()
    assert (len(replies.calls), clock.pauses) == (sent, [])
    clock.at += timedelta(seconds=1801)
    replies.replace(responses.GET, ISSUES, json=[])
    assert host.issues() == ()


def test_a_limit_on_a_write_is_waited_for_and_the_write_sent_again(
    host: GitHubHost, clock: Ticking, replies: responses.RequestsMock
) -> None:
    """A 403 about a limit means that nothing was written, so the write is sent again after the wait."""
    replies.get(f"{ISSUES}/5/comments", json=[])
    comment = {"id": 1, "body": "x", "user": {"login": "clockwork-bot", "id": 7}, "created_at": "2026-03-01T12:00:00Z"}
    replies.post(
        f"{ISSUES}/5/comments", status=403, headers={"Retry-After": "2"}, json={"message": "secondary rate limit"}
    )
    replies.post(f"{ISSUES}/5/comments", status=201, json=comment)
    assert host.comment(5, marker=tie(), body="x").id == 1
    assert 2.0 in clock.pauses


def test_reads_are_tried_again_and_writes_are_not(
    host: GitHubHost, clock: Ticking, replies: responses.RequestsMock
) -> None:
    """A read survives two bad gateways; a write is sent once and then looked for."""
    replies.get(ISSUES, status=502)
    replies.get(ISSUES, body=requests.ConnectionError("reset"))
    replies.get(ISSUES, json=[])
    assert host.issues() == ()
    assert clock.pauses == [0.5, 2.0]
    replies.get(re.compile(f"{API}/repos/acme/shop/labels/.*"), json={"name": "x"})
    replies.post(ISSUES, status=502)
    with pytest.raises(Unavailable, match="could not be filed"):
        host.open_issue(marker=tie(), title="t", body="b", labels=())
    methods = [call.request.method for call in replies.calls]
    posts = [at for at, method in enumerate(methods) if method == "POST"]
    assert len(posts) == 2
    assert "GET" in methods[posts[0] : posts[1]]


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        ({"status": 401, "json": {"message": "Bad credentials"}}, Refused, "Bad credentials"),
        ({"status": 403, "json": {"message": "Resource not accessible by integration"}}, Refused, "not accessible"),
        ({"status": 404, "json": {"message": "Not Found"}}, Invalid, "404"),
        ({"status": 409, "json": {"message": "Conflict"}}, Stale, "Conflict"),
        ({"status": 410, "json": {"message": "Issues are disabled"}}, Refused, "Issues are disabled"),
        ({"status": 307, "json": {"message": "Moved"}}, Refused, "307"),
        (
            {"status": 301, "headers": {"Location": "https://evil.example/repos"}},
            Refused,
            "correct your Github server URL",
        ),
        ({"status": 500, "json": {}}, Unavailable, "500"),
        ({"status": 200, "body": "<html>captive portal</html>"}, Unavailable, "not JSON"),
        ({"status": 200, "body": "[" * 100_000}, Unavailable, "not JSON"),
        ({"status": 200, "json": {"message": "hm"}}, Unavailable, "not a list"),
        ({"status": 200, "json": [{"number": "x"}]}, Unavailable, "makes no sense"),
        ({"body": requests.ReadTimeout("slow")}, Unavailable, "ReadTimeout"),
        ({"body": requests.exceptions.SSLError("bad certificate")}, Unavailable, "SSLError"),
    ],
)
def test_every_failure_is_one_of_ours(
    host: GitHubHost, replies: responses.RequestsMock, reply: dict[str, object], kind: type[BotError], words: str
) -> None:
    """Whatever comes back, it is one of the few errors and says what was asked and what was answered."""
    replies.get(ISSUES, **reply)
    with pytest.raises(kind, match=words):
        host.issues()


def test_the_token_is_nowhere(
    host: GitHubHost, replies: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither an error, nor a debug log, nor any ``repr`` shows the token, even if the server echoes it."""
    caplog.set_level(logging.DEBUG)
    replies.get(ISSUES, status=422, json={"message": f"bad token {TOKEN}"})
    with pytest.raises(Refused) as caught:
        host.issues()
    assert TOKEN not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
    assert TOKEN not in caplog.text
    assert TOKEN not in f"{host!r} {vars(host)!r}"
    assert replies.calls[-1].request.headers["Authorization"] == f"token {TOKEN}"


def test_a_page_link_leads_to_no_other_host(host: GitHubHost, replies: responses.RequestsMock) -> None:
    """Only the query of a ``next`` link is used, so a hostile link cannot carry the token elsewhere."""
    link = '<https://evil.example/steal?page=2>; rel="next"'
    replies.get(ISSUES, json=[], headers={"Link": link})
    replies.get(ISSUES, json=[])
    host.issues()
    assert {call.request.url.split("/")[2] for call in replies.calls if call.request.url} == {"api.github.example:443"}


@table(
    ("name", "token", "url"),
    [
        ("acme", TOKEN, API),
        ("acme/shop/x", TOKEN, API),
        ("acme/..", TOKEN, API),
        ("acme/shop", "", API),
        ("acme/shop", "a b", API),
        ("acme/shop", "tok\nen", API),
        ("acme/shop", TOKEN, "ftp://x"),
        ("acme/shop", TOKEN, "https://user:secret@host"),
    ],
)
def test_names_that_cannot_be(name: str, token: str, url: str) -> None:
    """A repository, token or URL that cannot be one is bad input, before any request."""
    with pytest.raises(Invalid):
        GitHubHost(name, token, api_url=url, marker_secret=SECRET, clock=Ticking())


@given(
    gaps=st.lists(st.floats(min_value=0, max_value=30), max_size=300),
    interval=st.sampled_from([0.5, 1.0, 2.0]),
    per_minute=st.integers(min_value=1, max_value=30),
    per_hour=st.integers(min_value=1, max_value=100),
)
def test_the_pace_is_never_exceeded(gaps: list[float], interval: float, per_minute: int, per_hour: int) -> None:
    """However requests arrive, a bot that waits as told keeps the distance and both budgets."""
    pace, at, sent = Pace(interval, per_minute=per_minute, per_hour=per_hour), NOW, []
    for gap in gaps:
        at += timedelta(seconds=gap)
        at += timedelta(seconds=pace.wait(at))
        assert pace.wait(at) == 0
        pace.note(at)
        sent.append(at)
    assert all(later - earlier >= timedelta(seconds=interval) for earlier, later in itertools.pairwise(sent))
    for window, most in ((timedelta(minutes=1), per_minute), (timedelta(hours=1), per_hour)):
        assert all(later - earlier >= window for earlier, later in zip(sent, sent[most:], strict=False))


def test_writes_are_paced(world: World) -> None:
    """Writes go out a second apart by the clock that was passed in; reads do not wait."""
    host = world.host(interval=1.0)
    for number in range(3):
        host.comment(_issue(world), marker=tie(f"k{number}"), body="x")
    assert [pause for pause in world.clock.pauses if pause > 0.5] == [1.0, 1.0]


def test_a_spent_hour_is_left_to_the_next_run(world: World) -> None:
    """The five hundred and first write of an hour is not slept for but named with its time."""
    host = world.host(interval=1.0)
    number = _issue(world)
    pace = host._client._pace
    for _ in range(500):
        pace.note(world.clock.now())
    with pytest.raises(Unavailable, match="too many writes") as caught:
        host.comment(number, marker=tie(), body="x")
    assert caught.value.retry_after == pytest.approx(3600, abs=5)


def test_the_real_primary_limit_is_obeyed(world: World) -> None:
    """When the hour's requests are used up, the reset time is reported and nothing more is sent."""
    host = world.host()
    host.issues()
    account = world.box.backend.login("clockwork-bot")
    assert account is not None
    world.box.backend.limits.set_remaining(account, 0, reset_in=600)
    with pytest.raises(Unavailable) as caught:
        host.pulls()
    assert caught.value.retry_after is not None
    before = len(world.box.requests.lines())
    with pytest.raises(Unavailable):
        host.issues()
    world.box.backend.limits.set_remaining(account, 5000)
    assert len(world.box.requests.lines()) == before


def _issue(world: World) -> int:
    with world.api(world.person_token) as api:
        return api.get_repo(world.name).create_issue(json.dumps("x")).number
