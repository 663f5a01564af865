"""Tables of what objects mean, as their files have them: ``policies/metadata``, ``fields`` and ``platforms``.

Settings have rows of two of them, and are read by every run: nothing that compares objects is loaded here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.errors import Invalid
from bot.intake.mistakes import reason
from bot.intake.ready import value_of


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


SEVERAL: Final = BeforeValidator(_several)
"""One text is a list of one."""
Texts = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=300)], ...], SEVERAL]
RowId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Reason = Annotated[str, Field(min_length=3, max_length=300)]


class TableRow(BaseModel):
    """Anything that a file of a table holds, and the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, defer_build=True)


_File = TypeVar("_File", bound=TableRow)


def read_files(kind: type[_File], files: Mapping[str, bytes]) -> Iterator[tuple[str, _File]]:
    """Each of ``files`` by its name. Raises :class:`~bot.errors.Invalid` that names file, line and what is wrong."""
    for file in sorted(files):
        try:
            yield file, kind.model_validate(value_of(files[file], file) or {})
        except ValidationError as exc:
            from bot.intake.lined import read_document

            first = exc.errors(include_url=False)[0]
            line = read_document(files[file], file).line(first["loc"])
            raise Invalid(f"{file}:{line}: {reason(first)}") from exc
