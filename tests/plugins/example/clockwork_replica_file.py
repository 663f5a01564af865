"""An observer for Clockwork: how many replicas of each Deployment run, from lines such as ``shop/web 3``.

Chosen in a repository's clockwork.yaml:

    observe:
      plugins:
        replica-file: {path: /var/lib/replicas.txt}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.errors import Invalid
from bot.model.observation import Observation
from bot.model.resource import Desired, Observed, Platform, Unreachable
from bot.ports import PluginContext


def observer(context: PluginContext, /) -> ReplicaFile:
    """What the entry point names. Options come from the settings file unchecked: what is wrong with them is ``Invalid``."""
    path = context.options.get("path")
    if not isinstance(path, str) or set(context.options) != {"path"}:
        raise Invalid("replica-file takes one option, path", advice="Write replica-file: {path: FILE}.")
    return ReplicaFile(Path(path))


@dataclass(frozen=True, slots=True)
class ReplicaFile:
    """Satisfies :class:`bot.ports.Observer`. A file that cannot be read is data, neither drift nor its absence."""

    path: Path
    name: str = "replica-file"

    def observe(self, declared: Sequence[Desired], /, *, now: datetime) -> Observation:
        try:
            lines = self.path.read_text().splitlines()
        except OSError as exc:
            unreachable = Unreachable(self.name, str(self.path), str(exc.strerror))
            return Observation(now, unreachable=(unreachable,))
        counts = {name: int(count) for name, count in (line.split() for line in lines)}
        return Observation(
            now,
            resources={observed.id: observed for observed in _running(declared, counts)},
            covered=frozenset({Platform.KUBERNETES}),
            kinds=frozenset({("apps", "Deployment")}),
        )


def _running(declared: Sequence[Desired], counts: Mapping[str, int]) -> Iterator[Observed]:
    """Each Deployment that the file names, as declared but with so many replicas; of the others none runs."""
    for desired in declared:
        count = counts.get(f"{desired.id.scope}/{desired.id.name}")
        spec = desired.tree.get("spec")
        if desired.id.kind == "Deployment" and count is not None and isinstance(spec, Mapping):
            yield Observed(desired.id, {**desired.tree, "spec": {**spec, "replicas": count}})
