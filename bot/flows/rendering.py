"""What a change does to the objects that targets are sent: base and head rendered, and what differs by target.

Called by :mod:`bot.flows.review`. Targets are found at both commits without rendering anything; only those that a changed
file may reach are rendered, by the same confined tools that render for drift. What was rendered of the base for whatever
reason is not rendered again, and a target for which nobody asked the base for a changed file is what it was. A unit that
rendered before and does not after is named, and removes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeAlias

from bot.edits.values import same
from bot.flows.declare import Selection
from bot.flows.deployment import Deployment, DeploymentReader, uncovered
from bot.flows.tracing import scene_of
from bot.guardrails.hunks import Delta
from bot.guardrails.rendered import RenderedChange
from bot.model.filetree import FileTree
from bot.model.finding import Change, FileStatus
from bot.model.json import Pointer, Tree
from bot.model.resource import ResourceId
from bot.model.target import NotCompared, RenderedObject, Rendering, Target, Unit, UnitKind
from bot.origins.scene import Chain
from bot.origins.trace import trace
from bot.ports import Clock, Repository, UnitRenderer
from bot.targets import kustomization
from bot.targets.desired import identity
from bot.targets.discovery import Discovery
from bot.targets.documents import Documents
from bot.targets.expansion import Expansion
from bot.targets.paths import is_below
from bot.targets.signs import CHARTS, SUFFIXES, names_controller

RENDER_SECONDS: Final = 180.0
"""For all targets of one change at both commits. What is not rendered by then counts as not looked at."""
_MOST_TRACED: Final = 5
"""Values of one change whose line is searched for by rendering again; others are located by the files that changed."""

RenderChange: TypeAlias = Callable[[Change], tuple[RenderedChange, ...]]
"""The targets whose rendered objects a change moves."""


def rendered_changes(
    change: Change, *, repository: Repository, reader: DeploymentReader, selection: Selection, clock: Clock
) -> tuple[RenderedChange, ...]:
    """The targets whose objects differ between the change's base and head, or that can be rendered no longer."""
    before, after = (_tree(repository, commit, selection) for commit in (change.base, change.head))
    return _differing((before, after), change, reader, clock)


def rendered_files(
    change: Change, *, repository: Repository, reader: DeploymentReader, selection: Selection, clock: Clock
) -> tuple[RenderedChange, ...]:
    """As :func:`rendered_changes`, of a change that no commit holds: its files are laid over the base."""
    contents: dict[str, bytes | None] = {file.old_path: None for file in change.files if file.old_path is not None}
    contents |= {file.path: file.after for file in change.files if file.omitted is None}
    before = _tree(repository, change.base, selection)
    after = before.with_changes({path: data for path, data in contents.items() if selection.takes(path)})
    return _differing((before, after), change, reader, clock)


def _differing(
    trees: tuple[FileTree, FileTree], change: Change, reader: DeploymentReader, clock: Clock
) -> tuple[RenderedChange, ...]:
    names = {*trees[0].blobs, *trees[1].blobs, *trees[1].changed}
    changed = frozenset(path for path in names if trees[0].id_of(path) != trees[1].id_of(path))
    if not changed:
        return ()
    timed = replace(reader, renderer=_Timed(reader.renderer, clock, clock.now() + timedelta(seconds=RENDER_SECONDS)))
    return _Comparison(
        _Side.of(trees[0], timed, keep=True), _Side.of(trees[1], timed, keep=False), changed, change
    ).result()


def _tree(repository: Repository, commit: str, selection: Selection) -> FileTree:
    blobs = {entry.path: entry.blob for entry in repository.entries(commit) if selection.takes(entry.path)}
    return FileTree(blobs, repository.blob, links=partial(repository.is_link, commit))


@dataclass(frozen=True, slots=True)
class _Timed:
    """A renderer that gives up when the time for the whole change is over."""

    renderer: UnitRenderer
    clock: Clock
    until: datetime

    def render_all(self, requests: Sequence[tuple[Unit, FileTree]]) -> Sequence[Rendering]:
        """What the units come to."""
        if self.clock.now() > self.until:
            reason = f"the {RENDER_SECONDS:.0f} seconds for rendering one change were used up"
            return [
                Rendering(error=NotCompared(unit.how or unit.name, reason, unit.file, unit.line, again=True))
                for unit, _ in requests
            ]
        return self.renderer.render_all(requests)


@dataclass(slots=True)
class _Side:
    """One commit: its targets, rendered when somebody asks. ``keep``: others will ask for them too."""

    reader: DeploymentReader
    tree: FileTree
    discovery: Discovery
    documents: Documents
    keep: bool
    expansions: dict[str, Expansion] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: FileTree, reader: DeploymentReader, *, keep: bool) -> _Side:
        tree = reader.reaching(tree)
        discovery = reader.discovery(tree)
        return cls(reader, tree, discovery, reader.documents, keep)

    def render(self, targets: Sequence[Target]) -> None:
        """All of these targets, side by side."""
        expansions = self.reader.expansions(targets, self.tree, keep=self.keep)
        self.expansions.update((target.name, expansion) for target, expansion in zip(targets, expansions, strict=True))

    def expansion(self, target: Target) -> Expansion:
        """The target, rendered."""
        return self.expansions[target.name]

    def covered(self) -> frozenset[str]:
        """The rendered targets that another one deploys."""
        targets = [target for target in self.discovery.targets if target.name in self.expansions]
        return frozenset(self.expansions) - {target.name for target in uncovered(targets, self.expansions)}

    def may_read(self, path: str) -> bool:
        """Whether some unit may be made from a file."""
        if path in self.discovery.rendered:
            return True
        if path.endswith(SUFFIXES) and names_controller(self.tree.read(path) or b""):
            return True
        name = path.rpartition("/")[2]
        return any(name in json.dumps(unit.spec, default=dict) for t in self.discovery.targets for unit in t.units)

    def reach(self, target: Target, changed: frozenset[str]) -> frozenset[str] | None:
        """Those of the changed files that a target may be made from; None where only rendering it tells."""
        reached: set[str] = set()
        for unit in target.units:
            match unit.kind:
                case UnitKind.KUSTOMIZE:
                    files = kustomization.closure(self.documents, unit.path).files
                case UnitKind.HELM if not self._has_neighbours(unit):
                    files = {path for path in changed if is_below(path, unit.path)} | _value_files(unit)
                    files |= set(self.tree.under(unit.path))
                case _:
                    return None
            if any(names_controller(self.tree.read(path) or b"") for path in files):
                return None
            reached |= files
        return frozenset(reached) & changed

    def _has_neighbours(self, unit: Unit) -> bool:
        """Whether a chart depends on another by a path (Helm, "Chart Dependencies": ``repository: file://…``)."""
        charts = [path for path in self.tree.under(unit.path) if path.rpartition("/")[2] in CHARTS]
        return any(b"file:" in (self.tree.read(path) or b"") for path in charts)


def _value_files(unit: Unit) -> set[str]:
    files = unit.spec.get("valueFiles")
    return {str(path) for path in files} if isinstance(files, (list, tuple)) else set()


@dataclass(slots=True)
class _Comparison:
    base: _Side
    head: _Side
    changed: frozenset[str]
    change: Change

    def result(self) -> tuple[RenderedChange, ...]:
        read = frozenset(path for path in self.changed if self.base.may_read(path) or self.head.may_read(path))
        pairs = [pair for pair in self._pairs() if self._may_differ(*pair, read)]
        self.base.render([before for before, _ in pairs if before is not None])
        self.head.render([after for _, after in pairs if after is not None])
        covered = (self.base.covered(), self.head.covered())
        differing = (
            self._compared(before, after)
            for before, after in pairs
            if not (before is None or before.name in covered[0]) or not (after is None or after.name in covered[1])
        )
        return tuple(
            change for change in differing if change.before or change.after or change.failures or change.unrendered
        )

    def _pairs(self) -> Iterator[tuple[Target | None, Target | None]]:
        """The targets of both commits: by name, else by what they are made from, since a new folder may rename others."""
        after = {target.name: target for target in self.head.discovery.targets}
        names_by_source = {_made_from(target): target.name for target in after.values()}
        unpaired: list[Target] = []
        for target in self.base.discovery.targets:
            if target.name in after:
                yield target, after.pop(target.name)
            else:
                unpaired.append(target)
        for target in unpaired:
            yield target, after.pop(names_by_source.get(_made_from(target), ""), None)
        for target in after.values():
            yield None, target

    def _may_differ(self, before: Target | None, after: Target | None, read: frozenset[str]) -> bool:
        if before is None or after is None or before.units != after.units:
            return True
        reaches = (self.base.reach(before, self.changed), self.head.reach(after, self.changed))
        return any(read if reach is None else reach for reach in reaches)

    def _compared(self, before: Target | None, after: Target | None) -> RenderedChange:
        old = None if before is None else self.base.expansion(before)
        if after is None:
            assert before is not None and old is not None  # noqa: S101, PT018 a pair has one side at least
            new_gaps = _new(self.base.discovery, self.head.discovery)
            objects = {} if new_gaps else {resource: rendered.tree for resource, rendered in _objects(old).items()}
            return RenderedChange(before.name, objects, {}, FileStatus.REMOVED, new_gaps)
        new = self.head.expansion(after)
        failures = () if old is None else _failures(old, new)
        sides = [{} if old is None else _objects(old), _objects(new)]
        differing = {
            resource
            for resource in {**sides[0], **sides[1]}
            if not (failures and resource not in sides[1])
            and not (
                resource in sides[0] and resource in sides[1] and same(sides[0][resource].tree, sides[1][resource].tree)
            )
        }
        trees: list[dict[ResourceId, Tree]] = [
            {resource: rendered.tree for resource, rendered in side.items() if resource in differing} for side in sides
        ]
        status = FileStatus.ADDED if before is None else FileStatus.MODIFIED
        unrendered = tuple(error for error in self._touched_errors(new) if error not in failures)
        return RenderedChange(
            after.name, trees[0], trees[1], status, failures, unrendered, _Locator(self.head, new, self.change)
        )

    def _touched_errors(self, expansion: Expansion) -> Iterator[NotCompared]:
        """Why units of a target do not render at the head, of those that the change touches."""
        for rendered_unit in expansion.units:
            unit, error = rendered_unit.unit, rendered_unit.rendering.error
            if error is not None and (
                self.changed & {*rendered_unit.rendering.inputs, unit.file, error.file}
                or (unit.path and any(is_below(path, unit.path) for path in self.changed))
            ):
                yield error


def _made_from(target: Target) -> tuple[object, ...]:
    return tuple((unit.kind, unit.path, json.dumps(unit.spec, sort_keys=True, default=dict)) for unit in target.units)


def _objects(expansion: Expansion) -> dict[ResourceId, RenderedObject]:
    return {resource: rendered for _, rendered in expansion.objects() if (resource := identity(rendered)) is not None}


def _failures(before: Expansion, after: Expansion) -> tuple[NotCompared, ...]:
    """The units that rendered before and do not after, and why.

    A unit that is gone may have been taken out. Where something is newly left out at the same time, nobody can tell, and
    it counts as not rendered any more.
    """
    rendered_before = {_unit(unit.unit) for unit in before.units if unit.rendering.error is None}
    broken = [
        unit.rendering.error
        for unit in after.units
        if unit.rendering.error is not None and _unit(unit.unit) in rendered_before
    ]
    if rendered_before - {_unit(unit.unit) for unit in after.units}:
        by_itself = {out for unit in (*before.units, *after.units) for out in unit.rendering.left_out}
        known_gaps = {(out.subject, out.reason) for out in before.left_out}
        broken += [
            out for out in after.left_out
            if out not in by_itself and out not in broken and (out.subject, out.reason) not in known_gaps
        ]  # fmt: skip
    return tuple(broken)


def _unit(unit: Unit) -> tuple[UnitKind, str, str]:
    """What a unit is at both commits: its folder may be another one."""
    return unit.kind, unit.space, unit.name


def _new(before: Discovery, after: Discovery) -> tuple[NotCompared, ...]:
    """What was not left out before: a target that is not found any more may be among it."""
    known_gaps = {(out.subject, out.reason) for out in before.left_out}
    errors = [NotCompared(error.file, error.message, error.file, error.line) for error in after.errors
              if error.file not in {earlier.file for earlier in before.errors}]  # fmt: skip
    return (*(out for out in after.left_out if (out.subject, out.reason) not in known_gaps), *errors)


@dataclass(slots=True)
class _Locator:
    """Where the head sets a rendered value: the line that moves it when it is changed, else a changed file that is read."""

    side: _Side
    expansion: Expansion
    change: Change
    traced: int = 0

    def __call__(self, resource: ResourceId, pointer: Pointer) -> tuple[str | None, int | None]:
        traced = self._traced(resource, pointer)
        if traced is not None:
            return self._inside(*traced, pointer)
        return self._changed(pointer) or self._began(resource)

    def _traced(self, resource: ResourceId, pointer: Pointer) -> tuple[str, int] | None:
        """By the inverse search: the written line that shows in the value when it is changed."""
        self.traced += 1
        if self.traced > _MOST_TRACED:
            return None
        side, name = self.side, self.expansion.target.name
        deployment = Deployment(side.tree, side.discovery, {name: self.expansion})
        chain = trace(name, resource, pointer, scene_of(deployment, name, side.reader), with_edit=False)
        decides = [link.spot for link in chain.links if link.decides] if isinstance(chain, Chain) else []
        return (decides[0].file, decides[0].line) if decides else None

    def _inside(self, file: str, line: int, pointer: Pointer) -> tuple[str, int]:
        """The line itself; where it begins a text that is a document too (an inline patch), the added one that names the
        value.
        """
        lines = (self.side.tree.read(file) or b"").decode("utf-8", "replace").split("\n")
        if _key(pointer) in "".join(lines[line - 1 : line]):
            return file, line
        return next((spot for spot in self._naming(pointer) if spot[0] == file and spot[1] > line), (file, line))

    def _changed(self, pointer: Pointer) -> tuple[str, int] | None:
        """A line that the change adds to a file of this target: one that names the value, else the first."""
        first = ((delta.path, line.number) for delta in self._deltas() for line in delta.added)
        return next(self._naming(pointer), None) or next(first, None)

    def _naming(self, pointer: Pointer) -> Iterator[tuple[str, int]]:
        """The added lines that name the key of a value."""
        key = _key(pointer)
        for delta in self._deltas():
            yield from ((delta.path, line.number) for line in delta.added if key in line.text)

    def _deltas(self) -> Iterator[Delta]:
        inputs = self.expansion.inputs
        return (Delta(file) for file in self.change.files if file.path in inputs)

    def _began(self, resource: ResourceId) -> tuple[str | None, int | None]:
        rendered = _objects(self.expansion).get(resource)
        return (None, None) if rendered is None or not rendered.file else (rendered.file, rendered.line or 1)


def _key(pointer: Pointer) -> str:
    """The last name on the way to a value."""
    return next((part for part in reversed(pointer) if isinstance(part, str)), "")
