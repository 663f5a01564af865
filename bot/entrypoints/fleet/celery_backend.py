"""Celery's backend of results that messages carry. Loaded by Celery, by name, where the broker is RabbitMQ."""

from __future__ import annotations

from celery.backends.rpc import RPCBackend


class CarriedBackend(RPCBackend):  # type: ignore[misc]  # Celery has no types
    """The queue of results is the one that :mod:`bot.entrypoints.fleet.celery_results` made and names in each task."""

    def on_task_call(self, producer: object, task_id: str) -> None:
        """Nothing. Celery would make a second queue here, and would try for ever while there is no broker."""
        del producer, task_id
