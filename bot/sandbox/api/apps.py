"""GitHub Apps: who an app is, where it is installed, and tokens for that (docs.github.com, "REST API endpoints for
GitHub Apps").

An app proves itself by a JSON Web Token that its key signed (RS256, ``iss`` its id, ten minutes at most: "Generating a
JSON Web Token (JWT) for a GitHub App"). A token of an installation lasts an hour ("Generating an installation access
token"), for all repositories of the installation or for those that were asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot.sandbox.backend import TokenScope, stamp, token_digest
from bot.sandbox.edge import ApiCall, RequestBody, Route
from bot.sandbox.records import AppRow, InstallationRow
from bot.sandbox.replies import ApiProblem, ApiReply, Json, forbidden, not_found, unprocessable
from bot.sandbox.shapes.accounts import node_id, repository, user
from bot.sandbox.verbs.repositories import issue_token

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
    """Body of ``POST …/access_tokens``: fewer permissions, or fewer repositories (names or ids), if wanted."""

    permissions: Mapping[str, str] | None = None
    repositories: Sequence[str] | None = None
    repository_ids: Sequence[int] | None = None


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
            "installations_count": len(_installed(call, row)),
        }
    )


def installation(call: ApiCall) -> ApiReply:
    """The installation that reaches a repository; 404 where there is none."""
    row = _app(call)
    repo = call.backend.repo(call.params["owner"], call.params["repo"], call.backend.user(row.user_id))
    reaching = [installation for installation in _installed(call, row) if TokenScope(installation, None).reaches(repo)]
    if not reaching:
        raise not_found()
    return ApiReply(_installation(call, row, reaching[0]))


def installations(call: ApiCall) -> ApiReply:
    """Everywhere that the app is installed."""
    row = _app(call)
    return call.slice(_installed(call, row), lambda installation: _installation(call, row, installation))


def repositories(call: ApiCall) -> ApiReply:
    """What the token of an installation reaches ("List repositories accessible to the app installation")."""
    scope = call.scope
    if scope is None:
        raise forbidden("You must authenticate with an installation access token in order to list repositories for it.")
    rows = call.backend.store.all(call.backend.hosted, "SELECT * FROM repo ORDER BY id")
    actor = call.person()
    reached = [repo for repo in rows if scope.reaches(repo)]
    return call.slice(reached, lambda repo: repository(repo, actor), key="repositories")


def new_token(call: ApiCall) -> ApiReply:
    """A token of the installation for the next hour."""
    row, order = _app(call), call.body(TokenOrder)
    installation = next(
        (installation for installation in _installed(call, row) if installation.id == call.number("installation")), None
    )
    if installation is None:
        raise not_found()
    if installation.suspended:
        raise forbidden("This installation has been suspended")
    ids = _repository_ids(call, installation, order)
    expires = stamp(call.backend.clock() + LIFETIME)
    granted: dict[str, Json] = _PERMISSIONS if order.permissions is None else dict(order.permissions)
    rights = {name: str(level) for name, level in granted.items()}
    token = issue_token(call.backend, call.backend.user(row.user_id), permissions=rights, expires_at=expires)
    id_list = None if ids is None else json.dumps(ids)
    values = (token_digest(token), installation.id, id_list)
    call.backend.store.run("INSERT INTO scope (digest, installation_id, repositories) VALUES (?, ?, ?)", *values)
    selection = "all" if ids is None else "selected"
    return ApiReply(
        {"token": token, "expires_at": expires, "permissions": granted, "repository_selection": selection}, 201
    )


def _repository_ids(call: ApiCall, installation: InstallationRow, order: TokenOrder) -> list[int] | None:
    """The ids of the repositories that the token is for; 422 as GitHub words it for one that is not there."""
    if order.repositories is None and order.repository_ids is None:
        return None
    rows = call.backend.store.all(call.backend.hosted, "SELECT * FROM repo")
    names = {name.lower() for name in order.repositories or ()}
    ids = set(order.repository_ids or ())
    scope = TokenScope(installation, None)
    chosen_ids = [repo for repo in rows if scope.reaches(repo) and (repo.id in ids or repo.name.lower() in names)]
    if names - {repo.name.lower() for repo in chosen_ids} or ids - {repo.id for repo in chosen_ids}:
        raise unprocessable(
            "There is at least one repository that does not exist or is not accessible to the parent installation."
        )
    return [repo.id for repo in chosen_ids]


def _installed(call: ApiCall, row: AppRow) -> list[InstallationRow]:
    return call.backend.store.all(InstallationRow, "SELECT * FROM installation WHERE app_id = ? ORDER BY id", row.id)


def _installation(call: ApiCall, row: AppRow, installation: InstallationRow) -> dict[str, Json]:
    key, account = installation.id, call.backend.login(installation.owner) or call.backend.user(row.user_id)
    slug = call.backend.user(row.user_id).login.removesuffix("[bot]")
    url = f"{call.backend.links.api}/app/installations/{key}"
    return {
        "id": key,
        "account": user(call.backend, account),
        "repository_selection": "all",
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{call.backend.links.api}/installation/repositories",
        "html_url": f"{call.backend.links.root}/settings/installations/{key}",
        "app_id": installation.app_id,
        "target_id": account.id,
        "target_type": account.kind if account.kind != "Bot" else "User",
        "permissions": _PERMISSIONS,
        "events": [],
        "created_at": account.created_at,
        "updated_at": account.created_at,
        "single_file_name": None,
        "app_slug": slug,
        "suspended_by": None,
        "suspended_at": account.created_at if installation.suspended else None,
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
    Route("GET", "/installation/repositories", repositories),
    Route("POST", "/app/installations/{installation}/access_tokens", new_token),
    Route("GET", "/repos/{owner}/{repo}/installation", installation),
)
