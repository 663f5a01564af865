"""Messages to a real receiver on loopback that takes, refuses, closes, redirects, trickles or hangs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.errors import Refused
from bot.github.webhook import verify
from bot.model.notice import Announcement, DeliveryResult, Notice, NoticeEvent
from bot.model.severity import Severity
from bot.receivers.deliveries import Deliveries
from bot.receivers.services import ServiceReceiver
from bot.receivers.webhook import WebhookReceiver
from tests.receivers.inbox import Inbox, inbox

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = b"shared"


def message(text: str = "prod/Deployment/shop/web: replicas 2 → 5") -> Announcement:
    """One notice about one drift."""
    notice = Notice(NoticeEvent.DRIFT_NEW, "drift web", Severity.HIGH, text, NOON, "prod", "prod/Deployment/shop/web")
    return Announcement("0f" * 16, "acme/shop", "acme/shop: drift", f"- **HIGH** {text}", (notice,))


def hook(box: Inbox, *, seconds: float = 60) -> WebhookReceiver:
    """The box as a webhook."""
    return WebhookReceiver("hook", box.hook, SECRET, seconds)


def test_a_webhook_is_signed_as_github_signs() -> None:
    """What verifies GitHub's deliveries takes ours for genuine, and not with another secret."""
    with inbox() as box:
        sent = hook(box).send(message())
    (post,) = box.posts
    assert (sent.result, sent.answer) == (DeliveryResult.DELIVERED, "HTTP 200")
    signature = post.headers["x-hub-signature-256"]
    verify(SECRET, post.body, signature)
    with pytest.raises(Refused, match="not signed"):
        verify(b"another", post.body, signature)
    assert post.headers["x-clockwork-event"] == "drift.new"
    assert post.json["notices"] == [
        {
            "event": "drift.new",
            "subject": "drift web",
            "severity": "HIGH",
            "target": "prod",
            "task": "prod/Deployment/shop/web",
            "text": "prod/Deployment/shop/web: replicas 2 → 5",
            "link": None,
            "at": "2026-03-01T12:00:00+00:00",
        }
    ]


@pytest.mark.parametrize(
    ("mood", "result", "answer"),
    [
        ("refuse", DeliveryResult.FAILED, "HTTP 500"),
        ("redirect", DeliveryResult.FAILED, "HTTP 302, a redirect, which is not followed"),
        ("close", DeliveryResult.FAILED, "cannot be reached"),
        ("trickle", DeliveryResult.DELIVERED, "HTTP 200"),
    ],
)
def test_what_a_webhook_answers(mood: str, result: DeliveryResult, answer: str) -> None:
    """Each way of not taking a message is told from the others; an answer without an end is one; a redirect leads
    nowhere.
    """
    with inbox(mood) as box:
        sent = hook(box).send(message())
        assert sent.result is result
        assert sent.answer.startswith(answer)
        assert not box.others
        assert len(box.posts) == 1


def test_a_webhook_that_hangs_may_have_taken_it() -> None:
    """Without an answer in time nobody knows, so it is no refusal that is tried again."""
    with inbox("hang") as box:
        sent = hook(box, seconds=0.2).send(message())
    assert (sent.result, sent.answer) == (DeliveryResult.UNANSWERED, "no answer within 0.2 s")


def test_nobody_there() -> None:
    """A closed port is a refusal, and the account does not name the address, which may hold a token."""
    with inbox() as box:
        receiver = WebhookReceiver("hook", f"{box.hook}/s3cr3t-part", SECRET, 60)
    sent = receiver.send(message())
    assert sent.result is DeliveryResult.FAILED
    assert "s3cr3t" not in sent.answer
    assert "s3cr3t" not in repr(receiver)


def test_a_chat_gets_title_and_text() -> None:
    """Apprise posts to the chat what the message says."""
    with inbox() as box:
        sent = ServiceReceiver("team", box.chat).send(message())
    (post,) = box.posts
    assert sent.result is DeliveryResult.DELIVERED
    assert "acme/shop: drift" in post.text
    assert "replicas 2 → 5" in post.text


@pytest.mark.parametrize("mood", ["refuse", "redirect", "close"])
def test_a_chat_that_does_not_take_it(mood: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A refusal is one, with what the service said; nothing of apprise reaches the terminal."""
    with inbox(mood) as box:
        sent = ServiceReceiver("team", box.chat).send(message())
        assert sent.result is DeliveryResult.FAILED
        assert not box.others
    assert "Mattermost" in sent.answer
    assert "3ccdd113" not in sent.answer
    assert capfd.readouterr() == ("", "")


def test_a_chat_that_hangs_may_have_taken_it() -> None:
    """A service that used up the time it has for an answer is not sent the same again."""
    with inbox("hang") as box:
        sent = ServiceReceiver("team", f"{box.chat}?rto=0.3").send(message())
    assert sent.result is DeliveryResult.UNANSWERED


@pytest.mark.parametrize("url", ["nonsense://x", "", "https://"])
def test_an_address_that_apprise_does_not_know(url: str) -> None:
    """It costs its messages, never a run."""
    sent = ServiceReceiver("team", url).send(message())
    assert (sent.result, "no such URL" in sent.answer) == (DeliveryResult.FAILED, True)


def test_one_that_hangs_delays_nobody() -> None:
    """The others get theirs; the one that hangs is told nothing more while it does, and again afterwards."""
    with inbox() as box, inbox("hang") as stuck:
        both = Deliveries({"hook": hook(box), "stuck": WebhookReceiver("stuck", stuck.hook, SECRET, 100)}, seconds=0.5)
        first = both.send({"stuck": message(), "hook": message()})
        assert [first["hook"].result, first["stuck"].result] == [DeliveryResult.DELIVERED, DeliveryResult.UNANSWERED]
        again = both.send({"stuck": message()})["stuck"]
        assert (again.result, again.answer) == (DeliveryResult.FAILED, "still hangs on an earlier message")
        assert len(stuck.posts) == 1
        stuck.mood = "take"
        stuck.stopping.set()
        both.hanging["stuck"].join(60)
        patient = Deliveries(both.receivers, seconds=60)
        assert patient.send({"stuck": message()})["stuck"].result is DeliveryResult.DELIVERED


def test_a_time_limit_ends_a_wait() -> None:
    """Deliveries give an account when time is up, whoever still waits; the clock decides, not the machine."""
    with inbox("hang") as stuck:
        ticking = iter([0.0, 100.0, 100.0])
        sent = Deliveries({"stuck": hook(stuck)}, seconds=10, clock=lambda: next(ticking)).send({"stuck": message()})
        assert sent["stuck"].answer == "no answer within 10 s"
