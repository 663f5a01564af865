"""What goes wrong when a test says so: refusals, lost replies and connections that break."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from tests.appliers.kube.status import Failed


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came. ``query`` has the first value of each parameter; ``content_type`` is without parameters."""

    method: str
    path: str
    query: dict[str, str]
    content_type: str
    body: bytes = field(default=b"", repr=False)
    user_agent: str = ""

    @property
    def line(self) -> str:
        """What a fault is matched with: ``PATCH /api/v1/namespaces/default/configmaps/a?dryRun=All``."""
        query = "&".join(f"{name}={value}" for name, value in self.query.items())
        return f"{self.method} {self.path}" + (f"?{query}" if query else "")


Match: TypeAlias = str | Callable[[Request], bool]
"""A regular expression that is searched for in :attr:`Request.line`, or a function."""

_REASONS: Final = {
    400: "BadRequest",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


@dataclass
class Fault:
    """``status`` is answered, or the connection broken where ``drop``; ``after`` it was done, otherwise instead of it."""

    match: Match
    status: int
    after: bool
    times: int
    drop: bool
    retry_after: int | None
    happened: int = 0

    def fits(self, request: Request) -> bool:
        if callable(self.match):
            return self.match(request)
        return re.search(self.match, request.line) is not None

    def failure(self) -> Failed:
        """The refusal that it answers with."""
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        details = {"retryAfterSeconds": self.retry_after} if self.retry_after is not None else None
        reason = _REASONS.get(self.status, "")
        return Failed(self.status, reason, f"made to fail with {self.status}", headers=headers, details=details)


class Faults:
    """The faults that are still to happen."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults.append(fault)
        return fault

    def next(self, request: Request, *, after: bool) -> Fault | None:
        """The fault that hits a request now, which is used up by it."""
        with self._lock:
            for fault in self._faults:
                if fault.after == after and fault.happened < fault.times and fault.fits(request):
                    fault.happened += 1
                    return fault
        return None
