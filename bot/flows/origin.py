"""Which line of a repository sets a value that is deployed, and the edit that would set another: behind ``clockwork
origin``.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.drift.masking import HIDDEN
from bot.errors import Invalid
from bot.flows.declare import Declaration, Declarer
from bot.flows.tracing import scene_of
from bot.intake.declared import nearest
from bot.model.json import JSON, Pointer, Tree
from bot.model.paths import Path, format_path, parse_path
from bot.model.resource import Desired, SourceKind
from bot.origins.scene import EditPlan, Link, NoEdit
from bot.origins.trace import trace
from bot.secrecy.credentials import is_secret


@dataclass(frozen=True, slots=True)
class ValueOrigin:
    """The answer. ``lines`` are where the value is set, as ``file:line: what``; ``feeds`` what else those lines set."""

    resource: str
    path: str
    value: JSON
    lines: tuple[str, ...]
    feeds: tuple[str, ...] = ()
    edit: str = ""
    reason: str = ""

    def text(self) -> str:
        """The chain for people."""
        rows = [f"{self.resource} {self.path} = {self.value!r}"]
        rows += [f"  ← {line}" for line in self.lines]
        rows += [f"  {self.reason}"] if self.reason else []
        rows += ["  the same line also sets:", *(f"    {feed}" for feed in self.feeds)] if self.feeds else []
        rows += ["  to set another value:", *(f"    {line}" for line in self.edit.splitlines())] if self.edit else []
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
            "reason": self.reason or None,
        }


def origin(declaration: Declaration, declarer: Declarer, resource: str, path: str) -> ValueOrigin:
    """Where one value of one declared resource comes from. ``Invalid`` for a resource or path that is not there."""
    desired = _resource(declaration, resource)
    pointer, value = _pointer(desired, path)
    if hidden := _is_hidden(desired, pointer, value):
        value = HIDDEN
    if desired.source is not SourceKind.RENDERED:
        written = desired.origins.at(pointer)
        line = (
            f"{written.file}:{written.line}: {written.name or 'written there'}"
            if written
            else f"{desired.file}:{desired.line}"
        )
        return ValueOrigin(desired.id.qualified, path, value, (line,))
    deployment, reader = declaration.deployment, declarer.targets
    if deployment is None or reader is None:
        raise Invalid(f"nothing renders {desired.id}")
    scene = scene_of(deployment, desired.id.target, reader)
    chain = trace(desired.id.target, desired.id.local, pointer, scene)
    if isinstance(chain, NoEdit):
        return ValueOrigin(desired.id.qualified, path, value, (f"{desired.file}:{desired.line}",), reason=chain.reason)
    return ValueOrigin(
        desired.id.qualified,
        path,
        value,
        tuple(_line(link, hidden=hidden) for link in chain.links) or (f"{desired.file}:{desired.line}",),
        tuple(f"{feed.target}/{feed.id} {format_path(feed.pointer)}".strip() for feed in chain.feeds),
        _difference(chain.edit, deployment.tree.read) if isinstance(chain.edit, EditPlan) and not hidden else "",
        chain.note or (chain.edit.reason if isinstance(chain.edit, NoEdit) else ""),
    )


def _line(link: Link, *, hidden: bool) -> str:
    spot = link.spot
    value = "" if link.decides or link.value is None or hidden else f", which says {json.dumps(link.value)}"
    return f"{spot.file}:{spot.line}: {spot.what}{value}"


def _resource(declaration: Declaration, name: str) -> Desired:
    matches = [each for each in declaration.resources if name in {str(each.id), each.id.qualified}]
    if len(matches) == 1:
        return matches[0]
    if matches:
        listed = ", ".join(each.id.target or "(unnamed)" for each in matches)
        raise Invalid(f"{name} is declared for several targets: {listed}", advice="Choose one with --target.")
    meant = nearest(name, {str(each.id) for each in declaration.resources})
    raise Invalid(f"the repository declares no {name}" + (f"; did you mean {meant!r}?" if meant else ""))


def _pointer(desired: Desired, path: str) -> tuple[Pointer, JSON]:
    """The raw pointer of a path as people write it: list elements by name or index."""
    value: JSON = desired.tree
    pointer: list[str | int] = []
    steps: Path = parse_path(path)
    for step in steps:
        reached = _step(value, step)
        if reached is None:
            raise Invalid(f"{desired.id} has nothing at {path} (stopped at {format_path(tuple(pointer)) or 'its top'})")
        pointer.append(reached[0])
        value = reached[1]
    return tuple(pointer), value


def _is_hidden(desired: Desired, pointer: Pointer, value: JSON) -> bool:
    """Whether the value is secret, lies in one or holds one."""
    if any(pointer[: len(each)] == each or each[: len(pointer)] == pointer for each in desired.sensitive):
        return True
    return is_secret(str(pointer[-1]) if pointer else "", str(value))


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


def _difference(plan: EditPlan, read: Callable[[str], bytes | None]) -> str:
    rows: list[str] = []
    for path, after in plan.files.items():
        old = (read(path) or b"").decode("utf-8", "replace").splitlines()
        rows += difflib.unified_diff(old, after.decode("utf-8", "replace").splitlines(), path, path, lineterm="", n=1)
    return "\n".join(rows)
