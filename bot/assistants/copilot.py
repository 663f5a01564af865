"""GitHub's ``copilot`` without questions, tools, custom instructions or built-in servers.

Flags and variables: GitHub documentation, "GitHub Copilot CLI command reference"
(https://docs.github.com/en/copilot/reference/copilot-cli-reference/cli-command-reference).

Measured with 1.0.102: events are JSON lines that end in ``result`` with an ``exitCode``; ``session.error`` tells the
HTTP status. It reads ``GITHUB_TOKEN`` from its environment, which is one more reason why its environment is an
allowlist: it gets its own token, never the one that can write. With a base URL it talks to that provider (BYOK)
instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import Field

from bot.assistants.attempt import Answer, FailedRun, RawReply
from bot.assistants.error_status import bad_output, by_status, by_text
from bot.assistants.printed import Printed, printed_lines
from bot.assistants.tool import AssistantTool, ToolOptions, with_schema
from bot.model.session import Prompt
from bot.processes import ProcessResult, Workspace

_EDITING: Final = "view,create,edit,glob,grep"
"""Its tools for files alone."""


class _Data(Printed):
    content: str = ""
    message: str = ""
    status: int | None = Field(default=None, validation_alias="statusCode")


class _Event(Printed):
    """One line of ``--output-format json``."""

    type: str
    data: _Data = _Data()
    exit_code: int | None = Field(default=None, validation_alias="exitCode")


class Copilot(AssistantTool):
    """How ``copilot`` is called and what it answers."""

    name = "copilot"
    asks_by_itself = True
    usual_key = "COPILOT_GITHUB_TOKEN"

    def key_variable(self, options: ToolOptions) -> str:
        return self.usual_key if options.base_url is None else "COPILOT_PROVIDER_API_KEY"

    def environment(self, options: ToolOptions) -> Mapping[str, str]:
        base = {} if options.base_url is None else {"COPILOT_PROVIDER_BASE_URL": options.base_url}
        return base if options.model is None else {**base, "COPILOT_MODEL": options.model}

    def command(self, _prompt: Prompt, _options: ToolOptions, _workspace: Workspace) -> Sequence[str]:
        return (
            *(self.name, "--output-format", "json", "--no-ask-user", "--no-custom-instructions"),
            *("--disable-builtin-mcps", "--no-auto-update", "--available-tools", "none"),
        )

    def editing(self, _prompt: Prompt, _options: ToolOptions, _workspace: Workspace) -> Sequence[str]:
        return (
            *(self.name, "--output-format", "json", "--no-ask-user", "--no-custom-instructions"),
            *("--disable-builtin-mcps", "--no-auto-update", "--available-tools", _EDITING, "--allow-all-tools"),
        )

    def text(self, prompt: Prompt) -> str:
        return with_schema(prompt)

    def answer(self, ran: ProcessResult, _workspace: Workspace) -> Answer:
        events = list(printed_lines(ran.stdout, _Event))
        ended = [event.exit_code for event in events if event.type == "result"]
        if ran.exit_code != 0 or (ended and ended[-1] != 0):
            return _failure(events, ran)
        messages = [event.data.content for event in events if event.type == "assistant.message" and event.data.content]
        if not ended or not messages:
            return bad_output("copilot ended without an answer")
        return RawReply(messages[-1])


def _failure(events: Sequence[_Event], ran: ProcessResult) -> FailedRun:
    error = next((event.data for event in reversed(events) if event.type == "session.error"), None)
    if error is not None and error.status is not None:
        return by_status(error.status, error.message)
    return by_text(ran.stderr if error is None else error.message, exit_code=ran.exit_code)
