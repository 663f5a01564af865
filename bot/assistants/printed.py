"""What tools and endpoints print, as values: JSON of which only the fields named here are looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError


class Printed(BaseModel):
    """A JSON object of somebody else: what a newer version adds to it is passed over."""

    model_config = ConfigDict(extra="ignore")


_Line = TypeVar("_Line", bound=Printed)


def printed_lines(stdout: bytes, kind: type[_Line]) -> Iterator[_Line]:
    """The lines of ``stdout`` that are such objects."""
    for line in stdout.splitlines():
        try:
            yield kind.model_validate_json(line)
        except ValidationError:
            continue
