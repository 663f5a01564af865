"""Telling webhooks what happened. Payloads are built only when somebody listens."""

from __future__ import annotations

import json
from collections.abc import Callable

from bot.sandbox.backend import Backend
from bot.sandbox.records import HookRow, RepositoryRow, UserRow
from bot.sandbox.replies import Json, JsonObject
from bot.sandbox.shapes.accounts import repository, user


def announce(
    backend: Backend,
    repo: RepositoryRow,
    sender: UserRow,
    event: str,
    *,
    action: str | None,
    content: Callable[[], JsonObject],
) -> None:
    """Queue ``event`` for every hook of ``repo`` that wants it. ``content`` gives the event's own keys."""
    hooks = backend.store.all(HookRow, "SELECT * FROM hook WHERE repo_id = ? AND active", repo.id)
    wanting = [hook for hook in hooks if hook.wants(event)]
    if not wanting:
        return
    payload = json.dumps(_payload(backend, repo, sender, action, content()))
    for hook in wanting:
        backend.outbox.post(hook, event=event, action=action, payload=payload)


def _payload(
    backend: Backend, repo: RepositoryRow, sender: UserRow, action: str | None, content: JsonObject
) -> dict[str, Json]:
    head: dict[str, Json] = {} if action is None else {"action": action}
    return head | dict(content) | {"repository": repository(backend, repo), "sender": user(backend, sender)}
