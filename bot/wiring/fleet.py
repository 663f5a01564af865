"""A fleet of repositories: ``fleet.yaml`` → who takes part → what one run of each is given, and no more than that.

A run gets the token of its own repository, a folder of its own to keep things in, and of the environment only what every
program needs and what the fleet's file names. The app's private key never leaves this process.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from bot.errors import Closed, Invalid
from bot.fleet.run import FleetMember
from bot.github import address
from bot.github.app import AppConnection
from bot.github.installations import Installations, InstalledRepository
from bot.gitrepo.address import check_address
from bot.model.globs import name_matches
from bot.model.wording import sentences
from bot.ports import Clock
from bot.settings import load as load_settings
from bot.settings.fleet import FLEET_FILE, FleetRepositorySettings, FleetSettings, load_fleet, web_host
from bot.trust import load_authorities
from bot.wiring.repository import Options, cache_root

_USUAL: Final = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "PYTHONPATH"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "GITHUB_API_URL"),
    }
)
"""The environment variables that every run sees, beside those of the locale (``LC_…``)."""

_USED: Final = (
    *("bot.entrypoints.fleet.run_one", "bot.flows.reconcile", "bot.wiring.notifications", "bot.wiring.reconcile"),
    *(
        "bot.github.host",
        "bot.observers.gather",
        "bot.observers.snapshot",
        "httpx",
        "httpcore",
        "jinja2",
        "github",
        "bot.drift.severity.places",
    ),
    *("bot.assembly.assemble", "bot.forge.render", "bot.intake.compose", "bot.intake.terraform", "bot.intake.lined"),
    *("bot.flows.context", "bot.flows.head_check", "bot.texts", "bot.origins.expanded", "bot.origins.search"),
    *("bot.origins.trace", "bot.renderers.argo", "bot.renderers.directory", "bot.renderers.flux_kustomization"),
    *("bot.renderers.flux_release", "bot.renderers.helm", "bot.renderers.kustomize"),
    *("bot.wiring.appliers", "bot.wiring.host", "bot.wiring.ledger"),
)
"""Modules that load nearly everything that a run loads."""


@dataclass(frozen=True, slots=True)
class FleetOrder:
    """Everything that the process of one run is given. ``token`` is that of its repository and reaches no other."""

    member: FleetMember
    cache: str
    token: str | None = field(default=None, repr=False)
    login: str | None = None
    """The account of the app whose token it is; None for any other token."""
    private_hosts: tuple[str, ...] = ()
    """Those inside of the network that its settings may name though it is not trusted, as ``host:port``."""
    api_url: str | None = None
    """The API that the fleet asks about it, where it is the app's."""


@dataclass(frozen=True, slots=True)
class OpenFleet:
    """A fleet's file, opened. ``environment`` holds the secrets that the file names."""

    settings: FleetSettings
    folder: Path
    """Where relative paths in the file begin."""
    cache: Path
    clock: Clock
    environment: Mapping[str, str] = field(repr=False)
    installations: Installations | None = None
    file: str = FLEET_FILE
    """What its file is called in messages."""

    @property
    def state(self) -> Path:
        """Where it is kept what is known of each repository. To lose it costs the order of one round."""
        return self.cache / "fleet.json"

    @property
    def history(self) -> Path:
        """Where it is kept how runs ended. To lose it costs the charts."""
        return self.cache / "history.json"

    def members(self) -> tuple[FleetMember, ...]:
        """Who takes part, in the order of the names. ``Invalid`` where two have one name, or an address holds a secret."""
        self._check_addresses()
        owners = {} if self.installations is None else self.installations.owners()
        listed_members = [self._named(entry, owners) for entry in self.settings.repositories]
        lower_names = {member.name.lower() for member in listed_members}
        duplicates = sorted(
            name for name in lower_names if sum(member.name.lower() == name for member in listed_members) > 1
        )
        if duplicates:
            urls = [member.url for member in listed_members if member.name.lower() == duplicates[0]]
            text = f"{self.file}: two repositories are called {duplicates[0]}: {urls[0]} and {urls[1]}"
            raise Invalid(text, advice="Give one of them another name with `name` beside its url.")
        # A repository that the file calls otherwise is still the one that the app reaches.
        lower_names |= {_full_name(member).lower() for member in listed_members}
        installed = [member for member in self._installed(owners) if member.name.lower() not in lower_names]
        return tuple(sorted((*listed_members, *installed), key=lambda member: member.name))

    def _check_addresses(self) -> None:
        for number, entry in enumerate(self.settings.repositories):
            try:
                check_address(entry.url)
            except Invalid as exc:
                raise Invalid(f"{self.file}: repositories.{number}.url: {exc.message}", advice=exc.advice) from exc

    def _installed(self, owners: Mapping[str, int]) -> list[FleetMember]:
        settings = self.settings
        matching_owners = {owner: key for owner, key in owners.items() if _matches(owner, settings.installations)}
        reached, barred = list[InstalledRepository](), list[FleetMember]()
        for owner, key in matching_owners.items():
            try:
                reached += (self.installations and self.installations.repositories(key)) or ()
            except Closed as exc:  # an organisation that lets this machine in no more takes no other along
                barred.append(self._barred(f"{owner}/*", "", exc))
        return barred + [
            FleetMember(
                repository.full_name,
                repository.clone_url,
                f"installation {repository.installation}",
                timedelta(seconds=settings.schedule.interval),
                installation=repository.installation,
                environment=tuple(settings.environment),
                needs_settings=settings.take_part == "with-settings",
                trusted=_matches(repository.full_name, settings.trusted),
            )
            for repository in reached
            if _matches(repository.full_name, settings.include) and not _matches(repository.full_name, settings.exclude)
        ]

    def _named(self, entry: FleetRepositorySettings, owners: Mapping[str, int]) -> FleetMember:
        settings, full_name = self.settings, address.full_name(entry.url) or entry.url
        name = entry.name or full_name
        try:
            installation = self._installation(entry, full_name, owners)
        except Closed as exc:
            return self._barred(name, entry.url, exc)
        variable = entry.token_env or (settings.token_env if web_host(entry.url) and installation is None else None)
        account = (
            f"installation {installation}" if installation is not None else f"token {variable}" if variable else ""
        )
        return FleetMember(
            name,
            entry.url,
            account,
            timedelta(seconds=entry.interval or settings.schedule.interval),
            installation=installation,
            token_env=variable,
            branch=entry.branch,
            settings=None if entry.settings is None else str(self._path(entry.settings)),
            live=tuple(live if "://" in live or live == "-" else str(self._path(live)) for live in entry.live),
            environment=(*settings.environment, *entry.environment),
            full_name=full_name,
            trusted=_matches(name, settings.trusted) or _matches(full_name, settings.trusted),
        )

    def _barred(self, name: str, url: str, reason: Closed) -> FleetMember:
        """A row for what cannot be run, so that somebody sees it while the others are."""
        interval = timedelta(seconds=self.settings.schedule.interval)
        return FleetMember(name, url, interval=interval, barred=sentences(reason.message, reason.advice))

    def _installation(self, entry: FleetRepositorySettings, full_name: str, owners: Mapping[str, int]) -> int | None:
        """The installation whose token a repository gets: none where it names its own token, or is on another host."""
        api = web_host(self.settings.api_url)
        if self.installations is None or entry.token_env or web_host(entry.url) not in {api, api.removeprefix("api.")}:
            return None
        by_login = {owner.lower(): key for owner, key in owners.items()}
        known_installation = by_login.get(full_name.partition("/")[0].lower())
        return self.installations.installation_of(full_name) if known_installation is None else known_installation

    def _path(self, text: str) -> Path:
        return (self.folder / text).absolute()

    def order(self, member: FleetMember) -> FleetOrder:
        """What a run of ``member`` is given. ``Invalid`` where its token is not there, ``Closed`` where it gets none."""
        if member.barred is not None:
            raise Closed(member.barred)
        cache = str(self.cache / _folder_of(member))
        bare = FleetOrder(member, cache, private_hosts=tuple(self.settings.private_hosts))
        if member.installation is not None:
            if self.installations is None:
                raise Closed(
                    f"there is no app whose token reaches {member.name}", advice="Set app in the fleet's file."
                )
            lasts = timedelta(seconds=self.settings.schedule.time_limit)
            token = self.installations.token(member.installation, _full_name(member), lasts=lasts)
            return replace(bare, token=token, login=self.installations.login(), api_url=self.settings.api_url)
        if member.token_env is None:
            return bare
        if not (secret := self.environment.get(member.token_env)):
            raise Invalid(
                f"there is no token for {member.name}: {member.token_env} is not set",
                advice="Set it, or name another variable with token_env in the fleet's file.",
            )
        return replace(bare, token=secret)

    def forget(self, member: FleetMember) -> None:
        """The next run of ``member`` gets a new token: this one may have been revoked."""
        if self.installations is not None and member.installation is not None:
            self.installations.forget(member.installation, _full_name(member))

    def common(self) -> Mapping[str, str]:
        """What every run sees of the environment."""
        return self._visible(self.settings.environment)

    def sees_more(self, member: FleetMember) -> bool:
        """Whether the runs of ``member`` see variables that others do not."""
        return not set(member.environment) <= set(self.settings.environment)

    def _visible(self, variable_names: Iterable[str]) -> dict[str, str]:
        allowed_names = {*_USUAL, *variable_names}
        variables = {
            key: text for key, text in self.environment.items() if key in allowed_names or key.startswith("LC_")
        }
        variables.setdefault("PATH", "/usr/local/bin:/usr/bin:/bin")
        return variables

    def surroundings(self, member: FleetMember) -> Mapping[str, str]:
        """The environment of the process of a run: no secret of the fleet or of another repository is in it.

        Its CLOCKWORK_SECRET is derived from the fleet's and its name.
        """
        variables = self._visible(member.environment)
        if member.installation is not None:
            variables["GITHUB_API_URL"] = self.settings.api_url
        if (secret := self.environment.get("CLOCKWORK_SECRET")) and "CLOCKWORK_SECRET" not in member.environment:
            variables["CLOCKWORK_SECRET"] = hmac.new(
                secret.encode(), member.name.lower().encode(), "sha256"
            ).hexdigest()
        return variables


def open_fleet(file: Path, environment: Mapping[str, str], clock: Clock) -> OpenFleet:
    """The fleet of a file. ``Invalid`` for a file that is not there or wrong, and for a private key that is not there."""
    try:
        data = file.read_bytes()
    except OSError as exc:
        advice = "Name the fleet's file; `clockwork schema --fleet` prints what it may hold."
        raise Invalid(f"{file}: {exc.strerror}", advice=advice) from exc
    settings = load_fleet(data, str(file))
    key = hashlib.sha256(str(file.absolute()).encode()).hexdigest()[:16]
    root = cache_root(Options(repo="", environment=environment)) / "fleets" / key
    installations = _installations(settings, environment, clock, str(file))
    return OpenFleet(settings, file.absolute().parent, root, clock, environment, installations, str(file))


def load_program() -> tuple[Path, ...]:
    """Load what nearly every run uses, before processes are forked for runs; the data files that were read. Nothing here reads
    a variable of the environment that runs may see differently, opens a connection or starts a thread.
    """
    for name in _USED:
        with suppress(ModuleNotFoundError):  # of an extra that is not installed; a run that needs it says so
            importlib.import_module(name)
    from bot.wiring.reconcile import load_tables

    load_settings(b"version: 1\n", file="clockwork.yaml")  # pydantic builds what checks them when it is first used
    return (*load_tables(), *load_authorities())


def _installations(
    settings: FleetSettings, environment: Mapping[str, str], clock: Clock, file: str
) -> Installations | None:
    if settings.app is None:
        return None
    variable = settings.app.private_key_env
    if not (key := environment.get(variable)):
        raise Invalid(
            f"{file}: the private key of the GitHub App {settings.app.id} is not there",
            advice=f"Put the PEM into {variable}, or name another variable in app.private_key_env.",
        )
    return Installations(AppConnection(settings.app.id, key, api_url=settings.api_url, clock=clock))


def _matches(name: str, patterns: list[str]) -> bool:
    return any(name_matches(pattern.lower(), name.lower()) for pattern in patterns)


def _full_name(member: FleetMember) -> str:
    return member.full_name or member.name


def _folder_of(member: FleetMember) -> str:
    """A folder's name that is no other repository's, and that people recognise."""
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", member.name).strip(".-")[:60]
    return f"{readable}-{hashlib.sha256(member.url.encode()).hexdigest()[:12]}"
