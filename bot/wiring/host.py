"""The code host that a repository is on, through its port, and what only it can do: sign commits, send webhooks."""

from __future__ import annotations

import hashlib

from bot.errors import Invalid
from bot.ports import Clock, CodeHost, HostContext, NotifyingHost, Repository, Webhooks
from bot.wiring import plugins
from bot.wiring.repository import OpenRepository, api_url, full_name


def open_host(opened: OpenRepository, clock: Clock) -> CodeHost | None:
    """The code host, None where the remote is on none. ``Invalid`` when it is on one and there is no token."""
    remote, settings, token = opened.remote, opened.settings, opened.secrets.token
    if remote is not None and settings.host.kind != "github":
        return plugins.host(settings.host.kind, _context(opened, remote, clock))
    if remote is None or (api := api_url(settings, remote, opened.options.environment)) is None:
        return None
    name = full_name(settings, remote, opened.options.environment)
    if name is None:
        return None
    app = opened.secrets.app
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
        marker_secret=marker_key(opened),
        clock=clock,
        min_write_interval=settings.github.min_write_interval,
        login=None if app is None else app.login(),
        meter=opened.options.meter,
    )


def _context(opened: OpenRepository, remote: str, clock: Clock) -> HostContext:
    return HostContext(
        opened.settings.host.options,
        opened.options.environment,
        clock,
        remote=remote,
        name=opened.name,
        token=opened.secrets.token,
        marker_key=marker_key(opened),
    )


def marker_key(opened: OpenRepository) -> bytes:
    """The key of markers. Without CLOCKWORK_SECRET it follows from the name alone; the author check still holds then."""
    return opened.secrets.marker or hashlib.sha256(f"clockwork markers of {opened.name}".encode()).digest()


def open_webhooks(opened: OpenRepository, host: CodeHost | None) -> Webhooks:
    """What reads the deliveries of ``host``. Without one, or a secret, every delivery is refused."""
    if isinstance(host, NotifyingHost):
        return host
    from bot.github.webhook import GitHubWebhooks

    return GitHubWebhooks(opened.secrets.webhook)


def writer(opened: OpenRepository, host: CodeHost | None) -> Repository:
    """What writes to the branches: the repository, or the host where the settings ask for its signature.

    Raises ``Invalid`` when they do and there is no code host that signs.
    """
    if opened.settings.author.signing != "github" or opened.git is None:
        return opened.repository
    commits = None if host is None else host.commits()
    if commits is None:
        raise Invalid(
            f"author.signing is github, but {opened.remote} is on no GitHub",
            advice="Set github.api_url and repository, or sign with ssh or gpg (author.signing_key).",
        )
    from bot.gitrepo.verified import VerifiedRepository

    return VerifiedRepository.over(opened.git, commits)
