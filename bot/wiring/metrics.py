"""What is measured in one process, and where it is pushed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from bot import __version__
from bot.errors import Invalid
from bot.metrics.meters import Meters
from bot.ports import Clock
from bot.wiring.repository import OpenRepository

if TYPE_CHECKING:
    from bot.metrics.influx import InfluxEndpoint, Pusher


def open_meters(clock: Clock) -> Meters:
    """Meters that begin at nothing."""
    return Meters(clock.now, __version__)


def push_of(open_repo: OpenRepository, meters: Meters) -> Callable[[], None] | None:
    """Pushes everything that is measured, once; None where the settings name nobody who takes it.

    ``Invalid`` where the environment lacks what they name.
    """
    influx, environment = open_repo.settings.metrics.influx, open_repo.options.environment
    if influx is None:
        return None
    for variable in (influx.url_env, influx.token_env):
        if variable is not None and not environment.get(variable):
            raise Invalid(f"metrics.influx: the environment variable {variable} is not set")
    from bot.metrics.influx import InfluxEndpoint

    token = None if influx.token_env is None else environment[influx.token_env]
    return partial(_push, InfluxEndpoint(environment[influx.url_env], token, influx.timeout), meters)


def _push(endpoint: InfluxEndpoint, meters: Meters) -> None:
    from bot.metrics.influx import lines

    endpoint.push(lines(meters.aged(), at=meters.now()))


def open_pusher(open_repo: OpenRepository, meters: Meters, warn: Callable[[str], object]) -> Pusher | None:
    """Pushes at the interval of the settings; None where nobody takes it, or the environment lacks the address."""
    influx = open_repo.settings.metrics.influx
    try:
        push = push_of(open_repo, meters)
    except Invalid as exc:
        warn(exc.message)
        return None
    if push is None or influx is None:
        return None
    from bot.metrics.influx import Pusher

    return Pusher(push, interval=influx.interval, seconds=influx.timeout, warn=warn)
