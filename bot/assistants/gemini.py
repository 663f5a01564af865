"""Google's ``gemini`` with an API key, in plan mode, with no tools.

Output and flags: Gemini CLI documentation, "Headless mode reference" (https://geminicli.com/docs/cli/headless) and
"Gemini CLI configuration".

Measured with 0.61: success is a JSON object on stdout; a failure is one at the end of stderr, with the HTTP status as
``code`` and its low byte as the exit code (401 exits with 145). With ``GOOGLE_GEMINI_BASE_URL`` set it looks for a
gateway login unless its settings name the API key. It has no flag for a schema, so the prompt carries it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import Field, ValidationError

from bot.assistants.attempt import Answer, FailedRun, RawReply, Usage
from bot.assistants.error_status import bad_output, by_status, by_text
from bot.assistants.printed import Printed
from bot.assistants.tool import AssistantTool, ToolOptions, with_schema
from bot.model.patterns import regex
from bot.model.session import Prompt, ReplyStatus
from bot.processes import ProcessResult, Workspace

# Plan mode alone is no wall: without anybody to ask, the tool may leave it by itself. ``core: []`` leaves it no tool to use.
_SETTINGS: Final = {
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "general": {"maxAttempts": 1, "disableAutoUpdate": True, "disableUpdateNag": True},
    "privacy": {"usageStatisticsEnabled": False},
    "tools": {"core": []},
}
_EDITING: Final = {
    **_SETTINGS,
    "tools": {"core": ["list_directory", "read_file", "write_file", "glob", "grep_search", "replace"]},
}
"""Its tools for files alone (Gemini CLI documentation, "Tools")."""
_NO_LOGIN: Final = 41
"""Its exit code when it has no usable login at all."""


class _Tokens(Printed):
    prompt: int = 0
    candidates: int = 0


class _Model(Printed):
    tokens: _Tokens = _Tokens()


class _Stats(Printed):
    models: dict[str, _Model] = Field(default_factory=dict)


class _Error(Printed):
    message: str = ""
    code: int | str | None = None


class _Output(Printed):
    """What ``--output-format json`` prints, on stdout when it went well and on stderr when not."""

    response: str | None = None
    stats: _Stats = _Stats()
    error: _Error | None = None


class Gemini(AssistantTool):
    """How ``gemini`` is called and what it answers."""

    name = "gemini"
    endpoint = "https://generativelanguage.googleapis.com"
    usual_key = "GEMINI_API_KEY"
    asks = regex(r"v1(?:alpha|beta)?/models/[^/:]+(?::\w+)?")

    def environment(self, options: ToolOptions) -> Mapping[str, str]:
        return {} if options.base_url is None else {"GOOGLE_GEMINI_BASE_URL": options.base_url}

    def command(self, _prompt: Prompt, options: ToolOptions, workspace: Workspace) -> Sequence[str]:
        return self._called(options, workspace, _SETTINGS, "plan")

    def editing(self, _prompt: Prompt, options: ToolOptions, workspace: Workspace) -> Sequence[str]:
        return self._called(options, workspace, _EDITING, "auto_edit")

    def _called(
        self, options: ToolOptions, workspace: Workspace, settings: Mapping[str, object], approval: str
    ) -> Sequence[str]:
        folder = workspace.home / ".gemini"
        folder.mkdir()
        (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        model = () if options.model is None else ("--model", options.model)
        return (self.name, "--output-format", "json", "--approval-mode", approval, "--skip-trust", *model)

    def text(self, prompt: Prompt) -> str:
        return with_schema(prompt)

    def answer(self, ran: ProcessResult, _workspace: Workspace) -> Answer:
        output = _output(ran.stdout.decode("utf-8", "replace")) or _output(_last_object(ran.stderr))
        if output is None:
            if ran.exit_code != 0:
                return by_text(ran.stderr, exit_code=ran.exit_code)
            return bad_output("gemini printed no JSON object")
        if ran.exit_code != 0 or output.error is not None:
            return _failure(output.error or _Error(message=ran.stderr), ran)
        if output.response is None:
            return bad_output("gemini ended without an answer")
        tokens = [model.tokens for model in output.stats.models.values()]
        return RawReply(
            output.response, Usage(sum(count.prompt for count in tokens), sum(count.candidates for count in tokens))
        )


def _failure(error: _Error, ran: ProcessResult) -> FailedRun:
    if ran.exit_code == _NO_LOGIN:
        return FailedRun(ReplyStatus.AUTH, error.message)
    if isinstance(error.code, int) and 400 <= error.code < 600:
        return by_status(error.code, error.message)
    return by_text(error.message, exit_code=ran.exit_code)


def _output(text: str) -> _Output | None:
    try:
        return _Output.model_validate_json(text)
    except ValidationError:
        return None


def _last_object(text: str) -> str:
    """The JSON object at the end of ``text``, which begins at the start of a line."""
    at = ("\n" + text).rfind("\n{")
    return text[max(at, 0) :] if at >= 0 else ""
