"""Server-sent events (HTML Standard, section 9.2): ``change``, whenever anything that a page shows is different.

An event carries no facts, only the stamp of what is there now; whoever hears it reads the page again. A client that was away
sends the last stamp it heard of, and is told at once where that is old.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bot.entrypoints.api.tokens import ApiToken
from bot.entrypoints.pages.document import headers
from bot.entrypoints.pages.visitors import may_read, unauthorized

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

EVENTS: Final = "/events"
_SILENCE: Final = 15.0
"""Seconds after which a comment is sent, lest something between takes the connection for dead (section 9.2.7)."""
_RETRY: Final = 3000
"""Milliseconds after which a browser connects again."""


@dataclass(slots=True)
class ChangeStream:
    """Tells those who listen, at most ``most`` at once so that pages never take the last connection of the API.

    ``stamp`` is what is there now; ``tokens`` are those in force: a token that is withdrawn ends its streams. A stream ends,
    too, once ``stopping`` says so.
    """

    stamp: Callable[[], str]
    tokens: Callable[[], tuple[ApiToken, ...]]
    stopping: Callable[[], bool]
    most: int = 40
    poll: float = 0.25
    """Seconds between two looks at the stamp, which serve everybody who listens."""
    monotonic: Callable[[], float] = time.monotonic
    listening: int = field(default=0, init=False)
    _stamp: str = field(default="", init=False)
    _stamped: float = field(default=-math.inf, init=False)

    async def __call__(self, request: Request) -> Response:
        """A stream of events, or why there is none."""
        from starlette.responses import PlainTextResponse, Response, StreamingResponse

        if not may_read(request, self.tokens()):
            return unauthorized()
        response_headers = {**headers(), "Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
        if request.method == "HEAD":
            return Response(headers=response_headers)
        if self.listening >= self.most:
            busy = {"Retry-After": "30", "Cache-Control": "no-store"}
            return PlainTextResponse("Too many pages listen already.\n", status_code=503, headers=busy)
        return StreamingResponse(self._events(request), headers=response_headers)

    async def _events(self, request: Request) -> AsyncIterator[str]:
        self.listening += 1
        try:
            last_stamp, silent = request.headers.get("last-event-id", ""), 0.0
            yield f"retry: {_RETRY}\n\n"
            while not self.stopping() and may_read(request, self.tokens()):
                stamp = self._now()
                if stamp != last_stamp:
                    last_stamp, silent = stamp, 0.0
                    yield f"event: change\nid: {stamp}\ndata: {stamp}\n\n"
                elif silent >= _SILENCE:
                    silent = 0.0
                    yield ": still here\n\n"
                await asyncio.sleep(self.poll)
                silent += self.poll
        finally:
            self.listening -= 1

    def _now(self) -> str:
        if self.monotonic() - self._stamped >= self.poll:
            self._stamp, self._stamped = self.stamp(), self.monotonic()
        return self._stamp
