"""The few ways in which anything here fails.

Adapters translate what their library raises into one of these (``raise ... from exc``); one catch per tick and one in
the command line turn them into a report and an exit code. Messages never contain secrets.
"""

from __future__ import annotations


class BotError(Exception):
    """Anything that stops one piece of work. ``advice`` tells a person what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, advice: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return self.message if self.advice is None else f"{self.message}\n  {self.advice}"


class Invalid(BotError):
    """Bad input: the same input fails again. The message names file and line where there is one. Exit code 2."""

    exit_code = 2


class Unavailable(BotError):
    """Could not be reached or did not answer in time: trying again may work. Exit code 3.

    ``retry_after`` is in seconds where the other side named it.
    """

    exit_code = 3

    def __init__(self, message: str, *, advice: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, advice=advice)
        self.retry_after = retry_after


class Stale(BotError):
    """Lost a race: what was read is no longer so. Look again and decide again. Exit code 3 once retries are used up."""

    exit_code = 3


class Refused(BotError):
    """A rule, a limit or a missing permission says no: a person must act. Exit code 4."""

    exit_code = 4


class Closed(Refused):
    """Settings, rules or rights of the host let nobody with our rights do that, whatever the change is. Exit code 4.

    ``advice`` names the switch, the rule or the right. It says nothing about what was to be written, so it never counts
    as a failure.
    """
