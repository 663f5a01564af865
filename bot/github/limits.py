"""How long the host asks us to wait, and how fast we may write. Pure: times come in, seconds go out.

What GitHub says (docs.github.com): 403 or 429 with ``Retry-After`` seconds, or with ``x-ratelimit-remaining: 0`` and a reset
time, or with neither, then "wait for at least one minute" ("Rate limits for the REST API", "Exceeding the rate limit");
at most 80 content-generating requests a minute and 500 an hour (same page, "About secondary rate limits"); at least one
second between writes ("Best practices for using the REST API", "Pause between mutative requests").
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from bot.model.requests import RequestsLeft

PER_MINUTE: Final = 80
PER_HOUR: Final = 500
_UNNAMED_WAIT: Final = 60.0
_RESOURCE: Final = "x-ratelimit-resource"
# A 403 is also what a missing permission looks like: without these words in it, it is no limit.
_LIMITED: Final = re.compile(
    r"rate limit|abuse detection|wait a few minutes|retry your request again later", re.IGNORECASE
)
_TOO_QUICKLY: Final = re.compile(r"was submitted too quickly", re.IGNORECASE)
"""A limit on creating content that comes as a validation error, without a time (github.com/cli/cli, issue 4801: an answer of
GitHub's staff).
"""


def asked_wait(status: int, headers: Mapping[str, str], message: str, now: datetime) -> float | None:
    """Seconds until the host wants the next request; None when this reply is not about a limit.

    Header names are lower-case.
    """
    if status == 422 and _TOO_QUICKLY.search(message):
        return _UNNAMED_WAIT
    if status not in {403, 429}:
        return None
    retry_after = _retry_after(headers.get("retry-after"), now)
    if retry_after is not None:
        return retry_after
    # A second more than asked: the reset time is in whole seconds, and clocks differ.
    if headers.get("x-ratelimit-remaining") == "0" and (reset := headers.get("x-ratelimit-reset", "")).isdigit():
        return max(1.0, float(reset) - now.timestamp() + 1.0)
    return _UNNAMED_WAIT if status == 429 or _LIMITED.search(message) else None


def requests_left(headers: Mapping[str, str]) -> RequestsLeft | None:
    """The primary rate limit as an answer tells it; None where it does not, as Enterprise Server by default ("Rate limits
    for the REST API", "Checking the status of your rate limit"). Header names are lower-case.
    """
    names = ("limit", "remaining", "reset")
    limit, remaining, reset = (headers.get(f"x-ratelimit-{name}", "") for name in names)
    if not (limit.isdigit() and remaining.isdigit() and reset.isdigit()) or headers.get(_RESOURCE, "core") != "core":
        return None
    return RequestsLeft(int(limit), int(remaining), datetime.fromtimestamp(int(reset), UTC))


def _retry_after(value: str | None, now: datetime) -> float | None:
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())


class Pace:
    """Keeps writes ``interval`` seconds apart and inside the minute's and the hour's budget.

    An ``interval`` of 0 turns all of it off; only a sandbox is meant to be written to like that.
    """

    def __init__(self, interval: float, *, per_minute: int = PER_MINUTE, per_hour: int = PER_HOUR) -> None:
        self._interval = timedelta(seconds=interval)
        self._windows = ((timedelta(minutes=1), per_minute), (timedelta(hours=1), per_hour))
        self._written: deque[datetime] = deque(maxlen=max(per_minute, per_hour))

    def wait(self, now: datetime) -> float:
        """Seconds from ``now`` until the next write may be sent; 0 when it may be sent at once."""
        if not self._interval or not self._written:
            return 0.0
        ready = [self._written[-1] + self._interval]
        ready += [self._written[-most] + window for window, most in self._windows if len(self._written) >= most]
        return max(0.0, (max(ready) - now).total_seconds())

    def note(self, now: datetime) -> None:
        """A write was sent at ``now``."""
        self._written.append(now)
