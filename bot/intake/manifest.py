"""Plain Kubernetes manifests, YAML or JSON, one or many documents, ``List`` kinds included.

A document is a resource when it has apiVersion, kind and metadata.name; anything else in a repository (values files,
CI settings) is none of our business and passed over in silence. Custom resources are resources like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from bot.intake.declared import Declared
from bot.intake.encrypted import encrypted
from bot.intake.jsontree import load_json
from bot.intake.origins import FileOrigins, SpanFile
from bot.intake.scalars import Dialect
from bot.intake.text import NotText, Text, text_error
from bot.intake.yamltree import Broken, Loaded, load
from bot.model.json import Pointer, Tree
from bot.model.resource import Desired, Platform, ResourceId, SourceError, SourceKind, api_group

_NOT_APPLIED: Final = frozenset({"kustomize.config.k8s.io"})  # kustomization.yaml: kustomize reads it, no server has it
_TEMPLATE: Final = re.compile(r"\{\{.*\}\}|^\s*\{%|<%", re.DOTALL | re.MULTILINE)
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
"""Holds the whole object as it was applied, a Secret's values in it (Kubernetes documentation, "Declarative Management of
Kubernetes Objects Using Configuration Files").
"""


def read_manifest(path: str, data: bytes) -> Declared:
    """The Kubernetes objects of one file. Depends on nothing but its arguments, so a caller may cache it by blob id."""
    try:
        text = Text.of(path, data)
    except NotText as problem:
        return Declared(errors=(text_error(path, problem),))
    try:
        documents = [load_json(text)] if path.endswith(".json") else load(text, Dialect.KUBERNETES)
    except Broken as problem:
        return Declared() if _is_something_else(text) else Declared(errors=(problem.error,))
    return _declared(SpanFile(path, data), text, documents)


def _is_something_else(text: Text) -> bool:
    """Whether a file that cannot be read was never meant as a manifest: a template, or JSON of another program."""
    if text.file.endswith(".json"):
        return '"apiVersion"' not in text.chars
    return _TEMPLATE.search(text.chars) is not None


def _declared(source: SpanFile, text: Text, documents: list[Loaded | None]) -> Declared:
    resources: list[Desired] = []
    errors: list[SourceError] = []
    for index, document in enumerate(documents):
        if document is None:
            continue
        any_object = False
        for root, tree, line in _objects(document):
            any_object = True
            declared = _desired(source, index, root, tree, line)
            if isinstance(declared, Desired):
                resources.append(declared)
            elif declared is not None:
                errors.append(text.error_at(line, 1, declared, "metadata.name"))
        if any_object:
            errors += [
                text.error_at(line, column, f"the key {name!r} is written twice in one mapping")
                for line, column, name in document.duplicates
            ]
    return Declared(tuple(resources), tuple(errors))


def _objects(document: Loaded) -> Iterator[tuple[Pointer, Tree, int]]:
    """The objects of one document: itself, or the items of a list, each with its place and line."""
    tree = document.value
    if (
        not isinstance(tree, dict)
        or not isinstance(tree.get("kind"), str)
        or not isinstance(tree.get("apiVersion"), str)
    ):
        return
    items = tree.get("items")
    if not tree["kind"].endswith("List") or not isinstance(items, list):
        yield (), tree, document.line
        return
    for index, item in enumerate(items):
        if isinstance(item, dict):
            typed = {"apiVersion": tree["apiVersion"], "kind": tree["kind"].removesuffix("List")}
            full_object = item if "kind" in item and "apiVersion" in item else typed | item
            line = document.item_lines[index] if index < len(document.item_lines) else document.line
            yield ("items", index), full_object, line


def _desired(source: SpanFile, document: int, root: Pointer, tree: Tree, line: int) -> Desired | str | None:
    """The resource, what is wrong with it, or None for an object that is never applied."""
    version, kind, meta = tree["apiVersion"], tree["kind"], tree.get("metadata")
    if not isinstance(version, str) or not isinstance(kind, str):
        return None
    group = api_group(version)
    if group in _NOT_APPLIED:
        return None
    if not isinstance(meta, dict):
        return f"this {kind} has no metadata"
    name, scope = meta.get("name"), meta.get("namespace")
    if not isinstance(name, str) or not name:
        return None if "generateName" in meta else f"this {kind} has no name"
    identity = ResourceId(Platform.KUBERNETES, kind, scope if isinstance(scope, str) else "", name, group)
    return Desired(
        id=identity,
        task=str(identity),
        source=SourceKind.KUBERNETES,
        tree=tree,
        file=source.file,
        line=line,
        origins=FileOrigins(source, document, root),
        document=document,
        root=root,
        sensitive=secret_pointers(tree) if kind == "Secret" and not group else frozenset(),
        unknown=encrypted(tree),
    )


def secret_pointers(tree: Tree) -> frozenset[Pointer]:
    """The pointers of a Secret whose values are never shown."""
    pointers: set[Pointer] = {("metadata", "annotations", LAST_APPLIED)}
    for part in ("data", "stringData"):
        pointers.add((part,))
        values = tree.get(part)
        if isinstance(values, dict):
            pointers.update((part, key) for key in values)
    return frozenset(pointers)
