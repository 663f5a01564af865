"""An assistant that is a program: what all command-line tools share. Each tool's own facts are in the module of its name.

A tool is asked on stdin (an argument over 131,072 bytes fails, and text can be read as a subcommand) and it succeeded
when it exited with 0, its own error flag is clear and its JSON fits the schema. Its stderr is noise unless it failed.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from bot.assistants.attempt import Answer, Attempt, Failed, Sleep, reply
from bot.assistants.process import (
    DEADLINE_SECONDS,
    GRACE_SECONDS,
    OUTPUT_CAP,
    Ending,
    Monotonic,
    Place,
    Ran,
    fresh_place,
    run,
)
from bot.model.session import Prompt, Reply, ReplyStatus

_SIGNS: Final = (
    (
        ReplyStatus.TOO_LARGE,
        False,
        r"413|prompt is too long|request_too_large|context[ _]length|context window|maximum context|too many tokens",
    ),
    (
        ReplyStatus.AUTH,
        False,
        r"401|403|unauthori[sz]ed|authentication|invalid (?:x-)?api[ -_]key|api key not valid|not logged in",
    ),
    (
        ReplyStatus.RATE_LIMIT,
        True,
        r"429|529|rate[ _-]?limit\w*|too many requests|quota|resource_exhausted|overloaded\w*",
    ),
    (ReplyStatus.TIMEOUT, True, r"408|timed? ?-?out|deadline exceeded|etimedout"),
    (ReplyStatus.CRASH, True, r"50[0234]|internal server error|bad gateway|service unavailable|api_error"),
)
"""What a tool's own error text means and whether trying again may help; the most certain sign comes first."""
_PATTERNS: Final = tuple((status, again, re.compile(rf"(?i)\b(?:{signs})\b")) for status, again, signs in _SIGNS)


@dataclass(frozen=True, slots=True)
class Key:
    """One API key and the name of the environment variable a tool reads it from. The value is never in a repr."""

    variable: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Options:
    """How a command-line assistant runs. ``path`` is the ``PATH`` it gets; ``environment`` holds no secrets.

    Seconds and bytes; ``output_cap`` counts stdout.
    """

    path: str = os.defpath
    key: Key | None = None
    base_url: str | None = None
    model: str | None = None
    program: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    deadline_seconds: float = DEADLINE_SECONDS
    grace_seconds: float = GRACE_SECONDS
    output_cap: int = OUTPUT_CAP


class Tool(Protocol):
    """The facts of one tool: how it is called and what its output means. Pure but for files in ``place.scratch``."""

    @property
    def name(self) -> str: ...

    def environment(self, options: Options) -> Mapping[str, str]:
        """The variables it needs beside ``PATH``, ``HOME`` and its key."""
        ...

    def command(self, prompt: Prompt, options: Options, place: Place) -> Sequence[str]:
        """The argument list. May write input files into ``place.scratch``."""
        ...

    def answer(self, ran: Ran, place: Place) -> Answer:
        """What a run that exited by itself (whatever its code) came to."""
        ...


class ToolAssistant:
    """A tool behind the Assistant port."""

    def __init__(
        self,
        tool: Tool,
        options: Options,
        *,
        name: str | None = None,
        sleep: Sleep = time.sleep,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self._tool = tool
        self._options = options
        self._name = name or tool.name
        self._sleep = sleep
        self._monotonic = monotonic

    @property
    def name(self) -> str:
        return self._name

    def run(self, prompt: Prompt) -> Reply:
        key = self._options.key
        secrets = () if key is None else (key.value,)
        return reply(self._name, lambda: self._attempt(prompt), sleep=self._sleep, secrets=secrets)

    def _attempt(self, prompt: Prompt) -> Attempt:
        options = self._options
        with fresh_place() as place:
            ran = run(
                self._tool.command(prompt, options, place),
                prompt.text.encode("utf-8", "replace"),
                env=self._variables(),
                deadline_seconds=options.deadline_seconds,
                grace_seconds=options.grace_seconds,
                output_cap=options.output_cap,
                place=place,
                monotonic=self._monotonic,
            )
            return Attempt(self._answer(ran, place), ran.milliseconds, ran.exit_code, ran.stderr)

    def _variables(self) -> dict[str, str]:
        options = self._options
        variables = {"PATH": options.path, **self._tool.environment(options), **options.environment}
        if options.key is not None:
            variables[options.key.variable] = options.key.value
        return variables

    def _answer(self, ran: Ran, place: Place) -> Answer:
        seconds, cap = self._options.deadline_seconds, self._options.output_cap
        match ran.ending:
            case Ending.TIMEOUT:
                return Failed(ReplyStatus.TIMEOUT, f"no answer within {seconds:g} s", again=True)
            case Ending.TOO_LARGE:
                return Failed(ReplyStatus.TOO_LARGE, f"more than {cap} bytes of output")
            case Ending.NOT_FOUND:
                return Failed(ReplyStatus.CRASH, f"could not be started: {ran.stderr}")
            case Ending.EXITED:
                return self._tool.answer(ran, place)


def failed(message: str, *, exit_code: int | None = None) -> Failed:
    """The failure that a tool's own error text means; ``crash`` with the exit code when it says nothing known."""
    for status, again, pattern in _PATTERNS:
        if pattern.search(message):
            return Failed(status, message.strip(), again=again)
    code = "" if exit_code is None else f" (exit code {exit_code})"
    return Failed(ReplyStatus.CRASH, (last_line(message) or "ended without saying why") + code)


def last_line(text: str) -> str:
    """The last line of ``text`` that is not blank; empty when there is none."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
