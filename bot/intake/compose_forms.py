"""Single values of a service that the schema allows and docker compose refuses all the same.

Called by :mod:`bot.intake.compose_check`. Sources, of compose-go: ``format/volume.go``, ``validation/volume.go``,
``types/device.go``, ``types/hostList.go``, ``types/types.go`` (``UnitBytes``) and ``override/uncity.go``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from bot.intake.compose_schema import SchemaFault, shown, told
from bot.intake.sited import Sited
from bot.model.json import Pointer, text

_SIZED: Final = ("mem_limit", "mem_reservation", "memswap_limit", "shm_size")
_STARTS: Final = frozenset({"CMD", "CMD-SHELL", "NONE"})


def misshapen(place: tuple[str, str], service: Sited) -> Iterator[SchemaFault]:
    """What is wrong with the mounts, devices, ports, hosts, sizes and health check of a service."""
    own = service.mapping
    yield from _mounts(place, own)
    yield from _devices(place, own)
    for at, item in _items(own, "ports"):
        if item.mapping and "target" not in item.mapping:
            yield SchemaFault((*place, "ports", at), item, f"{shown((*place, 'ports', at))} has no 'target'")
    for key in ("ports", "expose"):
        for at, item in _items(own, key):
            if isinstance(item.data, float):
                yield _strange((*place, key, at), item, "a port")
    for at, item in _items(own, "extra_hosts"):
        if item.text is not None and "=" not in item.text and ":" not in item.text:
            yield _strange((*place, "extra_hosts", at), item, "a name with its address, NAME=ADDRESS")
    for at, item in _items(own, "env_file"):
        kind = item.mapping.get("format")
        if kind is not None and kind.text not in {"", "raw"}:
            yield _strange((*place, "env_file", at, "format"), kind, "'raw', or no format")
    for key in _SIZED:
        if key in own and isinstance(own[key].data, float):
            yield _strange((*place, key), own[key], "a whole number of bytes, or a size such as 64m")
    yield from _health(place, service)


def _items(own: Mapping[str, Sited], key: str) -> Iterator[tuple[int, Sited]]:
    """The elements of a list of the service that are known."""
    for at, item in enumerate(own[key].elements if key in own else ()):
        if not item.site.unknown:
            yield at, item


def _strange(place: Pointer, value: Sited, expected: str) -> SchemaFault:
    return SchemaFault(place, value, f"{shown(place)} is {told(value)}", expected)


def _mounts(place: tuple[str, str], own: Mapping[str, Sited]) -> Iterator[SchemaFault]:
    for at, item in _items(own, "volumes"):
        here = (*place, "volumes", at)
        if item.mapping and "target" not in item.mapping:
            yield SchemaFault(here, item, f"{shown(here)} has no 'target'")
        elif item.mapping and text(item.mapping["type"].plain()) == "bind" and "source" not in item.mapping:
            yield SchemaFault(here, item, f"{shown(here)} is of the type 'bind' and has no 'source'")
        elif item.text is not None and (not item.text or item.text.startswith(":")):
            yield _strange(here, item, "SOURCE:TARGET")


def _devices(place: tuple[str, str], own: Mapping[str, Sited]) -> Iterator[SchemaFault]:
    for at, item in _items(own, "devices"):
        here = (*place, "devices", at)
        if item.mapping and "target" not in item.mapping:
            yield SchemaFault(here, item, f"{shown(here)} has no 'target'")
        elif item.text is not None and item.text.count(":") > 2:
            yield _strange(here, item, "HOST, HOST:CONTAINER or HOST:CONTAINER:PERMISSIONS")


def _health(place: tuple[str, str], service: Sited) -> Iterator[SchemaFault]:
    test = service.child(("healthcheck", "test"))
    if test is not None and test.elements and test.elements[0].plain() not in _STARTS:
        first = test.elements[0]
        message = f"{shown(place)}.healthcheck.test begins with {told(first)}"
        yield SchemaFault((*place, "healthcheck", "test", 0), first, message, "'CMD', 'CMD-SHELL' or 'NONE'")
    retries = service.child(("healthcheck", "retries"))
    if retries is not None and isinstance(retries.data, (int, float)) and retries.data < 0:
        yield _strange((*place, "healthcheck", "retries"), retries, "at least 0")
