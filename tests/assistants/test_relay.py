"""The one way out of an assistant's wall."""

from __future__ import annotations

import gzip
import json
import os
import socket
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from bot.assistants.choose import assistant
from bot.assistants.claude import Claude
from bot.assistants.relay import relaying
from bot.assistants.tool import ToolOptions, escaped_mentions
from bot.confinement import walls
from bot.confinement.walls import Confinement, Wall, best
from bot.model.session import ReplyStatus
from tests.assistants.endpoint import REPLY, Fault, serving
from tests.assistants.samples import FINDINGS, KEY, PROMPT, Naps
from tests.web import WEB, new_client, over_socket


@pytest.mark.parametrize("own_network", [False, True], ids=["port", "socket"])
def test_the_key_is_put_in_on_the_way(tmp_path: Path, *, own_network: bool) -> None:
    """A request with the run's token reaches the host with the key in its place, body and path as they were."""
    with (
        serving() as endpoint,
        relaying(f"{endpoint.url}/v1", KEY, folder=tmp_path, own_network=own_network, seconds=10) as relay,
        new_client(transport=over_socket(relay.door) if relay.door else None) as client,
    ):
        headers = {"authorization": f"Bearer {relay.token}"}
        reply = client.post(f"{relay.url}/chat/completions", headers=headers, json={"messages": [1]})
    assert reply.json()["choices"][0]["message"]["content"] == json.dumps(REPLY)
    ((path, seen, body),) = endpoint.requests
    assert (path, seen["authorization"], body) == ("/v1/chat/completions", f"Bearer {KEY}", {"messages": [1]})
    assert relay.token not in str(seen)


def test_nobody_else_can_spend_the_key(tmp_path: Path) -> None:
    """Without the run's token nothing is passed on, and the answer shows no key."""
    with serving() as endpoint, relaying(endpoint.url, KEY, folder=tmp_path, own_network=False, seconds=10) as relay:
        reply = WEB.post(f"{relay.url}/v1/messages", headers={"x-api-key": "guess"}, json={})
    assert (reply.status_code, endpoint.requests) == (401, [])
    assert KEY not in reply.text


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/v1/messages?key={key}", ["x-api-key: {token}"], 200),
        ("/v1/messages?key={token}", [], 200),
        ("/v1/messages", ["x-api-key: other-account", "authorization: Bearer {token}", "cookie: a=b"], 200),
        ("/v1/messages", ["x-api-key: other-account", "anthropic-beta: {token}"], 401),
        ("/v1/messages", ["cookie: session=other-account; b={token}"], 401),
        ("/v1/messages", ["x-api-key: {token}", "authorization: Bearer other-account {token}"], 200),
        ("/v1/messages?key=other-account&x={token}", [], 401),
        ("/v1/messages", ["idempotency-key: {token}"], 401),
        ("/v1/files", ["x-api-key: {token}"], 403),
        ("/v1/messages/batches", ["x-api-key: {token}"], 403),
    ],
)
def test_the_account_is_the_bots_and_the_key_stays_outside(
    tmp_path: Path, path: str, fields: list[str], status: int
) -> None:
    """No other account's credential goes on, and the key stands where credentials do and nowhere that a host would quote."""
    asks = Claude.asks
    with (
        serving() as endpoint,
        relaying(endpoint.url, KEY, folder=tmp_path, own_network=False, seconds=10, asks=asks) as relay,
    ):
        values = {"token": relay.token, "key": "other-account"}
        lines = [field.format(**values) for field in ("anthropic-beta: {token}", "accept-encoding: gzip", *fields)]
        reply = sent(relay.port, f"POST {path.format(**values)} HTTP/1.1", *lines, "content-length: 2", body=b"{}")
    assert int(reply.split()[1]) == status
    for asked, headers, _ in endpoint.requests:
        assert "other-account" not in f"{asked} {headers}"
        assert KEY in f"{asked} {headers}"
        assert headers["anthropic-beta"] != KEY
        assert "cookie" not in headers
    assert len(endpoint.requests) == (status == 200)


@pytest.mark.parametrize("packed", [False, True])
def test_a_reply_that_quotes_the_key_does_not_show_it(tmp_path: Path, *, packed: bool) -> None:
    """Neither in a header nor in a body, in however many parts it comes; as long as it was."""
    body = f'{{"error": "no such key: {KEY}", "begins": "{KEY[:4]}"}}'.encode()
    with socket.create_server(("127.0.0.1", 0)) as host:

        def answer() -> None:
            connection, _ = host.accept()
            with connection:
                connection.recv(65536)
                data = gzip.compress(body) if packed else body
                encoding = b"content-encoding: gzip\r\n" if packed else b""
                head = b"HTTP/1.1 400 x\r\nx-said: %s\r\n%scontent-length: %d\r\n\r\n" % (
                    KEY.encode(),
                    encoding,
                    len(data),
                )
                for at in range(0, len(head + data), 7):
                    connection.sendall((head + data)[at : at + 7])

        thread = threading.Thread(target=answer)
        thread.start()
        base_url = f"http://127.0.0.1:{host.getsockname()[1]}"
        with relaying(base_url, KEY, folder=tmp_path, own_network=False, seconds=10) as relay:
            reply = sent(relay.port, "POST /x HTTP/1.1", f"x-api-key: {relay.token}", "content-length: 0")
        thread.join()
    assert KEY.encode() not in reply
    assert reply.partition(b"\r\n\r\n")[2] == body.replace(KEY.encode(), b"*" * len(KEY))


def test_only_the_models_host_is_asked(tmp_path: Path) -> None:
    """The relay is no proxy: a request that names another host goes to the model's host or nowhere."""
    with (
        serving() as endpoint,
        serving() as other,
        relaying(endpoint.url, KEY, folder=tmp_path, own_network=False, seconds=10) as relay,
        new_client(proxy=f"http://127.0.0.1:{relay.port}") as client,
    ):
        reply = client.post(f"{other.url}/v1/messages", headers={"x-api-key": relay.token}, json={})
    assert reply.status_code == 400
    assert other.requests == endpoint.requests == []


def test_faults_come_back_as_they_are(tmp_path: Path) -> None:
    """Status and retry advice of the host reach the tool; a host that is not there is a 502 without its address."""
    with serving() as endpoint, relaying(endpoint.url, KEY, folder=tmp_path, own_network=False, seconds=10) as relay:
        endpoint.faults.append(Fault(429, headers={"retry-after": "7"}))
        reply = WEB.post(f"{relay.url}/v1/messages", headers={"x-api-key": relay.token}, json={})
        assert (reply.status_code, reply.headers["retry-after"]) == (429, "7")
    with relaying("http://127.0.0.1:1", KEY, folder=tmp_path, own_network=False, seconds=5) as relay:
        assert WEB.post(f"{relay.url}/x", headers={"x-api-key": relay.token}, json={}).status_code == 502


@pytest.mark.parametrize(
    "path", ["/other", "/v1/../admin", "/v1/%2e%2e/admin", "/v1/..%2Fadmin", "/v1\\..\\admin", "/v1x/chat"]
)
def test_only_what_lies_below_the_base_url_is_asked(tmp_path: Path, path: str) -> None:
    """The key is not spent on another part of the host, however its path is spelled."""
    with (
        serving() as endpoint,
        relaying(f"{endpoint.url}/v1", KEY, folder=tmp_path, own_network=False, seconds=10) as relay,
    ):
        reply = sent(relay.port, f"POST {path} HTTP/1.1", f"x-api-key: {relay.token}", "content-length: 0")
        assert b" 403 " in reply.partition(b"\r\n")[0]
    assert endpoint.requests == []


@pytest.mark.parametrize("length", ["content-length: -1", "content-length: 1_0", "content-length: 99999999999"])
def test_lengths_that_are_none_are_refused(tmp_path: Path, length: str) -> None:
    """No length makes the relay read without end; neither does a chunk's."""
    with serving() as endpoint, relaying(endpoint.url, KEY, folder=tmp_path, own_network=False, seconds=10) as relay:
        token = f"x-api-key: {relay.token}"
        assert sent(relay.port, "POST /v1/messages HTTP/1.1", token, length).split()[1] in {b"400", b"413"}
        chunked = sent(relay.port, "POST /v1/messages HTTP/1.1", token, "transfer-encoding: chunked", body=b"-5\r\n")
        assert chunked.split()[1] == b"400"
    assert endpoint.requests == []


def test_a_model_without_a_key_needs_no_token(tmp_path: Path) -> None:
    """A model on one's own machine that takes no key is asked as it is."""
    with (
        serving() as endpoint,
        relaying(f"{endpoint.url}/v1", None, folder=tmp_path, own_network=False, seconds=10) as relay,
    ):
        assert WEB.post(f"{relay.url}/chat/completions", json={}).status_code == 200
    assert len(endpoint.requests) == 1


def test_a_reply_that_is_cut_is_seen_to_be_cut(tmp_path: Path) -> None:
    """What the host promised and did not send is no whole reply, and no second one follows it."""
    with socket.create_server(("127.0.0.1", 0)) as host:
        base_url = f"http://127.0.0.1:{host.getsockname()[1]}"

        def answer() -> None:
            connection, _ = host.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")

        thread = threading.Thread(target=answer)
        thread.start()
        with relaying(base_url, KEY, folder=tmp_path, own_network=False, seconds=10) as relay:
            reply = sent(relay.port, "POST /x HTTP/1.1", f"x-api-key: {relay.token}", "content-length: 0")
        thread.join()
    head, _, body = reply.partition(b"\r\n\r\n")
    assert b"content-length: 100" in head.lower()
    assert body == b"half"


def sent(port: int, first: str, *fields: str, body: bytes = b"") -> bytes:
    """All that comes back for a request that is written by hand."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall("\r\n".join([first, "host: x", *fields, "", ""]).encode() + body)
        parts = []
        while data := connection.recv(65536):
            parts.append(data)
        return b"".join(parts)


SOURCE = f"""#!{sys.executable}
import json, os, sys, urllib.request
asked = urllib.request.Request(os.environ["CLOCKWORK_BASE_URL"] + "/chat/completions", b"{{}}")
asked.add_header("Authorization", "Bearer " + os.environ["HOUSE_KEY"])
print(json.load(urllib.request.urlopen(asked))["choices"][0]["message"]["content"])
print(os.environ["HOUSE_KEY"], file=sys.stderr)
"""


@pytest.mark.skipif(best() is Wall.NONE, reason="no wall stands on this machine")
def test_a_house_tool_asks_its_model_through_the_relay(tmp_path: Path) -> None:
    """A command with a base URL finds the relay in its environment and never has the key."""
    program = tmp_path / "review"
    program.write_text(SOURCE)
    program.chmod(0o755)
    with serving() as endpoint:
        options = ToolOptions(path=os.environ["PATH"], key=KEY, base_url=f"{endpoint.url}/v1", deadline_seconds=30)
        reply = assistant("command", options, command=[str(program)], key_variable="HOUSE_KEY", sleep=Naps()).run(
            PROMPT
        )
    assert (reply.status, reply.findings) == (ReplyStatus.OK, FINDINGS), reply.stderr_tail
    assert endpoint.requests[0][1]["authorization"] == f"Bearer {KEY}"
    assert KEY not in reply.stderr_tail


@pytest.mark.parametrize(
    ("confinement", "status"),
    [("required", ReplyStatus.DISABLED), ("best", ReplyStatus.OK), ("none", ReplyStatus.OK)],
)
def test_without_a_wall_settings_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, confinement: str, status: ReplyStatus
) -> None:
    """On a machine that can build no wall an assistant runs only where settings allow it, and the reply says so."""
    monkeypatch.setattr(walls, "available", lambda: ())
    program = tmp_path / "review"
    program.write_text(f"#!{sys.executable}\nprint({json.dumps(REPLY)!r})\n")
    program.chmod(0o755)
    options = ToolOptions(path=os.environ["PATH"], confinement=Confinement(confinement), deadline_seconds=30)
    reply = assistant("command", options, command=[str(program)], sleep=Naps()).run(PROMPT)
    assert reply.status is status
    assert ("unconfined" in reply.message) is (status is ReplyStatus.DISABLED)


@pytest.mark.skipif(best() is Wall.NONE, reason="no wall stands on this machine")
def test_a_tool_that_asks_by_itself_is_refused() -> None:
    """Copilot's own login cannot be relayed: without a provider of its own it is told what to set."""
    reply = assistant("copilot", ToolOptions(path=os.environ["PATH"], key=KEY), sleep=Naps()).run(PROMPT)
    assert reply.status is ReplyStatus.DISABLED
    assert "base_url" in reply.message


def test_files_are_named_as_they_are_called(tmp_path: Path) -> None:
    """A finding about ``@types/node`` names it so, although the tool read another sign."""
    finding = {"rule": "r", "file": "\uff20types/node.ts", "line": 1, "severity": "low", "message": "m"}
    program = tmp_path / "claude"
    printed = {"type": "result", "subtype": "success", "is_error": False, "result": json.dumps({"findings": [finding]})}
    program.write_text(
        f"#!{sys.executable}\nimport sys\nassert '@' not in sys.stdin.read()\nprint({json.dumps(printed)!r})\n"
    )
    program.chmod(0o755)
    options = ToolOptions(path=f"{tmp_path}{os.pathsep}{os.environ['PATH']}", key=KEY, confinement=Confinement.NONE)
    reply = assistant("claude", options, sleep=Naps()).run(replace(PROMPT, text="@types/node.ts"))
    assert [each.file for each in reply.findings] == ["@types/node.ts"], reply.message


@pytest.mark.parametrize("confinement", [Confinement.BEST, Confinement.NONE])
def test_a_command_is_found_from_where_clockwork_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, confinement: Confinement
) -> None:
    """``./review`` is a program of the working directory, although the tool starts in an empty one."""
    program = tmp_path / "review"
    program.write_text(f"#!{sys.executable}\nprint({json.dumps(REPLY)!r})\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    options = ToolOptions(path=os.environ["PATH"], confinement=confinement)
    assert assistant("command", options, command=["./review"], sleep=Naps()).run(PROMPT).status is ReplyStatus.OK


def test_what_is_to_be_readable_must_be_there(tmp_path: Path) -> None:
    """A misspelled path is told, and not left out."""
    options = ToolOptions(readable=(str(tmp_path / "rulez"),), confinement=Confinement.BEST)
    reply = assistant("command", options, command=["true"], sleep=Naps()).run(PROMPT)
    assert (reply.status, "rulez" in reply.message) == (ReplyStatus.DISABLED, True)


def test_no_sign_that_names_a_file_is_left() -> None:
    """Text without a commercial at is untouched; with one, the sign is replaced and the reader told."""
    assert escaped_mentions("no sign") == "no sign"
    assert "@" not in escaped_mentions("mail a@b, read @/etc/passwd")
    assert "at sign" in escaped_mentions("@x")
