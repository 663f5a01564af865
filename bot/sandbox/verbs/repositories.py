"""Accounts and repositories come into being."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping

from bot.sandbox.backend import Backend, Repo, token_digest
from bot.sandbox.bare_repositories import require_name
from bot.sandbox.fast_import import first_commit
from bot.sandbox.records import UserRow
from bot.sandbox.replies import invalid


def create_user(
    backend: Backend,
    login: str,
    *,
    kind: str = "User",
    admin: bool = False,
    checks: bool = False,
    installation: bool = False,
) -> UserRow:
    """The account with this login, made when there was none."""
    require_name(login)
    with backend.store.transaction():
        if backend.login(login) is None:
            backend.store.insert(
                "user",
                login=login,
                kind=kind,
                admin=admin,
                checks=checks,
                installation=installation,
                created_at=backend.now(),
            )
    return backend.account(login)


def issue_token(
    backend: Backend,
    person: UserRow,
    *,
    permissions: Mapping[str, str] | None = None,
    expires_at: str | None = None,
) -> str:
    """A new token of ``person``; only its digest is kept. ``permissions`` (name to read or write) are all that it may."""
    token = f"{'ghs' if person.kind == 'Bot' else 'ghp'}_{secrets.token_hex(18)}"
    backend.store.insert(
        "token",
        digest=token_digest(token),
        user_id=person.id,
        expires_at=expires_at,
        permissions=None if permissions is None else json.dumps(dict(permissions)),
    )
    return token


def create_repository(
    backend: Backend,
    owner: str,
    name: str,
    *,
    author: UserRow | None = None,
    files: Mapping[str, bytes] | None = None,
    default_branch: str = "main",
    private: bool = False,
    about: str | None = None,
    message: str = "Initial commit",
) -> Repo:
    """A new repository whose default branch holds ``files`` in one commit (no branch at all without files)."""
    require_name(owner)
    require_name(name)
    person = author or create_user(backend, owner, kind="Organization")
    create_user(backend, owner, kind="Organization")
    repo = insert(backend, owner, name, default_branch=default_branch, private=private, about=about)
    backend.repositories.create(repo.full_name, default_branch)
    if files:
        bare = backend.repositories.path(repo.full_name)
        first_commit(bare, default_branch, files, message=message, ident=backend.ident(person))
    return repo


def insert(backend: Backend, owner: str, name: str, *, default_branch: str, private: bool, about: str | None) -> Repo:
    """The row of a new repository; 422 when the name is taken. A redirect from that name ends."""
    now = backend.now()
    with backend.store.transaction():
        if backend.store.number("SELECT COUNT(*) FROM repo WHERE owner = ? AND name = ?", owner, name):
            raise invalid("Repository", "name", "custom", "name already exists on this account")
        backend.store.run("DELETE FROM moved WHERE owner = ? AND name = ?", owner, name)
        key = backend.store.insert(
            "repo",
            owner=owner,
            name=name,
            private=private,
            default_branch=default_branch,
            description=about or "",
            created_at=now,
            updated_at=now,
            pushed_at=now,
        )
    return backend.repo_by_id(key)
