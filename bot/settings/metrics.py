"""Where figures are pushed to: the section ``metrics`` of ``clockwork.yaml``. ``/metrics`` needs none of it."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import Field, field_validator

from bot.settings.values import Seconds, Section

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class InfluxSettings(Section):
    """A database that takes InfluxDB's line protocol. The variables hold its write URL and, where it wants one, a token."""

    url_env: str
    """The environment variable that holds the write URL."""
    token_env: str | None = None
    """The environment variable that holds its token."""
    interval: Annotated[Seconds, Field(ge=1)] = 60
    """How often the daemon pushes; a run on the command line pushes once when it is done."""
    timeout: Annotated[Seconds, Field(ge=1, le=120)] = 10
    """For one answer."""

    @field_validator("url_env", "token_env")
    @classmethod
    def _is_a_variable(cls, value: str | None) -> str | None:
        if value is not None and not _VARIABLE.match(value):
            raise ValueError("name an environment variable; the address itself never stands in this file")
        return value


class MetricsSettings(Section):
    """Figures for monitoring systems."""

    influx: InfluxSettings | None = None
    """A database that figures are pushed to."""
