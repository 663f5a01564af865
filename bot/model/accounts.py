"""How GitHub writes whom something is given to."""

from __future__ import annotations

from typing import Final

ACCOUNT: Final = r"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})(?:_[A-Za-z0-9]{1,10})?$"
"""A login (docs.github.com, "Username considerations for external authentication")."""
REVIEWER: Final = r"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})(?:_[A-Za-z0-9]{1,10})?(?:/[A-Za-z0-9_.-]{1,100})?$"
"""A login, or a team as ``org/team``."""
