"""Declared objects of Kubernetes by themselves, as YAML that ``kubectl`` takes: behind ``clockwork render RESOURCE``.

A file may declare many objects, and a target's files are not what is deployed: this prints one of them alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from bot.errors import Invalid
from bot.flows.declare import Declaration
from bot.flows.origin import declared_as
from bot.model.json import plain
from bot.model.resource import Desired, Platform


def printed(declaration: Declaration, names: Sequence[str]) -> str:
    """The objects of these names, in their order, each a document. ``Invalid`` for what is not declared, and for what
    Kubernetes does not run.
    """
    return "---\n".join(_document(declared_as(declaration, name)) for name in names)


def _document(desired: Desired) -> str:
    if desired.id.platform is not Platform.KUBERNETES:
        raise Invalid(
            f"{desired.id} is of {desired.id.platform.value.capitalize()}, and only objects of Kubernetes stand by themselves",
            advice=f"It is declared at {desired.file}:{desired.line}.",
        )
    return str(yaml.safe_dump(plain(desired.tree), sort_keys=False, allow_unicode=True, width=4096))
