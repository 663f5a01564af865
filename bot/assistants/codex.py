"""OpenAI's ``codex exec`` in a read-only sandbox, without a session file.

Flags: Codex documentation, "Non-interactive mode" (https://developers.openai.com/codex/noninteractive); provider keys:
"Configuration Reference", ``model_providers``.

Measured with 0.169: events are JSON lines, the last ``agent_message`` is the answer, a failure is ``turn.failed`` and
exit code 1; warnings go to stderr on success too. The built-in provider tries a WebSocket five times before HTTP and
retries a refused key for minutes, so the endpoint is named as a provider of its own that does neither.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from bot.assistants.attempt import Answer, RawReply, Usage
from bot.assistants.error_status import bad_output, by_text
from bot.assistants.printed import Printed, printed_lines
from bot.assistants.tool import AssistantTool, ToolOptions
from bot.model.patterns import regex
from bot.model.session import Prompt
from bot.processes import ProcessResult, Workspace

_ENDPOINT: Final = "https://api.openai.com/v1"
_KEY: Final = "CODEX_API_KEY"
_NO_TOOLS: Final = (
    *(
        "apps",
        "browser_use",
        "code_mode_host",
        "computer_use",
        "goals",
        "image_generation",
        "in_app_browser",
        "multi_agent",
    ),
    *("plugins", "shell_tool", "skill_search", "sleep_tool", "tool_suggest", "unified_exec", "view_image"),
)
"""Features that would hand the model a tool (``codex features list``). None of them can be needed for a review, and a model
does what the text under review tells it to. A name that a version does not know is ignored by it.
"""


_EDITING: Final = tuple(name for name in _NO_TOOLS if name not in {"code_mode_host", "shell_tool", "unified_exec"})
"""Features that are off where it changes files: it reads them by a shell and writes patches, both by scripts in an isolate."""


class _Part(Printed):
    type: str = ""
    text: str = ""
    message: str = ""


class _Tokens(Printed):
    input_tokens: int = 0
    output_tokens: int = 0


class _Event(Printed):
    """One line of ``--json``."""

    type: str
    item: _Part = _Part()
    error: _Part = _Part()
    usage: _Tokens | None = None


class Codex(AssistantTool):
    """How ``codex`` is called and what it answers."""

    name = "codex"
    endpoint = _ENDPOINT
    usual_key = "OPENAI_API_KEY"
    asks = regex(r"responses(?:/compact)?|models")
    needs = ("/bin", "/usr/bin")

    def key_variable(self, _options: ToolOptions) -> str:
        return _KEY

    def command(self, prompt: Prompt, options: ToolOptions, workspace: Workspace) -> Sequence[str]:
        schema, last = workspace.scratch / "schema.json", workspace.scratch / "last.txt"
        schema.write_text(prompt.schema, encoding="utf-8")
        return (
            *(self.name, "exec", "--json", "--ephemeral", "--skip-git-repo-check", "-s", "read-only"),
            *("--output-schema", str(schema), "-o", str(last)),
            *_without(_NO_TOOLS),
            *("-c", "include_apply_patch_tool=false"),
            *_model(options),
            "-",
        )

    def editing(self, _prompt: Prompt, options: ToolOptions, workspace: Workspace) -> Sequence[str]:
        # Its own sandbox cannot be built inside of the wall, which stands for it.
        return (
            *(self.name, "exec", "--json", "--ephemeral", "--skip-git-repo-check", "-s", "danger-full-access"),
            *("-o", str(workspace.scratch / "last.txt")),
            *_without(_EDITING),
            *_model(options),
            "-",
        )

    def answer(self, ran: ProcessResult, workspace: Workspace) -> Answer:
        events = list(printed_lines(ran.stdout, _Event))
        failures = [event.error.message for event in events if event.type == "turn.failed"]
        if ran.exit_code != 0 or failures:
            return by_text(failures[-1] if failures else ran.stderr, exit_code=ran.exit_code)
        messages = [event.item.text for event in events if event.item.type == "agent_message"]
        last = workspace.scratch / "last.txt"
        if last.is_file():
            messages.append(last.read_text("utf-8", "replace"))
        usage = next((event.usage for event in reversed(events) if event.usage is not None), None)
        if not messages:
            return bad_output("codex ended without an answer")
        return RawReply(messages[-1], Usage() if usage is None else Usage(usage.input_tokens, usage.output_tokens))


def _without(features: Sequence[str]) -> tuple[str, ...]:
    off = (argument for name in features for argument in ("-c", f"features.{name}=false"))
    return (*off, "-c", 'web_search="disabled"')


def _model(options: ToolOptions) -> tuple[str, ...]:
    provider = ("-c", 'model_provider="clockwork"', "-c", f"model_providers.clockwork={_provider(options)}")
    return provider if options.model is None else (*provider, "-m", options.model)


def _provider(options: ToolOptions) -> str:
    """An inline TOML table; JSON strings are TOML strings."""
    return (
        f'{{name="clockwork",base_url={json.dumps(options.base_url or _ENDPOINT)},env_key="{_KEY}",'
        'wire_api="responses",supports_websockets=false,request_max_retries=0,stream_max_retries=0}'
    )
