"""Webhooks through the API."""

from __future__ import annotations

import json

from bot.sandbox.edge import Body, Call, Route
from bot.sandbox.records import Delivery, Hook, Repo
from bot.sandbox.replies import Json, Reply, invalid, not_found
from bot.sandbox.shapes import checks as shapes
from bot.sandbox.verbs.hooks import create_hook, ping


class Target(Body):
    """``config`` of a webhook."""

    url: str | None = None
    secret: str | None = None
    content_type: str = "json"


class NewHook(Body):
    """Body of ``POST …/hooks``."""

    config: Target
    events: tuple[str, ...] = ("push",)
    active: bool = True


class HookEdit(Body):
    """Body of ``PATCH …/hooks/N``."""

    config: Target | None = None
    events: list[str] | None = None
    active: bool | None = None


def list_hooks(call: Call) -> Reply:
    """The repository's webhooks."""
    repo = call.repo("admin")
    rows = call.hub.store.all(Hook, "SELECT * FROM hook WHERE repo_id = ? ORDER BY id", repo.id)
    return call.slice(rows, lambda row: shapes.hook(call.hub, repo, row))


def new_hook(call: Call) -> Reply:
    """A new webhook; it is pinged at once."""
    repo, wanted = call.repo("admin"), call.body(NewHook)
    if not wanted.config.url or not wanted.config.url.startswith("http"):
        raise invalid("Hook", "url", "invalid")
    made = create_hook(
        call.hub,
        repo,
        call.person(),
        wanted.config.url,
        secret=wanted.config.secret or "",
        events=wanted.events,
        active=wanted.active,
    )
    return Reply(shapes.hook(call.hub, repo, made), 201)


def get_hook(call: Call) -> Reply:
    """One webhook."""
    repo, found = _hook(call)
    return Reply(shapes.hook(call.hub, repo, found))


def edit_hook(call: Call) -> Reply:
    """Address, secret, events, active."""
    repo, found = _hook(call)
    wanted = call.body(HookEdit)
    config = wanted.config or Target()
    call.hub.store.update(
        "hook",
        found.id,
        url=config.url or found.url,
        secret=found.secret if config.secret is None else config.secret,
        events=found.events if wanted.events is None else ",".join(wanted.events),
        active=found.active if wanted.active is None else wanted.active,
    )
    return Reply(shapes.hook(call.hub, repo, _hook(call)[1]))


def delete_hook(call: Call) -> Reply:
    """The webhook is gone."""
    call.hub.store.run("DELETE FROM hook WHERE id = ?", _hook(call)[1].id)
    return Reply(status=204)


def ping_hook(call: Call) -> Reply:
    """Send a ping."""
    repo, found = _hook(call)
    ping(call.hub, repo, call.person(), found)
    return Reply(status=204)


def deliveries(call: Call) -> Reply:
    """What was sent, newest first."""
    _, found = _hook(call)
    rows = call.hub.store.all(Delivery, "SELECT * FROM delivery WHERE hook_id = ? ORDER BY id DESC", found.id)
    return call.slice(rows, shapes.delivery)


def get_delivery(call: Call) -> Reply:
    """One delivery with its payload."""
    _, _, found = _delivery(call)
    payload: Json = json.loads(found.payload)
    request: dict[str, Json] = {"headers": {"X-GitHub-Event": found.event}, "payload": payload}
    return Reply(shapes.delivery(found) | {"request": request, "response": {"headers": {}, "payload": ""}})


def redeliver(call: Call) -> Reply:
    """Send a delivery once more under its old id."""
    _, hook, found = _delivery(call)
    call.hub.outbox.redeliver(hook, found)
    return Reply({}, 202)


def _hook(call: Call) -> tuple[Repo, Hook]:
    repo = call.repo("admin")
    found = call.hub.store.one(Hook, "SELECT * FROM hook WHERE id = ? AND repo_id = ?", call.number("hook"), repo.id)
    if found is None:
        raise not_found()
    return repo, found


def _delivery(call: Call) -> tuple[Repo, Hook, Delivery]:
    repo, hook = _hook(call)
    found = call.hub.store.one(
        Delivery, "SELECT * FROM delivery WHERE id = ? AND hook_id = ?", call.number("delivery"), hook.id
    )
    if found is None:
        raise not_found()
    return repo, hook, found


_HOOKS = "/repos/{owner}/{repo}/hooks"
ROUTES = (
    Route("GET", _HOOKS, list_hooks),
    Route("POST", _HOOKS, new_hook),
    Route("GET", _HOOKS + "/{hook}", get_hook),
    Route("PATCH", _HOOKS + "/{hook}", edit_hook),
    Route("DELETE", _HOOKS + "/{hook}", delete_hook),
    Route("POST", _HOOKS + "/{hook}/pings", ping_hook),
    Route("POST", _HOOKS + "/{hook}/tests", ping_hook),
    Route("GET", _HOOKS + "/{hook}/deliveries", deliveries),
    Route("GET", _HOOKS + "/{hook}/deliveries/{delivery}", get_delivery),
    Route("POST", _HOOKS + "/{hook}/deliveries/{delivery}/attempts", redeliver),
)
