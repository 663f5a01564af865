"""Two Compose values into one, as ``docker compose -f a -f b`` does. Used for override files and ``extends``.

Sources: the Compose specification, "Merge"; ``override/merge.go`` and ``override/uncity.go`` of compose-go, which carry it out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from bot.intake.located import LocatedValue
from bot.model.compose_texts import clean_path, mount_parts
from bot.model.json import Pointer

KeyPath: TypeAlias = tuple[str, ...]
"""Where a value stands, with ``*`` for the name of a service or another resource."""

# Docker docs, Compose file reference, "Merge" ("Exceptions"); where that is silent ``override/`` of compose-go.
_SERVICE: Final = ("services", "*")
_LABELLED: Final = (("networks", "*"), ("volumes", "*"), (*_SERVICE, "deploy"), (*_SERVICE, "build"))
_OVERRIDDEN: Final = frozenset({(*_SERVICE, "command"), (*_SERVICE, "entrypoint"), (*_SERVICE, "healthcheck", "test")})
"""What an override replaces, also by null."""
_PAIRS: Final = frozenset(
    {
        *((*_SERVICE, key) for key in ("environment", "labels", "annotations", "sysctls", "extra_hosts")),
        *((*_SERVICE, "build", key) for key in ("args", "additional_contexts", "extra_hosts")),
        *((*labelled_place, "labels") for labelled_place in _LABELLED),
    }
)
"""Mappings that may be written as a list of ``KEY=value``; an override goes by key."""
_LISTS: Final = frozenset(
    (*_SERVICE, key) for key in ("dns", "dns_opt", "dns_search", "env_file", "label_file", "tmpfs")
)
"""What may be one text or a list of them; an override adds."""
_NAMED: Final = frozenset((*_SERVICE, key) for key in ("depends_on", "networks", "models"))
"""What may be a list of names or a mapping from them; an override goes by name."""
_REPLACED: Final = frozenset({(*_SERVICE, "ulimits")})


def _ignored(_clash: LocatedValue) -> None:
    """Nobody wants to know."""


def merge(
    base: LocatedValue,
    over: LocatedValue,
    pointer: KeyPath = _SERVICE,
    clash: Callable[[LocatedValue], None] = _ignored,
) -> LocatedValue:
    """``base`` with ``over`` laid on it. ``pointer`` is that of both; ``clash`` is told of each value of ``over`` that is of
    another form than what it is laid on, which makes the two together unknown.
    """
    if pointer in _OVERRIDDEN:
        return over
    if over.data is None:
        return base
    if pointer in _PAIRS and isinstance(base.data, (dict, list)) and isinstance(over.data, (dict, list)):
        return _pairs(base, over, separates=pointer[-1] == "extra_hosts")
    if pointer in _LISTS:
        return replace(over, data=[*_listed(base), *_listed(over)])
    if pointer in _NAMED:
        base, over = _named(base, pointer[-1]), _named(over, pointer[-1])
    if pointer == (*_SERVICE, "build"):
        base, over = _context(base), _context(over)
    if pointer == (*_SERVICE, "logging") and _other_driver(base, over):
        return over
    if isinstance(base.data, dict) and isinstance(over.data, dict):
        return replace(over, data=_merged(base.data, over.data, pointer, clash))
    if isinstance(base.data, list) and isinstance(over.data, list):
        return replace(over, data=base.data + over.data)
    if isinstance(base.data, (dict, list)):
        if not over.location.unknown:
            clash(over)
        return replace(over, location=replace(over.location, unknown=True))
    return over


def _merged(
    base: Mapping[str, LocatedValue],
    over: Mapping[str, LocatedValue],
    pointer: KeyPath,
    clash: Callable[[LocatedValue], None],
) -> dict[str, LocatedValue]:
    entries = dict(base)
    for key, child in over.items():
        below = (*pointer, "*") if len(pointer) == 1 else (*pointer, key)
        earlier = entries.get(key)
        entries[key] = child if earlier is None or pointer in _REPLACED else merge(earlier, child, below, clash)
    return entries


def _listed(value: LocatedValue) -> list[LocatedValue]:
    if isinstance(value.data, list):
        return value.data
    return [] if value.data is None or value.mapping else [value]


def _named(value: LocatedValue, key: str) -> LocatedValue:
    """A list of names as a mapping from them to what a name alone means."""
    if not isinstance(value.data, list):
        return value
    return replace(value, data={str(item.plain()): _alone(item, key) for item in value.data})


def _alone(item: LocatedValue, key: str) -> LocatedValue:
    if key != "depends_on":
        return replace(item, data=None)
    return replace(item, data={"condition": replace(item, data="service_started")})


def _context(build: LocatedValue) -> LocatedValue:
    return build if build.text is None else replace(build, data={"context": build})


def _other_driver(base: LocatedValue, over: LocatedValue) -> bool:
    """Options belong to a driver: they stay only where the override names the same one, or one side names none."""
    before, after = base.mapping.get("driver"), over.mapping.get("driver")
    return before is not None and after is not None and before.plain() != after.plain()


def _pairs(base: LocatedValue, over: LocatedValue, *, separates: bool) -> LocatedValue:
    """By key whichever way each is written; the result is written as ``base`` is, so that its places stay. ``separates``: one
    name may have several values.
    """
    if isinstance(base.data, list) and isinstance(over.data, list):
        joined = base.data + over.data
        return replace(over, data=joined if separates else _once(joined, pair_key))
    if separates:
        return replace(over, data=_hosts(_by_host(base), _by_host(over)))
    entries = _by_key(base) | _by_key(over)
    return replace(over, data={key: _unpaired(item) for key, item in entries.items()})


def _by_host(hosts: LocatedValue) -> dict[str, LocatedValue]:
    """Addresses by name; in a list both are joined by an equals sign or a colon."""
    if isinstance(hosts.data, dict):
        return dict(hosts.data)
    entries: dict[str, LocatedValue] = {}
    for item in hosts.elements:
        name, _, address = (
            (item.text or "").replace(":" if "=" not in (item.text or "") else "=", "=", 1).partition("=")
        )
        entries = _hosts(entries, {name: replace(item, data=address)})
    return entries


def _hosts(base: Mapping[str, LocatedValue], over: Mapping[str, LocatedValue]) -> dict[str, LocatedValue]:
    """Names with the addresses of both sides."""
    entries = dict(base)
    for name, child in over.items():
        earlier = entries.get(name)
        entries[name] = child if earlier is None else replace(child, data=[*_listed(earlier), *_listed(child)])
    return entries


def _by_key(pairs: LocatedValue) -> dict[str, LocatedValue]:
    if isinstance(pairs.data, dict):
        return dict(pairs.data)
    return {pair_key(item): item for item in pairs.elements}


def pair_key(item: LocatedValue) -> str:
    """What an element ``KEY=value`` hides when it comes again: its key."""
    return str(item.plain()).partition("=")[0]


def _unpaired(item: LocatedValue) -> LocatedValue:
    """The value of ``KEY=value`` that is written as an element of a list; none where the name stands alone."""
    if item.text is None or not item.location.pointer or isinstance(item.location.pointer[-1], str):
        return item
    _, equals, value = item.text.partition("=")
    return replace(item, data=value if equals else None)


def _text_key(item: LocatedValue) -> str:
    return str(item.plain())


def mount_key(item: LocatedValue) -> str:
    """What a mount hides when it comes again: its place in the container."""
    if item.mapping:
        return _long_key(item)
    mount_text = str(item.plain())
    parts = mount_parts(mount_text)
    return mount_text if parts is None else clean_path(parts[min(len(parts), 2) - 1])


def _long_key(item: LocatedValue) -> str:
    target = item.mapping.get("target") or item.mapping.get("source")
    return str(target.plain() if target else item.plain())


def device_key(item: LocatedValue) -> str:
    """The same of a device."""
    source, _, remainder = str(item.plain()).partition(":")
    return _long_key(item) if item.mapping else remainder.partition(":")[0] or source


def _port_key(item: LocatedValue) -> str:
    if not item.mapping:
        return str(item.plain())
    defaults = {"host_ip": "0.0.0.0", "published": "", "target": "", "protocol": "tcp"}  # noqa: S104 (the default's name)
    values_given = {key: child.plain() for key in defaults if (child := item.mapping.get(key)) is not None}
    return repr(sorted((key, str(values_given.get(key, default))) for key, default in defaults.items()))


def _file_key(item: LocatedValue) -> str:
    return str(item.mapping.get("path", item).plain())


def _granted_key(root: str) -> Callable[[LocatedValue], str]:
    """The place of a secret or config in the container."""

    def key(item: LocatedValue) -> str:
        target = item.mapping.get("target")
        source = item.mapping.get("source", item)
        return str(target.plain()) if target else f"{root}/{source.plain()}"

    return key


_UNIQUE: Final[Mapping[Pointer, Callable[[LocatedValue], str]]] = {
    **{(key,): pair_key for key in ("annotations", "dns", "dns_opt", "dns_search", "environment", "labels", "links")},
    **{(key,): pair_key for key in ("cap_add", "cap_drop", "profiles", "sysctls", "tmpfs")},
    ("volumes",): mount_key,
    ("devices",): device_key,
    ("build", "args"): pair_key,
    ("build", "labels"): pair_key,
    ("deploy", "labels"): pair_key,
    ("expose",): _text_key,
    ("env_file",): _file_key,
    ("ports",): _port_key,
    ("secrets",): _granted_key("/run/secrets"),
    ("configs",): _granted_key(""),
}
"""Lists of a service in which an element that comes again takes the place of the first one."""


def without_repeats(service: LocatedValue) -> LocatedValue:
    """A service whose lists have each element once, the last one in the place of the first; ``gpus: all`` is such a list."""
    gpus = service.mapping.get("gpus")
    if gpus is not None and gpus.text == "all":
        service = _with(service, ("gpus",), replace(gpus, data=[replace(gpus, data={"count": gpus})]))
    for pointer, key in _UNIQUE.items():
        list_value = service.child(pointer)
        if list_value is not None and len(list_value.elements) > 1:
            service = _with(service, pointer, replace(list_value, data=_once(list_value.elements, key)))
    networks = service.mapping.get("networks")
    if networks is None or not networks.mapping:
        return service
    attached = {name: _names_once(network) for name, network in networks.mapping.items()}
    return _with(service, ("networks",), replace(networks, data=attached))


def _names_once(network: LocatedValue) -> LocatedValue:
    """A service's place in a network, its names and addresses each once."""
    lists = ((key, network.mapping[key]) for key in ("aliases", "link_local_ips") if key in network.mapping)
    unique_lists = {
        key: replace(list_value, data=_once(list_value.elements, _text_key))
        for key, list_value in lists
        if list_value.elements
    }
    return replace(network, data={**network.mapping, **unique_lists}) if unique_lists else network


def _once(items: Iterable[LocatedValue], key: Callable[[LocatedValue], str]) -> list[LocatedValue]:
    return list({key(item): item for item in items}.values())


def _with(tree: LocatedValue, pointer: Pointer, value: LocatedValue) -> LocatedValue:
    if not pointer:
        return value
    name = str(pointer[0])
    return replace(tree, data={**tree.mapping, name: _with(tree.mapping[name], pointer[1:], value)})
