"""Orders, accounts and what is known of a fleet as bytes: for processes, queues and files."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError

from bot.errors import Invalid
from bot.fleet.history import FleetHistory
from bot.fleet.run import FleetRun
from bot.fleet.status import FleetRepository
from bot.wiring.fleet import FleetOrder

_ORDER: TypeAdapter[FleetOrder] = TypeAdapter(FleetOrder)
_RUN: TypeAdapter[FleetRun] = TypeAdapter(FleetRun)
_HISTORY: TypeAdapter[FleetHistory] = TypeAdapter(FleetHistory)
_REPOSITORIES: TypeAdapter[dict[str, FleetRepository]] = TypeAdapter(dict[str, FleetRepository])


def order_text(order: FleetOrder) -> bytes:
    """An order, its token too: for the standard input of its process and nothing else."""
    return _ORDER.dump_json(order)


def order_of(data: bytes) -> FleetOrder:
    """The order that ``data`` holds. ``Invalid`` where it is none."""
    try:
        return _ORDER.validate_json(data)
    except ValidationError as exc:
        raise Invalid("standard input holds no order of a fleet") from exc


def run_text(account: FleetRun) -> bytes:
    """An account of a run; no secret is in it."""
    return _RUN.dump_json(account)


def run_of(data: bytes | str) -> FleetRun | None:
    """The account that ``data`` holds; None where it is none."""
    try:
        return _RUN.validate_json(data)
    except ValidationError:
        return None


def known_text(repositories: Mapping[str, FleetRepository]) -> bytes:
    """What is known of each repository."""
    return _REPOSITORIES.dump_json(dict(repositories))


def known_of(data: bytes) -> dict[str, FleetRepository]:
    """What ``data`` says is known; nothing where it is not readable: then everything is new."""
    try:
        return _REPOSITORIES.validate_json(data)
    except ValidationError:
        return {}


def history_text(history: FleetHistory) -> bytes:
    """How runs ended, hour by hour."""
    return _HISTORY.dump_json(history)


def history_of(data: bytes) -> FleetHistory:
    """The hours that ``data`` holds; none where it is not readable, or says what cannot have been."""
    try:
        history = _HISTORY.validate_json(data)
    except ValidationError:
        return FleetHistory()
    return history if history.is_sound else FleetHistory()
