"""InfluxDB's line protocol, and a real receiver of it on loopback."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.errors import BotError, Invalid, Unavailable
from bot.metrics.influx import InfluxEndpoint, Pusher, lines
from bot.metrics.store import MetricStore
from bot.settings import load
from bot.wiring.metrics import open_meters, push_of
from bot.wiring.repository import Options, repository_to_read
from tests.flows.stage import MovableClock
from tests.receivers.inbox import inbox

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAMP = "1772366400000000000"


def test_lines_are_as_the_protocol_has_them() -> None:
    """Names and tags sorted, what has a meaning escaped, an empty tag left out, buckets with their bounds."""
    store = MetricStore()
    store.count("clockwork_ticks_total", 3)
    store.set("clockwork_target_drift", 0.5, target="")
    store.set("clockwork_sessions", 2, agent='a, b=c\nd"\\', result="failed")
    store.observe("clockwork_tick_duration_seconds", 0.07)
    written = lines(store, at=NOON).splitlines()
    assert f"clockwork_ticks_total value=3 {STAMP}" in written
    assert f"clockwork_target_drift value=0.5 {STAMP}" in written
    assert f'clockwork_sessions,agent=a\\,\\ b\\=c\\ d"/,result=failed value=2 {STAMP}' in written
    assert f"clockwork_tick_duration_seconds_bucket,le=0.05 value=0 {STAMP}" in written
    assert f"clockwork_tick_duration_seconds_bucket,le=+Inf value=1 {STAMP}" in written
    assert f"clockwork_tick_duration_seconds_sum value=0.07 {STAMP}" in written


def test_a_push_carries_its_token() -> None:
    """The database gets the lines and who sends them; nothing shows the token."""
    with inbox() as box:
        endpoint = InfluxEndpoint(box.hook, "s3cret", 60)
        endpoint.push("a value=1 2\n")
    (post,) = box.posts
    assert post.body == b"a value=1 2\n"
    assert post.headers["authorization"] == "Token s3cret"
    assert "s3cret" not in repr(endpoint)


@pytest.mark.parametrize(
    ("mood", "kind", "said"),
    [
        ("refuse", Unavailable, "HTTP 500"),
        ("redirect", Invalid, "HTTP 302"),
        ("close", Unavailable, "could not be pushed"),
        ("hang", Unavailable, "ReadTimeout"),
    ],
)
def test_a_push_that_nobody_takes(mood: str, kind: type[BotError], said: str) -> None:
    """Each way is told, within the time limit."""
    with inbox(mood) as box, pytest.raises(kind, match=said):
        InfluxEndpoint(box.hook, seconds=0.5 if mood == "hang" else 60).push("a value=1 2\n")


def test_a_pusher_warns_once_and_pushes_a_last_time() -> None:
    """A database that is away is told of once until it is back; closing pushes what there is."""
    pushed, warned, failing = threading.Semaphore(0), list[str](), threading.Event()
    failing.set()

    def push() -> None:
        pushed.release()
        if failing.is_set():
            raise Unavailable("away")

    pusher = Pusher(push, interval=0.01, seconds=60, warn=warned.append)
    for _ in range(3):
        assert pushed.acquire(timeout=60)
    assert warned == ["away"]
    failing.clear()
    for _ in range(3):
        assert pushed.acquire(timeout=60)
    failing.set()
    for _ in range(3):
        assert pushed.acquire(timeout=60)
    pusher.close(wait=True)
    assert warned == ["away", "away"]


def test_settings_name_variables(tmp_path: Path) -> None:
    """Without the address in the environment nothing is pushed, and that is said."""
    folder = str(tmp_path)
    clock = MovableClock()
    opened = repository_to_read(Options(repo=folder, environment={"INFLUX": "http://127.0.0.1:1/write"}))
    assert push_of(opened, open_meters(clock)) is None
    for text, said in (
        ("{url_env: NOWHERE}", "NOWHERE is not set"),
        ("{url_env: INFLUX, token_env: T}", "T is not set"),
    ):
        settings = load(f"metrics: {{influx: {text}}}".encode())
        with pytest.raises(Invalid, match=said):
            push_of(replace(opened, settings=settings), open_meters(clock))
    with pytest.raises(Invalid, match="the address itself never stands in this file"):
        load(b"metrics: {influx: {url_env: 'http://x'}}")
