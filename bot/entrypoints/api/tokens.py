"""Who may do what over HTTP: bearer tokens with scopes (RFC 6750)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.settings.api import ApiSettings


class Scope(StrEnum):
    """What a token is good for. Writing includes reading."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token, whose name stands in the ledger beside what was done with it."""

    name: str
    secret: bytes = field(repr=False)
    scope: Scope

    def allows(self, scope: Scope) -> bool:
        """Whether it is good for that."""
        return self.scope is Scope.WRITE or scope is Scope.READ


def tokens(settings: ApiSettings, environment: Mapping[str, str]) -> tuple[ApiToken, ...]:
    """The tokens that the settings name and the environment has; an empty one is none."""
    return tuple(
        ApiToken(name, environment[token_settings.env].encode(), Scope(token_settings.scope))
        for name, token_settings in settings.tokens.items()
        if environment.get(token_settings.env)
    )


def bearer(authorization: str, known_tokens: tuple[ApiToken, ...]) -> ApiToken | None:
    """The token that an ``Authorization`` header carries; None for any other. Takes the same time for any guess."""
    scheme, _, credential = authorization.partition(" ")
    presented = credential.strip().encode(errors="replace")
    matching = [token for token in known_tokens if hmac.compare_digest(token.secret, presented)]
    return matching[0] if matching and scheme.lower() == "bearer" else None
