"""What is remembered between comparisons, and what was applied last."""

from __future__ import annotations

import copy
from dataclasses import replace
from types import MappingProxyType

import pytest

from bot.drift.base import Base
from bot.drift.cache import Memo
from bot.drift.diff import NO_DIFFERENCE, PairResult
from bot.drift.options import ComparisonOptions
from bot.drift.surroundings import ComparisonContext
from bot.model.json import JSON, Tree
from bot.model.paths import Item, Path
from tests.drift.fields import TOP
from tests.drift.makers import OPTIONS, declared, deployment, live, service
from tests.table import table

DESIRED = declared(deployment(), blob="b")
OBSERVED = live(deployment(), version="1")
ANSWER = PairResult()


def kept(base: Tree | None = None) -> Memo:
    memo = Memo()
    memo.begin(OPTIONS, ComparisonContext())
    memo.keep(DESIRED, OBSERVED, base, ANSWER)
    return memo


def test_an_answer_is_found_for_the_very_pair_that_it_is_of() -> None:
    """By blob, file, document and place, live version and base."""
    memo = kept({"a": 1})
    assert memo.find(DESIRED, OBSERVED, {"a": 1}) is ANSWER
    for desired in (
        replace(DESIRED, blob="c"),
        replace(DESIRED, file="other.yaml"),
        replace(DESIRED, document=1),
        replace(DESIRED, root=("items", 0)),
    ):
        assert memo.find(desired, OBSERVED, {"a": 1}) is None
    assert memo.find(DESIRED, replace(OBSERVED, version="2"), {"a": 1}) is None
    assert memo.find(DESIRED, OBSERVED, {"a": 2}) is None
    assert memo.find(DESIRED, OBSERVED, None) is None
    assert kept(None).find(DESIRED, OBSERVED, None) is ANSWER
    assert kept(None).find(DESIRED, OBSERVED, {}) is None


@pytest.mark.parametrize(
    ("blob", "version", "remembered"), [("b", "1", 1), (None, "1", 0), ("b", "", 0), (None, "", 0), ("", "1", 1)]
)
def test_only_what_can_be_told_from_its_next_version_is_kept(blob: str | None, version: str, remembered: int) -> None:
    """A side without a version is compared each time."""
    memo = Memo()
    memo.keep(replace(DESIRED, blob=blob), replace(OBSERVED, version=version), None, ANSWER)
    assert len(memo) == remembered


def test_what_the_last_comparison_did_not_ask_for_is_gone() -> None:
    """Neither what it asked for nor what it found out."""
    memo = kept()
    memo.end()
    assert len(memo) == 1
    memo.begin(OPTIONS, ComparisonContext())
    assert memo.find(DESIRED, OBSERVED, None) is ANSWER
    other = replace(DESIRED, document=1)
    memo.keep(other, OBSERVED, None, NO_DIFFERENCE)
    memo.end()
    assert len(memo) == 2
    memo.begin(OPTIONS, ComparisonContext())
    memo.find(other, OBSERVED, None)
    memo.end()
    assert (memo.find(DESIRED, OBSERVED, None), memo.find(other, OBSERVED, None)) == (None, NO_DIFFERENCE)


def test_another_question_forgets_everything() -> None:
    """Other options, other surroundings; equal ones are the same question."""
    alias: ComparisonContext = ComparisonContext(aliases={("shop", "volume", "a"): "b"})
    for options, around, remembered in (
        (copy.deepcopy(OPTIONS), ComparisonContext(), 1),
        (ComparisonOptions(mask_key=b"other"), ComparisonContext(), 0),
        (OPTIONS, alias, 0),
    ):
        memo = kept()
        memo.begin(options, around)
        assert len(memo) == remembered


def test_each_place_has_a_memory_of_its_own() -> None:
    """The unnamed one is the memory itself."""
    memo = Memo()
    assert memo.of("") is memo
    assert memo.of("prod") is memo.of("prod")
    assert memo.of("prod") is not memo.of("dev")


def test_a_declaration_that_is_the_same_object_is_not_looked_through_again() -> None:
    """A list may have grown since; a tuple cannot."""
    memo = Memo()
    web = service({"image": "a"})
    growing = [DESIRED]
    assert [*memo.notable(growing)] == []
    growing.append(web)
    assert [*memo.notable(growing)] == [web]
    fixed = (DESIRED, web)
    assert memo.notable(fixed) is memo.notable(fixed)
    assert [*memo.notable((DESIRED,))] == []


# -- the base ------------------------------------------------------------------------------------------------------

TREE: Tree = {
    "leaf": "a",
    "empty": "",
    "none": None,
    "zero": 0,
    "false": False,
    "list": [1, None, []],
    "nothing": {"list": [], "map": {}},
    "keyed": [{"name": "a", "size": 1}, {"name": "b"}],
    "ports": ({"port": 1, "size": 2},),
    "unknown": [{"name": "x", "y": 1}],
    "proxy": MappingProxyType({"a": 1}),
}


@table(
    ("path", "holds"),
    [
        ((), True),
        (("leaf",), True),
        (("empty",), False),
        (("none",), False),
        (("zero",), True),
        (("false",), True),
        (("missing",), False),
        (("leaf", "a"), False),
        (("leaf", 0), False),
        (("list", 0), True),
        (("list", 1), False),
        (("list", 2), False),
        (("list", 3), False),
        (("list", "a"), False),
        (("nothing",), True),
        (("nothing", "list"), False),
        (("nothing", "map"), False),
        (("keyed", Item("a")), True),
        (("keyed", Item("a"), "size"), True),
        (("keyed", Item("b"), "size"), False),
        (("keyed", Item("c")), False),
        (("ports", Item("1/TCP"), "size"), True),
        (("ports", Item("1/UDP")), False),
        (("ports", 0), True),
        (("unknown", Item("x"), "y"), True),
        (("unknown", Item("z")), False),
        (("leaf", Item("a")), False),
        (("proxy", "a"), True),
    ],
)
def test_what_was_applied_holds_a_place_or_not(path: Path, *, holds: bool) -> None:
    """By keys, indexes and the keys of lists; what is empty says nothing."""
    assert Base(TREE, TOP).has(path) is holds


def test_what_is_recorded_counts_before_what_is_remembered() -> None:
    """The resource is asked once, and only where nothing is recorded."""
    asked: list[JSON] = []

    def remembers() -> Tree:
        asked.append(1)
        return {"leaf": "remembered"}

    assert Base({"leaf": "x"}, TOP, remembers).tree == {"leaf": "x"}
    assert Base({}, TOP, remembers).tree == {}
    assert asked == []
    base = Base(None, TOP, remembers)
    assert (base.tree, base.tree, asked) == ({"leaf": "remembered"}, {"leaf": "remembered"}, [1])
    assert base.has(("leaf",))
    assert Base(None, TOP).tree is None
    assert not Base(None, TOP).has(())
    assert not Base({}, TOP).has(())
