"""The daemon's account of itself as a page for people, at ``/``: server-rendered, without scripts, for any width.

A browser sends a token as the password of HTTP Basic (RFC 7617), with any user name. Values are those of
``GET /v1/status``, in which secrets are hidden already; here they are escaped as well.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from bot.entrypoints.api.tokens import Scope, bearer
from bot.entrypoints.daemon.surface import Surface
from bot.shipped import folder

if TYPE_CHECKING:
    import jinja2
    from starlette.requests import Request
    from starlette.responses import Response

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_MOST: Final = 200
"""Differences that are shown; the rest is counted."""


async def page(surface: Surface, request: Request) -> Response:
    """The page, or a request for a token."""
    from starlette.responses import HTMLResponse, PlainTextResponse

    token = bearer(_as_bearer(request.headers.get("authorization", "")), surface.tokens())
    if token is None or not token.allows(Scope.READ):
        asking = {"WWW-Authenticate": 'Basic realm="clockwork: a token of this daemon as password", charset="UTF-8"'}
        return PlainTextResponse("Send a token of this daemon as the password.\n", status_code=401, headers=asking)
    return HTMLResponse(rendered(surface.status()), headers=_HEADERS)


def _as_bearer(authorization: str) -> str:
    """The password of HTTP Basic as a bearer token; any other header as it is."""
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() != "basic":
        return authorization
    try:
        pair = base64.b64decode(given.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return f"Bearer {pair.partition(':')[2]}"


def rendered(status: Mapping[str, Any]) -> str:
    """The page of such a status."""
    last = status["last"] or {"drift": [], "actions": [], "unreachable": [], "errors": [], "decisions": []}
    remedies = {decision["drift"]: decision["remedy"] for decision in last["decisions"]}
    return _template().render(
        status=status,
        last=last,
        drift=last["drift"][:_MOST],
        more=max(len(last["drift"]) - _MOST, 0),
        remedies=remedies,
    )


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder("templates")),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = _moment
    environment.filters["value"] = _value
    return environment.get_template("status.html.j2")


def _moment(text: str | None) -> str:
    """A time as people read it; a dash for none."""
    return "–" if not text else f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S} UTC"


def _value(value: object) -> str:
    """A value on one line, cut in the middle where it is long, so that both ends stay."""
    text = "absent" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= 120 else f"{text[:70]} … {text[-40:]}"
