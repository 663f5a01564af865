"""What is wrong with a whole Compose project: keys and types by the schema, and names that nothing declares.

Called by :mod:`bot.intake.compose` and, for a change, by the guard. Sources: ``schema``, ``validation`` and
``loader/validate.go`` of compose-go.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final

from bot.intake.compose_casts import as_typed, byte_count, number
from bot.intake.compose_forms import misshapen
from bot.intake.compose_merge import mount_key
from bot.intake.compose_needs import circle, missing, names
from bot.intake.compose_schema import SchemaFault, described_value, faults, named, shown
from bot.intake.declared import nearest_name
from bot.intake.located import LocatedValue
from bot.model.compose_texts import clean_path, is_host_path, mount_parts
from bot.model.json import Pointer, text


def check(tree: LocatedValue, enabled: Collection[str]) -> Iterator[SchemaFault]:
    """What is wrong with a whole project; what its services refer to is asked of the ``enabled`` ones alone."""
    wrong: list[SchemaFault] = []
    typed = as_typed(tree, wrong.append)
    yield from wrong
    schematic = [*faults(typed)]
    yield from schematic
    if schematic:
        return
    services = _section(typed, "services")
    running = {name: services[name] for name in enabled if name in services}
    for name, service in running.items():
        yield from missing(name, services, running)
        yield from _service(name, service, typed)
    yield from circle(running)
    yield from _named_alike(running)
    for kind, source_keys in (("configs", ("file", "environment", "content")), ("secrets", ("file", "environment"))):
        for name, value in _section(typed, kind).items():
            yield from _contents((kind, name), value, source_keys)
    for name, value in _section(typed, "volumes").items():
        yield from _foreign(("volumes", name), value)


def _section(tree: LocatedValue, name: str) -> Mapping[str, LocatedValue]:
    section = tree.mapping.get(name)
    return {} if section is None else section.mapping


def _service(name: str, service: LocatedValue, project: LocatedValue) -> Iterator[SchemaFault]:
    pointer = ("services", name)
    fields = service.mapping
    yield from _references(pointer, service, project)
    if "network_mode" in fields and fields.get("networks") is not None and names(fields["networks"]):
        message = f"{shown(pointer)} has both 'network_mode' and 'networks'"
        yield SchemaFault((*pointer, "network_mode"), fields["network_mode"], message, "one of them")
    yield from misshapen(pointer, service)
    yield from _numbers(pointer, service)
    yield from _mounted_twice(pointer, service)
    yield from _built_upon(pointer, service, _section(project, "services"))


def _references(pointer: tuple[str, str], service: LocatedValue, project: LocatedValue) -> Iterator[SchemaFault]:
    """Networks, volumes, secrets, configs and models that the project does not have."""
    fields = service.mapping
    references: list[tuple[str, str, str, LocatedValue]] = []
    for key in ("networks", "models"):
        if key in fields:
            references += [(key, key[:-1], name, value) for name, value in names(fields[key]).items()]
    for key in ("secrets", "configs"):
        items = fields[key].elements if key in fields else ()
        references += [(key, key[:-1], text(source.plain()), source) for item in items for source in (_source(item),)]
    for item in fields["volumes"].elements if "volumes" in fields else ():
        if (volume := _volume(item)) is not None:
            references.append(("volumes", "volume", volume, item))
    build = service.child(("build", "secrets"))
    for item in build.elements if build is not None else ():
        source = _source(item)
        references.append(("secrets", "secret", text(source.plain()), source))
    for kind, noun, name, value in references:
        if (
            not value.location.unknown
            and name not in _section(project, kind)
            and (kind, name) != ("networks", "default")
        ):
            message = f"{shown(pointer)} refers to the {noun} {named(value, name)}, which is not declared"
            yield SchemaFault((*pointer, kind), value, message, f"{named(value, name)} under '{kind}'")


def _source(item: LocatedValue) -> LocatedValue:
    """What says which one is meant; the whole element, which names none, where nothing does."""
    return item.mapping.get("source", item) if item.mapping else item


def _volume(item: LocatedValue) -> str | None:
    """The named volume of a mount; None where it has none."""
    if item.location.unknown:
        return None
    if item.mapping:
        kind, source = item.mapping.get("type"), item.mapping.get("source")
        names_volume = (
            kind is not None and kind.plain() == "volume" and source is not None and not source.location.unknown
        )
        return source.text if names_volume and source is not None else None
    parts = mount_parts(item.text or "")
    return parts[0] if parts is not None and len(parts) > 1 and not is_host_path(parts[0]) else None


_TWICE: Final[tuple[tuple[str, Pointer, Callable[[str], float | None]], ...]] = (
    ("cpus", ("deploy", "resources", "limits", "cpus"), number),
    ("mem_limit", ("deploy", "resources", "limits", "memory"), byte_count),
    ("mem_reservation", ("deploy", "resources", "reservations", "memory"), byte_count),
    ("pids_limit", ("deploy", "resources", "limits", "pids"), number),
    ("scale", ("deploy", "replicas"), number),
)


def _numbers(pointer: tuple[str, str], service: LocatedValue) -> Iterator[SchemaFault]:
    for key, path, read in _TWICE:
        old, new, around = service.mapping.get(key), service.child(path), service.child(path[:-1])
        if old is None or around is None or old.location.unknown or (new is not None and new.location.unknown):
            continue
        before, after = read(str(old.plain())), None if new is None else read(str(new.plain()))
        if (before or key == "scale") and before != after and (new is not None or key != "scale"):
            message = f"{shown(pointer)} has another {key!r} than {shown(path)}"
            yield SchemaFault((*pointer, key), old, message, "one of them, or the same value")
    scale = service.mapping.get("scale") or service.child(("deploy", "replicas"))
    count = scale.data if scale is not None else None
    if scale is not None and isinstance(count, int) and count < 0:
        yield SchemaFault(
            (*pointer, "scale"), scale, f"{shown(pointer)} has {described_value(scale)} containers", "at least 0"
        )
    if scale is not None and isinstance(count, int) and count > 1 and "container_name" in service.mapping:
        message = f"{shown(pointer)} has {described_value(scale)} containers of one 'container_name'"
        yield SchemaFault(
            (*pointer, "container_name"), service.mapping["container_name"], message, "no name, or one container"
        )


def _named_alike(services: Mapping[str, LocatedValue]) -> Iterator[SchemaFault]:
    """Services whose containers would have one name."""
    first: dict[str, str] = {}
    for name, service in services.items():
        container = service.mapping.get("container_name")
        if container is None or not container.text or container.location.unknown:
            continue
        first_name = first.setdefault(container.text, name)
        if first_name != name:
            pointer = ("services", name, "container_name")
            message = f"{shown(pointer)} is {described_value(container)}, which is that of services.{first_name}"
            yield SchemaFault(pointer, container, message, "a name for each container")


def _mounted_twice(pointer: tuple[str, str], service: LocatedValue) -> Iterator[SchemaFault]:
    tmpfs, volumes = service.mapping.get("tmpfs"), service.mapping.get("volumes")
    mounts = [(item, text(item.plain()).partition(":")[0]) for item in (tmpfs.elements or [tmpfs] if tmpfs else ())]
    mounts += [(item, clean_path(mount_key(item))) for item in (volumes.elements if volumes else ())]
    seen_targets: set[str] = set()
    for item, target in mounts:
        if target in seen_targets and not item.location.unknown:
            yield SchemaFault(
                (*pointer, "volumes"), item, f"{shown(pointer)} mounts {named(item, target)} twice", "each place once"
            )
        seen_targets.add(target)


def _contents(pointer: tuple[str, str], value: LocatedValue, source_keys: tuple[str, ...]) -> Iterator[SchemaFault]:
    given_keys = [key for key in source_keys if key in value.mapping]
    expected = _one_of(source_keys)
    if len(given_keys) > 1:
        yield SchemaFault(pointer, value, f"{shown(pointer)} has {' and '.join(map(repr, given_keys))}", expected)
    if not given_keys and "external" not in value.mapping and not value.location.unknown:
        yield SchemaFault(pointer, value, f"{shown(pointer)} has no contents", expected)


def _built_upon(
    pointer: tuple[str, str], service: LocatedValue, services: Mapping[str, LocatedValue]
) -> Iterator[SchemaFault]:
    """Services whose image another one is built upon, which must be built themselves."""
    contexts = service.child(("build", "additional_contexts"))
    context_items = (
        [(item, (item.text or "").partition("=")[2]) for item in contexts.elements] if contexts is not None else []
    )
    context_items += [(item, item.text or "") for item in contexts.mapping.values()] if contexts is not None else []
    for item, context_text in context_items:
        name = context_text.removeprefix("service:")
        if name == context_text or item.location.unknown:
            continue
        if name not in services:
            message = f"{shown(pointer)} is built upon {named(item, name)}, which is no service"
            yield SchemaFault((*pointer, "build"), item, message, nearest_name(name, services))
        elif "build" not in services[name].mapping:
            message = f"{shown(pointer)} is built upon {named(item, name)}, which is not built"
            yield SchemaFault((*pointer, "build"), item, message, f"'build' in {shown(('services', name))}")


def _one_of(source_keys: tuple[str, ...]) -> str:
    *some, last = map(repr, source_keys)
    return f"one of {', '.join(some)} and {last}"


def _foreign(pointer: tuple[str, str], value: LocatedValue) -> Iterator[SchemaFault]:
    mark = value.mapping.get("external")
    if mark is None or not (mark.mapping or mark.plain() is True):
        return
    for key, child in value.mapping.items():
        if key not in {"external", "name"} and not key.startswith("x-"):
            message = f"{shown(pointer)} exists already ('external') and has {key!r}"
            yield SchemaFault((*pointer, key), child, message, "nothing but its name")
