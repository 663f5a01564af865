"""The ASGI application: routes to endpoints, git and pages, with faults in between. Built by :mod:`bot.sandbox.server`."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, assert_never

from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Mount
from starlette.routing import Route as WebRoute

from bot.sandbox import edge
from bot.sandbox.api import (
    apps,
    checks,
    comments,
    commits,
    contents,
    deployments,
    gitdata,
    graphql,
    hooks,
    issues,
    meta,
    pulls,
    rules,
)
from bot.sandbox.api import repositories as repos
from bot.sandbox.backend import Backend, token_digest
from bot.sandbox.edge import ApiCall, Endpoint
from bot.sandbox.faults import Action, CannedReply, Declined, Delay, LostReply
from bot.sandbox.githttp import GitCall, serve
from bot.sandbox.journal import JournalLine, RequestJournal
from bot.sandbox.replies import ApiReply, not_found

API_ROUTES = (
    *meta.ROUTES,
    *apps.ROUTES,
    *rules.ROUTES,
    *repos.ROUTES,
    *gitdata.ROUTES,
    *contents.ROUTES,
    *commits.ROUTES,
    *checks.ROUTES,
    *deployments.ROUTES,
    *commits.LAST_ROUTES,
    *pulls.ROUTES,
    *comments.ROUTES,
    *issues.ROUTES,
    *hooks.ROUTES,
    *graphql.ROUTES,
)
_PREFIX = "/api/v3"
_NAMED = "/repos/{owner}/{repo}"
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class HandlerContext:
    """What handlers share: state, the journal, and how to close the connection of a request without an answer."""

    backend: Backend
    journal: RequestJournal
    hang_up: Callable[[MutableMapping[str, Any]], None]


def build(context: HandlerContext, pages: tuple[BaseRoute, ...]) -> Starlette:
    """The application. The API answers below ``/api/v3`` and, except for its root, at the top as well."""
    application = Starlette(routes=[*_routes(), *pages])
    application.state.context = context
    return application


@cache
def _routes() -> tuple[BaseRoute, ...]:
    """Git's and the API's, the same for every sandbox of a process."""
    api = [WebRoute(route.path, _api(route.endpoint), methods=[route.method]) for route in (*API_ROUTES, *_by_id())]
    fallback_route = WebRoute("/{path:path}", _api(_nothing_here), methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    graph = WebRoute("/api/graphql", _api(graphql.graphql), methods=["POST"])
    top = [route for route in api if route.path != "/"]
    return (*_git_routes(), graph, Mount(_PREFIX, routes=[*api, fallback_route]), *top)


def _context(request: Request) -> HandlerContext:
    context: HandlerContext = request.app.state.context
    return context


def _by_id() -> list[edge.Route]:
    """The endpoints of a repository below its id, where a redirect leads."""
    id_routes = [route for route in API_ROUTES if route.path.startswith(_NAMED)]
    return [replace(route, path=route.path.replace(_NAMED, "/repositories/{repository:int}", 1)) for route in id_routes]


def _nothing_here(_call: ApiCall) -> ApiReply:
    raise not_found()


def _api(endpoint: Endpoint) -> Handler:
    async def handle(request: Request) -> Response:
        context = _context(request)
        path = request.scope["path"].removeprefix(_PREFIX) or "/"
        action = await _fault_for(context, request, path)
        if isinstance(action, CannedReply) and not action.after:
            return _done(context, request, path, action.problem().reply())
        call = ApiCall(
            context.backend,
            request.method,
            path,
            str(request.url),
            {name: str(value) for name, value in request.path_params.items()},
            edge.query_of(request.scope["query_string"]),
            request.headers,
            await request.body(),
        )
        authorization = request.headers.get("authorization", "")
        reply = await to_thread.run_sync(lambda: edge.answer(call, endpoint, authorization=authorization))
        if isinstance(action, CannedReply):
            reply = action.problem().reply()
        if isinstance(action, LostReply):
            context.hang_up(request.scope)
        return _done(context, request, path, reply)

    return handle


def _done(context: HandlerContext, request: Request, path: str, reply: ApiReply) -> Response:
    context.journal.add(_line(request, path, reply.status))
    media = None if reply.status in (204, 304) else "application/json; charset=utf-8"
    headers = dict(reply.headers)
    return Response(edge.encoded(reply), reply.status, headers, headers.pop("Content-Type", media))


def _line(request: Request, path: str, status: int) -> JournalLine:
    tokens = [token for token in edge.credentials(request.headers.get("authorization", "")) if token]
    return JournalLine(request.method, path, status, token_digest(tokens[0]) if tokens else "")


async def _fault_for(context: HandlerContext, request: Request, path: str) -> Action | None:
    """The fault for this request; a delay has passed by when this returns."""
    action = context.backend.faults.strike(request.method, path)
    match action:
        case Delay(seconds):
            await asyncio.sleep(seconds)
            return None
        case None | CannedReply() | LostReply() | Declined():
            return action
        case never:
            assert_never(never)


def _git_routes() -> list[BaseRoute]:
    tails = (("/info/refs", "GET"), ("/git-upload-pack", "POST"), ("/git-receive-pack", "POST"))
    return [WebRoute("/{owner}/{name}" + tail, _git, methods=[method]) for tail, method in tails]


async def _git(request: Request) -> Response:
    context = _context(request)
    path = request.scope["path"]
    action = await _fault_for(context, request, path)
    if isinstance(action, CannedReply) and not action.after:
        context.journal.add(_line(request, path, action.status))
        return Response(action.message, action.status)
    with tempfile.TemporaryFile() as body:
        try:
            async for chunk in request.stream():
                body.write(chunk)
        except ClientDisconnect:
            return Response(status_code=400)
        call = _git_call(request, body, action)
        reply = await to_thread.run_sync(serve, context.backend, call)
    context.journal.add(_line(request, path, reply.status))
    if isinstance(action, LostReply | CannedReply):
        for _ in reply.chunks():
            pass
        if isinstance(action, CannedReply):
            return Response(action.message, action.status)
        context.hang_up(request.scope)
        return Response()
    headers = {name: value for name, value in reply.headers.items() if name.lower() != "content-length"}
    short = reply.short()  # a piece is sent without the threads and tasks of a stream
    return (
        Response(short, reply.status, headers)
        if short is not None
        else StreamingResponse(reply.chunks(), reply.status, headers)
    )


def _git_call(request: Request, body: Any, action: Action | None) -> GitCall:
    owner, name = request.path_params["owner"], request.path_params["name"]
    tail = request.scope["path"][len(f"/{owner}/{name}") :]
    service = request.query_params.get("service", "") if tail == "/info/refs" else tail.removeprefix("/")
    decline = action if isinstance(action, Declined) else None
    query = request.scope["query_string"].decode("latin-1")
    return GitCall(owner, name, tail, service, request.method, query, request.headers, body, decline)
