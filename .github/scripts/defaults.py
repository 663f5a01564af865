"""Renews ``bot/settings/defaults.py``, so that a repository without a settings file is read without the models.

Usage: ``python .github/scripts/defaults.py``, after a default of the settings was changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

from pydantic import BaseModel

from bot.settings import defaults
from bot.settings.model import Settings


def main() -> None:
    """Write the values below what stands before them."""
    file = Path(defaults.__file__)
    head, sign, _ = file.read_text("utf-8").partition("DEFAULTS: Final = ")
    file.write_text(head + sign + "\n".join(_section("", Settings.model_construct(), "")) + "\n", "utf-8")


def _section(path: str, section: BaseModel, indent: str) -> Iterator[str]:
    yield "UnwrittenSection("
    yield f'{indent}    "{path}",'
    yield f"{indent}    {{"
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            first, *lines = _section(f"{path}.{name}".lstrip("."), value, f"{indent}        ")
            yield f'{indent}        "{name}": {first}'
            yield from lines[:-1]
            yield f"{lines[-1]},"
        else:
            yield f'{indent}        "{name}": {_value(value)},'
    yield f"{indent}    }},"
    yield f"{indent})"


def _value(value: object) -> str:
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value) if isinstance(value, str) else repr(value)


if __name__ == "__main__":
    main()
