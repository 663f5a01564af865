"""Configuration to committed files: third stage of Intake → Assembly → Forge.

A pure function of configuration and overlays: the same input gives the same bytes on every machine, so that an artifact is
stale exactly when its bytes differ. Called by the flows on every tick and by the guardrails.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.assembly.config import AssembledConfig, Provider, Stack
from bot.assembly.tracing import TracedOrigins
from bot.edits.compose import doubled_dollars
from bot.edits.overlays import Overlays, apply_entry
from bot.edits.style import FileStyle, block
from bot.edits.values import applied
from bot.forge import compose, kubernetes
from bot.forge.bundle import BUILD, ArtifactBundle, ArtifactPart, Dropped
from bot.forge.ignored import left_alone
from bot.model.drift import SetValue
from bot.model.json import JSON, Pointer
from bot.model.resource import Desired, LeftAlone, SourceKind

__all__ = ["ArtifactBundle", "Dropped", "render"]


def render(config: AssembledConfig, overlays: Overlays) -> ArtifactBundle:
    """The artifacts of ``config`` with the overlays that still hold. Files are complete: what is not among them is stale."""
    parts = [part for stack in config.stacks for part in _parts(stack)]
    dropped: list[Dropped] = []
    patched = [(part, _patched(part, overlays, dropped)) for part in parts]
    known_parts = {(part.task, str(part.id)) for part in parts}
    for task, entries in overlays.tasks.items():
        dangling = [entry for entry in entries if (task, entry.resource) not in known_parts]
        dropped += [Dropped(task, entry, f"{entry.resource} is no longer declared") for entry in dangling]
    exempt = {
        id_: exempt_places
        for stack in config.stacks
        for resource in stack.resources
        for id_, exempt_places in left_alone(stack, resource, _parts).items()
    }
    desired = tuple(_desired(part, tree, exempt.get(part.id, ())) for part, tree in patched)
    files: dict[str, bytes] = {}
    for stack in config.stacks:
        stack_parts = [(part, tree) for part, tree in patched if part.artifact.startswith(f"{BUILD}/{stack.name}/")]
        files |= dict(_files(stack, stack_parts))
    return ArtifactBundle(dict(sorted(files.items())), desired, tuple(dropped))


def _parts(stack: Stack) -> Iterator[ArtifactPart]:
    yield from compose.parts(stack) if stack.provider is Provider.DOCKER else kubernetes.parts(stack)


def _patched(part: ArtifactPart, overlays: Overlays, dropped: list[Dropped]) -> JSON:
    tree = part.tree.plain()
    for entry in overlays.of(part.task, str(part.id)):
        result = apply_entry(tree, entry)
        if isinstance(result, str):
            dropped.append(Dropped(part.task, entry, result))
        else:
            tree = result
    return tree


def _desired(part: ArtifactPart, tree: JSON, exempt: tuple[LeftAlone, ...]) -> Desired:
    kind = part.resource.kind.value
    stack = part.artifact.split("/")[2]
    return Desired(
        id=part.id,
        task=part.task,
        source=SourceKind.CW,
        tree=tree if isinstance(tree, dict) else {},
        file=part.resource.file,
        line=part.resource.line,
        origins=TracedOrigins(part.tree, (stack, kind, part.resource.name), part.containers),
        document=part.document,
        root=part.root,
        artifact=part.artifact,
        sensitive=frozenset(_sensitive(part)),
        left_alone=exempt,
    )


def _sensitive(part: ArtifactPart) -> Iterator[Pointer]:
    for pointer, value in part.tree.walk():
        if value.trace.sensitive and not value.mapping and not value.elements:
            yield pointer


def _files(stack: Stack, patched: Sequence[tuple[ArtifactPart, JSON]]) -> Iterator[tuple[str, bytes]]:
    if stack.provider is Provider.DOCKER:
        tree: dict[str, JSON] = {"name": stack.name}
        for part, rendered in patched:
            section, name = part.root
            section_entries = tree.setdefault(str(section), {})
            if isinstance(section_entries, dict):
                section_entries[str(name)] = _committed(part, rendered)
        yield compose.artifact(stack), _document([part for part, _ in patched], [_yaml(tree)])
        return
    for path in dict.fromkeys(part.artifact for part, _ in patched):
        artifact_parts = [(part, rendered) for part, rendered in patched if part.artifact == path]
        yield path, _document([part for part, _ in artifact_parts], [_yaml(rendered) for _, rendered in artifact_parts])


def _document(parts: Sequence[ArtifactPart], texts: Sequence[str]) -> bytes:
    sources = ", ".join(sorted({part.resource.file for part in parts}))
    header = f"# Rendered by Clockwork from {sources}.\n# Change that; a change here is kept only as an overlay.\n"
    return (header + "---\n".join(texts)).encode("utf-8")


def _yaml(tree: JSON) -> str:
    return "\n".join(block(tree, FileStyle())) + "\n"


def _committed(part: ArtifactPart, tree: JSON) -> JSON:
    """A Compose tree as it may be committed: secret values are left to the environment, dollar signs are doubled.

    ``${NAME:?message}`` stops a deployment that has no value for it (Compose Specification, "Interpolation").
    """
    result = doubled_dollars(tree)
    for pointer in _sensitive(part):
        name = str(pointer[-1]).upper().replace("-", "_").replace(".", "_")
        result = applied(result, SetValue(pointer, f"${{{name}:?set {name} where this is deployed}}"))
    return result
