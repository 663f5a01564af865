"""The API itself: root, meta, rate limit, accounts (docs.github.com, "REST API endpoints for meta data", "… users")."""

from __future__ import annotations

from bot.sandbox.edge import ApiCall, Route
from bot.sandbox.replies import ApiReply, forbidden
from bot.sandbox.shapes.accounts import full_user, repository


def root(call: ApiCall) -> ApiReply:
    """The table of addresses."""
    api = call.backend.links.api
    return ApiReply(
        {
            "current_user_url": f"{api}/user",
            "rate_limit_url": f"{api}/rate_limit",
            "repository_url": f"{api}/repos/{{owner}}/{{repo}}",
            "user_url": f"{api}/users/{{user}}",
        }
    )


def meta(_call: ApiCall) -> ApiReply:
    """What this server is."""
    return ApiReply(
        {"verifiable_password_authentication": False, "installed_version": "3.17.0", "hooks": ["127.0.0.1"]}
    )


def rate_limit(call: ApiCall) -> ApiReply:
    """What the caller has left; asking costs nothing."""
    core = call.backend.limits.figures(call.actor)
    return ApiReply({"resources": {"core": core, "search": core, "graphql": core}, "rate": core})


def me(call: ApiCall) -> ApiReply:
    """The account behind the token; app installations have none."""
    person = call.person()
    if person.installation:
        raise forbidden("Resource not accessible by integration")
    return ApiReply(full_user(call.backend, person), headers={} if person.kind == "Bot" else {"X-OAuth-Scopes": "repo"})


def user(call: ApiCall) -> ApiReply:
    """Any account."""
    return ApiReply(full_user(call.backend, call.backend.account(call.params["login"])))


def user_repos(call: ApiCall) -> ApiReply:
    """The repositories of one owner, or all that the caller may push to."""
    owner = call.params.get("login")
    rows = call.backend.store.all(call.backend.hosted, "SELECT * FROM repo ORDER BY owner, name")
    if owner is None:
        person = call.person()
        visible = [row for row in rows if row.may(person, "write")]
    else:
        own_rows = [row for row in rows if row.owner.lower() == owner.lower()]
        visible = [row for row in own_rows if row.may(call.actor, "read")]
    return call.slice(visible, lambda row: repository(row, call.actor))


ROUTES = (
    Route("GET", "/", root),
    Route("GET", "/meta", meta),
    Route("GET", "/rate_limit", rate_limit),
    Route("GET", "/user", me),
    Route("GET", "/user/repos", user_repos),
    Route("GET", "/users/{login}", user),
    Route("GET", "/users/{login}/repos", user_repos),
    Route("GET", "/orgs/{login}", user),
    Route("GET", "/orgs/{login}/repos", user_repos),
)
