"""What proves to a Git remote who we are. Handed over by callback only, to the one host that was configured.

Wiring makes these values; :mod:`bot.gitrepo.remote` uses them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import pygit2
from pygit2.enums import CredentialType

from bot.errors import Refused


@dataclass(frozen=True, slots=True)
class Token:
    """A token over HTTP.

    GitHub takes any user name with a personal token; ``x-access-token`` is the one that installation tokens need
    (docs.github.com, "Authenticating as a GitHub App installation").
    """

    secret: str | Callable[[], str] = field(repr=False)
    """Or what gives the token of the moment: one of an app is another every hour."""
    username: str = "x-access-token"
    forget: Callable[[], None] | None = field(default=None, repr=False)
    """Is called when the token was not taken, so that the next is a new one; None where there is no other."""


@dataclass(frozen=True, slots=True)
class SshAgent:
    """Keys of the running SSH agent."""

    username: str = "git"


Credentials: TypeAlias = Token | SshAgent

_GitCredential: TypeAlias = pygit2.UserPass | pygit2.Username | pygit2.Keypair


def answer(
    credentials: Credentials | None, username: str | None, allowed: CredentialType, *, location: str
) -> _GitCredential:
    """What libgit2 hands to the server at ``location``. Raises ``Refused`` when the server wants what we do not have."""
    if CredentialType.USERNAME in allowed and isinstance(credentials, SshAgent):
        return pygit2.Username(username or credentials.username)
    match credentials:
        case Token(secret, name) if CredentialType.USERPASS_PLAINTEXT in allowed:
            return pygit2.UserPass(name, secret if isinstance(secret, str) else secret())
        case SshAgent(username=name) if CredentialType.SSH_KEY in allowed:
            return pygit2.KeypairFromAgent(username or name)
        case _:
            raise Refused(
                f"{location} asks for credentials that were not given",
                advice="give a token in CLOCKWORK_TOKEN or GITHUB_TOKEN, or a key to the SSH agent",
            )
