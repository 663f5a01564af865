"""``fleet.yaml``: the repositories that one Clockwork keeps, whose token it keeps each with, and how often.

Read by :mod:`bot.wiring.fleet` alone. Secrets never stand in it: it names the environment variables that hold them.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from bot.settings.reading import read_settings
from bot.settings.values import Seconds, Section

FLEET_FILE: Final = "fleet.yaml"
_HOST: Final = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}")


def _everybody(value: object) -> object:
    """``all`` as the glob for it."""
    return ["*"] if value == "all" else value


_OWNERS: Final = {"anyOf": [{"const": "all"}, {"type": "array", "items": {"type": "string"}}]}
Owners = Annotated[list[str], BeforeValidator(_everybody), WithJsonSchema(_OWNERS)]
"""``all``, or globs over the logins of owners."""


class FleetAppSettings(Section):
    """The GitHub App that the fleet acts as. Each repository gets a token that reaches it alone."""

    id: int | str
    """The app's id, or its client id."""
    private_key_env: str = "CLOCKWORK_APP_PRIVATE_KEY"
    """The environment variable that holds its private key (PEM)."""


class FleetRepositorySettings(Section):
    """One repository that takes part whatever it holds."""

    url: str
    """Its Git address."""
    name: str | None = None
    """What the fleet calls it, without spaces; ``owner/name`` as the address has it without this."""
    token_env: str | None = None
    """The environment variable with its token, instead of the app's or the fleet's."""
    branch: str | None = None
    """The branch that is compared and committed to, whatever its settings say."""
    settings: str | None = None
    """A settings file to use instead of its ``clockwork.yaml``, as seen from the fleet's file."""
    live: list[str] = []
    """Snapshots of live state, as ``--live`` takes them; paths are seen from the fleet's file."""
    interval: Annotated[Seconds, Field(ge=1)] | None = None
    """How often it is run while nothing urgent differs, instead of ``schedule.interval``."""
    environment: list[str] = []
    """Environment variables that its runs see, beside the fleet's ``environment``."""

    @model_validator(mode="after")
    def _is_one_word(self) -> Self:
        if any(char.isspace() for char in self.name or self.url):  # `--only` and a matrix divide names by spaces
            raise ValueError(f"{self.name or self.url!r} has spaces in it: give it a name without")
        return self


class FleetScheduleSettings(Section):
    """Who is run, and when. A repository with HIGH differences comes twice as often, with CRITICAL ones four times."""

    interval: Annotated[Seconds, Field(ge=1)] = 300
    """How often a repository is run while nothing urgent differs."""
    workers: Annotated[int, Field(ge=1, le=256)] = 4
    """How many repositories are run at once."""
    time_limit: Annotated[Seconds, Field(ge=1, le=3300)] = 600
    """How long one run may take; then its process is ended. Below an hour, which is how long an app's token lasts."""
    processes: Literal["forked", "fresh"] = "forked"
    """How the process of a run begins: forked from one that has loaded the program, which takes a fraction of the time, or
    fresh. Where Linux cannot fork so, and where a repository sees variables that others do not, it is fresh anyway.
    """
    retry: Annotated[Seconds, Field(ge=1)] = 60
    """The pause after a run that failed; it doubles with each further failure."""
    longest_retry: Annotated[Seconds, Field(ge=1)] = 6 * 3600
    """The longest such pause."""
    discover: Annotated[Seconds, Field(ge=10)] = 3600
    """How often the app is asked where it is installed."""


class FleetBudgetSettings(Section):
    """The requests to the code host that all repositories of one installation (or token) share."""

    reserve: Annotated[float, Field(ge=0, le=0.9)] = 0.2
    """The share of the hour's requests that only repositories with HIGH or CRITICAL differences may use."""
    expected: Annotated[int, Field(ge=1)] = 20
    """How many requests a run is expected to make before the first one told."""


class FleetSettings(Section):
    """Everything in ``fleet.yaml``."""

    version: Literal[1] = 1
    """The format of this file."""
    app: FleetAppSettings | None = None
    """The GitHub App that the fleet acts as."""
    api_url: str = "https://api.github.com"
    """The API that the app is asked at."""
    installations: Owners = []
    """Whose repositories are found by the app's installations: ``all``, or globs over the logins of owners."""
    include: list[str] = ["*"]
    """Globs over ``owner/name``: which of the repositories that are found take part."""
    exclude: list[str] = []
    """Globs over ``owner/name``: which of them do not."""
    take_part: Literal["with-settings", "all"] = "with-settings"
    """Whether a repository that is found takes part only if its default branch has a ``clockwork.yaml``."""
    repositories: list[FleetRepositorySettings] = []
    """Repositories by their address, in whatever installation they are."""
    token_env: str = "CLOCKWORK_TOKEN"  # noqa: S105 - the name of a variable
    """The environment variable with the token of those of ``repositories`` that neither name one nor have the app's."""
    trusted: list[str] = []
    """Globs over ``owner/name``: whose settings may name programs, files, clusters and the network of this machine. Whoever
    can write to such a repository can run programs as the fleet's user.
    """
    private_hosts: list[str] = []
    """Hosts with addresses inside of this network, each as ``host:port``, that the settings of every other repository may
    name too. Beside these they reach the public internet, their own remote and its API alone.
    """
    queue: str = "clockwork"
    """The Celery queue of this fleet; fleets that share a broker have one each."""
    environment: list[str] = []
    """Environment variables that every run sees, such as KUBECONFIG. Of the rest it sees only PATH, HOME, locale, time
    zone and proxies.
    """
    schedule: FleetScheduleSettings = FleetScheduleSettings()
    budget: FleetBudgetSettings = FleetBudgetSettings()

    @field_validator("private_hosts")
    @classmethod
    def _have_ports(cls, value: list[str]) -> list[str]:
        for entry in value:
            if not _HOST.fullmatch(entry):
                raise ValueError(f"{entry!r}: write host:port, such as live.example.internal:8443, and no scheme")
        return value

    @field_validator("repositories")
    @classmethod
    def _named_once(cls, value: list[FleetRepositorySettings]) -> list[FleetRepositorySettings]:
        urls = [entry.url.removesuffix("/").removesuffix(".git").lower() for entry in value]
        duplicates = sorted({url for url in urls if urls.count(url) > 1})
        if duplicates:
            raise ValueError(f"the repository {duplicates[0]!r} is named twice")
        return value

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.installations and self.app is None:
            raise ValueError("installations are those of a GitHub App: set app.id")
        shared_variables = {*self.environment, *(name for entry in self.repositories for name in entry.environment)}
        hidden = {entry.token_env for entry in self.repositories} | {self.token_env}
        hidden |= {self.app.private_key_env} if self.app else set()
        if both_lists := sorted(name for name in shared_variables & hidden if name):
            raise ValueError(f"{both_lists[0]} holds a secret of the fleet: no run may see it in its environment")
        if not self.installations and not self.repositories:
            raise ValueError("name repositories, or installations: all with an app")
        hosts = {host for entry in self.repositories if entry.token_env is None and (host := web_host(entry.url))}
        hosts -= {web_host(self.api_url), web_host(self.api_url).removeprefix("api.")} if self.app else set()
        if len(hosts) > 1:
            host_list = " and ".join(sorted(hosts))
            raise ValueError(
                f"{host_list} would get the same token ({self.token_env}): give their repositories a token_env"
            )
        return self


def web_host(url: str) -> str:
    """Host and port of a web address; empty for any other."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2].lower() if parts.scheme in {"http", "https"} else ""


def load_fleet(data: bytes, file: str = FLEET_FILE) -> FleetSettings:
    """The fleet of a file. Raises ``Invalid`` listing every mistake as ``file:line: key: what is wrong``."""
    return read_settings(FleetSettings, data, file, {})
