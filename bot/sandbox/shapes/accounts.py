"""Accounts and repositories as GitHub prints them."""

from __future__ import annotations

import base64

from bot.sandbox.backend import PERMISSIONS, Backend, Repo
from bot.sandbox.records import UserRow
from bot.sandbox.replies import Json


def node_id(kind: str, key: int) -> str:
    """An opaque global id, as GraphQL uses it."""
    return base64.b64encode(f"{kind}:{key}".encode()).decode()


def user(backend: Backend, person: UserRow) -> dict[str, Json]:
    """The short form that other objects embed."""
    url = backend.links.user(person.login)
    return {
        "login": person.login,
        "id": person.id,
        "node_id": node_id("User", person.id),
        "avatar_url": f"{backend.links.root}/static/avatar.svg",
        "gravatar_id": "",
        "url": url,
        "html_url": backend.links.page(person.login),
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": person.kind,
        "site_admin": person.admin,
    }


def user_by_id(backend: Backend, key: int | None) -> dict[str, Json] | None:
    """The short form of the account with this id, None for None."""
    return None if key is None else user(backend, backend.user(key))


def full_user(backend: Backend, person: UserRow) -> dict[str, Json]:
    """The long form of ``GET /user`` and ``GET /users/…``."""
    repos = backend.store.number("SELECT COUNT(*) FROM repo WHERE owner = ? AND NOT private", person.login)
    return user(backend, person) | {
        "name": person.login,
        "company": None,
        "blog": "",
        "location": None,
        "email": None,
        "bio": None,
        "public_repos": repos,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": person.created_at,
        "updated_at": person.created_at,
    }


def owner(repo: Repo) -> dict[str, Json]:
    """The account that owns ``repo``."""
    account = repo.backend.login(repo.owner)
    return {"login": repo.owner, "id": 0, "type": "Organization"} if account is None else user(repo.backend, account)


def permissions(permission: str) -> dict[str, Json]:
    """What a permission allows, as the five booleans of a repository object."""
    rank = PERMISSIONS.index(permission)
    names = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin"}
    return {name: rank >= PERMISSIONS.index(least) for name, least in names.items()}


_SAME: dict[str, Json] = {
    "homepage": None,
    "language": None,
    "size": 0,
    "forks_count": 0,
    "forks": 0,
    "network_count": 0,
    "stargazers_count": 0,
    "watchers_count": 0,
    "watchers": 0,
    "subscribers_count": 0,
    "topics": [],
    "license": None,
    "mirror_url": None,
    "has_discussions": False,
    "has_projects": False,
    "has_wiki": False,
    "has_pages": False,
    "has_downloads": True,
    "disabled": False,
    "allow_merge_commit": True,
    "allow_squash_merge": True,
    "allow_rebase_merge": True,
    "delete_branch_on_merge": False,
}
"""What is the same of every repository here: what nobody counts, switches or writes in the sandbox."""


def repository(repo: Repo, viewer: UserRow | None = None) -> dict[str, Json]:
    """A repository as lists and ``GET /repos/…`` show it to ``viewer``."""
    links, name = repo.backend.links, repo.full_name
    open_issues = repo.backend.store.number("SELECT COUNT(*) FROM issue WHERE repo_id = ? AND state = 'open'", repo.id)
    shape: dict[str, Json] = {
        "id": repo.id,
        "node_id": node_id("Repository", repo.id),
        "name": repo.name,
        "full_name": name,
        "owner": owner(repo),
        "private": repo.private,
        "visibility": "private" if repo.private else "public",
        "html_url": links.page(name),
        "description": repo.description or None,
        "fork": repo.parent_id is not None,
        "url": links.repo(name),
        "clone_url": links.git(name),
        "git_url": links.git(name),
        "ssh_url": f"git@sandbox:{name}.git",
        "svn_url": links.page(name),
        "default_branch": repo.default_branch,
        "open_issues_count": open_issues,
        "open_issues": open_issues,
        "has_issues": repo.has_issues,
        "archived": repo.archived,
        "allow_auto_merge": repo.auto_merge,
        "created_at": repo.created_at,
        "updated_at": repo.updated_at,
        "pushed_at": repo.pushed_at,
        "permissions": permissions(repo.permission(viewer)),
    }
    return _SAME | shape | _templates(links.repo(name))


PERSONAL = frozenset(
    {
        "allow_auto_merge",
        "allow_merge_commit",
        "allow_rebase_merge",
        "allow_squash_merge",
        "delete_branch_on_merge",
        "network_count",
        "permissions",
        "subscribers_count",
    }
)
"""What GitHub tells who asks for a repository, and not in deliveries about it ("Webhook events and payloads")."""
_FOLDERS = (
    "contributors_url deployments_url downloads_url events_url forks_url languages_url merges_url "
    "stargazers_url subscribers_url subscription_url tags_url teams_url"
)
"""Addresses that are what they are called, below the repository's."""


def delivered_repository(repo: Repo) -> dict[str, Json]:
    """A repository as deliveries show it."""
    return {name: value for name, value in repository(repo).items() if name not in PERSONAL}


def _templates(url: str) -> dict[str, Json]:
    """The address templates clients follow from a repository object."""
    plain: dict[str, Json] = {name: f"{url}/{name.removesuffix('_url')}" for name in _FOLDERS.split()}
    return plain | {
        "archive_url": f"{url}/{{archive_format}}{{/ref}}",
        "assignees_url": f"{url}/assignees{{/user}}",
        "blobs_url": f"{url}/git/blobs{{/sha}}",
        "collaborators_url": f"{url}/collaborators{{/collaborator}}",
        "comments_url": f"{url}/comments{{/number}}",
        "git_tags_url": f"{url}/git/tags{{/sha}}",
        "issue_events_url": f"{url}/issues/events{{/number}}",
        "keys_url": f"{url}/keys{{/key_id}}",
        "milestones_url": f"{url}/milestones{{/number}}",
        "notifications_url": f"{url}/notifications{{?since,all,participating}}",
        "releases_url": f"{url}/releases{{/id}}",
        "branches_url": f"{url}/branches{{/branch}}",
        "commits_url": f"{url}/commits{{/sha}}",
        "compare_url": f"{url}/compare/{{base}}...{{head}}",
        "contents_url": f"{url}/contents/{{+path}}",
        "git_commits_url": f"{url}/git/commits{{/sha}}",
        "git_refs_url": f"{url}/git/refs{{/sha}}",
        "hooks_url": f"{url}/hooks",
        "issue_comment_url": f"{url}/issues/comments{{/number}}",
        "issues_url": f"{url}/issues{{/number}}",
        "labels_url": f"{url}/labels{{/name}}",
        "pulls_url": f"{url}/pulls{{/number}}",
        "statuses_url": f"{url}/statuses/{{sha}}",
        "trees_url": f"{url}/git/trees{{/sha}}",
    }
