"""Single values of a service that the schema allows and docker compose refuses all the same.

Called by :mod:`bot.intake.compose_check`. Sources, of compose-go: ``format/volume.go``, ``validation/volume.go``,
``types/device.go``, ``types/hostList.go``, ``types/types.go`` (``UnitBytes``) and ``override/uncity.go``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final

from bot.intake.compose_casts import is_address
from bot.intake.compose_schema import SchemaFault, described_value, named, shown
from bot.intake.located import LocatedValue
from bot.model.compose_texts import mount_parts
from bot.model.json import Pointer, text

_SIZED: Final = ("mem_limit", "mem_reservation", "memswap_limit", "shm_size")
_UNCOPIED: Final = frozenset({"rebuild", "restart"})
_STARTS: Final = frozenset({"CMD", "CMD-SHELL", "NONE"})


def misshapen(pointer: tuple[str, str], service: LocatedValue) -> Iterator[SchemaFault]:
    """What is wrong with the mounts, devices, ports, hosts, sizes and health check of a service."""
    fields = service.mapping
    yield from _mounts(pointer, fields)
    yield from _devices(pointer, fields)
    for at, item in _items(fields, "ports"):
        if item.mapping and "target" not in item.mapping:
            yield SchemaFault((*pointer, "ports", at), item, f"{shown((*pointer, 'ports', at))} has no 'target'")
        address = item.mapping.get("host_ip")
        if address is not None and not address.location.unknown and not is_address(address.text):
            yield _strange((*pointer, "ports", at, "host_ip"), address, "an address without brackets")
    for key in ("ports", "expose"):
        for at, item in _items(fields, key):
            if isinstance(item.data, float) or (key == "ports" and item.data == 0):
                yield _strange((*pointer, key, at), item, "a port")
    for at, item in _items(fields, "extra_hosts"):
        if item.text is not None and "=" not in item.text and ":" not in item.text:
            yield _strange((*pointer, "extra_hosts", at), item, "a name with its address, NAME=ADDRESS")
    for at, item in _items(fields, "env_file"):
        kind = item.mapping.get("format")
        if kind is not None and kind.text not in {"", "raw"}:
            yield _strange((*pointer, "env_file", at, "format"), kind, "'raw', or no format")
    for key in _SIZED:
        if key in fields and isinstance(fields[key].data, float):
            yield _strange((*pointer, key), fields[key], "a whole number of bytes, or a size such as 64m")
    if "cpus" in fields and isinstance(fields["cpus"].data, float) and not math.isfinite(fields["cpus"].data):
        yield _strange((*pointer, "cpus"), fields["cpus"], "a number")
    yield from _health(pointer, service)
    yield from _build(pointer, service)
    yield from _requests(pointer, service)
    yield from _watched(pointer, service)


def _items(fields: Mapping[str, LocatedValue], key: str) -> Iterator[tuple[int, LocatedValue]]:
    """The elements of a list of the service that are known."""
    for at, item in enumerate(fields[key].elements if key in fields else ()):
        if not item.location.unknown:
            yield at, item


def _strange(pointer: Pointer, value: LocatedValue, expected: str) -> SchemaFault:
    return SchemaFault(pointer, value, f"{shown(pointer)} is {described_value(value)}", expected)


def _mounts(pointer: tuple[str, str], fields: Mapping[str, LocatedValue]) -> Iterator[SchemaFault]:
    for at, item in _items(fields, "volumes"):
        item_pointer = (*pointer, "volumes", at)
        if item.mapping and "target" not in item.mapping:
            yield SchemaFault(item_pointer, item, f"{shown(item_pointer)} has no 'target'")
        elif item.mapping and text(item.mapping["type"].plain()) == "bind" and "source" not in item.mapping:
            yield SchemaFault(item_pointer, item, f"{shown(item_pointer)} is of the type 'bind' and has no 'source'")
        elif item.text is not None and mount_parts(item.text) is None:
            yield _strange(item_pointer, item, "SOURCE:TARGET or SOURCE:TARGET:OPTIONS")


def _devices(pointer: tuple[str, str], fields: Mapping[str, LocatedValue]) -> Iterator[SchemaFault]:
    for at, item in _items(fields, "devices"):
        item_pointer = (*pointer, "devices", at)
        if item.mapping and "target" not in item.mapping:
            yield SchemaFault(item_pointer, item, f"{shown(item_pointer)} has no 'target'")
        elif item.text is not None and item.text.count(":") > 2:
            yield _strange(item_pointer, item, "HOST, HOST:CONTAINER or HOST:CONTAINER:PERMISSIONS")


def _health(pointer: tuple[str, str], service: LocatedValue) -> Iterator[SchemaFault]:
    test = service.child(("healthcheck", "test"))
    if test is not None and test.elements and test.elements[0].plain() not in _STARTS:
        first = test.elements[0]
        message = f"{shown(pointer)}.healthcheck.test begins with {described_value(first)}"
        yield SchemaFault((*pointer, "healthcheck", "test", 0), first, message, "'CMD', 'CMD-SHELL' or 'NONE'")
    retries = service.child(("healthcheck", "retries"))
    if retries is not None and isinstance(retries.data, (int, float)) and retries.data < 0:
        yield _strange((*pointer, "healthcheck", "retries"), retries, "at least 0")


def _build(pointer: tuple[str, str], service: LocatedValue) -> Iterator[SchemaFault]:
    build = service.mapping.get("build")
    if build is not None and "dockerfile" in build.mapping and "dockerfile_inline" in build.mapping:
        value = build.mapping["dockerfile_inline"]
        message = f"{shown((*pointer, 'build'))} has both 'dockerfile' and 'dockerfile_inline'"
        yield SchemaFault((*pointer, "build", "dockerfile_inline"), value, message, "one of them")
    platform, platforms = service.mapping.get("platform"), service.child(("build", "platforms"))
    platform_names = (
        [item.text for item in platforms.elements if not item.location.unknown] if platforms is not None else []
    )
    if (
        platform is not None
        and platform.text
        and platform_names
        and platform.text not in platform_names
        and not platform.location.unknown
    ):
        message = f"{shown((*pointer, 'build', 'platforms'))} lacks {named(platform, platform.text)}"
        yield SchemaFault((*pointer, "platform"), platform, message, "the platform that the service runs on")
    for path in (("environment",), ("build", "args")):
        pairs = service.child(path)
        for at, item in enumerate(pairs.elements if pairs is not None else ()):
            name = (item.text or "").partition("=")[0]
            if name != name.rstrip() and not item.location.unknown:
                message = f"{shown((*pointer, *path, at))} has a blank at the end of its name"
                yield SchemaFault((*pointer, *path, at), item, message, f"{named(item, name.rstrip())}=VALUE")


def _requests(pointer: tuple[str, str], service: LocatedValue) -> Iterator[SchemaFault]:
    """Devices by number and by name at once."""
    for path in (("gpus",), ("deploy", "resources", "reservations", "devices")):
        requests = service.child(path)
        for at, item in enumerate(requests.elements if requests is not None else ()):
            if "count" in item.mapping and "device_ids" in item.mapping:
                item_pointer = (*pointer, *path, at)
                message = f"{shown(item_pointer)} has both 'count' and 'device_ids'"
                yield SchemaFault(item_pointer, item.mapping["count"], message, "one of them")


def _watched(pointer: tuple[str, str], service: LocatedValue) -> Iterator[SchemaFault]:
    """Files to copy that have no place to go."""
    watch = service.child(("develop", "watch"))
    for at, item in enumerate(watch.elements if watch is not None else ()):
        action, target = item.mapping.get("action"), item.mapping.get("target")
        if (
            action is not None
            and action.text not in _UNCOPIED
            and not action.location.unknown
            and not (target and target.data)
        ):
            item_pointer = (*pointer, "develop", "watch", at)
            yield SchemaFault(
                item_pointer, item, f"{shown(item_pointer)} has no 'target'", "the folder that files are copied to"
            )
