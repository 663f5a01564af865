"""How much of what differs is found, and how much is found where nothing differs.

``python -m tests.benchmarks.bench_found [--folder DIR ...] [--silent]`` prints two figures over the Kubernetes objects that
this repository's tests hold (and those of further folders): false alarms, where the live side is what a cluster makes of an
object (:mod:`tests.targets.cluster`), and changes that are told, where one thing of the live side is another one. A change is
told as drift, or counted with its reason (an owner, a default); a *silent* one is neither, and ``--silent`` lists those.
"""

from __future__ import annotations

import argparse
import copy
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bot.drift.compare import compare
from bot.drift.options import ComparisonOptions
from bot.drift.platforms import load as load_platforms
from bot.drift.severity import fields, grants
from bot.intake.read import read_manifest
from bot.model.drift import Report
from bot.model.json import JSON, elements, get, mapping
from bot.model.observation import Observation
from bot.model.resource import Desired, Observed, Platform
from bot.model.target import RenderedObject, Unit, UnitKind
from bot.observers.documents import kubernetes_id
from bot.shipped import files
from tests.drift.makers import NOW
from tests.targets.cluster import Object, live

ROOT: Final = Path(__file__).parents[1]
FOLDERS: Final = (ROOT / "corpus" / "manifests", ROOT / "corpus" / "kubernetes", ROOT / "gitops")
UNIT: Final = Unit(UnitKind.DIRECTORY, "all", "")
OPTIONS: Final = ComparisonOptions(
    mask_key=b"benchmark",
    grants=grants.load(files("policies", "metadata/*.yaml")),
    fields=fields.load(files("policies", "fields/*.yaml")),
    platforms=load_platforms(files("policies", "platforms/*.yaml")),
)
_NOT_STATE: Final = frozenset({"apiVersion", "kind", "status", "managedFields", "name", "namespace"})


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a live object: what kind of change it is, where, and the object without anything there."""

    kind: str
    where: str
    tree: Object
    without: Object


def objects(folders: list[Path]) -> list[Desired]:
    """Every object that manifests in ``folders`` declare; charts and what no reader takes are left out."""
    declared: dict[str, Desired] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in {".yaml", ".yml", ".json"} and not path.stem.endswith("-live"):
                for desired in read_manifest(str(path), path.read_bytes()).resources:
                    declared.setdefault(str(desired.tree), desired)
    return [each for each in declared.values() if each.id.name and "kustomize.config" not in each.id.group]


def seen(desired: Desired, tree: Object) -> Report:
    """The comparison of one object with ``tree``."""
    id_ = kubernetes_id(tree)
    return compare(
        [desired], Observation(NOW, {id_: Observed(id_, tree)}, frozenset({Platform.KUBERNETES})), options=OPTIONS
    )


def changes(tree: Object) -> Iterator[Change]:
    """``tree`` with one thing changed, for everything in it that is desired state."""
    for way in _ways(tree, ()):
        value = _at(tree, way)
        where, without = ".".join(map(str, way)), copy.deepcopy(tree)
        del _at(without, way[:-1])[way[-1]]
        for kind, other in _others(value):
            changed = copy.deepcopy(tree)
            around = _at(changed, way[:-1])
            if kind == "removed":
                del around[way[-1]]
            else:
                around[way[-1]] = other
            yield Change(f"{kind} {type(value).__name__}", where, changed, without)


def _ways(value: Any, way: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, Mapping):
        for key, below in value.items():
            noted = way != ("metadata",) or key in {"labels", "annotations"}
            if noted and (way or key not in _NOT_STATE):
                yield (*way, key)
                yield from _ways(below, (*way, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield (*way, index)
            yield from _ways(below, (*way, index))


def _at(tree: Any, way: tuple[str | int, ...]) -> Any:
    for part in way:
        tree = tree[part]
    return tree


def _others(value: JSON) -> Iterator[tuple[str, Any]]:
    yield "removed", None
    match value:
        case bool():
            yield "turned", not value
        case int() | float():
            yield "raised", value + 7
        case str():
            yield "changed", f"{value}x"
        case list():
            yield "longer", [*value, "another" if not value or isinstance(value[0], str) else {"name": "another"}]
        case dict():
            yield "wider", {**value, "another": "x"}
        case _:
            return


def cluster(tree: Any, *, managed: bool = False) -> Object | None:
    """The object as a cluster holds it; None for what is no whole object, such as a patch."""
    containers = get(tree, "spec", "template", "spec", "containers")
    if any("image" not in mapping(container) for container in elements(containers)):
        return None
    try:
        return live(UNIT, RenderedObject(tree), managed=managed)
    except (KeyError, TypeError, AttributeError):
        return None


def told(desired: Desired, tree: Object, change: Change) -> str:
    """How a change is told: as drift, counted with its reason, or not at all."""
    report, usual, without = seen(desired, change.tree), seen(desired, tree), seen(desired, change.without)
    if _places(report) - _places(usual):
        return "drift"
    return (
        "counted"
        if _counts(report) not in {_counts(usual), _counts(without)} or _counts(usual) != _counts(without)
        else "silent"
    )


def _places(report: Report) -> set[tuple[str, str]]:
    return {(drift.where, str(drift.observed)) for drift in report.drift}


def _counts(report: Report) -> tuple[object, ...]:
    hidden = sorted((each.drift.where, str(each.drift.observed)) for each in report.suppressed)
    return (*hidden, *sorted(report.left_out.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, action="append", default=[])
    parser.add_argument("--silent", action="store_true", help="list the changes that nobody is told of")
    asked = parser.parse_args()
    whole = [(desired, tree) for desired in objects([*FOLDERS, *asked.folder]) if (tree := cluster(desired.tree))]
    alarms, results = Counter[str](), Counter[tuple[str, str]]()
    for desired, tree in whole:
        for side in (tree, cluster(desired.tree, managed=True) or tree):
            alarms.update(f"{drift.resource} {drift.where}" for drift in seen(desired, side).drift)
        for change in changes(tree):
            if cluster(change.tree) == tree:
                continue  # it is filled in again: the same object
            result = told(desired, tree, change)
            results[change.kind, result] += 1
            if result == "silent" and asked.silent:
                print(f"silent: {change.kind} {desired.id} {change.where}")
    print(f"{len(whole)} objects, each with and without field managers: {alarms.total()} false alarms")
    print("\n".join(f"  {count} of {alarm}" for alarm, count in alarms.items()))
    for kind in sorted({kind for kind, _ in results}):
        counts = {result: results[kind, result] for result in ("drift", "counted", "silent")}
        print(f"  {kind:16} " + "  ".join(f"{result} {count:5}" for result, count in counts.items()))
    found = sum(count for (_, result), count in results.items() if result != "silent")
    print(f"{found} of {results.total()} changes told")


if __name__ == "__main__":
    main()
