"""What observers saw running, as one value: made by observers, compared with what Git declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.model.cluster import ServedApi
from bot.model.drift import Drift, IgnoreNote
from bot.model.json import Tree
from bot.model.resource import Observed, Platform, ResourceId, Unreachable


@dataclass(frozen=True, slots=True)
class Observation:
    """What one or more observers saw.

    ``covered`` names the platforms of which everything was listed, so that a declared resource that is not among
    ``resources`` is really missing; with ``kinds`` narrowing Kubernetes to the (group, kind) pairs that were listed
    (None: all). A declared resource outside of it was not looked at. ``differences`` are drifts that an observer
    compared itself (Terraform plans, HTTP probes); ``compared`` the platforms for which they are the whole answer.
    ``served`` is what the cluster serves, as far as this tells.
    """

    at: datetime
    resources: Mapping[ResourceId, Observed] = field(default_factory=dict)
    covered: frozenset[Platform] = frozenset()
    kinds: frozenset[tuple[str, str]] | None = None
    unreachable: tuple[Unreachable, ...] = ()
    differences: tuple[Drift, ...] = ()
    compared: frozenset[Platform] = frozenset()
    served: ServedApi = field(default_factory=ServedApi)
    schemas: tuple[Tree, ...] = ()
    """OpenAPI v3 documents of the cluster, of the kinds whose definition Git may not have."""
    source: str = ""
    """Where it was read, as messages name it; empty where the observer's name says it."""
    notes: tuple[IgnoreNote, ...] = ()
    """What a reader should know of how this was seen."""
