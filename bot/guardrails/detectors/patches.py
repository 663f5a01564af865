"""What patches do, as objects: a strategic-merge patch names a part of an object, a JSON patch only the paths it touches.

Sources: RFC 6902 (JSON Patch) and RFC 6901 (JSON Pointer); Kustomize documentation, "patches", "patchesStrategicMerge" and
"patchesJson6902"; Flux documentation, Kustomization ``.spec.patches`` and HelmRelease ``.spec.postRenderers``; Argo CD
documentation, "Kustomize", ``.spec.source.kustomize.patches`` of an Application and of what an ApplicationSet makes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from bot.guardrails.detectors.chart_values import KIND, values_of
from bot.guardrails.structure import Unparsed, parse_documents
from bot.intake.lined_node import LinedNode

_INLINE: Final = (("patches",), ("spec", "patches"), ("patchesJson6902",))
_WRITES: Final = frozenset({"add", "replace"})


def patched(documents: Iterable[LinedNode], *, values: bool = False) -> Iterator[LinedNode]:
    """The documents, and as much of an object as each patch in them writes. Lines are those of the file.

    What is handed to a chart is an object of the kind :data:`~bot.guardrails.detectors.chart_values.KIND`; with ``values`` the
    documents themselves are.
    """
    for document in documents:
        yield document
        yield from _values(document, is_complete=values)
        yield from _operations(document, None)
        for node, target in _patches(document):
            for moved in _opened(node):
                if isinstance(moved.value, dict):
                    yield moved
                yield from _operations(moved, target)


def _opened(node: LinedNode) -> Iterator[LinedNode]:
    """The documents that a text holds, with the lines of the file around it. Raises ``ValueError`` where it is built to be
    looked at by nobody: whatever applies it may read it.
    """
    inner = parse_documents(node.raw)
    if isinstance(inner, Unparsed):
        if inner.hostile:
            raise ValueError(f"line {node.line}: {inner.message}")
        return
    offset = node.line - (0 if node.end_line > node.line else 1)
    yield from (_moved(document, offset) for document in inner)


def _values(document: LinedNode, *, is_complete: bool) -> Iterator[LinedNode]:
    kind, name = document.text_at("kind"), document.text_at("metadata", "name")
    trees = [document] if is_complete and not kind else [*values_of(document)]
    for node in trees:
        for tree in (node,) if isinstance(node.value, dict | list) else _opened(node):
            line = tree.line
            name_node = LinedNode({"name": LinedNode(name, line, line, name)}, line, line)
            entries = {"kind": LinedNode(KIND, line, line, KIND), "metadata": name_node, "values": tree}
            yield LinedNode(entries, line, line)


def _patches(document: LinedNode) -> Iterator[tuple[LinedNode, LinedNode | None]]:
    """Inline patches as texts, each with what says which objects it is for."""
    patch_nodes = [element for path in _INLINE for element in document.elements(*path)]
    for base in (("spec",), ("spec", "template", "spec")):
        sources = [document.get(*base, "source"), *document.elements(*base, "sources")]
        patch_nodes += [
            patch for source in sources if source is not None for patch in source.elements("kustomize", "patches")
        ]
    for renderer in document.elements("spec", "postRenderers"):
        patch_nodes += renderer.elements("kustomize", "patches")
    for element in patch_nodes:
        node = element.get("patch")
        if node is not None and node.raw:
            yield node, element.get("target")
    for element in document.elements("patchesStrategicMerge"):
        if "\n" in element.raw:
            yield element, None


def _moved(node: LinedNode, offset: int) -> LinedNode:
    """The same tree with its lines counted in the file around it."""
    value = node.value
    if isinstance(value, dict):
        value = {key: _moved(child, offset) for key, child in value.items()}
    elif isinstance(value, list):
        value = [_moved(child, offset) for child in value]
    return replace(node, value=value, line=node.line + offset, end_line=node.end_line + offset)


def _operations(document: LinedNode, target: LinedNode | None) -> Iterator[LinedNode]:
    """What each operation of a JSON patch writes, as an object that has nothing else."""
    operations = document.elements()
    if not operations or any(operation.get("op") is None for operation in operations):
        return
    for operation in operations:
        value, path = operation.get("value"), operation.get("path")
        if value is None or path is None or operation.text_at("op") not in _WRITES or path.raw[:1] not in {"", "/"}:
            continue
        parts = [part.replace("~1", "/").replace("~0", "~") for part in path.raw.split("/")[1:]]
        if len(parts) <= 40:
            yield _object(_nested(parts, value), target)


def _nested(parts: list[str], value: LinedNode) -> LinedNode:
    for part in reversed(parts):
        number = part == "-" or part.isdigit()
        value = LinedNode([value] if number else {part: value}, value.line, value.end_line)
    return value


def _object(tree: LinedNode, target: LinedNode | None) -> LinedNode:
    """The tree with the kind and name of the objects that a patch is for, as far as they are known."""
    entries = dict(tree.value) if isinstance(tree.value, dict) else {}
    line = tree.line
    entries.setdefault("apiVersion", LinedNode("patch", line, line, "patch"))
    kind = "object" if target is None else target.text_at("kind") or "object"
    name = "" if target is None else target.text_at("name")
    entries.setdefault("kind", LinedNode(kind, line, line, kind))
    metadata = entries.get("metadata")
    metadata_nodes = dict(metadata.value) if metadata is not None and isinstance(metadata.value, dict) else {}
    metadata_nodes.setdefault("name", LinedNode(name, line, line, name))
    entries["metadata"] = LinedNode(metadata_nodes, line, line)
    return LinedNode(entries, line, line)
