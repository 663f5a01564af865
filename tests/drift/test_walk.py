"""The walk down two trees: what differs, where, and what does not."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from bot.drift.kubernetes.kinds import shape_of
from bot.drift.walk import ORDER, Side, label_of, walk
from bot.model.json import JSON, Tree
from bot.model.paths import Item, format_path
from tests.drift.fields import TOP
from tests.table import table


def told(desired: Tree, observed: Tree, *, filled: bool = False) -> list[tuple[str, str, JSON, JSON]]:
    """Side, path, declared and live value of each difference."""
    return [
        (found.side.value, format_path(found.location.path), found.desired, found.observed)
        for found in walk(desired, observed, TOP, filled=filled)
    ]


@pytest.mark.parametrize(
    ("desired", "observed"),
    [
        ({}, {}),
        ({"leaf": "a"}, {"leaf": "a"}),
        ({"leaf": None}, {"other": None}),
        ({"leaf": None}, {}),
        ({"leaf": ""}, {}),
        ({}, {"leaf": 0}),
        ({"leaf": 80}, {"leaf": "80"}),
        ({"leaf": True}, {"leaf": "true"}),
        ({"size": "1000m"}, {}),
        ({}, {"size": 1}),
        ({"size": "1Gi"}, {"size": 1073741824}),
        ({"image": "nginx:1"}, {"image": f"nginx:1@sha256:{'a' * 64}"}),
        ({"word": "A"}, {"word": "a"}),
        ({"usual": "x"}, {}),
        ({}, {"usual": "x"}),
        ({"leaf": "a"}, {"leaf": "a", "derived": "a"}),
        ({"leaf": "a", "derived": "a"}, {"leaf": "a"}),
        ({}, {"server": "a", "allocated": "b", "ignored": "c"}),
        ({"ignored": "a"}, {"ignored": "b"}),
        ({"ignored": "a"}, {}),
        ({}, {"map": {}, "list": [], "part": {}, "spec": {}, "keyed": []}),
        ({"map": {}}, {}),
        ({"sizes": {"a": "1"}}, {"sizes": {"a": "1000m"}}),
        ({"set": ["a", "b"]}, {"set": ["b", "a", "b"]}),
        ({"sizeSet": ["1", "2"]}, {"sizeSet": [2, "1000m"]}),
        ({"keyed": [{"name": "a"}, {"name": "b"}]}, {"keyed": [{"name": "b"}, {"name": "a"}]}),
        ({"ports": [{"port": 1}]}, {"ports": [{"port": 1, "protocol": "TCP"}]}),
        ({"part": {"size": "1", "mode": 0, "ignored": "x"}}, {"part": {"size": "1000m"}}),
        ({"any": [{"name": "a", "x": 1}, {"name": "b"}]}, {"any": [{"name": "b"}, {"name": "a", "x": "1"}]}),
        (
            {"any": [{"name": "a"}, {"name": "b", "value": "$(a)"}]},
            {"any": [{"name": "b", "value": "$(a)"}, {"name": "a"}]},
        ),
        ({"env": [{"name": "a"}, {"name": "b"}]}, {"env": [{"name": "b"}, {"name": "a"}]}),
        ({"parts": [{"size": "1"}]}, {"parts": [{"size": "1000m"}]}),
        ({"part": MappingProxyType({"size": "1"})}, {"part": MappingProxyType({"size": "1000m"})}),
        ({"list": ("a",)}, {"list": ["a"]}),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_what_means_the_same_differs_in_nothing(desired: Tree, observed: Tree, *, turned: bool) -> None:
    """Spellings, defaults, emptiness, order that means nothing, and what others fill in."""
    if turned and ({"server", "allocated"} & observed.keys() or desired.get("leaf", "") is None or "image" in desired):
        return
    assert told(*((observed, desired) if turned else (desired, observed))) == []


@table(
    ("desired", "observed", "differences"),
    [
        ({"leaf": "a"}, {"leaf": "b"}, [("both", "leaf", "a", "b")]),
        ({"leaf": "a"}, {}, [("desired", "leaf", "a", None)]),
        ({"keyed": {"a": 1}}, {"keyed": [{"name": "b"}]}, [("both", "keyed", {"a": 1}, [{"name": "b"}])]),
        ({"keyed": [{"name": "b"}]}, {"keyed": {"a": 1}}, [("both", "keyed", [{"name": "b"}], {"a": 1})]),
        ({"leaf": "a"}, {"leaf": None}, [("desired", "leaf", "a", None)]),
        ({}, {"leaf": "a"}, [("observed", "leaf", None, "a")]),
        ({"leaf": None}, {"map": {"a": None}}, [("observed", "map.a", None, None)]),
        ({"zero": 0}, {}, [("desired", "zero", 0, None)]),
        ({}, {"zero": False}, [("observed", "zero", None, False)]),
        ({"size": "2"}, {}, [("desired", "size", "2", None)]),
        ({"size": "2"}, {"size": "1"}, [("both", "size", "2", "1")]),
        ({"image": f"a@sha256:{'a' * 64}"}, {"image": "a"}, [("both", "image", f"a@sha256:{'a' * 64}", "a")]),
        ({"word": "a"}, {"word": "b"}, [("both", "word", "a", "b")]),
        ({"usual": "y"}, {}, [("desired", "usual", "y", None)]),
        ({"leaf": "a"}, {"leaf": "a", "derived": "b"}, [("observed", "derived", None, "b")]),
        ({"server": "a"}, {"server": "b"}, [("both", "server", "a", "b")]),
        ({"allocated": "a"}, {"allocated": "b"}, [("both", "allocated", "a", "b")]),
        ({}, {"controller": "a"}, [("observed", "controller", None, "a")]),
        (
            {"map": {"a": "1"}},
            {"map": {"a": "2", "b": "3"}},
            [("both", "map.a", "1", "2"), ("observed", "map.b", None, "3")],
        ),
        ({"map": {"a": "1", "b": ""}}, {}, [("desired", "map.a", "1", None), ("desired", "map.b", "", None)]),
        ({}, {"map": {"a": "", "b": "1"}}, [("observed", "map.a", None, ""), ("observed", "map.b", None, "1")]),
        (
            {"map": {"a": None}},
            {"map": {"b": None}},
            [("desired", "map.a", None, None), ("observed", "map.b", None, None)],
        ),
        ({"list": [1, 2]}, {"list": [2, 1]}, [("both", "list", [1, 2], [2, 1])]),
        ({"list": [1]}, {}, [("desired", "list", [1], None)]),
        ({}, {"list": [1]}, [("observed", "list", None, [1])]),
        ({"set": ["a"]}, {"set": ["a", "b"]}, [("both", "set", ["a"], ["a", "b"])]),
        ({"set": [{"a": 1}]}, {"set": [{"a": 2}]}, [("both", "set", [{"a": 1}], [{"a": 2}])]),
        (
            {"parts": [{"size": 1}, {"size": 2}]},
            {"parts": [{"size": 1}, {"size": 3}]},
            [("both", "parts[#1].size", 2, 3)],
        ),
        (
            {"parts": [{"size": 1}]},
            {"parts": [{"size": 1}, {"size": 2}]},
            [("both", "parts", [{"size": 1}], [{"size": 1}, {"size": 2}])],
        ),
        (
            {"parts": [{"size": 2}, "x"]},
            {"parts": [{"size": 3}, "x"]},
            [("both", "parts", [{"size": 2}, "x"], [{"size": 3}, "x"])],
        ),
        ({"parts": [{"size": 2}]}, {"parts": ["x"]}, [("both", "parts", [{"size": 2}], ["x"])]),
        (
            {"keyed": [{"name": "a", "size": 2}]},
            {"keyed": [{"name": "a", "size": 3}]},
            [("both", "keyed[a].size", 2, 3)],
        ),
        (
            {"keyed": [{"name": "a"}, {"name": "b"}]},
            {"keyed": [{"name": "c"}, {"name": "b"}]},
            [("desired", "keyed[a]", {"name": "a"}, None), ("observed", "keyed[c]", None, {"name": "c"})],
        ),
        ({"keyed": [{"name": "a"}]}, {}, [("desired", "keyed[a]", {"name": "a"}, None)]),
        ({}, {"keyed": [{"name": "a"}]}, [("observed", "keyed[a]", None, {"name": "a"})]),
        ({"keyed": ["a"]}, {"keyed": ["b"]}, [("desired", "keyed[a]", "a", None), ("observed", "keyed[b]", None, "b")]),
        (
            {"ports": [{"port": 1, "protocol": "UDP"}]},
            {"ports": [{"port": 1}]},
            [
                ("desired", "ports[1/UDP]", {"port": 1, "protocol": "UDP"}, None),
                ("observed", "ports[1/TCP]", None, {"port": 1}),
            ],
        ),
        (
            {"ordered": [{"name": "a"}, {"name": "b"}]},
            {"ordered": [{"name": "b"}, {"name": "c"}, {"name": "a"}]},
            [("observed", "ordered[c]", None, {"name": "c"}), ("both", "ordered", ["a", "b"], ["b", "c", "a"])],
        ),
        (
            {"ordered": [{"name": "a"}, {"name": "b"}]},
            {"ordered": [{"name": "c"}, {"name": "a"}, {"name": "b"}]},
            [("observed", "ordered[c]", None, {"name": "c"})],
        ),
        (
            {"env": [{"name": "a"}, {"name": "b", "value": "$(a)"}]},
            {"env": [{"name": "b", "value": "$(a)"}, {"name": "a"}]},
            [("both", "env", ["a", "b"], ["b", "a"])],
        ),
        ({"part": {"size": 2}}, {"part": "x"}, [("both", "part", {"size": 2}, "x")]),
        ({"part": "x"}, {"part": {"size": 2}}, [("both", "part", "x", {"size": 2})]),
        ({"part": [1]}, {"part": {"size": 2}}, [("both", "part", [1], {"size": 2})]),
        ({"part": {"size": 2}}, {}, [("desired", "part", {"size": 2}, None)]),
        ({}, {"part": {"size": 2}}, [("observed", "part", None, {"size": 2})]),
        (
            {},
            {"spec": {"size": 2, "name": "", "server": "s", "ignored": "i", "sub": {"a": ""}}},
            [("observed", "spec.size", None, 2), ("observed", "spec.sub.a", None, "")],
        ),
        ({}, {"unknown": {"a": {"b": 1, "c": ""}}}, [("observed", "unknown.a.b", None, 1)]),
        (
            {"unknown": [{"name": "a", "x": 1}]},
            {"unknown": [{"name": "b"}, {"name": "a", "x": 2}]},
            [("both", "unknown[a].x", 1, 2), ("observed", "unknown[b]", None, {"name": "b"})],
        ),
        (
            {"unknown": [{"name": "a"}, {"name": "a"}]},
            {"unknown": [{"name": "a"}, {"name": "b"}]},
            [("both", "unknown[#1].name", "a", "b")],
        ),
        (
            {"part": MappingProxyType({"size": 2})},
            {"part": MappingProxyType({"size": 3})},
            [("both", "part.size", 2, 3)],
        ),
        ({"part": {"size": 2}}, {"part": MappingProxyType({"size": 3})}, [("both", "part.size", 2, 3)]),
        ({}, {"spec": MappingProxyType({"size": 2})}, [("observed", "spec.size", None, 2)]),
    ],
)
def test_a_difference_is_told_where_it_is(
    desired: Tree, observed: Tree, differences: list[tuple[str, str, JSON, JSON]]
) -> None:
    """As small as it can be, with both sides as they are written."""
    assert told(desired, observed) == differences


def test_what_the_server_fills_in_is_told_when_it_is_asked_for() -> None:
    """Each field as a whole; what the platform alone gives out, and what is never compared, is not."""
    live: Tree = {"server": "a", "serverSpec": {"size": 2}, "allocated": "b", "ignored": "c", "spec": {"server": "s"}}
    assert told({}, live, filled=True) == [
        ("observed", "server", None, "a"),
        ("observed", "serverSpec", None, {"size": 2}),
        ("observed", "spec.server", None, "s"),
    ]
    assert [found.declared for found in walk({}, live, TOP, filled=True)] == [True, True, False]


def test_a_difference_knows_its_places() -> None:
    """Its pointer counts as the declared tree does, its steps as ``managedFields`` does; a live element has index -1."""
    desired: Tree = {"keyed": [{"name": "a"}, {"name": "b", "size": 2}], "parts": [{"size": 1}]}
    observed: Tree = {"keyed": [{"name": "b", "size": 3}, {"name": "c"}, {"name": "a"}], "parts": [{"size": 2}]}
    found = walk(desired, observed, TOP)
    assert [difference.location.pointer for difference in found] == [
        ("keyed", 1, "size"),
        ("keyed", -1),
        ("parts", 0, "size"),
    ]
    assert [difference.location.steps for difference in found] == [
        ("keyed", {"name": "b", "size": 3}, "size"),
        ("keyed", {"name": "c"}),
        ("parts", 0, "size"),
    ]
    assert [(difference.side, difference.declared) for difference in found] == [
        (Side.BOTH, True),
        (Side.OBSERVED, True),
        (Side.BOTH, True),
    ]
    (element,) = walk({}, {"keyed": [{"name": "a"}]}, TOP)
    assert (element.declared, element.location.pointer, element.shape.name) == (False, ("keyed", -1), "Part")
    (order,) = walk({"ordered": [{"name": "a"}, {"name": "b"}]}, {"ordered": [{"name": "b"}, {"name": "a"}]}, TOP)
    assert order.shape is ORDER
    (scalar,) = walk({"keyed": ["a"]}, {}, TOP)
    assert scalar.location.steps == ("keyed", Item("a"))


@table(
    ("first", "second", "matters"),
    [
        ("x", "$(a)", True),
        ("x", "$$(a)", False),
        ("x", "$$$(a)", True),
        ("x", "$(c)", False),
        ("x", "$a", False),
        ("x", "${a}", False),
        ("$(b)", "x", True),
        ("x", "y $(a) z", True),
        ("x", 5, False),
        ("x", "$(1a)", False),
        ("$(a)", "x", False),
    ],
)
def test_order_of_variables_matters_where_one_stands_in_another(first: JSON, second: JSON, *, matters: bool) -> None:
    """``$(NAME)`` is replaced where NAME stands before; ``$$`` is a dollar sign."""
    a, b = {"name": "a", "value": first}, {"name": "b", "value": second}
    assert bool(told({"env": [a, b]}, {"env": [b, a]})) is matters


def test_what_is_no_variable_has_no_order() -> None:
    """A text among variables is no variable."""
    variable = {"name": "b", "value": "$(a)"}
    assert told({"env": ["a", variable]}, {"env": [variable, "a"]}) == []


def test_only_variables_on_both_sides_count_for_their_order() -> None:
    """One that is only live or only declared is told by itself."""
    use = {"name": "b", "value": "$(a)"}
    differences = told({"env": [{"name": "a"}, use, {"name": "x"}]}, {"env": [{"name": "y"}, use]})
    assert [path for _, path, _, _ in differences] == ["env[a]", "env[x]", "env[y]"]


@table(
    ("field", "element", "label"),
    [
        ("keyed", {"name": "a"}, "a"),
        ("keyed", {}, "None"),
        ("keyed", "text", "text"),
        ("keyed", 5, "5"),
        ("ports", {"port": 1}, "1/TCP"),
        ("ports", {"port": 1, "protocol": "UDP"}, "1/UDP"),
        ("ports", {"port": 1, "protocol": ""}, "1"),
        ("ports", {}, "TCP"),
        ("ports", {"port": 0}, "0/TCP"),
        ("deep", {"at": {"name": "a"}}, "a"),
        ("deep", {"at": "x"}, "None"),
        ("deep", {"at": MappingProxyType({"name": "a"})}, "a"),
        ("deep", {}, "None"),
    ],
)
def test_an_element_is_called_by_its_key(field: str, element: JSON, label: str) -> None:
    """Its parts with slashes; what is usual need not be written."""
    assert label_of(element, TOP.child(field)) == label


def test_elements_of_one_key_are_counted() -> None:
    """The second one is another element than the first."""
    one: list[JSON] = [{"name": "a", "size": 1}, {"name": "b"}]
    two: list[JSON] = [*one, {"name": "a", "size": 2}]
    assert told({"keyed": two}, {"keyed": one}) == [("desired", "keyed[a~2]", two[2], None)]
    assert told({"keyed": one}, {"keyed": [*two, two[0]]}) == [
        ("observed", "keyed[a~2]", None, two[2]),
        ("observed", "keyed[a~3]", None, two[0]),
    ]


def _variable(name: JSON) -> Tree:
    containers: JSON = [{"name": "web", "env": [{"name": name, "value": "$(A)"}]}]
    return {"spec": {"template": {"spec": {"containers": containers}}}}


@pytest.mark.parametrize("name", [[], {}, ["a"], {"a": "b"}, 7, None, True])
def test_a_name_that_is_no_text_is_compared_like_any_other(name: JSON) -> None:
    """In Git or live: it takes nothing else out of the comparison."""
    shape = shape_of("apps", "Deployment")
    odd, plain = _variable(name), _variable("B")
    assert walk(odd, plain, shape)
    assert walk(plain, odd, shape)
