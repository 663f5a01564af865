"""An edit of an object as an operation of a JSON patch (RFC 6902), and as the text that people write in a kustomization."""

from __future__ import annotations

from collections.abc import Mapping

from bot.edits.style import FileStyle, block
from bot.edits.values import at
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import JSON, Pointer, Tree


def operation(edit: Edit, rendered: Tree) -> Mapping[str, JSON]:
    """The operation that carries out ``edit`` on ``rendered``. Mappings that are not there yet are added with it."""
    match edit:
        case RemoveEntry(pointer):
            return {"op": "remove", "path": _path(pointer)}
        case SetValue(pointer, value):
            return _set(pointer, value, rendered)
        case AddEntry(pointer, None, value):
            if _has(rendered, pointer):
                return {"op": "add", "path": _path((*pointer, "-")), "value": value}
            return _set(pointer, [value], rendered)
        case AddEntry(pointer, key, value):
            return _set((*pointer, str(key)), value, rendered)


def _set(pointer: Pointer, value: JSON, rendered: Tree) -> Mapping[str, JSON]:
    if _has(rendered, pointer):
        return {"op": "replace", "path": _path(pointer), "value": value}
    while len(pointer) > 1 and not _has(rendered, pointer[:-1]):
        value, pointer = {str(pointer[-1]): value}, pointer[:-1]
    return {"op": "add", "path": _path(pointer), "value": value}


def _has(tree: Tree, pointer: Pointer) -> bool:
    """Whether something is there that an operation can replace or go into."""
    try:
        return at(tree, pointer) is not None
    except KeyError:
        return False


def _path(pointer: Pointer) -> str:
    """A JSON Pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in pointer)


def patch_text(step: Mapping[str, JSON]) -> str:
    """A patch of one operation as YAML that stands in a literal block (``patch: |-``)."""
    return "\n".join(block([step], FileStyle()))
