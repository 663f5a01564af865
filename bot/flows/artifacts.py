"""What ``clockwork render`` has to write, and whether what it was asked with makes sense."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.errors import Invalid
from bot.flows.declare import Declaration
from bot.intake.declared import nearest
from bot.model.resource import SourceError


@dataclass(frozen=True, slots=True)
class ArtifactRendering:
    """Stale artifacts by path, with the bytes they should have (None: there should be none), or why nothing renders."""

    changes: Mapping[str, bytes | None] = field(default_factory=dict)
    errors: tuple[SourceError, ...] = ()


def rendering(declaration: Declaration) -> ArtifactRendering:
    """What has to be written so that the artifacts are what the ``.cw`` files say."""
    if declaration.assembly is not None and declaration.assembly.errors:
        return ArtifactRendering(errors=declaration.assembly.errors)
    files = {} if declaration.bundle is None else declaration.bundle.files
    return ArtifactRendering({path: files.get(path) for path in (str(drift.path[0]) for drift in declaration.stale)})


def check_variables(names: Iterable[str], declaration: Declaration, repository: str) -> None:
    """Raise ``Invalid`` for a ``--var`` that no ``.cw`` file declares: a misspelt name must not pass in silence."""
    assembly = declaration.assembly
    if assembly is not None and assembly.errors:
        return
    declared = assembly.variables if assembly is not None else frozenset[str]()
    for name in names:
        if name not in declared:
            problem = (
                f"the .cw files of {repository} declare no such variable"
                if assembly
                else f"{repository} has no .cw files"
            )
            suggestion = nearest(name, declared)
            raise Invalid(f"--var {name}: {problem}" + (f"; did you mean {suggestion!r}?" if suggestion else ""))
