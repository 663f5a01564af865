"""What stays as it is until somebody orders something, and the order: for whoever looks what waits for them. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bot.model.proposal import Effect, TakenAction, Tick
from bot.model.wording import minute
from bot.safety.state import State
from bot.safety.suspension import suspended_until

_FLOOD: Final = frozenset({"new-pull-requests", "open-pull-requests"})


@dataclass(frozen=True, slots=True)
class AwaitedOrder:
    """One task that is held, why, and the command that ends it."""

    task: str
    why: str
    command: str


def awaited(tick: Tick | None, limit_state: State | None) -> tuple[AwaitedOrder, ...]:
    """Everything that is held: stopped tasks, suspended ones, rejected proposals, pull requests that are too many."""
    standing = () if limit_state is None else tuple(_standing(limit_state))
    ordered_tasks = {order.task for order in standing}
    return (*standing, *(_order(action) for action in _held_actions(tick) if action.task not in ordered_tasks))


def _standing(limit_state: State) -> Iterator[AwaitedOrder]:
    for task, failures in sorted(limit_state.stopped.items()):
        yield AwaitedOrder(task, f"stopped after {failures} failures in a row", _command("resume", task))
    for task, entry in sorted(limit_state.suspended.items()):
        until = suspended_until(entry)
        end = "" if until is None else f" until {minute(until)}"
        reason = f"suspended by {entry.actor.login}{end}: {entry.reason}"
        yield AwaitedOrder(task, reason, _command("unsuspend", task))


def _held_actions(tick: Tick | None) -> Iterator[TakenAction]:
    for action in () if tick is None else tick.actions:
        if action.effect is Effect.REJECTED or (
            action.effect is Effect.DENIED and action.limit in {"rejected", *_FLOOD}
        ):
            yield action


def _order(action: TakenAction) -> AwaitedOrder:
    if action.limit in _FLOOD:
        return AwaitedOrder(action.task, action.message, "tick its box on the dashboard, or answer those that are open")
    return AwaitedOrder(action.task, action.message, _command("retry", action.fingerprint))


def _command(verb: str, *arguments: str) -> str:
    return shlex.join(["clockwork", verb, *arguments, "-m", "why"])
