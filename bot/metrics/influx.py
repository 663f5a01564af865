"""The same figures as InfluxDB's line protocol, pushed over HTTP.

``measurement,tag=value field=value timestamp`` (docs.influxdata.com, "Line protocol"): the sample's name is the
measurement, labels are tags, the field is ``value``, times are in nanoseconds. Who takes it: InfluxDB, Telegraf,
VictoriaMetrics, QuestDB.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import httpx

from bot.errors import Invalid, Unavailable
from bot.metrics.store import MetricStore, totals
from bot.trust import web_authorities

_SPECIAL: Final = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ ", "\n": "\\ ", "\r": "", "\\": "/"})
"""A backslash at the end of a tag would escape what follows it, so there is none."""


def lines(store: MetricStore, *, at: datetime) -> str:
    """Every sample as one line."""
    stamp = int(at.timestamp() * 1000) * 1_000_000
    rows = [
        f"{name}{_tags(labels)} value={value:.10g} {stamp}"
        for series in store.series()
        for name, labels, value in totals(series)
    ]
    return "".join(f"{row}\n" for row in rows)


def _tags(labels: Mapping[str, str]) -> str:
    """Tags sorted by name, as the protocol advises; a tag cannot be empty."""
    return "".join(f",{name}={value.translate(_SPECIAL)}" for name, value in sorted(labels.items()) if value)


@dataclass(frozen=True, slots=True)
class InfluxEndpoint:
    """Where lines go: a whole write URL, such as ``https://host/api/v2/write?org=o&bucket=b``, and a token."""

    url: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    seconds: float = 10.0

    def push(self, text: str) -> None:
        """Send the lines. Raises ``Unavailable`` where nobody takes them now, ``Invalid`` where nobody ever will."""
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        if self.token is not None:
            headers["Authorization"] = f"Token {self.token}"
        try:
            with (
                httpx.Client(verify=web_authorities(), timeout=self.seconds, follow_redirects=False) as client,
                client.stream("POST", self.url, content=text.encode(), headers=headers) as answer,
            ):
                status = answer.status_code
        except httpx.InvalidURL as exc:
            raise Invalid("metrics.influx: the address is no URL") from exc
        except httpx.HTTPError as exc:
            raise Unavailable(f"metrics could not be pushed: {type(exc).__name__}") from exc
        if status >= 300:
            kind = Unavailable if status >= 500 or status == 429 else Invalid
            raise kind(f"metrics could not be pushed: HTTP {status}")


class Pusher:
    """Pushes at every interval, in a thread that nobody waits for. ``warn`` hears of a failure once until one succeeds.

    ``seconds`` is what a push may take.
    """

    def __init__(
        self, push: Callable[[], None], *, interval: float, seconds: float, warn: Callable[[str], object]
    ) -> None:
        self._push = push
        self._seconds = seconds
        self._interval = interval
        self._warn = warn
        self._stop = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="clockwork-metrics", daemon=True)
        self._thread.start()

    def close(self, *, wait: bool) -> None:
        """Push a last time and end; with ``wait`` this is waited for as long as a push may take."""
        self._stop.set()
        if wait:
            self._thread.join(self._seconds)

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            self._once()
        self._once()

    def _once(self) -> None:
        try:
            self._push()
        except (Unavailable, Invalid) as exc:
            if not self._failing:
                self._warn(exc.message)
            self._failing = True
        else:
            self._failing = False
