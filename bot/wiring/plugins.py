"""Observers, renderers, assistants and code hosts that other packages bring along as entry points.

The settings file names one by the name of its entry point; what that must be is said in :mod:`bot.ports`
(``ObserverPlugin`` and its kin). Only what is named is imported, and a plug-in that cannot be used ends the run as bad
settings do: whoever named it wants it asked, and nothing else in its place.

Entry points: Python Packaging User Guide, "Entry points specification".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from bot.errors import BotError, Invalid
from bot.ports import Assistant, CodeHost, HostContext, Observer, PluginContext, Renderer

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def installed(group: str) -> tuple[str, ...]:
    """The names in ``group`` (observers, renderers, assistants or hosts) that installed packages offer, sorted."""
    from importlib.metadata import entry_points

    return tuple(sorted({entry.name for entry in entry_points(group=_full(group))}))


def observer(name: str, context: PluginContext) -> Observer:
    """The observer that the plug-in ``name`` makes. ``Invalid`` when it makes none, as for the others."""
    plugin = _load("observers", name, context)
    return plugin if isinstance(plugin, Observer) else _refuse("observers", name, plugin, "an observer")


def assistant(name: str, context: PluginContext) -> Assistant:
    """The assistant that the plug-in ``name`` makes."""
    plugin = _load("assistants", name, context)
    return plugin if isinstance(plugin, Assistant) else _refuse("assistants", name, plugin, "an assistant")


def host(name: str, context: HostContext) -> CodeHost:
    """The code host that the plug-in ``name`` makes."""
    plugin = _load("hosts", name, context)
    return plugin if isinstance(plugin, CodeHost) else _refuse("hosts", name, plugin, "a code host")


def renderer(name: str, context: PluginContext) -> Renderer:
    """The renderer that the plug-in ``name`` makes."""
    plugin = _load("renderers", name, context)
    return plugin if callable(plugin) else _refuse("renderers", name, plugin, "a renderer")


def _load(group: str, name: str, context: PluginContext) -> object:
    entry = _entry(group, name)
    try:
        return entry.load()(context)
    except BotError:
        raise
    except Exception as exc:  # somebody else's code may fail in any way; which one it was must be said
        raise Invalid(
            f"the plug-in {name} ({_full(group)}, {_origin(entry)}) fails to load: {type(exc).__name__}: {exc}",
            advice="Fix or upgrade that package, or take the plug-in out of the settings.",
        ) from exc


def _entry(group: str, name: str) -> EntryPoint:
    """The one entry point of that name. Two packages that offer it are an error: chance must not choose."""
    from importlib.metadata import entry_points

    entries = tuple(entry_points(group=_full(group), name=name))
    if not entries:
        raise Invalid(f"no installed package offers a plug-in {name} ({_full(group)})")
    if len({entry.value for entry in entries}) > 1:
        origins = ", ".join(sorted(_origin(entry) for entry in entries))
        raise Invalid(f"several packages offer a plug-in {name} ({_full(group)}): {origins}", advice="Uninstall one.")
    return entries[0]


def _refuse(group: str, name: str, plugin: object, kind: str) -> NoReturn:
    origin = f"{_full(group)}, {_origin(_entry(group, name))}"
    raise Invalid(
        f"the plug-in {name} ({origin}) gives {type(plugin).__name__}, which is not {kind}",
        advice="bot.ports says what it must have.",
    )


def _full(group: str) -> str:
    return f"clockwork.{group}"


def _origin(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else entry.value
