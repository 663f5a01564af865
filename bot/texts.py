"""Message texts from ``templates/``, one file per message.

Values that come from outside (drift values, titles, file names) pass through filters, those of :mod:`bot.escape` unless
others are handed in, so that no text forges a marker, mentions a person or is a command to another bot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from bot import escape

if TYPE_CHECKING:
    import jinja2


@dataclass(frozen=True, slots=True)
class Texts:
    """Renders one message by the name of its template. Use :meth:`at`."""

    environment: jinja2.Environment

    @classmethod
    def at(cls, directory: Path, *, filters: Mapping[str, Callable[..., str]] = escape.FILTERS) -> Texts:
        """Texts from the templates in ``directory``; a value that a template misses is an error, never an empty word."""
        return cls(_environment(directory, tuple(filters.items())))

    def render(self, name: str, **values: object) -> str:
        """The text of template ``name`` (without ``.j2``) for ``values``, ending in one newline."""
        return self.environment.get_template(f"{name}.j2").render(values).strip() + "\n"


@lru_cache(maxsize=16)
def _environment(directory: Path, filters: tuple[tuple[str, Callable[..., str]], ...]) -> jinja2.Environment:
    """One for each directory, so that a template is compiled once; Jinja compiles one anew whose file has changed."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(directory),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown and commit messages; the filters escape what is hostile
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(filters)
    return environment
