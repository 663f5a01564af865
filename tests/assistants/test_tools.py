"""Command-line assistants told apart by what their programs print: small real programs that print what was measured."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.assistants.choose import TOOLS, assistant, choose
from bot.assistants.tool import ToolOptions
from bot.confinement.walls import Confinement
from bot.errors import Invalid, Refused
from bot.model.choices import AI_PROGRAMS
from bot.model.session import Reply, ReplyStatus
from tests.assistants.endpoint import REPLY
from tests.assistants.samples import FINDINGS, KEY, PROMPT, Naps

WORDS = json.dumps(REPLY)
Run = Callable[..., Reply]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs assistant ``kind`` with a program that prints ``out`` and ``err`` and exits with ``code``."""

    def asked(
        kind: str, out: str = "", err: str = "", code: int = 0, *, naps: Naps | None = None, extra: str = ""
    ) -> Reply:
        program = tmp_path / kind
        program.write_text(
            f"#!{sys.executable} -I\nimport sys\nsys.stdin.buffer.read()\n{extra}\n"
            f"sys.stdout.write({out!r}); sys.stdout.flush(); sys.stderr.write({err!r}); sys.exit({code})\n"
        )
        program.chmod(0o755)
        path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        options = ToolOptions(path=path, key=KEY, deadline_seconds=30, confinement=Confinement.NONE)
        command = [kind] if kind == "command" else []
        return assistant(kind, options, command=command, key_variable="ANY_KEY", sleep=naps or Naps()).run(PROMPT)

    return asked


def claude(**fields: object) -> str:
    plain = {"type": "result", "subtype": "success", "is_error": False, "result": WORDS, "total_cost_usd": 0.01}
    return json.dumps(
        {**plain, "usage": {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 3}, **fields}
    )


def lines(*events: dict[str, object]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


CODEX_SAID: dict[str, object] = {"type": "item.completed", "item": {"type": "agent_message", "text": WORDS}}
CODEX_DONE: dict[str, object] = {"type": "turn.completed", "usage": {"input_tokens": 7, "output_tokens": 3}}


def codex_failed(message: str) -> str:
    return lines({"type": "turn.started"}, {"type": "turn.failed", "error": {"message": message}})


def copilot_failed(kind: str, status: int | None, message: str) -> str:
    data = {"errorType": kind, "message": message, "statusCode": status}
    return lines({"type": "session.error", "data": data}, {"type": "result", "exitCode": 1})


def gemini_failed(code: int | str, message: str) -> str:
    error = {"type": "Error", "message": message, "code": code}
    return "Warning: no colours\nAttempt 1 failed {\n  status: 1\n}\n" + json.dumps(
        {"session_id": "s", "error": error}, indent=2
    )


@pytest.mark.parametrize(
    ("kind", "out", "err"),
    [
        ("command", WORDS, "a warning"),
        ("claude", claude(), ""),
        ("claude", claude(result="see the object", structured_output=REPLY), ""),
        ("codex", lines({"type": "thread.started"}, CODEX_SAID, CODEX_DONE), "ERROR failed to connect to WebSocket"),
        ("codex", "not json\n" + lines(CODEX_SAID, {"type": "error", "message": "Reconnecting 1/5"}, CODEX_DONE), ""),
        ("gemini", json.dumps({"response": WORDS, "stats": {}}, indent=2), "Warning: 256-color support not detected."),
        ("gemini", json.dumps({"response": f"```json\n{WORDS}\n```"}), ""),
        (
            "copilot",
            lines({"type": "assistant.message", "data": {"content": WORDS}}, {"type": "result", "exitCode": 0}),
            "",
        ),
    ],
)
def test_success(run: Run, kind: str, out: str, err: str) -> None:
    """Exit 0, a clear error flag and fitting JSON are a success, whatever stderr says."""
    reply = run(kind, out, err)
    assert (reply.status, reply.findings, reply.exit_code) == (ReplyStatus.OK, FINDINGS, 0)


@pytest.mark.parametrize(
    ("kind", "out", "err", "code", "status", "runs"),
    [
        ("claude", claude(is_error=True, result="Invalid API key", api_error_status=401), "", 1, "auth", 1),
        ("claude", claude(is_error=True, result="Invalid API key · Fix external API key"), "", 1, "auth", 1),
        (
            "claude",
            claude(is_error=True, result="API Error: 429 rate_limit_error", api_error_status=429),
            "",
            1,
            "rate_limit",
            2,
        ),
        ("claude", claude(is_error=True, result="Overloaded", api_error_status=529), "", 1, "rate_limit", 2),
        ("claude", claude(is_error=True, result="Prompt is too long"), "", 1, "too_large", 1),
        ("claude", claude(is_error=True), "", 0, "crash", 1),
        ("claude", claude(subtype="error_max_structured_output_retries", is_error=True), "", 1, "bad_output", 1),
        ("claude", claude(result="I would rather talk"), "", 0, "bad_output", 1),
        ("claude", "", "", 0, "bad_output", 1),
        ("claude", "", "segfault", 139, "crash", 1),
        ("codex", codex_failed("unexpected status 401 Unauthorized: no"), "", 1, "auth", 1),
        ("codex", codex_failed("exceeded retry limit, last status: 429 Too Many Requests"), "", 1, "rate_limit", 2),
        ("codex", codex_failed("We’re currently experiencing high demand"), "", 1, "crash", 2),
        ("codex", codex_failed("stream error"), "", 0, "crash", 1),
        ("codex", lines(CODEX_DONE), "", 0, "bad_output", 1),
        ("codex", "", "error: unexpected argument", 2, "crash", 1),
        ("gemini", "", gemini_failed(401, "API key not valid"), 145, "auth", 1),
        ("gemini", "", gemini_failed(41, "Invalid auth method selected."), 41, "auth", 1),
        ("gemini", "", gemini_failed(429, "RESOURCE_EXHAUSTED"), 173, "rate_limit", 2),
        ("gemini", "", gemini_failed(503, "busy"), 247, "crash", 2),
        ("gemini", "", gemini_failed("E1", "the request deadline exceeded"), 1, "timeout", 2),
        ("gemini", json.dumps({"stats": {}}), "", 0, "bad_output", 1),
        ("gemini", "plain words", "", 0, "bad_output", 1),
        ("copilot", copilot_failed("authentication", 401, "no"), "", 1, "auth", 1),
        ("copilot", copilot_failed("quota", 429, "premium requests used up"), "", 1, "rate_limit", 2),
        ("copilot", copilot_failed("query", None, "the model's context window is full"), "", 1, "too_large", 1),
        ("copilot", lines({"type": "result", "exitCode": 1}), "", 0, "crash", 1),
        ("copilot", lines({"type": "assistant.message", "data": {"content": WORDS}}), "", 0, "bad_output", 1),
        ("command", WORDS, "", 3, "crash", 1),
        ("command", "fine!", "", 0, "bad_output", 1),
        ("command", "", "error: 503 service unavailable", 1, "crash", 2),
    ],
)
def test_failure(run: Run, tmp_path: Path, *, kind: str, out: str, err: str, code: int, status: str, runs: int) -> None:
    """Every way a tool was seen to fail has its status, and only what may pass is run a second time."""
    counter = tmp_path / "runs"
    reply = run(kind, out, err, code, extra=f"open({str(counter)!r}, 'a').write('x')")
    assert (reply.status, reply.findings, reply.exit_code) == (ReplyStatus(status), (), code)
    assert len(counter.read_text()) == runs
    assert reply.message


def test_cost_and_tokens_are_kept(run: Run) -> None:
    """What a run cost is in the reply, where the tool tells it."""
    reply = run("claude", claude())
    assert (reply.input_tokens, reply.output_tokens, reply.cost_usd) == (7, 3, 0.01)
    reply = run("codex", lines(CODEX_SAID, CODEX_DONE))
    assert (reply.input_tokens, reply.output_tokens, reply.cost_usd) == (7, 3, None)


def test_stderr_is_kept_short_and_without_secrets(run: Run) -> None:
    """The tail of stderr is kept; the key and whatever looks like a credential is not in it."""
    token = "ghp_" + "a8Kq2Zr7" * 4 + "x9Y1"
    reply = run("command", "", f"{'noise ' * 5000}using {KEY} and {token}\nlast words", 1)
    assert reply.stderr_tail.endswith("last words")
    assert len(reply.stderr_tail) <= 2000
    assert KEY not in repr(reply)
    assert token not in repr(reply)


def test_every_program_that_settings_may_name_is_one_that_is_known() -> None:
    """And the other way round."""
    assert sorted(TOOLS) == sorted(AI_PROGRAMS)


@pytest.mark.parametrize(
    ("kind", "variable"),
    [
        ("claude", "ANTHROPIC_API_KEY"),
        ("codex", "CODEX_API_KEY"),
        ("gemini", "GEMINI_API_KEY"),
        ("copilot", "COPILOT_GITHUB_TOKEN"),
        ("command", "ANY_KEY"),
    ],
)
def test_a_tool_gets_its_one_key(run: Run, monkeypatch: pytest.MonkeyPatch, kind: str, variable: str) -> None:
    """The key is in the one variable the tool reads, and no token of ours is anywhere."""
    monkeypatch.setenv("GITHUB_TOKEN", "the-write-token")
    extra = (
        f"import os; assert os.environ[{variable!r}] == {KEY!r};"
        "assert 'GITHUB_TOKEN' not in os.environ; assert 'the-write-token' not in str(os.environ)"
    )
    assert "Assertion" not in run(kind, extra=extra).stderr_tail


def test_a_tool_that_is_not_installed_is_a_crash(tmp_path: Path) -> None:
    """A missing program is told in the reply."""
    options = ToolOptions(path=str(tmp_path), confinement=Confinement.BEST)
    reply = assistant("claude", options, sleep=Naps()).run(PROMPT)
    assert reply.status is ReplyStatus.CRASH
    assert "claude" in reply.message


def test_the_write_token_is_never_handed_over() -> None:
    """An assistant whose key is a token that we write with is refused, under whatever name."""
    for variable in ("CLOCKWORK_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"):
        with pytest.raises(Refused, match="key of its own"):
            choose("copilot", environment={variable: "t0ken", "COPILOT_GITHUB_TOKEN": "t0ken"})
        with pytest.raises(Refused, match="key of its own"):
            choose("openai", environment={variable: "t0ken"}, key_variable=variable, base_url="https://x/v1", model="m")


@pytest.mark.parametrize("kind", ["claude", "codex", "gemini", "copilot"])
def test_a_missing_key_disables(kind: str) -> None:
    """Where the key is withheld the assistant is disabled and its reply names the variable, not an error."""
    reply = choose(kind, environment={}, name="mine").run(PROMPT)
    assert (reply.assistant, reply.status) == ("mine", ReplyStatus.DISABLED)
    assert "is not set" in reply.message
    assert choose(kind, environment={"OTHER": KEY}, key_variable="OTHER").name == kind


def test_settings_make_an_assistant(run: Run, tmp_path: Path) -> None:
    """The command of the settings runs with PATH and key of the environment."""
    run("command", WORDS)
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "K": KEY}
    reply = choose(
        "command",
        environment=environment,
        command=["command"],
        key_variable="K",
        name="house",
        confinement=Confinement.BEST,
    ).run(PROMPT)
    assert (reply.assistant, reply.status, reply.findings) == ("house", ReplyStatus.OK, FINDINGS)


@pytest.mark.parametrize(("kind", "command"), [("clippy", []), ("command", [])])
def test_settings_that_name_no_assistant(kind: str, command: list[str]) -> None:
    """An unknown kind, and a command without a program, are Invalid."""
    with pytest.raises(Invalid):
        assistant(kind, ToolOptions(), command=command)


def test_keys_are_in_no_repr() -> None:
    """Options can be printed."""
    assert KEY not in repr(ToolOptions(key=KEY))
