"""How much is told of what happens, and in which form. Used by the command line and the daemon's log."""

from __future__ import annotations

from typing import Final

LEVEL: Final = "CLOCKWORK_LOG_LEVEL"
FORMAT: Final = "CLOCKWORK_LOG_FORMAT"
"""The environment variables that say so, for a process and for those that it starts."""
LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
"""Names of levels by their rank (Python documentation, "Logging Levels")."""
FORMATS: Final = ("text", "json")
