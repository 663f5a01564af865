"""GitHub Apps: who an app is, where it is installed, and tokens for that (docs.github.com, "REST API endpoints for
GitHub Apps").

An app proves itself by a JSON Web Token that its key signed (RS256, ``iss`` its id, ten minutes at most: "Generating a
JSON Web Token (JWT) for a GitHub App"). A token of an installation lasts an hour ("Generating an installation access
token"). Every app is installed once here, everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bot.sandbox.backend import stamp
from bot.sandbox.edge import ApiCall, RequestBody, Route
from bot.sandbox.records import AppRow
from bot.sandbox.replies import ApiProblem, ApiReply, Json, not_found
from bot.sandbox.shapes.accounts import node_id, user
from bot.sandbox.verbs.repositories import issue_token

INSTALLATION = 7_000_000
"""Added to an app's id: the id of its one installation."""
LIFETIME = timedelta(hours=1)
_LONGEST = 600
_SKEW = 60
_PERMISSIONS: dict[str, Json] = {
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "write",
}


class TokenOrder(RequestBody):
    """Body of ``POST …/access_tokens``: fewer permissions than the app has, if wanted."""

    permissions: Mapping[str, str] | None = None


def app(call: ApiCall) -> ApiReply:
    """The app that the web token is of."""
    row = _app(call)
    account = call.backend.user(row.user_id)
    slug = account.login.removesuffix("[bot]")
    return ApiReply(
        {
            "id": row.id,
            "slug": slug,
            "node_id": node_id("App", row.id),
            "client_id": f"Iv1.{row.id:016x}",
            "owner": user(call.backend, account),
            "name": slug,
            "description": None,
            "external_url": f"{call.backend.links.root}/apps/{slug}",
            "html_url": f"{call.backend.links.root}/apps/{slug}",
            "created_at": account.created_at,
            "updated_at": account.created_at,
            "permissions": _PERMISSIONS,
            "events": [],
            "installations_count": 1,
        }
    )


def installation(call: ApiCall) -> ApiReply:
    """Where the app is installed: the one installation, also when it is asked for by a repository."""
    row = _app(call)
    if "owner" in call.params:
        call.backend.repo(call.params["owner"], call.params["repo"], call.backend.user(row.user_id))
    return ApiReply(_installation(call, row))


def installations(call: ApiCall) -> ApiReply:
    """Everywhere that the app is installed."""
    return call.slice([_app(call)], lambda row: _installation(call, row))


def new_token(call: ApiCall) -> ApiReply:
    """A token of the installation for the next hour."""
    row, order = _app(call), call.body(TokenOrder)
    if call.number("installation") != row.id + INSTALLATION:
        raise not_found()
    expires = stamp(call.backend.clock() + LIFETIME)
    granted: dict[str, Json] = _PERMISSIONS if order.permissions is None else dict(order.permissions)
    rights = {name: str(level) for name, level in granted.items()}
    token = issue_token(call.backend, call.backend.user(row.user_id), permissions=rights, expires_at=expires)
    return ApiReply({"token": token, "expires_at": expires, "permissions": granted, "repository_selection": "all"}, 201)


def _installation(call: ApiCall, row: AppRow) -> dict[str, Json]:
    key, account = row.id + INSTALLATION, call.backend.user(row.user_id)
    url = f"{call.backend.links.api}/app/installations/{key}"
    return {
        "id": key,
        "account": user(call.backend, account),
        "repository_selection": "all",
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{call.backend.links.api}/installation/repositories",
        "html_url": f"{call.backend.links.root}/settings/installations/{key}",
        "app_id": row.id,
        "target_id": account.id,
        "target_type": "User",
        "permissions": _PERMISSIONS,
        "events": [],
        "created_at": account.created_at,
        "updated_at": account.created_at,
        "single_file_name": None,
        "app_slug": account.login.removesuffix("[bot]"),
        "suspended_by": None,
        "suspended_at": None,
    }


def _app(call: ApiCall) -> AppRow:
    """The app whose web token came with the request; 401 as GitHub words it."""
    import jwt

    token = call.headers.get("authorization", "").partition(" ")[2].strip()
    try:
        issuer = str(jwt.decode(token, options={"verify_signature": False}).get("iss", ""))
    except jwt.PyJWTError as error:
        raise ApiProblem(401, "A JSON web token could not be decoded") from error
    row = call.backend.store.first(AppRow, "SELECT * FROM app WHERE id = ?", int(issuer) if issuer.isdigit() else 0)
    if row is None:
        raise ApiProblem(401, "A JSON web token could not be decoded")
    try:
        claims = jwt.decode(
            token, row.public_key, algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
        )
    except jwt.PyJWTError as error:
        raise ApiProblem(401, "A JSON web token could not be decoded") from error
    _require_current(claims, call.backend.clock().timestamp())
    return row


def _require_current(claims: Mapping[str, object], now: float) -> None:
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(expires, int | float) or expires <= now:
        raise ApiProblem(401, "'Expiration time' claim ('exp') must be a numeric value representing the future time")
    if expires > now + _LONGEST + _SKEW:
        raise ApiProblem(401, "'Expiration time' claim ('exp') is too far in the future")
    if not isinstance(issued, int | float) or issued > now:
        raise ApiProblem(401, "'Issued at' claim ('iat') must be an Integer representing the time that it was issued")


ROUTES = (
    Route("GET", "/app", app),
    Route("GET", "/app/installations", installations),
    Route("POST", "/app/installations/{installation}/access_tokens", new_token),
    Route("GET", "/repos/{owner}/{repo}/installation", installation),
)
