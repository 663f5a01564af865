"""Those who are told: somebody of news, a meter of what adapters do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot.model.notice import Announcement, Delivery
    from bot.model.requests import RequestsLeft


class Receiver(Protocol):
    """Somebody who is told. Never raises: what went wrong is the delivery's ``answer``."""

    @property
    def name(self) -> str: ...

    def send(self, message: Announcement) -> Delivery:
        """Send ``message`` and wait for the answer."""
        ...


class Meter(Protocol):
    """Is told what adapters do, from any thread. It must neither raise nor make the caller wait."""

    def answered(self, method: str, status: str) -> None:
        """The code host answered a request: ``status`` is HTTP's, or ``lost`` where no answer came."""
        ...

    def rendered(self, kind: str, seconds: float) -> None:
        """A unit of that kind was rendered, which took so long."""
        ...

    def left(self, requests: RequestsLeft) -> None:
        """The code host told with an answer how many requests it still takes."""
        ...


class Unmeasured:
    """A meter that nobody reads."""

    def answered(self, method: str, status: str) -> None:
        del method, status

    def rendered(self, kind: str, seconds: float) -> None:
        del kind, seconds

    def left(self, requests: RequestsLeft) -> None:
        del requests
