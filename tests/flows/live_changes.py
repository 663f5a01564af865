"""One field changed live at a time, and what the edit comes to that a pull request would propose: for the test and the
benchmark of the search.

A repository's targets are rendered and given to a cluster of the test's own; a change there is compared, decided and
written back exactly as a run does it, and all targets are rendered again with the files of that edit.
"""

from __future__ import annotations

import base64
import json
import random
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from bot.drift.cache import Memo
from bot.edits.values import applied, at
from bot.errors import Refused
from bot.flows.changes import Changes, NotSet, config_change
from bot.flows.declare import Declaration, Declarer
from bot.flows.deployment import uncovered
from bot.flows.observation import RulesInForce, assess
from bot.gitrepo.worktree import WORKTREE
from bot.model.decision import Decision, Lane
from bot.model.drift import AddEntry, Drift, Edit, RemoveEntry, SetValue
from bot.model.json import JSON, Pointer, Tree
from bot.model.observation import Observation
from bot.model.proposal import Proposal
from bot.model.resource import Desired, Observed, Platform, ResourceId
from bot.model.target import RenderedObject, Unit
from bot.observers.placement import placed
from bot.origins.effect import successors
from bot.origins.expanded import objects
from bot.origins.leaves import words_of
from bot.renderers.renderers import Renderers
from bot.targets.desired import identity
from bot.wiring.reconcile import declarer, rules_in_force
from bot.wiring.repository import Options, repository_to_read
from tests.flows.folders import shared_renderers
from tests.targets.cluster import Object, live

NOW = datetime(2026, 5, 1, tzinfo=UTC)
CARRIERS = frozenset({"Application", "ApplicationSet", "HelmRelease", "Kustomization"})
NEVER = frozenset(
    {
        "apiVersion",
        "kind",
        "name",
        "namespace",
        "key",
        "selector",
        "matchLabels",
        "generateName",
        "finalizers",
        "target",
    }
    | {
        "sourceRef",
        "chartRef",
        "chart",
        "valuesFrom",
        "substituteFrom",
        "dependsOn",
        "healthChecks",
        "path",
        "ref",
        "to",
    }
    | {"from", "repoURL", "targetRevision", "destination", "server", "project", "valueFiles", "valuesFiles"}
    | {"fileParameters", "components", "patch", "serviceName", "app.kubernetes.io/managed-by"}
)
"""Names of fields that say what an object is, what belongs together or where it is from: with another value there, it is
another object and no drifted one."""
_CONTAINER: Pointer = ("spec", "template", "spec", "containers", 0)


class Answer(StrEnum):
    """What became of one change. Wide: other objects change too, and each is named. By name: only those change that get
    another name for what they hold, or use one. Hidden: a secret is never written.
    """

    EXACT = "exact"
    BY_NAME = "by name"
    WIDE = "wide"
    NOWHERE = "set by no file"
    HIDDEN = "hidden"


@dataclass(frozen=True)
class LiveChange:
    """One change of a live object. ``edit`` is of its tree."""

    target: str
    id: ResourceId
    edit: Edit
    sort: str
    path: str

    def __str__(self) -> str:
        value = "gone" if isinstance(self.edit, RemoveEntry) else repr(self.edit.value)
        return f"{self.target}: {self.id} {self.path} -> {value}"


@dataclass(frozen=True)
class Outcome:
    """What became of a change. ``mistakes`` are empty where the answer holds; ``seconds`` and ``renders`` are those of the
    search alone.
    """

    change: LiveChange
    answer: Answer
    text: str
    seconds: float
    renders: int
    mistakes: tuple[str, ...] = ()


def shown(counts: Mapping[Answer, int]) -> str:
    """``12 exact, 3 wide``."""
    return ", ".join(f"{counts[answer]} {answer}" for answer in Answer if counts.get(answer))


@dataclass
class Place:
    """One target, as Git declares it and as it runs."""

    name: str
    reader: Declarer
    declared: Declaration
    rules: RulesInForce
    live: Mapping[ResourceId, Object]
    sent: Mapping[ResourceId, tuple[Unit, RenderedObject]]

    def decisions(self, declaration: Declaration, trees: Mapping[ResourceId, Object]) -> tuple[Decision, ...]:
        """What differs between a declaration and what runs."""

        def observe(_observer: str, declared: Sequence[Desired], now: datetime) -> Observation:
            seen = {_where(id_, tree): tree for id_, tree in trees.items()}
            observed = {id_: Observed(id_, tree) for id_, tree in seen.items()}
            listed = placed(observed, declared, "default")
            return Observation(now, resources=listed, covered=frozenset({Platform.KUBERNETES}))

        assessment = assess(declaration, self.rules, observe, now=NOW)
        assert not assessment.report.errors, assessment.report.errors
        return assessment.decisions

    @property
    def renders(self) -> int:
        """How many units were rendered so far."""
        assert self.reader.targets is not None
        assert isinstance(self.reader.targets.renderer, Renderers)
        return self.reader.targets.renderer.rendered


def _where(id_: ResourceId, tree: Object) -> ResourceId:
    return id_._replace(scope=tree["metadata"].get("namespace") or "")


def places(root: Path) -> list[Place]:
    """The targets of a repository that nothing else deploys. They are rendered once for all of them."""
    renderers = shared_renderers()
    opened = repository_to_read(Options(repo=str(root), environment={}))
    deployment = declarer(opened, renderers).at(WORKTREE).deployment
    assert deployment is not None
    shown_targets = uncovered(deployment.discovery.targets, deployment.expansions)
    names = [target.name for target in shown_targets if any(deployment.expansions[target.name].objects())]
    return [place(root, name, renderers) for name in names]


def place(root: Path, target: str, renderers: Renderers | None = None) -> Place:
    """One target of a repository, with the ``renderers`` of others of it, or its own."""
    opened = repository_to_read(
        Options(repo=str(root), environment={"CLOCKWORK_SECRET": "k"}, target=target, live="unused.json")
    )
    reader = declarer(opened, renderers or shared_renderers())
    declared = reader.at(WORKTREE)
    assert declared.deployment is not None
    made = [
        (id_, unit, each)
        for unit, each in declared.deployment.expansions[target].objects()
        if (id_ := identity(each)) is not None
    ]
    return Place(
        target,
        reader,
        declared,
        rules_in_force(opened, Memo(), reader, WORKTREE),
        {id_: live(unit, each, managed=False) for id_, unit, each in made},
        {id_: (unit, each) for id_, unit, each in made},
    )


# -- what may change -------------------------------------------------------------------------------------------------------


def sampled(listed: Sequence[Place], count: int, seed: int) -> list[tuple[Place, LiveChange]]:
    """So many changes of a repository, the same ones each time: of each sort in turn, as long as there are any."""
    by_sort: dict[str, list[tuple[Place, LiveChange]]] = defaultdict(list)
    for each in listed:
        for change in changes(each):
            by_sort[change.sort].append((each, change))
    chance = random.Random(seed)
    for sort in sorted(by_sort):
        chance.shuffle(by_sort[sort])
    chosen: list[tuple[Place, LiveChange]] = []
    while len(chosen) < count and any(by_sort.values()):
        chosen += [by_sort[sort].pop() for sort in sorted(by_sort) if by_sort[sort]]
    return chosen[:count]


def changes(at_place: Place) -> Iterator[LiveChange]:
    """Another value for every field of a target that may drift, and entries that come and go."""
    blocked = {each.id.local for each in at_place.declared.resources}
    for id_ in sorted(at_place.sent):
        if id_ in blocked:
            made = at_place.sent[id_][1]
            tree = made.tree
            for edit in _edits(id_, tree, at_place.live[id_]):
                hidden = any(edit.pointer[: len(each)] == each for each in made.opaque)
                if not hidden and _is_rendered(tree, edit):
                    words = ".".join(words_of(tree, _place_of(edit)))
                    yield LiveChange(at_place.name, id_, edit, sort_of(id_, _place_of(edit)), words)


def _place_of(edit: Edit) -> Pointer:
    if isinstance(edit, AddEntry):
        return (*edit.pointer, edit.key) if edit.key is not None else edit.pointer
    return edit.pointer


def _is_rendered(tree: Tree, edit: Edit) -> bool:
    """Whether Git has a say there: the field, or what an entry is added to."""
    try:
        at(tree, edit.pointer)
    except KeyError:
        return False
    return True


def _edits(id_: ResourceId, tree: Tree, running: Object) -> Iterator[Edit]:
    for pointer, value in leaves(json.loads(json.dumps(tree, default=dict))):
        if NEVER.intersection(part for part in pointer if isinstance(part, str)) and "values" not in pointer:
            continue
        try:
            if at(running, pointer) != value and id_.kind != "Secret":
                continue  # the API server keeps it in another form
        except KeyError:
            continue
        secret = id_.kind == "Secret" and pointer[0] == "data"
        yield SetValue(
            pointer, base64.b64encode(base64.b64decode(str(value)) + b"x").decode() if secret else other(value)
        )
        if pointer[-2:-1] in {("annotations",), ("labels",), ("limits",)} and "app" not in pointer:
            yield RemoveEntry(pointer)
    if id_.kind in {"Deployment", "StatefulSet"}:
        yield AddEntry(("metadata", "labels"), "team-of", "platform")
        yield AddEntry(("metadata", "annotations"), "example.com/note", "seen")
        yield from _in_containers(tree)


def _in_containers(tree: Tree) -> Iterator[Edit]:
    try:
        container = at(tree, _CONTAINER)
    except KeyError:
        return
    assert isinstance(container, Mapping)
    arguments = container.get("args")
    if isinstance(arguments, list):
        yield AddEntry((*_CONTAINER, "args"), None, "--dry-run")
        yield RemoveEntry((*_CONTAINER, "args", len(arguments) - 1))
    if "env" in container:
        yield AddEntry((*_CONTAINER, "env"), None, {"name": "REGION", "value": "north"})
        yield RemoveEntry((*_CONTAINER, "env", 0))


_WORDS = {
    "LoadBalancer": "NodePort",
    "ClusterIP": "NodePort",
    "TCP": "UDP",
    "IfNotPresent": "Always",
    "Always": "IfNotPresent",
    "ReadWriteOnce": "ReadWriteMany",
    "Recreate": "RollingUpdate",
    "RollingUpdate": "Recreate",
    "Namespaced": "Cluster",
    "Opaque": "example.com/token",
}
"""Fields of these values take only few words."""


def leaves(tree: Any, pointer: Pointer = ()) -> Iterator[tuple[Pointer, JSON]]:
    """Every scalar of a tree."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, (*pointer, key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from leaves(value, (*pointer, index))
    elif tree is not None:
        yield pointer, tree


def other(value: JSON) -> JSON:
    """Another value as somebody might set it: the next number, the next version, another word."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    text = str(value)
    if text in {"true", "false"}:
        return "false" if text == "true" else "true"
    if text in _WORDS:
        return _WORDS[text]
    numbers = list(re.finditer(r"\d+", text))
    if not numbers:
        return text.rstrip("\n") + "x" + text[len(text.rstrip("\n")) :]
    last = numbers[-1]
    return text[: last.start()] + str(int(last[0]) + 1) + text[last.end() :]


SORTS: Sequence[tuple[str, str]] = (
    ("image", "image|images|newTag|newName"),
    ("replicas", "replicas|minReplicas|maxReplicas|count"),
    ("probe", "livenessProbe|readinessProbe|startupProbe"),
    ("env", "env"),
    ("resources", "resources|limits|requests"),
    ("label", "labels|commonLabels"),
    ("annotation", "annotations|commonAnnotations"),
    ("port", "ports|port|targetPort|containerPort"),
    ("argument", "args|command"),
    ("data", "data|stringData"),
    ("value", "values|valuesObject|parameters"),
    ("setting", ".*"),
)


def sort_of(id_: ResourceId, pointer: Pointer) -> str:
    """What people call a field."""
    words = [part for part in pointer if isinstance(part, str)]
    if id_.kind in CARRIERS and (value := {"values", "valuesObject", "parameters"}.intersection(words)):
        return "value" if value else "setting"
    return next(sort for sort, names in SORTS if any(re.fullmatch(names, word) for word in words))


# -- what becomes of it ----------------------------------------------------------------------------------------------------


def outcome(at_place: Place, change: LiveChange) -> Outcome:
    """The edit that a pull request would propose for a change, proven by rendering everything with it."""
    unit, made = at_place.sent[change.id]
    changed = dict(applied(made.tree, change.edit))  # type: ignore[arg-type]  # an object stays one
    trees = {**at_place.live, change.id: live(unit, replace(made, tree=changed), managed=False)}
    decisions = at_place.decisions(at_place.declared, trees)
    mine = [each for each in decisions if each.drift.resource.local == change.id]
    if not mine or len(mine) < len(decisions):
        return Outcome(
            change, Answer.NOWHERE, "", 0, 0, (f"the drift is {[_located(each.drift) for each in decisions]}",)
        )
    started, rendered = time.perf_counter(), at_place.renders
    proposal = Proposal(Lane.CONFIG_PULL_REQUEST, mine[0].drift.task, tuple(mine))
    written: Changes | Refused
    try:
        written = config_change(at_place.declared, proposal, at_place.reader)
    except Refused as exc:
        written = exc
    answered = Outcome(change, Answer.NOWHERE, "", time.perf_counter() - started, at_place.renders - rendered)
    if isinstance(written, NotSet):
        return replace(answered, text=written.message)
    if isinstance(written, Refused):
        hidden = all(each.drift.sensitive for each in mine)
        return replace(
            answered, answer=Answer.HIDDEN, text=written.message, mistakes=() if hidden else (written.message,)
        )
    return _proven(at_place, trees, written, replace(answered, text="; ".join(written.notes)))


def _located(drift: Drift) -> str:
    return f"{drift.resource.qualified} {drift.where}"


@dataclass
class _Moves:
    """What differs between two renderings of all targets."""

    moved: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)


def _proven(at_place: Place, trees: Mapping[ResourceId, Object], written: Changes, made: Outcome) -> Outcome:
    after = at_place.reader.with_files(written.files, at_place.declared)
    moves = _moves(at_place, after)
    own = f"{at_place.name}/{made.change.id}"
    carried = {each for each in moves.moved if _is_carried(each, written)}
    unnamed = moves.moved - {own} - set(written.moves) - carried
    idle = set(written.moves) - moves.moved
    mistakes = [f"{each} changes and is not named" for each in sorted(unnamed)]
    mistakes += [f"{each} is named and does not change" for each in sorted(idle)]
    mistakes += [] if own in moves.moved else [f"{own} does not change"]
    running = {id_: _renamed(tree, moves.names) for id_, tree in trees.items()}
    running = {id_._replace(name=tree["metadata"]["name"]): tree for id_, tree in running.items()}
    allowed = {*carried, *written.moves}
    if made.change.id.name in moves.names:
        allowed.discard(f"{at_place.name}/{made.change.id._replace(name=moves.names[made.change.id.name])}")
    left = [each.drift for each in at_place.decisions(after, running)]
    mistakes += [
        f"{_located(each)} still drifts" for each in left if f"{at_place.name}/{each.resource.local}" not in allowed
    ]
    wide = any(note.endswith(" too") for note in written.notes)
    answer = Answer.WIDE if wide else Answer.BY_NAME if written.moves else Answer.EXACT
    return replace(made, answer=answer, mistakes=tuple(mistakes))


def _is_carried(moved: str, written: Changes) -> bool:
    """Whether an object that changes is named as one that carries the change."""
    name = moved.partition("/")[2]
    return any(note.startswith(f"{name} carries it") for note in written.notes)


def _moves(at_place: Place, after: Declaration) -> _Moves:
    before, now = at_place.declared.deployment, after.deployment
    assert before is not None
    assert now is not None
    moves = _Moves()
    for target in uncovered(before.discovery.targets, before.expansions):
        old, new = objects(before.expansions[target.name]), objects(now.expansions[target.name])
        made = before.expansions[target.name].objects()
        opaque = {id_: frozenset(each.opaque) for _, each in made if (id_ := identity(each)) is not None}
        for id_ in {*old, *new}:
            if (
                id_ not in old
                or id_ not in new
                or _visible(old[id_], opaque.get(id_)) != _visible(new[id_], opaque.get(id_))
            ):
                moves.moved.add(f"{target.name}/{id_}")
        if target.name == at_place.name:
            moves.names = {gone.name: come.name for gone, come in successors(old, new).items()}
    return moves


def _visible(tree: Tree, hidden: frozenset[Pointer] | None) -> JSON:
    made: JSON = tree
    for pointer in hidden or ():
        made = applied(made, SetValue(pointer, None))
    return made


def _renamed(tree: Any, names: Mapping[str, str]) -> Any:
    """The cluster once what is generated anew is applied: under its new name, wherever it is named."""
    if isinstance(tree, str):
        return names.get(tree, tree)
    if isinstance(tree, Mapping):
        return {key: _renamed(value, names) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [_renamed(value, names) for value in tree]
    return tree
