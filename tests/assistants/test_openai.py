"""The chat-completions adapter against a real server on loopback."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator

import pytest

from bot.assistants.openai import OpenAIAssistant
from bot.assistants.tool import ToolOptions
from bot.errors import Invalid
from bot.model.session import Reply, ReplyStatus
from tests.assistants.endpoint import Endpoint, Fault, serving
from tests.assistants.samples import FINDINGS, KEY, PROMPT, Naps


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving() as served:
        yield served


@pytest.fixture
def naps() -> Naps:
    return Naps()


def ask(endpoint: Endpoint, naps: Naps, *, deadline: float = 20, cap: int = 1 << 20) -> Reply:
    options = ToolOptions(
        key=KEY, base_url=f"{endpoint.url}/v1", model="small", deadline_seconds=deadline, output_cap=cap
    )
    return OpenAIAssistant(options, sleep=naps).run(PROMPT)


def test_findings_come_back(endpoint: Endpoint, naps: Naps) -> None:
    """The model's JSON becomes findings, with its tokens; the request carries model, prompt, schema and key."""
    reply = ask(endpoint, naps)
    assert (reply.status, reply.findings) == (ReplyStatus.OK, FINDINGS)
    assert (reply.input_tokens, reply.output_tokens) == (100, 20)
    path, headers, body = endpoint.requests[0]
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert body["messages"][0]["content"] == PROMPT.text
    assert body["response_format"]["json_schema"]["schema"] == json.loads(PROMPT.schema)


@pytest.mark.parametrize(
    ("code", "error", "status", "asked"),
    [
        (401, {"message": "Incorrect API key provided", "code": "invalid_api_key"}, ReplyStatus.AUTH, 1),
        (403, {"message": "no"}, ReplyStatus.AUTH, 1),
        (413, {"message": "too big"}, ReplyStatus.TOO_LARGE, 1),
        (400, {"message": "long", "code": "context_length_exceeded"}, ReplyStatus.TOO_LARGE, 1),
        (400, {"message": "no such parameter"}, ReplyStatus.CRASH, 1),
        (404, {"message": "no such model"}, ReplyStatus.CRASH, 1),
        (302, {}, ReplyStatus.CRASH, 1),
        (429, {"message": "slow down"}, ReplyStatus.RATE_LIMIT, 2),
        (500, {"message": "oops"}, ReplyStatus.CRASH, 2),
        (503, {"message": "busy"}, ReplyStatus.CRASH, 2),
        (504, {"message": "late"}, ReplyStatus.TIMEOUT, 2),
    ],
)
def test_every_failure_has_its_name(
    endpoint: Endpoint, naps: Naps, *, code: int, error: dict[str, str], status: ReplyStatus, asked: int
) -> None:
    """HTTP errors map to the contract's statuses, and only those that may pass are tried a second time."""
    endpoint.faults.append(Fault(code, body={"error": error}, headers={"location": f"{endpoint.url}/elsewhere"}))
    reply = ask(endpoint, naps)
    assert reply.status is status
    assert len(endpoint.requests) == asked
    assert KEY not in repr(reply)


def test_a_second_try_may_succeed(endpoint: Endpoint, naps: Naps) -> None:
    """After one 429 the adapter waits as long as it was told and asks once more."""
    endpoint.faults.append(Fault(429, times=1, headers={"retry-after": "7"}))
    assert ask(endpoint, naps).status is ReplyStatus.OK
    assert naps.seconds == [7.0]


def test_a_long_wait_is_not_waited_for(endpoint: Endpoint, naps: Naps) -> None:
    """An hour of Retry-After is the next run's business."""
    endpoint.faults.append(Fault(429, headers={"retry-after": "3600"}))
    assert ask(endpoint, naps).status is ReplyStatus.RATE_LIMIT
    assert naps.seconds == []
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    ("text", "finish"),
    [
        ('{"findings": [', "length"),
        ('{"findings": []}', "content_filter"),
        ("I think it is fine.", "stop"),
        ("", "stop"),
        ('{"findings": [{"rule": "x"}]}', "stop"),
        ('{"findings": "none"}', "stop"),
    ],
)
def test_an_answer_that_is_none_is_bad_output(endpoint: Endpoint, naps: Naps, text: str, finish: str) -> None:
    """Cut, filtered, wordy, empty and ill-fitting answers are bad output and are not asked for again."""
    endpoint.text, endpoint.finish = text, finish
    assert ask(endpoint, naps).status is ReplyStatus.BAD_OUTPUT
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("raw", [b"", b"<html>gateway</html>", b'{"choices": []}', b"\xff\xfe"])
def test_what_is_no_completion_is_bad_output(endpoint: Endpoint, naps: Naps, raw: bytes) -> None:
    """A 200 with anything else in it is bad output."""
    endpoint.raw = raw
    assert ask(endpoint, naps).status is ReplyStatus.BAD_OUTPUT


def test_an_endless_answer_is_cut_off(endpoint: Endpoint, naps: Naps) -> None:
    """An answer over the cap is too large."""
    endpoint.raw = b"x" * 200_000
    assert ask(endpoint, naps, cap=100_000).status is ReplyStatus.TOO_LARGE


def test_silence_is_a_timeout(endpoint: Endpoint, naps: Naps) -> None:
    """A server that never answers is given up at the deadline, twice."""
    endpoint.hang = threading.Event()
    reply = ask(endpoint, naps, deadline=0.3)
    assert reply.status is ReplyStatus.TIMEOUT
    assert len(naps.seconds) == 1


def test_nobody_there_is_a_crash(naps: Naps) -> None:
    """A refused connection is told as such."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        options = ToolOptions(key=KEY, base_url=f"http://127.0.0.1:{taken.getsockname()[1]}/v1", model="m")
        reply = OpenAIAssistant(options, sleep=naps).run(PROMPT)
    assert reply.status is ReplyStatus.CRASH
    assert "reached" in reply.message


def test_the_key_is_taken_out_of_what_the_model_says(endpoint: Endpoint, naps: Naps) -> None:
    """A reply that repeats the key loses it, in findings and in errors."""
    finding = {"rule": "r", "file": "a", "line": None, "severity": "LOW", "message": f"your key is {KEY}"}
    endpoint.text = json.dumps({"findings": [finding]})
    assert KEY not in repr(ask(endpoint, naps))
    endpoint.faults.append(Fault(500, body={"error": {"message": f"bad key {KEY}"}}))
    assert KEY not in repr(ask(endpoint, naps))


@pytest.mark.parametrize(
    ("base_url", "model"),
    [(None, "m"), ("https://x/v1", None), ("ftp://x/v1", "m"), ("no url", "m"), ("http://models.example/v1", "m")],
)
def test_settings_that_make_no_assistant_are_refused(base_url: str | None, model: str | None) -> None:
    """A missing or unusable base URL, a missing model, and a key in clear text over the network are Invalid."""
    with pytest.raises(Invalid):
        OpenAIAssistant(ToolOptions(key=KEY, base_url=base_url, model=model))
