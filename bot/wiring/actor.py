"""Who gives an order at a command line, so that the ledger names a person and not the account that wrote it down."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.github import actions
from bot.model.ledger import Actor
from bot.wiring.repository import Options, is_remote

if TYPE_CHECKING:
    import pygit2


def actor(options: Options, account: Actor) -> Actor:
    """Whoever started the run in Actions. Elsewhere the ``account`` behind the token where it is a person's, else whom
    Git's settings name as ``Name <email>``, else the user of this machine.
    """
    run = actions.run(options.environment)
    if run is not None and run.actor is not None:
        return Actor(run.actor, run.actor_id)
    if account.id is not None and not account.login.endswith("[bot]"):
        return account
    return Actor(_git_user(options) or _machine_user() or account.login)


def _git_user(options: Options) -> str | None:
    """As a commit made here would name its author: the environment, then the settings of the folder, then the user's."""
    settings = _git_settings(options)
    name = options.environment.get("GIT_AUTHOR_NAME") or _setting(settings, "user.name")
    email = options.environment.get("GIT_AUTHOR_EMAIL") or _setting(settings, "user.email")
    if name and email:
        return f"{name} <{email}>"
    return name or email


def _git_settings(options: Options) -> pygit2.Config | None:
    import pygit2

    path = None if is_remote(options.repo) else pygit2.discover_repository(str(Path(options.repo).resolve()))
    try:
        return pygit2.Config.get_global_config() if path is None else pygit2.Repository(path).config
    except OSError:  # this user has no settings
        return None


def _setting(settings: pygit2.Config | None, name: str) -> str | None:
    return settings[name] if settings is not None and name in settings else None


def _machine_user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return None
