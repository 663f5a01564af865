"""Two Compose values into one, as ``docker compose -f a -f b`` does. Used for override files and ``extends``.

Source: the Compose specification, "Merge".
"""

from __future__ import annotations

from dataclasses import replace

from bot.intake.compose_schema import PAIRS, REPLACED, UNIQUE
from bot.intake.sited import Sited


def merge(base: Sited, over: Sited, path: tuple[str, ...] = ()) -> Sited:
    """``base`` with ``over`` laid on it. ``path`` is that of the value below its service."""
    if path in PAIRS and isinstance(base.data, (dict, list)) and isinstance(over.data, (dict, list)):
        return _pairs(base, over)
    if isinstance(base.data, dict) and isinstance(over.data, dict):
        entries = dict(base.data)
        for key, child in over.data.items():
            entries[key] = merge(entries[key], child, (*path, key)) if key in entries else child
        return replace(over, data=entries)
    if isinstance(base.data, list) and isinstance(over.data, list) and path not in REPLACED:
        return replace(over, data=_appended(base.data, over.data, unique=path in UNIQUE))
    return base if over.data is None else over


def _appended(base: list[Sited], over: list[Sited], *, unique: bool) -> list[Sited]:
    if not unique:
        known = [item.plain() for item in base]
        return base + [item for item in over if item.plain() not in known]
    replaced = {_identity(item) for item in over}
    return [item for item in base if _identity(item) not in replaced] + over


def _identity(item: Sited) -> str:
    """What makes two elements of volumes, ports, secrets... the same thing: their target inside the container."""
    if item.mapping:
        target = item.mapping.get("target") or item.mapping.get("source")
        published = item.mapping.get("published")
        return f"{target.plain() if target else item.plain()}:{published.plain() if published else ''}"
    text = str(item.plain())
    parts = text.split(":")
    return parts[1] if len(parts) > 1 and parts[1].startswith("/") else text


def _pairs(base: Sited, over: Sited) -> Sited:
    """By key whichever way each is written; the result is written as ``base`` is, so that its places stay."""
    entries = _by_key(base) | _by_key(over)
    if isinstance(base.data, list) and isinstance(over.data, list):
        return replace(over, data=list(entries.values()))
    return replace(over, data={key: _unpaired(item) for key, item in entries.items()})


def _by_key(pairs: Sited) -> dict[str, Sited]:
    if isinstance(pairs.data, dict):
        return dict(pairs.data)
    return {str(item.plain()).partition("=")[0]: item for item in pairs.elements}


def _unpaired(item: Sited) -> Sited:
    """The value of ``KEY=value`` that is written as an element of a list."""
    if item.text is None or "=" not in item.text or not item.site.pointer or isinstance(item.site.pointer[-1], str):
        return item
    return replace(item, data=item.text.partition("=")[2])
