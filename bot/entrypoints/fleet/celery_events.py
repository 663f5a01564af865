"""Events of tasks, each sent at once. Loaded by Celery, by name."""

from __future__ import annotations

from typing import Any, Final

from celery.app.events import Events
from celery.events.dispatcher import EventDispatcher


class PromptDispatcher(EventDispatcher):  # type: ignore[misc]  # Celery has no types
    """Gathers nothing. A worker would have events of tasks gathered and sent by its loop, but where tasks are threads, one that
    ends while the loop sends is dropped with what was sent, or wakes nobody and waits for the next (celery/celery issue 10434).
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **(options | {"buffer_group": None, "on_send_buffered": None}))


class PromptEvents(Events):  # type: ignore[misc]  # as above
    """Celery's way to events, with that dispatcher."""

    dispatcher_cls: Final = "bot.entrypoints.fleet.celery_events:PromptDispatcher"
