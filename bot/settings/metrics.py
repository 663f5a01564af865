"""Where figures are pushed to: the section ``metrics`` of ``clockwork.yaml``. ``/metrics`` needs none of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.settings.values import Seconds, Section, VariableName


class InfluxSettings(Section):
    """A database that takes InfluxDB's line protocol. The variables hold its write URL and, where it wants one, a token."""

    url_env: VariableName
    """The environment variable that holds the write URL."""
    token_env: VariableName | None = None
    """The environment variable that holds its token."""
    interval: Annotated[Seconds, Field(ge=1)] = 60
    """How often the daemon pushes; a run on the command line pushes once when it is done."""
    timeout: Annotated[Seconds, Field(ge=1, le=120)] = 10
    """For one answer."""


class MetricsSettings(Section):
    """Figures for monitoring systems."""

    influx: InfluxSettings | None = None
    """A database that figures are pushed to."""
