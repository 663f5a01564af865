"""What the daemon can be asked and told over its API, as plain functions; :mod:`bot.entrypoints.http` only speaks HTTP.

Everything here is called from the API's thread: it reads what the consumer wrote, queues work, and touches nothing else.
"""

from __future__ import annotations

import io
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot import __version__
from bot.entrypoints.api.tokens import ApiToken, Scope, tokens
from bot.entrypoints.daemon.account import checkout_json, status_json
from bot.entrypoints.daemon.consumer import Daemon
from bot.entrypoints.daemon.state import Pause, Runtime, StateFolder
from bot.entrypoints.outcome import exit_code
from bot.errors import BotError
from bot.flows.commands import Orders
from bot.model.event import Event
from bot.model.json import facts
from bot.model.ledger import Actor
from bot.model.session import Session
from bot.ports import Webhooks
from bot.report.console import open_console
from bot.report.json import tick_json
from bot.safety.limits import Limits
from bot.settings import Settings


class Desk(Protocol):
    """What the consumer, and nobody else, may ask of the repository."""

    def orders(self, by: Actor) -> Orders:
        """What orders of ``by`` are taken with."""
        ...

    def sessions(self, limit: int) -> Sequence[Session]:
        """The newest guarded runs."""
        ...

    def line(self, commit: str, path: str, number: int) -> str | None:
        """A line of a file as a commit has it, without secrets; None where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Surface:
    """One daemon as its API sees it. ``settings``, ``limits`` and ``webhooks`` give what is in force now;
    ``environment`` has the secrets of tokens.
    """

    daemon: Daemon
    runtime: Runtime
    folder: StateFolder
    settings: Callable[[], Settings]
    limits: Callable[[], Limits]
    webhooks: Callable[[], Webhooks]
    desk: Desk
    environment: Mapping[str, str] = field(repr=False)

    def tokens(self) -> tuple[ApiToken, ...]:
        """The control token, and those that the settings name."""
        control = ApiToken("control", self.runtime.token.encode(), Scope.WRITE)
        return (control, *tokens(self.settings().api, self.environment))

    def unready(self) -> str | None:
        """Why the daemon cannot be relied on now; None when it can."""
        return self.daemon.status.unready

    def status(self) -> Mapping[str, object]:
        """Everything that it knows of itself, as JSON."""
        return status_json(
            self.daemon,
            self.runtime,
            self.settings(),
            self.limits(),
            versions={"clockwork": __version__, "python": platform.python_version()},
        )

    def request_run(self) -> int:
        """Ask for a run; the number to ask :meth:`run_result` about."""
        return self.daemon.request_run()

    def run_result(self, number: int, *, width: int = 0, colour: bool = False) -> Mapping[str, object] | None:
        """What that run came to, as JSON; None while it is not done. With ``width`` also as ``text`` for people.

        Raises the ``BotError`` that it ended with.
        """
        end = self.daemon.status.runs.since(number)
        if end is None:
            return None
        if isinstance(end, BotError):
            raise end
        checkouts = sorted(self.daemon.status.checkouts.copy().values(), key=lambda checkout: checkout.folder)
        answer: dict[str, object] = {"tick": tick_json(end), "exit_code": exit_code(end)}
        if checkouts:
            answer["checkouts"] = [checkout_json(checkout) for checkout in checkouts]
        if width:
            from bot.report.terminal import show_tick

            page = io.StringIO()
            show_tick(
                end,
                open_console(
                    file=page,
                    width=width,
                    force_terminal=colour,
                    color_system="standard" if colour else None,
                    _environ={},
                ),
            )
            answer["text"] = page.getvalue()
        return answer

    def pause(self, *, by: str, reason: str) -> Mapping[str, object]:
        """Nothing is written any more, also after a restart."""
        pause = self.daemon.status.pause or Pause(self.daemon.now(), by, reason)
        self.folder.set_pause(pause)
        self.daemon.pause(pause)
        return {"paused": True, **facts(pause, "at by reason")}

    def resume(self) -> Mapping[str, object]:
        """Writing goes on; whether it had been paused."""
        was = self.daemon.status.pause is not None
        self.folder.set_pause(None)
        self.daemon.resume()
        return {"paused": False, "was_paused": was}

    def accept(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Queue what a delivery makes worth doing; False when it was seen before. Raises as :class:`Webhooks` do."""
        event: Event = self.webhooks().read(headers, body)
        return self.daemon.accept(event)
