"""Any program as an assistant: the prompt on stdin, ``{"findings": [...]}`` as JSON on stdout, exit code 0.

Asked to change files, it works in a copy of the repository's and prints what it has to say.

For tools that have no adapter of their own, for in-house checks, and for tests. With a base URL in the settings it finds in
``CLOCKWORK_BASE_URL`` where it reaches that host; behind a wall that is the relay, and its key a token for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.assistants.attempt import Answer, RawReply
from bot.assistants.error_status import bad_output, by_text
from bot.assistants.tool import AssistantTool, ToolOptions
from bot.errors import Invalid
from bot.model.session import Prompt
from bot.processes import ProcessResult, Workspace


class CommandTool(AssistantTool):
    """``argv`` is started as it is (never through a shell), found on the path. ``Invalid`` when it is empty.

    The key is handed over in the environment variable ``key_variable``; without a name it is not.
    """

    name = "command"

    def __init__(self, argv: Sequence[str], key_variable: str | None) -> None:
        if not argv:
            raise Invalid("an assistant of kind command needs a command")
        self.argv = tuple(argv)
        self.usual_key = key_variable

    def environment(self, options: ToolOptions) -> Mapping[str, str]:
        return {} if options.base_url is None else {"CLOCKWORK_BASE_URL": options.base_url}

    def text(self, prompt: Prompt) -> str:
        return prompt.text

    def command(self, _prompt: Prompt, _options: ToolOptions, _workspace: Workspace) -> Sequence[str]:
        return self.argv

    def editing(self, prompt: Prompt, options: ToolOptions, workspace: Workspace) -> Sequence[str]:
        return self.command(prompt, options, workspace)

    def answer(self, ran: ProcessResult, _workspace: Workspace) -> Answer:
        if ran.exit_code != 0:
            return by_text(ran.stderr, exit_code=ran.exit_code)
        try:
            return RawReply(ran.stdout.decode("utf-8"))
        except UnicodeDecodeError as exc:
            return bad_output(f"the reply is not UTF-8 at byte {exc.start}")
