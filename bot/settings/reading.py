"""Reads a settings file into its model: every mistake at once, each with file, line and the nearest known key."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.errors import Invalid

if TYPE_CHECKING:
    from bot.intake.lined import Document

ModelT = TypeVar("ModelT", bound=BaseModel)


class WrongSettings(Invalid):
    """A settings file has mistakes; the message has a line for each."""


def read_settings(model: type[ModelT], data: bytes, file: str, context: Mapping[str, object]) -> ModelT:
    """``data`` as ``model``; a file of nothing but comments is an empty mapping.

    Raises :class:`WrongSettings` listing every mistake as ``file:line: key: what is wrong``.
    """
    from bot.intake.lined import read_document

    try:
        document = read_document(data, file, not_yaml="not YAML")
    except Invalid as exc:
        raise WrongSettings(exc.message, advice=exc.advice) from exc
    value = {} if document.value is None else document.value
    if not isinstance(value, dict):
        raise WrongSettings(f"{file}:1: settings are a mapping of keys to values, not {type(value).__name__}")
    try:
        return model.model_validate(value, context=dict(context))
    except ValidationError as exc:
        mistakes = [_explain(error, document, model) for error in exc.errors(include_url=False, include_input=False)]
        raise WrongSettings("\n".join(mistakes), advice="Fix the file. Nothing was changed.") from exc


def _explain(error: ErrorDetails, document: Document, model: type[BaseModel]) -> str:
    from bot.intake.mistakes import reason

    keys = error["loc"]
    key_text = ".".join(str(key) for key in keys)
    location = f"{document.file}:{document.line(keys)}"
    if error["type"] == "extra_forbidden":
        known_keys = _keys_at(model, keys[:-1])
        near = difflib.get_close_matches(str(keys[-1]), known_keys, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(known_keys))}"
        return f"{location}: unknown setting {key_text!r}; {hint}"
    return f"{location}: {key_text or 'settings'}: {reason(error)}"


def _keys_at(model: type[BaseModel], keys: Sequence[object]) -> list[str]:
    """The keys that the section at ``keys`` knows."""
    for key in keys:
        if not isinstance(key, str) or key not in model.model_fields:
            continue
        inner = _section(model.model_fields[key].annotation)
        if inner is not None:
            model = inner
    return list(model.model_fields)


def _section(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        if (section := _section(inner)) is not None:
            return section
    return None
