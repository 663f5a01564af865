"""The mounts of a service in long form. Also used by the edits, which read single entries.

Sources: the Compose specification, 05-services.md, volumes, tmpfs, secrets and configs.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.drift import values
from bot.drift.compose import notation
from bot.model.compose_texts import clean_path, is_host_path, mount_parts
from bot.model.json import JSON, Tree, elements, get, mapping


def mounts(value: JSON) -> JSON:
    """Every mount that has a source or is a tmpfs, in long form; anonymous volumes hold nothing to compare."""
    if not isinstance(value, (list, tuple)):
        return value
    return [entry for entry in map(mount, value) if not _is_anonymous(mapping(entry))]


def _is_anonymous(mount: Tree) -> bool:
    return mount.get("type") == "volume" and not mount.get("source")


def mount(entry: JSON) -> JSON:
    """One entry of ``volumes`` in long form ``{type, source, target, read_only, bind}``."""
    if isinstance(entry, (dict, Mapping)):
        return _long_mount(entry)
    if not isinstance(entry, str) or not entry:
        return entry
    parts = mount_parts(entry)
    if parts is None:
        return entry
    if len(parts) == 1:
        return {"type": "volume", "target": clean_path(parts[0])}
    source, target, *options = parts
    modes = [part for option in options for part in option.split(",")]
    kind = "bind" if is_host_path(source) else "volume"
    propagation = next((mode for mode in sorted(modes) if mode.endswith(("shared", "slave", "private"))), None)
    long: dict[str, JSON] = {"type": kind, "source": source, "target": target}
    if next((mode for mode in reversed(modes) if mode in {"ro", "rw"}), "rw") == "ro":
        long["read_only"] = True
    if propagation:
        long["bind"] = {"propagation": propagation}
    return _long_mount(long)


def _long_mount(entry: Tree) -> JSON:
    target = entry.get("target")
    cleaned = clean_path(target) if isinstance(target, str) else target
    mount: dict[str, JSON] = {"type": entry.get("type") or "volume", "target": cleaned}
    if entry.get("source"):
        mount["source"] = _source(mount["type"], folder(entry["source"]))
    if values.boolean(entry.get("read_only")) is True:
        mount["read_only"] = True
    propagation = get(entry, "bind", "propagation")
    if propagation and propagation != "rprivate":
        mount["bind"] = {"propagation": propagation}
    return mount


def _source(kind: JSON, path: JSON) -> JSON:
    """A folder of the host that is named from the project's own begins with a dot, as short syntax demands."""
    if kind == "bind" and isinstance(path, str) and path.startswith("/"):
        return clean_path(path)
    if kind != "bind" or not isinstance(path, str) or path[:1] in {".", "~", "\\", "$"} or path[1:2] == ":":
        return path
    return f"./{path}"


def folder(path: JSON) -> JSON:
    """A path without a slash at its end; a name that is no path as it is."""
    return path.rstrip("/") or "/" if isinstance(path, str) and path.startswith(("/", ".", "~")) else path


def tmpfs(value: JSON) -> JSON:
    """One tmpfs or a list of them as a list, each with the options that say something."""
    entries = [value] if isinstance(value, str) else elements(value)
    pairs = (str(entry).partition(":")[::2] for entry in entries)
    return [notation.tmpfs(str(folder(target)), options) for target, options in pairs]


def _targets(value: JSON, root: str) -> set[str]:
    """Where the entries of a service's ``configs`` or ``secrets`` are mounted."""
    targets = set()
    for entry in elements(value):
        name = mapping(entry).get("target") or mapping(entry).get("source") or entry
        targets.add(name if isinstance(name, str) and name.startswith("/") else f"{root}{name}")
    return targets


def brought_mounts(raw: Tree) -> set[str]:
    """Targets that a container has mounted because of ``configs`` and ``secrets``."""
    return _targets(raw.get("configs"), "/") | _targets(raw.get("secrets"), notation.SECRETS)
