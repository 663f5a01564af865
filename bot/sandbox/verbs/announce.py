"""Telling webhooks what happened. Payloads are built only when somebody listens."""

from __future__ import annotations

import json
from collections.abc import Callable

from bot.sandbox.backend import Repo
from bot.sandbox.records import HookRow, UserRow
from bot.sandbox.replies import Json, JsonObject
from bot.sandbox.shapes.accounts import delivered_repository, user
from bot.sandbox.shapes.pulls import Mergeability, full_pull


def announce(repo: Repo, sender: UserRow, event: str, *, action: str | None, content: Callable[[], JsonObject]) -> None:
    """Queue ``event`` for every hook of ``repo`` that wants it. ``content`` gives the event's own keys."""
    hooks = repo.backend.store.all(HookRow, "SELECT * FROM hook WHERE repo_id = ? AND active", repo.id)
    wanting = [hook for hook in hooks if hook.wants(event)]
    if not wanting:
        return
    payload = json.dumps(_payload(repo, sender, action, content()))
    for hook in wanting:
        repo.backend.outbox.post(hook, event=event, action=action, payload=payload)


def announce_pull(repo: Repo, sender: UserRow, number: int, action: str, **extra_fields: Json) -> None:
    """Queue ``pull_request`` for the pull request as it is when somebody listens, with ``extra_fields`` keys."""

    def content() -> JsonObject:
        pull = full_pull(repo, *repo.pull(number), Mergeability(None, "unknown"))
        return {"number": number, **extra_fields, "pull_request": pull}

    announce(repo, sender, "pull_request", action=action, content=content)


def _payload(repo: Repo, sender: UserRow, action: str | None, content: JsonObject) -> dict[str, Json]:
    head: dict[str, Json] = {} if action is None else {"action": action}
    return head | dict(content) | {"repository": delivered_repository(repo), "sender": user(repo.backend, sender)}
