"""The devices and limits of a service in long form. Also used by the edits, which read single entries.

Sources: the Compose specification, 05-services.md, devices, gpus, ulimits and pids_limit; deploy.md, devices.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.drift import values
from bot.model.json import JSON, Tree, elements, mapping


def device(entry: JSON) -> JSON:
    """One entry of ``devices`` in long form ``{source, target, permissions}``."""
    if isinstance(entry, (dict, Mapping)):
        target, rights = entry.get("target") or entry.get("source"), entry.get("permissions") or "rwm"
        return {"source": entry.get("source"), "target": target, "permissions": rights}
    source, _, target_part = str(entry).partition(":")
    target, _, rights = target_part.partition(":")
    return {"source": source, "target": target or source, "permissions": rights or "rwm"}


def devices(value: JSON) -> JSON:
    """Every device in long form."""
    return [device(entry) for entry in value] or None if isinstance(value, (list, tuple)) else value


def gpus(value: JSON) -> JSON:
    """Requests for devices; one that names neither a number nor devices is for all of them."""
    if value == "all":
        return [{"capabilities": ["gpu"], "count": "all"}]
    return [_gpu(mapping(entry)) for entry in value] or None if isinstance(value, (list, tuple)) else value


def _gpu(entry: Tree) -> JSON:
    request: dict[str, JSON] = {"capabilities": sorted({"gpu", *map(str, elements(entry.get("capabilities")))})}
    if elements(entry.get("device_ids")):
        return {**request, "device_ids": [values.text(id_) for id_ in elements(entry["device_ids"])]}
    count = values.number(entry.get("count"))
    return {**request, "count": "all" if count in (None, -1) else count}


def ulimits(value: JSON) -> JSON:
    """Every limit as ``{soft, hard}``; a single number is both."""
    if not isinstance(value, (dict, Mapping)):
        return value
    return {name: _ulimit(entry) for name, entry in value.items()}


def _ulimit(entry: JSON) -> JSON:
    if isinstance(entry, (dict, Mapping)):
        soft = values.number(entry.get("soft"))
        hard = values.number(entry.get("hard"))
        return {"soft": hard if soft is None else soft, "hard": soft if hard is None else hard}
    limit = values.number(entry)
    return {"soft": limit, "hard": limit}


def integer(value: JSON) -> JSON:
    """A number without its fraction, which whole numbers of docker compose do not keep."""
    number = values.number(value)
    return int(number) if isinstance(number, float) else number


def pids_limit(value: JSON) -> JSON:
    """Without a limit is -1, as engines write it."""
    number = integer(value)
    return -1 if isinstance(number, (int, float)) and number <= 0 else number
