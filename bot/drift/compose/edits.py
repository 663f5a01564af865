"""Edits that make a Compose service say what is live, in the syntax its author chose. Used by the judge of services.

A short entry stays short (``"8080:80"`` becomes ``"8081:80"``), a list of ``KEY=value`` stays a list, a command written
as text stays text. Where the entry cannot be written back without loss there is no edit.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from bot.drift.compose.declared import long_form, ports
from bot.drift.compose.entries import ELEMENTS, EntryIndex, range_label
from bot.drift.compose.shape import service_shape
from bot.drift.walk import Difference, Side, label_of
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import JSON, Pointer, Tree, elements, exists_at, get, value_at
from bot.model.paths import Item, Path

_UNITS: Final = ((1024**4, "t"), (1024**3, "g"), (1024**2, "m"), (1024, "k"))
_SIZES: Final = frozenset({"mem_limit", "mem_reservation", "memswap_limit", "shm_size"})
"""What may be written with a unit (Compose specification, "Specifying byte values")."""
_PAIRS: Final = frozenset({"environment", "labels", "sysctls"})
_COMMANDS: Final = frozenset({"command", "entrypoint"})
_CONDITION: Final = ("deploy", "restart_policy", "condition")
_RESERVED: Final = ("deploy", "resources", "reservations", "devices")


def edits(index: EntryIndex, difference: Difference) -> tuple[Edit, ...]:
    """What to change in the service of ``index`` for the live side of ``difference``."""
    raw = index.raw
    path = difference.location.path
    key = str(path[0])
    if key in _PAIRS:
        return _pair(index, key, path, difference)
    if key in ELEMENTS:
        return _element(index, key, path, difference)
    if key in _COMMANDS and difference.observed is not None:
        return _set_value(raw, (key,), _command(raw.get(key), difference.observed))
    if key == "networks" and isinstance(networks_list := raw.get(key), (list, tuple)):
        return _network(networks_list, str(path[1]), difference)
    if key == "restart" and exists_at(raw, _CONDITION):
        return _deployed_restart(raw, difference.observed)
    if key == "gpus":
        return _gpus(raw, path, difference)
    return _plain(raw, path, difference)


def written(index: EntryIndex, path: Path) -> Pointer:
    """Where the service of ``index`` writes what stands at the canonical ``path``, as far as it goes."""
    raw = index.raw
    key = str(path[0])
    home = _home(raw, key)
    if key in _PAIRS and len(path) > 1 and isinstance(raw.get(key), (list, tuple)):
        pair = index.pair(key, str(path[1]))
        return home if pair is None else (*home, pair)
    if len(path) > 1 and isinstance(path[1], Item):
        index_in_list = index.at(key, path[1].key)
        return home if index_in_list is None else _descend(raw, (*home, index_in_list), path[2:])
    return _descend(raw, home, path[1:])


def _home(raw: Tree, key: str) -> Pointer:
    """The key itself, or its place under ``deploy`` where that says it."""
    deployed = long_form.DEPLOYED.get(key)
    if key == "restart" and exists_at(raw, _CONDITION):
        return _CONDITION
    return deployed if key not in raw and deployed is not None and exists_at(raw, deployed) else (key,)


def _descend(raw: Tree, pointer: Pointer, path: Path) -> Pointer:
    for part in path:
        if isinstance(part, Item) or not exists_at(raw, (*pointer, part)):
            break
        pointer = (*pointer, part)
    return pointer


def _set_value(raw: Tree, pointer: Pointer, value: JSON) -> tuple[Edit, ...]:
    if exists_at(raw, pointer):
        return (SetValue(pointer, value),)
    return (AddEntry(pointer[:-1], str(pointer[-1]), value),)


def _plain(raw: Tree, path: Path, difference: Difference) -> tuple[Edit, ...]:
    """Keys that are written alike in short and long syntax."""
    pointer: Pointer = (*_home(raw, str(path[0])), *map(str, path[1:]))
    around = pointer[:-1]
    if around and exists_at(raw, around) and not isinstance(value_at(raw, around), (dict, Mapping)):
        return ()
    if difference.observed is None:
        return (RemoveEntry(pointer),) if exists_at(raw, pointer) else ()
    before = value_at(raw, pointer)
    return _set_value(raw, pointer, _spelled(path, before, difference.observed))


def _spelled(path: Path, before: JSON, live: JSON) -> JSON:
    """``live`` in the spelling of ``before``: sizes with their unit, numbers in quotes, one text for one word."""
    key = path[0]
    if key in _SIZES and isinstance(live, int):
        return live if isinstance(before, int) else _size(live)
    if path == ("healthcheck", "test") and isinstance(live, (list, tuple)) and isinstance(before, str):
        return live[1] if len(live) == 2 and live[0] == "CMD-SHELL" else live
    if isinstance(before, str) and isinstance(live, (int, float)) and not isinstance(live, bool):
        return str(live)
    if isinstance(before, str) and isinstance(live, (list, tuple)) and len(live) == 1:
        return live[0]
    return live


def _deployed_restart(raw: Tree, live: JSON) -> tuple[Edit, ...]:
    """The policy below ``deploy``, which counts where there is one."""
    name, _, count = str(live or "no").partition(":")
    attempts = (*_CONDITION[:-1], "max_attempts")
    condition = SetValue(_CONDITION, {"no": "none", "always": "any"}.get(name, name))
    if count:
        return (condition, *_set_value(raw, attempts, int(count)))
    return (condition, RemoveEntry(attempts)) if exists_at(raw, attempts) else (condition,)


def _gpus(raw: Tree, path: Path, difference: Difference) -> tuple[Edit, ...]:
    """Requests below ``deploy`` and beside it are one list live, so there is no telling which of both to change."""
    if get(raw, *_RESERVED) is not None:
        return ()
    if difference.observed is None:
        return _plain(raw, path, difference)
    is_every_gpu = difference.observed == [{"capabilities": ["gpu"], "count": "all"}]
    return _set_value(raw, ("gpus",), "all" if is_every_gpu else difference.observed)


def _size(number: int) -> str:
    for unit, suffix in _UNITS:
        if number and number % unit == 0:
            return f"{number // unit}{suffix}"
    return f"{number}b"


def _command(before: JSON, live: JSON) -> JSON:
    if isinstance(before, str) and isinstance(live, (list, tuple)):
        return shlex.join(str(argument) for argument in live)
    return live


def _pair(index: EntryIndex, key: str, path: Path, difference: Difference) -> tuple[Edit, ...]:
    """One entry of a mapping that may be written as a list of ``KEY=value``."""
    if len(path) != 2:
        return ()
    name, raw = str(path[1]), index.raw
    entries_listed = raw.get(key)
    if not isinstance(entries_listed, (list, tuple)):
        if difference.observed is None:
            return (RemoveEntry((key, name)),)
        return _set_value(raw, (key, name), difference.observed)
    position = index.pair(key, name)
    if difference.observed is None:
        return () if position is None else (RemoveEntry((key, position)),)
    line = f"{name}={difference.observed}"
    return (AddEntry((key,), None, line),) if position is None else (SetValue((key, position), line),)


def ranges_as_one(differences: list[Difference], raw: Tree) -> list[Difference]:
    """``differences`` where the ports of one written range that are missing all together are one."""
    removed_ports = {
        label: difference
        for difference in differences
        if difference.side is Side.DESIRED and (label := _port_label(difference)) is not None
    }
    instead: dict[str, Difference | None] = {}
    for entry in elements(raw.get("ports")):
        labels = _labels_of_range(entry, len(removed_ports))
        if labels and all(label in removed_ports for label in labels):
            first = removed_ports[labels[0]]
            around = first.location.above or first.location
            location = around.element(range_label(entry), int(first.location.at), entry)
            instead |= dict.fromkeys(labels) | {labels[0]: replace(first, location=location, desired=entry)}
            for label in labels:
                del removed_ports[label]
    result = [
        instead.get(label, difference) if (label := _port_label(difference)) else difference
        for difference in differences
    ]
    return [difference for difference in result if difference is not None]


def _port_label(difference: Difference) -> str | None:
    match difference.location.path:
        case ("ports", Item(key=label)):
            return label
        case _:
            return None


def _labels_of_range(entry: JSON, most: int) -> list[str]:
    """The labels of the ports that a range is; none for a single port and for a range of more than ``most``."""
    first, last, _ = ports.range_of(entry) or (0, 0, "")
    shape = service_shape().child("ports")
    return [label_of(port, shape) for port in ports.port(entry)] if first < last <= first + most - 1 else []


def _element(index: EntryIndex, key: str, path: Path, difference: Difference) -> tuple[Edit, ...]:
    """A port, mount or device: the whole short entry is written anew, a long one entry by entry."""
    element = path[1] if len(path) > 1 else None
    if not isinstance(element, Item):
        return ()
    label, raw = element.key, index.raw
    position = index.at(key, label)
    if position is None:
        return _new_element(raw, key, difference) if difference.side is Side.OBSERVED and len(path) == 2 else ()
    if len(path) == 2:
        return (RemoveEntry((key, position)),) if difference.observed is None else ()
    entry = value_at(raw, (key, position))
    if isinstance(entry, (dict, Mapping)):
        return _plain_in(raw, (key, position, *map(str, path[2:])), difference)
    long = _with(index.element(key, label), str(path[2]), difference.observed)
    short = None if long is None else _short(key, long)
    return () if short is None else (SetValue((key, position), short),)


def _plain_in(raw: Tree, pointer: Pointer, difference: Difference) -> tuple[Edit, ...]:
    if difference.observed is None:
        return (RemoveEntry(pointer),) if exists_at(raw, pointer) else ()
    before = value_at(raw, pointer)
    live = difference.observed
    number = isinstance(before, int) and isinstance(live, str) and live.isdigit()
    return _set_value(raw, pointer, int(str(live)) if number else live)


def _new_element(raw: Tree, key: str, difference: Difference) -> tuple[Edit, ...]:
    entries_listed = raw.get(key)
    if not isinstance(difference.observed, (dict, Mapping)):
        return ()
    long_style = (
        isinstance(entries_listed, (list, tuple))
        and bool(entries_listed)
        and isinstance(entries_listed[-1], (dict, Mapping))
    )
    short = None if long_style else _short(key, difference.observed)
    named_parts = {name: value for name, value in difference.observed.items() if value != ports.ALL_ADDRESSES}
    entry: JSON = named_parts if short is None else short
    if isinstance(entries_listed, (list, tuple)):
        return (AddEntry((key,), None, entry),)
    return (AddEntry((), key, [entry]),) if entries_listed is None else ()


def _with(element: Tree, field: str, value: JSON) -> Tree | None:
    changed = {**element, field: value}
    return {name: entry for name, entry in changed.items() if entry is not None} if element else None


def _short(key: str, element: Tree) -> str | None:
    """The short entry that means ``element``; None where short syntax cannot say it."""
    match key:
        case "ports":
            return _short_port(element)
        case "volumes":
            return _short_mount(element)
        case _:
            rights = element.get("permissions")
            tail = f":{rights}" if rights not in {None, "rwm"} else ""
            return f"{element.get('source')}:{element.get('target')}{tail}"


def _short_port(element: Tree) -> str:
    address = str(element["host_ip"]) if element.get("host_ip") else ""
    address = "" if address == ports.ALL_ADDRESSES else address
    address = f"[{address}]" if ":" in address else address
    protocol = element.get("protocol")
    tail = f"/{protocol}" if protocol not in {None, "tcp"} else ""
    published = str(element.get("published") or "")
    head = f"{address}:{published}:" if address else f"{published}:" if published else ""
    return f"{head}{element.get('target')}{tail}"


def _short_mount(element: Tree) -> str | None:
    if element.get("type") not in {"bind", "volume"} or element.get("bind"):
        return None
    source, target = str(element.get("source") or ""), str(element.get("target"))
    if ":" in source or ":" in target:
        return None
    is_volume = element.get("type") == "volume"
    if source and is_volume == source.startswith(("/", ".", "~")):
        return None
    mode = ":ro" if element.get("read_only") else ""
    return f"{source}:{target}{mode}" if source else target


def _network(networks: Sequence[JSON], name: str, difference: Difference) -> tuple[Edit, ...]:
    """One network of a list, which can say no more than names."""
    if difference.observed is not None:
        return (AddEntry(("networks",), None, name),) if not difference.observed else ()
    return (RemoveEntry(("networks", [*networks].index(name))),) if name in networks else ()
