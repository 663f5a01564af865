"""``clockwork build``: what a commit comes to as a bundle of files. Writes nothing itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.errors import Invalid
from bot.flows.action_plan import commit_of
from bot.flows.declare import Declaration
from bot.model.upstream import UpstreamSource
from bot.plans.bundle import BundleProvenance, bundle
from bot.targets.expansion import Expansion


@dataclass(frozen=True, slots=True)
class Build:
    """A bundle: path to bytes, with the repository's name and the commit that it was made from."""

    files: Mapping[str, bytes]
    repository: str
    commit: str


def build(declaration: Declaration, *, repository: str) -> Build:
    """The files of every target that is compared. ``Invalid`` where something does not render: a bundle is whole or none."""
    errors = [error for error in declaration.errors if not error.note]
    if errors:
        raise Invalid("nothing was built, because of what is wrong in Git:\n  " + "\n  ".join(map(str, errors)))
    expansions = _expansions(declaration)
    if left := list(_left_out(expansions)):
        raise Invalid("nothing was built, because something does not render:\n  " + "\n  ".join(left))
    files = {**declaration.files, **({} if declaration.bundle is None else declaration.bundle.files)}
    provenance = BundleProvenance(repository, commit_of(declaration), tuple(_fetched(expansions)))
    return Build(bundle(declaration.resources, files, provenance), repository, provenance.commit)


def _left_out(expansions: Sequence[Expansion]) -> Iterator[str]:
    for expansion in expansions:
        for each in expansion.left_out:
            yield f"{expansion.target.name}: {each.subject}: {each.reason}"


def _fetched(expansions: Sequence[Expansion]) -> Iterator[UpstreamSource]:
    for expansion in expansions:
        for unit in expansion.units:
            yield from unit.rendering.fetched


def _expansions(declaration: Declaration) -> list[Expansion]:
    deployment = declaration.deployment
    return [] if deployment is None else [deployment.expansions[name] for name in sorted(deployment.looked)]
