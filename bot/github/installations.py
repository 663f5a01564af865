"""Where a GitHub App is installed, the repositories that it reaches there, and a token for each of them alone.

A token that is asked for with the name of a repository reaches no other (docs.github.com, "Generating an installation
access token for a GitHub App": ``repositories``). Made by wiring for a fleet; any thread may ask.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final

from pydantic import Field

from bot.errors import Closed, Unavailable
from bot.github import payloads
from bot.github.app import AppConnection
from bot.github.payloads import PayloadPart

_PAGE: Final = 100
_SAFETY_MARGIN: Final = timedelta(minutes=4)
"""Beyond what a run may take: clocks differ, and a run has to begin."""


@dataclass(frozen=True, slots=True)
class InstalledRepository:
    """A repository that an installation reaches."""

    full_name: str
    clone_url: str
    installation: int


class _InstallationId(PayloadPart):
    id: int


class _AccountPart(PayloadPart):
    login: str


class _OwnedInstallation(PayloadPart):
    id: int
    account: _AccountPart
    suspended_at: str | None = None


class _RepositoryPart(PayloadPart):
    full_name: Annotated[str, Field(min_length=3)]
    clone_url: Annotated[str, Field(min_length=1)]
    archived: bool = False
    disabled: bool = False


class _RepositoriesPart(PayloadPart):
    repositories: list[_RepositoryPart]


@dataclass(frozen=True, slots=True)
class _InstallationToken:
    token: str
    expires: datetime


class Installations:
    """All installations of one app. Nothing of it shows the key or a token."""

    def __init__(self, connection: AppConnection) -> None:
        self._connection = connection
        self._tokens: dict[tuple[int, str], _InstallationToken] = {}
        self._lock = threading.Lock()
        self._login = ""

    def __repr__(self) -> str:
        return f"Installations({self._connection!r})"

    def login(self) -> str:
        """The account that the app acts as, asked once."""
        with self._lock:
            if not self._login:
                self._login = self._connection.login()
            return self._login

    def owners(self) -> dict[str, int]:
        """The installations that are not suspended, by the login of their owner."""
        parts = [payloads.read(_OwnedInstallation, entry) for entry in self._listed()]
        return {part.account.login: part.id for part in parts if part.suspended_at is None}

    def _listed(self) -> Iterator[object]:
        number, full = 1, True
        while full:
            page = self._connection.ask("GET", f"/app/installations?per_page={_PAGE}&page={number}")
            if not isinstance(page, list):
                raise Unavailable("GitHub answered GET /app/installations with something that is not a list")
            yield from page
            number, full = number + 1, len(page) == _PAGE

    def repositories(self, installation: int) -> tuple[InstalledRepository, ...]:
        """What an installation reaches, without what is archived or disabled: nothing can be written there."""
        token = self._connection.new_token(installation)[0]
        parts, number = list[_RepositoryPart](), 1
        while True:
            path = f"/installation/repositories?per_page={_PAGE}&page={number}"
            part = payloads.read(_RepositoriesPart, self._connection.ask("GET", path, token=token))
            parts += part.repositories
            if len(part.repositories) < _PAGE:
                break
            number += 1
        open_ones = (item for item in parts if not item.archived and not item.disabled)
        return tuple(InstalledRepository(item.full_name, item.clone_url, installation) for item in open_ones)

    def installation_of(self, full_name: str) -> int:
        """The installation that reaches a repository. ``Closed`` where there is none."""
        try:
            return payloads.read(_InstallationId, self._connection.ask("GET", f"/repos/{full_name}/installation")).id
        except Closed as exc:
            raise Closed(
                f"the GitHub App does not reach {full_name}: {exc.message}",
                advice="Install it there, give the repository a token_env in the fleet's file, or take it out.",
            ) from exc

    def token(self, installation: int, full_name: str, *, lasts: timedelta) -> str:
        """A token that reaches ``full_name`` and nothing else, good for as long as ``lasts`` at least (below an hour)."""
        key = (installation, full_name)
        with self._lock:
            cached = self._tokens.get(key)
        if cached is not None and cached.expires - self._connection.clock.now() >= lasts + _SAFETY_MARGIN:
            return cached.token
        try:
            token, expires = self._connection.new_token(installation, {"repositories": [full_name.rpartition("/")[2]]})
        except Closed as exc:
            raise Closed(
                f"the GitHub App gets no token for {full_name}: {exc.message}",
                advice="If it was deleted, renamed or taken from the app, take it out of the fleet's file (what the app found"
                " goes by itself); else check that the app is installed there and not suspended.",
            ) from exc
        if expires <= self._connection.clock.now():
            raise Closed(f"GitHub gave a token for {full_name} that is over", advice="Check this machine's clock.")
        with self._lock:
            self._tokens[key] = _InstallationToken(token, expires)
        return token

    def forget(self, installation: int, full_name: str) -> None:
        """The next token of the repository is a new one: this one may have been revoked."""
        with self._lock:
            self._tokens.pop((installation, full_name), None)
