"""Deliveries: only genuine ones are read, and whatever they hold becomes an event or a named mistake."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Invalid, Refused
from bot.github import webhook
from bot.model.codehost import Check, CheckState
from bot.model.event import (
    CheckEvent,
    CommentEvent,
    Event,
    Ignored,
    IssueEvent,
    MergeGroupEvent,
    PingEvent,
    PullRequestEvent,
    PushEvent,
)
from tests.github.bots import LABELS, tie
from tests.github.conftest import World

SECRET = b"It's a Secret to Everybody"
HEADERS = {"X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958", "X-GitHub-Event": "push"}


def test_the_signature_is_the_documented_one() -> None:
    """GitHub's own example ("Validating webhook deliveries") verifies."""
    given_signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    webhook.verify(SECRET, b"Hello, World!", given_signature)


@pytest.mark.parametrize(
    "given_signature", [None, "", "sha256=", "sha1=757107", "sha256=" + "0" * 64, "ü", "sha256=757107ea"]
)
def test_anything_else_is_refused(given_signature: str | None) -> None:
    """A missing, short, wrong or odd signature is refused without a crash."""
    with pytest.raises(Refused):
        webhook.verify(SECRET, b"Hello, World!", given_signature)


def test_an_empty_secret_verifies_nothing() -> None:
    """Without a secret, no delivery is genuine."""
    with pytest.raises(Refused, match="need a secret"):
        webhook.verify(b"", b"x", webhook.signature(b"", b"x"))


@given(
    st.binary(max_size=200)
    | st.text(max_size=50).map(lambda text: json.dumps({"repository": {"full_name": text}}).encode())
)
def test_hostile_bodies_are_named_mistakes(body: bytes) -> None:
    """Bytes that are no delivery of their kind are ``Invalid``, for every kind of event."""
    for event in ("push", "pull_request", "issues", "issue_comment", "check_run", "check_suite"):
        with pytest.raises(Invalid):
            webhook.parse(HEADERS | {"X-GitHub-Event": event}, body)


def test_unknown_events_are_ignored_and_unnamed_deliveries_refused() -> None:
    """An event of no interest says so; a delivery without an id cannot be told from its repetition."""
    assert isinstance(webhook.parse(HEADERS | {"X-GitHub-Event": "star"}, b"{}"), Ignored)
    with pytest.raises(Invalid, match="X-GitHub-Delivery"):
        webhook.parse({"X-GitHub-Event": "push"}, b"{}")
    with pytest.raises(Invalid, match="bytes"):
        webhook.parse(HEADERS, b" " * (webhook.MAX_BYTES + 1))


@pytest.mark.parametrize(
    ("event", "part"), [("check_run", "check_run"), ("check_suite", "check_suite"), ("issues", "issue.number")]
)
def test_a_delivery_without_its_part_names_it(event: str, part: str) -> None:
    """By the name that the host has for it in this kind of delivery."""
    with pytest.raises(Invalid) as caught:
        webhook.parse(HEADERS | {"X-GitHub-Event": event}, b'{"repository": {"full_name": "a/b"}}')
    assert caught.value.message == f"a {event} delivery cannot be read: {part}: Field required"


def test_form_deliveries_are_read_too() -> None:
    """A hook that is set to form encoding carries the same JSON."""
    headers = HEADERS | {"X-GitHub-Event": "ping", "Content-Type": "application/x-www-form-urlencoded"}
    event = webhook.parse(headers, b"payload=%7B%22repository%22%3A%7B%22full_name%22%3A%22a%2Fb%22%7D%7D")
    assert event == PingEvent(HEADERS["X-GitHub-Delivery"], "a/b")


class Mailbox:
    """Deliveries as they arrived: headers and bytes."""

    def __init__(self) -> None:
        self.arrived: list[tuple[Mapping[str, str], bytes]] = []
        mailbox = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                mailbox.arrived.append((dict(self.headers), body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Door)
        self.thread = Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    yield box
    box.close()


def test_what_a_real_host_sends_is_understood(world: World, mailbox: Mailbox) -> None:
    """Deliveries generated from real changes verify and become the events they are."""
    url = f"http://127.0.0.1:{mailbox.server.server_port}/"
    world.box.register_webhook(world.name, url, secret=SECRET.decode())
    head = world.branch("clockwork/web")
    host = world.host()
    pull = host.open_pull(marker=tie(), title="t", body="b", head="clockwork/web", base="main", labels=LABELS)
    host.comment(pull.number, marker=tie(kind="status"), body="/clockwork retry")
    host.close_pull(pull.number, comment=None)
    host.open_issue(marker=tie(kind="runbook-issue"), title="t", body="b", labels=())
    host.publish(Check("clockwork/guardrails", head, CheckState.SUCCESS, "Fine", "Nothing found."))
    world.box.webhooks.settle()
    events: list[Event] = []
    for headers, body in mailbox.arrived:
        webhook.verify(SECRET, body, headers.get("X-Hub-Signature-256"))
        events.append(webhook.parse(headers, body))
    kinds = {type(event) for event in events}
    assert kinds >= {PingEvent, PushEvent, PullRequestEvent, CommentEvent, IssueEvent, CheckEvent}
    pushed = [event for event in events if isinstance(event, PushEvent)]
    assert (pushed[-1].ref, pushed[-1].repository) == ("refs/heads/clockwork/web", world.name)
    pulled = [(event.action, event.number) for event in events if isinstance(event, PullRequestEvent)]
    assert ("opened", pull.number) in pulled
    assert ("closed", pull.number) in pulled
    (comment,) = [event for event in events if isinstance(event, CommentEvent)]
    assert (comment.action, comment.number) == ("created", pull.number)


def test_a_merge_queue_is_an_event_of_its_own() -> None:
    """GitHub tells merge_group when it asks for checks, and when a head leaves the queue; only that is read of it."""
    for action in ("checks_requested", "destroyed"):
        body = {"action": action, "merge_group": {"head_sha": "a" * 40}, "repository": {"full_name": "a/b"}}
        event = webhook.parse(HEADERS | {"X-GitHub-Event": "merge_group"}, json.dumps(body).encode())
        assert event == MergeGroupEvent(HEADERS["X-GitHub-Delivery"], "a/b", action)


def test_a_rerun_request_is_a_check_event() -> None:
    """Pressing "re-run" on a check names the pull requests of its commit."""
    run = {"head_sha": "a" * 40, "name": "clockwork/guardrails", "pull_requests": [{"number": 3}]}
    body = {"action": "rerequested", "check_run": run, "repository": {"full_name": "a/b"}, "sender": {"login": "dana"}}
    event = webhook.parse(HEADERS | {"X-GitHub-Event": "check_run"}, json.dumps(body).encode())
    assert event == CheckEvent(HEADERS["X-GitHub-Delivery"], "a/b", "rerequested", (3,))
