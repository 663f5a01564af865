"""Webhooks are registered and pinged."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bot.sandbox.backend import Repo
from bot.sandbox.records import HookRow, UserRow
from bot.sandbox.shapes import checks as shapes
from bot.sandbox.shapes.accounts import delivered_repository, user


def create_hook(
    repo: Repo, sender: UserRow, url: str, *, secret: str, events: Sequence[str], active: bool = True
) -> HookRow:
    """A new webhook of ``repo``, pinged at once."""
    key = repo.backend.store.insert(
        "hook",
        repo_id=repo.id,
        url=url,
        secret=secret,
        events=",".join(events),
        active=active,
        created_at=repo.backend.now(),
    )
    hook = repo.backend.row(HookRow, "SELECT * FROM hook WHERE id = ?", key)
    if active:
        ping(repo, sender, hook)
    return hook


def ping(repo: Repo, sender: UserRow, hook: HookRow) -> None:
    """GitHub's first delivery to every hook."""
    payload = {
        "zen": "Keep it logically awesome.",
        "hook_id": hook.id,
        "hook": shapes.hook(repo, hook),
        "repository": delivered_repository(repo),
        "sender": user(repo.backend, sender),
    }
    repo.backend.outbox.post(hook, event="ping", action=None, payload=json.dumps(payload))
