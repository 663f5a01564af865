"""Who may use the daemon's HTTP API: the section ``api`` of ``clockwork.yaml``."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import field_validator

from bot.model.patterns import regex
from bot.settings.values import Section

_NAME: Final = regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z")
_VARIABLE: Final = regex(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class TokenSettings(Section):
    """A bearer token, kept in the environment variable ``env``. ``write`` includes reading."""

    env: str
    """The environment variable that holds the token."""
    scope: Literal["read", "write"] = "read"
    """``read``, or ``write``, which includes reading."""

    @field_validator("env")
    @classmethod
    def _is_a_variable(cls, value: str) -> str:
        if not _VARIABLE.match(value):
            raise ValueError("name an environment variable; the token itself never stands in this file")
        return value


class ApiSettings(Section):
    """Tokens by name, beside the one that the daemon makes for the command line of its own user."""

    tokens: dict[str, TokenSettings] = {}
    """Name -> token. The ledger keeps the name of whoever gives an order."""

    @field_validator("tokens")
    @classmethod
    def _named(cls, value: dict[str, TokenSettings]) -> dict[str, TokenSettings]:
        for name in value:
            if not _NAME.match(name):
                raise ValueError(f"{name!r}: write letters, digits, '.', '_' and '-'")
        return value
