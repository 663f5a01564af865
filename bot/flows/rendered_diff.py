"""The rendered difference of a change for people: by target, what is removed, changed and added, secrets masked.

Made from :class:`~bot.guardrails.rendered.RenderedChange`; shown in the check, in the one comment, and by ``clockwork guard``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import yaml

from bot import escape
from bot.drift.masking import HIDDEN, Mask
from bot.drift.shapes import ANY
from bot.edits.values import same
from bot.guardrails.hunks import patch
from bot.guardrails.rendered import RenderedChange
from bot.intake.manifest import secret_pointers
from bot.model.finding import FileStatus
from bot.model.generated import base_name, with_names
from bot.model.json import JSON, Tree, mapping
from bot.model.resource import ResourceId
from bot.secrecy.redaction import redact

MAX_COMMENT: Final = 60_000
"""Characters; a comment takes 65,536 (see :data:`bot.escape.MAX_BODY`)."""
_MAX_DIFF: Final = 6_000
"""Characters of one object's difference."""
_MOST_SHOWN: Final = 300
"""Objects whose difference is made; the rest is named or counted."""
_NAMED: Final = 50
_RESERVED: Final = 400
_ORDER: Final = {FileStatus.REMOVED: 0, FileStatus.MODIFIED: 1, FileStatus.ADDED: 2}
_STATUS_NAMES: Final = {FileStatus.REMOVED: "removed", FileStatus.MODIFIED: "changed", FileStatus.ADDED: "added"}
_FOLLOWS: Final = "repointed"
_HOLD: Final = frozenset(
    {"PersistentVolumeClaim", "PersistentVolume", "StatefulSet", "Namespace", "CustomResourceDefinition", "Secret"}
)
"""What takes data or other objects with it when it goes."""


@dataclass(frozen=True, slots=True)
class ObjectDifference:
    """One object. ``diff`` is a unified diff of its YAML without a header; secrets are masked. ``follows``: nothing of it
    changes but the names by which it refers to generated objects.
    """

    name: str
    status: FileStatus
    diff: str
    follows: bool = False

    @property
    def status_name(self) -> str:
        """What happened to it."""
        return _FOLLOWS if self.follows else _STATUS_NAMES[self.status]

    @property
    def headline(self) -> str:
        """What happened to which object."""
        return f"{self.status_name} {self.name}"


@dataclass(frozen=True, slots=True)
class TargetDifference:
    """One target: its objects, those that go first. ``failed`` says what renders no longer, ``unrendered`` what never did."""

    target: str
    objects: tuple[ObjectDifference, ...]
    failed: tuple[str, ...] = ()
    unrendered: tuple[str, ...] = ()

    @property
    def counts(self) -> str:
        """How many objects are removed, changed and added, and how many only refer to those by new names."""
        counts = Counter(object_difference.status_name for object_difference in self.objects)
        return ", ".join(f"{counts[state]} {state}" for state in (*_STATUS_NAMES.values(), _FOLLOWS) if counts[state])

    def as_json(self) -> Mapping[str, object]:
        """The difference for programs."""
        return {
            "target": self.target,
            "objects": [
                {
                    "name": object_difference.name,
                    "status": object_difference.status_name,
                    "diff": object_difference.diff,
                }
                for object_difference in self.objects
            ],
            "failed": list(self.failed),
            "not_rendered": list(self.unrendered),
        }


def differences(changes: Sequence[RenderedChange], mask_key: bytes) -> tuple[TargetDifference, ...]:
    """What people see of rendered changes; targets that lose something come first."""
    target_differences = [_target(change, mask_key) for change in changes]
    return tuple(
        sorted(
            target_differences,
            key=lambda difference: (not difference.failed, not _loses(difference), difference.target),
        )
    )


def _loses(difference: TargetDifference) -> bool:
    return any(object_difference.status is FileStatus.REMOVED for object_difference in difference.objects)


def _target(change: RenderedChange, mask_key: bytes) -> TargetDifference:
    pairs = list(_pairs(change))
    names = {old.name: new.name for old, new in pairs if old is not None and new is not None and old != new}
    following = {pair for pair in pairs if _follows(change, pair, names)}
    pairs.sort(key=lambda pair: (pair in following, _destructive_first(pair)))
    objects = tuple(
        _object(change, pair, mask_key, visible=number < _MOST_SHOWN, follows=pair in following)
        for number, pair in enumerate(pairs)
    )
    return TargetDifference(
        change.target,
        objects,
        tuple(dict.fromkeys(_reason(out.reason, out.file, out.line) for out in change.failures)),
        tuple(dict.fromkeys(_reason(out.reason, out.file, out.line) for out in change.unrendered)),
    )


def _reason(reason: str, file: str, line: int) -> str:
    location = f" ({file}:{line})" if file and line else f" ({file})" if file else ""
    return f"{redact(' '.join(reason.split()))}{location}"


_Pair = tuple[ResourceId | None, ResourceId | None]


def _pairs(change: RenderedChange) -> Iterator[_Pair]:
    """Which object became which: by identity, and generated ones by their name without its hash."""
    added = {resource: resource for resource in change.after if resource not in change.before}
    hashed = {_generated(resource): resource for resource in added if _generated(resource) is not None}
    for resource in change.before:
        if resource in change.after:
            yield resource, resource
        else:
            key = _generated(resource)
            successor = None if key is None else hashed.pop(key, None)
            if successor is not None:
                del added[successor]
            yield resource, successor
    for resource in added:
        yield None, resource


def _generated(resource: ResourceId) -> ResourceId | None:
    name = base_name(resource.name)
    if resource.kind not in {"ConfigMap", "Secret"} or name == resource.name:
        return None
    return resource._replace(name=name)


def _follows(change: RenderedChange, pair: _Pair, names: Mapping[str, str]) -> bool:
    """Whether an object changes in the names of generated objects alone."""
    resource, after = pair
    if not names or resource is None or resource != after:
        return False
    return same(with_names(change.before[resource], names), change.after[resource])


def _status(pair: _Pair) -> FileStatus:
    if pair[0] is None:
        return FileStatus.ADDED
    return FileStatus.REMOVED if pair[1] is None else FileStatus.MODIFIED


def _destructive_first(pair: _Pair) -> tuple[int, bool, str]:
    resource = pair[0] or pair[1]
    return _ORDER[_status(pair)], resource is not None and resource.kind not in _HOLD, str(resource)


def _object(change: RenderedChange, pair: _Pair, mask_key: bytes, *, visible: bool, follows: bool) -> ObjectDifference:
    before, after = pair
    name = str(before or after) if before == after or before is None or after is None else f"{before} → {after.name}"
    diff = _diff(change.before.get(before) if before else None, change.after.get(after) if after else None, mask_key)
    return ObjectDifference(redact(name), _status(pair), diff if visible else "", follows)


def _diff(before: Tree | None, after: Tree | None, mask_key: bytes) -> str:
    trees = tuple(tree for tree in (before, after) if tree is not None)
    kind = str(trees[0].get("kind"))
    sensitive = {pointer for tree in trees for pointer in secret_pointers(tree)} if kind == "Secret" else set()
    names = {str(name) for tree in trees if (name := mapping(tree.get("metadata")).get("name"))}
    mask = Mask(mask_key, kind=kind, trees=trees, sensitive=sensitive, names=names)
    texts = [b"" if tree is None else _yaml(tree, mask) for tree in (before, after)]
    if texts[0] == texts[1]:
        return f"  only values that are hidden differ: {HIDDEN}"
    _, _, hunks = patch(*texts, context=3).decode("utf-8", "replace").partition("\n@@")
    return f"@@{hunks}".rstrip("\n")


def _yaml(tree: Tree, mask: Mask) -> bytes:
    """The object as YAML without anything secret; a Secret's entries are hidden one by one, so that a changed one shows."""
    ordered: dict[str, object] = {}
    for key, value in tree.items():
        if key in {"data", "stringData", "binaryData"} and isinstance(value, Mapping):
            ordered[key] = {name: _plain(mask(entry, (key, name), ANY)[0]) for name, entry in value.items()}
        else:
            ordered[key] = _plain(mask(value, (key,), ANY)[0])
    return mask.redact(yaml.dump(ordered, Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=200)).encode()


def _plain(value: JSON) -> object:
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value


class _Dumper(yaml.SafeDumper):
    """Texts of several lines line by line, and nothing as an alias: both for the sake of the diff."""

    def ignore_aliases(self, _data: object) -> bool:
        """What is equal is written again."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def markdown(targets: Sequence[TargetDifference], limit: int) -> str:
    """The differences as Markdown of at most about ``limit`` characters, with how much was left out; empty for none."""
    parts: list[str] = []
    room = limit - _RESERVED
    left_out, lines = 0, 0
    for difference in targets:
        head = "\n\n".join(_head(difference))
        parts.append(head)
        room -= len(head)
        for number, object_difference in enumerate(difference.objects):
            text = _shown(object_difference)
            if len(text) > room and number < _NAMED:
                text = f"{escape.code(object_difference.headline)}: {_lines(object_difference.diff)}, not shown"
            if len(text) > room:
                left_out, lines = left_out + 1, lines + object_difference.diff.count("\n") + 1
                continue
            parts.append(text)
            room -= len(text) + 2
    if left_out:
        parts.append(f"*Left out because it is too long: {left_out} objects with {lines:,} lines of difference.*")
    return escape.clip("\n\n".join(parts), limit)


def _head(difference: TargetDifference) -> Iterator[str]:
    counts = f": {difference.counts}" if difference.objects else ""
    yield f"**{escape.code(difference.target)}**{counts}"
    for reason in difference.failed:
        yield f"Cannot be rendered any more: {escape.text(reason)}"
    for reason in difference.unrendered:
        yield f"Not rendered: {escape.text(reason)}"


def _shown(difference: ObjectDifference) -> str:
    shown_lines = difference.diff[:_MAX_DIFF]
    shown_lines = (
        shown_lines if shown_lines == difference.diff else shown_lines[: shown_lines.rfind("\n") + 1].rstrip("\n")
    )
    hidden_count = difference.diff.count("\n") - shown_lines.count("\n")
    remainder = f"\n\n*{hidden_count:,} more lines.*" if hidden_count else ""
    # tokens are out already, and a fence is never cut: its limit lies above
    return f"{escape.code(difference.headline)}\n\n{escape.block(shown_lines, 'diff', limit=_MAX_DIFF * 8)}{remainder}"


def _lines(diff: str) -> str:
    count = diff.count("\n") + 1
    return f"{count:,} {'line' if count == 1 else 'lines'} of difference"


def comment_body(targets: Sequence[TargetDifference], head: str) -> str:
    """The one comment that shows what a pull request changes where it is deployed."""
    if not targets:
        return f"**Rendered difference** (`{head[:12]}`)\n\nNo target's rendered objects change."
    return f"**Rendered difference by target** (`{head[:12]}`)\n\n{markdown(targets, MAX_COMMENT)}"
