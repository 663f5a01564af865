"""What the settings are, told from the models: a JSON Schema for editors and a reference for people.

Called by ``clockwork schema``. A field's docstring is read from the source, so that it stands once: where the field is.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import Any, Final

from pydantic import BaseModel

from bot.settings import FILE, Settings
from bot.settings.fleet import FLEET_FILE, FleetSettings

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema(root: type[BaseModel] = Settings, file: str = FILE) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of ``clockwork.yaml``, or of another ``file`` that is read into ``root``."""
    schema_tree = root.model_json_schema()
    for name, model in _models(root).items():
        part = schema_tree if model is root else schema_tree["$defs"].get(name)
        if part is not None:
            _describe(part, model)
    schema_tree.pop("title", None)
    return {"$schema": _DIALECT, "title": file, **schema_tree}


def schema_text(root: type[BaseModel] = Settings, file: str = FILE) -> str:
    """The schema as a file holds it."""
    return json.dumps(schema(root, file), indent=1, ensure_ascii=False) + "\n"


def fleet_schema_text() -> str:
    """The schema of ``fleet.yaml`` as a file holds it."""
    return schema_text(FleetSettings, FLEET_FILE)


def _describe(part: dict[str, Any], model: type[BaseModel]) -> None:
    """Descriptions from docstrings, and no default where the section that is referred to has its own."""
    part["description"] = _plain(inspect.getdoc(model) or "")
    documented = attribute_docs(model)
    for name, field in model.model_fields.items():
        entry = part["properties"][field.alias or name]
        entry.pop("title", None)
        if text := documented.get(name):
            entry["description"] = _plain(text)
        if "$ref" in entry and isinstance(entry.get("default"), dict):
            del entry["default"]


def _models(root: type[BaseModel]) -> Mapping[str, type[BaseModel]]:
    """Every section that the settings lead to, by its class name."""
    reached: dict[str, type[BaseModel]] = {}
    waiting: list[type[BaseModel]] = [root]
    while waiting:
        model = waiting.pop()
        if model.__name__ not in reached:
            reached[model.__name__] = model
            waiting += [inner for field in model.model_fields.values() for inner in _sections(field.annotation)]
    return reached


def _sections(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _sections(inner)


@cache
def attribute_docs(model: type[BaseModel]) -> Mapping[str, str]:
    """Field -> its docstring: the string below it (PEP 257, "attribute docstrings")."""
    (definition,) = ast.parse(inspect.getsource(model).lstrip()).body
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    documented: dict[str, str] = {}
    for statement, below in pairwise(body):
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            documented[statement.target.id] = inspect.cleandoc(below.value.value)
    return documented


def _plain(text: str) -> str:
    """A docstring as other programs show it: paragraphs of one line, single backquotes."""
    paragraphs = (" ".join(part.split()) for part in re.split(r"\n\s*\n", text))
    return "\n\n".join(re.sub(r":\w+:`([^`]+)`", r"`\1`", part).replace("``", "`") for part in paragraphs)


# -- the reference ------------------------------------------------------------------------------------------------------

_HEAD: Final = f"""\
# Settings

Every key of `{FILE}`, as `clockwork schema --markdown` prints it; do not edit this page, but the models beside it.
`clockwork check-config` checks a file, `clockwork schema` prints its JSON Schema. A duration is a number of seconds, or
text such as `90s`, `10m`, `1h30m`, `7d`.
"""

_FLEET_HEAD: Final = f"""\
# {FLEET_FILE}

The repositories that one Clockwork keeps (`clockwork fleet`). `clockwork schema --fleet` prints its JSON Schema.
"""


def markdown() -> str:
    """The reference: the top level, then each section with its keys, types, defaults and meaning; ``fleet.yaml`` after it."""
    fleet = _sections_of(schema(FleetSettings, FLEET_FILE), f"{FLEET_FILE}: ")
    return "\n".join([_HEAD, *_sections_of(schema()), _FLEET_HEAD, *fleet])


def _sections_of(root_schema: Mapping[str, Any], before: str = "") -> Iterator[str]:
    yield _keys(root_schema, root_schema["$defs"])
    for path, name in _paths(root_schema):
        part = root_schema["$defs"][name]
        yield f"## {before}{path}\n\n{part['description']}\n\n{_keys(part, root_schema['$defs'])}"


def _paths(root_schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Where each section stands, the first place of each: ``observe.kubernetes``, ``targets[]``, ``api.tokens.NAME``."""
    waiting, visited = [("", root_schema)], set[str]()
    while waiting:
        path, part = waiting.pop(0)
        for key, entry in part["properties"].items():
            for ending, name in _references(entry):
                if name not in visited and "properties" in root_schema["$defs"][name]:
                    visited.add(name)
                    inner = f"{path}.{key}{ending}".lstrip(".")
                    waiting.append((inner, root_schema["$defs"][name]))
                    yield inner, name


def _references(entry: Mapping[str, Any], ending: str = "") -> Iterator[tuple[str, str]]:
    if "$ref" in entry:
        yield ending, entry["$ref"].rpartition("/")[2]
    for inner in entry.get("anyOf", ()):
        yield from _references(inner, ending)
    for key, suffix in (("items", "[]"), ("additionalProperties", ".NAME")):
        if isinstance(entry.get(key), dict):
            yield from _references(entry[key], ending + suffix)


def _keys(part: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    required = part.get("required", ())
    rows = []
    for key, entry in part["properties"].items():
        default = _default(entry, required=key in required)
        rows.append(f"| `{key}` | {_type(entry, definitions)} | {default} | {_meaning(entry, definitions)} |")
    return "\n".join(["| key | type | default | meaning |", "| --- | --- | --- | --- |", *rows, ""])


def _type(entry: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "$ref" in entry:
        definition = definitions[entry["$ref"].rpartition("/")[2]]
        return _type(definition, definitions) if "enum" in definition else "section"
    if "const" in entry:
        return f"`{entry['const']}`"
    if "enum" in entry:
        return ", ".join(f"`{value}`" for value in entry["enum"])
    if "anyOf" in entry:
        kinds = [_type(inner, definitions) for inner in entry["anyOf"] if inner.get("type") != "null"]
        return "duration" if any("pattern" in inner for inner in entry["anyOf"]) else " or ".join(dict.fromkeys(kinds))
    if entry.get("type") == "array":
        return f"list of {_type(entry['items'], definitions)}" if entry.get("items") else "list"
    if isinstance(entry.get("additionalProperties"), dict):
        return f"mapping to {_type(entry['additionalProperties'], definitions)}"
    return {
        "string": "text",
        "integer": "number",
        "number": "number",
        "boolean": "true or false",
        "object": "mapping",
    }.get(str(entry.get("type")), "anything")


def _default(entry: Mapping[str, Any], *, required: bool) -> str:
    if required:
        return "**required**"
    default = entry.get("default")
    if default is None or default in ([], {}, ""):
        return ""
    number = int(default) if isinstance(default, float) and default.is_integer() else default
    return f"`{json.dumps(number, ensure_ascii=False)}`"


def _meaning(entry: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    text = entry.get("description") or ""
    if not text and "$ref" in entry:
        text = definitions[entry["$ref"].rpartition("/")[2]].get("description", "").partition("\n\n")[0]
    limits = [
        f"{phrase} {entry[key]}" for key, phrase in (("minimum", "at least"), ("maximum", "at most")) if key in entry
    ]
    return " ".join(
        [text.replace("\n\n", " ").replace("|", r"\|"), *([f"({', '.join(limits)})"] if limits else [])]
    ).strip()
