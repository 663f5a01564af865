"""Any program as an assistant: the prompt on stdin, ``{"findings": [...]}`` as JSON on stdout, exit code 0.

For tools that have no adapter of their own, for in-house checks, and for tests. With a base URL in the settings it finds in
``CLOCKWORK_BASE_URL`` where it reaches that host; behind a wall that is the relay, and its key a token for it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.assistants.attempt import Answer, RawReply, Sleep
from bot.assistants.error_status import bad_output, by_text
from bot.assistants.tool import ToolAssistant, ToolOptions
from bot.errors import Invalid
from bot.model.session import Prompt
from bot.processes import Monotonic, ProcessResult, Workspace


@dataclass(frozen=True, slots=True)
class _Command:
    argv: tuple[str, ...]
    variable: str | None
    name: str = "command"
    endpoint: None = None
    asks_by_itself: bool = False

    def key_variable(self, options: ToolOptions) -> str | None:
        del options
        return self.variable

    def text(self, prompt: Prompt) -> str:
        return prompt.text

    def environment(self, options: ToolOptions) -> Mapping[str, str]:
        return {} if options.base_url is None else {"CLOCKWORK_BASE_URL": options.base_url}

    def command(self, prompt: Prompt, options: ToolOptions, workspace: Workspace) -> Sequence[str]:
        del prompt, options, workspace
        return self.argv

    def answer(self, ran: ProcessResult, workspace: Workspace) -> Answer:
        del workspace
        if ran.exit_code != 0:
            return by_text(ran.stderr, exit_code=ran.exit_code)
        try:
            return RawReply(ran.stdout.decode("utf-8"))
        except UnicodeDecodeError as exc:
            return bad_output(f"the reply is not UTF-8 at byte {exc.start}")


class CommandAssistant(ToolAssistant):
    """``argv`` is started as it is (never through a shell), found on ``options.path``. ``Invalid`` when it is empty.

    ``options.key`` is handed over in the environment variable ``key_variable``; without a name it is not.
    """

    def __init__(
        self,
        argv: Sequence[str],
        options: ToolOptions = ToolOptions(),  # noqa: B008 - a frozen value
        *,
        name: str | None = None,
        key_variable: str | None = None,
        sleep: Sleep = time.sleep,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        if not argv:
            raise Invalid("an assistant of kind command needs a command")
        super().__init__(_Command(tuple(argv), key_variable), options, name=name, sleep=sleep, monotonic=monotonic)
