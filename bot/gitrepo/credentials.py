"""What proves to a Git remote who we are. Handed over by callback only, to the one host that was configured.

Wiring makes these values; :mod:`bot.gitrepo.remote` uses them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import pygit2
from pygit2.enums import CredentialType

from bot.errors import Refused

__all__ = ["Anonymous", "Credentials", "SshAgent", "SshKey", "Token", "answer"]


@dataclass(frozen=True, slots=True)
class Anonymous:
    """No credentials: public or local repositories."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token over HTTP. ``secret`` may be a function, for tokens that expire and are renewed.

    GitHub takes any user name with a personal token; ``x-access-token`` is the one that installation tokens need
    (docs.github.com, "Authenticating as a GitHub App installation").
    """

    secret: str | Callable[[], str] = field(repr=False)
    username: str = "x-access-token"

    def reveal(self) -> str:
        """The token at this moment."""
        return self.secret() if callable(self.secret) else self.secret


@dataclass(frozen=True, slots=True)
class SshAgent:
    """Keys of the running SSH agent."""

    username: str = "git"


@dataclass(frozen=True, slots=True)
class SshKey:
    """One SSH key from files."""

    private: Path
    public: Path | None = None
    passphrase: str | None = field(default=None, repr=False)
    username: str = "git"


Credentials: TypeAlias = Anonymous | Token | SshAgent | SshKey

_GitCredential: TypeAlias = pygit2.UserPass | pygit2.Username | pygit2.Keypair


def answer(credentials: Credentials, username: str | None, allowed: CredentialType, *, location: str) -> _GitCredential:
    """What libgit2 hands to the server at ``location``. Raises ``Refused`` when the server wants what we do not have."""
    if CredentialType.USERNAME in allowed and isinstance(credentials, SshAgent | SshKey):
        return pygit2.Username(username or credentials.username)
    match credentials:
        case Token(username=name) if CredentialType.USERPASS_PLAINTEXT in allowed:
            return pygit2.UserPass(name, credentials.reveal())
        case SshAgent(username=name) if CredentialType.SSH_KEY in allowed:
            return pygit2.KeypairFromAgent(username or name)
        case SshKey(private, public, passphrase, name) if CredentialType.SSH_KEY in allowed:
            return pygit2.Keypair(username or name, str(public) if public else None, str(private), passphrase or "")
        case _:
            raise Refused(
                f"{location} asks for credentials that were not given",
                advice="give a token in CLOCKWORK_TOKEN or GITHUB_TOKEN, or an SSH key in the settings",
            )
