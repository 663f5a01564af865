"""Joins settings, adapters and flows. The only place that knows everything; every entry point starts here."""

from __future__ import annotations

import hashlib
import os
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bot.errors import BotError, Invalid, Refused
from bot.flows.declare import Declarer, Selection
from bot.flows.look import Judging, Look, look
from bot.flows.reconcile import Loop
from bot.flows.remedy import Hands
from bot.gitrepo.ledger import GitLedger
from bot.gitrepo.repository import GitRepository
from bot.gitrepo.worktree import WorkTree
from bot.model.ledger import Actor, Entry, LedgerView
from bot.model.resource import Desired
from bot.ports import Clock, CodeHost, Ledger, Observation, Observer, Repository, Signature
from bot.safety.limits import Limits
from bot.settings import FILE, Secrets, Settings, load, secrets

__all__ = ["Guard", "Ways", "Workers", "open_guard", "open_hands", "open_ledger", "open_look", "open_loop", "open_workers"]

_REMOTE: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*://|[\w.-]+@[\w.-]+:)")


@dataclass(frozen=True, slots=True)
class Ways:
    """What a person names on the command line: which repository, where live state comes from, which settings."""

    repo: str = "."
    live: str | None = None
    live_command: str | None = None
    settings: Path | None = None
    branch: str | None = None
    variables: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    cache: Path | None = None


class SystemClock:
    """The real clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class FixedClock:
    """A clock that stands still, for simulations."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        del seconds


@dataclass(frozen=True, slots=True)
class Site:
    """One repository, opened. ``remote`` is None for a folder that is pushed nowhere; then nothing can be written."""

    ways: Ways
    repository: Repository
    git: GitRepository | None
    remote: str | None
    settings: Settings
    secrets: Secrets
    branch: str
    name: str
    """``owner/name`` where known, else the folder's name."""


def _settings(ways: Ways, repository: Repository, commit: str | None) -> Settings:
    if ways.settings is not None:
        try:
            return load(ways.settings.read_bytes(), file=str(ways.settings))
        except OSError as exc:
            raise Invalid(f"{ways.settings}: {exc.strerror}", advice="Name an existing settings file.") from exc
    return load(None if commit is None else repository.read(commit, FILE), file=FILE)


def _is_remote(text: str) -> bool:
    return _REMOTE.match(text) is not None


def _cache(ways: Ways, url: str) -> Path:
    home = ways.environment.get("CLOCKWORK_CACHE") or ways.environment.get("XDG_CACHE_HOME")
    root = ways.cache or (Path(home) if home else Path.home() / ".cache")
    return root / "clockwork" / (hashlib.sha256(url.encode()).hexdigest()[:16] + ".git")


def _folder(ways: Ways) -> Path:
    folder = Path(ways.repo)
    if not folder.is_dir():
        raise Invalid(f"{ways.repo}: no such folder", advice="Name a folder or a Git URL with --repo.")
    return folder


def _origin(folder: Path) -> str | None:
    """The remote of a checkout, or the folder itself when it is a bare repository; None for anything else."""
    import pygit2

    found = pygit2.discover_repository(str(folder))
    if found is None:
        return None
    repository = pygit2.Repository(found)
    if repository.is_bare:
        return str(folder.resolve())
    names = list(repository.remotes.names())
    return repository.remotes["origin"].url if "origin" in names else None


def open_site(ways: Ways) -> Site:
    """The repository that a run may write to. Raises ``Unavailable`` when the remote cannot be reached."""
    hidden = secrets(ways.environment)
    if _is_remote(ways.repo):
        remote: str | None = ways.repo
    else:
        folder = _folder(ways)
        local = load((folder / FILE).read_bytes(), file=FILE) if (folder / FILE).is_file() else Settings()
        remote = (_settings(ways, WorkTree(folder), None).remote if ways.settings else local.remote) or _origin(folder)
    if remote is None:
        return _local_site(ways, hidden)
    git = GitRepository.open(remote, _cache(ways, remote), credentials=_credentials(hidden, remote))
    git.fetch()
    branch = ways.branch or git.default_branch()
    settings = _settings(ways, git, git.head(branch))
    git = GitRepository.open(
        remote,
        _cache(ways, remote),
        credentials=_credentials(hidden, remote),
        author=Signature(settings.author.name, settings.author.email),
        signer=_signer(settings),
    )
    name = _full_name(settings, remote, ways.environment) or Path(urlsplit(remote).path).stem
    return Site(ways, git, git, remote, settings, hidden, ways.branch or settings.branch or branch, name)


def _local_site(ways: Ways, hidden: Secrets) -> Site:
    folder = _folder(ways)
    tree = WorkTree(folder)
    settings = _settings(ways, tree, tree.head("") or "")
    return Site(ways, tree, None, None, settings, hidden, tree.default_branch(), folder.resolve().name)


def _credentials(hidden: Secrets, remote: str) -> object:
    from bot.gitrepo.credentials import Anonymous, SshAgent, Token

    if remote.startswith(("http://", "https://")):
        return Token(hidden.token) if hidden.token else Anonymous()
    return Anonymous() if "://" not in remote and "@" not in remote or remote.startswith("file:") else SshAgent()


def _signer(settings: Settings) -> object | None:
    from bot.gitrepo.signing import GpgSigner, SshSigner

    match settings.author.signing:
        case "ssh":
            return SshSigner(Path(settings.author.signing_key or ""))
        case "gpg":
            return GpgSigner(settings.author.signing_key)
        case _:
            return None


def _full_name(settings: Settings, remote: str, environment: Mapping[str, str]) -> str | None:
    """``owner/name`` on the code host, from settings, Actions or the remote's path."""
    if settings.repository is not None:
        return settings.repository
    path = remote.partition(":")[2] if "://" not in remote else urlsplit(remote).path
    found = re.search(r"([\w.-]+/[\w.-]+?)(?:\.git)?/?$", path)
    if _api_url(settings, remote, environment) is not None and found is not None:
        return found.group(1)
    return None


def _api_url(settings: Settings, remote: str, environment: Mapping[str, str]) -> str | None:
    """The API that belongs to ``remote``; None when it is on no known code host."""
    if settings.github.api_url is not None:
        return settings.github.api_url
    host = urlsplit(remote).netloc.rpartition("@")[2] if "://" in remote else remote.partition(":")[0].rpartition("@")[2]
    named = environment.get("GITHUB_API_URL")
    if named is not None and urlsplit(named).netloc in {host, f"api.{host}"}:
        return named
    return "https://api.github.com" if host == "github.com" else None


def _marker_key(site: Site) -> bytes:
    """The key of markers. Without CLOCKWORK_SECRET it follows from the name alone; the author check still holds then."""
    return site.secrets.marker or hashlib.sha256(f"clockwork markers of {site.name}".encode()).digest()


def open_host(site: Site, clock: Clock) -> CodeHost | None:
    """The code host, None where the remote is on none. ``Invalid`` when it is on one and there is no token."""
    if site.remote is None or (api := _api_url(site.settings, site.remote, site.ways.environment)) is None:
        return None
    name = _full_name(site.settings, site.remote, site.ways.environment)
    if name is None:
        return None
    if site.secrets.token is None:
        raise Invalid(
            f"there is no token for {name}",
            advice="Set CLOCKWORK_TOKEN (or GITHUB_TOKEN); use --dry-run or `clockwork drift` to look without one.",
        )
    from bot.github.host import GitHubHost

    return GitHubHost(
        name,
        site.secrets.token,
        api_url=api,
        marker_secret=_marker_key(site),
        clock=clock,
        min_write_interval=site.settings.github.min_write_interval,
    )


@dataclass(slots=True)
class _NoLedger:
    """The ledger of a folder that is pushed nowhere: empty, and it cannot be written."""

    def read(self) -> LedgerView:
        return LedgerView(None)

    def append(self, view: LedgerView, entries: Sequence[Entry]) -> LedgerView:
        del view, entries
        raise Refused("this folder has no remote, so there is no ledger and nothing can be written")


def _ledger(site: Site) -> Ledger:
    return _NoLedger() if site.git is None else GitLedger(site.git, ref=site.settings.ledger_ref, name=site.settings.author.name)


def limits(settings: Settings) -> Limits:
    """The limits that these settings ask for."""
    fixes = settings.fixes
    return Limits(
        fixes_per_hour=fixes.per_hour,
        cooldown=fixes.cooldown,
        task_failures=fixes.task_failures,
        total_failures=fixes.total_failures,
        repository_per_hour=fixes.repository_per_hour,
        severity_per_hour={severity.value: number for severity, number in fixes.severity_per_hour.items()},
        breaker_corrections=fixes.breaker_corrections,
        breaker_window=fixes.breaker_window,
        proposals_per_hour=fixes.proposals_per_hour,
    )


def hands(site: Site, *, clock: Clock, read_only: bool = False) -> Hands:
    """What a run on ``site`` writes with."""
    from bot.github import text
    from bot.shipped import folder
    from bot.texts import Texts

    host = None if read_only and site.secrets.token is None else open_host(site, clock)
    settings = site.settings
    me = None if host is None else host.whoami()
    api = site.ways.environment
    run = None
    if api.get("GITHUB_RUN_ID") and api.get("GITHUB_REPOSITORY"):
        server = api.get("GITHUB_SERVER_URL", "https://github.com")
        run = f"{server}/{api['GITHUB_REPOSITORY']}/actions/runs/{api['GITHUB_RUN_ID']}"
    return Hands(
        repository=site.repository,
        ledger=_ledger(site),
        host=host,
        texts=Texts.at(folder("templates"), filters=text.FILTERS),
        clock=clock,
        actor=Actor(me.login, me.id) if me else Actor("clockwork"),
        author=Signature(settings.author.name, settings.author.email),
        branch=site.branch,
        limits=limits(settings),
        new_id=lambda: uuid.uuid4().hex,
        labels=tuple(settings.github.labels),
        run_link=run,
        commit_url=partial(_commit_url, site),
    )


def _commit_url(site: Site, sha: str) -> str | None:
    if site.remote is None or not site.remote.startswith("http"):
        return None
    return f"{site.remote.removesuffix('/').removesuffix('.git')}/commit/{sha}"


def selection(site: Site) -> Selection:
    """Which files of the site declare something, and the ``.cw`` variables."""
    sources = site.settings.sources
    variables = dict(sources.variables)
    for pair in site.ways.variables:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise Invalid(f"--var {pair!r} is not K=V")
        variables[key] = text
    return Selection(
        include=tuple(sources.include),
        exclude=tuple(sources.exclude),
        project=sources.project or site.name.rpartition("/")[2].lower(),
        variables=variables,
        environment={k: v for k, v in site.ways.environment.items() if k.startswith("CLOCKWORK_VAR_")},
    )


def observers(site: Site) -> tuple[Observer, ...]:
    """Who reads live state: what the command line names, else what the settings name."""
    from bot.observers.snapshot import SnapshotObserver, SourceForm

    ways, named = site.ways, site.settings.observe
    if ways.live_command is not None:
        return (SnapshotObserver(ways.live_command, form=SourceForm.COMMAND),)
    if ways.live is not None:
        return (SnapshotObserver(ways.live),)
    found: list[Observer] = []
    if (snapshot := named.snapshot) is not None:
        form, source = next(
            (form, source)
            for form, source in (
                (SourceForm.FILE, snapshot.file),
                (SourceForm.URL, snapshot.url),
                (SourceForm.COMMAND, snapshot.command),
            )
            if source is not None
        )
        found.append(SnapshotObserver(source, form=form, timeout=snapshot.timeout))
    from bot.observers.configured import configured

    found += configured(site.settings.observe, folder=None if _is_remote(ways.repo) else Path(ways.repo))
    if not found:
        raise Invalid(
            "nothing tells what runs",
            advice="Give --live FILE, or name an observer in clockwork.yaml (observe: docker, kubernetes, snapshot, ...).",
        )
    return tuple(found)


def _observe(site: Site, seers: Sequence[Observer], wanted: Sequence[Desired], now: datetime) -> Observation:
    from bot.observers.gather import gather

    return gather(seers, wanted, now=now, deadline=site.settings.observe.deadline)


def judging(site: Site, commit: str) -> Judging:
    """Rules, ignore rules and options as ``commit`` has them."""
    from bot.drift.diff import Options
    from bot.drift.ignore import Ignores
    from bot.drift.ignore import load as load_ignores
    from bot.policy.levels import in_force
    from bot.policy.rules import policy_files
    from bot.shipped import files

    settings, repository = site.settings, site.repository
    own = {e.path: repository.blob(e.blob) for e in repository.entries(commit, "policies")}
    own = {path: own[path] for path in policy_files(own)}
    ignored = repository.read(commit, settings.ignores)
    return Judging(
        rules=in_force(settings.fixes.level, shipped=files("policies", "levels/*.yaml"), repository=own),
        ignores=Ignores() if ignored is None else load_ignores(ignored, settings.ignores),
        options=Options(mask_key=_marker_key(site), ignore_aggregated_roles=settings.aggregated_roles == "ignore"),
    )


def open_look(ways: Ways) -> partial[Look]:
    """A look at the files of a folder as they are now (or at a remote's branch); nothing is written anywhere."""
    from bot.forge.render import Forge

    site = open_site(ways) if _is_remote(ways.repo) else _local_site(ways, secrets(ways.environment))
    head = site.repository.head(site.branch)
    if head is None:
        raise Invalid(f"{ways.repo} has no branch {site.branch}")
    declarer = Declarer(site.repository, Forge(), selection(site))
    seers = observers(site)
    return partial(
        look, declarer.at(head), judging(site, head), partial(_observe, site, seers), now=SystemClock().now()
    )


def open_loop(ways: Ways, *, dry_run: bool = False, at: datetime | None = None, clock: Clock | None = None) -> Loop:
    """The loop of ``reconcile``, the daemon and the demo."""
    from bot.forge.render import Forge

    site = open_site(ways)
    now = clock or (SystemClock() if at is None else FixedClock(at))
    dry_run = dry_run or site.git is None
    return Loop(
        hands=hands(site, clock=now, read_only=dry_run),
        declarer=Declarer(site.repository, Forge(), selection(site)),
        renderer=Forge(),
        observe=partial(_observe, site, observers(site)),
        judging=partial(judging, site),
        apply_enabled=site.settings.apply.enabled,
        dry_run=dry_run,
    )


def open_hands(settings: Path | None, repo: str | None) -> Hands:
    """What ``halt``, ``resume`` and the other orders write with."""
    site = open_site(Ways(repo=repo or ".", settings=settings))
    if site.git is None:
        raise Invalid(f"{repo or '.'} has no remote, so it has no ledger", advice="Name the remote with --repo URL.")
    return hands(site, clock=SystemClock())


def open_ledger(settings: Path | None, repo: str | None) -> GitLedger:
    """The ledger of a repository."""
    site = open_site(Ways(repo=repo or ".", settings=settings))
    if site.git is None:
        raise Invalid(f"{repo or '.'} has no remote, so it has no ledger", advice="Name the remote with --repo URL.")
    return GitLedger(site.git, ref=site.settings.ledger_ref)
