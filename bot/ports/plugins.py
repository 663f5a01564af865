"""What plug-ins outside of this repository are made with, and what each kind of them makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from bot.model.dataclass import dataclass
from bot.ports.platforms import silent

if TYPE_CHECKING:
    from bot.ports.assistants import Assistant
    from bot.ports.code_host import CodeHost
    from bot.ports.platforms import Observer, Tell
    from bot.ports.rendering import Renderer
    from bot.ports.repository import Clock


@dataclass(frozen=True, slots=True)
class PluginContext:
    """What a plug-in outside of this repository is made with.

    ``options`` are its own, as the settings file has them: nobody has checked them. ``environment`` is this process's,
    with its secrets. Time comes from ``clock`` alone.
    """

    options: Mapping[str, object]
    environment: Mapping[str, str] = field(repr=False)
    clock: Clock
    tell: Tell = field(default=silent, repr=False)


@dataclass(frozen=True, slots=True)
class HostContext(PluginContext):
    """What a plug-in for a code host is made with as well.

    ``remote`` is the Git address of the repository ``name``; ``token`` is CLOCKWORK_TOKEN, None without one.
    ``marker_key`` signs the marker that :class:`CodeHost` puts into the first line of everything of ours.
    """

    remote: str = ""
    name: str = ""
    token: str | None = field(default=None, repr=False)
    marker_key: bytes = field(default=b"", repr=False)


class ObserverPlugin(Protocol):
    """What an entry point of the group ``clockwork.observers`` names. Raises ``Invalid`` for options that are wrong."""

    def __call__(self, context: PluginContext, /) -> Observer: ...


class AssistantPlugin(Protocol):
    """What an entry point of the group ``clockwork.assistants`` names. Raises ``Invalid`` for options that are wrong."""

    def __call__(self, context: PluginContext, /) -> Assistant: ...


class RendererPlugin(Protocol):
    """What an entry point of the group ``clockwork.renderers`` names: it takes the place of the forge.

    One renderer makes all artifacts of the ``.cw`` files of a repository. Raises ``Invalid`` for options that are wrong.
    """

    def __call__(self, context: PluginContext, /) -> Renderer: ...


class HostPlugin(Protocol):
    """What an entry point of the group ``clockwork.hosts`` names. Raises ``Invalid`` for options that are wrong.

    The daemon lets a :class:`NotifyingHost` read its own deliveries.
    """

    def __call__(self, context: HostContext, /) -> CodeHost: ...
