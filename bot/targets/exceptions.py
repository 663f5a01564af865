"""What the objects of Argo CD and Flux say is to be ignored, as ignore rules: one for each object it is about.

Read by :mod:`bot.flows.observation` for every comparison. Sources: argo-cd docs, "Diffing Customization"
(``spec.ignoreDifferences``) and ``util/argo/normalizers/diff_normalizer.go`` (how a rule names its objects);
helm-controller docs, "Drift detection" (``spec.driftDetection.ignore``); kustomize-controller docs, "Ignore"
(``spec.ignore``) and "Controlling the apply behavior of resources" (the annotation ``ssa``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from bot.drift import selector
from bot.drift.ignore import IgnoreRule
from bot.drift.kubernetes.kinds import shape_of
from bot.errors import Invalid
from bot.model.drift import DriftKind, IgnoreNote
from bot.model.globs import name_matches
from bot.model.json import JSON, Tree, get, mapping, mappings, text, texts
from bot.model.paths import Item, Path
from bot.model.resource import ResourceId
from bot.model.target import Unit, UnitKind
from bot.targets.desired import identity
from bot.targets.expansion import Expansion
from bot.targets.places import canonical

_FLUX_REGEX: Final = re.compile(r"[\w.\-/|^$]*(?:[*+?][\w.\-/|^$]*){0,2}", re.ASCII)
"""The regular expressions that are taken over: of others, some would take Python's ``re`` very long."""
_JQ_STEP: Final = re.compile(
    r"""\s*(?:\|\s*)?(?:\.(?P<word>[A-Za-z_]\w*)|\.?\[\s*"(?P<key>[^"\\]+)"\s*\]|\."(?P<quoted>[^"\\]+)"|\.?\[(?P<index>\d*)\]"""
    r"""|(?<=\|)\s*select\(\s*\.name\s*==\s*"(?P<name>[^"\\]+)"\s*\))\??""",
    re.ASCII,
)
_SSA: Final = "kustomize.toolkit.fluxcd.io/ssa"
_DRIFT_DETECTION: Final = "helm.toolkit.fluxcd.io/driftDetection"


@dataclass(frozen=True, slots=True)
class Exceptions:
    """Rules that are taken over from controllers' objects, and notes about what could not be."""

    rules: tuple[IgnoreRule, ...] = ()
    notes: tuple[IgnoreNote, ...] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of a controller's list: which objects of ``unit`` it is about, and which places of them."""

    unit: Unit
    reason: str
    target: Tree
    paths: tuple[Path, ...] = ()
    managers: frozenset[str] = frozenset()
    regex: bool = False

    def matches(self, id_: ResourceId, tree: Tree) -> bool:
        if not self.regex:  # Argo CD: globs of group and kind, exact names
            group, kind = text(self.target.get("group")), text(self.target.get("kind"))
            return (
                name_matches(group, id_.group)
                and name_matches(kind, id_.kind)
                and text(self.target.get("name")) in {"", id_.name}
                and text(self.target.get("namespace")) in {"", id_.scope}
            )
        version = text(tree.get("apiVersion")).rpartition("/")[2]
        parts = {"group": id_.group, "version": version, "kind": id_.kind, "name": id_.name, "namespace": id_.scope}
        return all(_regex_matches(text(self.target.get(key)), value) for key, value in parts.items()) and all(
            _selects(text(self.target.get(f"{notes}Selector")), get(tree, "metadata", f"{notes}s"))
            for notes in ("label", "annotation")
        )


def exceptions(expansion: Expansion) -> Exceptions:
    """Everything that the units of a target, and opt-outs of their objects, leave to others."""
    notes: list[IgnoreNote] = []
    entries: dict[int, list[_Entry]] = {
        id(rendered.unit): unit_entries
        for rendered in expansion.units
        if (unit_entries := list(_of(rendered.unit, notes)))
    }
    rules: list[IgnoreRule] = []
    name = expansion.target.name
    for unit, application in expansion.objects():
        unit_entries = entries.get(id(unit), [])
        out = _opted_out(unit, application.tree)
        if (not unit_entries and out is None) or (id_ := identity(application)) is None:
            continue
        rules += [
            rule
            for exception in unit_entries
            if exception.matches(id_, application.tree)
            for rule in _rules(exception, id_, application.tree, name)
        ]
        if out is not None:
            rules.append(out.about(id_, unit, name))
    return Exceptions(tuple(rules), tuple(notes))


def _of(unit: Unit, notes: list[IgnoreNote]) -> Iterator[_Entry]:
    """What one unit's object says; what cannot be understood becomes a note."""
    match unit.kind:
        case UnitKind.ARGO_APPLICATION:
            field, ignore_field, by = "ignoreDifferences", unit.spec.get("ignoreDifferences"), "Argo CD"
        case UnitKind.FLUX_HELM_RELEASE:
            field, ignore_field, by = "driftDetection.ignore", get(unit.spec, "driftDetection", "ignore"), "Flux"
        case UnitKind.FLUX_KUSTOMIZATION:
            field, ignore_field, by = "ignore", unit.spec.get("ignore"), "Flux"
        case UnitKind.KUSTOMIZE | UnitKind.HELM | UnitKind.DIRECTORY:
            return
        case _ as never:
            assert_never(never)
    reason = f"{by} {field} of {unit.how}"
    for entry in mappings(ignore_field):
        mistakes: list[str] = []
        if unit.kind is UnitKind.ARGO_APPLICATION:
            yield _Entry(
                unit, reason, entry, _argo_paths(entry, mistakes), frozenset(texts(entry.get("managedFieldsManagers")))
            )
        else:
            target = mapping(entry.get("target"))
            if _understood(target, mistakes):
                yield _Entry(unit, reason, target, tuple(_pointers(texts(entry.get("paths")), mistakes)), regex=True)
        location = f"{unit.how} ({unit.file}:{unit.line})" if unit.file else unit.how
        notes += [
            IgnoreNote(location, "not taken over", f"{field}: {mistake}, so it hides nothing") for mistake in mistakes
        ]


def _argo_paths(entry: Tree, mistakes: list[str]) -> tuple[Path, ...]:
    return (
        *_pointers(texts(entry.get("jsonPointers")), mistakes),
        *_expressions(texts(entry.get("jqPathExpressions")), mistakes),
    )


def _pointers(pointers: Sequence[str], mistakes: list[str]) -> Iterator[Path]:
    """JSON Pointers (RFC 6901); elements of lists are indices until an object is known."""
    for pointer in pointers:
        if pointer.startswith("/") or not pointer:  # the empty one is the whole object
            parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
            yield tuple(int(part) if part.isascii() and part.isdigit() else part for part in parts)
        else:
            mistakes.append(f"{pointer!r} is no JSON pointer")


def _expressions(expressions: Sequence[str], mistakes: list[str]) -> Iterator[Path]:
    """Paths of jq: keys, ``[]``, indices, and ``| select(.name == "…")`` behind ``[]``; nothing that computes."""
    for expression in expressions:
        path = _expression(expression)
        if path:
            yield path
        else:
            mistakes.append(f"the jq expression {expression!r} is more than a path")


def _expression(expression: str) -> Path:
    parts: list[str | int | Item] = []
    at = 0
    while at < len(expression.rstrip()):
        match = _JQ_STEP.match(expression, at)
        if match is None:
            return ()
        if match["name"]:
            if parts[-1:] != ["*"]:
                return ()
            parts[-1] = Item(match["name"])
        elif match["index"] is not None:
            parts.append(int(match["index"]) if match["index"] else "*")
        else:
            parts.append(match["word"] or match["key"] or match["quoted"])
        at = match.end()
    return tuple(parts)


def _understood(target: Tree, mistakes: list[str]) -> bool:
    """Whether every part of a Flux target can be asked: simple regular expressions, and selectors of labels."""
    for key, value in target.items():
        if key.endswith("Selector"):
            try:
                selector.parse(text(value))
            except Invalid as exc:
                mistakes.append(f"target.{key} {text(value)!r}: {exc.message}")
                return False
        elif not _FLUX_REGEX.fullmatch(text(value)):
            mistakes.append(f"target.{key} {text(value)!r} is not a simple regular expression")
            return False
    return True


def _regex_matches(pattern: str, value: str) -> bool:
    """Anchored at both ends, as kustomize's selectors are (``api/types/selector.go``); nothing matches everything."""
    try:
        return not pattern or re.fullmatch(pattern.removeprefix("^").removesuffix("$"), value) is not None
    except re.error:
        return False


def _selects(selecting: str, notes: JSON) -> bool:
    labels = {key: text(value) for key, value in mapping(notes).items()}
    return not selecting or selector.parse(selecting).selects(labels)


def _rules(entry: _Entry, id_: ResourceId, tree: Tree, target: str) -> Iterator[IgnoreRule]:
    shape = shape_of(id_.group, id_.kind)
    all_paths = [path for ignored_path in entry.paths for path in canonical(ignored_path, tree, shape)]
    for path in all_paths:
        yield _rule(entry.unit, entry.reason, id_, target, path=path)
    if entry.managers:
        yield _rule(entry.unit, entry.reason, id_, target, managers=entry.managers)


def _rule(
    unit: Unit,
    reason: str,
    id_: ResourceId,
    target: str,
    *,
    path: Path = (),
    managers: frozenset[str] = frozenset(),
    kinds: frozenset[DriftKind] = frozenset(),
) -> IgnoreRule:
    return IgnoreRule(
        unit.how,
        reason,
        str(id_),
        target=target,
        group=id_.group,
        path=path,
        managers=managers,
        kinds=kinds,
        file=unit.file,
        taken_over=True,
    )


@dataclass(frozen=True, slots=True)
class _OptOut:
    """An object's own mark that leaves some of it to others."""

    reason: str
    kinds: frozenset[DriftKind] = frozenset()

    def about(self, id_: ResourceId, unit: Unit, target: str) -> IgnoreRule:
        return _rule(unit, self.reason, id_, target, kinds=self.kinds)


def _opted_out(unit: Unit, tree: Tree) -> _OptOut | None:
    meta = mapping(tree.get("metadata"))
    for notes in (mapping(meta.get("annotations")), mapping(meta.get("labels"))):
        if unit.kind is UnitKind.FLUX_KUSTOMIZATION and text(notes.get(_SSA)).lower() == "merge":
            return _OptOut(f"Flux keeps what others add ({_SSA}: Merge)", frozenset({DriftKind.ADDED}))
        if unit.kind is UnitKind.FLUX_HELM_RELEASE and text(notes.get(_DRIFT_DETECTION)).lower() == "disabled":
            return _OptOut(f"Flux leaves it alone ({_DRIFT_DETECTION}: disabled)")
    return None
