"""Texts of a Compose project that stand for numbers, truth values, times, sizes and ports, read as such.

Called by :mod:`bot.intake.compose_check`. Sources: ``interpolateTypeCastMapping`` of ``loader/interpolate.go`` and the types of
compose-go; ``RAMInBytes`` of docker/go-units; ``nat.ParsePortSpec`` of docker/go-connections.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import Any, Final

from bot.intake.compose_schema import LONGEST_NUMBER, SchemaFault, described_value, is_duration, shown
from bot.intake.located import LocatedValue
from bot.model.compose_texts import shell_words
from bot.model.json import JSON, Pointer, Tree, mapping, text

_INTEGER: Final = re.compile(r"[+-]?\d+\Z", re.ASCII)
_DIGITS: Final = r"\d+(?:_\d+)*"
_NUMBER: Final = re.compile(rf"[+-]?({_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})([eE][+-]?{_DIGITS})?\Z", re.ASCII)
_SIZE: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+) ?(?:([kmgtp])(?:i?b)?|b)?\Z", re.IGNORECASE | re.ASCII)
_MODE: Final = re.compile(r"[+-]?[0-7]{1,21}\Z", re.ASCII)
_PORT: Final = re.compile(
    r"(?:(?:(?P<address>\[[0-9a-fA-F:.]+\]|[0-9a-fA-F:]*::[0-9a-fA-F:]*|\d+(?:\.\d+){3})?:)?"
    r"(?:(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?)?:)?(?P<target>\d{1,5})(?:-(?P<end>\d{1,5}))?(?:/(?:tcp|udp|sctp))?\Z",
    re.ASCII | re.IGNORECASE,
)
_TRUTH: Final = {
    **dict.fromkeys(("true", "y", "yes", "on"), True),
    **dict.fromkeys(("false", "n", "no", "off"), False),
}


def _whole_number(text: str) -> int | None:
    return int(text) if len(text) < 20 and _INTEGER.match(text) else None


def number(text: str) -> float | None:
    """A text as a number; None where it is none."""
    read = float(text) if len(text) < LONGEST_NUMBER and _NUMBER.match(text) else math.inf
    return None if math.isinf(read) else read


def _truth(text: str) -> bool | None:
    return _TRUTH.get(text.lower())


def _duration(duration_text: str) -> str | None:
    return duration_text if is_duration(duration_text) else None


def byte_count(size_text: str) -> float | None:
    """A size as a number of bytes, with units of 1024; None where it is none."""
    match = _SIZE.match(size_text) if len(size_text) <= LONGEST_NUMBER else None
    return number(size_text) if match is None else float(match[1]) * 1024.0 ** " kmgtp".index((match[2] or " ").lower())


def _size(size_text: str) -> str | None:
    return size_text if _SIZE.match(size_text) else None


def _command(command_text: str) -> str | None:
    return command_text if shell_words(command_text) is not None else None


def _mode(mode_text: str) -> str | None:
    return mode_text if _MODE.match(mode_text) else None


def _never(_text: str) -> None:
    """Nothing."""


def is_address(address_text: str | None) -> bool:
    """Whether that is an IP address or nothing."""
    try:
        return not address_text or ip_address(address_text) is not None
    except ValueError:
        return False


def _port(port_text: str) -> str | None:
    match = _PORT.match(port_text) if len(port_text) <= LONGEST_NUMBER else None
    if match is None or not is_address((match["address"] or "").strip("[]")):
        return None
    ports = [int(match[name]) for name in ("first", "last", "target", "end") if match[name]]
    published = int(match["last"] or match["first"] or 0) - int(match["first"] or 0)
    wide = int(match["end"] or match["target"]) - int(match["target"])
    matching = not match["first"] or published == wide or not wide
    return (
        port_text if matching and wide >= 0 and published >= 0 and int(match["target"]) and max(ports) < 65536 else None
    )


_INTEGERS: Final = (
    "cpu_count cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares oom_score_adj pids_limit scale deploy.replicas "
    "deploy.update_config.parallelism deploy.rollback_config.parallelism deploy.restart_policy.max_attempts "
    "deploy.placement.max_replicas_per_node healthcheck.retries ports.*.target ulimits.* ulimits.*.hard ulimits.*.soft"
)
_NUMBERS: Final = (
    "cpu_percent cpus deploy.update_config.max_failure_ratio deploy.rollback_config.max_failure_ratio "
    "deploy.resources.limits.cpus deploy.resources.reservations.cpus"
)
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
    "deploy.resources.limits.memory deploy.resources.reservations.memory volumes.*.tmpfs.size "
    "blkio_config.device_read_bps.*.rate blkio_config.device_write_bps.*.rate"
)
_COMMANDS: Final = "command entrypoint post_start.*.command pre_stop.*.command"
_MODES: Final = "configs.*.mode secrets.*.mode build.secrets.*.mode"
_NO_TEXTS: Final = "blkio_config.weight blkio_config.weight_device.*.weight volumes.*.tmpfs.mode"
"""Where the schema allows a text and docker compose takes none."""
_CASTS: Final[Mapping[str, tuple[Callable[[str], str | int | float | bool | None], str]]] = {
    **{f"services.*.{path}": (_whole_number, "a whole number") for path in _INTEGERS.split()},
    **{f"services.*.{path}": (number, "a number") for path in _NUMBERS.split()},
    **{f"services.*.{path}": (_truth, "true or false") for path in _TRUTHS.split()},
    **{f"services.*.{path}": (_duration, "a time such as 1m30s") for path in _DURATIONS.split()},
    **{f"services.*.{path}": (_size, "a size such as 64m") for path in _SIZES.split()},
    **{f"services.*.{path}": (_command, "a command whose quotes are closed") for path in _COMMANDS.split()},
    **{f"services.*.{path}": (_mode, "a mode such as 0440") for path in _MODES.split()},
    **{f"services.*.{path}": (_never, "a number") for path in _NO_TEXTS.split()},
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


def as_typed(tree: LocatedValue, report: Callable[[SchemaFault], None]) -> LocatedValue:
    """The project with each text that stands for a number or a truth value read as one; a text that is none is reported."""
    return _typed(tree, (), (_PATHS,), report)


def _typed(
    tree: LocatedValue, pointer: Pointer, paths: tuple[Tree, ...], report: Callable[[SchemaFault], None]
) -> LocatedValue:
    if not paths:
        return tree
    if isinstance(tree.data, dict):
        entries = {key: _typed(child, (*pointer, key), _below(paths, key), report) for key, child in tree.data.items()}
        return replace(tree, data=entries)
    if isinstance(tree.data, list):
        below = _below(paths, "*")
        return replace(tree, data=[_typed(item, (*pointer, at), below, report) for at, item in enumerate(tree.data)])
    name = next((text(path[""]) for path in paths if "" in path), "")
    if tree.text is None or tree.location.unknown or not name:
        return tree
    read, expected = _CASTS[name]
    value = read(tree.text)
    if value is None:
        report(SchemaFault(pointer, tree, f"{shown(pointer)} is {described_value(tree)}", expected))
        return replace(tree, location=replace(tree.location, unknown=True))
    return replace(tree, data=value)


def _below(paths: tuple[Tree, ...], key: str) -> tuple[Tree, ...]:
    steps = (path.get(step) for path in paths for step in {key, "*"} if step)
    return tuple(mapping(step) for step in steps if isinstance(step, dict))
