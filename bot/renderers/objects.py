"""What a tool printed, as objects: YAML read by Kubernetes's own rules, lists opened, hooks of a release set apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from bot.intake.scalars import Dialect
from bot.intake.text import NotText, Text
from bot.intake.yamltree import Broken, load
from bot.model.json import JSON, Tree
from bot.model.resource import SourceError
from bot.model.target import RenderedObject
from bot.renderers.opaque import opaque

HELM_HOOK: Final = "helm.sh/hook"
"""Objects of a release that run once and are no part of what it keeps (Helm docs, "Chart Hooks")."""
ARGO_HOOK: Final = "argocd.argoproj.io/hook"


def parsed(printed: bytes | str, place: Callable[[Tree], tuple[str, int]]) -> list[RenderedObject] | SourceError:
    """The objects in ``printed``, each with file and line from ``place``; a mistake where it is no YAML."""
    try:
        text = (
            Text.of("the rendered output", printed)
            if isinstance(printed, bytes)
            else Text("the rendered output", printed)
        )
        documents = load(text, Dialect.KUBERNETES)
    except NotText as exc:
        return SourceError("the rendered output", 1, 1, str(exc))
    except Broken as exc:
        return exc.error
    made = []
    for document in documents:
        for tree in _opened(None if document is None else document.value):
            file, line = place(tree)
            made.append(RenderedObject(tree, file, line, opaque(tree)))
    return made


def _opened(value: JSON) -> Iterator[Tree]:
    if not isinstance(value, Mapping) or not isinstance(value.get("kind"), str):
        return
    items = value.get("items")
    if str(value["kind"]).endswith("List") and isinstance(items, Sequence) and not isinstance(items, str):
        for item in items:
            yield from _opened(item)
    else:
        yield value


def is_hook(tree: Tree, annotation: str) -> bool:
    """Whether an object is a hook by ``annotation``."""
    meta = tree.get("metadata")
    annotations = meta.get("annotations") if isinstance(meta, Mapping) else None
    return isinstance(annotations, Mapping) and annotation in annotations


def with_namespace(made: RenderedObject, namespace: str) -> RenderedObject:
    """The object in ``namespace``, where it names none."""
    meta = made.tree.get("metadata")
    if not namespace or not isinstance(meta, Mapping) or meta.get("namespace"):
        return made
    return RenderedObject(
        {**made.tree, "metadata": {**meta, "namespace": namespace}}, made.file, made.line, made.opaque
    )


def one_line(words: str) -> str:
    """What a tool said, without its own prefix and on one line."""
    return re.sub(r"\s+", " ", re.sub(r"\A(?:error|Error): ", "", words.strip()))[:600]
