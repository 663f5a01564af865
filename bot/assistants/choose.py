"""Makes the assistants that settings name. Called by wiring.

A configured assistant whose key is not in the environment is disabled, which is normal where secrets are withheld (pull
requests from forks) and is told in its reply.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.assistants.attempt import Sleep
from bot.assistants.claude import Claude
from bot.assistants.codex import Codex
from bot.assistants.command import CommandTool
from bot.assistants.copilot import Copilot
from bot.assistants.drafting import failed_draft
from bot.assistants.gemini import Gemini
from bot.assistants.tool import AssistantTool, ToolAssistant, ToolOptions
from bot.confinement.walls import Confinement
from bot.errors import Invalid, Refused
from bot.model.guarded import AIErrorKind, Draft, DraftAssignment
from bot.model.session import Prompt, Reply, ReplyStatus
from bot.ports import Assistant
from bot.processes import DEADLINE_SECONDS

TOOLS: Final[Mapping[str, AssistantTool]] = {tool.name: tool for tool in (Claude(), Codex(), Gemini(), Copilot())}
_WRITE_TOKENS: Final = ("CLOCKWORK_TOKEN", "GITHUB_TOKEN", "GH_TOKEN")


@dataclass(frozen=True, slots=True)
class Disabled:
    """An assistant that cannot be asked, and why."""

    name: str
    why: str

    def run(self, prompt: Prompt) -> Reply:
        del prompt
        return Reply(self.name, ReplyStatus.DISABLED, message=self.why)

    def draft(self, assignment: DraftAssignment) -> Draft:
        del assignment
        return failed_draft(self.name, AIErrorKind.MISSING, self.why)


def choose(
    kind: str,
    *,
    environment: Mapping[str, str],
    name: str | None = None,
    command: Sequence[str] | None = None,
    base_url: str | None = None,
    model: str | None = None,
    key_variable: str | None = None,
    deadline_seconds: float = DEADLINE_SECONDS,
    confinement: Confinement = Confinement.REQUIRED,
    readable: Sequence[str] = (),
    sleep: Sleep = time.sleep,
) -> Assistant:
    """The assistant of ``kind`` with its key and ``PATH`` from ``environment``, of which it gets nothing else.

    Raises ``Invalid`` for settings that make no assistant, and ``Refused`` when its key is a token that the bot writes
    to the repository with.
    """
    variable = key_variable or (TOOLS[kind].usual_key if kind in TOOLS else None)
    key = environment.get(variable) if variable else None
    if variable and not key:
        return Disabled(name or kind, f"the environment variable {variable} is not set")
    if key and key in {environment.get(token) for token in _WRITE_TOKENS}:
        raise Refused(
            f"assistant {name or kind} would be handed the token that writes to the repository",
            advice="Give it a key of its own, in an environment variable that its key_env names.",
        )
    options = ToolOptions(
        path=environment.get("PATH", os.defpath),
        key=key,
        base_url=base_url,
        model=model,
        deadline_seconds=deadline_seconds,
        confinement=confinement,
        readable=tuple(readable),
    )
    return assistant(kind, options, name=name, command=command or (), key_variable=key_variable, sleep=sleep)


def assistant(
    kind: str,
    options: ToolOptions,
    *,
    name: str | None = None,
    command: Sequence[str] = (),
    key_variable: str | None = None,
    sleep: Sleep = time.sleep,
) -> Assistant:
    """The assistant of ``kind`` (claude, codex, gemini, copilot, openai or command) with exactly these options.

    ``command``, and ``key_variable`` under which it gets its key, are for kind command. ``Invalid`` as for :func:`choose`.
    """
    if kind == "command":
        return ToolAssistant(CommandTool(command, key_variable), options, name=name, sleep=sleep)
    if kind == "openai":
        from bot.assistants.openai import OpenAIAssistant

        return OpenAIAssistant(options, name=name or kind, sleep=sleep)
    if kind not in TOOLS:
        raise Invalid(f"no assistant of kind {kind}", advice=f"Kinds are {', '.join((*TOOLS, 'openai', 'command'))}.")
    return ToolAssistant(TOOLS[kind], options, name=name, sleep=sleep)
