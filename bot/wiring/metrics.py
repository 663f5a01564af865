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


def push_of(opened: OpenRepository, meters: Meters) -> Callable[[], None] | None:
    """Pushes everything that is measured, once; None where the settings name nobody who takes it.

    ``Invalid`` where the environment lacks what they name.
    """
    chosen, environment = opened.settings.metrics.influx, opened.options.environment
    if chosen is None:
        return None
    for variable in (chosen.url_env, chosen.token_env):
        if variable is not None and not environment.get(variable):
            raise Invalid(f"metrics.influx: the environment variable {variable} is not set")
    from bot.metrics.influx import InfluxEndpoint

    token = None if chosen.token_env is None else environment[chosen.token_env]
    return partial(_push, InfluxEndpoint(environment[chosen.url_env], token, chosen.timeout), meters)


def _push(endpoint: InfluxEndpoint, meters: Meters) -> None:
    from bot.metrics.influx import lines

    endpoint.push(lines(meters.aged(), at=meters.now()))


def open_pusher(opened: OpenRepository, meters: Meters, warn: Callable[[str], object]) -> Pusher | None:
    """Pushes at the interval of the settings; None where nobody takes it, or the environment lacks the address."""
    chosen = opened.settings.metrics.influx
    try:
        push = push_of(opened, meters)
    except Invalid as exc:
        warn(exc.message)
        return None
    if push is None or chosen is None:
        return None
    from bot.metrics.influx import Pusher

    return Pusher(push, interval=chosen.interval, seconds=chosen.timeout, warn=warn)
