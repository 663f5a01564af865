"""Webhooks are registered and pinged."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bot.sandbox.backend import Backend
from bot.sandbox.records import HookRow, RepositoryRow, UserRow
from bot.sandbox.shapes import checks as shapes
from bot.sandbox.shapes.accounts import delivered_repository, user


def create_hook(
    backend: Backend,
    repo: RepositoryRow,
    sender: UserRow,
    url: str,
    *,
    secret: str,
    events: Sequence[str],
    active: bool = True,
) -> HookRow:
    """A new webhook of ``repo``, pinged at once."""
    key = backend.store.insert(
        "hook",
        repo_id=repo.id,
        url=url,
        secret=secret,
        events=",".join(events),
        active=active,
        created_at=backend.now(),
    )
    made = backend.row(HookRow, "SELECT * FROM hook WHERE id = ?", key)
    if active:
        ping(backend, repo, sender, made)
    return made


def ping(backend: Backend, repo: RepositoryRow, sender: UserRow, hook: HookRow) -> None:
    """GitHub's first delivery to every hook."""
    payload = {
        "zen": "Keep it logically awesome.",
        "hook_id": hook.id,
        "hook": shapes.hook(backend, repo, hook),
        "repository": delivered_repository(backend, repo),
        "sender": user(backend, sender),
    }
    backend.outbox.post(hook, event="ping", action=None, payload=json.dumps(payload))
