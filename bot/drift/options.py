"""How a comparison is made: everything that settings may change about it, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.drift.platforms import Platforms
from bot.drift.severity.fields import FieldGrants
from bot.drift.severity.grants import Grants
from bot.drift.shapes import Shape
from bot.model.json import Tree


@dataclass(frozen=True, slots=True)
class Roster:
    """Names of field managers that an installation knows beyond the usual ones."""

    people: frozenset[str] = frozenset()
    deployers: frozenset[str] = frozenset()
    controllers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DefinedVersions:
    """What the definition of a custom kind says of its versions: their schemas by name. ``converted``: by a webhook."""

    converted: bool = False
    schemas: Mapping[str, Tree] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ComparisonOptions:
    """``mask_key`` keys the digests that stand for secrets. Fingerprints of drifts on secrets hold those digests, so a
    bot that remembers passes the same key every time; a one-off comparison may pass random bytes, and one without any
    secret passes none: then secrets are shown as hidden, without a digest.

    ``ignore_aggregated_roles``: the rules of a ClusterRole with an ``aggregationRule`` are the controller's, which
    overwrites them (Kubernetes: Using RBAC Authorization, "Aggregated ClusterRoles").
    ``list_map_keys``: by (group, kind) of a custom resource, the keys of its lists by path (``spec.listeners``:
    ``("name",)``), for CRDs whose definition is not at hand.
    """

    mask_key: bytes = field(repr=False)
    ignore_aggregated_roles: bool = True
    list_map_keys: Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    roster: Roster = field(default_factory=Roster)
    grants: Grants = field(default_factory=Grants, repr=False)
    """Which labels and annotations grant or expose something."""
    fields: FieldGrants = field(default_factory=FieldGrants, repr=False)
    """Which fields grant, guard or trust something."""
    platforms: Platforms = field(default_factory=Platforms, repr=False)
    """What platforms and their controllers do to objects by themselves."""
    shapes: Mapping[tuple[str, str], Shape] = field(default_factory=dict, repr=False)
    """Shapes by (group, kind) made from CRDs with :func:`bot.drift.kubernetes.crds.shapes_of_crd`."""
    versions: Mapping[tuple[str, str], DefinedVersions] = field(default_factory=dict, repr=False)
    """By (group, kind), what definitions in sight say of the versions of a custom kind."""
