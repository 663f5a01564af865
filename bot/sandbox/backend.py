"""Everything one running sandbox consists of, and the look-ups that every endpoint and page begins with."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pygit2

from bot.sandbox.bare_repositories import BareRepositories
from bot.sandbox.faults import Faults
from bot.sandbox.limits import RateLimits
from bot.sandbox.links import Links
from bot.sandbox.objects import Ident
from bot.sandbox.outbox import Outbox
from bot.sandbox.records import InstallationRow, IssueRow, PullRow, RepositoryRow, ScopeRow, TokenRow, UserRow
from bot.sandbox.replies import ApiProblem, Moved, forbidden, not_found
from bot.sandbox.store import Database, Record, Value

PERMISSIONS = ("none", "read", "triage", "write", "maintain", "admin")


@dataclass(frozen=True, slots=True)
class TokenScope:
    """The repositories that a token of an installation reaches, by id; None for all of the installation."""

    installation: InstallationRow
    repositories: frozenset[int] | None

    def reaches(self, repo: RepositoryRow) -> bool:
        """Whether the token may do more with ``repo`` than anybody may."""
        owner = self.installation.owner.lower()
        return owner in {"", repo.owner.lower()} and (self.repositories is None or repo.id in self.repositories)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever a request is from. ``grants`` are what its token may do (name to read or write), None for everything;
    ``scope`` is where, None for everywhere.
    """

    user: UserRow
    grants: Mapping[str, str] | None = None
    scope: TokenScope | None = None


@dataclass(frozen=True, slots=True)
class Backend:
    """State (``store``, ``repositories``), time, addresses and the two side doors: faults and webhook deliveries."""

    store: Database
    repositories: BareRepositories
    links: Links
    faults: Faults
    outbox: Outbox
    limits: RateLimits
    clock: Callable[[], datetime]

    @property
    def shelf(self) -> BareRepositories:
        """The repositories; see :attr:`bot.sandbox.server.Sandbox.hub`."""
        return self.repositories

    def now(self) -> str:
        """The time as GitHub prints it."""
        return stamp(self.clock())

    def ident(self, user: UserRow) -> Ident:
        """``user`` as author or committer of a commit made now."""
        return Ident(user.login, f"{user.id}+{user.login}@users.noreply.github.com", self.clock())

    def row(self, kind: Callable[..., Record], sql: str, *values: Value) -> Record:
        """The first row of the query as ``kind``; 404 when there is none."""
        row = self.store.first(kind, sql, *values)
        if row is None:
            raise not_found()
        return row

    def user(self, key: int) -> UserRow:
        """The account with this id."""
        return self.row(UserRow, "SELECT * FROM user WHERE id = ?", key)

    def account(self, login: str) -> UserRow:
        """The account with this login, 404 when there is none."""
        return self.row(UserRow, "SELECT * FROM user WHERE login = ?", login)

    def login(self, login: str) -> UserRow | None:
        """The account with this login, None when there is none."""
        return self.store.first(UserRow, "SELECT * FROM user WHERE login = ?", login)

    def bearer(self, token: str) -> Caller | None:
        """Whose token this is, None when it is nobody's or expired."""
        row = self.store.first(TokenRow, "SELECT * FROM token WHERE digest = ?", token_digest(token))
        if row is None or (row.expires_at is not None and row.expires_at <= self.now()):
            return None
        grants = None if row.permissions is None else {**json.loads(row.permissions)}
        return Caller(self.user(row.user_id), grants, self._scope(row.digest))

    def _scope(self, digest: str) -> TokenScope | None:
        row = self.store.first(ScopeRow, "SELECT * FROM scope WHERE digest = ?", digest)
        if row is None:
            return None
        installation = self.row(InstallationRow, "SELECT * FROM installation WHERE id = ?", row.installation_id)
        ids = None if row.repositories is None else frozenset(json.loads(row.repositories))
        return TokenScope(installation, ids)

    def require_reached(self, repo: Repo, caller: Caller | None, *, writes: bool) -> None:
        """404 or 403 where a token of an installation asks beyond what it reaches; what is public it may read."""
        if caller is None or caller.scope is None or caller.scope.reaches(repo):
            return
        if repo.private:
            raise not_found()
        if writes:
            raise not_accessible(caller.user)

    def repo(self, owner: str, name: str, user: UserRow | None) -> Repo:
        """The repository; 404 when there is none or ``user`` may not see it."""
        repo = self.named(owner, name)
        if repo is None:
            raise self._absent(owner, name, user)
        return repo.visible(user)

    def named(self, owner: str, name: str) -> Repo | None:
        """The repository of this name, None when there is none."""
        return self.store.first(self.hosted, "SELECT * FROM repo WHERE owner = ? AND name = ?", owner, name)

    def _absent(self, owner: str, name: str, user: UserRow | None) -> ApiProblem | Moved:
        """404, or where the repository that once had this name went ("Renaming a repository": it is redirected until
        another takes the name).
        """
        key = self.store.number("SELECT repo_id FROM moved WHERE owner = ? AND name = ?", owner, name)
        return Moved(key) if key and self.repo_by_id(key).may(user, "read") else not_found()

    def repo_by_id(self, key: int) -> Repo:
        """The repository with this id."""
        return self.row(self.hosted, "SELECT * FROM repo WHERE id = ?", key)

    def hosted(self, **row: Any) -> Repo:
        """The repository that a row of the table is."""
        return Repo(**row, backend=self)

    def pull_half(self, issue: IssueRow) -> PullRow | None:
        """The pull half of a pull request, None for an issue."""
        if not issue.is_pull:
            return None
        return self.store.first(PullRow, "SELECT * FROM pull WHERE issue_id = ?", issue.id)

    def born(self, kind: str, key: int) -> int:
        """``key``, remembered as created now so that a visibility lag can hide it from lists."""
        self.faults.born(kind, key)
        return key


@dataclass(frozen=True, slots=True)
class Repo(RepositoryRow):
    """A repository as verbs and shapes take it: its row, and the sandbox that it is in."""

    backend: Backend = field(repr=False, compare=False)

    def git(self) -> pygit2.Repository:
        """The bare repository, for this thread."""
        return self.backend.repositories.open(self.full_name)

    def lock(self) -> threading.RLock:
        """Held while refs change and pull requests follow. Taken before any database transaction."""
        return self.backend.repositories.lock(self.full_name)

    def url(self, path: str = "") -> str:
        """A REST address below the repository."""
        return self.backend.links.repo(self.full_name, path)

    def page(self, path: str = "") -> str:
        """A page for people."""
        return self.backend.links.page(self.full_name, path)

    def permission(self, user: UserRow | None) -> str:
        """One of :data:`PERMISSIONS`: what ``user`` (None: anonymous) may do here."""
        if user is None:
            return "none" if self.private else "read"
        if user.admin or user.login.lower() == self.owner.lower():
            return "admin"
        granted = self.backend.store.text(
            "SELECT permission FROM collaborator WHERE repo_id = ? AND user_id = ?", self.id, user.id
        )
        if granted is not None:
            return granted
        if user.kind == "Bot":
            return "write"
        return "none" if self.private else "read"

    def may(self, user: UserRow | None, permission: str) -> bool:
        """Whether ``user`` has at least ``permission``."""
        return PERMISSIONS.index(self.permission(user)) >= PERMISSIONS.index(permission)

    def visible(self, user: UserRow | None) -> Repo:
        """The repository itself; 404 where ``user`` may not see it."""
        if not self.may(user, "read"):
            raise not_found()
        return self

    def require(self, user: UserRow | None, permission: str) -> UserRow:
        """``user``, who has ``permission``. 401 for nobody, 403 or 404 (for what is invisible) for others."""
        if user is None:
            raise not_found() if self.private else forbidden("Requires authentication")
        if not self.may(user, permission):
            raise not_accessible(user)
        return user

    def require_writable(self) -> None:
        """403 for a repository that was archived ("Archiving repositories": it is read-only then)."""
        if self.archived:
            raise forbidden("Repository was archived so is read-only.")

    def issue(self, number: int) -> IssueRow:
        """The issue or pull request with this number, 404 when there is none."""
        sql = "SELECT * FROM issue WHERE repo_id = ? AND number = ?"
        return self.backend.row(IssueRow, sql, self.id, number)

    def pull(self, number: int) -> tuple[IssueRow, PullRow]:
        """Both halves of a pull request, 404 when there is none with this number."""
        issue = self.issue(number)
        return issue, self.backend.row(PullRow, "SELECT * FROM pull WHERE issue_id = ?", issue.id)


def not_accessible(user: UserRow, headers: Mapping[str, str] | None = None) -> ApiProblem:
    """403 for a token that lacks the permission, in GitHub's two wordings."""
    token_kind = "integration" if user.kind == "Bot" else "personal access token"
    return ApiProblem(403, f"Resource not accessible by {token_kind}", headers=headers)


def stamp(at: datetime) -> str:
    """``2024-05-01T12:00:00Z``."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def token_digest(token: str) -> str:
    """What the database keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
