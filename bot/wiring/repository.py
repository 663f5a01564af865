"""Which repository a run is about: its folder or remote, its settings, its secrets, its code host."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bot.errors import Invalid
from bot.gitrepo.credentials import Anonymous, Credentials, SshAgent, Token
from bot.gitrepo.repository import GitRepository
from bot.gitrepo.signing import GpgSigner, Signer, SshSigner
from bot.gitrepo.worktree import WorkTree
from bot.ports import Clock, Repository, Signature, Tell, silent
from bot.settings import FILE, Secrets, Settings, load, secrets

if TYPE_CHECKING:
    from bot.github.host import GitHubHost

_REMOTE: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*://|[\w.-]+@[\w.-]+:)")


@dataclass(frozen=True, slots=True)
class Options:
    """What a person names on the command line: which repository, where live state comes from, which settings."""

    repo: str = "."
    live: str | None = None
    live_command: str | None = None
    settings: Path | None = None
    branch: str | None = None
    variables: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    cache: Path | None = None
    tell: Tell = field(default=silent, repr=False, compare=False)
    """Is told how far observers are."""


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
class OpenRepository:
    """One repository, opened. ``remote`` is None for a folder that is pushed nowhere; then nothing can be written."""

    options: Options
    repository: Repository
    git: GitRepository | None
    remote: str | None
    settings: Settings
    secrets: Secrets
    branch: str
    name: str
    """``owner/name`` where known, else the folder's name."""


def _settings(options: Options, repository: Repository, commit: str | None) -> Settings:
    if options.settings is not None:
        try:
            return load(options.settings.read_bytes(), file=str(options.settings))
        except OSError as exc:
            raise Invalid(f"{options.settings}: {exc.strerror}", advice="Name an existing settings file.") from exc
    return load(None if commit is None else repository.read(commit, FILE), file=FILE)


def is_remote(text: str) -> bool:
    """Whether ``text`` is a Git URL and not a folder."""
    return _REMOTE.match(text) is not None


def is_files(options: Options) -> bool:
    """Whether the repository was named as a folder with files in it: neither a Git URL nor a bare repository."""
    return not is_remote(options.repo) and not is_bare(Path(options.repo))


def is_bare(folder: Path) -> bool:
    """Whether a folder is itself a bare Git repository: it has branches, but no files to read."""
    import pygit2

    found = pygit2.discover_repository(str(folder)) if folder.is_dir() else None
    return found is not None and Path(found).samefile(folder) and pygit2.Repository(found).is_bare


def checkout(folder: Path) -> GitRepository | None:
    """The repository whose checkout ``folder`` is the top of; None for a folder inside of one, or in none."""
    import pygit2

    found = pygit2.discover_repository(str(folder))
    work = None if found is None else pygit2.Repository(found).workdir
    return GitRepository.local(folder) if work is not None and Path(work).resolve() == folder.resolve() else None


def cache_folder(options: Options, url: str) -> Path:
    """Where the bare clone of ``url`` is kept between runs: below CLOCKWORK_CACHE, XDG_CACHE_HOME or ``~/.cache``."""
    home = options.environment.get("CLOCKWORK_CACHE") or options.environment.get("XDG_CACHE_HOME")
    root = options.cache or (Path(home) if home else Path.home() / ".cache")
    return root / "clockwork" / (hashlib.sha256(url.encode()).hexdigest()[:16] + ".git")


def _folder(options: Options) -> Path:
    folder = Path(options.repo)
    if not folder.is_dir():
        raise Invalid(f"{options.repo}: no such folder", advice="Name a folder or a Git URL with --repo.")
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


def open_repository(options: Options) -> OpenRepository:
    """The repository that a run may write to. Raises ``Unavailable`` when the remote cannot be reached."""
    hidden = secrets(options.environment)
    if is_remote(options.repo):
        remote: str | None = options.repo
    else:
        folder = _folder(options)
        local = load((folder / FILE).read_bytes(), file=FILE) if (folder / FILE).is_file() else Settings()
        remote = (_settings(options, WorkTree(folder), None).remote if options.settings else local.remote) or _origin(
            folder
        )
    if remote is None:
        return local_repository(options, hidden)
    git = GitRepository.open(remote, cache_folder(options, remote), credentials=credentials(hidden, remote))
    git.fetch()
    branch = options.branch or git.default_branch()
    settings = _settings(options, git, git.head(branch))
    git = GitRepository.open(
        remote,
        cache_folder(options, remote),
        credentials=credentials(hidden, remote),
        author=Signature(settings.author.name, settings.author.email),
        signer=signer(settings),
    )
    name = full_name(settings, remote, options.environment) or Path(urlsplit(remote).path).stem
    return OpenRepository(
        options, git, git, remote, settings, hidden, options.branch or settings.branch or branch, name
    )


def repository_to_read(options: Options) -> OpenRepository:
    """Where a run that writes nothing reads: a folder's files as they are now, a URL or bare repository at its branch."""
    return local_repository(options, secrets(options.environment)) if is_files(options) else open_repository(options)


def local_repository(options: Options, hidden: Secrets) -> OpenRepository:
    """The files of a folder as they are now; nothing can be pushed."""
    folder = _folder(options)
    tree = WorkTree(folder)
    settings = _settings(options, tree, tree.head("") or "")
    return OpenRepository(options, tree, None, None, settings, hidden, tree.default_branch(), folder.resolve().name)


def credentials(hidden: Secrets, remote: str) -> Credentials:
    """What proves to ``remote`` who we are: the token over HTTP, the agent over SSH, nothing for a path."""
    if remote.startswith(("http://", "https://")):
        return Token(hidden.token) if hidden.token else Anonymous()
    return Anonymous() if ("://" not in remote and "@" not in remote) or remote.startswith("file:") else SshAgent()


def signer(settings: Settings) -> Signer | None:
    """What signs commits; None when nothing does."""
    match settings.author.signing:
        case "ssh":
            return SshSigner(Path(settings.author.signing_key or ""))
        case "gpg":
            return GpgSigner(settings.author.signing_key or "")
        case _:
            return None


def full_name(settings: Settings, remote: str, environment: Mapping[str, str]) -> str | None:
    """``owner/name`` on the code host, from settings, Actions or the remote's path."""
    if settings.repository is not None:
        return settings.repository
    path = remote.partition(":")[2] if "://" not in remote else urlsplit(remote).path
    found = re.search(r"([\w.-]+/[\w.-]+?)(?:\.git)?/?$", path)
    if api_url(settings, remote, environment) is not None and found is not None:
        return found.group(1)
    return None


def api_url(settings: Settings, remote: str, environment: Mapping[str, str]) -> str | None:
    """The API that belongs to ``remote``: from settings, Actions, or its host; None when it is on no known code host."""
    if settings.github.api_url is not None:
        return settings.github.api_url
    host = (
        urlsplit(remote).netloc.rpartition("@")[2] if "://" in remote else remote.partition(":")[0].rpartition("@")[2]
    )
    named = environment.get("GITHUB_API_URL")
    if named is not None and urlsplit(named).netloc in {host, f"api.{host}"}:
        return named
    if host == "github.com":
        return "https://api.github.com"
    return enterprise_api(remote) if remote.startswith(("http://", "https://")) else None


@cache
def enterprise_api(remote: str) -> str | None:
    """The API of a GitHub Enterprise Server (or of the sandbox) that serves ``remote``; None when its host is neither.

    Asks ``/api/v3/meta`` of that host, once per process and without credentials.
    """
    import httpx

    parts = urlsplit(remote)
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/api/v3"
    try:
        answer = httpx.get(f"{address}/meta", timeout=5.0)
        return address if answer.status_code == 200 and isinstance(answer.json(), dict) else None
    except (httpx.HTTPError, ValueError):
        return None


def marker_key(site: OpenRepository) -> bytes:
    """The key of markers. Without CLOCKWORK_SECRET it follows from the name alone; the author check still holds then."""
    return site.secrets.marker or hashlib.sha256(f"clockwork markers of {site.name}".encode()).digest()


def open_host(site: OpenRepository, clock: Clock) -> GitHubHost | None:
    """The code host, None where the remote is on none. ``Invalid`` when it is on one and there is no token."""
    if site.remote is None or (api := api_url(site.settings, site.remote, site.options.environment)) is None:
        return None
    name = full_name(site.settings, site.remote, site.options.environment)
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
        marker_secret=marker_key(site),
        clock=clock,
        min_write_interval=site.settings.github.min_write_interval,
    )
