"""The code host that a repository is on, through its port, and what only it can do: sign commits, send webhooks."""

from __future__ import annotations

import hashlib

from bot.errors import Invalid
from bot.ports import Clock, CodeHost, HostContext, NotifyingHost, Repository, Webhooks
from bot.wiring import plugins
from bot.wiring.repository import OpenRepository, api_url, full_name


def open_host(open_repo: OpenRepository, clock: Clock) -> CodeHost | None:
    """The code host, None where the remote is on none. ``Invalid`` when it is on one and there is no token."""
    remote, settings, token = open_repo.remote, open_repo.settings, open_repo.secrets.token
    if remote is not None and settings.host.kind != "github":
        return plugins.host(settings.host.kind, _context(open_repo, remote, clock))
    if remote is None or (api := api_url(settings, remote, open_repo.options.environment)) is None:
        return None
    name = full_name(settings, remote, open_repo.options.environment)
    if name is None:
        return None
    app = open_repo.secrets.app
    if token is None and app is None:
        raise Invalid(
            f"there is no token for {name}",
            advice="Set CLOCKWORK_TOKEN (or GITHUB_TOKEN, or github.app); --dry-run and `clockwork drift` need none.",
        )
    from bot.github.host import GitHubHost

    return GitHubHost(
        name,
        token or "" if app is None else app.token,
        forget=None if app is None else app.forget,
        api_url=api,
        marker_secret=marker_key(open_repo),
        clock=clock,
        min_write_interval=settings.github.min_write_interval,
        login=None if app is None else app.login(),
        meter=open_repo.options.meter,
    )


def _context(open_repo: OpenRepository, remote: str, clock: Clock) -> HostContext:
    return HostContext(
        open_repo.settings.host.options,
        open_repo.options.environment,
        clock,
        remote=remote,
        name=open_repo.name,
        token=open_repo.secrets.token,
        marker_key=marker_key(open_repo),
    )


def marker_key(open_repo: OpenRepository) -> bytes:
    """The key of markers. Without CLOCKWORK_SECRET it follows from the name alone; the author check still holds then."""
    return open_repo.secrets.marker or hashlib.sha256(f"clockwork markers of {open_repo.name}".encode()).digest()


def open_webhooks(open_repo: OpenRepository, host: CodeHost | None) -> Webhooks:
    """What reads the deliveries of ``host``. Without one, or a secret, every delivery is refused."""
    if isinstance(host, NotifyingHost):
        return host
    from bot.github.webhook import GitHubWebhooks

    return GitHubWebhooks(open_repo.secrets.webhook)


def writer(open_repo: OpenRepository, host: CodeHost | None) -> Repository:
    """What writes to the branches: the repository, or the host where the settings ask for its signature.

    Raises ``Invalid`` when they do and there is no code host that signs.
    """
    if open_repo.settings.author.signing != "github" or open_repo.git is None:
        return open_repo.repository
    commits = None if host is None else host.commits()
    if commits is None:
        raise Invalid(
            f"author.signing is github, but {open_repo.remote} is on no GitHub",
            advice="Set github.api_url and repository, or sign with ssh or gpg (author.signing_key).",
        )
    from bot.gitrepo.verified import VerifiedRepository

    return VerifiedRepository.over(open_repo.git, commits)
