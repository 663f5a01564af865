"""The description of the API: OpenAPI 3.1, made from the table of operations (spec.openapis.org/oas/v3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from bot import __version__
from bot.entrypoints.api.operations import OPERATIONS, ApiOperation, OperationInput
from bot.model.json import JSON, mapping

_ERROR: Final[JSON] = {
    "type": "object",
    "properties": {
        "error": {"type": "string"},
        "advice": {"type": ["string", "null"]},
        "kind": {"type": "string"},
        "exit_code": {"type": "integer"},
    },
    "required": ["error"],
}
_READY: Final = "/readyz"


def document() -> dict[str, JSON]:
    """The whole description."""
    paths: dict[str, JSON] = {}
    for operation in OPERATIONS:
        paths[operation.path] = {operation.method.lower(): _described(operation)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Clockwork",
            "version": __version__,
            "description": "What a daemon of Clockwork can be asked and told.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": {"Error": _ERROR},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _described(operation: ApiOperation) -> dict[str, JSON]:
    described: dict[str, JSON] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": _responses(operation),
        "parameters": _parameters(operation.query),
    }
    if operation.scope is not None:
        described["security"] = [{"token": []}]
        described["description"] = f"Needs a token with the scope {operation.scope}."
    if operation.body is not None:
        schema = operation.body.model_json_schema()
        is_required = bool(schema.get("required"))
        described["requestBody"] = {
            "required": is_required,
            "content": {"application/json": {"schema": _plain(schema)}},
        }
    return described


def statuses(operation: ApiOperation) -> tuple[int, ...]:
    """The statuses with which an operation may refuse."""
    return (
        *((401, 403) if operation.scope is not None else ()),
        *((413, 415) if operation.body is not None else ()),
        422,
        *operation.fails,
    )


def _responses(operation: ApiOperation) -> dict[str, JSON]:
    answers: dict[str, JSON] = {"200": _answer("Done", dict(operation.answers))}
    for status in sorted(set(statuses(operation))):
        schema: JSON = {"$ref": "#/components/schemas/Error"}
        if operation.path == _READY and status == 503:
            schema = dict(operation.answers)
        answers[str(status)] = _answer(HTTPStatus(status).phrase, schema)
    return answers


def _answer(description: str, schema: JSON) -> dict[str, JSON]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _parameters(query: type[OperationInput]) -> list[JSON]:
    schema = query.model_json_schema()
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _parameter(parameter, schema)}
        for name, parameter in schema.get("properties", {}).items()
    ]


def _parameter(parameter: Mapping[str, JSON], schema: Mapping[str, JSON]) -> JSON:
    """The schema of one parameter: absent is absent, never null."""
    choices = parameter.get("anyOf")
    kinds = (
        [kind for kind in choices if mapping(kind).get("type") != "null"] if isinstance(choices, list) else [parameter]
    )
    kind_schema = dict(mapping(kinds[0]))
    reference = kind_schema.pop("$ref", None)
    if isinstance(reference, str):
        kind_schema = dict(mapping(mapping(schema.get("$defs")).get(reference.rpartition("/")[2])))
    return {key: value for key, value in kind_schema.items() if key not in {"title", "default"}}


def _plain(schema: Mapping[str, JSON]) -> JSON:
    return {key: value for key, value in schema.items() if key != "title"}
