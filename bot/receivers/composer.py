"""Fills the template of a message: the shipped one, or one of the repository in a sandbox.

A repository's template sees the values of the message and nothing of this process (Jinja, "Sandbox"). One that is wrong
costs its own form, never the message: the shipped one is used, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bot import escape

if TYPE_CHECKING:
    import jinja2.sandbox

_LONGEST: Final = 20_000
"""Characters of a body; services cut or refuse longer ones anyway."""
_TITLE: Final = 200


@dataclass(frozen=True, slots=True)
class Composer:
    """``shipped`` is the template that always is there; ``by_receiver`` those of the repository."""

    shipped: str
    by_receiver: Mapping[str, str] = field(default_factory=dict)

    def compose(self, receiver: str, values: Mapping[str, object]) -> tuple[str, str]:
        """Title and body: the first line of what the template gives, and the rest."""
        own_texts = self.by_receiver.get(receiver)
        if own_texts is None:
            return _parts(_filled(self.shipped, values))
        try:
            return _parts(_filled(own_texts, values))
        except Exception as exc:  # noqa: BLE001 - whatever somebody else's template raises
            title, body = _parts(_filled(self.shipped, values))
            return title, f"{body}\n\nThe repository's own template is wrong: {escape.line(exc)}"


def _filled(template: str, values: Mapping[str, object]) -> str:
    return _environment().from_string(template).render(values)


def _environment() -> jinja2.sandbox.SandboxedEnvironment:
    import jinja2
    import jinja2.sandbox

    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(escape.FILTERS)
    return environment


def _parts(text: str) -> tuple[str, str]:
    """A message of one line is its own body: services refuse an empty one."""
    title, _, body = text.strip().partition("\n")
    title = escape.line(title, _TITLE)
    return title, escape.clip(body.strip(), _LONGEST) or title
