"""A stand-in for the model endpoints: real HTTP on loopback, four vendors' wire formats, failures on request."""

from __future__ import annotations

import json
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
        delta = {"type": "text_delta", "text": json.dumps({"title": "A review"})}
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
