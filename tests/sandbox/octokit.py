"""GitHub's own description of its API and examples of its deliveries, as npm has them, and traffic recorded to hold against it.

``npm install --prefix .npm @octokit/openapi @octokit/webhooks-examples`` brings them; ``.ci/run`` does that.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft4Validator  # type: ignore[import-untyped]
from jsonschema.exceptions import best_match  # type: ignore[import-untyped]
from referencing import Registry
from referencing.jsonschema import DRAFT4

from bot.sandbox.server import Sandbox

MODULES: Final = Path(__file__).parents[2] / ".npm" / "node_modules" / "@octokit"
NEEDED = pytest.mark.skipif(
    not (os.environ.get("CI") or all((MODULES / name).is_dir() for name in ("openapi", "webhooks-examples"))),
    reason="GitHub's description is not here: npm install --prefix .npm @octokit/openapi @octokit/webhooks-examples",
)
"""Skips what compares with the description where that is not here; a job that should have brought it must not pass."""
_URN: Final = "urn:github"
Scope = MutableMapping[str, Any]


@dataclass(frozen=True)
class Exchange:
    """One request of the API and its answer. ``path`` is without ``/api/v3`` and query; bodies are JSON or None."""

    method: str
    path: str
    sent: Any
    status: int
    answered: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path} -> {self.status}"


class RecordedSandbox(Sandbox):
    """A sandbox that keeps what is said to it and what it says."""

    def _application(self) -> Any:
        self.exchanges: list[Exchange] = []
        return _Recorder(super()._application(), self.exchanges)


@dataclass(frozen=True)
class _Recorder:
    app: Callable[[Scope, Any, Any], Awaitable[None]]
    exchanges: list[Exchange]

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        sent, answered, status = bytearray(), bytearray(), [0]

        async def received() -> Any:
            message = await receive()
            sent.extend(message.get("body", b""))
            return message

        async def replied(message: Any) -> None:
            status[0] = message.get("status", status[0])
            answered.extend(message.get("body", b""))
            await send(message)

        await self.app(scope, received, replied)
        path = scope["raw_path"].decode().partition("?")[0].removeprefix("/api/v3")
        if path.startswith("/repos/"):
            self.exchanges.append(Exchange(scope["method"], path, _json(sent), status[0], _json(answered)))


def _json(data: bytearray) -> Any:
    try:
        return json.loads(data) if data.strip() else None
    except ValueError:
        return None


@dataclass(frozen=True)
class Description:
    """GitHub's OpenAPI document (3.0: ``nullable`` is said in JSON Schema's words)."""

    document: Mapping[str, Any] = field(repr=False)

    @cached_property
    def _registry(self) -> Any:
        return Registry().with_resource(_URN, DRAFT4.create_resource(self.document))

    @cached_property
    def _templates(self) -> Sequence[tuple[re.Pattern[str], str]]:
        """Paths as patterns, those with the fewest parameters first, and last those whose end may hold slashes."""
        by_parameters = sorted(
            self.document["paths"], key=lambda template: (template.endswith(("{path}", "{ref}")), template.count("{"))
        )
        return [(_pattern(template), template) for template in by_parameters]

    def problems(self, exchange: Exchange) -> Iterator[str]:
        """What of an exchange GitHub does not describe like that."""
        operation = self._operation(exchange)
        if operation is None:
            yield f"{exchange}: no such operation"
            return
        pointer, described = operation
        body = described.get("requestBody", {}).get("content", {}).get("application/json")
        if body is not None and exchange.sent is not None and exchange.status < 400:
            yield from self._invalid(
                exchange, "request", exchange.sent, f"{pointer}/requestBody/content/{_JSON}/schema"
            )
        yield from self._answer_problems(exchange, pointer, described)

    def _answer_problems(self, exchange: Exchange, pointer: str, described: Mapping[str, Any]) -> Iterator[str]:
        responses = described["responses"]
        response = responses.get(str(exchange.status))
        if response is None:
            # What any operation may answer is not listed with each (docs.github.com, "Troubleshooting the REST API").
            if exchange.status not in {304, 400, 401, 403, 404, 410, 422, 429, 500, 502, 503}:
                yield f"{exchange}: no such status"
            return
        place = f"{pointer}/responses/{exchange.status}"
        if "$ref" in response:
            place = response["$ref"].removeprefix("#")
            response = self._at(place)
        if "application/json" in response.get("content", {}) and exchange.answered is not None:
            yield from self._invalid(exchange, "answer", exchange.answered, f"{place}/content/{_JSON}/schema")

    def _operation(self, exchange: Exchange) -> tuple[str, Mapping[str, Any]] | None:
        verb = exchange.method.lower()
        for pattern, template in self._templates:
            if pattern.match(exchange.path) and verb in self.document["paths"][template]:
                return f"/paths/{_escaped(template)}/{verb}", self.document["paths"][template][verb]
        return None

    def _at(self, pointer: str) -> Mapping[str, Any]:
        place: Any = self.document
        for part in pointer.strip("/").split("/"):
            place = place[part.replace("~1", "/").replace("~0", "~")]
        return dict(place)

    def _invalid(self, exchange: Exchange, side: str, value: Any, pointer: str) -> Iterator[str]:
        validator = Draft4Validator({"$ref": f"{_URN}#{pointer}"}, registry=self._registry)
        error = best_match(validator.iter_errors(value))
        if error is not None:
            yield f"{exchange}: {side}{error.json_path[1:]}: {error.message[:200]}"


_JSON: Final = "application~1json"
_WITH_SLASHES: Final = frozenset({"path", "ref"})
"""Parameters that are the rest of a path, slashes and all (docs.github.com, "Get repository content", "Get a reference")."""


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    names = [
        ".+" if name in _WITH_SLASHES and not rest else "[^/]+"
        for name, rest in zip(parts[1::2], parts[2::2], strict=True)
    ]
    texts = [re.escape(part) for part in parts[::2]]
    return re.compile("".join(itertools.chain(*itertools.zip_longest(texts, names, fillvalue=""))) + r"\Z")


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


@cache
def description() -> Description:
    """The document of github.com."""
    text = (MODULES / "openapi" / "generated" / "api.github.com.json").read_text()
    return Description(_without_nullable(json.loads(text)))


def _without_nullable(node: Any) -> Any:
    match node:
        case {"nullable": True, **rest}:
            return {"anyOf": [{"enum": [None]}, _without_nullable(rest)]}
        case dict():
            return {name: _without_nullable(value) for name, value in node.items()}
        case list():
            return [_without_nullable(each) for each in node]
        case _:
            return node


@cache
def deliveries() -> Mapping[str, Sequence[Any]]:
    """The example payloads of github.com by event."""
    listed = json.loads((MODULES / "webhooks-examples" / "api.github.com" / "index.json").read_text())
    return {event["name"]: event["examples"] for event in listed}
