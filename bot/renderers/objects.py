"""What a tool printed, as objects: YAML read by Kubernetes's own rules, lists opened."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from bot.intake.scalars import Dialect
from bot.intake.text import NotText, Text
from bot.intake.yamltree import Broken, load
from bot.model.json import JSON, Tree, get, mapping, text
from bot.model.resource import SourceError
from bot.model.target import RenderedObject, Unit
from bot.renderers.opaque import opaque

_LARGEST: Final = 3 * 1024 * 1024
"""Characters of one document: etcd takes requests of 1.5 MiB (etcd docs, "System limits"). What is larger is no object, and
reading it would cost hundreds of times its size in memory."""
_BETWEEN: Final = re.compile(r"^---(?:\s|$)", re.MULTILINE)


def parsed(printed: bytes | str, origin_of: Callable[[Tree], tuple[str, int]]) -> list[RenderedObject] | SourceError:
    """The objects in ``printed``, each with file and line from ``origin_of``; a mistake where it is no YAML."""
    title = "the rendered output"
    try:
        source_text = Text.of(title, printed) if isinstance(printed, bytes) else Text(title, printed)
        if len(source_text.chars) > _LARGEST and max(map(len, _BETWEEN.split(source_text.chars))) > _LARGEST:
            return SourceError(title, 1, 1, f"a document of more than {_LARGEST} characters, which no API server takes")
        documents = load(source_text, Dialect.KUBERNETES)
    except NotText as exc:
        return SourceError(title, 1, 1, str(exc))
    except Broken as exc:
        return exc.error
    objects: list[RenderedObject] = []
    for document in documents:
        trees = opened(None if document is None else document.value)
        objects += [RenderedObject(tree, *origin_of(tree), opaque(tree)) for tree in trees]
    return objects


def opened(value: JSON) -> Iterator[Tree]:
    """The objects of one document: itself, or those in its ``items`` where it is a list. Anything else is none."""
    tree = mapping(value)
    kind = tree.get("kind")
    if not isinstance(kind, str) or "apiVersion" not in tree:
        return
    items = tree.get("items")
    if kind.endswith("List") and isinstance(items, Sequence) and not isinstance(items, str):
        for item in items:
            yield from opened(item)
    else:
        yield tree


def is_hook(tree: Tree, annotation: str) -> bool:
    """Whether an object is a hook by ``annotation``."""
    return annotation in mapping(get(tree, "metadata", "annotations"))


def described(tree: Tree) -> str:
    """Kind, namespace and name as people write them: ``Deployment shop/web``."""
    space, name = text(get(tree, "metadata", "namespace")), text(get(tree, "metadata", "name"))
    return f"{text(tree.get('kind'))} {space + '/' if space else ''}{name}".strip()


def titled(unit: Unit) -> str:
    """What a unit is called in a message: as it was found, where that names it."""
    says_name = re.search(rf"(?<![\w.-]){re.escape(unit.name)}(?![\w.-])", unit.how) is not None
    return unit.how if unit.how and says_name else f"{unit.name} ({unit.how})" if unit.how else unit.name


def as_json(value: object) -> str:
    """A value of JSON as text, whatever kind of mappings and sequences it is made of."""
    return json.dumps(value, default=lambda entry: dict(entry) if isinstance(entry, Mapping) else list(entry))


def one_line(output: str) -> str:
    """What a tool said, without its own prefix, without what it only warns of (kustomize, of deprecated fields:
    ``CheckDeprecatedFields`` in its ``api/types/kustomization.go``), and on one line.
    """
    remaining_lines = "\n".join(line for line in output.strip().splitlines() if not line.startswith("# Warning:"))
    return re.sub(r"\s+", " ", re.sub(r"\A(?:error|Error): ", "", remaining_lines.strip()))[:600]
