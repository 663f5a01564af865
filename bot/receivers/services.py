"""Chat, mail and paging services by apprise, whose URLs name them: ``slack://…``, ``mailto://…``, ``ntfy://…``.

Apprise says whether a message was taken and logs why not; its last words and how long it took become the account. It is
imported when the first message goes out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bot.model.notice import Announcement, Delivery, DeliveryResult, NoticeEvent
from bot.model.severity import Severity
from bot.secrecy.redaction import redact

if TYPE_CHECKING:
    import apprise

_ENDS: Final = frozenset(ending for event in NoticeEvent for ending in event.endings)
_READ_SECONDS: Final = 4.0
"""How long apprise waits for an answer unless the URL says ``rto`` (apprise, ``URLBase.socket_read_timeout``)."""


@dataclass(frozen=True, slots=True)
class ServiceReceiver:
    """Satisfies :class:`bot.ports.Receiver`. ``url`` is apprise's, with whatever token it holds."""

    name: str
    url: str = field(repr=False)
    clock: Callable[[], float] = time.monotonic

    def send(self, message: Announcement) -> Delivery:
        try:
            import apprise
        except ImportError:
            answer = "apprise is not installed: install clockwork-gitops[notify]"
            return Delivery(self.name, DeliveryResult.FAILED, answer)
        service = _service(self.url)
        if service is None:
            return Delivery(self.name, DeliveryResult.FAILED, "apprise knows no such URL (apprise: service URLs)")
        lines: list[str] = []
        began = self.clock()
        was_sent = service.notify(
            title=message.title,
            body=message.body,
            body_format=apprise.NotifyFormat.MARKDOWN,
            notify_type=_kind(message),
            log_callback=lambda entry, _service: lines.append(entry.message),
        )
        spent = self.clock() - began
        if was_sent:
            return Delivery(self.name, DeliveryResult.DELIVERED, "taken")
        # A service that refuses does so at once; one that took as long as apprise waits may have taken the message.
        late = spent >= min((_waits(server) for server in service), default=_READ_SECONDS)
        result = DeliveryResult.UNANSWERED if late else DeliveryResult.FAILED
        return Delivery(self.name, result, redact(lines[-1], opaque=True) if lines else "not taken")


def _service(url: str) -> apprise.Apprise | None:
    """What sends to ``url``; redirects are not followed, because a message that is sent on as a GET is lost."""
    import apprise

    service = apprise.Apprise(asset=apprise.AppriseAsset(http_redirects=False, async_mode=False))
    return service if service.add(url) and len(service) else None


def _waits(server: object) -> float:
    """The seconds after which apprise gives an answer up."""
    return float(getattr(server, "socket_read_timeout", _READ_SECONDS))


def _kind(message: Announcement) -> apprise.NotifyType:
    """What colour the service gives it."""
    from apprise import NotifyType

    if all(notice.event in _ENDS for notice in message.notices):
        return NotifyType.SUCCESS
    kinds = {Severity.CRITICAL: NotifyType.FAILURE, Severity.HIGH: NotifyType.WARNING}
    return kinds.get(message.severity, NotifyType.INFO)
