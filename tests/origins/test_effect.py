"""What counts as moved, as wanted, as renamed and as noise."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.edits.values import ordered
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import JSON, Tree
from bot.model.resource import Platform, ResourceId
from bot.origins.effect import Comparison, between, desired_tree, differences, is_applied
from bot.origins.scene import NO_NOISE
from tests.table import table

SETTINGS = ResourceId(Platform.KUBERNETES, "ConfigMap", "shop", "settings-b9b98m5f29")
RENAMED = SETTINGS._replace(name="settings-694gk55fcg")
WEB = ResourceId(Platform.KUBERNETES, "Deployment", "shop", "web", "apps")

_SCALARS: st.SearchStrategy[JSON] = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from("abc")


def _around(inner: st.SearchStrategy[JSON]) -> st.SearchStrategy[JSON]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)


JSONS = _SCALARS | _around(_SCALARS | _around(_SCALARS))


@settings(max_examples=300)
@given(JSONS, JSONS)
def test_both_ends_lie_between_themselves(before: JSON, desired: JSON) -> None:
    """Nothing done and all done are always on the way."""
    assert between(before, before, desired)
    assert between(before, desired, desired)


@settings(max_examples=300)
@given(JSONS, JSONS)
def test_nothing_may_change_where_nothing_is_wanted(before: JSON, now: JSON) -> None:
    """Where before and after are to be the same, only what is the same, or as empty, lies between."""
    if between(before, now, before):
        assert list(differences(_full(before), _full(now))) == []


def _full(value: JSON) -> JSON:
    """Without what is empty."""
    if isinstance(value, dict):
        made = {key: _full(each) for key, each in value.items()}
        return {key: each for key, each in made.items() if each is not None and each not in ({}, [])}
    return [_full(each) for each in value] if isinstance(value, list) else value


BEFORE: Tree = {
    "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
    "args": ["x", "y"],
    "labels": {"a": "1"},
}


@table(
    ("now", "edits", "expected"),
    [
        ({**BEFORE, "labels": {"a": "2"}}, [SetValue(("labels", "a"), "2"), SetValue(("args", 0), "z")], True),
        ({**BEFORE, "labels": {"a": "2"}}, [SetValue(("args", 0), "z")], False),
        (
            {**BEFORE, "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]},
            [SetValue(("env", 0, "value"), "3")],
            True,
        ),
        ({**BEFORE, "args": ["x", "y", "z"]}, [AddEntry(("args",), None, "z")], True),
        ({**BEFORE, "args": ["x", "z", "y"]}, [SetValue(("args", 1), "z")], False),
        ({"env": BEFORE["env"], "args": ["x", "y"]}, [RemoveEntry(("labels", "a"))], True),
        ({**BEFORE, "labels": {"a": "1", "b": "2"}}, [RemoveEntry(("labels", "a"))], False),
        ({**BEFORE, "env": [{"name": "B", "value": "2"}]}, [RemoveEntry(("env", 0))], True),
    ],
)
def test_what_lies_on_the_way(now: Tree, edits: list[Edit], expected: bool) -> None:
    """Part of the wanted changes, named elements in another order and emptied collections do; anything else does not."""
    assert between(BEFORE, now, desired_tree(BEFORE, edits)) == expected


@table(
    ("edit", "now", "expected"),
    [
        (RemoveEntry(("args", 0)), {**BEFORE, "args": ["y"]}, True),
        (RemoveEntry(("args", 0)), BEFORE, False),
        (RemoveEntry(("args", 0)), {**BEFORE, "args": ["x"]}, False),
        (RemoveEntry(("nothing",)), BEFORE, True),
        (SetValue(("env", 1, "value"), "9"), {"env": [{"name": "B", "value": "9"}]}, True),
        (SetValue(("env", 0, "name"), "C"), {"env": [{"name": "C", "value": "1"}, {"name": "B", "value": "2"}]}, True),
        (AddEntry(("args",), None, "x"), BEFORE, True),
        (AddEntry(("labels",), "b", "2"), {**BEFORE, "labels": {"b": "2"}}, True),
    ],
)
def test_whether_a_wish_is_fulfilled(edit: Edit, now: Tree, expected: bool) -> None:
    """A removed element is gone however the others moved up; a changed one is found by its name."""
    assert is_applied(edit, BEFORE, now) == expected


def test_a_generated_object_is_compared_under_its_old_name() -> None:
    """A new hash of the content is no other object; who uses the old name follows, who changes otherwise does not."""
    before = {SETTINGS: _config("info", SETTINGS.name), WEB: _user(SETTINGS.name, 1)}
    goals = {SETTINGS: (_config("debug", SETTINGS.name),)}
    after = {RENAMED: _config("debug", RENAMED.name), WEB: _user(RENAMED.name, 1)}
    effect = Comparison("prod", goals, NO_NOISE).effect({"prod": before}, {"prod": after})
    assert effect.renamed == {SETTINGS: RENAMED}
    assert effect.moves == effect.followers == {("prod", SETTINGS), ("prod", RENAMED), ("prod", WEB)}
    assert effect.is_clean
    other = {**after, WEB: _user(RENAMED.name, 2)}
    assert not Comparison("prod", goals, NO_NOISE).effect({"prod": before}, {"prod": other}).is_clean


def _config(level: str, name: str) -> Tree:
    return {"kind": "ConfigMap", "metadata": {"name": name}, "data": {"level": level}}


def _user(config: str, replicas: int) -> Tree:
    return {"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": replicas, "config": config}}


def test_what_each_rendering_makes_anew_does_not_move() -> None:
    """A value that is noise may differ; another one beside it counts."""
    first = {"prod": {WEB: {"a": 1, "b": 2}}}
    noise = {("prod", WEB): frozenset({("a",)})}
    assert Comparison("prod", {}, noise).effect(first, {"prod": {WEB: {"a": 5, "b": 2}}}).moves == frozenset()
    assert Comparison("prod", {}, noise).effect(first, {"prod": {WEB: {"a": 5, "b": 3}}}).moves == {("prod", WEB)}


def test_edits_are_carried_out_in_an_order_that_keeps_pointers() -> None:
    """An element is removed only after the others were changed where they stood."""
    edits: list[Edit] = [RemoveEntry(("args", 0)), SetValue(("args", 1), "z")]
    assert desired_tree(BEFORE, edits) == {**BEFORE, "args": ["z"]}
    assert ordered(edits)[0] == SetValue(("args", 1), "z")
