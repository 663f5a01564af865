"""The stand-in's server-side apply against the reference cases of structured-merge-diff, which every API server runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.appliers.kube.ownership import Conflicting, Managers, apply, update
from tests.appliers.kube.paths import FieldSet, from_fields, to_fields
from tests.appliers.kube.schema import DEDUCED, UNTYPED, Schema, TypeRef, from_document
from tests.appliers.kube.typed import Typed, equal
from tests.table import table

_TABLE: Final = json.loads(Path(__file__).with_name("kube").joinpath("reference_cases.json").read_bytes())
_UPDATES: Final = _TABLE["updates"]
_MERGES: Final = [(each["source"], each["schema"], *row) for each in _TABLE["merges"] for row in each["merges"]]


def _type(name: str) -> tuple[Schema, TypeRef]:
    if name not in _TABLE["schemas"]:
        return Schema(DEDUCED), TypeRef(name=UNTYPED)
    document = _TABLE["schemas"][name]
    return from_document(document), TypeRef(name=document["root"])


def _paths(listed: list[list[str]]) -> FieldSet:
    return frozenset(map(tuple, listed))


def _step(live: Typed, managers: Managers, step: dict[str, Any], ignored: FieldSet) -> tuple[Typed, Managers]:
    """The object and its managers after a step; what conflicts is refused as the case says and changes nothing."""
    given = Typed(step["object"], live.type, live.schema).checked(duplicates=step["do"] == "update")
    if step["do"] == "update":
        return given, update(live, given, step["version"], managers, step["manager"], ignored=ignored)
    how: dict[str, Any] = {"force": step["do"] == "force", "ignored": ignored}
    if "conflicts" not in step:
        return apply(live, given, step["version"], managers, step["manager"], **how)
    with pytest.raises(Conflicting) as refused:
        apply(live, given, step["version"], managers, step["manager"], **how)
    assert set(refused.value.conflicts) == {(manager, tuple(path)) for manager, path in step["conflicts"]}
    return live, managers


@table("case", _UPDATES, ids=[case["source"] for case in _UPDATES])
def test_a_reference_case_ends_as_structured_merge_diff_says(case: dict[str, Any]) -> None:
    """Every step ends in the object, the owners and the conflicts of the case."""
    schema, root = _type(case["schema"])
    ignored = _paths(case.get("ignored", []))
    live = Typed(None, root, schema)
    managers: Managers = {}
    for step in case["steps"]:
        live, managers = _step(live, managers, step, ignored)
    if "object" in case:
        assert equal(live.value, case["object"])
    if "managed" in case:
        owned = {manager: (each.version, each.paths) for manager, each in managers.items()}
        assert owned == {name: (each["version"], _paths(each["fields"])) for name, each in case["managed"].items()}


@table("case", _UPDATES, ids=[case["source"] for case in _UPDATES])
def test_the_owned_fields_of_a_reference_case_survive_being_written(case: dict[str, Any]) -> None:
    """``fieldsV1`` holds all of a set and nothing else."""
    for each in case.get("managed", {}).values():
        paths = _paths(each["fields"])
        assert from_fields(json.loads(json.dumps(to_fields(paths)))) == paths


@table(
    ("source", "document", "under", "over", "merged"), _MERGES, ids=[f"{case[0]}:{i}" for i, case in enumerate(_MERGES)]
)
def test_a_merge_is_the_one_of_the_reference(source: str, document: Any, under: Any, over: Any, merged: Any) -> None:
    """One value laid over another is what the reference makes of them, in the reference's order."""
    schema, root = from_document(document), TypeRef(name=document["root"])
    lower = Typed(under, root, schema).checked(duplicates=True)
    assert equal(lower.merge(Typed(over, root, schema).checked()).value, merged), source


def test_there_are_reference_cases_of_every_sort() -> None:
    """Leaves, sets, keyed lists, nested values, duplicates, defaults of keys, several appliers and ignored fields are there."""
    files = {case["source"].partition(" ")[0] for case in _UPDATES}
    names = ("leaf", "set", "key", "nested", "duplicates", "default_keys", "multiple_appliers", "deduced", "ignore")
    assert files >= {f"merge/{name}_test.go" for name in names}
    assert len(_UPDATES) > 80
    assert len(_MERGES) > 60
