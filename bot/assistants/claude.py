"""Anthropic's ``claude`` in print mode, without tools, files or memory.

Flags and variables: Claude Code documentation, "CLI reference" and "Environment variables" (https://code.claude.com/docs).
Measured with 2.1: a refused key exits with 1 and ``subtype: "success"`` beside ``is_error: true``; without
``CLAUDE_CODE_MAX_RETRIES`` it retries for more than 90 seconds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from bot.assistants.attempt import Answer, FailedRun, RawReply, Usage
from bot.assistants.error_status import bad_output, by_status, by_text
from bot.assistants.printed import Printed
from bot.assistants.tool import AssistantTool, ToolOptions
from bot.model.patterns import regex
from bot.model.session import Prompt
from bot.processes import ProcessResult, Workspace

_EDITING: Final = "Read,Edit"
"""Its tools for files that ``--bare`` leaves: none that runs programs or reaches out. An edit of nothing makes a file."""
_DENIED: Final = json.dumps({"permissions": {"deny": ["Read(//**)"]}})


class _Tokens(Printed):
    input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    output_tokens: int = 0


class _Result(Printed):
    """The one object that ``--output-format json`` prints."""

    subtype: str
    is_error: bool
    result: str = ""
    structured_output: Any = None
    api_error_status: int | None = None
    total_cost_usd: float | None = None
    usage: _Tokens = _Tokens()


class Claude(AssistantTool):
    """How ``claude`` is called and what it answers."""

    name = "claude"
    endpoint = "https://api.anthropic.com"
    usual_key = "ANTHROPIC_API_KEY"
    asks = regex(r"v1/messages(?:/count_tokens)?|v1/models(?:/[^/]+)?")

    def environment(self, options: ToolOptions) -> Mapping[str, str]:
        base = {} if options.base_url is None else {"ANTHROPIC_BASE_URL": options.base_url}
        return base | {
            "API_TIMEOUT_MS": str(round(options.deadline_seconds * 1000)),
            "CLAUDE_CODE_MAX_RETRIES": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
        }

    def command(self, prompt: Prompt, options: ToolOptions, _workspace: Workspace) -> Sequence[str]:
        model = () if options.model is None else ("--model", options.model)
        # An empty list of tools takes all of them away; strict MCP configuration keeps a user's own servers out.
        # It puts files in the place of ``@path`` all the same, unless reading is denied (anthropics/claude-code-action#957).
        isolation = ("--bare", "--settings", _DENIED, "--tools", "", "--no-session-persistence", "--strict-mcp-config")
        return (self.name, "-p", "--output-format", "json", *isolation, *model, "--json-schema", prompt.schema)

    def editing(self, _prompt: Prompt, options: ToolOptions, _workspace: Workspace) -> Sequence[str]:
        model = () if options.model is None else ("--model", options.model)
        isolation = ("--bare", "--tools", _EDITING, "--no-session-persistence", "--strict-mcp-config")
        return (self.name, "-p", "--output-format", "json", *isolation, "--permission-mode", "acceptEdits", *model)

    def answer(self, ran: ProcessResult, _workspace: Workspace) -> Answer:
        try:
            output = _Result.model_validate_json(ran.stdout)
        except ValidationError:
            if ran.exit_code != 0:
                return by_text(ran.stderr or ran.stdout[-2000:].decode("utf-8", "replace"), exit_code=ran.exit_code)
            return bad_output("claude printed no result object")
        if ran.exit_code != 0 or output.is_error or output.subtype != "success":
            return _failure(output, ran)
        text = output.result if output.structured_output is None else json.dumps(output.structured_output)
        return RawReply(text, _usage(output))


def _failure(output: _Result, ran: ProcessResult) -> FailedRun:
    message = output.result or output.subtype
    if output.api_error_status is not None:
        return by_status(output.api_error_status, message)
    if "structured_output" in output.subtype:
        return bad_output("the model did not keep to the schema")
    return by_text(message, exit_code=ran.exit_code)


def _usage(output: _Result) -> Usage:
    used = output.usage
    input_tokens = used.input_tokens + used.cache_creation_input_tokens + used.cache_read_input_tokens
    return Usage(input_tokens, used.output_tokens, output.total_cost_usd)
