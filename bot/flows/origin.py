"""Which line of a repository sets a value that is deployed, and the edit that would set another: behind ``clockwork
origin``.
"""

from __future__ import annotations

import difflib
import json
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.drift.masking import HIDDEN, Mask, images_in, owner_of
from bot.drift.shapes import ANY
from bot.errors import Invalid
from bot.flows.declare import Declaration, Declarer
from bot.flows.edit_notes import side_effects
from bot.flows.tracing import scene_of
from bot.intake.declared import nearest
from bot.model.generated import base_name
from bot.model.json import JSON, Pointer, Tree, mapping, value_at
from bot.model.paths import Path, format_path, parse_path
from bot.model.resource import Desired, ResourceId, SourceKind
from bot.origins.leaves import path_of
from bot.origins.scene import Chain, EditPlan, Feed, Link, NoEdit, Scene
from bot.origins.trace import trace
from bot.secrecy.vocabulary import holds_secret


@dataclass(frozen=True, slots=True)
class ValueOrigin:
    """The answer. ``lines`` are where the value is set, as ``file:line: what``; ``feeds`` what else the first of them sets.
    ``edit`` is the difference that would set another value, and ``effects`` what else that changes.
    """

    resource: str
    path: str
    value: JSON
    lines: tuple[str, ...]
    feeds: tuple[str, ...] = ()
    edit: str = ""
    reason: str = ""
    effects: tuple[str, ...] = ()

    def text(self) -> str:
        """The chain for people, no wider than a terminal where words may be parted."""
        rows = [self.resource, f"  {self.path} = {json.dumps(self.value, ensure_ascii=False)}"]
        rows += [row for line in self.lines for row in _wrapped(line, "  ← ", "    ")]
        rows += _wrapped(self.reason, "  ") if self.reason else []
        rows += ["  the same line also sets:", *_some(self.feeds)] if self.feeds else []
        rows += ["  to set another value:", *(f"    {line}" for line in self.edit.splitlines())] if self.edit else []
        rows += [row for effect in self.effects for row in _wrapped(effect, "    ")]
        return "\n".join(rows)

    def as_json(self) -> Mapping[str, object]:
        """The same for programs."""
        return {
            "resource": self.resource,
            "path": self.path,
            "value": self.value,
            "origin": list(self.lines),
            "also_sets": list(self.feeds),
            "edit": self.edit or None,
            "edit_also_changes": list(self.effects),
            "reason": self.reason or None,
        }


_WIDTH: Final = 80
_MOST: Final = 8
"""Other places that one line sets which are named for people; programs get all."""


def _wrapped(text: str, indent: str, further: str | None = None) -> list[str]:
    indentation = indent if further is None else further
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indentation,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _some(feeds: Sequence[str]) -> list[str]:
    remainder = [f"    and {len(feeds) - _MOST} more"] if len(feeds) > _MOST else []
    return [*(row for feed in feeds[:_MOST] for row in _wrapped(feed, "    ", "      ")), *remainder]


def origin(declaration: Declaration, declarer: Declarer, resource: str, path: str) -> ValueOrigin:
    """Where one value of one declared resource comes from. ``Invalid`` for a resource or path that is not there.

    A secret value is not in the answer, and no other one that stands on the lines it names.
    """
    desired = declared_as(declaration, resource)
    pointer, value = _pointer(desired, path)
    veil = _Veil.over(desired, declaration)
    shown_value = veil.value(pointer, value)
    at = f"{desired.file}:{desired.line}"
    if desired.source is not SourceKind.RENDERED:
        origin_found = desired.origins.at(pointer)
        line = (
            f"{origin_found.file}:{origin_found.line}: {origin_found.name or 'written there'}" if origin_found else at
        )
        return ValueOrigin(desired.id.qualified, path, shown_value, (line,))
    deployment, reader = declaration.deployment, declarer.targets
    if deployment is None or reader is None:
        raise Invalid(f"nothing renders {desired.id}")
    scene = scene_of(deployment, desired.id.target, reader)
    chain = trace(desired.id.target, desired.id.local, pointer, scene)
    if isinstance(chain, NoEdit):
        return ValueOrigin(desired.id.qualified, path, shown_value, (at,), reason=chain.reason)
    if any(veil.names_secret(link) for link in chain.links):
        shown_value = HIDDEN
    secret = shown_value != value
    edit = chain.edit if isinstance(chain.edit, EditPlan) and not secret else None
    return ValueOrigin(
        desired.id.qualified,
        path,
        shown_value,
        tuple(_line(link, "" if secret else veil.of_link(link)) for link in chain.links),
        tuple(_fed(chain, scene)),
        "" if edit is None else veil.text(_edit(edit, deployment.tree.read)),
        chain.note or (chain.edit.reason if isinstance(chain.edit, NoEdit) else ""),
        () if edit is None else tuple(_effects(edit, chain)),
    )


def _fed(chain: Chain, scene: Scene) -> Iterator[str]:
    """What else the line sets; not the objects that hold the line themselves."""
    carriers = scene.provenance_of(chain.target, chain.id).carriers
    for feed in chain.feeds:
        if feed.target != chain.target or feed.id not in carriers:
            yield _called_feed(feed, scene, chain.target)


def _effects(plan: EditPlan, chain: Chain) -> Iterator[str]:
    """What the edit changes besides; where it is in the deciding line, what that sets is told already."""
    same = {(link.spot.file, link.spot.line) for link in chain.links if link.decides}
    is_same = any((spot.file, spot.line) in same for spot in plan.spots)
    yield from (effect for effect in side_effects(plan, chain.target) if not (is_same and effect.endswith(" too")))


def _called_feed(feed: Feed, scene: Scene, target: str) -> str:
    """What else a line sets, without the target that was asked about."""
    tree = scene.objects.get(feed.target, {}).get(feed.id, {})
    resource = str(feed.id) if feed.target == target else f"{feed.target}/{feed.id}"
    return f"{resource} {format_path(path_of(tree, feed.pointer))}".strip()


@dataclass(frozen=True, slots=True)
class _Veil:
    """Takes secrets out of an answer about one resource: its own, and those of every Secret that is declared beside it."""

    desired: Desired
    own_mask: Mask
    secrets: Mask

    @staticmethod
    def over(desired: Desired, declaration: Declaration) -> _Veil:
        """The veil for one resource of a declaration."""
        names, kind = (desired.id.name, desired.id.scope), desired.id.kind
        trees = [resource.tree for resource in declaration.resources]
        if declaration.deployment is not None:  # those of targets that were not asked for, too
            trees += [
                rendered.tree
                for expansion in declaration.deployment.expansions.values()
                for _, rendered in expansion.objects()
            ]
        declared = tuple(tree for tree in trees if tree.get("kind") == "Secret" and tree.get("apiVersion") == "v1")
        called = {name for resource in declaration.resources for name in (resource.id.name, resource.id.scope)}
        known_words = called | {image for tree in trees for image in images_in(tree)}
        return _Veil(
            desired,
            Mask(b"", kind=kind, trees=(desired.tree,), sensitive=desired.sensitive, names=names),
            Mask(b"", kind="Secret", trees=declared, names=(*names, *known_words)),
        )

    def value(self, pointer: Pointer, value: JSON) -> JSON:
        """A value of the resource. An element of a list is shown as it is in the list: what stands before it may tell
        that it is secret (``--password``, and then the password).
        """
        if any(
            pointer[: len(sensitive)] == sensitive or sensitive[: len(pointer)] == pointer
            for sensitive in self.desired.sensitive
        ):
            return HIDDEN
        tree = self.desired.tree
        veiled = self._plain(self.own_mask(value, pointer, ANY, owner=owner_of(tree, pointer))[0])
        if not pointer or not isinstance(pointer[-1], int):
            return veiled
        veiled_parent, _ = self.own_mask(value_at(tree, pointer[:-1]), pointer[:-1], ANY)
        element = veiled_parent[pointer[-1]] if isinstance(veiled_parent, (list, tuple)) else veiled
        return veiled if element == value else element

    def of_link(self, link: Link) -> str:
        """What a line says, as JSON; empty where it is not told: the deciding line says the value itself."""
        if link.decides or link.value is None:
            return ""
        return json.dumps(self._plain(self.own_mask(link.value, (_called(link),), ANY)[0]))

    def names_secret(self, link: Link) -> bool:
        """Whether a line calls its value a secret, whatever the rendered place is called."""
        return isinstance(link.value, (str, int)) and holds_secret(_called(link), str(link.value))

    def text(self, lines: str) -> str:
        """Lines of files."""
        return self.own_mask.redact(self.secrets.without_known(lines))

    def _plain(self, value: JSON) -> JSON:
        """A value without what a Secret holds."""
        if isinstance(value, str):
            return self.secrets.without_known(value)
        if isinstance(value, Mapping):
            return {key: self._plain(entry) for key, entry in value.items()}
        return [self._plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def _called(link: Link) -> str:
    """The key under which a line sets its value."""
    return next((part for part in reversed(link.spot.pointer) if isinstance(part, str)), "")


def _line(link: Link, value: str) -> str:
    spot = link.spot
    return f"{spot.file}:{spot.line}: {spot.label}{value and f', which says {value}'}"


def declared_as(declaration: Declaration, name: str) -> Desired:
    """The resource of that name; a generated one may be named without the hash of what it holds."""
    resources = declaration.resources
    matches = [resource for resource in resources if name in {str(resource.id), resource.id.qualified}] or [
        resource for resource in resources if name in {str(bare := _bare(resource.id)), bare.qualified}
    ]
    if len(matches) == 1:
        return matches[0]
    if matches:
        targets = ", ".join(match.id.target or "(unnamed)" for match in matches)
        raise Invalid(f"{name} is declared for several targets: {targets}", advice="Choose one with --target.")
    suggestion = nearest(name, {str(resource.id) for resource in resources})
    message = f"the repository declares no {name}" + (f"; did you mean {suggestion!r}?" if suggestion else "")
    raise Invalid(message, advice=_unread(declaration) or _among_others(declaration))


def _unread(declaration: Declaration) -> str | None:
    """What is wrong in the files: what is declared there counts for nothing until then."""
    return "\n  ".join(map(str, declaration.errors[:_MOST])) or None


def _among_others(declaration: Declaration) -> str | None:
    """Where else a resource may be declared: by targets that only are read when they are asked for."""
    deployment = declaration.deployment
    if deployment is None or deployment.only is not None:
        return None
    other_names = [
        target.name for target in deployment.discovery.targets if target.name not in deployment.compared_names
    ]
    return f"Not compared are also {', '.join(other_names[:_MOST])}: choose one with --target." if other_names else None


def _bare(id_: ResourceId) -> ResourceId:
    return id_._replace(name=base_name(id_.name))


def _pointer(desired: Desired, path: str) -> tuple[Pointer, JSON]:
    """The raw pointer of a path as people write it: list elements by name or index."""
    value: JSON = desired.tree
    pointer: list[str | int] = []
    steps: Path = parse_path(path)
    for step in steps:
        reached = _step(value, step)
        if reached is None:
            described = format_path(tuple(pointer)) or "its top"
            raise Invalid(
                f"{desired.id} has nothing at {path} (stopped at {described})", advice=_instead(value, pointer, step)
            )
        pointer.append(reached[0])
        value = reached[1]
    return tuple(pointer), value


def _instead(value: JSON, pointer: Sequence[str | int], step: object) -> str | None:
    """The nearest key of what was reached, as a whole path."""
    near = nearest(str(step), mapping(value))
    return f"Did you mean {format_path((*pointer, near))!r}?" if near else None


def _step(value: JSON, step: object) -> tuple[str | int, JSON] | None:
    if isinstance(value, Mapping):
        return (step, value[step]) if isinstance(step, str) and step in value else None
    if not isinstance(value, (list, tuple)):
        return None
    if isinstance(step, int):
        return (step, value[step]) if step < len(value) else None
    key = getattr(step, "key", None)
    for index, element in enumerate(value):
        names = _names(element)
        if key in names:
            return index, element
    return None


def _names(element: JSON) -> set[str]:
    if not isinstance(element, Mapping):
        return {str(element)}
    tree: Tree = element
    return {str(tree[key]) for key in ("name", "containerPort", "port", "mountPath", "key") if key in tree}


def _edit(plan: EditPlan, read: Callable[[str], bytes | None]) -> str:
    """The lines that change, and none beside them: those may say anything."""
    rows: list[str] = []
    for path, after in plan.files.items():
        old = (read(path) or b"").decode("utf-8", "replace").splitlines()
        rows += difflib.unified_diff(old, after.decode("utf-8", "replace").splitlines(), path, path, lineterm="", n=0)
    return "\n".join(rows)
