"""The clusters that Argo CD knows, as settings name them: what its cluster generator would find in cluster Secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ArgoCluster:
    """A cluster that Argo CD deploys to, as its cluster Secret describes it."""

    name: str
    server: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
