"""Which repository a run is about: its folder or remote, its settings, its secrets."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bot.errors import Invalid
from bot.github import address
from bot.gitrepo.repository import GitRepository
from bot.gitrepo.worktree import WorkTree
from bot.model.choices import FixLevel
from bot.model.dataclass import dataclass
from bot.model.patterns import regex
from bot.ports import Meter, Repository, Signature, Tell, Unmeasured, silent
from bot.settings import FILE, AppIdentity, Secrets, load, secrets
from bot.wiring.plugins import installed

if TYPE_CHECKING:
    from bot.gitrepo.credentials import Credentials
    from bot.gitrepo.signing import Signer
    from bot.settings import Settings

_REMOTE: Final = regex(r"(?:[a-z][a-z0-9+.-]*://|[\w.-]+@[\w.-]+:)")


@dataclass(frozen=True, slots=True)
class Options:
    """What a person names on the command line: which repository, where live state comes from, which settings."""

    repo: str = "."
    live: str | Sequence[str] | None = None
    """A file, a URL or ``-`` for standard input; or several of them."""
    live_command: str | None = None
    settings: Path | None = None
    branch: str | None = None
    variables: tuple[str, ...] = ()
    target: str | None = None
    level: FixLevel | None = None
    """The auto-fix level instead of that of the settings."""
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    cache: Path | None = None
    identity: AppIdentity | None = field(default=None, repr=False, compare=False)
    """Who the run acts as, whatever settings and environment say."""
    tell: Tell = field(default=silent, repr=False, compare=False)
    """Is told how far observers are."""
    meter: Meter = field(default_factory=Unmeasured, repr=False, compare=False)
    """Is told what adapters do."""

    @property
    def snapshots(self) -> tuple[str, ...]:
        """Where live state comes from, as far as files, URLs and standard input were named."""
        if self.live is None:
            return ()
        return (self.live,) if isinstance(self.live, str) else tuple(self.live)


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


def settings_at(options: Options, repository: Repository, commit: str | None) -> Settings:
    """The settings that a commit has; those of the file that was named on the command line, where one was."""
    if options.settings is not None:
        try:
            settings = load(options.settings.read_bytes(), file=str(options.settings), installed=installed)
        except OSError as exc:
            raise Invalid(f"{options.settings}: {exc.strerror}", advice="Name an existing settings file.") from exc
    else:
        settings = load(None if commit is None else repository.read(commit, FILE), file=FILE, installed=installed)
    if options.level is None:
        return settings
    return settings.model_copy(update={"fixes": settings.fixes.model_copy(update={"level": options.level})})


def settings_bytes(options: Options, repository: Repository, branch: str) -> bytes | None:
    """The settings file as it is now: at the head of ``branch``, or the one that was named on the command line."""
    if options.settings is not None:
        return options.settings.read_bytes() if options.settings.is_file() else None
    head = repository.head(branch)
    return None if head is None else repository.read(head, FILE)


def is_remote(text: str) -> bool:
    """Whether ``text`` is a Git URL and not a folder."""
    return _REMOTE.match(text) is not None


def is_files(options: Options) -> bool:
    """Whether the repository was named as a folder with files in it: neither a Git URL nor a bare repository."""
    return not is_remote(options.repo) and not is_bare(Path(options.repo))


def is_bare(folder: Path) -> bool:
    """Whether a folder is itself a bare Git repository: it has branches, but no files to read."""
    import pygit2

    path = pygit2.discover_repository(str(folder)) if folder.is_dir() else None
    return path is not None and Path(path).samefile(folder) and pygit2.Repository(path).is_bare


def checkout(folder: Path) -> GitRepository | None:
    """The repository whose checkout ``folder`` is the top of; None for a folder inside of one, or in none."""
    work = work_tree(folder)
    return GitRepository.local(folder) if work is not None and work.resolve() == folder.resolve() else None


def work_tree(folder: Path) -> Path | None:
    """The top of the checkout that ``folder`` lies in; None where it lies in none."""
    import pygit2

    path = pygit2.discover_repository(str(folder)) if folder.is_dir() else None
    work = None if path is None else pygit2.Repository(path).workdir
    return None if work is None else Path(work)


def local_history(folder: Path) -> Repository:
    """The commits of the repository that ``folder`` lies in, as they are on this disk; nothing is fetched or pushed."""
    return GitRepository.local(folder)


def cache_root(options: Options) -> Path:
    """What is kept between runs: below CLOCKWORK_CACHE, XDG_CACHE_HOME or ``~/.cache``."""
    home = options.environment.get("CLOCKWORK_CACHE") or options.environment.get("XDG_CACHE_HOME")
    root = options.cache or (Path(home) if home else Path.home() / ".cache")
    return root / "clockwork"


def cache_folder(options: Options, url: str) -> Path:
    """Where the bare clone of ``url`` is kept between runs."""
    return cache_root(options) / (hashlib.sha256(url.encode()).hexdigest()[:16] + ".git")


def renderings_folder(options: Options) -> Path:
    """Where renderings are kept between runs: each remote has room of its own, folders of this machine share theirs."""
    name = hashlib.sha256(options.repo.encode()).hexdigest()[:16] if is_remote(options.repo) else "folders"
    return cache_root(options) / "renderings" / name


def _folder(options: Options) -> Path:
    folder = Path(options.repo)
    if not folder.is_dir():
        raise Invalid(f"{options.repo}: no such folder", advice="Name a folder or a Git URL.")
    return folder


def origin(folder: Path) -> str | None:
    """The remote of a checkout, or the folder itself when it is a bare repository; None for anything else."""
    import pygit2

    path = pygit2.discover_repository(str(folder))
    if path is None:
        return None
    repository = pygit2.Repository(path)
    if repository.is_bare:
        return str(folder.resolve())
    names = list(repository.remotes.names())
    return repository.remotes["origin"].url if "origin" in names else None


def settings_here(options: Options) -> Settings:
    """The settings as far as this machine knows them: those that were named, else a folder's own, else the defaults."""
    if is_remote(options.repo) and options.settings is None:
        return load(None)
    tree = WorkTree(_folder(options)) if not is_remote(options.repo) else WorkTree(Path())
    return settings_at(options, tree, tree.head(""))


def remote_named(options: Options) -> str | None:
    """Where the repository that was named is written to: itself, or a folder's remote. None: nowhere."""
    return options.repo if is_remote(options.repo) else settings_here(options).remote or origin(_folder(options))


def open_repository(options: Options) -> OpenRepository:
    """The repository that a run may write to. Raises ``Unavailable`` when the remote cannot be reached."""
    hidden = replace(secrets(options.environment), app=options.identity)
    remote = remote_named(options)
    if remote is None:
        return local_repository(options, hidden)
    hidden = with_app(hidden, settings_here(options), options, remote)
    git = GitRepository.open(remote, cache_folder(options, remote), credentials=credentials(hidden, remote))
    git.fetch()
    branch = options.branch or git.default_branch()
    if options.branch is not None and git.head(branch) is None:
        raise _no_branch(options, branch, git.branches())
    settings = settings_at(options, git, git.head(branch))
    hidden = with_app(hidden, settings, options, remote)
    author = Signature(settings.author.name, settings.author.email)
    git = git.acting(credentials(hidden, remote), author, signer(settings))
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
    _check_branch(options, folder)
    tree = WorkTree(folder)
    settings = settings_at(options, tree, tree.head("") or "")
    return OpenRepository(options, tree, None, None, settings, hidden, tree.default_branch(), folder.resolve().name)


def _check_branch(options: Options, folder: Path) -> None:
    """Raise ``Invalid`` where ``--branch`` names none of a clone's branches: of a folder the files are read as they are, and
    a mistake in the name would pass unseen.
    """
    import pygit2

    if options.branch is None or work_tree(folder) is None:
        return
    branches = pygit2.Repository(str(pygit2.discover_repository(str(folder)))).branches
    branch_names = sorted({*branches.local, *(name.partition("/")[2] for name in branches.remote)} - {"HEAD"})
    if branch_names and options.branch not in branch_names:
        raise _no_branch(options, options.branch, branch_names)


def _no_branch(options: Options, branch: str, branch_names: Sequence[str]) -> Invalid:
    from bot.intake.declared import suggestion

    hint = suggestion(branch, branch_names, otherwise=f"Its branches: {', '.join(branch_names[:10]) or 'none'}.")
    return Invalid(f"{options.repo} has no branch {branch!r}", advice=hint)


def credentials(hidden: Secrets, remote: str) -> Credentials | None:
    """What proves to ``remote`` who we are: the token over HTTP, the agent over SSH, nothing for a path."""
    from bot.gitrepo.credentials import SshAgent, Token

    if remote.startswith(("http://", "https://")):
        if hidden.app is not None:
            return Token(hidden.app.token, forget=hidden.app.forget)
        return Token(hidden.token) if hidden.token else None
    return None if ("://" not in remote and "@" not in remote) or remote.startswith("file:") else SshAgent()


def with_app(hidden: Secrets, settings: Settings, options: Options, remote: str) -> Secrets:
    """The secrets with the GitHub App that the settings name, or CLOCKWORK_APP_ID where they are not known yet.

    ``Invalid`` where its private key is not in the environment.
    """
    environment = options.environment
    app_settings = settings.github.app
    if app_settings is None and environment.get("CLOCKWORK_APP_ID"):
        from bot.settings.sections import AppSettings

        installation = environment.get("CLOCKWORK_APP_INSTALLATION", "")
        app_settings = AppSettings(
            id=environment["CLOCKWORK_APP_ID"], installation=int(installation) if installation.isdigit() else None
        )
    if app_settings is None or hidden.app is not None:
        return hidden
    key, api = environment.get(app_settings.private_key_env), api_url(settings, remote, environment)
    name = full_name(settings, remote, environment)
    if api is None or name is None:
        raise Invalid(f"github.app is set, but {remote} is on no GitHub", advice="Set github.api_url and repository.")
    if not key:
        raise Invalid(
            f"the private key of the GitHub App {app_settings.id} is not there",
            advice=f"Put the PEM into {app_settings.private_key_env}, or name another variable in github.app.private_key_env.",
        )
    return replace(hidden, app=_app(str(app_settings.id), key, api, name, app_settings.installation))


@cache
def _app(app: str, key: str, api: str, name: str, installation: int | None) -> AppIdentity:
    """One for each installation in this process: its token is good for an hour."""
    from bot.github.app import AppTokens

    return AppTokens(app, key, api_url=api, full_name=name, clock=SystemClock(), installation=installation)


def signer(settings: Settings) -> Signer | None:
    """What signs commits; None when nothing does."""
    from bot.gitrepo.signing import GpgSigner, SshSigner

    match settings.author.signing:
        case "ssh":
            return SshSigner(Path(settings.author.signing_key or ""))
        case "gpg":
            return GpgSigner(settings.author.signing_key or "")
        case _:
            return None


def full_name(settings: Settings, remote: str, environment: Mapping[str, str]) -> str | None:
    """``owner/name`` on the code host: from the settings, else the path of a remote that is on one."""
    if settings.repository is not None or api_url(settings, remote, environment) is None:
        return settings.repository
    return address.full_name(remote)


def api_url(settings: Settings, remote: str, environment: Mapping[str, str]) -> str | None:
    """The API that belongs to ``remote``: from the settings, else as the remote tells; None when it is on no GitHub."""
    return settings.github.api_url or address.api_url(remote, environment)
