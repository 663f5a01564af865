"""The API as an ASGI application: checks what comes in against the table, asks, and answers in JSON."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from pydantic import ValidationError

from bot.entrypoints.api.openapi import document
from bot.entrypoints.api.operations import (
    OPERATIONS,
    Answer,
    ApiOperation,
    CheckedCall,
    Failed,
    Nothing,
    OperationInput,
)
from bot.entrypoints.api.tokens import ApiToken, bearer

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

_LARGEST: Final = 64 * 1024
Handler: TypeAlias = Callable[[CheckedCall], Awaitable[Answer]]


def routes(handlers: Mapping[str, Handler], tokens: Callable[[], tuple[ApiToken, ...]]) -> list[Route]:
    """A route for each operation, done by the handler of its name, and ``/openapi.json``. ``tokens`` are those in force."""
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    described = document()

    async def openapi(request: Request) -> Response:
        """The description."""
        del request
        return JSONResponse(described)

    return [
        Route("/openapi.json", openapi),
        *(
            Route(operation.path, _endpoint(operation, handlers[operation.name], tokens), methods=[operation.method])
            for operation in OPERATIONS
        ),
    ]


def _endpoint(
    operation: ApiOperation, handler: Handler, tokens: Callable[[], tuple[ApiToken, ...]]
) -> Callable[[Request], Awaitable[Response]]:
    from starlette.responses import JSONResponse

    async def answer(request: Request) -> Response:
        try:
            token = _authorised(operation, request.headers.get("authorization", ""), tokens())
            call = CheckedCall(_query(operation, request), await _body(operation, request), token)
            answered = await handler(call)
        except Failed as exc:
            headers = {"WWW-Authenticate": "Bearer"} if exc.status == 401 else None
            return JSONResponse(exc.facts, status_code=exc.status, headers=headers)
        return JSONResponse(dict(answered.values), status_code=answered.status)

    return answer


def _authorised(operation: ApiOperation, authorization: str, known_tokens: tuple[ApiToken, ...]) -> str:
    """The name of the token that allows the operation (RFC 6750, section 3.1)."""
    if operation.scope is None:
        return ""
    token = bearer(authorization, known_tokens)
    if token is None:
        raise Failed(401, {"error": "send a token of this daemon: Authorization: Bearer TOKEN"})
    if not token.allows(operation.scope):
        raise Failed(403, {"error": f"the token {token.name} is not good for {operation.scope}"})
    return token.name


def _query(operation: ApiOperation, request: Request) -> OperationInput:
    parameters = request.query_params.multi_items()
    if len({name for name, _ in parameters}) != len(parameters):
        raise Failed(422, {"error": "a parameter is given twice"})
    return _checked(operation.query, dict(parameters))


async def _body(operation: ApiOperation, request: Request) -> OperationInput:
    if operation.body is None:
        return Nothing()
    if request.headers.get("content-type", "application/json").partition(";")[0].strip() != "application/json":
        raise Failed(415, {"error": "send application/json"})
    data = await bounded(request, _LARGEST)
    if data is None:
        raise Failed(413, {"error": f"the body is larger than {_LARGEST} bytes"})
    try:
        values = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        raise Failed(422, {"error": "the body is not JSON"}) from None
    return _checked(operation.body, values)


def _checked(model: type[OperationInput], values: object) -> OperationInput:
    try:
        return model.model_validate(values)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
        location = ".".join(str(part) for part in first["loc"])
        raise Failed(422, {"error": f"{location}: {first['msg']}" if location else first["msg"]}) from None


async def bounded(request: Request, max_bytes: int) -> bytes | None:
    """The body; None where it says that it is larger than ``max_bytes``, as soon as it is, and where its sender is gone."""
    from starlette.requests import ClientDisconnect

    length_header = request.headers.get("content-length", "")
    if length_header.isdigit() and int(length_header) > max_bytes:
        return None
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > max_bytes:
                return None
            parts.append(part)
    except ClientDisconnect:
        return None
    return b"".join(parts)
