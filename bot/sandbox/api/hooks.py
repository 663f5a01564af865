"""Webhooks through the API (docs.github.com, "REST API endpoints for repository webhooks")."""

from __future__ import annotations

import json

from bot.sandbox.backend import Repo
from bot.sandbox.edge import ApiCall, RequestBody, Route
from bot.sandbox.records import DeliveryRow, HookRow
from bot.sandbox.replies import ApiReply, Json, invalid
from bot.sandbox.shapes import checks as shapes
from bot.sandbox.verbs.hooks import create_hook, ping


class HookTarget(RequestBody):
    """``config`` of a webhook."""

    url: str | None = None
    secret: str | None = None
    content_type: str = "json"


class NewHook(RequestBody):
    """Body of ``POST …/hooks``."""

    config: HookTarget
    events: tuple[str, ...] = ("push",)
    active: bool = True


class HookEdit(RequestBody):
    """Body of ``PATCH …/hooks/N``."""

    config: HookTarget | None = None
    events: list[str] | None = None
    active: bool | None = None


def list_hooks(call: ApiCall) -> ApiReply:
    """The repository's webhooks."""
    repo = call.repo("admin")
    rows = call.backend.store.all(HookRow, "SELECT * FROM hook WHERE repo_id = ? ORDER BY id", repo.id)
    return call.slice(rows, lambda row: shapes.hook(repo, row))


def new_hook(call: ApiCall) -> ApiReply:
    """A new webhook; it is pinged at once."""
    repo, request = call.repo("admin"), call.body(NewHook)
    if not request.config.url or not request.config.url.startswith("http"):
        raise invalid("Hook", "url", "invalid")
    hook = create_hook(
        repo,
        call.person(),
        request.config.url,
        secret=request.config.secret or "",
        events=request.events,
        active=request.active,
    )
    return ApiReply(shapes.hook(repo, hook), 201)


def get_hook(call: ApiCall) -> ApiReply:
    """One webhook."""
    repo, hook = _hook(call)
    return ApiReply(shapes.hook(repo, hook))


def edit_hook(call: ApiCall) -> ApiReply:
    """Address, secret, events, active."""
    repo, hook = _hook(call)
    request = call.body(HookEdit)
    config = request.config or HookTarget()
    call.backend.store.update(
        "hook",
        hook.id,
        url=config.url or hook.url,
        secret=hook.secret if config.secret is None else config.secret,
        events=hook.events if request.events is None else ",".join(request.events),
        active=hook.active if request.active is None else request.active,
    )
    return ApiReply(shapes.hook(repo, _hook(call)[1]))


def delete_hook(call: ApiCall) -> ApiReply:
    """The webhook is gone."""
    call.backend.store.run("DELETE FROM hook WHERE id = ?", _hook(call)[1].id)
    return ApiReply(status=204)


def ping_hook(call: ApiCall) -> ApiReply:
    """Send a ping."""
    repo, hook = _hook(call)
    ping(repo, call.person(), hook)
    return ApiReply(status=204)


def deliveries(call: ApiCall) -> ApiReply:
    """What was sent, newest first."""
    _, hook = _hook(call)
    rows = call.backend.store.all(DeliveryRow, "SELECT * FROM delivery WHERE hook_id = ? ORDER BY id DESC", hook.id)
    return call.slice(rows, shapes.delivery)


def get_delivery(call: ApiCall) -> ApiReply:
    """One delivery with its payload."""
    _, _, delivery = _delivery(call)
    payload: Json = json.loads(delivery.payload)
    request: dict[str, Json] = {"headers": {"X-GitHub-Event": delivery.event}, "payload": payload}
    return ApiReply(shapes.delivery(delivery) | {"request": request, "response": {"headers": {}, "payload": ""}})


def redeliver(call: ApiCall) -> ApiReply:
    """Send a delivery once more under its old id."""
    _, hook, delivery = _delivery(call)
    call.backend.outbox.redeliver(hook, delivery)
    return ApiReply({}, 202)


def _hook(call: ApiCall) -> tuple[Repo, HookRow]:
    repo = call.repo("admin")
    hook = call.backend.row(HookRow, "SELECT * FROM hook WHERE id = ? AND repo_id = ?", call.number("hook"), repo.id)
    return repo, hook


def _delivery(call: ApiCall) -> tuple[Repo, HookRow, DeliveryRow]:
    repo, hook = _hook(call)
    delivery = call.backend.row(
        DeliveryRow, "SELECT * FROM delivery WHERE id = ? AND hook_id = ?", call.number("delivery"), hook.id
    )
    return repo, hook, delivery


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
