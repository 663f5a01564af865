"""What makes artifacts and objects of what Git declares, and what brings what Git only names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot.assembly.config import AssembledConfig
    from bot.edits.overlays import OverlayEntry, Overlays
    from bot.model.filetree import FileTree
    from bot.model.resource import Desired
    from bot.model.target import Rendering, Unit
    from bot.model.upstream import NotFetched, UpstreamFiles, UpstreamRequest


class Upstream(Protocol):
    """Has what the repository names and does not hold. Never raises for what others do or do not have."""

    def fetch(self, request: UpstreamRequest) -> UpstreamFiles | NotFetched:
        """What ``request`` comes to now, from where settings allow it. The same answer for all who ask within a while."""
        ...

    def cached(self, request: UpstreamRequest) -> UpstreamFiles | NotFetched:
        """What :meth:`fetch` answered before; nothing is asked for."""
        ...


class UnitRenderer(Protocol):
    """Renders the units of targets with the tools that deploy them."""

    def render_all(self, requests: Sequence[tuple[Unit, FileTree]]) -> Sequence[Rendering]:
        """What each unit comes to in its tree, in the order asked; they do not depend on one another. Never raises for
        what a repository says: that is the rendering's ``error``.
        """
        ...


class DroppedEntry(Protocol):
    """An overlay entry that rendering left out because configuration changed, and why in a sentence."""

    @property
    def task(self) -> str: ...

    @property
    def entry(self) -> OverlayEntry: ...

    @property
    def reason(self) -> str: ...


class Bundle(Protocol):
    """What rendering comes to: files below ``.clockwork/build/`` (complete: any other there is stale), the resources
    they declare with origins in ``.cw`` files, and overlay entries to forget.
    """

    @property
    def files(self) -> Mapping[str, bytes]: ...

    @property
    def desired(self) -> Sequence[Desired]: ...

    @property
    def dropped(self) -> Sequence[DroppedEntry]: ...


class Renderer(Protocol):
    """Renders configuration and overlays into artifacts: a pure function, the same bytes everywhere."""

    def __call__(self, config: AssembledConfig, overlays: Overlays) -> Bundle: ...
