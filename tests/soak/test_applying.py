"""A round of random pairs, applied: nothing is left to do. ``python -m tests.soak.applying`` does a thousand."""

from __future__ import annotations

import random

from tests.soak.applying import rounds
from tests.soak.pairs import Past, mixed, pair


def test_a_plan_of_what_was_applied_is_empty() -> None:
    """Whatever was declared, applied and changed by others before: plan, apply, and the next plan holds nothing."""
    (ended,) = rounds(25, seed=20)
    assert ended.left == ()
    assert ended.pairs == 25
    assert set(ended.actions) == {"create", "update", "delete"}


def test_pairs_have_every_past_and_many_kinds() -> None:
    """A thousand pairs leave nothing out that the generator knows, and a seed gives the same pairs again."""
    first, again = ([pair(random.Random(seed), seed) for seed in range(1000)] for _ in range(2))
    assert first == again
    assert {each.past for each in first} == set(Past)
    assert len({(each.desired or each.base or {})["kind"] for each in first}) == 14
    assert any(each.desired is None for each in first)


def test_a_mixture_is_of_its_two_sides() -> None:
    """Every value of a mixture is from one side or the other, and both sides are taken from."""
    sides = {"a": 1, "b": {"c": 1, "d": 1}}, {"a": 2, "b": {"c": 2, "d": 2}, "e": 2}
    mixtures = [mixed(random.Random(seed), *sides) for seed in range(50)]
    assert {each["a"] for each in mixtures} == {1, 2}
    assert {each["b"]["c"] for each in mixtures} == {1, 2}
    assert {each.get("e") for each in mixtures} == {None, 2}
    assert sides == ({"a": 1, "b": {"c": 1, "d": 1}}, {"a": 2, "b": {"c": 2, "d": 2}, "e": 2})
