"""Which live resource a declared one means, whether it should be there, and whether Git should declare a live one.

Called by :mod:`bot.drift.compare`. Mostly identity tells; where it does not, the platform is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import assert_never

from bot.drift.compose import projects
from bot.drift.kubernetes import presence as objects
from bot.drift.live import Live
from bot.model.json import Tree
from bot.model.resource import Desired, Observed, Platform, ResourceId


class Presence:
    """The live ``resources`` beside what Git declares. ``notable``: all declarations that others depend on."""

    def __init__(self, resources: Mapping[ResourceId, Observed], notable: Sequence[Desired]) -> None:
        self._live = Live(resources)
        self._projects = projects.Projects(self._live, notable)

    def matching(self, desired: Desired) -> Observed | None:
        """The live resource that ``desired`` means; None when there is none, or more than one may be meant."""
        observed = self._live.resources.get(desired.id)
        if observed is not None:
            return observed
        match desired.id.platform:
            case Platform.KUBERNETES:
                return objects.matching(self._live, desired.id)
            case Platform.COMPOSE:
                return self._projects.matching(desired)
            case Platform.TERRAFORM | Platform.HTTP:
                return None
            case _:
                assert_never(desired.id.platform)

    def expected(self, desired: Desired) -> bool:
        """Whether the absence of ``desired`` is worth a word."""
        kind_seen = (desired.id.platform, desired.id.kind) in self._kinds
        match desired.id.platform:
            case Platform.KUBERNETES:
                return objects.expected(desired)
            case Platform.COMPOSE:
                return projects.expected(desired, kind_seen=kind_seen)
            case Platform.TERRAFORM | Platform.HTTP:
                return kind_seen
            case _:
                assert_never(desired.id.platform)

    @cached_property
    def _kinds(self) -> frozenset[tuple[Platform, str]]:
        return frozenset((id_.platform, id_.kind) for id_ in self._live.resources)

    def undeclared(self, matched: set[int], bases: Mapping[ResourceId, Tree]) -> Iterator[tuple[Observed, str]]:
        """Live resources that Git should declare, each with the reason: applied earlier, or marked as ours, or an orphan
        of a Compose project that Git declares. ``matched`` holds the ``id()`` of those that Git declares.
        """
        for id_, observed in self._live.resources.items():
            if id(observed) in matched:
                continue
            reason = "applied earlier and no longer in Git" if id_ in bases else self._claim(observed)
            if reason is not None:
                yield observed, reason

    def _claim(self, observed: Observed) -> str | None:
        match observed.id.platform:
            case Platform.KUBERNETES:
                return objects.claim(observed)
            case Platform.COMPOSE:
                return self._projects.claim(observed.id)
            case Platform.TERRAFORM | Platform.HTTP:
                return None
            case _:
                assert_never(observed.id.platform)
