"""What goes wrong on purpose: a list of rules that tests and people add, consulted on every request and push.

Rules match on the method and a regular expression searched in the path (without ``/api/v3``), fire ``times`` times in
the order in which they were added, and are then spent.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from bot.sandbox.records import ItemT, RowT
from bot.sandbox.replies import ApiProblem

SECONDARY_LIMIT = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach out to "
    "GitHub Support for help, please include the request ID."
)
_MESSAGES = {
    500: "Server Error",
    502: "Server Error",
    503: "Service Unavailable",
    409: "Git Repository is empty.",
    422: "Validation Failed",
    429: "API rate limit exceeded",
    403: SECONDARY_LIMIT,
}


@dataclass(frozen=True, slots=True)
class CannedReply:
    """Answer with ``status`` instead. ``after`` True does the work first, so the write happened all the same."""

    status: int
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)
    after: bool = False

    def problem(self) -> ApiProblem:
        """This answer as the error a client sees."""
        return ApiProblem(self.status, self.message, headers=self.headers)


@dataclass(frozen=True, slots=True)
class LostReply:
    """Do the work, then close the connection without a byte of answer."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Answer only after ``seconds``."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Declined:
    """A push reaches the server and its pre-receive hook says no with ``message``."""

    message: str


Action: TypeAlias = CannedReply | LostReply | Delay | Declined


@dataclass(slots=True)
class _Rule:
    method: str
    path: re.Pattern[str]
    left: int
    action: Action


@dataclass(frozen=True, slots=True)
class _Lag:
    path: re.Pattern[str]
    seconds: float
    requests: int


class Faults:
    """The rules in force. Safe to change while the server runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []
        self._lags: list[_Lag] = []
        self._caps: list[tuple[re.Pattern[str], int]] = []
        self._births: dict[tuple[str, int], tuple[float, int]] = {}
        self.requests = 0

    def lose_reply(self, path: str, *, method: str = "POST") -> None:
        """The write is done but the connection closes before the answer."""
        self._add(LostReply(), path, method)

    def fail(
        self,
        status: int,
        path: str,
        *,
        method: str = "",
        times: int = 1,
        after: bool = False,
        message: str | None = None,
    ) -> None:
        """Answer with ``status`` (500, 502, 503, 409, 422, …). ``after`` True: the write happened all the same."""
        text = _MESSAGES.get(status, "Error") if message is None else message
        self._add(CannedReply(status, text, after=after), path, method, times)

    def secondary_limit(
        self, path: str = "", *, method: str = "", times: int = 1, retry_after: int | None = 1, status: int = 403
    ) -> None:
        """403 (or 429) with GitHub's secondary rate limit sentence and ``Retry-After`` seconds, which it may leave out.

        GitHub's limits on creating content hold for writes alone ("Rate limits for the REST API", "About secondary rate
        limits"): ``method`` POST leaves reads alone.
        """
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self._add(CannedReply(status, SECONDARY_LIMIT, headers), path, method, times)

    def too_many(self, path: str = "", *, method: str = "", retry_after: int = 1) -> None:
        """429 with ``Retry-After`` seconds."""
        self._add(CannedReply(429, _MESSAGES[429], {"Retry-After": str(retry_after)}), path, method)

    def delay(self, seconds: float, path: str) -> None:
        """The answer comes ``seconds`` late."""
        self._add(Delay(seconds), path)

    def refuse_push(self, repository: str = "") -> None:
        """``git push`` gets HTTP status 503 and nothing is stored."""
        self._add_to_push(CannedReply(503, "unavailable"), repository)

    def lose_push_reply(self, repository: str = "") -> None:
        """``git push`` is carried out and its answer lost."""
        self._add_to_push(LostReply(), repository)

    def decline_push(self, message: str = "policy says no", *, repository: str = "") -> None:
        """``git push`` is told "pre-receive hook declined" after ``message`` on stderr."""
        self._add_to_push(Declined(message), repository)

    def lag(self, path: str = "", *, seconds: float = 0, requests: int = 0) -> None:
        """Lists whose path matches leave out what was created within the last ``seconds`` or ``requests``."""
        with self._lock:
            self._lags.append(_Lag(re.compile(path), seconds, requests))

    def cap(self, items: int, path: str) -> None:
        """Lists whose path matches end after ``items`` entries, as GitHub's do at 250, 300 or 3000."""
        with self._lock:
            self._caps.append((re.compile(path), items))

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self._rules.clear()
            self._lags.clear()
            self._caps.clear()

    @property
    def pending(self) -> int:
        """How many times the rules in force may still fire."""
        with self._lock:
            return sum(rule.left for rule in self._rules)

    def strike(self, method: str, path: str) -> Action | None:
        """The action for this request, which counts as fired. Called once for each request by the server."""
        with self._lock:
            self.requests += 1
            for rule in self._rules:
                if rule.left and rule.method in ("", method) and rule.path.search(path):
                    rule.left -= 1
                    return rule.action
        return None

    def born(self, kind: str, key: int) -> None:
        """Remember that a row came into being now."""
        with self._lock:
            self._births[kind, key] = (time.monotonic(), self.requests)

    def visible(self, path: str, kind: str, rows: Sequence[RowT]) -> list[RowT]:
        """``rows`` without those that a lag still hides from lists at ``path``."""
        with self._lock:
            lags = [lag for lag in self._lags if lag.path.search(path)]
            return [row for row in rows if not any(self._hidden(lag, kind, row.id) for lag in lags)]

    def capped(self, path: str, items: Sequence[ItemT]) -> Sequence[ItemT]:
        """``items`` up to the smallest cap on ``path``."""
        with self._lock:
            limits = [limit for pattern, limit in self._caps if pattern.search(path)]
        return items[: min(limits)] if limits else items

    def _hidden(self, lag: _Lag, kind: str, key: int) -> bool:
        birth = self._births.get((kind, key))
        if birth is None:
            return False
        at, request = birth
        return time.monotonic() - at < lag.seconds or self.requests - request <= lag.requests > 0

    def _add_to_push(self, action: Action, repository: str) -> None:
        self._add(action, f"{re.escape(repository)}.*/git-receive-pack$", "POST")

    def _add(self, action: Action, path: str, method: str = "", times: int = 1) -> None:
        with self._lock:
            self._rules.append(_Rule(method, re.compile(path), times, action))
