"""One run of one repository: what is to be run, and the account of it. Neither holds a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.fleet.status import FleetResult
from bot.fleet.waits import HeldTasks, WaitingForPeople
from bot.model.requests import RequestsLeft
from bot.model.severity import Severity


@dataclass(frozen=True, slots=True)
class FleetMember:
    """One repository that takes part, and how it is run. Paths are absolute."""

    name: str
    url: str
    account: str = ""
    """Whose requests its runs use: an installation of the app, or the environment variable of a token."""
    interval: timedelta = timedelta(minutes=5)
    installation: int | None = None
    """The app's installation that reaches it; None: ``token_env`` names its token."""
    token_env: str | None = None
    """The environment variable with its token; None and no installation: it is reached without any."""
    branch: str | None = None
    settings: str | None = None
    live: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    """The environment variables that its runs see beside the usual ones."""
    needs_settings: bool = False
    """It takes part only where its branch has a ``clockwork.yaml``."""
    full_name: str | None = None
    """``owner/name`` on its code host where ``name`` is another one."""
    barred: str | None = None
    """Why nobody can run it, as a sentence or two; it is shown instead of a run."""
    trusted: bool = False
    """Whether its settings may name programs, files, clusters and private addresses of the machine that runs it."""


@dataclass(frozen=True, slots=True)
class FleetRun:
    """The account of one run. ``began`` is UTC."""

    name: str
    began: datetime
    seconds: float
    result: FleetResult
    severities: Mapping[Severity, int] = field(default_factory=dict)
    actions: Mapping[str, int] = field(default_factory=dict)
    """How many of each effect: opened, committed, unchanged…"""
    commit: str | None = None
    error: str | None = None
    requests: int = 0
    left: RequestsLeft | None = None
    """What its account may still ask, as the last answer told."""
    retry_after: float | None = None
    """Seconds that the code host asked to wait."""
    waiting: WaitingForPeople | None = None
    """What waits for people once it is over; None where it could not tell, or no code host is there to ask."""
    held: tuple[HeldTasks, ...] | None = None
    """What is not fixed for now; None where it could not tell."""
