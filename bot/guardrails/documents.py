"""Guardrail documents: Markdown with strict YAML front matter, read into :class:`~bot.guardrails.rule.Guardrail`.

This is the edge where text from a repository becomes values: unknown and duplicate keys, patterns that leave the
repository, slow expressions and wrong types are load errors with file and line.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from bot.errors import Invalid
from bot.guardrails.rule import Guardrail, Touches
from bot.guardrails.structure import Unparsed, parse_documents
from bot.intake.lined_node import LinedNode
from bot.model.patterns import regex

if TYPE_CHECKING:
    from pydantic import ValidationError

FOLDER: Final = "policies/guardrails/"
"""Where a repository keeps its documents."""
MAX_DOCUMENT: Final = 64_000
"""Characters of one document."""

_FRONT: Final = regex(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)(.*)\Z", re.DOTALL | re.MULTILINE)


def parse(path: str, data: bytes) -> Guardrail:
    """The guardrail that one document describes. Raises ``Invalid`` naming file, line and key. Examples are not run."""
    match = _parts(path, data)
    from pydantic import ValidationError

    from bot.guardrails.front_matter import FrontMatter
    from bot.intake.lined import plain

    root = _yaml(path, match[1])
    try:
        # as JSON, where lists, words and times stand for values of other types without being taken for them
        front = FrontMatter.model_validate_json(json.dumps(plain(root, path)))
    except ValidationError as error:
        raise _explained(path, root, error) from error
    guardrail = front.guardrail(path, match[2].strip())
    if isinstance(guardrail.detect, Touches) and not guardrail.applies.paths:
        raise Invalid(f"{path}:{root.line_of(('detect',))}: detect: kind path needs applies.paths")
    return guardrail


def body_of(path: str, data: bytes) -> str:
    """The Markdown of a document, without reading what stands before it."""
    return _parts(path, data)[2].strip()


def _parts(path: str, data: bytes) -> re.Match[str]:
    match = _FRONT.match(_decoded(path, data))
    if match is None:
        raise Invalid(f"{path}:1: a guardrail document begins with '---', YAML and '---' again")
    return match


def _decoded(path: str, data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Invalid(f"{path}: not UTF-8 at byte {error.start}") from error
    if len(text) > MAX_DOCUMENT:
        raise Invalid(f"{path}: longer than {MAX_DOCUMENT:,} characters")
    return text


def _yaml(path: str, front: str) -> LinedNode:
    documents = parse_documents(f"\n{front}", strict=True)  # the line of the opening dashes
    if isinstance(documents, Unparsed):
        raise Invalid(f"{path}:{documents.line}: {documents.message}")
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        raise Invalid(f"{path}:2: the front matter is not a mapping")
    return documents[0]


def _explained(path: str, root: LinedNode, error: ValidationError) -> Invalid:
    """The first mistake with its line and dotted key. An unknown key goes before what it was perhaps meant to be."""
    from bot.intake.mistakes import reason

    mistakes = error.errors(include_url=False)
    first = next((mistake for mistake in mistakes if mistake["type"] == "extra_forbidden"), mistakes[0])
    node: LinedNode | None = root
    keys: list[str | int] = []
    for part in first["loc"]:
        child = None if node is None else node.child(part)
        if child is not None or (first["type"] == "missing" and part == first["loc"][-1]):
            keys.append(part)
        node = child or node
    key = ".".join(dict.fromkeys(str(key) for key in keys)) or "front matter"
    message = {"extra_forbidden": "unknown key", "missing": "is missing"}.get(first["type"], reason(first))
    if first["loc"][-1:] == ("[key]",):  # as pydantic calls the key of a mapping itself
        message = f"unknown key; known are {first['ctx']['expected']}"
    (cause,) = first["ctx"]["error"].args if first["type"] == "value_error" else (message,)
    text, advice = (cause.message, cause.advice) if isinstance(cause, Invalid) else (cause, None)
    return Invalid(f"{path}:{root.line_of(keys)}: {key}: {text}", advice=advice)
