"""What is wrong with a whole Compose project: keys and types by the schema, and names that nothing declares.

Called by :mod:`bot.intake.compose` and, for a change, by the guard. Sources: ``schema``, ``validation`` and
``loader/validate.go`` of compose-go, and ``interpolateTypeCastMapping`` of ``loader/interpolate.go``.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from bot.intake.compose_merge import mount_key
from bot.intake.compose_schema import LONGEST_NUMBER, SchemaFault, faults, is_duration, named, shown, told
from bot.intake.declared import meant
from bot.intake.sited import Sited
from bot.model.json import JSON, Pointer, Tree, mapping, text

_WHOLE: Final = re.compile(r"[+-]?\d+\Z", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?) ?[kmgtp]?i?b?\Z", re.IGNORECASE | re.ASCII)
_PORT: Final = re.compile(
    r"(?:(?:\[[0-9a-fA-F:.]+\]|[0-9a-fA-F:]*::[0-9a-fA-F:]*|\d+(?:\.\d+){3}):)?"
    r"(?:(?:(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?)?:)?(?P<target>\d{1,5})(?:-(?P<end>\d{1,5}))?(?:/(?:tcp|udp|sctp))?\Z",
    re.ASCII | re.IGNORECASE,
)
_TRUTH: Final = {
    **dict.fromkeys(("true", "y", "yes", "on"), True),
    **dict.fromkeys(("false", "n", "no", "off"), False),
}


def _whole(text: str) -> int | None:
    return int(text) if len(text) < 20 and _WHOLE.match(text) else None


def _number(text: str) -> float | None:
    return float(text) if len(text) < LONGEST_NUMBER and _NUMBER.match(text) else None


def _truth(text: str) -> bool | None:
    return _TRUTH.get(text.lower())


def _duration(written: str) -> str | None:
    return written if not written or is_duration(written) else None


def _size(written: str) -> str | None:
    return written if _SIZE.match(written.strip()) or written == "-1" else None


def _port(written: str) -> str | None:
    match = _PORT.match(written)
    if match is None:
        return None
    ports = [int(match[name]) for name in ("first", "last", "target", "end") if match[name]]
    published = int(match["last"] or match["first"] or 0) - int(match["first"] or 0)
    wide = int(match["end"] or match["target"]) - int(match["target"])
    matching = not match["first"] or published == wide or not wide
    return written if matching and wide >= 0 and max(ports) < 65536 else None


_INTEGERS: Final = (
    "cpu_count cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares oom_score_adj pids_limit scale deploy.replicas "
    "deploy.update_config.parallelism deploy.rollback_config.parallelism deploy.restart_policy.max_attempts "
    "deploy.placement.max_replicas_per_node healthcheck.retries ports.*.target ulimits.* ulimits.*.hard ulimits.*.soft"
)
_NUMBERS: Final = "cpu_percent cpus deploy.update_config.max_failure_ratio deploy.rollback_config.max_failure_ratio"
_TRUTHS: Final = (
    "init healthcheck.disable oom_kill_disable privileged read_only stdin_open tty "
    "volumes.*.read_only volumes.*.volume.nocopy"
)
_DURATIONS: Final = (
    "stop_grace_period healthcheck.interval healthcheck.timeout healthcheck.start_period healthcheck.start_interval "
    "deploy.restart_policy.delay deploy.restart_policy.window deploy.update_config.delay deploy.update_config.monitor "
    "deploy.rollback_config.delay deploy.rollback_config.monitor"
)
_SIZES: Final = (
    "mem_limit mem_reservation memswap_limit shm_size "
    "deploy.resources.limits.memory deploy.resources.reservations.memory"
)
_CASTS: Final[Mapping[str, tuple[Callable[[str], str | int | float | bool | None], str]]] = {
    **{f"services.*.{path}": (_whole, "a whole number") for path in _INTEGERS.split()},
    **{f"services.*.{path}": (_number, "a number") for path in _NUMBERS.split()},
    **{f"services.*.{path}": (_truth, "true or false") for path in _TRUTHS.split()},
    **{f"services.*.{path}": (_duration, "a time such as 1m30s") for path in _DURATIONS.split()},
    **{f"services.*.{path}": (_size, "a size such as 64m") for path in _SIZES.split()},
    "services.*.ports.*": (_port, "a port such as 8080:80 or 127.0.0.1:53:53/udp"),
    **{f"{kind}.*.external": (_truth, "true or false") for kind in ("networks", "volumes", "secrets", "configs")},
    **{
        f"networks.*.{key}": (_truth, "true or false")
        for key in ("internal", "attachable", "enable_ipv4", "enable_ipv6")
    },
}
"""What a text is read as where a number or a truth value stands; by path, with ``*`` for any name or index."""


def _tree_of_paths() -> dict[str, JSON]:
    """The paths as a tree: each step leads on, the empty step to the name of the whole path."""
    top: dict[str, JSON] = {}
    for path in _CASTS:
        level: dict[str, Any] = top
        for step in path.split("."):
            level = level.setdefault(step, {})
        level[""] = path
    return top


_PATHS: Final[Tree] = _tree_of_paths()


def as_typed(tree: Sited, report: Callable[[SchemaFault], None]) -> Sited:
    """The project with each text that stands for a number or a truth value read as one; a text that is none is reported."""
    return _typed(tree, (), (_PATHS,), report)


def _typed(tree: Sited, place: Pointer, paths: tuple[Tree, ...], report: Callable[[SchemaFault], None]) -> Sited:
    if not paths:
        return tree
    if isinstance(tree.data, dict):
        entries = {key: _typed(child, (*place, key), _below(paths, key), report) for key, child in tree.data.items()}
        return replace(tree, data=entries)
    if isinstance(tree.data, list):
        below = _below(paths, "*")
        return replace(tree, data=[_typed(item, (*place, at), below, report) for at, item in enumerate(tree.data)])
    name = next((text(path[""]) for path in paths if "" in path), "")
    if tree.text is None or tree.site.unknown or not name:
        return tree
    read, expected = _CASTS[name]
    value = read(tree.text)
    if value is None:
        report(SchemaFault(place, tree, f"{shown(place)} is {told(tree)}", expected))
        return replace(tree, site=replace(tree.site, unknown=True))
    return replace(tree, data=value)


def _below(paths: tuple[Tree, ...], key: str) -> tuple[Tree, ...]:
    steps = (path.get(step) for path in paths for step in {key, "*"} if step)
    return tuple(mapping(step) for step in steps if isinstance(step, dict))


def check(tree: Sited, enabled: Collection[str]) -> Iterator[SchemaFault]:
    """What is wrong with a whole project; what its services refer to is asked of the ``enabled`` ones alone."""
    wrong: list[SchemaFault] = []
    typed = as_typed(tree, wrong.append)
    yield from wrong
    schematic = [*faults(typed)]
    yield from schematic
    if schematic:
        return
    services = typed.mapping.get("services")
    named = services.mapping if services is not None else {}
    for name in enabled:
        if name in named:
            yield from _service(name, named[name], typed)
    yield from _circle(named)
    for kind, ways in (("configs", ("file", "environment", "content")), ("secrets", ("file", "environment"))):
        for name, value in _section(typed, kind).items():
            yield from _contents((kind, name), value, ways)
    for name, value in _section(typed, "volumes").items():
        yield from _foreign(("volumes", name), value)


def _section(tree: Sited, name: str) -> Mapping[str, Sited]:
    section = tree.mapping.get(name)
    return {} if section is None else section.mapping


def _service(name: str, service: Sited, project: Sited) -> Iterator[SchemaFault]:
    place = ("services", name)
    own = service.mapping
    yield from _references(place, service, project)
    if "network_mode" in own and own.get("networks") is not None and _names(own["networks"]):
        message = f"{shown(place)} has both 'network_mode' and 'networks'"
        yield SchemaFault((*place, "network_mode"), own["network_mode"], message, "one of them")
    test = service.child(("healthcheck", "test"))
    if test is not None and test.elements and test.elements[0].plain() not in {"CMD", "CMD-SHELL", "NONE"}:
        first = test.elements[0]
        message = f"{shown(place)}.healthcheck.test begins with {told(first)}"
        yield SchemaFault((*place, "healthcheck", "test", 0), first, message, "'CMD', 'CMD-SHELL' or 'NONE'")
    yield from _numbers(place, service)
    yield from _mounted_twice(place, service)


def _references(place: tuple[str, str], service: Sited, project: Sited) -> Iterator[SchemaFault]:
    """Networks, volumes, secrets, configs, models and services that the project does not have."""
    own, services = service.mapping, _section(project, "services")
    asked: list[tuple[str, str, str, Sited]] = []
    for key in ("networks", "models"):
        if key in own:
            asked += [(key, key[:-1], name, value) for name, value in _names(own[key]).items()]
    for key in ("secrets", "configs"):
        listed = own[key].elements if key in own else ()
        asked += [(key, key[:-1], text(source.plain()), source) for item in listed if (source := _source(item))]
    for item in own["volumes"].elements if "volumes" in own else ():
        if (volume := _volume(item)) is not None:
            asked.append(("volumes", "volume", volume, item))
    for kind, word, name, value in asked:
        if not value.site.unknown and name not in _section(project, kind) and (kind, name) != ("networks", "default"):
            message = f"{shown(place)} refers to the {word} {named(value, name)}, which is not declared"
            yield SchemaFault((*place, kind), value, message, f"{named(value, name)} under '{kind}'")
    for name, value in _names(own["depends_on"]).items() if "depends_on" in own else ():
        if name not in services:
            yield SchemaFault(
                (*place, "depends_on"),
                value,
                f"{shown(place)} depends on {named(value, name)}, which is no service",
                meant(name, services),
            )
    mode = own.get("network_mode")
    joined = (mode.text or "").partition("service:")[2] if mode is not None and not mode.site.unknown else ""
    if mode is not None and joined and joined not in services:
        yield SchemaFault(
            (*place, "network_mode"),
            mode,
            f"{shown(place)} joins {named(mode, joined)}, which is no service",
            meant(joined, services),
        )


def _names(value: Sited) -> Mapping[str, Sited]:
    """The names in a list of them, or those that a mapping has."""
    return value.mapping or {str(item.plain()): item for item in value.elements}


def _source(item: Sited) -> Sited | None:
    return item.mapping.get("source") if item.mapping else item


def _volume(item: Sited) -> str | None:
    """The named volume of a mount; None where it has none."""
    if item.site.unknown:
        return None
    if item.mapping:
        kind, source = item.mapping.get("type"), item.mapping.get("source")
        named = kind is not None and kind.plain() == "volume" and source is not None and not source.site.unknown
        return source.text if named and source is not None else None
    source_text, colon, _ = (item.text or "").partition(":")
    path = source_text[:1] in {".", "/", "~", "\\"} or (len(source_text) == 1 and (item.text or "")[2:3] in {"\\", "/"})
    return source_text if colon and source_text and not path else None


_TWICE: Final = (
    ("cpus", ("deploy", "resources", "limits", "cpus")),
    ("pids_limit", ("deploy", "resources", "limits", "pids")),
    ("scale", ("deploy", "replicas")),
)


def _numbers(place: tuple[str, str], service: Sited) -> Iterator[SchemaFault]:
    for key, path in _TWICE:
        old, new = service.mapping.get(key), service.child(path)
        if old is None or new is None or old.site.unknown or new.site.unknown:
            continue
        if _number(str(old.plain())) != _number(str(new.plain())):
            message = f"{shown(place)} has another {key!r} than {shown(path)}"
            yield SchemaFault((*place, key), old, message, "one of them, or the same value")
    scale = service.mapping.get("scale") or service.child(("deploy", "replicas"))
    number = scale.data if scale is not None else None
    if scale is not None and isinstance(number, int) and number < 0:
        yield SchemaFault((*place, "scale"), scale, f"{shown(place)} has {told(scale)} containers", "at least 0")
    if scale is not None and isinstance(number, int) and number > 1 and "container_name" in service.mapping:
        message = f"{shown(place)} has {told(scale)} containers of one 'container_name'"
        yield SchemaFault(
            (*place, "container_name"), service.mapping["container_name"], message, "no name, or one container"
        )


def _mounted_twice(place: tuple[str, str], service: Sited) -> Iterator[SchemaFault]:
    tmpfs, volumes = service.mapping.get("tmpfs"), service.mapping.get("volumes")
    mounts = [(item, text(item.plain()).partition(":")[0]) for item in (tmpfs.elements or [tmpfs] if tmpfs else ())]
    mounts += [(item, posixpath.normpath(mount_key(item))) for item in (volumes.elements if volumes else ())]
    seen: set[str] = set()
    for item, target in mounts:
        if target in seen and not item.site.unknown:
            yield SchemaFault(
                (*place, "volumes"), item, f"{shown(place)} mounts {named(item, target)} twice", "each place once"
            )
        seen.add(target)


def _circle(services: Mapping[str, Sited]) -> Iterator[SchemaFault]:
    """The first service on a circle of ``depends_on``."""
    done: set[str] = set()
    for start in services:
        path = {start: iter(_needs(services[start]))} if start not in done else {}
        while path:
            last = next(reversed(path))
            step = next(path[last], None)
            if step is None:
                done.add(last)
                del path[last]
            elif step in path:
                message = f"services.{step} depends on itself: {' -> '.join([*_until(path, step), step])}"
                yield SchemaFault(("services", step, "depends_on"), services[step].mapping["depends_on"], message)
                return
            elif step in services and step not in done:
                path[step] = iter(_needs(services[step]))


def _needs(service: Sited) -> Mapping[str, Sited]:
    needs = service.mapping.get("depends_on")
    return {} if needs is None else _names(needs)


def _until(path: Mapping[str, object], name: str) -> list[str]:
    names = [*path]
    return names[names.index(name) :]


def _contents(place: tuple[str, str], value: Sited, ways: tuple[str, ...]) -> Iterator[SchemaFault]:
    given = [way for way in ways if way in value.mapping]
    expected = _one_of(ways)
    if len(given) > 1:
        yield SchemaFault(place, value, f"{shown(place)} has {' and '.join(map(repr, given))}", expected)
    if not given and "driver" not in value.mapping and "external" not in value.mapping and not value.site.unknown:
        yield SchemaFault(place, value, f"{shown(place)} has no contents", expected)


def _one_of(ways: tuple[str, ...]) -> str:
    *some, last = map(repr, ways)
    return f"one of {', '.join(some)} and {last}"


def _foreign(place: tuple[str, str], value: Sited) -> Iterator[SchemaFault]:
    mark = value.mapping.get("external")
    if mark is None or not (mark.mapping or mark.plain() is True):
        return
    for key, child in value.mapping.items():
        if key not in {"external", "name"} and not key.startswith("x-"):
            message = f"{shown(place)} exists already ('external') and has {key!r}"
            yield SchemaFault((*place, key), child, message, "nothing but its name")
