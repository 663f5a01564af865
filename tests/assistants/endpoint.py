"""A stand-in for the model endpoints: real HTTP on loopback, four vendors' wire formats, failures on request."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]
REPLY: Json = {
    "findings": [
        {
            "rule": "no-tls-off",
            "file": "app/client.py",
            "line": 12,
            "severity": "high",
            "message": "TLS is switched off",
        }
    ]
}


@dataclass
class Fault:
    """Answer ``status`` with ``body`` to the next ``times`` requests."""

    status: int
    times: int = 10**6
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json = field(default_factory=dict)


@dataclass
class Endpoint:
    """What the endpoint says (``text``: the model's words), what it was asked, and how it fails."""

    url: str
    text: str = json.dumps(REPLY)
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, Mapping[str, str], Json]] = field(default_factory=list)
    finish: str = "stop"
    hang: threading.Event | None = None
    """While set to an unset event, replies wait for it."""
    obeys: str | None = None
    """A shell command: the model asks, once and by every tool name it can think of, to have it run or its file read."""
    writes: tuple[str, str] | None = None
    """A file's name and text: the model asks, once and by every tool it can think of, to have that file made."""
    raw: bytes | None = None
    """Sent instead of a JSON body."""

    def asked(self, path: str) -> list[Json]:
        """The bodies of all requests whose path holds ``path``."""
        return [body for where, _, body in self.requests if path in where]

    def fault(self) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0:
                fault.times -= 1
                return fault
        return None


class _Server(ThreadingHTTPServer):
    endpoint: Endpoint
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._send(404, b"{}", {})

    do_HEAD = do_GET  # noqa: N815 - http.server's name

    def do_POST(self) -> None:
        endpoint = self.server.endpoint
        data = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.loads(data) if data.startswith(b"{") else {}
        endpoint.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        if endpoint.hang is not None:
            endpoint.hang.wait(60)
        fault = endpoint.fault()
        if fault is not None:
            self._send(fault.status, json.dumps(fault.body).encode(), fault.headers)
        elif endpoint.raw is not None:
            self._send(200, endpoint.raw, {})
        else:
            self._answer(endpoint, body)

    def _answer(self, endpoint: Endpoint, body: Json) -> None:
        if endpoint.obeys is not None and not _has_asked(body):
            return self._events(_orders(self.path, body, endpoint.obeys))
        if endpoint.writes is not None and not _has_asked(body) and ":generateContent" not in self.path:
            return self._events(_edits(self.path, body, *endpoint.writes))
        if "/chat/completions" in self.path and body.get("stream"):
            self._events(_chunks(endpoint))
        elif "/chat/completions" in self.path:
            self._json(_completion(endpoint))
        elif "/messages" in self.path:
            self._events(_anthropic(endpoint, body))
        elif "/responses" in self.path:
            self._events(_responses(endpoint))
        elif "streamGenerateContent" in self.path:
            self._events([("", _gemini(endpoint))])
        elif "generateContent" in self.path:
            self._json(_gemini(endpoint))
        else:
            self._send(404, b"{}", {})
        return None

    def _json(self, body: Json) -> None:
        self._send(200, json.dumps(body).encode(), {})

    def _events(self, events: list[tuple[str, Json]]) -> None:
        text = "".join((f"event: {name}\n" if name else "") + f"data: {json.dumps(data)}\n\n" for name, data in events)
        self._send(200, text.encode(), {"content-type": "text/event-stream"})

    def _send(self, status: int, data: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


def _completion(endpoint: Endpoint) -> Json:
    return {
        "id": "c1",
        "object": "chat.completion",
        "choices": [
            {"index": 0, "finish_reason": endpoint.finish, "message": {"role": "assistant", "content": endpoint.text}}
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }


def _chunks(endpoint: Endpoint) -> list[tuple[str, Json]]:
    whole = _completion(endpoint)
    frame = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choice = {"index": 0, "delta": {"role": "assistant", "content": endpoint.text}, "finish_reason": None}
    ended = {"index": 0, "delta": {}, "finish_reason": endpoint.finish}
    return [
        ("", {**frame, "choices": [choice]}),
        ("", {**frame, "choices": [ended]}),
        ("", {**frame, "choices": [], "usage": whole["usage"]}),
    ]


def _anthropic(endpoint: Endpoint, body: Json) -> list[tuple[str, Json]]:
    tools = [tool["name"] for tool in body.get("tools", [])]
    if "StructuredOutput" in tools:
        block: Json = {"type": "tool_use", "id": "toolu_1", "name": "StructuredOutput", "input": {}}
        delta: Json = {"type": "input_json_delta", "partial_json": endpoint.text}
        stop = "tool_use"
    else:
        block, stop = {"type": "text", "text": ""}, "end_turn"
        words = json.dumps({"title": "A review"}) if endpoint.writes is None else endpoint.text
        delta = {"type": "text_delta", "text": words}
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body.get("model", "claude"),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 100, "output_tokens": 1},
    }
    return [
        ("message_start", {"type": "message_start", "message": message}),
        ("content_block_start", {"type": "content_block_start", "index": 0, "content_block": block}),
        ("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}),
        ("content_block_stop", {"type": "content_block_stop", "index": 0}),
        (
            "message_delta",
            {
                "type": "message_delta",
                "delta": {"stop_reason": stop, "stop_sequence": None},
                "usage": {"output_tokens": 20},
            },
        ),
        ("message_stop", {"type": "message_stop"}),
    ]


def _responses(endpoint: Endpoint) -> list[tuple[str, Json]]:
    item = {
        "type": "message",
        "id": "item_1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": endpoint.text, "annotations": []}],
    }
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 120,
    }
    done = {"id": "resp_1", "object": "response", "status": "completed", "output": [item], "usage": usage}
    return [
        ("response.created", {"type": "response.created", "response": {"id": "resp_1"}}),
        ("response.output_item.done", {"type": "response.output_item.done", "output_index": 0, "item": item}),
        ("response.completed", {"type": "response.completed", "response": done}),
    ]


def _gemini(endpoint: Endpoint) -> Json:
    return {
        "candidates": [
            {"index": 0, "finishReason": "STOP", "content": {"role": "model", "parts": [{"text": endpoint.text}]}}
        ],
        "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 120},
    }


def _has_asked(body: Json) -> bool:
    """Whether the conversation already holds an answer to a tool call: its parts are named so by each vendor."""
    text = json.dumps(body)
    return re.search(r'"tool_result"|"type": "\w+_call_output"|"functionResponse"|"role": "tool"', text) is not None


def _orders(path: str, body: Json, command: str) -> list[tuple[str, Json]]:
    """One reply that calls every tool that might read ``command``'s file, in the vendor's format."""
    file = command.rsplit(maxsplit=1)[-1]
    if "/messages" in path:
        names = {"Bash": {"command": command}, "Read": {"file_path": file}, "WebFetch": {"url": "http://127.0.0.1:1/"}}
        return _anthropic_calls(body, names)
    if "/responses" in path:
        script = f"text(await tools.exec_command({{cmd: {json.dumps(command)}}}))"
        items: list[Json] = [
            {"type": "function_call", "name": "exec_command", "arguments": json.dumps({"cmd": command})},
            {"type": "function_call", "name": "shell", "arguments": json.dumps({"command": command.split()})},
            {"type": "function_call", "name": "view_image", "arguments": json.dumps({"path": file})},
            {"type": "custom_tool_call", "name": "exec", "input": script},
        ]
        return _responses_calls(items)
    if "GenerateContent" in path:
        calls = [("run_shell_command", {"command": command}), ("read_file", {"absolute_path": file, "file_path": file})]
        return _gemini_calls(calls)
    named = [("bash", {"command": command}), ("view", {"path": file}), ("read_bash", {"command": command})]
    return _chat_calls(named)


def _edits(path: str, body: Json, name: str, text: str) -> list[tuple[str, Json]]:
    """One reply that asks to have the file ``name`` made with ``text`` in the tool's working directory."""
    folder = re.search(r"/[\w/.-]*clockwork-\w+/work", json.dumps(body))
    file = f"{folder[0]}/{name}" if folder else name
    if "/messages" in path:
        return _anthropic_calls(body, {"Edit": {"file_path": file, "old_string": "", "new_string": text}})
    if "/responses" in path:
        lines = "".join(f"+{line}\n" for line in text.splitlines())
        patch = f"*** Begin Patch\n*** Add File: {name}\n{lines}*** End Patch"
        script = f"text(await tools.apply_patch({json.dumps(patch)}))"
        return _responses_calls([{"type": "custom_tool_call", "name": "exec", "input": script}])
    if "GenerateContent" in path:
        return _gemini_calls([("write_file", {"file_path": file, "content": text})])
    return _chat_calls([("create", {"path": file, "file_text": text})])


def _anthropic_calls(body: Json, calls: Mapping[str, Json]) -> list[tuple[str, Json]]:
    events = [_anthropic(Endpoint(""), body)[0]]
    for index, (name, given) in enumerate(calls.items()):
        block = {"type": "tool_use", "id": f"toolu_{name}", "name": name, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(given)}
        for kind, part in (("start", {"content_block": block}), ("delta", {"delta": delta}), ("stop", {})):
            name_of = f"content_block_{kind}"
            events.append((name_of, {"type": name_of, "index": index, **part}))
    ended = {"delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": {"output_tokens": 20}}
    return [
        *events,
        ("message_delta", {"type": "message_delta", **ended}),
        ("message_stop", {"type": "message_stop"}),
    ]


def _responses_calls(items: list[Json]) -> list[tuple[str, Json]]:
    made = [{"id": f"i{n}", "call_id": f"c{n}", "status": "completed", **item} for n, item in enumerate(items)]
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    done = {"id": "resp_0", "object": "response", "status": "completed", "output": made, "usage": usage}
    return [
        ("response.created", {"type": "response.created", "response": {"id": "resp_0"}}),
        *(
            ("response.output_item.done", {"type": "response.output_item.done", "output_index": n, "item": item})
            for n, item in enumerate(made)
        ),
        ("response.completed", {"type": "response.completed", "response": done}),
    ]


def _gemini_calls(calls: list[tuple[str, Json]]) -> list[tuple[str, Json]]:
    parts = [{"functionCall": {"name": name, "args": given}} for name, given in calls]
    candidate = {"index": 0, "finishReason": "STOP", "content": {"role": "model", "parts": parts}}
    return [("", {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1}})]


def _chat_calls(named: list[tuple[str, Json]]) -> list[tuple[str, Json]]:
    tools = [
        {"index": n, "id": f"c{n}", "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
        for n, (name, given) in enumerate(named)
    ]
    frame = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    calling: Json = {"role": "assistant", "content": None, "tool_calls": tools}
    return [
        ("", {**frame, "choices": [{"index": 0, "delta": calling, "finish_reason": None}]}),
        ("", {**frame, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}),
    ]


@contextmanager
def serving() -> Iterator[Endpoint]:
    """An endpoint on a free loopback port."""
    server = _Server(("127.0.0.1", 0), _Requests)
    server.endpoint = Endpoint(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.endpoint
    finally:
        if server.endpoint.hang is not None:
            server.endpoint.hang.set()
        server.shutdown()
        server.server_close()
        thread.join()
