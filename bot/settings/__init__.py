"""The one settings file, ``clockwork.yaml``: strict, every key has a default, secrets never live in it.

Read by :mod:`bot.wiring` alone. Unknown keys are errors that name the file, the line and the nearest known key. Tokens and
webhook secrets come from the environment (see :func:`secrets`), so that a settings file can be public.

The models, and Pydantic with them, are loaded where a file has to be read: that takes longer than many a run for all else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, cast

from bot.model.dataclass import dataclass

if TYPE_CHECKING:
    from bot.settings.model import Settings
    from bot.settings.reading import WrongSettings

__all__ = ["FILE", "Secrets", "Settings", "WrongSettings", "load", "secrets"]

FILE: Final = "clockwork.yaml"
Installed: TypeAlias = Callable[[str], Collection[str]]
"""The names of plug-ins that are installed in a group: observers, renderers, assistants or hosts."""


def __getattr__(name: str) -> Any:
    """The model and its error, when they are first asked for (docs.python.org, "Customizing module attribute access")."""
    if name == "Settings":
        from bot.settings.model import Settings

        return Settings
    if name == "WrongSettings":
        from bot.settings.reading import WrongSettings

        return WrongSettings
    raise AttributeError(name)


class AppIdentity(Protocol):
    """A GitHub App: a token that is good now, and the login it acts as."""

    def token(self) -> str: ...

    def forget(self) -> None:
        """The token was not taken: the next is a new one."""
        ...

    def login(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Secrets:
    """What must never be shown. ``repr`` hides all of it."""

    token: str | None = field(default=None, repr=False)
    webhook: bytes | None = field(default=None, repr=False)
    marker: bytes | None = field(default=None, repr=False)
    app: AppIdentity | None = field(default=None, repr=False)
    """The GitHub App that is used instead of ``token``."""


def secrets(environment: Mapping[str, str]) -> Secrets:
    """The secrets in the environment: CLOCKWORK_TOKEN (else GITHUB_TOKEN, GH_TOKEN), CLOCKWORK_WEBHOOK_SECRET and
    CLOCKWORK_SECRET (key of markers and of masked values).
    """
    token = next((environment[k] for k in ("CLOCKWORK_TOKEN", "GITHUB_TOKEN", "GH_TOKEN") if environment.get(k)), None)
    webhook, marker = environment.get("CLOCKWORK_WEBHOOK_SECRET"), environment.get("CLOCKWORK_SECRET")
    return Secrets(token, webhook.encode() if webhook else None, marker.encode() if marker else None)


def load(data: bytes | None, *, file: str = FILE, installed: Installed = lambda _group: ()) -> Settings:
    """Settings from the bytes of the file; None or an empty file gives the defaults. ``installed`` names plug-ins.

    Raises :class:`WrongSettings` listing every mistake as ``file:line: key: what is wrong``.
    """
    if not data or not data.strip():
        from bot.settings.defaults import DEFAULTS

        return cast("Settings", DEFAULTS)
    from bot.settings.model import Settings
    from bot.settings.reading import read_settings

    return read_settings(Settings, data, file, {"installed": installed})
