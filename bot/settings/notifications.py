"""Who is told what: the section ``notifications`` of ``clockwork.yaml``. No address is in it that holds a secret."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from bot.model.globs import name_matches
from bot.model.notice import NoticeEvent
from bot.model.patterns import regex
from bot.model.severity import Severity
from bot.settings.values import Seconds, Section, VariableName
from bot.targets.paths import joined

_CLOCK: Final = regex(r"([01]\d|2[0-3]):([0-5]\d)\Z")
_NAME: Final = regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z")


class QuietSettings(Section):
    """Hours in which nobody is told, by the wall clock of ``timezone``; past midnight where the end is the earlier."""

    begin: str = Field(alias="from")
    """``HH:MM``, in quotes."""
    end: str = Field(alias="until")
    """``HH:MM``, in quotes."""
    timezone: str = "UTC"
    """An IANA name such as Europe/Berlin."""

    @field_validator("begin", "end")
    @classmethod
    def _is_a_time(cls, value: str) -> str:
        if not _CLOCK.match(value):
            raise ValueError(f'{value!r}: write hours and minutes in quotes, such as "22:00"')
        return value

    @field_validator("timezone")
    @classmethod
    def _exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
            raise ValueError(f"no time zone {value!r}; write an IANA name such as Europe/Berlin") from exc
        return value

    @model_validator(mode="after")
    def _is_no_day(self) -> Self:
        if self.begin == self.end:
            raise ValueError("from and until are the same")
        return self

    def hours(self) -> tuple[time, time]:
        """The two times."""
        return time.fromisoformat(self.begin), time.fromisoformat(self.end)


class ReceiverSettings(Section):
    """Somebody who is told: by apprise, or by a signed webhook; exactly one of the two.

    ``apprise_env`` and ``webhook_env`` name the environment variable that holds the address, ``secret_env`` the one with
    the key of the webhook's signature.
    """

    apprise_env: VariableName | None = None
    """The environment variable that holds an apprise URL."""
    webhook_env: VariableName | None = None
    """The environment variable that holds the URL of a webhook."""
    secret_env: VariableName | None = None
    """The environment variable that holds the key of the webhook's signature."""
    digest: Annotated[Seconds, Field(le=86400)] = 0
    """Collect for so long from the first notice on, a day at most, and send one message."""
    quiet: QuietSettings | None = None
    """Hours in which it is told nothing."""
    critical_passes: bool = False
    """Whether what is CRITICAL waits for neither the digest nor the end of quiet hours."""
    template: str | None = None
    """A Jinja2 template of the repository for its messages: the first line is the title."""

    @field_validator("template")
    @classmethod
    def _is_inside(cls, value: str | None) -> str | None:
        if value is not None and not joined("", value):
            raise ValueError("write a file of this repository")
        return value

    @model_validator(mode="after")
    def _only_one(self) -> Self:
        if (self.apprise_env is None) == (self.webhook_env is None):
            raise ValueError("give exactly one of apprise_env and webhook_env")
        if (self.webhook_env is None) != (self.secret_env is None):
            raise ValueError("secret_env: goes with webhook_env, and a webhook needs one")
        return self


class RouteSettings(Section):
    """Which notices go to whom. Every route that fits counts; events and targets are names or globs, all without any."""

    to: list[str]
    """Names of receivers."""
    events: list[str] = []
    """Events, as names or globs such as ``drift.*``; all of them without any."""
    severity: Severity = Severity.LOW
    """The least severity."""
    targets: list[str] = []
    """Targets, as names or globs; all of them without any."""

    @field_validator("events")
    @classmethod
    def _happen(cls, value: list[str]) -> list[str]:
        names = [event.value for event in NoticeEvent if event is not NoticeEvent.TEST]
        for pattern in value:
            if not any(name_matches(pattern, name) for name in names):
                raise ValueError(f"no event {pattern!r}; known: {', '.join(names)}")
        return value


class NotificationSettings(Section):
    """Who is told what. Without ``routes`` every receiver is told everything from MEDIUM on."""

    receivers: dict[str, ReceiverSettings] = {}
    """Name -> somebody who is told."""
    routes: list[RouteSettings] = []
    """Which notices go to whom."""
    timeout: Annotated[Seconds, Field(ge=1, le=120)] = 10
    """So long a run that ends waits for all receivers together, and a message for its answer."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        for name in self.receivers:
            if not _NAME.match(name):
                raise ValueError(f"receivers: {name!r}: write letters, digits, '.', '_' and '-'")
        known_receivers = ", ".join(self.receivers) or "none"
        for name in (name for route in self.routes for name in route.to):
            if name not in self.receivers:
                raise ValueError(f"routes: there is no receiver {name!r}; known: {known_receivers}")
        return self
