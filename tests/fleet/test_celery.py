"""A fleet through a real Redis or RabbitMQ and a real Celery worker: the same runs, told in events, no secret in any task."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.entrypoints.fleet.celery_queue import CeleryRunner, Roll, broker_problem, open_queue
from bot.errors import Invalid, Unavailable
from bot.fleet.run import FleetMember
from bot.fleet.status import FleetResult
from bot.flows.fleet import FleetLoop, FleetPacing
from bot.settings.fleet import FleetSettings
from bot.wiring.fleet import open_fleet
from bot.wiring.repository import SystemClock
from tests.fleet import brokers
from tests.fleet.brokers import SETTINGS, wait_for
from tests.fleet.stand import FleetStand, fleet_stand
from tests.installed import needs_celery

pytestmark = needs_celery


@pytest.fixture(
    params=[pytest.param("redis", marks=pytest.mark.redis), pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)]
)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a broker of its own."""
    (tmp_path / "broker").mkdir()
    with getattr(brokers, request.param)(tmp_path / "broker").running() as server:
        yield server.url


@contextmanager
def worker(stand: FleetStand, file: Path, broker: str) -> Iterator[subprocess.Popen[bytes]]:
    """``clockwork fleet worker`` with the fleet's secrets, the broker's address in its environment."""
    words = [sys.executable, "-m", "bot", "fleet", "worker", str(file), "--workers", "2"]
    environment = stand.environment | {"CLOCKWORK_CELERY_BROKER": broker}
    log = (stand.directory / "worker.log").open("ab")
    started = subprocess.Popen(words, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        try:
            started.wait(60)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
        log.close()


@pytest.mark.slow
def test_a_worker_carries_out_what_a_fleet_puts_into_the_queue(tmp_path: Path, broker: str) -> None:
    """Three repositories through the broker: their accounts come back, one pull request is opened, a second round opens none,
    events tell of each task as Flower reads them, and no message held a token or a key.
    """
    with fleet_stand(tmp_path, ("north",)) as stand:
        for name in ("north/one", "north/two"):
            stand.add(name)
        stand.add("north/three", live_port=8081)
        file = stand.write("schedule: {time_limit: 300}\n")
        fleet = open_fleet(file, stand.environment, SystemClock())
        queue = open_queue(broker, fleet.settings)
        seen = Events(broker, fleet.settings)
        runner = CeleryRunner(queue, fleet.settings.schedule.time_limit)
        loop = FleetLoop(fleet.members, runner, FleetPacing(workers=3), fleet.clock)
        actions: list[dict[str, int]] = []
        loop.on_run = lambda run: actions.append(dict(run.actions))
        with seen.watching(), worker(stand, file, broker):
            assert loop.once() == ()
            assert {each.name: each.result for each in loop.status().repositories} == {
                "north/one": FleetResult.IN_SYNC,
                "north/three": FleetResult.DRIFT,
                "north/two": FleetResult.IN_SYNC,
            }
            assert loop.once() == ()
            wait_for(lambda: seen.kinds().count("task-succeeded") >= 6)
        runner.close()
        assert sorted(map(json.dumps, actions)) == ['{"opened": 1}', '{"unchanged": 1}', *["{}"] * 4]
        assert {"task-sent", "task-received", "task-started", "task-succeeded", "worker-online"} <= set(seen.kinds())
        received = {str(event["args"]) for event in seen.events if event["type"] == "task-received"}
        assert received == {f"['{name}']" for name in ("north/one", "north/three", "north/two")}
        told = json.dumps(seen.events, default=str)
        assert "ghs_" not in told
        assert "PRIVATE KEY" not in told
        assert stand.cross_talk() == []


@pytest.mark.slow
def test_what_a_dead_worker_had_begun_is_done_again(tmp_path: Path, broker: str) -> None:
    """A worker that is killed in the middle of a run acknowledged nothing: another does it, and there is one pull request."""
    with fleet_stand(tmp_path, ("north",)) as stand:
        stand.add("north/one", live_port=8081)
        file = stand.write("schedule: {time_limit: 120}\n")
        fleet = open_fleet(file, stand.environment, SystemClock())
        queue = open_queue(broker, fleet.settings)
        runner = CeleryRunner(queue, 600)
        (member,) = fleet.members()
        with worker(stand, file, broker) as first:
            runner.start(member)
            wait_for(lambda: any("north/one" in line.path for line in stand.box.requests.lines()))
            os.killpg(first.pid, signal.SIGKILL)
            first.wait()
        if broker.startswith("redis"):  # RabbitMQ notices a worker's end by its connection
            grown_old(broker, seconds=300)
        with worker(stand, file, broker):
            accounts = list(runner.finished(500))
        runner.close()
        assert [account.result for account in accounts] == [FleetResult.DRIFT]
        writes = [name for name, _, is_write in stand.talk() if is_write]
        opened = [line for line in stand.box.requests.lines() if line.method == "POST" and line.path.endswith("/pulls")]
        assert (set(writes), len(opened)) == ({"north/one"}, 1)


@pytest.mark.slow
@pytest.mark.rabbitmq
def test_a_restart_of_rabbitmq_loses_neither_task_nor_account(tmp_path: Path) -> None:
    """While it is gone a run costs an account at once; what was in its queues before is carried out and told after."""
    with fleet_stand(tmp_path, ("north",)) as stand:
        stand.add("north/one")
        file = stand.write("schedule: {time_limit: 120}\n")
        fleet = open_fleet(file, stand.environment, SystemClock())
        (tmp_path / "broker").mkdir()
        server = brokers.rabbitmq(tmp_path / "broker")
        (member,) = fleet.members()
        with server.running():
            runner = CeleryRunner(open_queue(server.url, fleet.settings), 120)
            runner.start(member)
            server.stop()
            runner.start(FleetMember("north/two", "/srv/b"))
            assert [account.name for account in runner.finished(1)] == ["north/two"]
            server.start()
            with worker(stand, file, server.url):
                assert [(account.name, account.result) for account in runner.finished(150)] == [
                    ("north/one", FleetResult.IN_SYNC)
                ]
            runner.close()


def grown_old(broker: str, *, seconds: float) -> None:
    """What nobody acknowledged was taken that much earlier (Kombu's Redis transport keeps the time of each as a score). A
    worker looks for such messages ten seconds after its start, and then every hundred.
    """
    from redis import from_url

    with from_url(broker) as client:
        taken = client.zrange("unacked_index", 0, -1, withscores=True)
        assert taken
        client.zadd("unacked_index", {message: score - seconds for message, score in taken})


class Events:
    """What Celery's events tell, as a monitor gets them: over one subscription, since Redis keeps nothing for later."""

    def __init__(self, broker: str, settings: FleetSettings) -> None:
        self._app = open_queue(broker, settings)
        self._subscribed = threading.Event()
        self.events: list[dict[str, Any]] = []

    def kinds(self) -> list[str]:
        return [str(event["type"]) for event in self.events]

    @contextmanager
    def watching(self) -> Iterator[None]:
        with self._app.connection_for_read() as connection:
            receiver = self._app.events.Receiver(connection, handlers={"*": self.events.append})
            receiver.on_consume_ready = lambda *_, **__: self._subscribed.set()
            thread = threading.Thread(target=receiver.capture, kwargs={"wakeup": False}, daemon=True)
            thread.start()
            assert self._subscribed.wait(60)
            try:
                yield
            finally:
                receiver.should_stop = True  # looked at every second (kombu.mixins.ConsumerMixin.consume)
                thread.join(30)
        self._app.close()


def test_events_that_threads_send_arrive_though_nobody_sends_what_was_gathered(broker: str) -> None:
    """A worker asks for events of tasks to be gathered, and its loop would send them; none is lost on the way there."""
    seen = Events(broker, SETTINGS)
    app = open_queue(broker, SETTINGS)
    with seen.watching(), app.connection_for_write() as connection:
        dispatcher = app.events.Dispatcher(connection, buffer_group=["task"], on_send_buffered=lambda: None)

        def send() -> None:
            for _ in range(100):
                dispatcher.send("task-succeeded", uuid="1")

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_for(lambda: len(seen.events) >= 400, 60)
        assert set(seen.kinds()) == {"task-succeeded"}
    app.close()


def test_brokers_are_redis_and_rabbitmq() -> None:
    """RabbitMQ's results come back as messages; another kind of broker is refused, and one that is not there is said."""
    for broker, backend in (("redis://h:1/0", "redis"), ("amqp://u:p@h//", "rpc"), ("amqps://h//", "rpc")):
        queue = open_queue(broker, SETTINGS)
        assert f"celery.backends.{backend}" in [kind.__module__ for kind in type(queue.backend).__mro__]
        assert queue.conf.task_acks_late
        assert (queue.conf.worker_send_task_events, queue.conf.task_send_sent_event) == (True, True)
        assert queue.conf.accept_content == ["json"]
    with pytest.raises(Invalid, match="'kafka' is no broker"):
        open_queue("kafka://h", SETTINGS)
    problem = broker_problem(open_queue("redis://:secret-word@127.0.0.1:9/0", SETTINGS))
    assert isinstance(problem, Unavailable)
    assert "secret-word" not in str(problem)


def test_a_queue_that_takes_nothing_costs_a_run() -> None:
    """The account says so, the fleet goes on."""
    runner = CeleryRunner(open_queue("redis://127.0.0.1:9/0", SETTINGS), 1)
    runner.start(FleetMember("a/a", "/srv/a"))
    (account,) = runner.finished(1)
    assert (account.name, account.result) == ("a/a", FleetResult.FAILED)
    assert "the queue did not take it" in str(account.error)


def test_a_worker_runs_nobody_that_its_own_file_does_not_name(tmp_path: Path) -> None:
    """A name from the broker is looked up, never believed."""
    file = tmp_path / "fleet.yaml"
    file.write_text("version: 1\nrepositories: [{url: /srv/a, name: a/a}]\n")
    roll = Roll(open_fleet(file, {}, SystemClock()))
    assert roll.member("a/a").url == "/srv/a"
    with pytest.raises(Invalid, match="takes no part"):
        roll.member("https://example.com/evil")
