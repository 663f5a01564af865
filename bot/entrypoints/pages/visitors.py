"""Who may see a page: whoever has a token that may read, sent as the password of HTTP Basic, as browsers do (RFC 7617)."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from bot.entrypoints.api.tokens import ApiToken, Scope, bearer

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def may_read(request: Request, tokens: tuple[ApiToken, ...]) -> bool:
    """Whether the request has one of the tokens, with any user name, or as a bearer token."""
    token = bearer(_as_bearer(request.headers.get("authorization", "")), tokens)
    return token is not None and token.allows(Scope.READ)


def unauthorized() -> Response:
    """The answer to everybody else."""
    from starlette.responses import PlainTextResponse

    asking = {"WWW-Authenticate": 'Basic realm="clockwork: a token as password", charset="UTF-8"'}
    return PlainTextResponse("Send a token of Clockwork as the password.\n", status_code=401, headers=asking)


def _as_bearer(authorization: str) -> str:
    """The password of HTTP Basic as a bearer token; any other header as it is."""
    scheme, _, credential = authorization.partition(" ")
    if scheme.lower() != "basic":
        return authorization
    try:
        pair = base64.b64decode(credential.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return f"Bearer {pair.partition(':')[2]}"
