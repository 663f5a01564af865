"""YAML as values that know their lines: of strangers, within limits, and of our own, strictly."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import Invalid
from bot.intake.lined import documents, plain, read_document
from bot.intake.scalars import Dialect
from bot.intake.text import Text
from bot.intake.yamltree import Broken, YamlLimits, load
from tests.table import table

TEXT = """\
# first
rules:
  - id: a  # second
    match:
      kinds: [x, y]
  - &b
    id: "1"
copy: *b
text: |
  one
  two
"""


@table(
    ("place", "line"),
    [
        ((), 2),
        (("rules",), 2),
        (("rules", 0), 3),
        (("rules", 0, "id"), 3),
        (("rules", 0, "match"), 4),
        (("rules", 0, "match", "kinds", 1), 5),
        (("rules", 1), 6),
        (("rules", 1, "id"), 7),
        (("copy",), 8),
        (("copy", "id"), 7),
        (("rules", 0, "gone", "id"), 3),
        (("rules", 7), 2),
        (("gone",), 2),
    ],
)
def test_a_place_has_the_line_its_key_is_written_on(place: tuple[str | int, ...], line: int) -> None:
    """As far as it is written; an alias leads to what it stands for."""
    assert read_document(TEXT.encode(), "f.yaml").line(place) == line


def test_values_are_what_the_text_says_and_know_how_it_is_written() -> None:
    """Quotes make text; the raw text stays; a block scalar ends below its text."""
    (root,) = documents(Text("f", TEXT))
    assert root.text_at("copy", "id") == "1"
    assert [node.value for node in root.elements("rules")[0].elements("match", "kinds")] == ["x", "y"]
    text = root.get("text")
    assert text is not None
    assert (text.value, text.line, text.end_line) == ("one\ntwo\n", 9, 12)
    assert dict(root.items("gone")) == {}
    assert list(root.elements("copy")) == []
    assert root.text_at("rules") == ""


def test_an_anchor_may_be_given_anew_and_a_document_does_not_know_those_of_the_one_before() -> None:
    """YAML 1.2.2, 3.2.2.2: an alias refers to the most recent preceding node with that anchor, within its document."""
    (root,) = documents(Text("f", "a: &x 1\nb: *x\nc: &x 2\nd: *x\n"))
    assert plain(root, "f") == {"a": 1, "b": 1, "c": 2, "d": 2}
    with pytest.raises(Broken, match="undefined alias"):
        documents(Text("f", "a: &x 1\n---\nb: *x\n"))


def test_merge_keys_fill_what_is_not_there() -> None:
    """Own entries win wherever they stand, earlier merged mappings over later ones; quoted, ``<<`` is a key."""
    (root,) = documents(Text("f", "a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc: {<<: [*a, *b], y: 3}\nd: {'<<': 4}\n"))
    assert plain(root, "f") == {
        "a": {"x": 1, "y": 1},
        "b": {"x": 2, "z": 2},
        "c": {"y": 3, "x": 1, "z": 2},
        "d": {"<<": 4},
    }


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        "{a: " * 200_000,
        "- " * 200_000,
        "- a\n" * 21_000,
        "---\na\n" * 21_000,
        "".join(f"{' ' * depth}a:\n" for depth in range(100)),
        "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: *a{n - 1}, k{n}: 1}}\n" for n in range(1, 1000)),
    ],
    ids=["flow", "mappings", "dashes", "many", "documents", "indented", "merges"],
)
def test_what_costs_too_much_is_given_up_and_called_hostile(text: str) -> None:
    """Not for a mistake in it."""
    with pytest.raises(Broken) as caught:
        documents(Text("f", text), limits=YamlLimits(deepest=60, most=20_000))
    assert caught.value.hostile
    assert not caught.value.problem


def test_aliases_share_a_node_and_a_cycle_is_one() -> None:
    """A thousand values are a few nodes here."""
    lines = ["a0: &a0 [1]", *(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 4))]
    (root,) = documents(Text("f", "\n".join(lines)))
    first, *others = root.elements("a3")
    assert all(other is first for other in others)
    (cycle,) = documents(Text("f", "a: &a [*a]"))
    inner = cycle.get("a")
    assert inner is not None
    assert inner.elements()[0] is inner


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(["a0: &a0 [1]", *(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 100))]),
        f"a: &a [{'1,' * 1_000}]\nb: [{'*a,' * 1_000}]",
        f"a: &a {'x' * 50_000}\nb: [{'*a,' * 1_000}]",
        f"a: &a {{k: [{'1,' * 1_000}]}}\nb: [{'{<<: *a},' * 1_000}]",
    ],
    ids=["tenfold each time", "a list", "a long text", "merged"],
)
def test_what_aliases_stand_for_is_counted(text: str) -> None:
    """Whoever walks the tree meets it each time."""
    with pytest.raises(Broken, match="aliases expand to more than") as caught:
        documents(Text("f", text))
    assert caught.value.hostile


def test_limits_count_what_is_written() -> None:
    """As deep and as many as they say, and no more."""
    limits = YamlLimits(deepest=2, most=4)
    assert len(documents(Text("f", "[[1, 2]]"), limits=limits)) == 1
    for text in ("[[[1]]]", "[[1, 2, 3]]"):
        with pytest.raises(Broken):
            documents(Text("f", text), limits=limits)


@table(
    ("text", "message"),
    [
        (b"a: [\n", "f.yaml:2:1: not valid YAML: "),
        (b"a: 1\nb: 2\na: 3\n", "f.yaml:3: the key 'a' appears twice"),
        (b"? [a]\n: b\n", "f.yaml:1:3: a mapping key that is not a scalar"),
        (b"a: 1\n---\nb: 2\n", "f.yaml:3: a second document"),
        (b"a: &a [*a]\n", "f.yaml:1: too deep or too long"),
        (b"a: \xff\n", "f.yaml:1: not UTF-8 text (byte 3)"),
        (b"a: " + b"[" * 50, "f.yaml:1:43: too deep or too long"),
        (b"#" * 1_000_001, "f.yaml: 1000001 bytes is too large"),
        (b"\x00", "f.yaml:1:1: not valid YAML: a character"),
    ],
)
def test_a_mistake_in_a_file_of_our_own_names_its_line(text: bytes, message: str) -> None:
    """Whatever is wrong with it is one ``Invalid``."""
    with pytest.raises(Invalid) as caught:
        read_document(text, "f.yaml")
    assert caught.value.message.startswith(message)


def test_nothing_is_null() -> None:
    """Neither are comments something."""
    assert read_document(b"", "f").value is None
    assert read_document(b"# nothing\n", "f").value is None
    assert read_document(b"---\n", "f").value is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.sampled_from(["a", "yes", "1", "", "x: y", "#", "é\n"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(VALUES)
def test_a_value_is_the_one_that_the_fast_reader_reads(value: object) -> None:
    """Both read by the rules of Kubernetes."""
    text = Text("f", yaml.safe_dump(value, allow_unicode=True))
    (fast,) = load(text, Dialect.KUBERNETES)
    (root,) = documents(text)
    assert plain(root, "f") == (None if fast is None else fast.value)
