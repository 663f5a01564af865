"""A plain outgoing webhook: the message as JSON, signed as GitHub signs its deliveries.

``X-Hub-Signature-256`` is ``sha256=`` and the HMAC of the body in hex (docs.github.com, "Validating webhook deliveries");
what verifies GitHub's deliveries verifies these. ``X-Clockwork-Delivery`` is the same when the same is sent again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field

import httpx

from bot.model.json import facts
from bot.model.notice import Announcement, Delivery, DeliveryResult, Notice
from bot.trust import web_authorities


@dataclass(frozen=True, slots=True)
class WebhookReceiver:
    """Satisfies :class:`bot.ports.Receiver`. ``seconds`` is for each step of the exchange.

    Redirects are not followed: what is signed for one place is of no concern to another.
    """

    name: str
    url: str = field(repr=False)
    secret: bytes = field(repr=False)
    seconds: float = 10.0

    def send(self, message: Announcement) -> Delivery:
        body = json.dumps(payload(message), ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "clockwork",
            "X-Clockwork-Delivery": message.id,
            "X-Clockwork-Event": message.notices[0].event.value if len(message.notices) == 1 else "several",
            "X-Hub-Signature-256": "sha256=" + hmac.new(self.secret, body, hashlib.sha256).hexdigest(),
        }
        try:
            status = self._post(body, headers)
        except (httpx.ReadTimeout, httpx.WriteTimeout):
            return Delivery(self.name, DeliveryResult.UNANSWERED, f"no answer within {self.seconds:g} s")
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            return Delivery(self.name, DeliveryResult.FAILED, f"cannot be reached: {_cause(exc)}")
        if 200 <= status < 300:
            return Delivery(self.name, DeliveryResult.DELIVERED, f"HTTP {status}")
        redirect_note = ", a redirect, which is not followed" if 300 <= status < 400 else ""
        return Delivery(self.name, DeliveryResult.FAILED, f"HTTP {status}{redirect_note}")

    def _post(self, body: bytes, headers: dict[str, str]) -> int:
        """The status of the answer. What else it says is of no interest, and may never end."""
        with (
            httpx.Client(verify=web_authorities(), timeout=self.seconds, follow_redirects=False) as client,
            client.stream("POST", self.url, content=body, headers=headers) as answer,
        ):
            return answer.status_code


def _cause(exc: httpx.HTTPError | httpx.InvalidURL) -> str:
    """What happened, without the address, which may hold a token."""
    return type(exc).__name__ if isinstance(exc, httpx.InvalidURL | httpx.UnsupportedProtocol) else str(exc)


def payload(message: Announcement) -> dict[str, object]:
    """The body of a delivery as JSON values."""
    return {
        **facts(message, "id repository severity title text=body dropped"),
        "notices": [_notice(notice) for notice in message.notices],
    }


def _notice(notice: Notice) -> dict[str, object]:
    return {
        **facts(notice, "event subject severity target"),
        "task": notice.task or None,
        **facts(notice, "text link at"),
    }
