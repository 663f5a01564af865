"""Every spelling of one meaning becomes one value; what is not understood comes back as it is."""

from __future__ import annotations

from typing import Any

import pytest

from bot.drift import images, values
from bot.drift.base import Base
from bot.drift.cache import Memo
from bot.drift.canonical import absent, canonical, resolved, same, spelled
from bot.drift.diff import NO_DIFFERENCE, PairResult
from bot.drift.images import Image
from bot.drift.options import ComparisonOptions
from bot.drift.selector import parse
from bot.drift.shapes import ANY, Default, FilledBy, Form, Shape
from bot.drift.surroundings import ComparisonContext
from bot.errors import Invalid
from bot.model.json import JSON
from bot.model.paths import parse_path
from tests.drift.makers import declared, deployment, live
from tests.table import table

BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
DECIMAL = {"": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


@table(
    ("written", "number"),
    [
        *((f"2{suffix}", str(2 * 1024**power)) for suffix, power in BINARY.items()),
        *((f"2{suffix}", str(2 * 10**power)) for suffix, power in DECIMAL.items()),
        ("1500m", "1.5"),
        ("2u", "0.000002"),
        ("3n", "0.000000003"),
        ("0.1n", "0.000000001"),
        ("1.5n", "0.000000002"),
        ("-1.5n", "-0.000000002"),
        ("1e3", "1000"),
        ("1E-3", "0.001"),
        (".5", "0.5"),
        ("5.", "5"),
        ("+1", "1"),
        ("-0", "0"),
        ("+0.0", "0"),
        ("1.50", "1.5"),
        (" 1 ", "1"),
        (1, "1"),
        (0.5, "0.5"),
        (True, True),
        (None, None),
        ("", ""),
        ("1e", "1e"),
        ("1kk", "1kk"),
        ("1K", "1K"),
        ("x", "x"),
        ("1\n2", "1\n2"),
        ("1e9999", "1e9999"),
        ([1], [1]),
    ],
)
def test_a_quantity_is_a_number(written: JSON, number: JSON) -> None:
    """Suffixes of either base, exponents, signs; finer than nano is rounded away from zero."""
    made = values.quantity(written)
    assert (made, type(made)) == (number, type(number))


@table(
    ("written", "length"),
    [
        ("1ns", 1),
        ("1us", 1_000),
        ("1µs", 1_000),
        ("1μs", 1_000),
        ("1ms", 1_000_000),
        ("1s", 10**9),
        ("1m", 60 * 10**9),
        ("1h", 3600 * 10**9),
        ("1d", 86400 * 10**9),
        ("1h1m1.5s", (3661 * 10 + 5) * 10**8),
        (".5s", 5 * 10**8),
        (" 2s ", 2 * 10**9),
        ("0", 0),
        ("0s", 0),
        ("1", None),
        ("s", None),
        ("", None),
        ("1s2", None),
        ("1x", None),
        ("-1s", None),
    ],
)
def test_a_duration_is_so_many_nanoseconds(written: str, length: int | None) -> None:
    """As Go parses it."""
    assert values.nanoseconds(written) == length


@table(
    ("written", "normal"),
    [
        ("90s", "1m30s"),
        ("3600s", "1h"),
        ("3661s", "1h1m1s"),
        ("60m1ms", "1h0.001s"),
        ("0", "0s"),
        ("1500ms", "1.5s"),
        ("1d", "24h"),
        ("forever", "forever"),
        (5, 5),
        (None, None),
    ],
)
def test_a_duration_has_one_spelling(written: JSON, normal: JSON) -> None:
    """Without parts that are empty."""
    assert values.duration(written) == normal


@table(
    ("function", "rows"),
    [
        (
            values.int_or_string,
            [("80", 80), ("0", 0), ("-1", -1), ("080", "080"), ("25%", "25%"), ("http", "http"), (80, 80)],
        ),
        (
            values.octal,
            [("0644", 420), ("0o644", 420), ("644", "644"), (420, 420), ("0999", "0999"), ("0", "0"), ("00", 0)],
        ),
        (
            values.text,
            [(None, ""), (True, "true"), (False, "false"), (8080, "8080"), (1.5, "1.5"), ("x", "x"), ([1], [1])],
        ),
        (
            values.boolean,
            [
                *((word, True) for word in ("true", "yes", "on", "y", "1", "TRUE", "Yes")),
                *((word, False) for word in ("false", "no", "off", "n", "0", "False", "NO")),
                ("maybe", "maybe"),
                (1, 1),
                (True, True),
                ("", ""),
            ],
        ),
        (
            values.size,
            [
                ("1", 1),
                ("1b", 1),
                ("1k", 1024),
                ("1kb", 1024),
                ("1KiB", 1024),
                ("1m", 1024**2),
                ("1g", 1024**3),
                ("1t", 1024**4),
                ("1p", 1024**5),
                ("1.5k", 1536),
                (" 2 m ", 2 * 1024**2),
                ("1x", "1x"),
                ("", ""),
                (5, 5),
            ],
        ),
        (
            values.number,
            [
                ("0.50", 0.5),
                (1.0, 1),
                ("1", 1),
                ("1e2", 100),
                ("x", "x"),
                ("NaN", "NaN"),
                ("Infinity", "Infinity"),
                ("1e18", 10**18),
                ("1e19", "1e19"),
                ("1e-18", 1e-18),
                ("1e-19", "1e-19"),
                (True, True),
                (None, None),
            ],
        ),
        (values.base64_text, [(None, ""), ("YQ ==\n", "YQ=="), (5, 5)]),
        (values.encoded, [("a", "YQ=="), (None, ""), (True, "dHJ1ZQ==")]),
        (values.decoded, [("YQ==", "a"), ("YQ", None), ("/w==", None), ("!!", None)]),
    ],
)
def test_a_value_has_one_form(function: Any, rows: list[tuple[JSON, JSON]]) -> None:
    """And whatever is something else stays."""
    for written, form in rows:
        made = function(written)
        assert (written, made, type(made)) == (written, form, type(form))


# -- images --------------------------------------------------------------------------------------------------------

A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


@table(
    ("reference", "image"),
    [
        ("nginx", Image("docker.io", "library/nginx", "latest", "")),
        ("nginx:1.27", Image("docker.io", "library/nginx", "1.27", "")),
        (" shop/web ", Image("docker.io", "shop/web", "latest", "")),
        ("localhost/web", Image("localhost", "web", "latest", "")),
        ("LOCALHOST:5000/web", Image("localhost:5000", "web", "latest", "")),
        ("reg.example.com/a/b:c", Image("reg.example.com", "a/b", "c", "")),
        ("index.docker.io/nginx", Image("docker.io", "library/nginx", "latest", "")),
        ("registry-1.docker.io/a/b", Image("docker.io", "a/b", "latest", "")),
        ("registry.hub.docker.com/nginx", Image("docker.io", "library/nginx", "latest", "")),
        (f"nginx@{A}", Image("docker.io", "library/nginx", "", A)),
        (f"nginx:1@{A}", Image("docker.io", "library/nginx", "1", A)),
        (A, None),
        ("${IMAGE}", None),
        ("a b", None),
        ("", None),
        ("reg.example.com/", None),
    ],
)
def test_a_reference_is_resolved_as_registries_do(reference: str, image: Image | None) -> None:
    """Registry, ``library/`` and ``latest`` written out; what is no reference is none."""
    assert images.parse(reference) == image
    assert images.image(reference) == (reference if image is None else str(image))


def test_a_reference_is_written_whole() -> None:
    """Its tag and digest as far as it has them; what is no text stays."""
    assert images.image(f"nginx:1@{A}") == f"docker.io/library/nginx:1@{A}"
    assert images.image(f"nginx@{A}") == f"docker.io/library/nginx@{A}"
    assert images.image(5) == 5


@table(
    ("desired", "observed", "agrees", "moved"),
    [
        ("nginx:1", f"nginx:1@{A}", True, False),
        ("nginx:1", f"nginx:2@{A}", False, False),
        ("nginx:1", "shop/nginx:1", False, False),
        ("a.b/nginx:1", "c.d/nginx:1", False, False),
        (f"nginx:1@{A}", f"nginx:2@{A}", True, False),
        (f"nginx:1@{A}", f"nginx:1@{B}", False, True),
        (f"nginx:1@{A}", f"nginx:2@{B}", False, False),
        (f"nginx@{A}", f"nginx:2@{B}", False, True),
        (f"nginx:1@{A}", f"nginx@{B}", False, True),
        (f"nginx:1@{A}", "nginx:1", False, False),
        (f"nginx@{A}", f"other@{B}", False, False),
        ("${A}", "${A}", True, False),
        ("${A}", "nginx", False, False),
        (None, None, True, False),
        (None, "nginx", False, False),
        ("nginx", 5, False, False),
    ],
)
def test_what_runs_is_what_was_asked_for(desired: JSON, observed: JSON, agrees: bool, moved: bool) -> None:
    """A declared digest is met exactly; two digests of one name are a move."""
    assert images.agrees(desired, observed) is agrees
    assert images.moved(desired, observed) is moved


# -- canonical forms -----------------------------------------------------------------------------------------------

NUMBER = Shape(Form.LEAF, canonical=values.int_or_string)
STRUCT = Shape(Form.STRUCT, fields={"port": NUMBER, "seen": Shape(Form.LEAF, filled=FilledBy.IGNORED)})
BY_NAME = Shape(Form.KEYED, keys=(("name", None),), item=STRUCT)


@table(
    ("value", "shape", "form"),
    [
        ("80", NUMBER, 80),
        ({"port": "80", "seen": 1, "empty": [], "null": None, "no": ""}, STRUCT, {"port": 80}),
        (
            {"port": "80", "empty": [], "null": None},
            Shape(Form.MAP, item=NUMBER),
            {"port": 80, "empty": [], "null": None},
        ),
        (["b", "a", "b"], Shape(Form.SET), ["a", "b"]),
        (["2", "1"], Shape(Form.SET, item=NUMBER), [1, 2]),
        (["2", "1"], Shape(Form.LIST, item=NUMBER), [2, 1]),
        ([{"name": "b"}, {"name": "a", "port": "1"}], BY_NAME, [{"name": "a", "port": 1}, {"name": "b"}]),
        ([{"name": "b"}, {"name": "a"}], Shape(Form.KEYED, item=ANY, ordered=True), [{"name": "b"}, {"name": "a"}]),
        ([{"name": "b"}, {"name": "a"}], ANY, [{"name": "a"}, {"name": "b"}]),
        ([{"name": "b"}, {"name": "b"}], ANY, [{"name": "b"}, {"name": "b"}]),
        ([{"name": "b"}, {"x": "a"}], ANY, [{"name": "b"}, {"x": "a"}]),
        ([{"name": "b"}, {"name": 1}], ANY, [{"name": "b"}, {"name": 1}]),
        ([{"name": "b"}, "a"], ANY, [{"name": "b"}, "a"]),
        (["b", "a"], ANY, ["b", "a"]),
    ],
)
def test_a_tree_has_one_form(value: JSON, shape: Shape, form: JSON) -> None:
    """Which is the form of itself."""
    assert canonical(value, shape) == form
    assert canonical(form, shape) == form


@table(
    ("value", "shape", "parent", "is_absent"),
    [
        (None, ANY, {}, True),
        ([], ANY, {}, True),
        ({}, ANY, {}, True),
        (0, ANY, {}, True),
        (False, ANY, {}, True),
        ("", ANY, {}, True),
        (1, ANY, {}, False),
        (0, Shape(zero=True), {}, False),
        ([], Shape(zero=True), {}, False),
        (None, Shape(zero=True), {}, True),
        ({"seen": 1}, STRUCT, {}, True),
        ({"port": 1}, STRUCT, {}, False),
        ({"seen": 1}, ANY, {}, False),
        (5, Shape(default=Default("x", 5)), {}, True),
        ("5", Shape(default=Default("x", 5), canonical=values.int_or_string), {}, True),
        (6, Shape(default=Default("x", 5)), {}, False),
        (0, Shape(default=Default("x", 5)), {}, False),
        (0, Shape(default=Default("x", 0)), {}, True),
        (False, Shape(default=Default("x", "")), {}, True),
        (3, Shape(default=Default("x", derive=lambda parent: parent.get("n"))), {"n": 3}, True),
        (3, Shape(default=Default("x", derive=lambda parent: parent.get("n"))), {"n": 4}, False),
    ],
)
def test_what_says_no_more_than_its_absence(
    value: JSON, shape: Shape, parent: dict[str, JSON], is_absent: bool
) -> None:
    """Defaults, emptiness, and zero where zero means nothing."""
    assert absent(value, shape, parent) is is_absent


def test_a_derived_default_may_come_from_either_side() -> None:
    """A fixed one is asked once."""
    shape = Shape(default=Default("x", derive=lambda parent: parent.get("n")))
    assert absent(3, shape, {"n": 4}, {"n": 3})
    assert absent(5, Shape(default=Default("x", 5)))
    assert not absent(5, shape)


@table(
    ("one", "other", "shape", "equal"),
    [
        (80, "80", ANY, True),
        (True, "true", ANY, True),
        (True, "True", ANY, False),
        (True, 1, ANY, True),
        (float("nan"), float("nan"), ANY, True),
        ("a", "b", ANY, False),
        ([1], "[1]", ANY, False),
        ({"port": "80"}, {"port": 80, "seen": 2}, STRUCT, True),
        ({"port": "80"}, {"port": 81}, STRUCT, False),
    ],
)
def test_two_values_mean_the_same(one: JSON, other: JSON, shape: Shape, equal: bool) -> None:
    """Also where YAML leaves quotes away."""
    assert same(one, other, shape) is same(other, one, shape) is equal


def test_lists_of_named_things_are_keyed_where_both_sides_are() -> None:
    """And only where nothing is known of them."""
    named: list[JSON] = [{"name": "a"}]
    assert resolved(ANY, named).form is Form.KEYED
    assert resolved(ANY, named, named).keys == (("name", None),)
    assert resolved(ANY, named, ["a"]).form is Form.ANY
    assert resolved(Shape(Form.LIST), named).form is Form.LIST


def test_equal_values_are_spelled_alike() -> None:
    """Whatever order their keys are in."""
    assert spelled({"a": 1, "b": 2}) == spelled({"b": 2, "a": 1}) == '{"a": 1, "b": 2}'


# -- the base ------------------------------------------------------------------------------------------------------

TREE: JSON = {"spec": {"l": [{"name": "web", "n": 1}], "plain": [1, 2], "empty": [], "none": {}, "text": "", "zero": 0}}


@table(
    ("path", "holds"),
    [
        ("spec", True),
        ("spec.l", True),
        ("spec.l[web].n", True),
        ("spec.l[api].n", False),
        ("spec.l[#0].n", True),
        ("spec.l[#1].n", False),
        ("spec.plain[#1]", True),
        ("spec.plain[#2]", False),
        ("spec.x", False),
        ("spec.x.y", False),
        ("spec.zero", True),
        ("spec.zero.x", False),
        ("spec.text[#0]", False),
        ("spec.empty", False),
        ("spec.none", False),
        ("spec.text", False),
    ],
)
def test_a_base_holds_what_it_says_something_at(path: str, holds: bool) -> None:
    """Empty says nothing; zero does."""
    assert isinstance(TREE, dict)
    assert Base(TREE, ANY).has(parse_path(path)) is holds


def test_a_base_is_what_was_recorded_else_what_is_remembered() -> None:
    """Which is asked only where nothing was recorded."""
    assert Base({"a": 1}, ANY, lambda: {"b": 1}).tree == {"a": 1}
    assert Base(None, ANY, lambda: {"b": 1}).tree == {"b": 1}
    assert Base(None, ANY).tree is None
    assert not Base(None, ANY).has(())


def test_a_base_finds_elements_by_the_keys_of_their_list() -> None:
    """As the comparison names them."""
    ports = Shape(Form.KEYED, keys=(("port", None), ("protocol", "TCP")), item=ANY)
    base = Base({"ports": [{"port": 80, "x": 1}]}, Shape(Form.STRUCT, fields={"ports": ports}))
    assert base.has(parse_path("ports[80/TCP].x"))
    assert not base.has(parse_path("ports[80/UDP].x"))


# -- the memo ------------------------------------------------------------------------------------------------------

OPTIONS, AROUND = ComparisonOptions(mask_key=b"k"), ComparisonContext()


def test_a_memo_answers_the_same_question_only() -> None:
    """The same declaration, live version and base; what nobody asked for in a round is gone after it."""
    memo, answer = Memo(), PairResult()
    desired, observed = declared(deployment(), blob="b1"), live(deployment(), version="7")
    memo.begin(OPTIONS, AROUND)
    memo.keep(desired, observed, None, answer)
    assert memo.find(desired, observed, None) is answer
    assert memo.find(desired, live(deployment(), version="8"), None) is None
    assert memo.find(desired, observed, {"a": 1}) is None
    assert memo.find(declared(deployment(), blob="b2"), observed, None) is None
    assert memo.find(declared(deployment(), blob="b1", file="other.yaml"), observed, None) is None
    memo.end()
    memo.begin(OPTIONS, AROUND)
    assert memo.find(desired, observed, None) is answer
    memo.end()
    assert len(memo) == 1
    memo.begin(OPTIONS, AROUND)
    memo.end()
    assert len(memo) == 0


def test_a_memo_takes_an_equal_base_for_the_same() -> None:
    """Also where it is another object."""
    memo = Memo()
    desired, observed = declared(deployment(), blob="b"), live(deployment(), version="7")
    memo.begin(OPTIONS, AROUND)
    memo.keep(desired, observed, {"a": [1]}, NO_DIFFERENCE)
    assert memo.find(desired, observed, {"a": [1]}) is NO_DIFFERENCE
    assert memo.find(desired, observed, {"a": [2]}) is None
    assert memo.find(desired, observed, None) is None


@pytest.mark.parametrize(("blob", "version"), [(None, "7"), ("b", "")])
def test_a_memo_keeps_nothing_that_it_could_not_tell_apart(blob: str | None, version: str) -> None:
    """Without a blob or a version the next one would look the same."""
    memo = Memo()
    memo.begin(OPTIONS, AROUND)
    memo.keep(declared(deployment(), blob=blob), live(deployment(), version=version), None, NO_DIFFERENCE)
    assert len(memo) == 0


def test_another_question_forgets_everything() -> None:
    """Options are a part of the question; so is what stands around."""
    memo = Memo()
    desired, observed = declared(deployment(), blob="b"), live(deployment(), version="7")
    memo.begin(OPTIONS, AROUND)
    memo.keep(desired, observed, None, NO_DIFFERENCE)
    memo.begin(OPTIONS, AROUND)
    assert len(memo) == 1
    memo.begin(ComparisonOptions(mask_key=b"other"), AROUND)
    assert len(memo) == 0


def test_notable_declarations_are_looked_for_once() -> None:
    """In a tuple that is the same object; a list may have changed inside."""
    memo = Memo()
    scaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "x"}}
    resources = (declared(deployment()), declared(scaler))
    first = memo.notable(resources)
    assert [resource.id.kind for resource in first] == ["HorizontalPodAutoscaler"]
    assert memo.notable(resources) is first
    assert memo.notable([*resources]) is not first
    assert memo.notable((declared(deployment()),)) == []


def test_each_place_has_a_memory_of_its_own() -> None:
    """By its name; the unnamed one is the memo itself."""
    memo = Memo()
    assert memo.of("") is memo
    assert memo.of("prod") is memo.of("prod") is not memo.of("dev")


# -- selectors -----------------------------------------------------------------------------------------------------


@table(
    "expression",
    [
        {"key": "a b", "operator": "Exists"},
        {"key": "a", "operator": "In", "values": ["x y"]},
        {"key": "a", "operator": "In", "values": [True]},
        {"key": "a", "operator": "In", "values": ["x" * 64]},
        {"key": "a", "operator": "In", "values": "x"},
        {"key": "a", "operator": "In"},
        {"key": "a", "operator": "Exists", "values": ["x"]},
        {"key": "a", "operator": "Gt", "values": ["1"]},
        {"key": "a"},
        {"key": "a", "operator": "Exists", "more": 1},
        "a",
    ],
)
def test_an_expression_that_makes_no_sense_is_refused(expression: object) -> None:
    """Names and values of labels are checked, operators are four."""
    with pytest.raises(Invalid):
        parse({"matchExpressions": [expression]})


@table(
    "written",
    [
        {"matchLabels": {"a": "x y"}},
        {"matchLabels": {"a b": "x"}},
        {"matchLabels": {"a": 5}},
        {"matchLabels": ["a"]},
        {"matchExpressions": "a"},
        {"app": "web"},
        5,
        None,
        "   ",
        "a in (x y)",
        "a in ((x))",
        f"a={'x' * 64}",
    ],
)
def test_a_selector_that_makes_no_sense_is_refused(written: object) -> None:
    """Before anything is hidden by it."""
    with pytest.raises(Invalid):
        parse(written)
