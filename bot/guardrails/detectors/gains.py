"""What objects gain: facts that hold after a change and did not hold in their file, nor in one that they left.

A fact is keyed by what it is about (object, container, capability), not by where it is written, so a manifest that was
moved, re-indented or split keeps its facts and is quiet. The same facts are read from what targets render to: a value of a
chart or a patch gives powers that no manifest names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final, TypeAlias

from bot.guardrails.classify import is_environment, is_fixture, is_vendored, is_yaml_or_json
from bot.guardrails.detectors.chart_values import is_values_file
from bot.guardrails.detectors.patches import patched
from bot.guardrails.earlier import earlier
from bot.guardrails.hunks import Delta
from bot.guardrails.rule import Fact, Hit, Subject
from bot.guardrails.structure import Documents, parsed
from bot.intake.lined_node import LinedNode
from bot.model.dataclass import dataclass
from bot.model.finding import FileStatus
from bot.model.patterns import regex

if TYPE_CHECKING:
    from bot.guardrails.rendered import RenderedChange

Facts: TypeAlias = Callable[[LinedNode], Iterator[Fact]]


def gained(
    subject: Subject,
    facts: Facts,
    states_any: Callable[[Delta], bool],
    *,
    elsewhere: frozenset[tuple[str | None, int | None]] = frozenset(),
) -> Iterator[Hit]:
    """A hit for every fact that holds after the change and did not hold before in its file, or in one that lost it.

    ``states_any`` says whether a file may state any; only those are parsed.
    What a file says is told once: rendered objects add what stands in none, nor on a line that is told ``elsewhere``; and a
    patch adds what is rendered nowhere, since what is rendered knows more about it.
    """
    files = [delta for delta in subject.deltas if is_deployed(delta, subject) and states_any(delta)]

    def keys(documents: Documents, path: str) -> dict[tuple[str, ...], None]:
        return {fact.key: None for fact in _facts(documents, facts, values=is_values_file(path))}

    before = earlier(
        files,
        lambda delta: keys(delta.documents_before, delta.old_path),
        lambda delta: keys(delta.documents_after, delta.path),
    )
    seen_keys: set[tuple[str, ...]] = set()
    lines = set(elsewhere)
    for delta in files:
        for fact in _facts(delta.documents_after, facts, patches=False):
            if fact.key not in before[delta.path] and fact.key not in seen_keys:
                seen_keys.add(fact.key)
                lines.add((delta.path, fact.line))
                yield fact.hit(delta)
    rendered: set[tuple[str | None, int | None]] = set()
    for power in _rendered_powers(subject.facts.rendered, facts, frozenset(_anywhere(key) for key in seen_keys)):
        if power.location not in lines:
            rendered.add(power.location)
            yield power.hit()
    for delta in files:
        for fact in _facts(delta.documents_after, facts, values=is_values_file(delta.path)):
            location = (delta.path, fact.line)
            if fact.key in before[delta.path] or fact.key in seen_keys or location in lines or location in rendered:
                continue
            seen_keys.add(fact.key)
            yield fact.hit(delta)


@dataclass(frozen=True, slots=True)
class _RenderedPower:
    """A power that rendered objects gain, with the targets that they are of and the line that gives it."""

    fact: Fact
    location: tuple[str | None, int | None]
    evidence: str
    targets: list[str]

    def hit(self) -> Hit:
        """The hit on that line."""
        file, line = self.location
        return Hit(
            file,
            line,
            f"{self.fact.message} So it is rendered for {', '.join(self.targets)}.",
            evidence=self.evidence,
            anchor="/".join(("rendered", *self.fact.key)),
            severity=self.fact.severity,
        )


def _rendered_powers(
    changes: Iterable[RenderedChange], facts: Facts, declared_keys: frozenset[tuple[str, ...]]
) -> Iterable[_RenderedPower]:
    """The powers that rendered objects gain, but for those with ``declared_keys`` in a file of the change.

    Each target is weighed by itself: what one loses, another does not gain for nothing. One that is new is weighed
    against those that are gone, since it may only have been renamed. A line that gives several targets the same power
    counts once.
    """
    changes = tuple(changes)
    removed_keys = {
        key for change in changes if change.status is FileStatus.REMOVED for key in _fact_keys(change, facts)
    }
    powers: dict[tuple[object, ...], _RenderedPower] = {}
    for change in changes:
        before = removed_keys if change.status is FileStatus.ADDED else _fact_keys(change, facts)
        nodes = change.nodes_after
        for fact in {fact.key: fact for fact in _facts(nodes.documents, facts, patches=False)}.values():
            if fact.key in before or _anywhere(fact.key) in declared_keys:
                continue
            location = change.locate(*nodes.locations[fact.line])
            power = _RenderedPower(fact, location, nodes.shown(fact.line), [])
            powers.setdefault((location, _anywhere(fact.key)), power).targets.append(change.target)
    return powers.values()


def _fact_keys(change: RenderedChange, facts: Facts) -> set[tuple[str, ...]]:
    return {fact.key for fact in _facts(change.nodes_before.documents, facts, patches=False)}


def _anywhere(key: tuple[str, ...]) -> tuple[str, ...]:
    """The key of a fact without its namespace, which an overlay may set."""
    return (key[0], *key[2:])


def is_deployed(delta: Delta, subject: Subject) -> bool:
    """Whether the file is YAML or JSON that something may really run: not test data, not somebody else's.

    A folder called ``test`` is deployed where environments are named so, or where something in it is built.
    """
    if not is_yaml_or_json(delta.path) or delta.unread or is_vendored(delta.path):
        return False
    return in_deployed_folder(delta, subject)


def in_deployed_folder(delta: Delta, subject: Subject) -> bool:
    """Whether the file is no test, or in a folder that only has the name of tests."""
    if not delta.is_test or is_environment(delta.path):
        return True
    return not is_fixture(delta.path) and (subject.is_built(delta.path) or subject.has_siblings(delta.path))


_OPERATION: Final = regex(r"op(?<![\w-]op)[\s\"':]")


def may_patch(delta: Delta) -> bool:
    """Whether either side of the file may have operations of a JSON patch."""
    return any(_OPERATION.search(side) for side in (delta.before, delta.after) if side)


def _facts(documents: Documents, facts: Facts, *, patches: bool = True, values: bool = False) -> Iterator[Fact]:
    """The facts of all objects; with ``patches`` also of what patches in a file write, and of what charts are handed, which
    with ``values`` the file is.
    """
    described = objects(parsed(documents))
    for document in patched(described, values=values) if patches else described:
        yield from facts(document)


def objects(documents: Iterable[LinedNode]) -> Iterator[LinedNode]:
    """Every object: documents themselves and the items of List kinds."""
    for document in documents:
        items = document.get("items")
        if document.text_at("kind").endswith("List") and items is not None:
            yield from items.elements()
        else:
            yield document


def identity(document: LinedNode) -> tuple[str, str, str]:
    """Kind, namespace and name as written."""
    name = document.text_at("metadata", "name") or document.text_at("metadata", "generateName")
    return document.text_at("kind"), document.text_at("metadata", "namespace"), name
