"""Webhooks are registered and pinged."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bot.sandbox.backend import Hub
from bot.sandbox.records import Hook, Repo, User
from bot.sandbox.replies import not_found
from bot.sandbox.shapes import checks as shapes
from bot.sandbox.shapes.people import repository, user


def create_hook(
    hub: Hub, repo: Repo, sender: User, url: str, *, secret: str, events: Sequence[str], active: bool = True
) -> Hook:
    """A new webhook of ``repo``, pinged at once."""
    key = hub.store.insert(
        "hook",
        repo_id=repo.id,
        url=url,
        secret=secret,
        events=",".join(events),
        active=active,
        created_at=hub.now(),
    )
    made = hub.store.one(Hook, "SELECT * FROM hook WHERE id = ?", key)
    if made is None:
        raise not_found()
    if active:
        ping(hub, repo, sender, made)
    return made


def ping(hub: Hub, repo: Repo, sender: User, hook: Hook) -> None:
    """GitHub's first delivery to every hook."""
    payload = {
        "zen": "Keep it logically awesome.",
        "hook_id": hook.id,
        "hook": shapes.hook(hub, repo, hook),
        "repository": repository(hub, repo),
        "sender": user(hub, sender),
    }
    hub.outbox.post(hook, event="ping", action=None, payload=json.dumps(payload))
