"""Credentials for hosts, from the environment: a name for each host, so that none is ever sent to another.

``CLOCKWORK_FETCH_TOKEN_HOST`` is the password or token, ``CLOCKWORK_FETCH_USER_HOST`` the user that goes with it. In HOST a
dot or a colon is ``_`` and a hyphen ``__`` (``ghcr.io`` is ``GHCR_IO``, ``my-registry.example.com:5000`` is
``MY__REGISTRY_EXAMPLE_COM_5000``): no two host names become one.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.upstream.hosts import HostOrigin


@dataclass(frozen=True, slots=True)
class HostKey:
    """User and token of one host. GitHub and most others take any user with a token; ``x-access-token`` is the one that
    GitHub names for apps (its documentation, "Authenticating as a GitHub App installation").
    """

    token: str = field(repr=False)
    user: str = field(default="x-access-token", repr=False)

    @property
    def basic(self) -> str:
        """The value of an ``Authorization`` header (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.token}".encode()).decode()


@dataclass(frozen=True, slots=True)
class KeyRing:
    """What the environment holds for hosts."""

    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def of(self, origin: HostOrigin) -> HostKey | None:
        """The key for a host; None where the environment has none."""
        token = self.environment.get(variable(origin))
        if not token:
            return None
        user = self.environment.get(variable(origin, "USER"))
        return HostKey(token, user) if user else HostKey(token)

    def hidden(self, text: str) -> str:
        """``text`` without any token of the environment in it."""
        for name, value in self.environment.items():
            if name.startswith("CLOCKWORK_FETCH_TOKEN_") and value:
                text = text.replace(value, "…")
        return text


def variable(origin: HostOrigin, purpose: str = "TOKEN") -> str:
    """The name of the variable for a host."""
    return f"CLOCKWORK_FETCH_{purpose}_{re.sub(r'[^A-Z0-9]', '_', origin.authority.upper().replace('-', '__'))}"
