"""The labels of every resource of a comparison, wherever its platform keeps them. Ignore rules select by them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import assert_never

from bot.drift.compose.declared import process
from bot.drift.selector import Labels
from bot.drift.values import text
from bot.model.json import JSON, Tree, get, mapping
from bot.model.resource import Desired, Observed, Platform, ResourceId


@dataclass
class Labelled:
    """The labels of every resource: as Git declares them, and as they are live for what Git does not declare, so that
    nobody who reaches the live side moves a declared resource into a selection.
    """

    desired: Iterable[Desired]
    resources: Mapping[ResourceId, Observed]

    def of(self, id_: ResourceId) -> Labels | None:
        """The labels of one resource; None where its platform has none."""
        tree = self._declared.get(id_)
        if tree is None:
            observed = self.resources.get(id_)
            tree = {} if observed is None else observed.tree
        match id_.platform:
            case Platform.KUBERNETES:
                return _labels(get(tree, "metadata", "labels"))
            case Platform.COMPOSE:
                return _labels(process.labels(tree.get("labels")))
            case Platform.TERRAFORM | Platform.HTTP:
                return None
            case _:
                assert_never(id_.platform)

    @cached_property
    def _declared(self) -> Mapping[ResourceId, Tree]:
        return {desired.id: desired.tree for desired in self.desired}


def _labels(labels: JSON) -> Labels:
    return {key: str(text(value)) for key, value in mapping(labels).items()}
