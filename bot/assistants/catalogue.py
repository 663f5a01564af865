"""The assistants by kind, as settings name them. Called by wiring."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Final

from bot.assistants.attempt import Sleep
from bot.assistants.claude import Claude
from bot.assistants.codex import Codex
from bot.assistants.command import CommandAssistant
from bot.assistants.copilot import Copilot
from bot.assistants.gemini import Gemini
from bot.assistants.tool import Options, Tool, ToolAssistant
from bot.errors import Invalid, Refused
from bot.ports import Assistant

TOOLS: Final[Mapping[str, Tool]] = {"claude": Claude(), "codex": Codex(), "gemini": Gemini(), "copilot": Copilot()}


def assistant(
    kind: str,
    options: Options,
    *,
    name: str | None = None,
    command: Sequence[str] = (),
    key_variable: str | None = None,
    write_token: str | None = None,
    sleep: Sleep = time.sleep,
) -> Assistant:
    """The assistant of ``kind``: claude, codex, gemini, copilot, openai or command.

    ``command`` and ``key_variable`` (under which it gets its key) are for kind command. Raises ``Invalid`` for settings
    that make no assistant and ``Refused`` when its key is ``write_token``, the token that can write to the repository.
    """
    if write_token and options.key == write_token:
        raise Refused(
            f"assistant {name or kind} would be handed the token that writes to the repository",
            advice="Give it a key of its own.",
        )
    if kind == "command":
        return CommandAssistant(command, options, name=name, key_variable=key_variable, sleep=sleep)
    if kind == "openai":
        from bot.assistants.openai import OpenAIAssistant

        return OpenAIAssistant(options, name=name or "openai", sleep=sleep)
    if kind not in TOOLS:
        raise Invalid(f"no assistant of kind {kind}", advice=f"Kinds are {', '.join((*TOOLS, 'openai', 'command'))}.")
    return ToolAssistant(TOOLS[kind], options, name=name, sleep=sleep)
