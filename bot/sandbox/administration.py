"""What an administrator of a repository, or of the whole server, does to it: ``box.admin``. For tests and the demo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from bot.sandbox.backend import Backend, Repo, stamp
from bot.sandbox.records import QueuedRow, UserRow
from bot.sandbox.verbs import administration, queue, repositories, rules
from bot.sandbox.verbs.rules import RuleDraft

_INSTALLATION: Final = 7_000_000


@dataclass(frozen=True, slots=True)
class AppKey:
    """What an app proves itself with. ``private_key`` is a PEM, ``installations`` are ids by owner."""

    id: int
    installation: int
    """The first of its installations."""
    private_key: str
    installations: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Administration:
    """Acts as ``person``, who administrates everything. Unknown names raise ``KeyError``."""

    backend: Backend
    person: str

    def switch(self, full_name: str, **switches: bool) -> None:
        """Set the switches that are named; see :func:`bot.sandbox.verbs.administration.switch`."""
        administration.switch(repository(self.backend, full_name), **switches)

    def protect(self, full_name: str, branch: str = "main", **requirements: object) -> None:
        """A protection of ``branch`` that asks what :class:`~bot.sandbox.verbs.rules.RuleDraft` can say."""
        draft = replace(RuleDraft(branch), **requirements)  # type: ignore[arg-type]
        rules.add(repository(self.backend, full_name), "protection", draft)

    def add_ruleset(self, full_name: str, pattern: str, **requirements: object) -> None:
        """A ruleset for the branches that match ``pattern``; it asks nothing that is not named."""
        draft = replace(RuleDraft(pattern, deletion=False, rewrite=False), **requirements)  # type: ignore[arg-type]
        rules.add(repository(self.backend, full_name), "ruleset", draft)

    def lift_rules(self, full_name: str) -> None:
        """Nothing is asked of any branch."""
        self.backend.store.run("DELETE FROM rule WHERE repo_id = ?", repository(self.backend, full_name).id)

    def rename(self, full_name: str, new_name: str) -> None:
        """``owner/name`` is ``new_name`` from now on, also with another owner; the old name leads there."""
        administration.rename(repository(self.backend, full_name), self._me(), new_name)

    def fork(self, full_name: str, owner: str) -> str:
        """The full name of ``owner``'s fork."""
        return administration.fork(repository(self.backend, full_name), owner).full_name

    def enqueue(self, full_name: str, number: int) -> QueuedRow:
        """The pull request is put into the merge queue."""
        return queue.enqueue(repository(self.backend, full_name), self._me(), number)

    def token(self, login: str, *, permissions: Mapping[str, str] | None = None, lasts: timedelta | None = None) -> str:
        """A new token of an account that exists, with these permissions alone (None: all), and for so long."""
        expires = None if lasts is None else stamp(self.backend.clock() + lasts)
        return repositories.issue_token(
            self.backend, person(self.backend, login), permissions=permissions, expires_at=expires
        )

    def revoke(self, login: str) -> None:
        """No token of the account is good any more, as when an app is suspended or installed anew."""
        self.backend.store.run("DELETE FROM token WHERE user_id = ?", person(self.backend, login).id)

    def create_app(self, slug: str, *, owners: Sequence[str] = ("",)) -> AppKey:
        """An app that is installed for each of ``owners``, everywhere without them; it acts as ``slug[bot]``, whose tokens
        may not ask ``GET /user``.
        """
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        account = repositories.create_user(self.backend, f"{slug}[bot]", kind="Bot", checks=True, installation=True)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        app = self.backend.store.insert("app", user_id=account.id, public_key=public.decode())
        installations = {owner: _INSTALLATION + app * 1000 + n for n, owner in enumerate(owners)}
        for owner, number in installations.items():
            self.backend.store.insert("installation", id=number, app_id=app, owner=owner)
        return AppKey(app, installations[owners[0]], private.decode(), installations)

    def suspend(self, installation: int) -> None:
        """The installation gives no tokens any more, as when an owner suspends an app."""
        self.backend.store.update("installation", installation, suspended=True)

    def _me(self) -> UserRow:
        return person(self.backend, self.person)


def person(backend: Backend, login: str) -> UserRow:
    """The account with this login; ``KeyError`` when there is none."""
    row = backend.login(login)
    if row is None:
        raise KeyError(login)
    return row


def repository(backend: Backend, full_name: str) -> Repo:
    """The repository of this name; ``KeyError`` when there is none."""
    owner, _, name = full_name.partition("/")
    row = backend.named(owner, name)
    if row is None:
        raise KeyError(full_name)
    return row
