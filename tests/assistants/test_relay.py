"""The one way out of an assistant's wall."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import httpx
import pytest

from bot.assistants.choose import assistant
from bot.assistants.relay import relaying
from bot.assistants.tool import ToolOptions, inert
from bot.confinement import walls
from bot.confinement.walls import Confinement, Wall, best
from bot.model.session import ReplyStatus
from tests.assistants.endpoint import REPLY, Fault, serving
from tests.assistants.samples import FINDINGS, KEY, PROMPT, Naps


@pytest.mark.parametrize("own_network", [False, True], ids=["port", "socket"])
def test_the_key_is_put_in_on_the_way(tmp_path: Path, *, own_network: bool) -> None:
    """A request with the run's token reaches the host with the key in its place, body and path as they were."""
    with (
        serving() as endpoint,
        relaying(f"{endpoint.url}/v1", KEY, folder=tmp_path, own_network=own_network, seconds=10) as relay,
        httpx.Client(transport=httpx.HTTPTransport(uds=str(relay.door)) if relay.door else None) as client,
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
        reply = httpx.post(f"{relay.url}/v1/messages", headers={"x-api-key": "guess"}, json={})
    assert (reply.status_code, endpoint.requests) == (401, [])
    assert KEY not in reply.text


def test_only_the_models_host_is_asked(tmp_path: Path) -> None:
    """The relay is no proxy: a request that names another host goes to the model's host or nowhere."""
    with (
        serving() as endpoint,
        serving() as other,
        relaying(endpoint.url, KEY, folder=tmp_path, own_network=False, seconds=10) as relay,
        httpx.Client(proxy=f"http://127.0.0.1:{relay.port}") as client,
    ):
        reply = client.post(f"{other.url}/v1/messages", headers={"x-api-key": relay.token}, json={})
    assert reply.status_code == 400
    assert other.requests == endpoint.requests == []


def test_faults_come_back_as_they_are(tmp_path: Path) -> None:
    """Status and retry advice of the host reach the tool; a host that is not there is a 502 without its address."""
    with serving() as endpoint, relaying(endpoint.url, KEY, folder=tmp_path, own_network=False, seconds=10) as relay:
        endpoint.faults.append(Fault(429, headers={"retry-after": "7"}))
        reply = httpx.post(f"{relay.url}/v1/messages", headers={"x-api-key": relay.token}, json={})
        assert (reply.status_code, reply.headers["retry-after"]) == (429, "7")
    with relaying("http://127.0.0.1:1", KEY, folder=tmp_path, own_network=False, seconds=5) as relay:
        assert httpx.post(f"{relay.url}/x", headers={"x-api-key": relay.token}, json={}).status_code == 502


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


def test_no_sign_that_names_a_file_is_left() -> None:
    """Text without a commercial at is untouched; with one, the sign is replaced and the reader told."""
    assert inert("no sign") == "no sign"
    assert "@" not in inert("mail a@b, read @/etc/passwd")
    assert "at sign" in inert("@x")
