"""Any endpoint that speaks OpenAI's chat completions: hosted models, gateways, a model on one's own machine.

Source: OpenAI API reference, "Create chat completion"; ``response_format``: "Structured model outputs".

One POST with the reply schema. The whole exchange is held to the deadline and the answer to the output cap; redirects
are not followed and proxies of the environment are not used, because the request carries the key.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import httpx
from pydantic import Field, ValidationError

from bot.assistants.attempt import Answer, AssistantRun, FailedRun, RawReply, RetriedAssistant, Sleep, Usage, retried
from bot.assistants.drafting import draft_of
from bot.assistants.error_status import bad_output, by_status
from bot.assistants.printed import Printed
from bot.assistants.tool import ToolOptions
from bot.errors import Invalid
from bot.model.guarded import Draft, DraftAssignment
from bot.model.session import Prompt, ReplyStatus
from bot.trust import web_authorities

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class _Message(Printed):
    content: str | None = None
    refusal: str | None = None


class _Choice(Printed):
    message: _Message
    finish_reason: str | None = None


class _Tokens(Printed):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(Printed):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Tokens | None = None


class _Problem(Printed):
    message: str = ""
    code: str | int | None = None


class _Problems(Printed):
    error: _Problem


class OpenAIAssistant(RetriedAssistant):
    """A chat-completions endpoint behind the Assistant port.

    ``options`` needs a base URL (up to and with ``/v1``) and a model. ``Invalid`` without them, and for a key that
    would travel unencrypted to another machine. Its deadline and cap count; the path means nothing here.
    """

    def __init__(
        self,
        options: ToolOptions,
        *,
        name: str = "openai",
        sleep: Sleep = time.sleep,
    ) -> None:
        if not options.base_url or not options.model:
            raise Invalid("an assistant of kind openai needs base_url and model")
        address = urlsplit(options.base_url)
        if address.scheme not in {"http", "https"} or not address.hostname:
            raise Invalid(f"base_url of assistant {name} is no http or https URL")
        if options.key is not None and address.scheme == "http" and address.hostname not in _LOOPBACK:
            raise Invalid(f"base_url of assistant {name} would send its key unencrypted", advice="Write https://.")
        super().__init__(name, key=options.key, sleep=sleep)
        self._url = options.base_url.rstrip("/") + "/chat/completions"
        self._model = options.model
        self._options = options

    def draft(self, assignment: DraftAssignment) -> Draft:
        """See :class:`bot.ports.Drafter`. It is given no files: its answer holds those it would write."""
        prompt = Prompt(assignment.text, assignment.schema, "")
        return draft_of(self._name, retried(lambda: self._attempt(prompt), self._sleep), self._secrets)

    def _attempt(self, prompt: Prompt) -> AssistantRun:
        started = time.monotonic()
        answer = asyncio.run(self._within_deadline(prompt))
        return AssistantRun(answer, round((time.monotonic() - started) * 1000))

    async def _within_deadline(self, prompt: Prompt) -> Answer:
        seconds = self._options.deadline_seconds
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(prompt)
        except (TimeoutError, httpx.TimeoutException):
            return FailedRun(ReplyStatus.TIMEOUT, f"no answer within {seconds:g} s", again=True)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            return FailedRun(ReplyStatus.CRASH, f"could not be reached: {exc or type(exc).__name__}", again=True)

    async def _exchange(self, prompt: Prompt) -> Answer:
        async with (
            httpx.AsyncClient(
                verify=web_authorities(),
                timeout=None,  # noqa: S113 - the deadline above holds for the whole exchange
                follow_redirects=False,
                trust_env=False,
            ) as client,
            client.stream("POST", self._url, headers=self._headers(), content=self._body(prompt)) as response,
        ):
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self._options.output_cap:
                    return FailedRun(ReplyStatus.TOO_LARGE, f"more than {self._options.output_cap} bytes of answer")
        if response.status_code != 200:
            return _refused(response.status_code, bytes(body), response.headers.get("retry-after"))
        return _answer(bytes(body))

    def _headers(self) -> Mapping[str, str]:
        plain = {"content-type": "application/json", "accept": "application/json"}
        return plain if self._options.key is None else {**plain, "authorization": f"Bearer {self._options.key}"}

    def _body(self, prompt: Prompt) -> bytes:
        schema = {"name": "reply", "strict": True, "schema": json.loads(prompt.schema)}
        return json.dumps(
            {
                "model": self._model,
                "messages": [{"role": "user", "content": prompt.text}],
                "response_format": {"type": "json_schema", "json_schema": schema},
            }
        ).encode()


def _answer(body: bytes) -> Answer:
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError:
        return bad_output("the endpoint answered something that is no chat completion")
    choice = completion.choices[0]
    tokens = completion.usage or _Tokens()
    if choice.finish_reason not in {"stop", None}:
        return bad_output(f"the answer was not finished: {choice.finish_reason}")
    if choice.message.refusal:
        return bad_output("the model refused to answer")
    return RawReply(choice.message.content or "", Usage(tokens.prompt_tokens, tokens.completion_tokens))


def _refused(status: int, body: bytes, retry_after: str | None) -> FailedRun:
    try:
        problem = _Problems.model_validate_json(body).error
        message = f"{problem.message} ({problem.code})" if problem.code else problem.message
    except ValidationError:
        message = body[:200].decode("utf-8", "replace")
    return by_status(status, message, wait_seconds=_seconds(retry_after))


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds (RFC 9110, section 10.2.3); a date is not worth a clock here and means "some time"."""
    if retry_after is None or not retry_after.strip().isdecimal():
        return None
    return float(retry_after)
